"""What betting hands the ledger: the state it loads, the rules it applies, the rows it stores."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, TypeAlias

from msgspec.structs import replace

from casino.betting import decide, notices, seamless, sql
from casino.betting.answers import (
    Answer,
    RotationAnswer,
    keep,
    keep_round,
    recall_rotation,
    recall_round,
    recall_seamless,
    round_id_of,
)
from casino.betting.commands import (
    Act,
    CashOut,
    Credit,
    Debit,
    OpenRound,
    PlaceBet,
    Rollback,
    RotateSeed,
)
from casino.betting.decide import Made
from casino.betting.fairness import Seeds
from casino.betting.seeds import SeedStore, view
from casino.betting.state import BatchView, House, PlayState, Round
from casino.errors import InvariantViolation, Refusal, RoundClosed
from casino.ids import EntryId, PlayerId, RoundId, SeedPairId
from casino.ledger import totals
from casino.ledger.desk import Decided, Entry, Seen, Wallets
from casino.ledger.keys import StoredKey
from casino.players import facts

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    import asyncpg

    from casino.betting.commands import BettingCommand
    from casino.betting.game import StepGame
    from casino.betting.state import SeedState
    from casino.errors import IdempotencyConflict
    from casino.ledger.sql import Beside
    from casino.money import Asset

BettingEntry: TypeAlias = Entry[PlayState, Answer]

_OPENING = (PlaceBet, OpenRound)
_WITHOUT_STEPS = (PlaceBet, Debit, Credit, Rollback)
BANKROLL_AGE_MAX = timedelta(seconds=1)
# Where the player's seeds stand in a loaded row.
_SEEDS = slice(facts.COLUMNS_COUNT, facts.COLUMNS_COUNT + 3)


class BettingDesk:
    """Holds what outlives a batch: opened seeds and a bankroll at most a second old."""

    keys_for_ever = False

    def __init__(self, seeds: SeedStore, step_games: Mapping[str, StepGame]) -> None:
        self._seeds = seeds
        self._step_games = step_games
        self._bankroll: Mapping[Asset, int] = {}
        self._bankroll_at: datetime | None = None
        self._house: House | None = None
        self._house_version: int | None = None

    async def load(
        self,
        connection: asyncpg.Connection,
        commands: Sequence[BettingCommand],
        seen: Seen,
        now: datetime,
    ) -> dict[PlayerId, PlayState]:
        """Facts, seeds and open rounds of the batch's players, and the house as it stands."""
        players = sorted({command.player_id for command in commands})
        rows = await sql.load_players(connection, players)
        seeds = await self._seeds_of(connection, rows)
        house = await self._house_of(connection, rows[-1][-1] if rows else None, now)
        if any(isinstance(one, OpenRound) for one in commands):
            house = replace(house, exposure_open=await sql.lock_exposure(connection))
        stepping = any(not isinstance(one, _WITHOUT_STEPS) for one in commands)
        open_rounds = _by_player(
            await sql.load_open_rounds(connection, players) if stepping else ()
        )
        wanted = _asked_again(commands, seen) if seen else []
        earlier = await sql.load_rounds(connection, wanted) if wanted else []
        batch = BatchView(house, {round_.id: round_ for round_ in earlier})
        return {
            player_id: PlayState(
                facts.read(row), seeds[player_id], batch, open_rounds.get(player_id, {})
            )
            for row in rows
            for player_id in (PlayerId(row[0]),)
        }

    def decide(  # noqa: C901 - one branch a command
        self,
        state: PlayState,
        wallets: Wallets,
        command: BettingCommand,
        seen: Seen,
        *,
        entry_id: EntryId,
        now: datetime,
    ) -> BettingEntry | Refusal | IdempotencyConflict:
        """Apply the rules of the command."""
        house = state.batch.now
        match command:
            case PlaceBet():
                made = decide.place_bet(state, wallets, command, house, entry_id=entry_id, now=now)
            case OpenRound():
                made = decide.open_round(state, wallets, command, house, entry_id=entry_id, now=now)
            case Act():
                made = self._in_round(state, command, now)
            case CashOut():
                made = self._in_round(state, command, now)
            case RotateSeed():
                return _rotated(state, command, entry_id)
            case Debit():
                return seamless.debit(state, wallets, command, entry_id=entry_id, now=now)
            case Credit():
                return seamless.credit(state, command, entry_id=entry_id, now=now)
            case Rollback():
                return seamless.rollback(state, wallets, command, seen, entry_id=entry_id, now=now)
        if isinstance(made, Refusal):
            return made
        after, round_, postings = made
        if round_.exposure:
            change = _exposure_change(command, round_)
            if change:
                state.batch.expose(round_.asset, change)
        # A repeat of the reference further on in the batch asks for the round.
        state.batch.rounds[round_.id] = round_
        kept = None if isinstance(command, PlaceBet) else keep_round(round_)
        return Entry(after, round_, round_.id, postings, kept)

    def replay(self, state: PlayState, command: BettingCommand, stored: StoredKey) -> Answer:
        """The answer given the first time."""
        match command:
            case PlaceBet():
                return _require(state, RoundId(stored.entry_id))
            case OpenRound() | Act() | CashOut():
                kept = _kept(stored)
                return recall_round(kept, _require(state, round_id_of(kept)))
            case RotateSeed():
                return recall_rotation(_kept(stored))
            case Debit() | Credit() | Rollback():
                return recall_seamless(_kept(stored))

    async def store(
        self,
        connection: asyncpg.Connection,
        decided: Sequence[Decided[BettingCommand, PlayState, Answer]],
        states: Mapping[PlayerId, PlayState],
        now: datetime,
    ) -> Beside:
        """Write rotations, further steps, exposure and notices of what is worth telling; nonces,
        counters and new rounds go beside the book."""
        new: dict[RoundId, Round] = {}
        changed: dict[RoundId, Round] = {}
        exposure: dict[Asset, int] = {}
        abandoned: set[RoundId] = set()
        for one in decided:
            round_ = one.entry.answer
            if isinstance(round_, RotationAnswer):
                fresh = one.entry.state.seeds
                await self._seeds.rotate(connection, one.command.player_id, round_, fresh, now)
                continue
            if not isinstance(round_, Round):
                continue
            if isinstance(one.command, _OPENING) or round_.id in new:
                new[round_.id] = round_
            else:
                changed[round_.id] = round_
            if isinstance(one.command, CashOut) and one.command.abandoned:
                abandoned.add(round_.id)
            if round_.exposure:
                change = _exposure_change(one.command, round_)
                exposure[round_.asset] = exposure.get(round_.asset, 0) + change
        if changed:
            await sql.change_rounds(connection, list(changed.values()))
        if any(exposure.values()):
            await sql.change_exposure(connection, exposure)
        await notices.write(
            connection, [*new.values(), *changed.values()], states, abandoned=abandoned
        )
        return sql.beside(states, new.values())

    async def _seeds_of(
        self, connection: asyncpg.Connection, rows: Sequence[asyncpg.Record]
    ) -> dict[PlayerId, SeedState]:
        found: dict[PlayerId, SeedState] = {}
        missing: list[PlayerId] = []
        for row in rows:
            player_id, (pair_id, used, head) = row[0], row[_SEEDS]
            known = None if pair_id is None else self._seeds.recall(pair_id, used, head)
            if known is None:
                missing.append(player_id)
            else:
                found[player_id] = known
        if missing:
            found |= await self._seeds.load(connection, missing)
        return found

    async def _house_of(
        self, connection: asyncpg.Connection, version: int | None, now: datetime
    ) -> House:
        """The house as its version says it is. The version was read first: facts that are newer
        than it are read once more, never kept too long."""
        if self._house is None or self._house_version != version:
            self._house = await sql.load_house(connection)
            self._house_version = version
        if self._bankroll_at is None or abs(now - self._bankroll_at) > BANKROLL_AGE_MAX:
            self._bankroll = await totals.bankroll(connection)
            self._bankroll_at = now
        return replace(self._house, bankroll=self._bankroll)

    def _in_round(self, state: PlayState, command: Act | CashOut, now: datetime) -> Made | Refusal:
        round_ = state.open_rounds.get(command.round_id)
        if round_ is None:
            return RoundClosed(status="not_open")
        game = self._step_games[round_.game]
        seeds = Seeds(state.seeds.server_seed, round_.client_seed, round_.seed_nonce)
        secret = game.secret(round_.choice, seeds.stream())
        if isinstance(command, Act):
            return decide.act(state, command, game, secret, state.batch.now, now)
        return decide.cash_out(state, command, game, secret, state.batch.now, now)


