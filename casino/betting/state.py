"""What a decision in betting reads: the player, his seeds, his open rounds, the house."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from casino.betting.game import Choice, Details
    from casino.exchange import Rate
    from casino.ids import PlayerId, RoundId, SeedPairId
    from casino.money import Asset
    from casino.players.rules import PlayerFacts


class SeedState(msgspec.Struct, frozen=True, gc=False):
    """The active pair with its secret, and what is committed to as the next one."""

    pair_id: SeedPairId
    server_seed: str
    commitment: str
    client_seed: str
    client_seed_by: str
    used: int
    receipt_head: bytes | None
    next_pair_id: SeedPairId
    next_server_seed: str
    next_commitment: str


class SeedView(msgspec.Struct, frozen=True, gc=False):
    """What a player may know of his seeds now."""

    pair_id: SeedPairId
    commitment: str
    next_commitment: str
    client_seed: str
    client_seed_by: str
    seed_nonce: int


class Round(msgspec.Struct, frozen=True, gc=False):
    """A round as it stands; `details` are known once it has ended."""

    id: RoundId
    player_id: PlayerId
    game: str
    algorithm: str
    asset: Asset
    status: str
    stake: int
    payout: int
    choice: Choice
    steps: tuple[int, ...] | None
    details: Details | None
    multiplier: Fraction
    steps_allowed: int | None
    exposure: int
    seed_pair_id: SeedPairId
    seed_nonce: int
    commitment: str
    client_seed: str
    receipt_hash: bytes | None
    receipt_before: bytes | None
    opened_at: datetime
    settled_at: datetime | None


class StakeRange(msgspec.Struct, frozen=True, gc=False):
    """Smallest and largest stake, in units."""

    low: int
    high: int


class House(msgspec.Struct, frozen=True, gc=False):
    """What is the same for every player of a batch; units by asset.

    `bankroll` is what the house owns for gaming; `exposure_open` is what open rounds may still
    cost it, with the batch's own earlier rounds included.
    """

    stopped: frozenset[str]
    rates: Mapping[Asset, Rate]
    stakes: Mapping[tuple[str, Asset], StakeRange]
    bankroll: Mapping[Asset, int]
    exposure_open: Mapping[Asset, int]


class BatchView:
    """What the commands of one batch share: the house, and the rounds that the batch has made."""

    __slots__ = ("now", "rounds")

    def __init__(self, house: House, rounds: Mapping[RoundId, Round]) -> None:
        self.now = house
        self.rounds = dict(rounds)

    def expose(self, asset: Asset, change: int) -> None:
        """Count a round opened or closed earlier in the batch."""
        opened = dict(self.now.exposure_open)
        opened[asset] = opened.get(asset, 0) + change
        self.now = replace(self.now, exposure_open=opened)


class PlayState(msgspec.Struct, frozen=True, gc=False):
    """One player under his lock, and the batch he is in."""

    facts: PlayerFacts
    seeds: SeedState
    batch: BatchView
    open_rounds: Mapping[RoundId, Round]
