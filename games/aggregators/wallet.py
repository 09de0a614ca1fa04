"""From a call's bytes to the answer's bytes: read it, settle it on the gaming floor, word it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import structlog
from prometheus_client import Counter

from casino.betting.commands import Credit, Debit, Rollback
from casino.errors import (
    BadSignature,
    Conflict,
    IdempotencyConflict,
    NotFound,
    OutsideError,
    OutsideUnavailable,
    Refusal,
    RoundClosed,
)
from casino.ids import PlayerId, internal
from casino.ledger import journal
from casino.ledger.wallet import Wallet
from games.aggregators.base import BadCall, MoveKind, Refused, Settled, Settlement

if TYPE_CHECKING:
    from casino.betting.floor import GamingFloor
    from casino.db import Database
    from casino.errors import CasinoError
    from casino.money import Asset
    from games.aggregators.base import Aggregator, Incoming, Move, Reply, WalletCall

log = structlog.get_logger(__name__)

KNOWN_PLAYERS_MAX = 100_000

refusals_total = Counter(
    "aggregator_refusals_total", "Wallet calls refused", ["aggregator", "error"]
)


class Handled(msgspec.Struct, frozen=True):
    """The answer to a call, and whose balance it changed."""

    reply: Reply
    changed: PlayerId | None = None


class OutsideWallet:
    """Answers aggregators' calls for all players.

    A call that goes through costs nothing beside its place in the batch: the player behind an id is
    looked up once. Only balance requests and refusals read the database by themselves.
    """

    def __init__(self, *, floor: GamingFloor, database: Database) -> None:
        self._floor = floor
        self._database = database
        self._known: dict[str, PlayerId] = {}

    async def handle(self, aggregator: Aggregator, incoming: Incoming) -> Handled:
        """Answer one call; whatever a rule or the caller did wrong is an answer, not an exception.

        Bugs and a database that is away are raised.
        """
        call: WalletCall | None = None
        player_id: PlayerId | None = None
        try:
            call = aggregator.read_call(incoming)
            player_id = await self._find_player(call.player)
            settlement, changed = await self._settle(aggregator.name, call, player_id)
        except (Refusal, NotFound, Conflict, OutsideError) as error:
            _report(aggregator, error, call)
            balance = await self._balance_beside(error, call, player_id)
            return Handled(aggregator.answer(call, Refused(error, balance)))
        log.debug("aggregator.settled", aggregator=aggregator.name, player_id=player_id)
        return Handled(aggregator.answer(call, settlement), player_id if changed else None)

    async def _settle(
        self, provider: str, call: WalletCall, player_id: PlayerId
    ) -> tuple[Settlement, bool]:
        """Settle the moves in order; says too whether any of them was new.

        Of all moves only a debit can be refused by a rule, so a call is settled whole or not at
        all as long as its debit stands first. Any other order is refused before anything moves.
        """
        if any(move.kind is MoveKind.DEBIT for move in call.moves[1:]):
            raise BadCall(reason="a stake must be the first move of its call")
        settled: list[Settled] = []
        balance: int | None = None
        changed = False
        for number, move in enumerate(call.moves):
            try:
                result = await self._floor.seamless(_command(provider, call, move, player_id))
            except RoundClosed:
                # Taken back before it came: acknowledged, and what it may have won is not paid.
                settled.append(Settled(move.reference, None, moved=False))
                if move.kind is MoveKind.DEBIT:
                    left = call.moves[number + 1 :]
                    settled += [Settled(one.reference, None, moved=False) for one in left]
                    break
                continue
            units = result.answer.units
            moved = move.kind is not MoveKind.ROLLBACK or units > 0
            settled.append(Settled(move.reference, result.entry_id, moved))
            changed = changed or (units > 0 and not result.replayed)
            balance = result.wallets.get(call.asset, Wallet(call.asset)).cash
        if balance is None:
            balance = await self._read_balance(player_id, call.asset)
        return Settlement(balance, tuple(settled)), changed

    async def _find_player(self, text: str) -> PlayerId:
        """The player behind a public id; raises NotFound. Players never go away, so it is kept."""
        known = self._known.get(text)
        if known is not None:
            return known
        player_id = PlayerId(internal(text))
        async with self._database.transaction() as session:
            wallets = await journal.balances(session, player_id)
        if not wallets:
            raise NotFound(thing="player", key=text[:64])
        while len(self._known) >= KNOWN_PLAYERS_MAX:
            del self._known[next(iter(self._known))]
        self._known[text] = player_id
        return player_id

    async def _read_balance(self, player_id: PlayerId, asset: Asset) -> int:
        async with self._database.transaction() as session:
            wallets = await journal.balances(session, player_id)
        return wallets.get(asset, Wallet(asset)).cash

    async def _balance_beside(
        self, error: CasinoError, call: WalletCall | None, player_id: PlayerId | None
    ) -> int | None:
        """The balance to tell with a refusal; a house that is too busy is not asked again."""
        if call is None or player_id is None or isinstance(error, OutsideUnavailable):
            return None
        return await self._read_balance(player_id, call.asset)


def _command(
    provider: str, call: WalletCall, move: Move, player_id: PlayerId
) -> Debit | Credit | Rollback:
    if move.kind is MoveKind.DEBIT:
        return Debit(
            player_id, move.reference, provider, call.asset, call.round_reference, move.units
        )
    if move.kind is MoveKind.CREDIT:
        return Credit(
            player_id, move.reference, provider, call.asset, call.round_reference, move.units
        )
    return Rollback(
        player_id, move.reference, provider, call.asset, call.round_reference, move.target
    )


def _report(aggregator: Aggregator, error: CasinoError, call: WalletCall | None) -> None:
    """Count a refusal; forgeries and conflicts are for people to see."""
    name = aggregator.name
    refusals_total.labels(aggregator=name, error=error.code).inc()
    player = None if call is None else call.player[:64]
    if isinstance(error, IdempotencyConflict):
        log.error("aggregator.conflict", aggregator=name, player=player, error=str(error))
    elif isinstance(error, BadSignature):
        log.warning("aggregator.forged", aggregator=name)
    else:
        log.debug("aggregator.refused", aggregator=name, player=player, error=str(error))
