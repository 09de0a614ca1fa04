"""Held deposits and what is done with them, for the tests of returns."""

import asyncpg
from sqlalchemy import text

from casino import flags, switches
from casino.cashier import (
    deposits,
    history,
    returns,
    withdrawals,
)
from casino.cashier.crediting import Deposit
from casino.cashier.withdrawals import Withdrawal
from casino.db import Database
from casino.ledger.progress import Progress
from casino.ledger.replay import replay
from casino.players import exclusion
from casino.staff.people import Member
from casino.worker.proofs import prove_all
from tests.casino.cashier.cashbox import (
    DESTINATION,
    NOW,
    TON,
    arrive,
    make_player,
    tag_of,
    transfer,
    wallet,
)

FEE = 50_000_000
UNITS = 4 * TON
ELSEWHERE = "UQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAELSE"


async def held_deposit(db: Database, units: int = UNITS) -> tuple[int, int]:
    """A final deposit of somebody who has closed play for himself; the player and the deposit."""
    player = await make_player(db)
    tag = await tag_of(db, player)
    async with db.transaction() as session:
        await exclusion.self_exclude(session, player_id=player, months=6, now=NOW)
    await arrive(db, transfer(units, tag))
    return player, await _newest(db, player)


async def stopped_deposit(db: Database, player: int, units: int = UNITS) -> int:
    """A final deposit of this player that came while deposits were stopped."""
    tag = await tag_of(db, player)
    await _stop(db, stop=True)
    await arrive(db, transfer(units, tag))
    await _stop(db, stop=False)
    return await _newest(db, player)


async def send_back(
    db: Database,
    deposit_id: int,
    member: Member,
    *,
    destination: str = DESTINATION,
    memo: str = "",
    fee_units: int = FEE,
) -> Withdrawal:
    async with db.transaction() as session:
        return await returns.send_back(
            session,
            deposit_id=deposit_id,
            destination=destination,
            memo=memo,
            fee_units=fee_units,
            member=member,
            now=NOW,
        )


async def release(db: Database, deposit_id: int) -> Deposit:
    async with db.transaction() as session:
        return await deposits.release_held(session, deposit_id=deposit_id, actor="staff:1", now=NOW)


async def reject(db: Database, withdrawal_id: int, member: Member) -> None:
    async with db.transaction() as session:
        await withdrawals.reject(
            session, withdrawal_id=withdrawal_id, member=member, reason="not so", now=NOW
        )


async def deposit_of(db: Database, deposit_id: int) -> Deposit:
    async with db.transaction() as session:
        return await deposits.get_deposit(session, deposit_id=deposit_id)


async def run(db: Database, statement: str, **given: object) -> None:
    async with db.transaction() as session:
        await session.execute(text(statement), given)


async def set_free(db: Database, player: int) -> None:
    """As if the exclusion had ended."""
    await run(db, "UPDATE players SET excluded_until = NULL WHERE id = :id", id=player)


async def movements(db: Database, player: int) -> list[history.Movement]:
    async with db.transaction() as session:
        return list(await history.list_movements(session, player_id=player))


async def require_proven(db: Database) -> None:
    """The book, its replay, and every proof beside it."""
    proofs = await prove_all(db, now=NOW, progress=Progress())
    assert proofs.sound, proofs.as_json()
    connection = await asyncpg.connect(db.dsn)
    try:
        replayed = await replay(connection)
    finally:
        await connection.close()
    assert replayed.sound, replayed


async def held_and_reserved(db: Database, player: int) -> tuple[int, int, int]:
    purse = await wallet(db, player)
    return purse.cash, purse.held, purse.reserved


async def _newest(db: Database, player: int) -> int:
    async with db.transaction() as session:
        found = await session.scalar(
            text("SELECT max(id) FROM deposits WHERE player_id = :player"), {"player": player}
        )
    assert found is not None
    return int(found)


async def _stop(db: Database, *, stop: bool) -> None:
    async with db.transaction() as session:
        await flags.set_flag(
            session, name=switches.DEPOSITS, stop=stop, reason="drill", actor="staff:1", now=NOW
        )
