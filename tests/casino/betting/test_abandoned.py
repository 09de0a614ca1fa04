"""A round that nobody came back to ends as its player could have ended it, and he is told."""

import asyncio
from datetime import timedelta

from sqlalchemy import text

from casino.betting.abandoned import ABANDONED_AFTER, close_abandoned
from casino.betting.proof import prove_open_rounds, prove_rounds
from casino.clock import utc_now
from casino.ids import new_reference
from casino.ledger import journal
from casino.money import Asset
from games.registry import STEPS
from tests.casino.betting.test_floor import _secret
from tests.casino.ledger.books import start_mines
from tests.factories import TON, ready_player

LATER = ABANDONED_AFTER + timedelta(minutes=1)


async def told(db):
    async with db.transaction() as session:
        rows = await session.execute(
            text(
                "SELECT key, payload FROM outbox WHERE consumer = 'player'"
                " AND kind = 'round.closed' ORDER BY id"
            )
        )
        return {row.key: row.payload for row in rows}


async def cash(db, player_id):
    async with db.transaction() as session:
        return (await journal.balances(session, player_id))[Asset.TON].cash


async def test_the_stake_returns_or_what_was_reached_is_paid(db, floor):
    ann, bob = await ready_player(db), await ready_player(db)
    await start_mines(floor, ann)
    stepped = await start_mines(floor, bob)
    secret = await _secret(db, floor, bob, stepped.answer)
    safe = next(tile for tile in range(25) if tile not in secret)
    await floor.act(
        player_id=bob,
        round_id=stepped.answer.id,
        action={"tile": safe},
        reference=new_reference(),
    )
    assert await close_abandoned(db, floor, now=utc_now() + ABANDONED_AFTER / 2) == 0
    assert await close_abandoned(db, floor, now=utc_now() + LATER) == 2
    assert await close_abandoned(db, floor, now=utc_now() + LATER) == 0
    multiplier = STEPS["mines"].multiplier({"mines": 3}, 1)
    reached = TON * multiplier.numerator // multiplier.denominator
    assert await cash(db, ann) == 100 * TON
    assert await cash(db, bob) == 99 * TON + reached
    news = await told(db)
    assert news[ann]["amount"] == {"units": TON, "asset": "TON"}
    assert news[bob]["amount"] == {"units": reached, "asset": "TON"}
    assert (news[ann]["steps"], news[bob]["steps"]) == (0, 1)
    assert (await prove_open_rounds(db)).sound
    assert (await prove_rounds(db)).sound


async def test_two_at_once_close_and_tell_once(db, floor, other_floor):
    players = [await ready_player(db) for _ in range(5)]
    for player_id in players:
        await start_mines(floor, player_id)
    closed = await asyncio.gather(
        *(close_abandoned(db, one, now=utc_now() + LATER) for one in (floor, other_floor))
    )
    assert sum(closed) == 5
    async with db.transaction() as session:
        count = await session.scalar(
            text("SELECT count(*) FROM outbox WHERE kind = 'round.closed'")
        )
    assert count == 5
    assert [await cash(db, player_id) for player_id in players] == [100 * TON] * 5


async def test_a_player_who_comes_back_first_keeps_his_round(db, floor):
    ann = await ready_player(db)
    opened = await start_mines(floor, ann)
    answers = await asyncio.gather(
        floor.cash_out(player_id=ann, round_id=opened.answer.id, reference=new_reference()),
        close_abandoned(db, floor, now=utc_now() + LATER),
        return_exceptions=True,
    )
    assert answers[1] in (0, 1)
    assert len(await told(db)) == answers[1]
    assert await cash(db, ann) == 100 * TON
