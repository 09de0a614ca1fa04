"""What the local Telegram remembers: bots' settings, chats, messages, questions still open."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]


@dataclass(slots=True, kw_only=True)
class Webhook:
    """Where a bot wants its updates sent, and how the last attempts went."""

    url: str
    secret_token: str = ""
    max_connections: int = 40
    last_error_date: int | None = None
    last_error_message: str | None = None


@dataclass(slots=True, kw_only=True)
class BotRecord:
    """Settings that a bot made for itself, and the number of its last update."""

    id: int
    last_update_id: int
    webhook: Webhook | None = None
    allowed_updates: list[str] = field(default_factory=list)
    commands: dict[str, list[Json]] = field(default_factory=dict)
    menu_buttons: dict[str, Json] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)
    admin_rights: Json = field(default_factory=dict)
    stars: int = 0


@dataclass(slots=True, kw_only=True)
class Chat:
    """A private chat of one person with one bot (`100:1001`) or a group (its id as text)."""

    key: str
    id: int
    bot: int | None = None
    person: int | None = None
    last_message_id: int = 0
    started: bool = False
    blocked: bool = False
    people: list[int] = field(default_factory=list)
    bots: list[int] = field(default_factory=list)
    pinned: list[int] = field(default_factory=list)
    keyboard: Json | None = None
    read: dict[str, int] = field(default_factory=dict)

    @property
    def private(self) -> bool:
        """Is this one person alone with one bot?"""
        return self.bot is not None


@dataclass(slots=True, kw_only=True)
class Message:
    """One message; `content` is its Bot API form without what depends on who looks."""

    id: int
    chat: str
    sender: int
    date: int
    content: Json
    seq: int = 0
    edit_date: int | None = None
    markup: Json | None = None
    reply_to: int | None = None
    via_bot: int | None = None
    receiver: int | None = None
    inline_id: str | None = None
    reactions: dict[str, list[Json]] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class Callback:
    """A tap on an inline button, and the bot's answer once it came."""

    id: str
    bot: int
    person: int
    chat: str
    message_id: int
    data: str
    asked_at: float
    answer: Json | None = None


@dataclass(slots=True, kw_only=True)
class Launch:
    """A Mini App opened with a query id, good for one answer."""

    id: str
    bot: int
    person: int
    chat: str


@dataclass(slots=True, kw_only=True)
class Prepared:
    """An inline result that a bot prepared for a person to share."""

    id: str
    bot: int
    person: int
    result: Json
    expires_at: int


@dataclass(slots=True, kw_only=True)
class Invoice:
    """Something to pay: from a message or a link; `charge` is set by the payment."""

    slug: str
    bot: int
    title: str
    description: str
    payload: str
    currency: str
    amount: int
    chat: str | None = None
    message_id: int | None = None


@dataclass(slots=True, kw_only=True)
class Charge:
    """A payment that went through."""

    id: str
    bot: int
    person: int
    chat: str
    payload: str
    currency: str
    amount: int
    paid_at: int
    refunded: bool = False


@dataclass(slots=True, kw_only=True)
class Purse:
    """A person's Telegram Stars, and what Mini Apps stored on his device and in the cloud."""

    person: int
    stars: int
    storage: dict[str, dict[str, str]] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class InlineQuery:
    """What a person typed after a bot's name; the results come with the bot's answer."""

    id: str
    bot: int
    person: int
    query: str
    results: list[Json] | None = None


@dataclass(slots=True, kw_only=True)
class PreCheckout:
    """A payment that waits for the bot's word."""

    id: str
    bot: int
    person: int
    slug: str
    asked_at: float
    ok: bool | None = None
    error: str = ""
