"""Wallet calls from aggregators: debit, credit, rollback, tombstones; pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from casino.betting import decide
from casino.betting.answers import SeamlessAnswer, keep, recall_seamless
from casino.errors import IdempotencyConflict, Refusal
from casino.ledger.chart import Account, Kind
from casino.ledger.desk import Entry, Seen, Wallets
from casino.ledger.wallet import Posting, Wallet

if TYPE_CHECKING:
    from datetime import datetime

    from casino.betting.answers import Answer
    from casino.betting.commands import Credit, Debit, Rollback
    from casino.betting.state import PlayState
    from casino.ids import EntryId
    from casino.ledger.keys import Key, StoredKey


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
    state: PlayState,
    wallets: Wallets,
    call: Rollback,
    seen: Seen,
    *,
    entry_id: EntryId,
    now: datetime,
) -> Entry[PlayState, Answer] | Refusal | IdempotencyConflict:
    """Take a debit or a credit back once; what never came is refused from now on.

    The provider's ids are one space, so an id that was neither is closed as both.
    """
    if call.undone_key in seen:
        return _nothing(state, call, entry_id, ())
    stake, payout = (_alive(seen.get(key)) for key in (call.debit_key, call.credit_key))
    target = stake or payout
    if target is None:
        keys = (call.debit_key, call.credit_key)
        return _nothing(state, call, entry_id, tuple(key for key in keys if key not in seen))
    if target.player_id != call.player_id or target.answer is None:
        return IdempotencyConflict(reference=call.target)
    taken = recall_seamless(target.answer)
    if taken.asset is not call.asset:
        # The money would come back as the same number of another coin's units.
        return IdempotencyConflict(reference=call.target)
    house = state.batch.now
    if stake is not None:
        after = decide.refunded(state, house, call.asset, taken.units, now)
        postings = _posting(
            Account.HOUSE_AGGREGATORS, Account.PLAYER_CASH, taken, Kind.SEAMLESS_ROLLBACK
        )
    else:
        after = decide.credited(state, house, call.asset, -taken.units, now)
        postings = _reversal(wallets.get(call.asset, Wallet(call.asset)), taken)
    return Entry(after, taken, entry_id, postings, keep(taken), (call.undone_key,))


def _alive(stored: StoredKey | None) -> StoredKey | None:
    return None if stored is None or stored.is_tombstone else stored


def _nothing(
    state: PlayState, call: Rollback, entry_id: EntryId, tombstones: tuple[Key, ...]
) -> Entry[PlayState, Answer]:
    nothing = SeamlessAnswer(0, call.asset)
    return Entry(state, nothing, entry_id, (), keep(nothing), tombstones)


def _reversal(wallet: Wallet, taken: SeamlessAnswer) -> tuple[Posting, ...]:
    """The payout is owed, and paid with what is there of it."""
    there = SeamlessAnswer(min(wallet.cash, taken.units), taken.asset)
    return (
        *_posting(Account.PLAYER_DEFICIT, Account.HOUSE_AGGREGATORS, taken, Kind.SEAMLESS_REVERSAL),
        *_posting(Account.PLAYER_CASH, Account.PLAYER_DEFICIT, there, Kind.DEFICIT_PAYMENT),
    )


def _entry(
    state: PlayState,
    entry_id: EntryId,
    units: int,
    source: Account,
    sink: Account,
    call: Debit | Credit,
    kind: Kind,
) -> Entry[PlayState, Answer]:
    answer = SeamlessAnswer(units, call.asset)
    return Entry(state, answer, entry_id, _posting(source, sink, answer, kind), keep(answer))


def _posting(
    source: Account, sink: Account, moved: SeamlessAnswer, kind: Kind
) -> tuple[Posting, ...]:
    return (Posting(source, sink, moved.units, moved.asset, kind),) if moved.units else ()
