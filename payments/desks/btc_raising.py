"""Further versions of what waits too long for a block: a higher fee, or a child that pays for two.

First the same coins again with a higher fee (BIP125); every version keeps all coins of the last
one, so that each excludes each other. Where replacing would cost too much, because somebody hangs
large transactions of his own on ours, our change is spent to ourselves at a fee for both. Where
neither is possible, staff are told, once for each version."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import structlog

from casino import outbox
from casino.cashier import attempts, blocks, claiming, coins, foreign_sends, moves
from casino.cashier.batches import open_payouts
from casino.cashier.moves import MoveIntent, MoveKind
from casino.clock import utc_now
from casino.errors import IdempotencyConflict, IllegalMove, OutsideRefused, OutsideUnavailable
from payments.bitcoin_rpc import SOURCE, units_of
from payments.btc_units import BTC_SCALE
from payments.chains.btc_blocks import RawBytesError, read_transaction
from payments.chains.btc_judge import read_version
from payments.chains.btc_plan import change_spot, draft_from, plan_of, read_plan
from payments.chains.btc_wallet import SignedTx, WalletError, bump, change_coin, draft_child

if TYPE_CHECKING:
    from collections.abc import Mapping

    from casino.cashier.batches import Attempt, Payout
    from casino.cashier.blocks import Place
    from casino.db import Database
    from payments.bitcoin_rpc import BitcoinRpc
    from payments.chains.btc import BtcChain
    from payments.chains.btc_wallet import Draft
    from payments.desks.btc_book import BtcBook
    from payments.desks.btc_terms import BtcTerms

NOT_KNOWN = -5
STEP_NUMERATOR, STEP_DENOMINATOR = 5, 4
RAISED = (None, MoveKind.CHILD, MoveKind.COLD)
"""What is hurried: payments and their children, and what goes to cold storage.
Joining coins has time."""

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Raiser:
    """Hurries what is stuck."""

    database: Database
    chain: BtcChain
    rpc: BitcoinRpc
    book: BtcBook
    terms: BtcTerms
    _told: set[tuple[int, int]] = field(default_factory=set)

    async def raise_stuck(self, *, rate: int) -> None:
        """Plan a further version, or a child, of everything that waits too long. `rate` is what
        brings a transaction into one of the next blocks."""
        async with self.database.transaction() as session:
            place = await blocks.read_place(session, chain=self.chain.name)
            waiting = await open_payouts(session, rail=self.book.rail)
            foreign = await foreign_sends.waiting(session, account=self.book.hot_wallet)
            children = await moves.living(session, rail=self.book.rail)
        if place is None or foreign:
            return
        parents = {one.source.partition(":")[0] for one in children if one.kind == MoveKind.CHILD}
        for payout in waiting:
            newest = payout.newest
            kind = payout.move.kind if payout.move is not None else None
            if newest is None or payout.unsigned is not None or kind not in RAISED:
                continue
            if newest.tx_hash in parents:
                continue
            try:
                if await self._is_stuck(newest, place):
                    await self._raise(payout, newest, place, rate)
            except ValueError as error:
                # A plan that somebody else has written; those behind it are raised all the same.
                log.exception("payout.unreadable", payout_id=payout.id, reason=str(error))

    async def _is_stuck(self, newest: Attempt, place: Place) -> bool:
        if place.top.height - read_plan(newest.plan).height < self.terms.bump_after_blocks:
            return False
        version = read_version(newest.signed or b"")
        async with self.database.transaction() as session:
            spent = await coins.spends(session, rail=self.book.rail, outpoints=version.inputs)
        return not spent

    async def _raise(self, payout: Payout, newest: Attempt, place: Place, rate: int) -> None:
        waits, replaced_units = await self._hanging_on(newest)
        plan = read_plan(newest.plan)
        draft = draft_from(plan, self.book.targets(payout), script_of=self.book.script_of)
        most = self.terms.bounds.most
        before = draft.fee_units // draft.vsize
        wanted = min(max(rate, before * STEP_NUMERATOR // STEP_DENOMINATOR + 1), most)
        raised = await self._bumped(draft, wanted, replaced_units)
        if raised is not None:
            await self._plan(payout, raised, plan.parents, place)
            return
        if waits and await self._add_child(payout, newest, draft, wanted, place):
            return
        await self._tell(payout, newest, draft)

    async def _hanging_on(self, newest: Attempt) -> tuple[bool, int]:
        """Whether a version waits in the node's mempool, and the fees of what hangs on it."""
        try:
            entry = await self.rpc.call("getmempoolentry", newest.tx_hash)
        except OutsideRefused as error:
            if error.data.get("rpc_code") != NOT_KNOWN:
                raise OutsideUnavailable(source=SOURCE, reason=str(error)) from error
            return False, 0
        try:
            fees = entry["fees"]
            own, together = units_of(fees["base"]), units_of(fees["descendant"])
        except (KeyError, TypeError) as error:
            raise OutsideUnavailable(source=SOURCE, reason="unreadable") from error
        return True, max(0, together - own)

    async def _bumped(self, draft: Draft, rate: int, replaced_units: int) -> Draft | None:
        async with self.database.transaction() as session:
            extra = await self.book.spendable(session)
        try:
            raised = bump(
                draft,
                rate=rate,
                later_rate=self.terms.later_rate,
                replaced_units=replaced_units,
                extra=extra.values() if draft.targets else (),
            )
        except WalletError:
            return None
        over = raised.fee_units > self.terms.fee_units_max
        return None if over or raised.fee_units > raised.vsize * self._most(draft) else raised

    def _most(self, draft: Draft) -> int:
        """The highest rate of a version: that of a child, which pays for its parent, is higher."""
        most = self.terms.bounds.most
        return most if draft.targets else max(most, self.terms.fee_units_max // draft.vsize)

    async def _plan(
        self, payout: Payout, raised: Draft, parents: Mapping[str, bytes], place: Place
    ) -> None:
        outpoints = [coin.outpoint for coin in raised.coins]
        try:
            async with self.database.transaction() as session:
                made = await self.book.parents(session, outpoints)
                plan = plan_of(raised, height=place.top.height, parents={**made, **parents})
                await attempts.plan(
                    session,
                    payout_id=payout.id,
                    plan=plan.to_json(),
                    coins=outpoints,
                    now=utc_now(),
                )
        except (IdempotencyConflict, IllegalMove) as error:
            # Another payout took a coin that should have joined, or this one has ended.
            log.info("payout.not_raised", payout_id=payout.id, reason=str(error))
            return
        log.warning(
            "payout.raised",
            payout_id=payout.id,
            version=len(payout.attempts) + 1,
            fee_units=raised.fee_units,
        )

    async def _add_child(
        self, payout: Payout, newest: Attempt, draft: Draft, rate: int, place: Place
    ) -> bool:
        signed = _signed(newest, draft)
        change = change_coin(draft, signed)
        if change is None or payout.move is not None:
            return False
        now = utc_now()
        async with self.database.transaction() as session:
            number = await self.book.next_number(session)
            to = change_spot(number, script_of=self.book.script_of)
            try:
                child = draft_child(signed, change, rate=rate, to=to)
            except WalletError:
                return False
            if child.fee_units > self.terms.fee_units_max:
                return False
            planned = await claiming.claim_move(
                session,
                rail=self.book.rail,
                account=self.book.hot_wallet,
                intent=MoveIntent(
                    kind=MoveKind.CHILD,
                    source=change.outpoint,
                    destination=self.book.account.change_address(number),
                    units=child.outputs[0].units * BTC_SCALE,
                ),
                numbering=lambda _last: number,
                created_at=now,
                expires_at=None,
                since_height=place.final_height,
                now=now,
            )
            if planned is None:
                return False
            parents = {signed.txid: signed.raw}
            plan = plan_of(child, height=place.top.height, parents=parents)
            await attempts.plan(
                session,
                payout_id=planned.id,
                plan=plan.to_json(),
                coins=[change.outpoint],
                now=now,
            )
        log.warning("payout.child", payout_id=payout.id, child=planned.id, fee=child.fee_units)
        return True

    async def _tell(self, payout: Payout, newest: Attempt, draft: Draft) -> None:
        key = payout.id, newest.number
        if key in self._told:
            return
        self._told.add(key)
        log.error("payout.stuck", payout_id=payout.id, tx_hash=newest.tx_hash)
        async with self.database.transaction() as session:
            await outbox.write(
                session,
                consumer=outbox.STAFF,
                key=payout.id,
                kind="alert.payout_stuck",
                payload={
                    "rail": self.book.rail,
                    "payout_id": payout.id,
                    "tx_hash": newest.tx_hash,
                    "fee": draft.fee_units,
                    "vsize": draft.vsize,
                },
            )


def _signed(attempt: Attempt, draft: Draft) -> SignedTx:
    raw = attempt.signed or b""
    try:
        read = read_transaction(raw)
    except RawBytesError as error:
        raise WalletError("sum") from error
    return SignedTx(
        raw=raw,
        txid=read.txid,
        inputs=tuple(spent.outpoint for spent in read.inputs),
        outputs=read.outputs,
        fee_units=draft.fee_units,
        vsize=read.vsize,
    )
