"""A house on a real Bitcoin node that takes deposits and pays withdrawals, step by step."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta

from sqlalchemy import text

from casino import rates
from casino.cashier import (
    acknowledging,
    foreign_sends,
    rails,
    returns,
    thresholds,
    treasury,
    withdrawals,
)
from casino.cashier.addresses import deposit_instruction
from casino.cashier.batches import Payout, get_payout, open_payouts
from casino.cashier.rails import BTC as RAIL
from casino.cashier.thresholds import Thresholds
from casino.cashier.withdrawal_states import Withdrawal, WithdrawalStatus
from casino.clock import utc_now
from casino.db import Database
from casino.ids import new_reference
from casino.ledger import journal, reconcile
from casino.money import Asset
from casino.staff import orders, people
from payments.bitcoin_rpc import BitcoinRpc
from payments.btc_reconciler import BtcReconciler
from payments.btc_units import BTC_SCALE
from payments.builds_btc import BtcAddresses
from payments.chains.btc import BtcChain
from payments.chains.btc_addresses import AccountKey, WatchList, address_of, parse
from payments.chains.btc_blocks import read_transaction
from payments.chains.btc_fees import FeeBounds
from payments.coin_keeper import CoinKeeper
from payments.desks.btc import BtcDesk
from payments.desks.btc_book import BtcBook
from payments.desks.btc_terms import BtcTerms
from payments.follower import Followed, Follower
from payments.sender import Sender
from payments.settler import Settler
from payments.signer.btc_pen import BtcPen, FeeLimits
from payments.signer.checks import Limits
from payments.signer.day_budget import DayBudget
from payments.signer.roots import Entropy
from payments.signer.service import Signer
from payments.signer.signing_keys import BtcAccount, Master
from tests import factories
from tests.factories import make_player
from tests.payments.btc.conftest import BTC, DEPTH, World

APPROVER_SEED = bytes(range(32, 64))
FEE = 5_000
"""Satoshis that the rail asks of a player."""
TERMS = BtcTerms(
    bounds=FeeBounds(least=1, most=100, fallback=5),
    bump_after_blocks=2,
    later_rate=5,
    consolidate_rate_max=0,
)
UNIT = BTC * BTC_SCALE
LIMITS = Limits(
    order_units_max=UNIT,
    hour_units_max=20 * UNIT,
    day_units_max=20 * UNIT,
    two_people_above_units=20 * UNIT,
)
FEES = FeeLimits(rate_max=500, units_max=2_000_000, joining_rate_max=10)


def entropy_of(name: str) -> bytes:
    return hashlib.sha256(f"root of {name}".encode()).digest()


def key_of(name: str, world: World) -> BtcAccount:
    return Master.of(Entropy(entropy_of(name))).btc(world.network)


@dataclass
class PayingHouse:
    """Everything between a player's wish and the chain; every process can be made anew."""

    world: World
    database: Database
    name: str
    terms: BtcTerms = TERMS
    limits: Limits = LIMITS
    fees: FeeLimits = FEES
    fees_of_a_day: int = 20_000_000
    key: BtcAccount = field(init=False)
    account: AccountKey = field(init=False)
    chain: BtcChain = field(init=False)
    rpc: BitcoinRpc = field(init=False)
    book: BtcBook = field(init=False)
    follower: Follower = field(init=False)
    desk: BtcDesk = field(init=False)
    sender: Sender = field(init=False)
    settler: Settler = field(init=False)
    signer: Signer = field(init=False)
    pen: BtcPen = field(init=False)
    reconciler: BtcReconciler = field(init=False)

    def __post_init__(self) -> None:
        self.key = key_of(self.name, self.world)
        self.account = AccountKey(self.key.xpub, self.world.network)
        self.rpc = self.world.node.rpc(self.world.wire.url)
        self.chain = BtcChain(
            self.world.node.rpc(self.world.wire.url), self.world.network, depth=DEPTH
        )
        self.book = BtcBook(RAIL, self.chain.name, self.account)
        self.restart()

    def restart(self, database: Database | None = None) -> None:
        """New processes without a memory of the old ones."""
        self.database = database or self.database
        network = self.world.network
        self.follower = Follower(
            self.database,
            Followed(
                chain=self.chain,
                rail=RAIL,
                network_id=network.name,
                token=None,
                addresses=BtcAddresses(self.account),
                pool_ahead=8,
                start_height=0,
                poll_seconds=1,
                scale=BTC_SCALE,
                watch=lambda: WatchList(network),
                coins=CoinKeeper(self.chain, self.account, RAIL),
            ),
        )
        self.desk = self.another_desk()
        self.sender = Sender(self.database, self.desk, 1)
        self.settler = Settler(self.database, self.desk, 1)
        self.pen = self.another_pen()
        self.signer = Signer(self.database, self.pen, 1)
        self.reconciler = BtcReconciler(
            self.database, self.chain, self.rpc, self.book, 1, timedelta(0)
        )

    def another_desk(self, terms: BtcTerms | None = None) -> BtcDesk:
        return BtcDesk(self.database, self.chain, self.rpc, self.book, terms or self.terms)

    def another_pen(self) -> BtcPen:
        return BtcPen(
            rail=RAIL,
            key=self.key,
            network=self.world.network,
            limits=self.limits,
            fees=self.fees,
            budget=DayBudget(RAIL, self.fees_of_a_day, "fee_day_limit"),
            approval_key=orders.public_key(APPROVER_SEED),
        )

    def use(self, **terms: object) -> None:
        """Other terms from now on."""
        self.terms = replace(self.terms, **terms)
        self.restart()

    async def open(self) -> None:
        """What a coin is worth, an owner, the first reading, and a flat fee."""
        async with self.database.transaction() as session:
            now = utc_now()
            await rates.quote(session, asset=Asset.BTC, numerator=9, denominator=10**9, now=now)
            await people.ensure_owners(session, telegram_ids=[1], now=now)
        await self.follower.step()
        async with self.database.transaction() as session:
            flat = replace(await rails.get_rail(session, RAIL), fee_policy=None)
            await rails.change_rail(session, rail=flat, actor="test", now=utc_now())

    async def close(self) -> None:
        await self.chain.close()
        await self.rpc.close()

    async def player(self) -> tuple[int, str]:
        """Somebody with an address of his own."""
        async with self.database.transaction() as session:
            player_id = await make_player(session)
        async with self.database.transaction() as session:
            told = await deposit_instruction(session, player_id=player_id, rail=RAIL, now=utc_now())
        return player_id, told.address

    async def rich_player(self, *satoshis: int) -> int:
        """A player whose deposits of these sizes are final."""
        player_id, address = await self.player()
        script = parse(address, self.world.network)
        await self.world.person.pay([(script, units) for units in satoshis])
        await self.mine(DEPTH)
        await self.watch()
        assert await self.cash(player_id) == sum(satoshis) * BTC_SCALE
        return player_id

    async def cash(self, player_id: int) -> int:
        async with self.database.transaction() as session:
            wallets = await journal.balances(session, player_id)
        return wallets[Asset.BTC].cash if Asset.BTC in wallets else 0

    def somebody(self, number: int = 0) -> str:
        """An address that nobody else pays to."""
        script = b"\x00\x14" + hashlib.sha256(f"{self.name} {number}".encode()).digest()[:20]
        return str(address_of(script, self.world.network))

    async def request(self, player_id: int, units: int, destination: str) -> Withdrawal:
        async with self.database.transaction() as session:
            return await factories.ask_withdrawal(
                session,
                player_id=player_id,
                rail=RAIL,
                units=units,
                destination=destination,
                memo="",
                reference=new_reference(),
                now=utc_now(),
            )

    async def withdraw(self, player_id: int, satoshis: int, destination: str) -> int:
        """A withdrawal of so many satoshis, before the fee, that an operator has approved."""
        asked = await self.request(player_id, satoshis * BTC_SCALE, destination)
        await self.approve(asked.id)
        return asked.id

    async def approve(self, withdrawal_id: int) -> None:
        """What the operator says yes to."""
        async with self.database.transaction() as session:
            owner = await people.find_member(session, telegram_id=1)
            assert owner is not None
            await withdrawals.approve(
                session,
                withdrawal_id=withdrawal_id,
                member=owner,
                sign=lambda order: orders.sign(order, key_seed=APPROVER_SEED),
                now=utc_now(),
            )

    async def send_back(self, deposit_id: int, destination: str) -> int:
        """The withdrawal by which the operator sends a held deposit back, not yet approved."""
        async with self.database.transaction() as session:
            owner = await people.find_member(session, telegram_id=1)
            assert owner is not None
            planned = await returns.plan(
                session, deposit_id=deposit_id, destination=destination, memo="", now=utc_now()
            )
            made = await returns.send_back(
                session,
                deposit_id=deposit_id,
                destination=destination,
                memo="",
                fee_units=planned.fee_units,
                member=owner,
                now=utc_now(),
            )
        return made.id

    async def withdrawal(self, withdrawal_id: int) -> Withdrawal:
        async with self.database.transaction() as session:
            return await withdrawals.get(session, withdrawal_id=withdrawal_id)

    async def status(self, withdrawal_id: int) -> WithdrawalStatus:
        return (await self.withdrawal(withdrawal_id)).status

    async def open_payouts(self) -> list[Payout]:
        async with self.database.transaction() as session:
            return list(await open_payouts(session, rail=RAIL))

    async def payout(self, payout_id: int) -> Payout:
        async with self.database.transaction() as session:
            return await get_payout(session, payout_id=payout_id)

    async def only_payout(self) -> Payout:
        (payout,) = await self.open_payouts()
        return payout

    async def mine(self, blocks: int = 1) -> None:
        await self.world.mine(blocks)

    async def empty_blocks(self, blocks: int = 1, *, of: Sequence[bytes] = ()) -> None:
        """Blocks that leave everything that waits where it is, but for these transactions."""
        for number in range(blocks):
            held = [raw.hex() for raw in of] if not number else []
            await self.world.rpc.call("generateblock", self.world.person.address, held)

    async def watch(self) -> None:
        """What the watcher's process does: follow, settle, compare."""
        await self.follower.step()
        await self.settler.step()

    async def pay(self) -> None:
        """Claim, sign, send."""
        await self.sender.step()
        await self.signer.step()
        await self.sender.step()

    async def settle(self) -> None:
        """Make what waits final and book it."""
        await self.mine(DEPTH)
        await self.watch()

    async def waits(self, txid: str | None) -> bool:
        return txid in await self.world.waiting()

    async def received(self, address: str) -> int:
        """Satoshis that this address has in the chain."""
        script = parse(address, self.world.network)
        found = await self.world.rpc.call("scantxoutset", "start", [f"raw({script.hex()})"])
        return int(found["total_amount"] * BTC)

    async def foreign(self) -> list[str]:
        async with self.database.transaction() as session:
            return [one.tx_hash for one in await foreign_sends.waiting(session)]

    async def acknowledge(self, tx_hash: str) -> None:
        async with self.database.transaction() as session:
            owner = await people.find_member(session, telegram_id=1)
            assert owner is not None
            await acknowledging.acknowledge(
                session,
                account=self.book.hot_wallet,
                tx_hash=tx_hash,
                member=owner,
                note="known",
                now=utc_now(),
            )

    async def keep_a_tenth(self, cold: str) -> None:
        """What is above half a bitcoin goes to this address, but for a tenth of one."""
        low, keep, high = (UNIT // part for part in (20, 10, 2))
        async with self.database.transaction() as session:
            await thresholds.change(
                session,
                rail=RAIL,
                thresholds=Thresholds(low, keep, high, cold),
                actor="staff:1",
                now=utc_now(),
            )

    async def told(self, consumer: str) -> list[str]:
        async with self.database.transaction() as session:
            found = await session.scalars(
                text("SELECT kind FROM outbox WHERE consumer = :consumer ORDER BY id"),
                {"consumer": consumer},
            )
            return list(found)

    async def drift(self) -> int | None:
        async with self.database.transaction() as session:
            return (await treasury.hot_wallet_view(session, rail=RAIL)).drift_units

    async def require_balanced(self) -> None:
        """The book agrees with itself, with the followed coins and with the node's own count."""
        async with self.database.transaction() as session:
            report = await reconcile.reconcile(session)
        assert report.sound, report
        assert await self.reconciler.compare() == 0
        assert await self.reconciler.scan() == 0
        assert await self.drift() == 0


def fee_of(payout: Payout, number: int = -1) -> int:
    """What a version pays to the network, as its plan says."""
    return int(str(payout.attempts[number].plan["fee"]))


def inputs_of(signed: bytes | None) -> frozenset[str]:
    assert signed is not None
    return frozenset(one.outpoint for one in read_transaction(signed).inputs)
