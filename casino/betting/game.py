"""What a game is: the Protocols that engines implement. No money, no database, no clock."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeAlias

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from fractions import Fraction

Choice: TypeAlias = "Mapping[str, int | bool | str]"
Details: TypeAlias = "Mapping[str, int | list[int]]"


class Stream(Protocol):
    """Fair numbers of one round, in order; the same seeds and nonce give the same numbers."""

    def draw(self, n: int) -> int:
        """The next number of 0 .. n-1."""
        ...

    def draw_all(self, sizes: Sequence[int]) -> list[int]:
        """The next numbers, one of 0 .. n-1 for each n of `sizes`: as `draw` for each in turn."""
        ...


class Outcome(msgspec.Struct, frozen=True, gc=False):
    """How an instant round ended: payout divided by stake, and what was drawn."""

    multiplier: Fraction
    details: Details


class InstantGame(Protocol):
    """A game that is over in one call.

    `table` states the rules that turn a draw into a multiplier, `table_hash` is their name on
    receipts; other rules are another algorithm.
    """

    slug: str
    algorithm: str
    table: Mapping[str, object]
    table_hash: str

    def parse(self, choice: Mapping[str, object]) -> Choice:
        """The choice in its canonical form; raises BadChoice."""
        ...

    def rtp(self, choice: Choice) -> Fraction:
        """The exact theoretical return to player of a choice."""
        ...

    def max_multiplier(self, choice: Choice) -> Fraction:
        """The most that a stake can be multiplied by."""
        ...

    def resolve(self, choice: Choice, stream: Stream) -> Outcome:
        """Draw and decide."""
        ...


class Step(msgspec.Struct, frozen=True, gc=False):
    """A round after an action: what was done so far, and whether it ended, won or lost."""

    steps: tuple[int, ...]
    lost: bool
    finished: bool


class StepGame(Protocol):
    """A game of several steps under one draw; the player may cash out between them."""

    slug: str
    algorithm: str
    table: Mapping[str, object]
    table_hash: str

    def parse(self, choice: Mapping[str, object]) -> Choice:
        """The opening choice in its canonical form; raises BadChoice."""
        ...

    def rtp(self, choice: Choice) -> Fraction:
        """The exact theoretical return to player, the same wherever the player stops."""
        ...

    def steps_max(self, choice: Choice) -> int:
        """How many winning steps a round can have."""
        ...

    def multiplier(self, choice: Choice, steps: int) -> Fraction:
        """Payout divided by stake when cashing out after so many winning steps."""
        ...

    def secret(self, choice: Choice, stream: Stream) -> tuple[int, ...]:
        """What is drawn at the opening and hidden until the end."""
        ...

    def act(
        self,
        choice: Choice,
        secret: tuple[int, ...],
        steps: tuple[int, ...],
        action: Mapping[str, object],
    ) -> Step:
        """One more step; raises BadChoice for an action the round does not offer."""
        ...

    def view(
        self, choice: Choice, secret: tuple[int, ...] | None, steps: tuple[int, ...]
    ) -> Details:
        """What the player may see; `secret` is given only when the round has ended."""
        ...


Game: TypeAlias = InstantGame | StepGame
