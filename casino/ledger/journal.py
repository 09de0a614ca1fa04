"""The only way money moves: lock, load, decide, store, for one command or many at once.

The ledger owns the mechanism and knows nothing of games. The layer above hands it a desk: what
else to load and store with the wallets, and the pure function that decides.
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Generic

import msgspec

from casino.db import driver_connection
from casino.errors import (
    IdempotencyConflict,
    InsufficientFunds,
    InvariantViolation,
    Refusal,
    RoundClosed,
)
from casino.ids import EntryId, PlayerId
from casino.ledger import sql
from casino.ledger.chart import Account
from casino.ledger.desk import AnswerT, CommandT, Decided, Entry, Seen, StateT, Wallets
from casino.ledger.keys import TOMBSTONE, Key, StoredKey, fingerprint
from casino.ledger.sql import NOTHING_BESIDE, Beside
from casino.ledger.wallet import Posting, Wallet, deficit_first
from casino.money import Asset

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence
    from datetime import datetime

    import asyncpg
    from sqlalchemy.ext.asyncio import AsyncSession

    from casino.ledger.desk import Desk

HOUSE = PlayerId(0)
# Named once: a union written out in the loop over a batch is made anew for every command.
_NO = (Refusal, IdempotencyConflict)


class Result(msgspec.Struct, Generic[AnswerT], frozen=True, gc=False):
    """What a caller learns: the answer (the stored one for a repeat) and the wallets now."""

    answer: AnswerT
    entry_id: EntryId
    wallets: Mapping[Asset, Wallet]
    replayed: bool


async def apply(
    connection: asyncpg.Connection,
    commands: Sequence[CommandT],
    desk: Desk[CommandT, StateT, AnswerT],
    *,
    now: datetime,
    locked: bool = False,
    live_house: bool = True,
) -> list[Result[AnswerT] | Refusal | IdempotencyConflict]:
    """Decide and store commands in order inside the caller's transaction, which has `locked` their
    players already if it was begun by `transaction_on`.

    Answers stand in the order of the commands. A repeat of a reference gives the stored answer;
    the same reference with other content gives an IdempotencyConflict. Raises only where the whole
    batch must be rolled back.
    """
    players = sorted({command.player_id for command in commands})
    if not locked:
        await lock(connection, players)
    # Loaded by further statements: at READ COMMITTED the locking statement's own snapshot may be
    # older than the lock it waited for.
    asked, places = _asked(commands)
    wallets, ids, seen = await sql.load(
        connection, players, asked, for_ever=desk.keys_for_ever, now=now
    )
    states = await desk.load(connection, commands, seen, now)

    answers: list[Result[AnswerT] | Refusal | IdempotencyConflict] = []
    decided: list[Decided[CommandT, StateT, AnswerT]] = []
    rows = sql.Rows(live_house=live_house)
    for command, place in zip(commands, places, strict=True):
        player_id, key, mark = command.player_id, asked[place], command.fingerprint
        purse, state = wallets[player_id], states[player_id]
        stored = seen.get(key)
        if stored is not None:
            answers.append(_repeated(desk, state, command, key, mark, stored, purse))
            continue
        entry_id = ids[place]
        made = desk.decide(state, purse, command, seen, entry_id=entry_id, now=now)
        if isinstance(made, _NO):
            answers.append(made)
            continue
        if made.postings:
            postings = _post(purse, made.postings)
            rows.add_transfers(entry_id, player_id, made.subject_id, postings, purse)
        seen[key] = fresh = StoredKey(entry_id, player_id, mark, made.answer_stored)
        rows.add_key(key, fresh)
        for dead in made.tombstones:
            seen[dead] = fresh = StoredKey(entry_id, player_id, TOMBSTONE, None)
            rows.add_key(dead, fresh)
        states[player_id] = made.state
        decided.append(Decided(command, entry_id, made))
        answers.append(Result(made.answer, entry_id, purse.copy(), False))

    if decided:
        changed = {one.command.player_id for one in decided}
        beside = await desk.store(connection, decided, {p: states[p] for p in changed}, now)
        await sql.store(connection, rows, beside, for_ever=desk.keys_for_ever, now=now)
    return answers


def _asked(commands: Sequence[CommandT]) -> tuple[list[Key], list[int]]:
    keys: list[Key] = []
    places: list[int] = []
    for command in commands:
        places.append(len(keys))
        keys.append(command.key)
        keys.extend(command.related)
    return keys, places


def _repeated(
    desk: Desk[CommandT, StateT, AnswerT],
    state: StateT,
    command: CommandT,
    key: Key,
    mark: bytes,
    stored: StoredKey,
    purse: Wallets,
) -> Result[AnswerT] | Refusal | IdempotencyConflict:
    if stored.is_tombstone:
        return RoundClosed(status="rolled_back")
    if stored.player_id != command.player_id or stored.fingerprint != mark:
        return IdempotencyConflict(reference=key.reference)
    answer = desk.replay(state, command, stored)
    return Result(answer, stored.entry_id, purse.copy(), replayed=True)


@asynccontextmanager
async def transaction_on(
    connection: asyncpg.Connection, commands: Sequence[CommandT]
) -> AsyncIterator[None]:
    """A transaction that begins with the locks of the commands' players, in one round trip; raises
    InvariantViolation for a player without a row."""
    players = sorted({command.player_id for command in commands})
    try:
        found = await connection.execute(sql.begin_and_lock(players))
        if int(found.rpartition(" ")[2]) != len(players):
            await lock(connection, players)
        yield
        await connection.execute("COMMIT;")
    finally:
        if not connection.is_closed() and connection.is_in_transaction():
            await connection.execute("ROLLBACK;")


async def lock(connection: asyncpg.Connection, player_ids: Sequence[PlayerId]) -> None:
    """Lock players' rows, given in id order; raises InvariantViolation for a player without one.

    The house has a row too (id 0): a command on both locks its player first and moves house money
    last, so that two such commands never wait for each other.
    """
    found = await sql.lock_players(connection, player_ids)
    if len(found) != len(player_ids):
        missing = sorted(set(player_ids) - set(found))
        raise InvariantViolation(reason="players without ledger row", players=missing)


async def lock_players(session: AsyncSession, player_ids: Sequence[PlayerId]) -> None:
    """Lock players at the start of a command on their money, limits, status or seeds."""
    await lock(await driver_connection(session), sorted(set(player_ids)))


async def open_player(session: AsyncSession, player_id: PlayerId) -> None:
    """Create a new player's ledger row and empty wallets."""
    await sql.open_player(await driver_connection(session), player_id)


