"""Facts of players: one statement in, one statement out, nothing lost on the way."""

from datetime import timedelta

import pytest
from msgspec.structs import replace

from casino.clock import Window
from casino.db import Database, driver_connection
from casino.errors import NotFound
from casino.players import exclusion, facts, identity, limits
from casino.players.rules import Counters, Limit, LimitKind, Status
from tests.casino.players.people import NOW, make_player


async def test_a_new_player_has_plain_facts(db: Database) -> None:
    async with db.transaction() as session:
        player = await make_player(session)
        known = await facts.load_one(session, player_id=player.id)
    assert known.player_id == player.id
    assert known.status is Status.ACTIVE
    assert known.terms_version == identity.TERMS_VERSION
    assert known.limits == ()
    assert known.counters == Counters.empty(NOW)
    assert (known.excluded_until, known.excluded_for_life, known.cooling_off_until) == (
        None,
        False,
        None,
    )


async def test_facts_carry_limits_exclusion_and_block(db: Database) -> None:
    async with db.transaction() as session:
        player = await make_player(session)
        for units in (500, 900):
            await limits.set_limit(
                session,
                player_id=player.id,
                kind=LimitKind.LOSS,
                window=Window.WEEK,
                units=units,
                now=NOW,
            )
        await limits.set_limit(
            session,
            player_id=player.id,
            kind=LimitKind.STAKE,
            window=Window.DAY,
            units=70,
            now=NOW,
        )
        until = await exclusion.self_exclude(session, player_id=player.id, months=6, now=NOW)
        await identity.block(session, player_id=player.id, reason="fraud", actor="staff:1", now=NOW)
        known = await facts.load_one(session, player_id=player.id)
    assert set(known.limits) == {
        Limit(LimitKind.LOSS, Window.WEEK, 500, 900, NOW + timedelta(hours=24)),
        Limit(LimitKind.STAKE, Window.DAY, 70),
    }
    assert known.excluded_until == until
    assert known.status is Status.BLOCKED


async def test_counters_of_many_players_come_back_as_stored(db: Database) -> None:
    stored = {}
    async with db.transaction() as session:
        for number in range(1, 6):
            player = await make_player(session, telegram_id=number)
            stored[int(player.id)] = (
                Counters.empty(NOW + timedelta(days=number))
                .with_stake(number * 10**12, rate_id=number)
                .with_payout(number * 10**13)
                .with_deposit(number)
            )
        connection = await driver_connection(session)
        await facts.store_counters(connection, list(stored.items()))
        loaded = await facts.load(connection, list(stored))
    assert {player_id: known.counters for player_id, known in loaded.items()} == stored


async def test_one_statement_loads_a_batch(db: Database) -> None:
    async with db.transaction() as session:
        players = [int((await make_player(session, telegram_id=n)).id) for n in range(1, 4)]
        connection = await driver_connection(session)
        # The driver asks about types once a connection.
        await facts.load(connection, players)
        await facts.store_counters(connection, [(players[0], Counters.empty(NOW))])
        spoken: list[str] = []

        def listen(record) -> None:
            spoken.append(record.query)

        with connection.query_logger(listen):
            loaded = await facts.load(connection, [*players, 999])
            await facts.store_counters(connection, [(n, Counters.empty(NOW)) for n in players])
    assert set(loaded) == set(players)
    assert len(spoken) == 2


async def test_counters_of_a_stranger_are_an_error(db: Database) -> None:
    async with db.transaction() as session:
        player = await make_player(session)
        connection = await driver_connection(session)
        await facts.store_counters(connection, [])
        with pytest.raises(NotFound) as error:
            await facts.store_counters(
                connection, [(player.id, Counters.empty(NOW)), (999, Counters.empty(NOW))]
            )
    assert error.value.data["key"] == [999]


async def test_store_in_a_session(db: Database) -> None:
    async with db.transaction() as session:
        player = await make_player(session)
        known = await facts.load_one(session, player_id=player.id)
        changed = replace(known.counters, rate_id=3).with_deposit(44)
        await facts.store_counters_of(session, {player.id: changed})
    async with db.transaction() as session:
        assert (await facts.load_one(session, player_id=player.id)).counters == changed
        with pytest.raises(NotFound):
            await facts.load_one(session, player_id=999)
