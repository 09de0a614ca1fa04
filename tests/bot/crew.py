"""A bot at work on a local Telegram, and people who talk to it by hand, one deed at a time."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Any

import aiohttp
from aiogram import Bot, Dispatcher
from sqlalchemy import text

from bot.app import build_dispatcher
from bot.house import House
from bot.notices import Notices
from casino import outbox
from casino.betting.seeds import SeedStore
from casino.cashier import rails
from casino.clock import utc_now
from casino.db import Database
from casino.ids import PlayerId
from casino.players import identity
from casino.players.identity import Player
from messaging.chat_state import ChatState
from messaging.inbox_worker import InboxWorker
from messaging.outbox_delivery import OutboxWorker
from messaging.poller import Poller
from messaging.redis_link import RedisLink
from messaging.session import make_bot
from messaging.telegram_delivery import by_telegram
from messaging.updates import PLAYER_SOURCE, PLAYER_UPDATES
from payments.addresses import TonAddress
from sandbox.telegram.world import PLAYERS_TOKEN
from tests import factories
from tests.sandbox.telegram.conftest import ANN, Server

Json = dict[str, Any]

NAME = "fairhouse_bot"
HOT_WALLET = TonAddress(0, bytes([7] * 32)).friendly()
DESTINATION = TonAddress(0, bytes([9] * 32)).friendly()
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000002000000030806000000b9eade81"
    "0000001049444154789c636060f8ff1f88198004001ff802fe6b1ba2d10000000049454e44ae426082"
)


@dataclass(frozen=True, slots=True)
class Said:
    """A message of the bot as the person sees it."""

    message_id: int
    text: str
    buttons: tuple[Json, ...]
    photo: bool
    edited: bool

    @property
    def labels(self) -> tuple[str, ...]:
        return tuple(button["text"] for button in self.buttons)

    def data_of(self, label: str) -> str:
        return next(str(b["callback_data"]) for b in self.buttons if b["text"] == label)


class Crew:
    """Everything of `python -m bot`, driven step by step instead of by time."""

    def __init__(self, *, server: Server, database: Database, redis: RedisLink) -> None:
        self.server = server
        self.database = database
        self.bot: Bot = make_bot(PLAYERS_TOKEN, api_url=server.origin, redis=redis)
        self.house = House(
            database=database,
            vault=factories.VAULT,
            seeds=SeedStore(factories.VAULT),
            mini_app_url="http://127.0.0.1:8080/",
            bot_name=NAME,
            testnet=False,
        )
        self.dispatcher: Dispatcher = build_dispatcher(self.house, storage=ChatState(redis))
        self._poller = Poller(
            self.bot, database, source=PLAYER_SOURCE, allowed_updates=PLAYER_UPDATES
        )
        self._updates = InboxWorker(
            database=database, source=PLAYER_SOURCE, dispatcher=self.dispatcher, bot=self.bot
        )
        notices = Notices(self.bot, self.house)
        self._news = OutboxWorker(
            database=database,
            consumer=outbox.PLAYER,
            deliver=by_telegram(notices.deliver),
            unreachable=notices.unreachable,
        )

    async def settle(self) -> None:
        """Let everything that is due happen."""
        while await self._poller.poll_once() or await self._updates.drain():
            pass
        while await self._news.deliver_due():
            pass

    async def open_house(self) -> None:
        """Rates, a bankroll and a hot wallet."""
        async with self.database.transaction() as session:
            await factories.open_house(session)
            await rails.set_hot_wallet(session, rail="ton", address=HOT_WALLET, now=utc_now())

    async def scalar(self, sql: str, **params: object) -> Any:
        async with self.database.transaction() as session:
            return await session.scalar(text(sql), params)

    async def column(self, sql: str, **params: object) -> list[Any]:
        async with self.database.transaction() as session:
            return list((await session.execute(text(sql), params)).scalars())

    async def make_inbox_due(self) -> None:
        async with self.database.transaction() as session:
            await session.execute(text("UPDATE inbox SET available_at = now() - interval '1 s'"))

    def visitor(self, person: int = ANN) -> Visitor:
        return Visitor(self, person)

    async def close(self) -> None:
        await self.bot.session.close()


class Visitor:
    """One person in his private chat with the bot."""

    def __init__(self, crew: Crew, person: int) -> None:
        self.crew = crew
        self.person = person

    async def start(self, payload: str | None = None) -> Said:
        extra = {"payload": payload} if payload else {}
        await self.crew.server.do("start", person=self.person, bot=NAME, **extra)
        await self.crew.settle()
        return await self.last()

    async def say(self, words: str, **place: object) -> Said:
        where = place or {"bot": NAME}
        await self.crew.server.do("send", person=self.person, text=words, **where)
        await self.crew.settle()
        return await self.last()

    async def tap(self, label: str | None = None, **how: Any) -> Said:
        """Tap a button by its label (or by `data`) and see what the bot shows then."""
        await self.tap_answer(label, **how)
        return await self.last()

    async def tap_answer(self, label: str | None = None, **how: Any) -> Json:
        """Tap a button and read the toast."""
        deed = {"label": label, **how} if label else how
        tapped = await self.crew.server.do("tap", person=self.person, bot=NAME, **deed)
        if "callback" not in tapped:
            return tapped
        await self.crew.settle()
        answered = await self.crew.server.do("answer", callback=tapped["callback"], wait=0)
        return dict(answered.get("answer") or {})

    async def forge(self, data: str) -> Json:
        """Send data that no button offers, as an old or changed client could."""
        message_id = (await self.last()).message_id
        return await self.tap_answer(data=data, forge=True, message_id=message_id)

    async def upload(self, content: bytes, *, kind: str, name: str) -> Said:
        form = aiohttp.FormData({"person": str(self.person), "bot": NAME, "kind": kind})
        mime = "application/pdf" if name.endswith("pdf") else "image/png"
        form.add_field("file", io.BytesIO(content), filename=name, content_type=mime)
        async with self.crew.server.http.post("/sim/upload", data=form) as response:
            assert response.status == 200, await response.text()
        await self.crew.settle()
        return await self.last()

    async def all(self) -> list[Said]:
        """Everything that the bot has said and not deleted."""
        chat = await self.crew.server.see("chat", person=self.person, bot=NAME)
        return [_said(message) for message in chat["messages"] if message["from"]["is_bot"]]

    async def last(self) -> Said:
        return (await self.all())[-1]

    async def accept(self) -> Said:
        """Start and accept the terms."""
        shown = await self.start()
        return await self.tap(shown.labels[0])

    async def rich(self, units: int = 100 * factories.TON) -> Said:
        """Start, accept, and have coins."""
        shown = await self.accept()
        async with self.crew.database.transaction() as session:
            await factories.fund(session, (await self.player()).id, units)
        return shown

    async def player(self) -> Player:
        async with self.crew.database.transaction() as session:
            found = await identity.find_by_telegram(session, telegram_id=self.person)
        assert found is not None
        return found

    async def player_id(self) -> PlayerId:
        return (await self.player()).id


def _said(message: Json) -> Said:
    rows = message.get("reply_markup", {}).get("inline_keyboard", [])
    return Said(
        message_id=message["message_id"],
        text=message.get("text") or message.get("caption") or "",
        buttons=tuple(button for row in rows for button in row),
        photo="photo" in message,
        edited="edit_date" in message,
    )
