"""A whole house as real processes, its people, and the means to end any of it at any moment."""

import asyncio
import hashlib
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

import aiohttp
import asyncpg

from casino.cashier import deposits, withdrawals
from casino.cashier.addresses import deposit_instruction
from casino.cashier.withdrawal_states import Withdrawal, WithdrawalStatus
from casino.clock import utc_now
from casino.ids import PlayerId, new_reference
from casino.ledger import journal
from casino.ledger.reconcile import reconcile
from casino.money import Asset
from casino.players import identity
from casino.staff import orders, people
from payments.addresses import TonAddress, parse_ton
from sandbox.casino_processes import COMMANDS
from sandbox.chains import Pace
from sandbox.genesis import TON
from sandbox.home import Home
from sandbox.settings import OWNER, Ports
from sandbox.stage import Stage, open_stage
from sandbox.visitor import Player, StoryFailed, Visitor
from tests import factories

PATIENCE_SECONDS = 300
PACE = Pace(ton_ms=300, ethereum_ms=500, bitcoin_ms=1000)
ALL = tuple(COMMANDS)
MONEY = ("watcher", "signer", "sender")
ANN, BOB = 1001, 1002
PLAYERS_BOT, OPERATORS_BOT = "fairhouse_bot", "fairhouse_desk_bot"
RAIL = "ton"
FEE = 50_000_000
RICHES = 200 * TON


@dataclass(slots=True)
class Scene:
    """The house at work. Processes are ended and started by name, all at once if several."""

    stage: Stage
    http: aiohttp.ClientSession
    ann: Visitor
    bob: Visitor
    olga: Visitor
    app: Player
    player_id: PlayerId = field(default_factory=lambda: PlayerId(0))
    hot_wallet: str = ""
    _places: int = field(default=0)

    @property
    def running(self) -> set[str]:
        return set(self.stage.processes._running)

    async def end(self, *names: str, how: signal.Signals = signal.SIGKILL) -> None:
        """Hit the named ones (all that run when none is named) at once; wait for their end."""
        victims = self.running & set(names) if names else self.running
        await asyncio.gather(
            *(
                asyncio.to_thread(self.stage.processes.kill, name, with_signal=how)
                for name in sorted(victims)
            )
        )

    async def start(self, *names: str, without: tuple[str, ...] = ()) -> None:
        """Start what does not run of the named ones, or of all."""
        wanted = [name for name in names or ALL if name not in self.running | set(without)]
        if wanted:
            await asyncio.to_thread(self.stage.processes.start, *wanted)

    async def app_is_ready(self) -> bool:
        """Whether the Mini App's server takes traffic."""
        try:
            async with self.http.get(f"{self.stage.webapp_url}/readyz") as answer:
                return answer.status == 200
        except aiohttp.ClientError:
            return False

    def somewhere(self) -> TonAddress:
        """An address that nobody has paid to before."""
        self._places += 1
        return TonAddress(0, hashlib.sha256(f"{self.hot_wallet} {self._places}".encode()).digest())

    async def withdraw(self, units: int, to: TonAddress) -> int:
        """A withdrawal that the owner has approved."""
        now = utc_now()
        async with self.stage.database.transaction() as session:
            asked = await factories.ask_withdrawal(
                session,
                player_id=self.player_id,
                rail=RAIL,
                units=units,
                destination=to.friendly(bounceable=False),
                memo="",
                reference=new_reference(),
                now=now,
            )
        key = bytes.fromhex(self.stage.environment["ADMIN_APPROVAL_KEY"])
        async with self.stage.database.transaction() as session:
            owner = await people.find_member(session, telegram_id=OWNER)
            assert owner is not None
            await withdrawals.approve(
                session,
                withdrawal_id=asked.id,
                member=owner,
                sign=lambda order: orders.sign(order, key_seed=key),
                now=now,
            )
        return asked.id

    async def withdrawal(self, withdrawal_id: int) -> Withdrawal:
        async with self.stage.database.transaction() as session:
            return await withdrawals.get(session, withdrawal_id=withdrawal_id)

    async def reaches(self, withdrawal_id: int, *wanted: WithdrawalStatus) -> None:
        """Wait for one of the statuses; what lies behind them counts as missed."""

        async def there() -> bool:
            return (await self.withdrawal(withdrawal_id)).status in wanted

        await until(there)

    async def cash(self) -> int:
        async with self.stage.database.transaction() as session:
            return (await journal.balances(session, self.player_id))[Asset.TON].cash

    async def watcher_is_level(self) -> bool:
        """Whether the watcher has read the hot wallet's last transaction."""
        url = f"{self.stage.chains.ton.url}/api/v3/transactions"
        query = {"account": self.hot_wallet, "sort": "desc", "limit": "1"}
        async with self.http.get(url, params=query) as response:
            last = (await response.json())["transactions"][0]["lt"]
        async with self.stage.database.transaction() as session:
            cursor = await deposits.read_cursor(session, chain="ton", account=self.hot_wallet)
        return cursor.lt >= int(last)

    async def payments_to(self, address: TonAddress) -> list[int]:
        """What the hot wallet paid to an address, as the chain itself tells."""
        url = f"{self.stage.chains.ton.url}/api/v3/transactions"
        query = {"account": address.raw, "sort": "asc", "limit": "100"}
        async with self.http.get(url, params=query) as response:
            found = (await response.json())["transactions"]
        return [
            int(one["in_msg"]["value"])
            for one in found
            if (one.get("in_msg") or {}).get("source", "").lower() == self.hot_wallet.lower()
        ]

    async def require_paid_once(self, address: TonAddress, units: int) -> None:
        """The chain counted one payment, and it is all that is there."""
        assert await self.payments_to(address) == [units - FEE]
        assert await self.stage.chains.ton.balance(address.raw) == units - FEE

    async def require_sound(self) -> None:
        """The book balances."""
        async with self.stage.database.transaction() as session:
            report = await reconcile(session)
        assert report.sound, report

    async def log_in(self) -> None:
        """Open the Mini App anew."""
        launch = await self.ann._sim("launch", url=f"{self.stage.webapp_url}/", way="menu")
        self.app.token = ""
        login = await self.app.call("POST", "/api/login", init_data=launch["init_data"])
        self.app.token = login["token"]


