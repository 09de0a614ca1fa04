"""A cashier that follows a chain of blocks, and a chain that forks, lags and forgets on command."""

import hashlib
import itertools
from collections.abc import Container, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from sqlalchemy import text

from casino import rates
from casino.cashier import addresses, deposits, proof, rails
from casino.cashier.address_pool import PoolAddress
from casino.cashier.crediting import Deposit
from casino.cashier.rails import USDT_ETH, Tier
from casino.cashier.withdrawals import Withdrawal
from casino.clock import utc_now
from casino.db import Database
from casino.errors import OutsideUnavailable
from casino.ids import new_reference
from casino.ledger import journal, reconcile
from casino.ledger.wallet import Wallet
from casino.money import Asset
from casino.staff import people
from payments.chains.base import Outcome
from payments.chains.blocks import BlockChain, Header, Incoming, Landed, Tip
from payments.follower import AddressSource, Followed, Follower
from tests import factories
from tests.factories import USDT, make_player

SMALL = 1_000 * USDT
ENOUGH = 2
"""Confirmations that make a small deposit playable in these tests."""
TON_DESTINATION = "UQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAADST"

_numbers = itertools.count(1)


@dataclass(frozen=True)
class Payment:
    """A payment as its sender signed it: the same wherever it is mined."""

    key: str
    address: str
    units: int


def pay(address: str, units: int) -> Payment:
    return Payment(f"tx{next(_numbers)}", address, units)


@dataclass
class Mined:
    header: Header
    payments: tuple[Payment, ...]


@dataclass
class SimulatedChain:
    """A BlockChain in memory. What `final_after` blocks stand on is final."""

    final_after: int = 20
    lag: int = 0
    """So many blocks that the node is behind."""
    failing: int = 0
    """So many of the next calls are not answered."""
    blocks: list[Mined] = field(default_factory=list)
    final_height: int = 0
    asked: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.mine()

    name = "simulated"

    @property
    def height(self) -> int:
        return len(self.blocks) - 1

    def mine(self, *payments: Payment, empty: int = 0) -> int:
        """One block with these payments, then so many empty ones; returns the height."""
        for held in (payments, *((),) * empty):
            height = len(self.blocks)
            parent = self.blocks[-1].header.hash if self.blocks else "none"
            name = hashlib.sha256(f"{parent} {height} {next(_numbers)}".encode()).hexdigest()
            at = datetime(2026, 11, 1, tzinfo=UTC) + timedelta(seconds=12 * height)
            self.blocks.append(Mined(Header(height, name, parent, at), tuple(held)))
        self.final_height = max(self.final_height, self.height - self.final_after)
        return self.height

    def fork(self, depth: int) -> list[Payment]:
        """Take the newest blocks away, down to the final one; returns what they had brought."""
        keep = max(self.height - depth, self.final_height) + 1
        gone = [payment for block in self.blocks[keep:] for payment in block.payments]
        del self.blocks[keep:]
        return gone

    def payments(self, *, upto: int | None = None) -> list[Payment]:
        """What this history holds, up to a height."""
        end = self.height if upto is None else upto
        return [payment for block in self.blocks[: end + 1] for payment in block.payments]

    async def tip(self) -> Tip:
        self._answer("tip")
        shown = self._shown()
        final = max(0, min(self.final_height, self.height - self.lag))
        return Tip(shown[-1].header, final, self.blocks[final].header.hash)

    async def headers(self, first: int, last: int) -> Sequence[Header]:
        self._answer("headers")
        return [one.header for one in self._shown()[first : last + 1]]

    async def incoming(
        self, headers: Sequence[Header], watched: Container[str]
    ) -> Sequence[Incoming]:
        self._answer("incoming")
        shown = {one.header.hash: one for one in self._shown()}
        found: list[Incoming] = []
        for header in headers:
            if header.hash not in shown:
                raise OutsideUnavailable(source=self.name, reason="it does not know the block")
            found += [
                Incoming(
                    business_key=payment.key,
                    tx_hash=f"hash of {payment.key}",
                    address=payment.address,
                    sender="somebody",
                    units=payment.units,
                    height=header.height,
                    block_hash=header.hash,
                    at=header.at,
                )
                for payment in shown[header.hash].payments
                if payment.address in watched
            ]
        return found

    async def landed(self, tx_hash: str) -> Landed | None:
        raise AssertionError(f"a follower asked for {tx_hash}")

    async def broadcast(self, signed: bytes) -> Outcome:
        raise AssertionError(f"a follower sent {signed!r}")

    async def close(self) -> None:
        pass

    def _shown(self) -> list[Mined]:
        return self.blocks[: max(1, len(self.blocks) - self.lag)]

    def _answer(self, method: str) -> None:
        self.asked.append(method)
        if self.failing:
            self.failing -= 1
            raise OutsideUnavailable(source=self.name, reason="it was told to fail")


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
    token: str = "0x" + "ab" * 20
    start_height: int = 0
    follower: Follower = field(init=False)

    def __post_init__(self) -> None:
        self.follower = self.another_follower()

    def another_follower(self, chain: BlockChain | None = None) -> Follower:
        """A process of its own without a memory of the others."""
        followed = Followed(
            chain=chain or self.chain,
            rail=USDT_ETH,
            network_id="31337",
            token=self.token,
            addresses=self.addresses,
            pool_ahead=8,
            start_height=self.start_height,
            poll_seconds=1,
        )
        return Follower(self.database, followed)

    async def open(self) -> None:
        """Rates, few confirmations, an owner; and the first reading."""
        async with self.database.transaction() as session:
            now = utc_now()
            await rates.quote(session, asset=Asset.USDT, numerator=9, denominator=10, now=now)
            await rates.quote(session, asset=Asset.TON, numerator=3, denominator=1000, now=now)
            rail = await rails.get_rail(session, USDT_ETH)
            tiers = (Tier(SMALL, ENOUGH),)
            # The rail pays nothing out; the rules on what may leave are tested all the same.
            open_rail = replace(rail, tiers=tiers, withdrawals_enabled=True)
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
                session, player_id=player_id, rail=USDT_ETH, now=utc_now()
            )
        assert told.tag is None
        return told.address.lower()

    async def wallet(self, player_id: int) -> Wallet:
        async with self.database.transaction() as session:
            found = await journal.balances(session, player_id)
        return found.get(Asset.USDT, Wallet(Asset.USDT))

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
                rail=USDT_ETH,
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
