"""The operators' bot at work on a local Telegram, and the staff who use it, one deed at a time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from aiogram import BaseMiddleware, Bot, Dispatcher
from aiogram.dispatcher.flags import extract_flags
from aiogram.types import CallbackQuery
from sqlalchemy import text

from admin_bot.access import AUDITS
from admin_bot.app import build_dispatcher
from admin_bot.desk import ApprovalKey, Desk
from admin_bot.news import StaffNews
from casino import outbox
from casino.clock import utc_now
from casino.db import Database
from casino.players import identity, kyc
from casino.staff import people
from casino.staff.people import Member
from casino.staff.roles import Role
from messaging.chat_state import ChatState
from messaging.inbox_worker import InboxWorker
from messaging.outbox_delivery import OutboxWorker
from messaging.poller import Poller
from messaging.redis_link import RedisLink
from messaging.session import make_bot
from messaging.telegram_delivery import by_telegram
from messaging.updates import STAFF_SOURCE, STAFF_UPDATES
from sandbox.telegram.world import OPERATORS_TOKEN, PersonSpec, World, default_world
from tests.factories import VAULT
from tests.sandbox.telegram.conftest import Server

Json = dict[str, Any]

NAME = "fairhouse_desk_bot"
KEY_SEED = bytes(range(32))
OWNER, PAYMENTS, SECOND, KYC, SUPPORT, AUDITOR, STRANGER = 9001, 9002, 9003, 9004, 9005, 9006, 1001
ROLES = {
    PAYMENTS: Role.PAYMENTS,
    SECOND: Role.PAYMENTS,
    KYC: Role.KYC,
    SUPPORT: Role.SUPPORT,
    AUDITOR: Role.AUDITOR,
}
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000002000000030806000000b9eade81"
    "0000001049444154789c636060f8ff1f88198004001ff802fe6b1ba2d10000000049454e44ae426082"
)


def office_world() -> World:
    """The default world with four more members of staff; the second payments clerk is Russian."""
    world = default_world()
    more = (
        PersonSpec(id=SECOND, first_name="Пётр", username="pyotr_pays", language="ru"),
        PersonSpec(id=KYC, first_name="Kira", username="kira_checks"),
        PersonSpec(id=SUPPORT, first_name="Sam", username="sam_answers"),
        PersonSpec(id=AUDITOR, first_name="Ada", username="ada_audits"),
    )
    return World(bots=world.bots, people=(*world.people, *more), group=world.group)


@dataclass(frozen=True, slots=True)
class Said:
    """A message of the bot as the person sees it."""

    message_id: int
    text: str
    buttons: tuple[Json, ...]
    photo: bool
    protected: bool

    @property
    def labels(self) -> tuple[str, ...]:
        return tuple(button["text"] for button in self.buttons)

    def data_of(self, label: str) -> str:
        return next(str(b["callback_data"]) for b in self.buttons if b["text"] == label)


@dataclass(frozen=True, slots=True)
class Act:
    """One run of a handler: what it says it leaves in the audit log, and what it left."""

    handler: str
    audits: str | None
    left: list[str]
    data: str | None


class Witness(BaseMiddleware):
    """Writes down every handler that ran for a member, with the audit lines that it left."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.acts: list[Act] = []

    async def __call__(self, handler: Any, event: Any, data: Json) -> Any:
        actor = f"staff:{data['member'].id}"
        before = await self._lines(actor)
        try:
            return await handler(event, data)
        finally:
            called = data["handler"].callback
            self.acts.append(
                Act(
                    handler=handler_name(called),
                    audits=extract_flags(data).get(AUDITS),
                    left=(await self._lines(actor))[len(before) :],
                    data=event.data if isinstance(event, CallbackQuery) else None,
                )
            )

    async def _lines(self, actor: str) -> list[str]:
        query = text("SELECT action FROM audit_log WHERE actor = :actor ORDER BY id")
        async with self._database.transaction() as session:
            return list((await session.execute(query, {"actor": actor})).scalars())


def handler_name(called: Any) -> str:
    return f"{called.__module__.rpartition('.')[2]}.{called.__name__}"


