"""Wallet calls from aggregators: debit, credit, rollback, tombstones; pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from casino.betting import decide
from casino.betting.answers import SeamlessAnswer, keep, recall_seamless
from casino.errors import IdempotencyConflict, Refusal
from casino.ledger.chart import Account, Kind
from casino.ledger.journal import Entry, Seen, Wallets
from casino.ledger.wallet import Posting

if TYPE_CHECKING:
    from datetime import datetime

    from casino.betting.answers import Answer
    from casino.betting.commands import Credit, Debit, Rollback
    from casino.betting.state import PlayState
    from casino.ids import EntryId


def debit(
    state: PlayState, wallets: Wallets, call: Debit, *, entry_id: EntryId, now: datetime
) -> Entry[PlayState, Answer] | Refusal:
    """A stake: gate, limits and funds are ours, the draw is theirs. Zero units are a free round."""
    refusal = decide.check_debit(state, wallets, call, state.batch.now, now=now)
    if refusal is not None:
        return refusal
    after = decide.debited(state, state.batch.now, call.asset, call.units, now)
    return _entry(
        after,
        entry_id,
        call.units,
        Account.PLAYER_CASH,
        Account.HOUSE_AGGREGATORS,
        call,
        Kind.SEAMLESS_DEBIT,
    )


def credit(
    state: PlayState, call: Credit, *, entry_id: EntryId, now: datetime
) -> Entry[PlayState, Answer]:
    """A payout is always taken in: the bet it belongs to was placed under the rules of then."""
    after = decide.credited(state, state.batch.now, call.asset, call.units, now)
    return _entry(
        after,
        entry_id,
        call.units,
        Account.HOUSE_AGGREGATORS,
        Account.PLAYER_CASH,
        call,
        Kind.SEAMLESS_CREDIT,
    )


def rollback(
    state: PlayState, call: Rollback, seen: Seen, *, entry_id: EntryId, now: datetime
) -> Entry[PlayState, Answer] | Refusal | IdempotencyConflict:
    """Give a debit back once; a debit that never came is refused from now on."""
    target = seen.get(call.target_key)
    if target is None or target.is_tombstone or call.undone_key in seen:
        tombstones = (call.target_key,) if target is None else ()
        nothing = SeamlessAnswer(0, call.asset)
        return Entry(state, nothing, entry_id, (), keep(nothing), tombstones)
    if target.player_id != call.player_id or target.answer is None:
        return IdempotencyConflict(reference=call.target)
    taken = recall_seamless(target.answer)
    if taken.asset is not call.asset:
        # The stake would come back as the same number of another coin's units.
        return IdempotencyConflict(reference=call.target)
    after = decide.refunded(state, state.batch.now, call.asset, taken.units, now)
    made = _entry(
        after,
        entry_id,
        taken.units,
        Account.HOUSE_AGGREGATORS,
        Account.PLAYER_CASH,
        call,
        Kind.SEAMLESS_ROLLBACK,
    )
    return replace(made, tombstones=(call.undone_key,))


def _entry(
    state: PlayState,
    entry_id: EntryId,
    units: int,
    source: Account,
    sink: Account,
    call: Debit | Credit | Rollback,
    kind: Kind,
) -> Entry[PlayState, Answer]:
    postings = (Posting(source, sink, units, call.asset, kind),) if units else ()
    answer = SeamlessAnswer(units, call.asset)
    return Entry(state, answer, entry_id, postings, keep(answer))