def _rotated(state: PlayState, command: RotateSeed, entry_id: EntryId) -> BettingEntry | Refusal:
    after = decide.rotate_seed(state, command, next_pair_id=SeedPairId(entry_id))
    if isinstance(after, Refusal):
        return after
    answer = RotationAnswer.of(state.seeds, view(after.seeds))
    return Entry(after, answer, entry_id, (), keep(answer))


def _asked_again(commands: Sequence[BettingCommand], seen: Seen) -> list[int]:
    wanted: list[int] = []
    for command in commands:
        stored = seen.get(command.key)
        if stored is None or stored.is_tombstone:
            continue
        if isinstance(command, PlaceBet):
            wanted.append(stored.entry_id)
        elif isinstance(command, OpenRound | Act | CashOut):
            wanted.append(round_id_of(_kept(stored)))
    return wanted


def _by_player(rounds: Sequence[Round]) -> dict[PlayerId, dict[RoundId, Round]]:
    found: dict[PlayerId, dict[RoundId, Round]] = {}
    for round_ in rounds:
        found.setdefault(round_.player_id, {})[round_.id] = round_
    return found


def _require(state: PlayState, round_id: RoundId) -> Round:
    round_ = state.batch.rounds.get(round_id)
    if round_ is None or round_.player_id != state.facts.player_id:
        raise InvariantViolation(reason="a stored key has no round", round=round_id)
    return round_


def _kept(stored: StoredKey) -> bytes:
    if stored.answer is None:
        raise InvariantViolation(reason="a stored key has no answer", entry=stored.entry_id)
    return stored.answer


def _exposure_change(command: BettingCommand, round_: Round) -> int:
    if isinstance(command, OpenRound):
        return round_.exposure
    return -round_.exposure if round_.status == "settled" else 0
