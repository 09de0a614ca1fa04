"""May this player do this now: status, exclusion, consent and limits, decided by pure functions.

Everything is counted in micro-units of the reference currency. A limit is reached when what is
used plus what is asked is greater than it, by a single micro-unit; windows are calendar windows in
UTC, and every limit that a player set is checked, so the lowest one decides.

Loss of a window is the stakes placed in it minus the payouts received in it. A stake counts as
lost the moment it is placed, so no chain of open rounds can pass the limit; a payout gives room
back. The number is negative for a player who is ahead: he may lose what he won in the window and
then his limit, and his loss over the window is never above the limit.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from enum import StrEnum
from functools import lru_cache

import msgspec
from msgspec.structs import replace

from casino.clock import Window, window_end, window_start
from casino.errors import (
    AccountClosed,
    ConsentRequired,
    CoolingOff,
    LimitReached,
    Refusal,
    SelfExcluded,
)

TERMS_VERSION = "2026-11-01"
RAISE_WAITS = timedelta(hours=24)


class Status(StrEnum):
    """What staff decided about the account."""

    ACTIVE = "active"
    BLOCKED = "blocked"
    CLOSED = "closed"


class LimitKind(StrEnum):
    """What a limit counts; a stake limit has no window and is stored under the day."""

    DEPOSIT = "deposit"
    LOSS = "loss"
    WAGER = "wager"
    STAKE = "stake"


class Limit(msgspec.Struct, frozen=True, gc=False):
    """A limit and the looser one that replaces it at `pending_at`; None units mean no limit."""

    kind: LimitKind
    window: Window
    units: int | None
    pending_units: int | None = None
    pending_at: datetime | None = None

    def waits(self, now: datetime) -> bool:
        """True while a looser limit is on its way."""
        return self.pending_at is not None and now < self.pending_at

    def effective(self, now: datetime) -> int | None:
        """What counts at `now`."""
        if self.pending_at is None or self.waits(now):
            return self.units
        return self.pending_units

    def changed(self, units: int | None, *, now: datetime) -> Limit:
        """This limit after the player asked for `units`: tighter at once, looser after a day.

        Asking for the current limit, or a tighter one, takes a waiting change back; asking again
        for the change that waits does not make it wait longer.
        """
        current = self.effective(now)
        if not looser(units, than=current):
            return replace(self, units=units, pending_units=None, pending_at=None)
        if self.waits(now) and units == self.pending_units:
            return self
        return replace(self, units=current, pending_units=units, pending_at=now + RAISE_WAITS)


class Tally(msgspec.Struct, frozen=True, gc=False):
    """Sums of one window that began on `start`."""

    start: date
    staked: int = 0
    lost: int = 0
    deposited: int = 0

    def used(self, kind: LimitKind) -> int:
        """What counts against a limit of this kind."""
        match kind:
            case LimitKind.DEPOSIT:
                return self.deposited
            case LimitKind.LOSS:
                return self.lost
            case LimitKind.WAGER:
                return self.staked
            case LimitKind.STAKE:
                return 0


class Counters(msgspec.Struct, frozen=True, gc=False):
    """Sums of the current day, week and month; call `rolled(now)` before adding to them."""

    day: Tally
    week: Tally
    month: Tally
    rate_id: int | None = None

    @classmethod
    def empty(cls, now: datetime) -> Counters:
        """Counters of someone who did nothing yet."""
        day, week, month = _starts(now)
        return cls(Tally(day), Tally(week), Tally(month))

    def tally(self, window: Window) -> Tally:
        """The sums of one window."""
        match window:
            case Window.DAY:
                return self.day
            case Window.WEEK:
                return self.week
            case Window.MONTH:
                return self.month

    def rolled(self, now: datetime) -> Counters:
        """The same counters with every window that ended before `now` begun anew.

        A window that seems to begin after `now` (another machine's clock is ahead) is kept:
        nothing that was counted may be forgotten.
        """
        day, week, month = _starts(now)
        if self.day.start >= day and self.week.start >= week and self.month.start >= month:
            return self
        return replace(
            self,
            day=_rolled(self.day, day),
            week=_rolled(self.week, week),
            month=_rolled(self.month, month),
        )

    def with_stake(self, ref: int, *, rate_id: int | None = None) -> Counters:
        """A stake of `ref` (rounded up by the caller) was placed."""
        return self._added(staked=ref, lost=ref, rate_id=rate_id)

    def with_round(self, stake_ref: int, payout_ref: int, *, rate_id: int | None) -> Counters:
        """A stake was placed and its payout received, in one go."""
        return self._added(staked=stake_ref, lost=stake_ref - payout_ref, rate_id=rate_id)

    def with_payout(self, ref: int, *, rate_id: int | None = None) -> Counters:
        """A payout of `ref`, stake included, was received."""
        return self._added(lost=-ref, rate_id=rate_id)

    def with_refund(self, ref: int, *, rate_id: int | None = None) -> Counters:
        """A stake of `ref` came back unplayed: its turnover does not count either."""
        return self._added(staked=-ref, lost=-ref, rate_id=rate_id)

    def with_deposit(self, ref: int, *, rate_id: int | None = None) -> Counters:
        """A deposit of `ref` was credited; withdrawals never lower this (the limit is gross)."""
        return self._added(deposited=ref, rate_id=rate_id)

    def _added(
        self, *, staked: int = 0, lost: int = 0, deposited: int = 0, rate_id: int | None
    ) -> Counters:
        return Counters(
            _added(self.day, staked, lost, deposited),
            _added(self.week, staked, lost, deposited),
            _added(self.month, staked, lost, deposited),
            rate_id or self.rate_id,
        )


class PlayerFacts(msgspec.Struct, frozen=True, gc=False):
    """All that the gates read about a player, loaded under his lock."""

    player_id: int
    status: Status
    excluded_until: datetime | None
    excluded_for_life: bool
    cooling_off_until: datetime | None
    kyc_level: int
    terms_version: str | None
    limits: tuple[Limit, ...]
    counters: Counters


def start_of(window: Window, now: datetime) -> date:
    """The date that a window's counters carry."""
    return window_start(window, now).date()


@lru_cache(maxsize=16)
def _starts(now: datetime) -> tuple[date, date, date]:
    # A batch asks for every one of its players with the same `now`.
    return start_of(Window.DAY, now), start_of(Window.WEEK, now), start_of(Window.MONTH, now)


def looser(units: int | None, *, than: int | None) -> bool:
    """Whether a limit of `units` allows more than another; None allows everything."""
    if than is None:
        return False
    return units is None or units > than


def resets_at(limit: Limit, *, now: datetime) -> datetime | None:
    """When what is used of a limit begins anew; None for a stake limit, which is never used up."""
    return None if limit.kind is LimitKind.STAKE else window_end(limit.window, now)


def check_account(facts: PlayerFacts) -> Refusal | None:
    """Refuse a blocked or closed account."""
    if facts.status is not Status.ACTIVE:
        return AccountClosed(reason=facts.status.value)
    return None


def check_exclusion(facts: PlayerFacts, *, now: datetime) -> Refusal | None:
    """Refuse while a self-exclusion or a time-out runs; it ends at its very moment."""
    if facts.excluded_for_life:
        return SelfExcluded(until=None)
    if facts.excluded_until is not None and now < facts.excluded_until:
        return SelfExcluded(until=facts.excluded_until)
    if facts.cooling_off_until is not None and now < facts.cooling_off_until:
        return CoolingOff(until=facts.cooling_off_until)
    return None


def check_play(facts: PlayerFacts, *, now: datetime) -> Refusal | None:
    """May the player play at all: status, exclusion, time-out, age and the current terms."""
    refusal = check_account(facts) or check_exclusion(facts, now=now)
    if refusal is not None:
        return refusal
    if facts.terms_version != TERMS_VERSION:
        return ConsentRequired(terms_version=TERMS_VERSION)
    return None


def check_stake(facts: PlayerFacts, *, stake_ref: int, now: datetime) -> Refusal | None:
    """May the player stake this much, by his own limits; `stake_ref` is rounded up."""
    if not facts.limits:
        return None
    counters = facts.counters.rolled(now)
    for limit in facts.limits:
        if limit.kind is LimitKind.DEPOSIT:
            continue
        refusal = _check_limit(limit, counters, stake_ref, now)
        if refusal is not None:
            return refusal
    return None


def check_deposit(facts: PlayerFacts, *, deposit_ref: int, now: datetime) -> Refusal | None:
    """May a deposit become playable: status, exclusion, time-out, deposit limits. A chain cannot
    be refused, so a deposit that this refuses is held and not played."""
    refusal = check_account(facts) or check_exclusion(facts, now=now)
    if refusal is not None:
        return refusal
    counters = facts.counters.rolled(now)
    for limit in facts.limits:
        if limit.kind is LimitKind.DEPOSIT:
            refusal = _check_limit(limit, counters, deposit_ref, now)
            if refusal is not None:
                return refusal
    return None


def deposit_room(facts: PlayerFacts, *, now: datetime) -> int | None:
    """How much may still be deposited under the lowest of the limits; None says any amount."""
    counters = facts.counters.rolled(now)
    rooms = [
        units - counters.tally(limit.window).deposited
        for limit in facts.limits
        if limit.kind is LimitKind.DEPOSIT and (units := limit.effective(now)) is not None
    ]
    return max(0, min(rooms)) if rooms else None


def check_withdraw(facts: PlayerFacts) -> Refusal | None:
    """May the player take money out. Neither exclusion, time-out nor newer terms stand in the
    way: only a closed account does, and someone who never stated his age."""
    refusal = check_account(facts)
    if refusal is not None:
        return refusal
    if facts.terms_version is None:
        return ConsentRequired(terms_version=TERMS_VERSION)
    return None


def _check_limit(limit: Limit, counters: Counters, asked: int, now: datetime) -> Refusal | None:
    units = limit.effective(now)
    if units is None:
        return None
    used = counters.tally(limit.window).used(limit.kind)
    if used + asked <= units:
        return None
    return LimitReached(
        kind=limit.kind.value,
        window=limit.window.value,
        limit=units,
        used=used,
        resets_at=resets_at(limit, now=now),
    )


def _rolled(tally: Tally, start: date) -> Tally:
    return tally if tally.start >= start else Tally(start)


def _added(tally: Tally, staked: int, lost: int, deposited: int) -> Tally:
    return Tally(
        tally.start,
        # A refund may belong to a stake of the window before.
        max(tally.staked + staked, 0),
        tally.lost + lost,
        tally.deposited + deposited,
    )
