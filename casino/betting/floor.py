"""The gaming floor of one process: the way in for every bet, through the group commit."""

from __future__ import annotations

import gc
import secrets
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, TypeVar, cast

from casino.betting.answers import Answer, RotationAnswer, SeamlessAnswer
from casino.betting.commands import (
    Act,
    BettingCommand,
    CashOut,
    Credit,
    Debit,
    OpenRound,
    PlaceBet,
    Rollback,
    RotateSeed,
)
from casino.betting.desk import BettingDesk
from casino.betting.fairness import require_client_seed
from casino.betting.seeds import SeedStore
from casino.betting.state import PlayState, Round
from casino.clock import utc_now
from casino.errors import BadAmount, InvariantViolation, Refusal, StaleReference
from casino.ids import first_reference_at, is_reference, new_reference
from casino.ledger.batch import Batch, connect, open_batch
from casino.ledger.journal import Result
from casino.money import UNITS_MAX, require_units
from casino.telemetry import bets_total

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

    import asyncpg

    from casino.betting.game import InstantGame, StepGame
    from casino.ids import PlayerId, RoundId
    from casino.money import Asset
    from casino.vault import Vault

AnswerT = TypeVar("AnswerT")

COLLECT_EVERY = (20_000, 50, 100)
REFERENCE_AGE_MAX = timedelta(days=28)
REFERENCE_AHEAD_MAX = timedelta(minutes=5)
BOUNDS_LAST = timedelta(seconds=1)
OUTSIDE_REFERENCE_MAX = 128


class GamingFloor:
    """Takes bets, steps, cash-outs, seed rotations and aggregators' calls.

    Every method returns after the commit. Each raises the refusal of a rule, IdempotencyConflict,
    or OutsideUnavailable when the outcome is unknown: send the same reference again.
    """

    def __init__(
        self,
        batch: Batch[BettingCommand, PlayState, Answer],
        seeds: SeedStore,
        clock: Callable[[], datetime],
    ) -> None:
        self._batch = batch
        self._clock = clock
        # Between which beginnings a reference is of our time, and since when they are known.
        self._bounds = ("", "")
        self._bounds_at = datetime.min.replace(tzinfo=UTC)
        self.seeds = seeds

    async def place_bet(
        self,
        *,
        player_id: PlayerId,
        game: InstantGame,
        asset: Asset,
        stake: int,
        choice: Mapping[str, object],
        reference: str,
    ) -> Result[Round]:
        """Play an instant round; `reference` is a UUIDv7 that the client keeps until answered."""
        self._require_fresh(reference)
        command = PlaceBet(
            player_id, reference, game, asset, require_units(stake), game.parse(choice)
        )
        return await self._play(command, game.slug, asset)

    async def open_round(
        self,
        *,
        player_id: PlayerId,
        game: StepGame,
        asset: Asset,
        stake: int,
        choice: Mapping[str, object],
        reference: str,
    ) -> Result[Round]:
        """Open a round of several steps; the stake is held until it ends."""
        self._require_fresh(reference)
        command = OpenRound(
            player_id, reference, game, asset, require_units(stake), game.parse(choice)
        )
        return await self._play(command, game.slug, asset)

    async def act(
        self,
        *,
        player_id: PlayerId,
        round_id: RoundId,
        action: Mapping[str, object],
        reference: str,
    ) -> Result[Round]:
        """Take one step in an open round."""
        self._require_fresh(reference)
        return await self._play(Act(player_id, reference, round_id, action))

    async def cash_out(
        self, *, player_id: PlayerId, round_id: RoundId, reference: str, abandoned: bool = False
    ) -> Result[Round]:
        """End an open round at its present multiplier; one that was `abandoned` is ended in the
        player's place, and he is told."""
        self._require_fresh(reference)
        return await self._play(CashOut(player_id, reference, round_id, abandoned))

    async def rotate_seed(
        self, *, player_id: PlayerId, client_seed: str | None, reference: str
    ) -> Result[RotationAnswer]:
        """Reveal the active server seed and go on with the next, under a new client seed."""
        self._require_fresh(reference)
        if client_seed is not None:
            client_seed = require_client_seed(client_seed)
        command = RotateSeed(player_id, reference, client_seed, self.seeds.new_server_seed())
        return _answered(await self._batch.submit(command), RotationAnswer)

    def new_reference(self) -> str:
        """A fresh reference by the floor's own clock, for what the house does by itself."""
        return new_reference(self._clock())

    async def seamless(self, call: Debit | Credit | Rollback) -> Result[SeamlessAnswer]:
        """Settle an aggregator's call; idempotent by provider, kind and transaction id.

        Raises BadAmount for units that are no whole number of 0 .. UNITS_MAX, StaleReference for
        an id that is empty, longer than 128 characters or not printable.
        """
        _require_settleable(call)
        return _answered(await self._batch.submit(call), SeamlessAnswer)

    async def _play(
        self,
        command: PlaceBet | OpenRound | Act | CashOut,
        slug: str = "",
        asset: Asset | None = None,
    ) -> Result[Round]:
        try:
            result = _answered(await self._batch.submit(command), Round)
        except Refusal as refusal:
            bets_total.count(slug, asset.value if asset else "", refusal.code)
            raise
        round_ = result.answer
        if round_.status != "open" and not result.replayed:
            won = "won" if round_.payout > round_.stake else "lost"
            bets_total.count(round_.game, round_.asset.value, won)
        return result

    def _require_fresh(self, reference: str) -> None:
        now = self._clock()
        if not self._bounds_at <= now < self._bounds_at + BOUNDS_LAST:
            self._bounds_at = now
            self._bounds = (
                first_reference_at(now - REFERENCE_AGE_MAX),
                first_reference_at(now + REFERENCE_AHEAD_MAX),
            )
        low, high = self._bounds
        if not low <= reference.lower() < high or not is_reference(reference):
            raise StaleReference