async def balances(session: AsyncSession, player_id: PlayerId) -> Mapping[Asset, Wallet]:
    """A player's wallets by asset, without a lock: for screens."""
    found = await sql.load_wallets(await driver_connection(session), {player_id})
    return found.get(player_id, {})


class MoneyCommand(msgspec.Struct, frozen=True, gc=False):
    """Transfers that are already decided: deposits, holds, releases, house money."""

    player_id: PlayerId
    key: Key
    fingerprint: bytes
    postings: tuple[Posting, ...]
    subject_id: int
    related: tuple[Key, ...] = ()


class MoneyDesk:
    """Posts decided transfers; refuses only what the wallet cannot pay."""

    keys_for_ever = True

    async def load(
        self,
        _connection: asyncpg.Connection,
        commands: Sequence[MoneyCommand],
        _seen: Seen,
        _now: datetime,
    ) -> dict[PlayerId, None]:
        """Nothing but wallets is needed."""
        return {command.player_id: None for command in commands}

    def decide(
        self,
        _state: None,
        wallets: Wallets,
        command: MoneyCommand,
        _seen: Seen,
        *,
        entry_id: EntryId,
        now: datetime,
    ) -> Entry[None, EntryId] | Refusal:
        """Let the transfers through if no player account would go below zero."""
        del now
        for posting in command.postings:
            if posting.debit is Account.PLAYER_CASH:
                have = wallets.get(posting.asset, Wallet(posting.asset)).cash
                if posting.units > have:
                    return InsufficientFunds(available=have, asset=posting.asset)
        return Entry(None, entry_id, command.subject_id, command.postings)

    def replay(self, _state: None, _command: MoneyCommand, stored: StoredKey) -> EntryId:
        """The entry made the first time."""
        return stored.entry_id

    async def store(
        self,
        _connection: asyncpg.Connection,
        _decided: Sequence[Decided[MoneyCommand, None, EntryId]],
        _states: Mapping[PlayerId, None],
        _now: datetime,
    ) -> Beside:
        """Nothing beyond the book itself."""
        return NOTHING_BESIDE


async def post(
    session: AsyncSession,
    *,
    player_id: PlayerId,
    source: str,
    kind_key: str,
    reference: str,
    request: Mapping[str, object],
    postings: Sequence[Posting],
    subject_id: int,
    now: datetime,
) -> Result[EntryId]:
    """Move a player's money in the caller's transaction, once for (source, kind_key, reference).

    Raises InsufficientFunds, or IdempotencyConflict for the same reference with another request.
    """
    command = money_command(
        player_id=player_id,
        source=source,
        kind_key=kind_key,
        reference=reference,
        request=request,
        postings=postings,
        subject_id=subject_id,
    )
    (done,) = await post_all(session, [command], now=now)
    return done


def money_command(
    *,
    player_id: PlayerId,
    source: str,
    kind_key: str,
    reference: str,
    request: Mapping[str, object],
    postings: Sequence[Posting],
    subject_id: int,
) -> MoneyCommand:
    """Transfers for `post_all`, once for (source, kind_key, reference)."""
    return MoneyCommand(
        player_id=player_id,
        key=Key(f"{source}/{kind_key}", reference),
        fingerprint=fingerprint(request),
        postings=tuple(postings),
        subject_id=subject_id,
    )


async def post_all(
    session: AsyncSession,
    commands: Sequence[MoneyCommand],
    *,
    now: datetime,
    locked: bool = False,
) -> list[Result[EntryId]]:
    """Move money for many commands in their order, in the caller's transaction, which may have
    `locked` their players. Raises what `post` raises for the first that does not go through."""
    if not commands:
        return []
    done: list[Result[EntryId]] = []
    connection = await driver_connection(session)
    for answer in await apply(connection, commands, MoneyDesk(), now=now, locked=locked):
        if not isinstance(answer, Result):
            raise answer
        done.append(answer)
    return done


async def post_house(
    session: AsyncSession,
    *,
    source: str,
    kind_key: str,
    reference: str,
    request: Mapping[str, object],
    postings: Sequence[Posting],
    subject_id: int,
    now: datetime,
) -> Result[EntryId]:
    """Move money between accounts of the house and the outside, once for its reference."""
    if any(p.debit.is_players or p.credit.is_players for p in postings):
        raise InvariantViolation(reason="a player's account needs a player")
    return await post(
        session,
        player_id=HOUSE,
        source=source,
        kind_key=kind_key,
        reference=reference,
        request=request,
        postings=postings,
        subject_id=subject_id,
        now=now,
    )


def _post(purse: Wallets, postings: tuple[Posting, ...]) -> tuple[Posting, ...]:
    for wallet in purse.values():
        if wallet.deficit:
            postings = deficit_first(postings, wallet)
    for posting in postings:
        asset = posting.asset
        wallet = purse.get(asset) or Wallet(asset)
        purse[asset] = wallet.with_posting(posting)
    return postings
