"""A book with some history, and ways to break it by hand."""

from sqlalchemy import text

from casino.betting.floor import GamingFloor
from casino.clock import utc_now
from casino.db import Database
from casino.ids import PlayerId, new_reference
from casino.ledger import journal, totals
from casino.ledger.chart import Account, Kind
from casino.ledger.wallet import Posting
from casino.money import Asset
from games.registry import INSTANT, STEPS
from tests.factories import TON, ready_house, ready_player

EVEN = {"target": 5050, "over": True}


async def move(
    database: Database, player_id: PlayerId, debit: Account, credit: Account, units: int, kind: Kind
) -> int:
    """One transfer of a player's, under a key of its own; its entry id."""
    async with database.transaction() as session:
        posted = await journal.post(
            session,
            player_id=player_id,
            source="test",
            kind_key="move",
            reference=new_reference(),
            request={"units": units},
            postings=[Posting(debit, credit, units, Asset.TON, kind)],
            subject_id=1,
            now=utc_now(),
        )
    return posted.entry_id


async def reserve(database: Database, player_id: PlayerId, units: int = TON) -> int:
    return await move(
        database,
        player_id,
        Account.PLAYER_CASH,
        Account.PLAYER_RESERVED,
        units,
        Kind.WITHDRAWAL_RESERVE,
    )


async def release(database: Database, player_id: PlayerId, units: int = TON) -> int:
    return await move(
        database,
        player_id,
        Account.PLAYER_RESERVED,
        Account.PLAYER_CASH,
        units,
        Kind.WITHDRAWAL_RELEASE,
    )


async def bet(floor: GamingFloor, player_id: PlayerId, *, stake: int = TON, reference: str = ""):
    return await floor.place_bet(
        player_id=player_id,
        game=INSTANT["dice"],
        asset=Asset.TON,
        stake=stake,
        choice=EVEN,
        reference=reference or new_reference(),
    )


async def start_mines(floor: GamingFloor, player_id: PlayerId, *, stake: int = TON):
    return await floor.open_round(
        player_id=player_id,
        game=STEPS["mines"],
        asset=Asset.TON,
        stake=stake,
        choice={"mines": 3},
        reference=new_reference(),
    )


async def some_history(database: Database, floor: GamingFloor) -> tuple[PlayerId, PlayerId]:
    """Two players who played; one with a reservation, one with an open round."""
    await ready_house(database)
    ann, bob = await ready_player(database), await ready_player(database)
    for player_id in (ann, bob):
        for _ in range(5):
            await bet(floor, player_id)
    await reserve(database, ann)
    await start_mines(floor, bob)
    await roll_up_anew(database)
    return ann, bob


async def roll_up_anew(database: Database) -> None:
    """Let the house's roll-ups stand at this moment."""
    async with database.transaction() as session:
        await session.execute(text("DELETE FROM house_rollups"))
        await totals.roll_up(session, upto=utc_now())


async def run(database: Database, statement: str, **arguments: object) -> None:
    """Write past the ledger, as nobody should."""
    async with database.transaction() as session:
        await session.execute(text(statement), arguments)


async def scalar(database: Database, statement: str, **arguments: object) -> object:
    async with database.transaction() as session:
        return await session.scalar(text(statement), arguments)