@asynccontextmanager
async def open_floor(
    dsn: str,
    vault: Vault,
    *,
    step_games: Mapping[str, StepGame],
    lanes: int = 2,
    clock: Callable[[], datetime] = utc_now,
    connect: Callable[[str], Awaitable[asyncpg.Connection]] = connect,
    token_hex: Callable[[int], str] = secrets.token_hex,
    live_house: bool = True,
) -> AsyncIterator[GamingFloor]:
    """Run the floor of a process until the context ends; bets in flight are settled first.

    Without `live_house` the live balances of the house are not kept, which only a measurement of
    what they cost has a use for.
    """
    # What a bet makes dies without the collector's help, and caches are large: look less often.
    gc.freeze()
    gc.set_threshold(*COLLECT_EVERY)
    seeds = SeedStore(vault, token_hex)
    desk = BettingDesk(seeds, step_games)
    async with open_batch(
        dsn, desk, lanes=lanes, clock=clock, connect=connect, live_house=live_house
    ) as batch:
        yield GamingFloor(batch, seeds, clock)


def _require_settleable(call: Debit | Credit | Rollback) -> None:
    """Stop at the door what the database could not store: it would fail a whole batch."""
    ids = [call.reference]
    if isinstance(call, Rollback):
        ids.append(call.target)
    elif type(call.units) is not int or not 0 <= call.units <= UNITS_MAX:
        raise BadAmount
    if not all(ids):
        raise StaleReference
    # The round may be nameless.
    for text in (*ids, call.round_reference):
        if len(text) > OUTSIDE_REFERENCE_MAX or not text.isprintable():
            raise StaleReference


def _answered(result: Result[Answer], kind: type[AnswerT]) -> Result[AnswerT]:
    if not isinstance(result.answer, kind):
        raise InvariantViolation(reason="a command was answered with something else")
    return cast("Result[AnswerT]", result)
