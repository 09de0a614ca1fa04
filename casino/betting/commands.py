"""What a player, or an aggregator in his name, may ask of betting."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, TypeAlias

import msgspec

from casino.ledger.keys import Key, fingerprint

if TYPE_CHECKING:
    from collections.abc import Mapping

    from casino.betting.game import Choice, InstantGame, StepGame
    from casino.ids import PlayerId, RoundId
    from casino.money import Asset


class _Asked(msgspec.Struct, frozen=True, gc=False):
    player_id: PlayerId
    reference: str

    @property
    def related(self) -> tuple[Key, ...]:
        """Other keys that the decision depends on."""
        return ()


class PlaceBet(_Asked, frozen=True, gc=False):
    """An instant round; `stake` in units, `choice` canonical."""

    game: InstantGame
    asset: Asset
    stake: int
    choice: Choice

    @property
    def key(self) -> Key:
        """One bet for one reference."""
        return Key("play/bet", self.reference)

    @property
    def fingerprint(self) -> bytes:
        """Game, stake and choice."""
        return _bet_fingerprint(self)


class OpenRound(_Asked, frozen=True, gc=False):
    """The opening of a round of several steps."""

    game: StepGame
    asset: Asset
    stake: int
    choice: Choice

    @property
    def key(self) -> Key:
        """One round for one reference."""
        return Key("play/open", self.reference)

    @property
    def fingerprint(self) -> bytes:
        """Game, stake and choice."""
        return _bet_fingerprint(self)


class Act(_Asked, frozen=True, gc=False):
    """One step in an open round."""

    round_id: RoundId
    action: Mapping[str, object]

    @property
    def key(self) -> Key:
        """One step for one reference."""
        return Key("play/act", self.reference)

    @property
    def fingerprint(self) -> bytes:
        """Round and action."""
        # Not yet checked: it may hold numbers of any size.
        action = json.dumps(dict(self.action), sort_keys=True)
        return fingerprint({"round": self.round_id, "action": action})


class CashOut(_Asked, frozen=True, gc=False):
    """The end of an open round at its present multiplier.

    `abandoned` says that the house ends it in the player's place, and tells him.
    """

    round_id: RoundId
    abandoned: bool = False

    @property
    def key(self) -> Key:
        """One cash-out for one reference."""
        return Key("play/cash_out", self.reference)

    @property
    def fingerprint(self) -> bytes:
        """The round."""
        return fingerprint({"round": self.round_id})


class RotateSeed(_Asked, frozen=True, gc=False):
    """Reveal the active server seed, promote the next one under `client_seed`.

    `server_seed` is the secret that is committed to as the new next one.
    """

    client_seed: str | None
    server_seed: str

    @property
    def key(self) -> Key:
        """One rotation for one reference."""
        return Key("seed/rotate", self.reference)

    @property
    def fingerprint(self) -> bytes:
        """The client seed asked for; the fresh secret is ours, not the request's."""
        return fingerprint({"client_seed": self.client_seed})


class _Seamless(_Asked, frozen=True, gc=False):
    provider: str
    asset: Asset
    round_reference: str


class Debit(_Seamless, frozen=True, gc=False):
    """A stake in another company's game; `reference` is the provider's transaction id."""

    units: int

    @property
    def key(self) -> Key:
        """One debit for one transaction id."""
        return Key(f"{self.provider}/debit", self.reference)

    @property
    def fingerprint(self) -> bytes:
        """Player, amount and round."""
        return _seamless_fingerprint(self)


class Credit(_Seamless, frozen=True, gc=False):
    """A payout of another company's game; may be zero, which closes the round without a win."""

    units: int

    @property
    def key(self) -> Key:
        """One credit for one transaction id."""
        return Key(f"{self.provider}/credit", self.reference)

    @property
    def fingerprint(self) -> bytes:
        """Player, amount and round."""
        return _seamless_fingerprint(self)


class Rollback(_Seamless, frozen=True, gc=False):
    """Take back a debit or a credit, seen or not yet seen: `target` is its transaction id."""

    target: str

    @property
    def key(self) -> Key:
        """One rollback for one transaction id."""
        return Key(f"{self.provider}/rollback", self.reference)

    @property
    def fingerprint(self) -> bytes:
        """What is taken back."""
        return fingerprint({"target": self.target, "asset": self.asset.value})

    @property
    def debit_key(self) -> Key:
        """What is taken back, if it was a debit."""
        return Key(f"{self.provider}/debit", self.target)

    @property
    def credit_key(self) -> Key:
        """What is taken back, if it was a credit."""
        return Key(f"{self.provider}/credit", self.target)

    @property
    def undone_key(self) -> Key:
        """Marks it as taken back, whichever rollback did it."""
        return Key(f"{self.provider}/undone", self.target)

    @property
    def related(self) -> tuple[Key, ...]:
        """What is taken back, and whether it was already."""
        return (self.debit_key, self.credit_key, self.undone_key)


BettingCommand: TypeAlias = (
    PlaceBet | OpenRound | Act | CashOut | RotateSeed | Debit | Credit | Rollback
)


def _bet_fingerprint(bet: PlaceBet | OpenRound) -> bytes:
    return fingerprint(
        {"game": bet.game.slug, "asset": bet.asset.value, "stake": bet.stake, "choice": bet.choice}
    )


def _seamless_fingerprint(call: Debit | Credit) -> bytes:
    return fingerprint(
        {"asset": call.asset.value, "units": call.units, "round": call.round_reference}
    )
