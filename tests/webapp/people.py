"""A person with a phone: launches the Mini App, keeps his token, calls the API as the app does."""

import itertools
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from aiohttp import ClientWebSocketResponse
from aiohttp.test_utils import TestClient

from casino.db import Database
from casino.ids import PlayerId, internal, new_reference
from casino.ledger import journal
from casino.ledger.chart import Account, Kind
from casino.ledger.wallet import Posting
from casino.money import Asset
from casino.players.identity import TERMS_VERSION
from tests.webapp.launches import fields_of, sign

TON = 1_000_000_000
_numbers = itertools.count(700_000)


@dataclass(slots=True)
class Answer:
    """A status and the JSON beside it."""

    status: int
    body: dict[str, Any]

    @property
    def code(self) -> str:
        """What the error says it is."""
        return str(self.body["error"]["code"])

    @property
    def data(self) -> dict[str, Any]:
        return dict(self.body["error"]["data"])


@dataclass(slots=True)
class Person:
    """One Telegram user with the page open."""

    client: TestClient[Any, Any]
    telegram_id: int = field(default_factory=lambda: next(_numbers))
    launch: str = ""
    token: str = ""
    player: dict[str, Any] = field(default_factory=dict)

    @property
    def player_id(self) -> PlayerId:
        return PlayerId(internal(self.player["id"]))

    def relaunch(self, *, seconds_ago: int = 0, **more: str) -> str:
        """Open the Mini App anew from the chat."""
        at = datetime.now(UTC) - timedelta(seconds=seconds_ago)
        # Telegram makes each launch's query id; ours only has to differ.
        more.setdefault("query_id", new_reference())
        self.launch = sign(fields_of(telegram_id=self.telegram_id, at=at, **more))
        return self.launch

    async def log_in(self, launch: str | None = None) -> Answer:
        """Exchange the launch for a token."""
        answer = await self.post(
            "/api/login", {"init_data": launch or self.launch or self.relaunch(), "agent": "phone"}
        )
        if answer.status == 200:
            self.token, self.player = answer.body["token"], answer.body["player"]
        return answer

    async def consent(self) -> Answer:
        """Say that he is of age and accepts the terms."""
        return await self.post("/api/me/terms", {"terms_version": TERMS_VERSION, "of_age": True})

    async def get(self, path: str) -> Answer:
        return await self._ask("GET", path)

    async def post(self, path: str, body: object = None, **more: Any) -> Answer:
        return await self._ask("POST", path, json={} if body is None else body, **more)

    async def put(self, path: str, body: object) -> Answer:
        return await self._ask("PUT", path, json=body)

    async def delete(self, path: str) -> Answer:
        return await self._ask("DELETE", path)

    async def _ask(self, method: str, path: str, **more: Any) -> Answer:
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        async with self.client.request(method, path, headers=headers, **more) as response:
            assert response.content_type == "application/json", await response.text()
            return Answer(response.status, await response.json())

    async def withdraw(self, asked: dict[str, Any]) -> Answer:
        """Ask what a withdrawal costs, then for it; what refuses the one refuses the other."""
        quote = await self.post(
            "/api/cashier/quote", {"rail": asked["rail"], "units": asked["units"]}
        )
        if quote.status != 200:
            return quote
        return await self.post("/api/cashier/withdraw", asked | {"quote": quote.body["id"]})

    async def open_socket(self, ticket: str | None = None) -> ClientWebSocketResponse:
        """Open the WebSocket with a fresh ticket, or with the one given."""
        if ticket is None:
            ticket = (await self.post("/api/ws-ticket")).body["ticket"]
        socket = await self.client.ws_connect("/ws")
        await socket.send_json({"ticket": ticket})
        return socket

    async def cash(self, asset: str = "TON") -> int:
        """What the API says he has."""
        balances = (await self.get("/api/me")).body["balances"]
        return next(int(one["cash"]) for one in balances if one["asset"] == asset)


async def give(database: Database, person: Person, units: int, asset: Asset = Asset.TON) -> None:
    """Credit a deposit to the person's cash."""
    wallet = Account.HOT_WALLET_TON if asset is Asset.TON else Account.HOT_WALLET_USDT_FAUCET
    reference = new_reference()
    async with database.transaction() as session:
        await journal.post(
            session,
            player_id=person.player_id,
            source="deposit:test",
            kind_key="deposit",
            reference=reference,
            request={"units": units},
            postings=[Posting(wallet, Account.PLAYER_CASH, units, asset, Kind.DEPOSIT)],
            subject_id=1,
            now=datetime.now(UTC),
        )


def bet(stake: int | str = TON, *, reference: str | None = None, **more: Any) -> dict[str, Any]:
    """A bet on dice that the house offers; `more` replaces fields."""
    return {
        "asset": "TON",
        "stake": str(stake),
        "choice": {"target": 5000, "over": True},
        "reference": reference or new_reference(),
        **more,
    }


def withdrawal(units: int | str, *, reference: str | None = None, **more: Any) -> dict[str, Any]:
    """A withdrawal of TON to somebody's wallet, still without a quote; `more` replaces fields."""
    return {
        "rail": "ton",
        "units": str(units),
        "destination": "UQDWA1BUVfqndJ-9cImgi_kGScNfhJ8UiCWVyAMtIqVEF11Z",
        "memo": "",
        "reference": reference or new_reference(),
        **more,
    }
