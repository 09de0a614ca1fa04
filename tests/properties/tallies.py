"""What a player staked, lost and deposited by window, counted a second time and in another way."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from casino.clock import Window
from casino.players.rules import LimitKind, PlayerFacts


@dataclass(frozen=True, slots=True)
class Effect:
    """What one answer means for the counters, in micro-units; entries are in order of decision."""

    entry_id: int
    staked: int = 0
    won: int = 0
    refunded: int = 0
    deposited: int = 0


@dataclass(slots=True)
class Sums:
    """Sums of one window, by the name that its calendar gives it."""

    name: object = None
    staked: int = 0
    lost: int = 0
    deposited: int = 0

    def add(self, effect: Effect) -> None:
        # A refund of a stake of an earlier window cannot bring this one's turnover below zero.
        self.staked = max(0, self.staked + effect.staked - effect.refunded)
        self.lost += effect.staked - effect.won - effect.refunded
        self.deposited += effect.deposited

    def used(self, kind: LimitKind) -> int:
        return {"deposit": self.deposited, "loss": self.lost, "wager": self.staked}[kind.value]


@dataclass(slots=True)
class Tallies:
    """One player's windows, as the answers add up to them."""

    windows: dict[Window, Sums] = field(default_factory=lambda: {one: Sums() for one in Window})

    def roll(self, now: datetime) -> None:
        """Begin those windows anew whose name has changed."""
        for window, sums in self.windows.items():
            name = _name(window, now)
            if sums.name != name:
                self.windows[window] = Sums(name)

    def take(self, effects: Iterable[Effect], before: PlayerFacts, now: datetime) -> None:
        """Add effects in order. None may pass a limit by a micro-unit that was in force before
        them: in between, limits only ever tighten, since a looser one holds a day later."""
        limits = [
            (limit, units) for limit in before.limits if (units := limit.effective(now)) is not None
        ]
        for effect in sorted(effects, key=lambda one: one.entry_id):
            for limit, units in limits:
                if limit.kind is LimitKind.STAKE:
                    assert effect.staked <= units, (limit, effect)
                    continue
                asked = effect.deposited if limit.kind is LimitKind.DEPOSIT else effect.staked
                used = self.windows[limit.window].used(limit.kind)
                assert not asked or used + asked <= units, (limit, effect, used)
            for sums in self.windows.values():
                sums.add(effect)

    def require(self, after: PlayerFacts, now: datetime) -> None:
        """The house counted the same in every window."""
        counters = after.counters.rolled(now)
        for window, sums in self.windows.items():
            kept = counters.tally(window)
            found = (kept.staked, kept.lost, kept.deposited)
            assert found == (sums.staked, sums.lost, sums.deposited), (window, now)


def _name(window: Window, now: datetime) -> object:
    match window:
        case Window.DAY:
            return now.date()
        case Window.WEEK:
            return now.isocalendar()[:2]
        case Window.MONTH:
            return (now.year, now.month)