async def until(wanted: Callable[[], Awaitable[bool]], *, look_seconds: float = 0.1) -> None:
    """Look again and again until something is true."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not await wanted():
            await asyncio.sleep(look_seconds)


@asynccontextmanager
async def open_scene(home: Home) -> AsyncIterator[Scene]:
    """Everything runs, Ann has coins, the owner has met her bot."""
    lines: list[str] = []
    async with (
        open_stage(home, Ports.free(), pace=PACE, say=lines.append) as stage,
        aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=60)) as http,
    ):
        # A watcher that is dead on purpose must not keep the sender from his work.
        stage.environment["TON_WATCHER_LAG_BLOCKS_MAX"] = "100000"
        await stage.chains.ton.fault(dropSend=0, failAfterSend=0, http429=0, http500=0, lag=0)
        scene = Scene(
            stage=stage,
            http=http,
            ann=Visitor(http, stage, ANN, PLAYERS_BOT),
            bob=Visitor(http, stage, BOB, PLAYERS_BOT),
            olga=Visitor(http, stage, OWNER, OPERATORS_BOT),
            app=Player(http, stage.webapp_url),
        )
        await scene.olga.start()
        await scene.bob.start()
        await scene.ann.start()
        await scene.ann.tap("I am 18 or older and accept the terms")
        await scene.ann.sees("You have", button="Deposit")
        async with stage.database.transaction() as session:
            found = await identity.find_by_telegram(session, telegram_id=ANN)
            assert found is not None
            scene.player_id = found.id
            told = await deposit_instruction(session, player_id=found.id, rail=RAIL, now=utc_now())
        scene.hot_wallet = parse_ton(told.address, testnet=True).raw
        await stage.chains.ton.faucet(told.address, RICHES, comment=told.tag)

        async def rich() -> bool:
            return await scene.cash() == RICHES

        await until(rich)
        await scene.log_in()
        yield scene


async def ask_for_a_withdrawal(scene: Scene, body: dict[str, object]) -> dict[str, object] | None:
    """The app asks once, at the fee that it is quoted; None when nobody answered."""
    with suppress(aiohttp.ClientError, StoryFailed, TimeoutError):
        quote = await scene.app.call(
            "POST", "/api/cashier/quote", rail=body["rail"], units=body["units"]
        )
        return await scene.app.call("POST", "/api/cashier/withdraw", **body, quote=str(quote["id"]))
    return None


async def fetch(scene: Scene, sql: str, *arguments: object) -> list[asyncpg.Record]:
    """Rows, read beside the product."""
    connection = await asyncpg.connect(scene.stage.database.dsn)
    try:
        rows: list[asyncpg.Record] = await connection.fetch(sql, *arguments)
    finally:
        await connection.close()
    return rows
