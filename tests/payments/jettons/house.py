"""A cashier whose watchers follow coins and a jetton on one hot wallet, by tag or by address."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import text

from casino import rates
from casino.cashier import deposits, token_cases, treasury
from casino.cashier.addresses import Instruction, deposit_instruction
from casino.cashier.rails import TON, USDT_TON, DepositsBy, set_hot_wallet
from casino.cashier.token_cases import TokenCase
from casino.cashier.unclaimed import Unclaimed
from casino.clock import utc_now
from casino.db import Database
from casino.ledger import journal
from casino.ledger.reconcile import reconcile
from casino.money import Asset
from payments.addresses import parse_ton
from payments.builds_ton import TonAddresses
from payments.chains.ton import TonChain
from payments.chains.ton_jetton import TonJettonChain
from payments.chains.ton_jetton_wallets import JettonWallets
from payments.rpc import Json, Toncenter
from payments.watcher import Offer, Watcher
from tests.factories import make_player
from tests.payments.jettons.conftest import JettonWorld

AHEAD = 4


class Counting(Toncenter):
    """A client that writes down what it asked for."""

    def __init__(self, url: str) -> None:
        super().__init__(url=url, api_key="", requests_per_second=1000)
        self.asked: list[str] = []

    async def index(self, name: str, **query: str | int | Sequence[str]) -> Json:
        self.asked.append(name)
        return await super().index(name, **query)

    async def node(self, name: str, **query: str | int) -> object:
        self.asked.append(name)
        return await super().node(name, **query)

    async def run(self, address: str, method: str, *slices: str) -> Json:
        self.asked.append(method)
        return await super().run(address, method, *slices)


@dataclass
class JettonHouse:
    """Everything between the chain and a player's wallet; `restart` forgets what was in memory."""

    jettons: JettonWorld
    database: Database
    deposits_by: DepositsBy = DepositsBy.TAG
    rpc: Counting = field(init=False)
    coins: Watcher = field(init=False)
    dollars: Watcher = field(init=False)
    capital: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.rpc = Counting(self.jettons.world.node.url)
        self.restart()

    def restart(self, deposits_by: DepositsBy | None = None) -> None:
        """New processes without a memory of the old ones."""
        self.deposits_by = deposits_by or self.deposits_by
        master = self.jettons.jetton.master.friendly(bounceable=True)
        by_address = self.deposits_by is DepositsBy.ADDRESS
        source = TonAddresses(bytes(self.jettons.world.key.verify_key)) if by_address else None
        network = "testnet"
        self.coins = Watcher(
            self.database,
            TonChain(self.rpc, jettons=JettonWallets(self.rpc, masters=[master])),
            (TON,),
            1,
            Offer(self.deposits_by, network if by_address else None, None, source, AHEAD),
        )
        wallets = JettonWallets(self.rpc, masters=[master])
        chain = TonJettonChain(
            USDT_TON,
            self.rpc,
            coins=TonChain(self.rpc, jettons=wallets),
            wallets=wallets,
            master=master,
        )
        offer = Offer(self.deposits_by, network, master)
        self.dollars = Watcher(self.database, chain, (USDT_TON,), 1, offer)

    async def open(self) -> None:
        """Say where the hot wallet is and what coins are worth; the watchers see it."""
        address = self.jettons.world.wallet.address.friendly()
        async with self.database.transaction() as session:
            for rail in (TON, USDT_TON):
                await set_hot_wallet(session, rail=rail, address=address, now=utc_now())
            for asset in (Asset.TON, Asset.USDT):
                await rates.quote(
                    session, asset=asset, numerator=1, denominator=1000, now=utc_now()
                )
        await self.step()
        self.capital = {one.id for one in await self.unclaimed()}

    async def step(self) -> None:
        """Both watchers look once."""
        await self.coins.step()
        await self.dollars.step()

    async def player(self) -> int:
        async with self.database.transaction() as session:
            return await make_player(session)

    async def told(self, player_id: int, rail: str = USDT_TON) -> Instruction:
        """Where the player is told to send."""
        async with self.database.transaction() as session:
            return await deposit_instruction(session, player_id=player_id, rail=rail, now=utc_now())

    async def tag(self, player_id: int, rail: str = USDT_TON) -> str:
        tag = (await self.told(player_id, rail)).tag
        assert tag is not None
        return tag

    async def cash(self, player_id: int, asset: Asset = Asset.USDT) -> int:
        async with self.database.transaction() as session:
            wallets = await journal.balances(session, player_id)
        return wallets[asset].cash if asset in wallets else 0

    async def unclaimed(self) -> list[Unclaimed]:
        """What came without an owner since the house was opened with coins of its own."""
        async with self.database.transaction() as session:
            found = await deposits.list_unclaimed(session, limit=100)
        return [one for one in found if one.id not in self.capital]

    async def cases(self) -> list[TokenCase]:
        async with self.database.transaction() as session:
            return list(await token_cases.list_open(session, limit=100))

    async def effects(self, consumer: str = "staff") -> list[str]:
        async with self.database.transaction() as session:
            rows = await session.execute(
                text("SELECT kind FROM outbox WHERE consumer = :c ORDER BY id").bindparams(
                    c=consumer
                )
            )
            return list(rows.scalars())

    async def account(self, owner: str) -> str:
        """The jetton wallet of an address, as the master names it."""
        return (await self.jettons.jetton.wallet_of(parse_ton(owner).raw)).raw

    async def require_balanced(self) -> None:
        """The book agrees with itself and, for coins and jettons, with the chain to the unit."""
        await self.step()
        async with self.database.transaction() as session:
            report = await reconcile(session)
            assert report.sound, report
            for rail in (TON, USDT_TON):
                assert (await treasury.hot_wallet_view(session, rail=rail)).drift_units == 0, rail
