"""Money in: reads our accounts without gaps, credits what is final, ends payouts by what landed.

No keys and no decisions: facts of the chain go into the cashier in one transaction with the cursor
that says how far they were read, so the two can never disagree."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import structlog

from casino.cashier import chain_accounts, deposits, payouts, recovery, treasury
from casino.cashier.batches import open_payouts
from casino.cashier.rails import get_rail, set_deposits_by, set_network
from casino.clock import utc_now
from casino.errors import IllegalMove, OutsideError
from casino.telemetry import hot_wallet_units, watcher_lag_blocks, withdrawals_waiting
from payments.addresses import parse_ton
from payments.chains.base import AccountFrozen, Outcome, PayoutMember, SentPayout
from payments.deposit_accounts import DepositAccounts
from payments.pool import Pool
from payments.reading import read_page

if TYPE_CHECKING:
    from collections.abc import Sequence

    from casino.cashier.batches import Payout
    from casino.cashier.rails import DepositsBy
    from casino.db import Database
    from payments.chains.base import Chain, ChainHead, MemberVerdict
    from payments.pool import AddressSource

ATTEMPTS_MAX = 3
NEVER_SIGNED = "expired before anything was signed"

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Offer:
    """What a rail offers by its settings: how deposits are told apart, the network and token to
    be named, and where players' own addresses come from, if this rail has their pool."""

    deposits_by: DepositsBy
    network_id: str | None = None
    token: str | None = None
    addresses: AddressSource | None = None
    pool_ahead: int = 0


