"""Coins out on Bitcoin: batches that spend reserved coins, judged by what blocks did to those."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import structlog

from casino.cashier import attempts, blocks, claiming, coins
from casino.cashier.batches import open_payouts
from casino.cashier.fees import record_network_fee
from casino.cashier.moves import MoveIntent, MoveKind
from casino.clock import utc_now
from casino.errors import IdempotencyConflict, OutsideRefused, OutsideUnavailable
from payments.bitcoin_rpc import SOURCE
from payments.btc_units import BTC_SCALE
from payments.chains.base import MemberVerdict, Outcome, PayoutVerdict
from payments.chains.btc_coins import INPUT_VBYTES, INPUTS_MAX, consolidate, may_spend, vsize_of
from payments.chains.btc_fees import fee_rate
from payments.chains.btc_judge import Family, Member, judge, judge_move, read_version
from payments.chains.btc_plan import change_spot, plan_of
from payments.chains.btc_wallet import draft_consolidation, draft_payout
from payments.desks.btc_cold import BtcColdMoves
from payments.desks.btc_evidence import fee_of, gather
from payments.desks.btc_mempool_look import note_foreign
from payments.desks.btc_raising import Raiser

if TYPE_CHECKING:
    from collections.abc import Iterable

    from casino.cashier.batches import Payout
    from casino.db import Database
    from payments.bitcoin_rpc import BitcoinRpc
    from payments.chains.btc import BtcChain
    from payments.chains.btc_coins import Coin
    from payments.chains.btc_judge import Version
    from payments.desks.btc_book import BtcBook
    from payments.desks.btc_evidence import Evidence
    from payments.desks.btc_terms import BtcTerms

NEVER_SIGNED = "nothing was signed, and its plan was taken away"
OUTPUT_VBYTES_MAX = 43  # to a script of 34 bytes, the longest that we pay to
PRICE_EVERY = timedelta(seconds=60)
NOT_KNOWN = -5

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class BtcDesk:
    """Pays Bitcoin from the whole account: deposit addresses and change."""

    database: Database
    btc: BtcChain
    rpc: BitcoinRpc
    book: BtcBook
    terms: BtcTerms
    blocks_behind_max: int = 0
    _raiser: Raiser = field(init=False)
    _cold: BtcColdMoves = field(init=False)
    _unpayable: set[int] = field(default_factory=set)
    _priced_at: datetime | None = None

    def __post_init__(self) -> None:
        self._raiser = Raiser(self.database, self.btc, self.rpc, self.book, self.terms)
        self._cold = BtcColdMoves(self.database, self.book, self.terms)

    @property
    def rail(self) -> str:
        """The rail that it pays for."""
        return self.book.rail

    @property
    def chain(self) -> str:
        """The network's name."""
        return self.btc.name

    async def behind(self) -> int | None:
        """How far the follower has to read until it knows what the node knows; a node on another
        branch, or behind the follower, is no node to pay through either."""
        tip = await self.btc.tip()
        async with self.database.transaction() as session:
            place = await blocks.read_place(session, chain=self.btc.name)
        if place is None:
            return None
        same = place.top.hash == tip.head.hash and place.halted is None
        return 0 if same else max(1, tip.head.height - place.top.height)

    async def prepare(self) -> None:
        """Claim what is approved and affordable, hurry what is stuck, and join coins while that is
        cheap; nothing of that while a coin of ours is spent by somebody whom we do not know."""
        rate = await fee_rate(self.rpc, self.terms.bounds, blocks=self.terms.confirm_blocks)
        await self._tell_price(rate)
        if not await self._has_work(rate):
            return
        known = await note_foreign(
            self.database, self.rpc, rail=self.rail, account=self.book.hot_wallet
        )
        if not known:
            return
        await self._claim(rate)
        await self._raiser.raise_stuck(rate=rate)
        await self._cold.plan(rate)
        await self._join_coins(rate)

    async def sendable(self, payout: Payout) -> bool:
        """Until one of its coins is spent in a block."""
        async with self.database.transaction() as session:
            spent = await coins.spends(
                session, rail=self.rail, outpoints=read_version(payout.signed or b"").inputs
            )
        return not spent

    async def broadcast(self, signed: bytes) -> Outcome:
        """Hand in stored bytes once more."""
        return await self.btc.broadcast(signed)

    async def judge(self, payout: Payout) -> PayoutVerdict:
        """Judge by the blocks that were followed, read again from the node. Without bytes a payout
        dies when the signer had its time, after its plan was taken away for good."""
        versions = tuple(
            read_version(one.signed) for one in payout.attempts if one.signed is not None
        )
        if not versions:
            return await self._judge_unsigned(payout)
        evidence = await gather(self.database, self.btc, rail=self.rail, versions=versions)
        if payout.move is not None:
            verdict = judge_move(
                versions,
                evidence.spends,
                final_height=evidence.final_height,
                move_id=payout.id,
            )
        else:
            verdict = judge(
                Family(self._members(payout), versions),
                evidence.spends,
                final_height=evidence.final_height,
                others=evidence.ours,
            )
        return await self._with_fee(payout, verdict, versions, evidence)

    async def close(self) -> None:
        """Close the connections to the node."""
        await self.btc.close()
        await self.rpc.close()

    async def _tell_price(self, rate: int) -> None:
        """Let the cashier know what a payment costs now, which quotes of fees may follow: an
        output, and a coin of its own to pay for it."""
        now = utc_now()
        if self._priced_at is not None and now - self._priced_at < PRICE_EVERY:
            return
        units = (OUTPUT_VBYTES_MAX + INPUT_VBYTES) * rate * BTC_SCALE
        async with self.database.transaction() as session:
            await record_network_fee(session, rail=self.rail, units=units, now=now)
        self._priced_at = now

    async def _has_work(self, rate: int) -> bool:
        """Whether looking at every coin could lead to anything."""
        async with self.database.transaction() as session:
            if await claiming.approved_waiting(session, rail=self.rail):
                return True
            if await open_payouts(session, rail=self.rail):
                return True
            if await self._cold.is_due(session):
                return True
            if rate > self.terms.consolidate_rate_max:
                return False
            free = await self.book.spendable(session)
        return len(free) >= self.terms.consolidate_coins_min

    async def _claim(self, rate: int) -> None:
        """Claim, choose coins and reserve them, in one transaction: what cannot be paid for is
        not claimed."""
        now = utc_now()
        try:
            async with self.database.transaction() as session:
                number = await self.book.next_number(session)
                place = await blocks.read_place(session, chain=self.btc.name)
                spendable = await self.book.spendable(session)
                if place is None or not spendable:
                    return
                payout = await claiming.claim(
                    session,
                    rail=self.rail,
                    limit=self.terms.members_max,
                    available_units=affordable(spendable.values(), rate) * BTC_SCALE,
                    member_fee_units=OUTPUT_VBYTES_MAX * rate * BTC_SCALE,
                    numbering=lambda _last: number,
                    created_at=now,
                    expires_at=None,
                    orders_until=now + self.terms.never_signed_after,
                    since_height=place.final_height,
                    payable=self._is_payable,
                    now=now,
                )
                if payout is None:
                    return
                draft = draft_payout(
                    self.book.targets(payout),
                    spendable.values(),
                    change=change_spot(payout.replay_number, script_of=self.book.script_of),
                    rate=rate,
                    later_rate=self.terms.later_rate,
                )
                outpoints = [coin.outpoint for coin in draft.coins]
                parents = await self.book.parents(session, outpoints)
                await attempts.plan(
                    session,
                    payout_id=payout.id,
                    plan=plan_of(draft, height=place.top.height, parents=parents).to_json(),
                    coins=outpoints,
                    now=now,
                )
        except IdempotencyConflict as error:
            # Another sender took a coin between our look and our turn; nothing of ours is kept.
            log.info("payout.not_claimed", reason=str(error))
            return
        log.info("payout.claimed", payout_id=payout.id, members=len(payout.members), rate=rate)

    def _is_payable(self, withdrawal_id: int, destination: str, units: int) -> bool:
        if self.book.is_payable(destination, units):
            return True
        if withdrawal_id not in self._unpayable:
            self._unpayable.add(withdrawal_id)
            log.error("withdrawal.unpayable", withdrawal_id=withdrawal_id)
        return False

    async def _join_coins(self, rate: int) -> None:
        if rate > self.terms.consolidate_rate_max:
            return
        now = utc_now()
        try:
            async with self.database.transaction() as session:
                number = await self.book.next_number(session)
                place = await blocks.read_place(session, chain=self.btc.name)
                if place is None or await claiming.approved_waiting(session, rail=self.rail):
                    return
                spendable = await self.book.spendable(session)
                chosen = consolidate(
                    spendable.values(),
                    rate=rate,
                    rate_max=self.terms.consolidate_rate_max,
                    coins_min=self.terms.consolidate_coins_min,
                )
                if chosen is None:
                    return
                spot = change_spot(number, script_of=self.book.script_of)
                move = await claiming.claim_move(
                    session,
                    rail=self.rail,
                    account=self.book.hot_wallet,
                    intent=MoveIntent(
                        kind=MoveKind.CONSOLIDATION,
                        source=self.book.hot_wallet,
                        destination=self.book.account.change_address(number),
                        units=chosen.change_units * BTC_SCALE,
                    ),
                    numbering=lambda _last: number,
                    created_at=now,
                    expires_at=None,
                    since_height=place.final_height,
                    now=now,
                )
                if move is None:
                    return
                draft = draft_consolidation(chosen, to=spot)
                outpoints = [coin.outpoint for coin in draft.coins]
                parents = await self.book.parents(session, outpoints)
                await attempts.plan(
                    session,
                    payout_id=move.id,
                    plan=plan_of(draft, height=place.top.height, parents=parents).to_json(),
                    coins=outpoints,
                    now=now,
                )
        except IdempotencyConflict as error:
            log.info("coins.not_joined", reason=str(error))
            return
        log.info("coins.joining", payout_id=move.id, coins=len(outpoints), rate=rate)

    async def _judge_unsigned(self, payout: Payout) -> PayoutVerdict:
        ids = [one.withdrawal_id for one in payout.members] if payout.move is None else [payout.id]
        if utc_now() - payout.claimed_at < self.terms.never_signed_after:
            unknown = tuple(MemberVerdict(one, Outcome.UNKNOWN) for one in ids)
            return PayoutVerdict(False, "", unknown)
        async with self.database.transaction() as session:
            dead = await attempts.never_signed(session, payout_id=payout.id)
        outcome = Outcome.FAILED if dead else Outcome.UNKNOWN
        return PayoutVerdict(
            False,
            "",
            tuple(MemberVerdict(one, outcome, proof=NEVER_SIGNED, retriable=True) for one in ids),
        )

    def _members(self, payout: Payout) -> tuple[Member, ...]:
        targets = self.book.targets(payout)
        return tuple(
            Member(member.withdrawal_id, target.units, target.script)
            for member, target in zip(payout.members, targets, strict=True)
        )

    async def _with_fee(
        self,
        payout: Payout,
        verdict: PayoutVerdict,
        versions: tuple[Version, ...],
        evidence: Evidence,
    ) -> PayoutVerdict:
        landed = next((one for one in versions if one.txid == verdict.tx_hash), None)
        if verdict.seen and landed is not None:
            spend = next(one for one in evidence.spends if one.txid == landed.txid)
            header = evidence.headers[spend.block_hash]
            fee = await fee_of(self.database, rail=self.rail, version=landed, header=header)
            return PayoutVerdict(True, landed.txid, verdict.members, (fee,))
        shown = evidence.mined or await self._waiting(payout)
        return PayoutVerdict(bool(shown), shown or "", verdict.members)

    async def _waiting(self, payout: Payout) -> str | None:
        """The version that the node's mempool holds."""
        ids = [one.tx_hash for one in reversed(payout.attempts) if one.tx_hash is not None]
        for txid in ids:
            try:
                await self.rpc.call("getmempoolentry", txid)
            except OutsideRefused as error:
                if error.data.get("rpc_code") != NOT_KNOWN:
                    raise OutsideUnavailable(source=SOURCE, reason=str(error)) from error
                continue
            return txid
        return None


def affordable(coins_: Iterable[Coin], rate: int) -> int:
    """What the largest of these coins can pay in one transaction at a rate, in satoshis: after
    the fee of themselves and of the frame, before that of outputs."""
    worth = sorted(
        (coin.units - INPUT_VBYTES * rate for coin in coins_ if may_spend(coin)), reverse=True
    )
    return max(0, sum(one for one in worth[:INPUTS_MAX] if one > 0) - vsize_of(0, []) * rate)
