"""A cashier that follows a chain of blocks, and players who pay into it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from sqlalchemy import text

from casino import rates
from casino.cashier import addresses, deposits, proof, rails
from casino.cashier.address_pool import PoolAddress
from casino.cashier.crediting import Deposit
from casino.cashier.rails import USDT_ETH, Tier
from casino.cashier.withdrawals import Withdrawal
from casino.clock import utc_now
from casino.db import Database
from casino.ids import new_reference
from casino.ledger import journal, reconcile
from casino.ledger.wallet import Wallet
from casino.money import Asset
from casino.staff import people
from payments.chains.blocks import BlockChain, Watched
from payments.follower import Followed, Follower
from payments.pool import AddressSource
from tests import factories
from tests.factories import USDT, make_player

SMALL = 1_000 * USDT
ENOUGH = 2
"""Confirmations that make a small deposit playable in these tests."""
TON_DESTINATION = "UQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAADST"


class PlainAddresses:
    """Addresses that say their number."""

    def between(self, first: int, last: int) -> Sequence[PoolAddress]:
        return [PoolAddress(n, f"address{n}", f"Address{n}") for n in range(first, last + 1)]


@dataclass
class FollowedHouse:
    """Everything between a chain and a player's wallet."""

    database: Database
    chain: BlockChain
    addresses: AddressSource = field(default_factory=PlainAddresses)
    token: str | None = "0x" + "ab" * 20
    start_height: int = 0
    rail: str = USDT_ETH
    asset: Asset = Asset.USDT
    network_id: str = "31337"
    tiers: tuple[Tier, ...] = (Tier(SMALL, ENOUGH),)
    scale: int = 1
    watch: Callable[[], Watched] = set[str]
    own_form: Callable[[str], str] | None = None
    follower: Follower = field(init=False)

    def __post_init__(self) -> None:
        self.follower = self.another_follower()

    def another_follower(self, chain: BlockChain | None = None) -> Follower:
        """A process of its own without a memory of the others."""
        followed = Followed(
            chain=chain or self.chain,
            rail=self.rail,
            network_id=self.network_id,
            token=self.token,
            addresses=self.addresses,
            pool_ahead=8,
            start_height=self.start_height,
            poll_seconds=1,
            scale=self.scale,
            watch=self.watch,
            own_form=self.own_form,
        )
        return Follower(self.database, followed)

    async def open(self) -> None:
        """Rates, few confirmations, an owner; and the first reading."""
        async with self.database.transaction() as session:
            now = utc_now()
            await rates.quote(session, asset=Asset.USDT, numerator=9, denominator=10, now=now)
            await rates.quote(session, asset=Asset.TON, numerator=3, denominator=1000, now=now)
            await rates.quote(session, asset=Asset.BTC, numerator=9, denominator=10_000, now=now)
            rail = await rails.get_rail(session, self.rail)
            # The rail pays nothing out; the rules on what may leave are tested all the same.
            open_rail = replace(rail, tiers=self.tiers, withdrawals_enabled=True)
            await rails.change_rail(session, rail=open_rail, actor="test", now=now)
            await people.ensure_owners(session, telegram_ids=[1], now=now)
        await self.step()

    async def step(self) -> None:
        await self.follower.step()

    async def player(self) -> tuple[int, str]:
        """A player and his address, in the form that the chain compares."""
        async with self.database.transaction() as session:
            player_id = await make_player(session)
        return player_id, await self.address(player_id)

    async def address(self, player_id: int) -> str:
        async with self.database.transaction() as session:
            told = await addresses.deposit_instruction(
                session, player_id=player_id, rail=self.rail, now=utc_now()
            )
        assert told.tag is None
        return told.address.lower()

    async def wallet(self, player_id: int) -> Wallet:
        async with self.database.transaction() as session:
            found = await journal.balances(session, player_id)
        return found.get(self.asset, Wallet(self.asset))

    async def deposits(self, player_id: int) -> list[Deposit]:
        """The player's deposits, the oldest first."""
        async with self.database.transaction() as session:
            ids = await session.scalars(
                text("SELECT id FROM deposits WHERE player_id = :player ORDER BY id"),
                {"player": player_id},
            )
            return [await deposits.get_deposit(session, deposit_id=one) for one in ids]

    async def deposit(self, player_id: int) -> Deposit:
        (found,) = await self.deposits(player_id)
        return found

    async def withdraw(self, player_id: int, units: int) -> Withdrawal:
        async with self.database.transaction() as session:
            return await factories.ask_withdrawal(
                session,
                player_id=player_id,
                rail=self.rail,
                units=units,
                destination="0x" + "cd" * 20,
                memo="",
                reference=new_reference(),
                now=utc_now(),
            )

    async def run(self, sql: str, **given: object) -> None:
        async with self.database.transaction() as session:
            await session.execute(text(sql), given)

    async def told(self, consumer: str) -> list[str]:
        """What was written to the outbox for a consumer, in order."""
        async with self.database.transaction() as session:
            found = await session.scalars(
                text("SELECT kind FROM outbox WHERE consumer = :consumer ORDER BY id"),
                {"consumer": consumer},
            )
            return list(found)

    async def require_sound(self) -> None:
        """The book proves itself, and what the cashier keeps beside it agrees with it."""
        async with self.database.transaction() as session:
            report = await reconcile.reconcile(session)
        assert report.sound, report
        for finding in (
            await proof.prove_reserved(self.database),
            await proof.prove_held(self.database),
            await proof.prove_not_final(self.database),
            await proof.prove_deposit_counters(self.database, now=utc_now()),
        ):
            assert finding.sound, finding