class Office:
    """Everything of `python -m admin_bot`, driven step by step instead of by time."""

    def __init__(self, *, server: Server, database: Database, redis: RedisLink) -> None:
        self.server = server
        self.database = database
        self.bot: Bot = make_bot(OPERATORS_TOKEN, api_url=server.origin, redis=redis)
        self.desk = Desk(
            database=database,
            vault=VAULT,
            key=ApprovalKey.from_hex(KEY_SEED.hex()),
            games=("dice", "mines"),
        )
        self.dispatcher: Dispatcher = build_dispatcher(self.desk, storage=ChatState(redis))
        self.witness = Witness(database)
        for observer in (self.dispatcher.message, self.dispatcher.callback_query):
            observer.middleware(self.witness)
        self._poller = Poller(
            self.bot, database, source=STAFF_SOURCE, allowed_updates=STAFF_UPDATES
        )
        self._updates = InboxWorker(
            database=database, source=STAFF_SOURCE, dispatcher=self.dispatcher, bot=self.bot
        )
        self.news = StaffNews(self.bot, self.desk)
        self._outbox = OutboxWorker(
            database=database, consumer=outbox.STAFF, deliver=by_telegram(self.news.deliver)
        )
        self.members: dict[int, Member] = {}

    async def open(self) -> None:
        """Put everybody on the list."""
        async with self.database.transaction() as session:
            (owner,) = await people.ensure_owners(session, telegram_ids=[OWNER], now=utc_now())
            self.members[OWNER] = owner
            for person, role in ROLES.items():
                self.members[person] = await people.add_member(
                    session,
                    telegram_id=person,
                    name=f"{role} {person}",
                    roles=[role],
                    actor=owner,
                    now=utc_now(),
                )

    async def settle(self) -> None:
        """Let everything that is due happen."""
        while await self.handle() or await self._outbox.deliver_due():
            pass

    async def handle(self) -> int:
        """Handle what people did, without bringing the news of it to the others."""
        return await self._poller.poll_once() + await self._updates.drain()

    async def scalar(self, sql: str, **params: object) -> Any:
        async with self.database.transaction() as session:
            return await session.scalar(text(sql), params)

    async def column(self, sql: str, **params: object) -> list[Any]:
        async with self.database.transaction() as session:
            return list((await session.execute(text(sql), params)).scalars())

    async def actions(self, person: int) -> list[str]:
        """What a member did, as the audit log has it."""
        actor = f"staff:{self.members[person].id}"
        return await self.column(
            "SELECT action FROM audit_log WHERE actor = :actor ORDER BY id", actor=actor
        )

    async def newcomer(self, *, language: str = "en", name: str = "Ann") -> int:
        """A player who only pressed Start."""
        number = await self.scalar("SELECT count(*) FROM players")
        async with self.database.transaction() as session:
            player = await identity.find_or_create(
                session,
                telegram_id=70_000 + number,
                first_name=name,
                username=None,
                language_code=language,
                start_payload=None,
                now=utc_now(),
            )
        return player.id

    async def submit(self, player_id: int, *, kind: str = "passport", more: bytes = b"") -> int:
        """A document of a player; returns the case."""
        async with self.database.transaction() as session:
            case = await kyc.submit_document(
                session,
                vault=VAULT,
                player_id=player_id,
                kind=kind,
                content=PNG + more,
                mime="image/png",
                now=utc_now(),
            )
        return case.id

    def clerk(self, person: int) -> Clerk:
        return Clerk(self, person)

    async def close(self) -> None:
        await self.bot.session.close()


class Clerk:
    """One person in a private chat with the operators' bot."""

    def __init__(self, office: Office, person: int) -> None:
        self.office = office
        self.person = person

    async def start(self) -> Said:
        await self.office.server.do("start", person=self.person, bot=NAME)
        await self.office.settle()
        return await self.last()

    async def say(self, words: str, **how: object) -> Said:
        await self.office.server.do("send", person=self.person, bot=NAME, text=words, **how)
        await self.office.settle()
        return await self.last()

    async def tap(self, label: str, **how: Any) -> Said:
        """Tap the newest button of this label and see what the chat shows last."""
        await self.answer(label, **how)
        return await self.last()

    async def press(self, label: str | None = None, **how: Any) -> str:
        """Tap and let nothing happen yet; returns the tap."""
        deed = {"label": label, **how} if label else how
        tapped = await self.office.server.do("tap", person=self.person, bot=NAME, **deed)
        return str(tapped["callback"])

    async def answer(self, label: str | None = None, **how: Any) -> Json:
        """Tap, settle, and read the toast."""
        callback = await self.press(label, **how)
        await self.office.settle()
        return await self.heard(callback)

    async def heard(self, callback: str) -> Json:
        answered = await self.office.server.do("answer", callback=callback, wait=0)
        return dict(answered.get("answer") or {})

    async def forge(self, data: str) -> Json:
        """Send data that no button offers, as an old or changed client could."""
        message_id = (await self.last()).message_id
        return await self.answer(data=data, forge=True, message_id=message_id)

    async def all(self) -> list[Said]:
        """Everything that the bot has said and not deleted."""
        chat = await self.office.server.see("chat", person=self.person, bot=NAME)
        return [_said(message) for message in chat["messages"] if message["from"]["is_bot"]]

    async def last(self) -> Said:
        return (await self.all())[-1]

    async def showing(self, words: str) -> Said:
        """The newest message with these words."""
        return next(said for said in reversed(await self.all()) if words in said.text)


def _said(message: Json) -> Said:
    rows = message.get("reply_markup", {}).get("inline_keyboard", [])
    return Said(
        message_id=message["message_id"],
        text=message.get("text") or message.get("caption") or "",
        buttons=tuple(button for row in rows for button in row),
        photo="photo" in message,
        protected=bool(message.get("has_protected_content")),
    )