@dataclass(slots=True)
class Watcher:
    """Follows the accounts of one chain's rails."""

    database: Database
    chain: Chain
    rails: tuple[str, ...]
    poll_seconds: int
    offer: Offer | None = None
    _told: set[str] = field(default_factory=set)
    _offered: set[str] = field(default_factory=set)
    _pools: dict[str, Pool] = field(default_factory=dict)
    _own: dict[str, DepositAccounts] = field(default_factory=dict)
    _located: dict[str, str] = field(default_factory=dict)
    _frozen: dict[str, frozenset[str]] = field(default_factory=dict)

    async def run(self) -> None:
        """Follow the chain until cancelled; a node in trouble is asked again later."""
        structlog.contextvars.bind_contextvars(chain=self.chain.name)
        while True:
            try:
                await self.step()
            except OutsideError as error:
                log.warning("watcher.node_in_trouble", error=str(error))
            await asyncio.sleep(self.poll_seconds)

    async def step(self) -> None:
        """Read everything up to the present head, then judge what we have sent."""
        head = await self.chain.head()
        for rail in self.rails:
            await self._offer(rail)
            own = self._own.setdefault(rail, DepositAccounts(self.database, self.chain, rail))
            await own.step(head)
            address = await self._address(rail)
            if address is None:
                continue
            account = await self._locate(address)
            while await read_page(
                self.database, self.chain, rail=rail, address=address, account=account, head=head
            ):
                pass
            await self._judge(rail, account, head)
            await self._compare(rail, account, own, head)

    async def _offer(self, rail: str) -> None:
        """Keep addresses ready, where players get their own, and say how deposits are told apart
        and on which network, once in a process."""
        offer = self.offer
        if offer is None:
            return
        if offer.addresses is not None:
            pool = self._pools.setdefault(
                rail, Pool(self.database, rail, offer.addresses, offer.pool_ahead)
            )
            await pool.fill()
        if rail in self._offered:
            return
        async with self.database.transaction() as session:
            now = utc_now()
            await set_deposits_by(session, rail=rail, deposits_by=offer.deposits_by, now=now)
            if offer.network_id is not None:
                await set_network(
                    session, rail=rail, network_id=offer.network_id, token=offer.token, now=now
                )
        self._offered.add(rail)

    async def _address(self, rail: str) -> str | None:
        async with self.database.transaction() as session:
            address = (await get_rail(session, rail)).address
        if address is None:
            if rail not in self._told:
                self._told.add(rail)
                log.info("watcher.no_hot_wallet", rail=rail)
            return None
        return parse_ton(address, testnet=True).raw

    async def _locate(self, address: str) -> str:
        """The hot wallet's account on this chain, asked for once in a process."""
        if address not in self._located:
            account = await self.chain.locate(address)
            async with self.database.transaction() as session:
                await chain_accounts.remember(
                    session, chain=self.chain.name, found={address: account}, now=utc_now()
                )
            self._located[address] = account
        return self._located[address]

    async def _judge(self, rail: str, account: str, head: ChainHead) -> None:
        async with self.database.transaction() as session:
            waiting = await open_payouts(session, rail=rail)
        _count(waiting)
        for payout in waiting:
            structlog.contextvars.bind_contextvars(payout_id=payout.id)
            try:
                await self._judge_payout(payout, account, head)
            finally:
                structlog.contextvars.unbind_contextvars("payout_id")

    async def _judge_payout(self, payout: Payout, account: str, head: ChainHead) -> None:
        if payout.signed is None:
            # The signer makes no bytes after the expiry, and older ones could not land any more.
            if head.at > payout.expires_at:
                for member in payout.members:
                    await self._bury(payout, member.withdrawal_id, NEVER_SIGNED, retry=True)
            return
        verdict = await self.chain.judge(sent_payout(payout, account=account), head=head)
        if verdict.seen and payout.seen_at is None:
            async with self.database.transaction() as session:
                await payouts.payout_seen(
                    session, payout_id=payout.id, tx_hash=verdict.tx_hash, now=utc_now()
                )
        ended = {member.withdrawal_id for member in payout.members if member.outcome != "pending"}
        for judged in verdict.members:
            if judged.withdrawal_id not in ended:
                await self._end(payout, judged)

    async def _end(self, payout: Payout, verdict: MemberVerdict) -> None:
        if verdict.outcome is Outcome.SUCCEEDED:
            async with self.database.transaction() as session:
                await payouts.complete_member(
                    session,
                    payout_id=payout.id,
                    withdrawal_id=verdict.withdrawal_id,
                    tx_hash=verdict.tx_hash,
                    now=utc_now(),
                )
            log.info("withdrawal.confirmed", withdrawal_id=verdict.withdrawal_id)
        elif verdict.outcome is Outcome.FAILED:
            await self._bury(
                payout,
                verdict.withdrawal_id,
                verdict.proof,
                retry=verdict.retriable,
                lost_units=verdict.lost_units,
            )

    async def _bury(
        self, payout: Payout, withdrawal_id: int, proof: str, *, retry: bool, lost_units: int = 0
    ) -> None:
        """Declare a payment dead. What may succeed in another payout is tried again a few times;
        staff decide on the rest."""
        now = utc_now()
        async with self.database.transaction() as session:
            dead = await payouts.member_dead(
                session, payout_id=payout.id, withdrawal_id=withdrawal_id, proof=proof, now=now
            )
            if lost_units:
                await payouts.book_network_fee(
                    session,
                    rail=payout.rail,
                    units=lost_units,
                    reference=f"return:{payout.id}/{withdrawal_id}",
                    now=now,
                )
        log.warning("withdrawal.dead", withdrawal_id=withdrawal_id, proof=proof)
        if not retry or dead.attempts >= ATTEMPTS_MAX:
            return
        try:
            async with self.database.transaction() as session:
                await recovery.reassign(session, withdrawal_id=withdrawal_id, now=now)
        except IllegalMove as error:
            log.warning("withdrawal.not_retried", withdrawal_id=withdrawal_id, reason=str(error))

    async def _compare(
        self, rail: str, account: str, own: DepositAccounts, head: ChainHead
    ) -> None:
        """Hold the book against the chain whenever both speak of the same moment: the hot wallet
        and players' own addresses together."""
        try:
            state = await self.chain.account(account)
            frozen = state.frozen
        except AccountFrozen:
            frozen = True
        hot = frozenset({account})
        await self._note_frozen(
            rail,
            own.frozen | hot if frozen else own.frozen - hot,
            own.alive - hot if frozen else own.alive | hot,
        )
        if frozen:
            return
        watcher_lag_blocks.labels(chain=self.chain.name).set(max(0, state.block - head.block))
        elsewhere = own.units
        async with self.database.transaction() as session:
            asset = (await get_rail(session, rail)).asset
            hot_wallet_units.labels(asset=asset).set(state.units)
            cursor = await deposits.read_cursor(session, chain=self.chain.name, account=account)
            in_flight = await open_payouts(session, rail=rail)
            if state.lt != cursor.lt or in_flight or elsewhere is None:
                return
            await treasury.record_chain_balance(
                session,
                rail=rail,
                units=state.units + elsewhere,
                block=state.block,
                now=utc_now(),
            )

    async def _note_frozen(self, rail: str, frozen: frozenset[str], alive: frozenset[str]) -> None:
        """Tell staff of accounts that are closed for unpaid rent; reading goes on all the same."""
        if self._frozen.get(rail) == frozen:
            return
        async with self.database.transaction() as session:
            await chain_accounts.note_frozen(
                session,
                chain=self.chain.name,
                rail=rail,
                frozen=frozen,
                alive=alive,
                now=utc_now(),
            )
        if frozen:
            log.error("watcher.accounts_frozen", rail=rail, count=len(frozen))
        self._frozen[rail] = frozen


def _count(in_flight: Sequence[Payout]) -> None:
    """Show how many withdrawals are on their way, by what has been done for them."""
    counts = dict.fromkeys(("assigned", "signed", "broadcast"), 0)
    for payout in in_flight:
        done = "assigned" if payout.signed is None else "signed"
        if payout.broadcast_at is not None:
            done = "broadcast"
        counts[done] += sum(member.outcome == "pending" for member in payout.members)
    for status, count in counts.items():
        withdrawals_waiting.labels(status=status).set(count)


def sent_payout(payout: Payout, *, account: str) -> SentPayout:
    """A payout with bytes, as the chain adapter takes it."""
    return SentPayout(
        payout_id=payout.id,
        account=account,
        signed=payout.signed or b"",
        query_id=payout.query_id,
        created_at=payout.created_at,
        expires_at=payout.expires_at,
        members=tuple(
            PayoutMember(
                withdrawal_id=member.withdrawal_id,
                destination=member.destination,
                units=member.units,
                memo=member.memo,
            )
            for member in payout.members
        ),
    )
