"""Commands that meet in one batch: a poisoned one fails alone, a repeat finds the first, order holds."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import asyncpg
import pytest
from structlog.testing import capture_logs

from casino.db import Database
from casino.errors import (
    IdempotencyConflict,
    InsufficientFunds,
    InvariantViolation,
    NegativeBalance,
)
from casino.ids import EntryId, PlayerId, new_reference
from casino.ledger import journal
from casino.ledger.batch import COMMANDS_MAX, Batch, open_batch
from casino.ledger.chart import Account, Kind
from casino.ledger.desk import Decided
from casino.ledger.journal import MoneyDesk
from casino.ledger.keys import Key, fingerprint
from casino.ledger.reconcile import reconcile
from casino.ledger.sql import Beside
from casino.ledger.wallet import Posting
from casino.money import Asset
from tests.factories import TON, fund, make_player

SPEND = (Account.PLAYER_CASH, Account.PLAYER_RESERVED, Kind.WITHDRAWAL_RESERVE)
OVERDRAW = (Account.PLAYER_RESERVED, Account.PLAYER_CASH, Kind.WITHDRAWAL_RELEASE)


@dataclass(frozen=True, slots=True)
class Spending:
    """Cash put aside; `poison` names what goes wrong with it."""

    player_id: PlayerId
    reference: str
    units: int = 1
    poison: str | None = None
    related: tuple[Key, ...] = ()
    subject_id: int = 7

    @property
    def key(self) -> Key:
        return Key("test/spend", self.reference)

    @property
    def fingerprint(self) -> bytes:
        return fingerprint({"units": self.units})

    @property
    def postings(self) -> tuple[Posting, ...]:
        past_the_rules = self.poison == "past the rules"
        debit, credit, kind = OVERDRAW if past_the_rules else SPEND
        units = TON if past_the_rules else self.units
        return (Posting(debit, credit, units, Asset.TON, kind),)


class FragileDesk(MoneyDesk):
    """Posts spendings; breaks over the poisoned ones, each in its own place."""

    def __init__(self) -> None:
        self.batches: list[int] = []

    async def load(self, connection: Any, commands: Any, seen: Any, now: datetime) -> Any:
        self.batches.append(len(commands))
        if any(one.poison == "load" for one in commands):
            raise InvariantViolation(reason="poisoned")
        return await super().load(connection, commands, seen, now)

    def decide(self, state: Any, wallets: Any, command: Any, seen: Any, **when: Any) -> Any:
        if command.poison == "decide":
            raise ZeroDivisionError
        return super().decide(state, wallets, command, seen, **when)

    async def store(
        self,
        connection: asyncpg.Connection,
        decided: Sequence[Decided[Any, None, EntryId]],
        states: Mapping[PlayerId, None],
        now: datetime,
    ) -> Beside:
        for one in decided:
            if one.command.poison == "statement":
                await connection.execute("SELECT 1 / 0")
            if one.command.poison == "after a write":
                await connection.execute("UPDATE wallets SET cash = 0")
                raise InvariantViolation(reason="poisoned")
        return await super().store(connection, decided, states, now)


POISONS: dict[str, type[Exception]] = {
    "load": InvariantViolation,
    "decide": ZeroDivisionError,
    "past the rules": NegativeBalance,
    "statement": asyncpg.DivisionByZeroError,
    "after a write": InvariantViolation,
}


@pytest.fixture(autouse=True)
def logged() -> Iterator[list[Any]]:
    """What the product complains of; drawn tracebacks would be slow."""
    with capture_logs() as entries:
        yield entries


@asynccontextmanager
async def one_lane(db: Database, desk: FragileDesk) -> AsyncIterator[Batch[Any, None, EntryId]]:
    async with open_batch(db.dsn, desk, lanes=1) as batch:
        yield batch


async def together(batch: Batch[Any, None, EntryId], commands: Sequence[Spending]) -> list[Any]:
    return await asyncio.gather(*map(batch.submit, commands), return_exceptions=True)


async def people(db: Database, *units: int) -> list[PlayerId]:
    made = []
    async with db.transaction() as session:
        for one in units:
            made.append(await make_player(session))
            await fund(session, made[-1], one)
    return made


async def reserved(db: Database, player: PlayerId) -> int:
    async with db.transaction() as session:
        return (await journal.balances(session, player))[Asset.TON].reserved


async def require_sound(db: Database) -> None:
    async with db.transaction() as session:
        report = await reconcile(session)
    assert report.sound, report


@pytest.mark.parametrize("poison", list(POISONS))
@pytest.mark.parametrize("places", [[0], [63], [31, 32], [0, 13, 40, 63]])
async def test_poisoned_commands_fail_alone(
    db: Database, logged: list[Any], poison: str, places: list[int]
) -> None:
    players = await people(db, TON, TON, TON)
    commands = [
        Spending(players[n % 3], new_reference(), poison=poison if n in places else None)
        for n in range(64)
    ]
    desk = FragileDesk()
    async with one_lane(db, desk) as batch:
        told = await together(batch, commands)
        assert desk.batches[0] == 64
        failed = [n for n, one in enumerate(told) if isinstance(one, Exception)]
        assert failed == places
        assert {type(told[n]) for n in places} == {POISONS[poison]}
        assert [one["event"] for one in logged] == ["batch.command_failed"] * len(places)
        # The healthy ones are there, under their keys; the others may come again when healed.
        again = await together(batch, [Spending(c.player_id, c.reference) for c in commands])
        assert [one.replayed for one in again] == [n not in places for n in range(64)]
    assert sum([await reserved(db, player) for player in players]) == 64
    await require_sound(db)


async def test_one_reference_many_times_in_a_batch_is_one_spending(db: Database) -> None:
    ann, bob = await people(db, TON, TON)
    reference = new_reference()
    commands = [
        *(Spending(ann, reference, units=3) for _ in range(8)),
        Spending(ann, reference, units=4),
        Spending(bob, reference, units=3),
    ]
    desk = FragileDesk()
    async with one_lane(db, desk) as batch:
        told = await together(batch, commands)
    assert desk.batches == [10]
    assert [one.replayed for one in told[:8]] == [False] + [True] * 7
    assert len({one.answer for one in told[:8]}) == 1
    assert [type(one) for one in told[8:]] == [IdempotencyConflict] * 2
    assert (await reserved(db, ann), await reserved(db, bob)) == (3, 0)
    await require_sound(db)


async def test_batch_spends_the_last_coin_once_and_in_order(db: Database) -> None:
    ann, bob = await people(db, 5, 2)
    commands = [Spending((ann, bob)[n % 2], new_reference(), units=2) for n in range(8)]
    desk = FragileDesk()
    async with one_lane(db, desk) as batch:
        told = await together(batch, commands)
    assert desk.batches == [8]
    went = [n for n, one in enumerate(told) if not isinstance(one, Exception)]
    assert went == [0, 1, 2]
    assert {type(one) for one in told[3:]} == {InsufficientFunds}
    assert {one.data["available"] for one in told[4::2]} == {1}
    await require_sound(db)


async def test_poison_beside_its_own_repeat_takes_nobody_with_it(db: Database) -> None:
    """Two lanes, as two processes have them, send one key at once; one of them breaks over it."""
    (ann,) = await people(db, TON)
    keys = [new_reference() for _ in range(20)]
    async with one_lane(db, FragileDesk()) as one, one_lane(db, FragileDesk()) as other:
        bad = together(one, [Spending(ann, key, poison="after a write") for key in keys])
        good = together(other, [Spending(ann, key) for key in keys])
        failed, told = await asyncio.gather(bad, good)
    # Whoever came second found the stored answer, and nothing to break over.
    assert all(isinstance(f, InvariantViolation) or f.replayed for f in failed)
    assert not any(isinstance(answer, Exception) or answer.replayed for answer in told)
    assert await reserved(db, ann) == len(keys)
    await require_sound(db)


async def test_more_than_a_batch_takes_several(db: Database) -> None:
    (ann,) = await people(db, TON)
    desk = FragileDesk()
    async with one_lane(db, desk) as batch:
        told = await together(
            batch, [Spending(ann, new_reference()) for _ in range(2 * COMMANDS_MAX + 1)]
        )
    assert desk.batches == [COMMANDS_MAX, COMMANDS_MAX, 1]
    entries = [one.entry_id for one in told]
    assert entries == sorted(set(entries))
    assert await reserved(db, ann) == len(told)
