"""The signer: everything that settled is signed once, whoever signs, whenever it commits."""

import asyncio
import itertools
from datetime import timedelta

import asyncpg
import pytest

from casino.betting import receipt_files, receipt_signer
from casino.betting.receipt_roots import FIRST, HouseKey, Root, is_signed, key_id, second_text
from casino.betting.receipt_tree import root_from_path
from casino.errors import InvariantViolation, NotFound
from casino.ids import new_reference
from casino.money import Asset
from casino.worker.signing import sign_all
from games.registry import INSTANT, STEPS
from tests.factories import TON, ready_player

KEY = HouseKey(bytes(range(32)))
OTHER_KEY = HouseKey(bytes(range(1, 33)))
GAMES = {**INSTANT, **STEPS}

LATE_ROUND = """
INSERT INTO rounds
SELECT (jsonb_populate_record(r, jsonb_build_object('id', next_id()))).* FROM rounds r WHERE id = $1
RETURNING id
"""
PLACES = """
SELECT p.round_id, p.leaf, p.root_id, r.receipt_hash FROM receipt_paths p
JOIN rounds r ON r.id = p.round_id ORDER BY p.root_id, p.leaf
"""
ROOTS = "SELECT id, second, count, root, previous_root, key_id, signature FROM receipt_roots"


@pytest.fixture(autouse=True)
async def registered(db):
    async with db.transaction() as session:
        await receipt_signer.register(session, KEY)


@pytest.fixture
async def sql(db):
    connection = await asyncpg.connect(db.dsn)
    yield connection
    await connection.close()


async def roll(floor, player_id, *, times=1):
    played = [
        await floor.place_bet(
            player_id=player_id,
            game=INSTANT["dice"],
            asset=Asset.TON,
            stake=TON // 100,
            choice={"target": 5050, "over": True},
            reference=new_reference(),
        )
        for _ in range(times)
    ]
    return [one.answer for one in played]


async def dig(floor, player_id):
    result = await floor.open_round(
        player_id=player_id,
        game=STEPS["mines"],
        asset=Asset.TON,
        stake=TON,
        choice={"mines": 3},
        reference=new_reference(),
    )
    return result.answer


async def file_of(db, player_id, round_id):
    async with db.transaction() as session:
        return await receipt_files.get_file(
            session, player_id=player_id, round_id=round_id, games=GAMES
        )


async def prove_all(sql, *, keys=(KEY,)):
    """Every root is signed and names the one before it; every settled round stands in one tree."""
    places = await sql.fetch(PLACES)
    settled = await sql.fetch("SELECT id FROM rounds WHERE receipt_hash IS NOT NULL")
    assert sorted(row["round_id"] for row in places) == sorted(row["id"] for row in settled)
    publics = {key.key_id: key.public_key for key in keys}
    records = {}
    for row in await sql.fetch(ROOTS):
        root = Root(second_text(row["second"]), row["count"], row["root"], row["previous_root"])
        public = publics[row["key_id"]]
        assert is_signed(root, signature=row["signature"], public_key=public)
        records[root.previous] = (row["id"], root)
    before, seen = FIRST, []
    while before in records:
        root_id, root = records[before]
        seen.append(root_id)
        before = root.record_hash()
    assert len(seen) == len(records)
    grouped = itertools.groupby(places, key=lambda row: row["root_id"])
    leaves = {root_id: [row["leaf"] for row in rows] for root_id, rows in grouped}
    counts = {root_id: root.count for root_id, root in records.values()}
    assert leaves == {root_id: [*range(count)] for root_id, count in counts.items()}


async def test_what_settled_is_signed_once(db, floor, sql):
    player_id = await ready_player(db)
    assert await sign_all(db, KEY) == 0
    assert await sql.fetchval("SELECT count(*) FROM receipt_roots") == 0
    rounds = await roll(floor, player_id, times=5)
    assert await sign_all(db, KEY) == 5
    assert await sign_all(db, KEY) == 0
    assert await sign_all(db, KEY, thorough=True) == 0
    await roll(floor, player_id, times=2)
    assert await sign_all(db, KEY) == 2
    await prove_all(sql)
    for round_ in rounds:
        signed = (await file_of(db, player_id, round_.id))["signed"]
        path = [bytes.fromhex(node) for node in signed["path"]]
        reached = root_from_path(
            round_.receipt_hash, place=signed["leaf"], count=signed["count"], path=path
        )
        assert reached.hex() == signed["root"]
        assert signed["public_key"] == KEY.public_key.hex()


async def test_a_round_of_steps_is_signed_when_it_ends(db, floor, sql):
    player_id = await ready_player(db)
    opened = await dig(floor, player_id)
    await roll(floor, player_id)
    assert await sign_all(db, KEY) == 1
    with pytest.raises(NotFound):
        await file_of(db, player_id, opened.id)
    # The signer has long left the round's id behind.
    await sql.execute("UPDATE receipt_progress SET signed_below = next_id() + (1::bigint << 40)")
    await floor.cash_out(player_id=player_id, round_id=opened.id, reference=new_reference())
    assert (await file_of(db, player_id, opened.id))["signed"] is None
    assert await sql.fetchval("SELECT count(*) FROM receipts_waiting") == 1
    assert await sign_all(db, KEY) == 1
    assert await sql.fetchval("SELECT count(*) FROM receipts_waiting") == 0
    assert (await file_of(db, player_id, opened.id))["signed"]["count"] == 1
    await prove_all(sql)


async def test_a_round_that_is_both_new_and_waiting_is_signed_once(db, floor, sql):
    player_id = await ready_player(db)
    opened = await dig(floor, player_id)
    await floor.cash_out(player_id=player_id, round_id=opened.id, reference=new_reference())
    assert await sign_all(db, KEY) == 1
    # An end that is told twice, as a repaired row would be.
    await sql.execute("UPDATE rounds SET steps_allowed = steps_allowed WHERE id = $1", opened.id)
    assert await sql.fetchval("SELECT count(*) FROM receipts_waiting") == 1
    assert await sign_all(db, KEY) == 0
    assert await sql.fetchval("SELECT count(*) FROM receipts_waiting") == 0
    await prove_all(sql)


async def test_a_late_commit_is_not_lost(db, floor, sql, monkeypatch):
    # Only the running transaction itself holds the signer back, no margin of time.
    monkeypatch.setattr(receipt_signer, "BEHIND", timedelta(0))
    monkeypatch.setattr(receipt_signer, "_IDLE_MOVE_IDS", 0)
    player_id = await ready_player(db)
    [first] = await roll(floor, player_id)
    late = sql.transaction()
    await late.start()
    late_id = await sql.fetchval(LATE_ROUND, first.id)
    await roll(floor, player_id, times=3)
    assert await sign_all(db, KEY) == 4
    assert await sign_all(db, KEY) == 0
    await late.commit()
    assert await sign_all(db, KEY) == 1
    assert await sql.fetchval("SELECT root_id FROM receipt_paths WHERE round_id = $1", late_id)
    await sign_all(db, KEY)
    below = await sql.fetchval("SELECT signed_below FROM receipt_progress")
    assert below > late_id
    await prove_all(sql)


async def test_a_thorough_pass_finds_what_a_clock_hid(db, floor, sql):
    player_id = await ready_player(db)
    await roll(floor, player_id, times=2)
    await sql.execute("UPDATE receipt_progress SET signed_below = next_id() + (1::bigint << 40)")
    assert await sign_all(db, KEY) == 0
    assert await sign_all(db, KEY, thorough=True) == 2
    await prove_all(sql)


async def test_a_backlog_is_worked_off_in_parts(db, floor, sql):
    player_id = await ready_player(db)
    await roll(floor, player_id, times=10)
    async with db.transaction() as session:
        first = await receipt_signer.sign(session, KEY, limit=4)
    assert (first.signed, first.more) == (4, True)
    assert await sign_all(db, KEY, limit=4) == 6
    assert await sql.fetchval("SELECT count(*) FROM receipt_roots") == 3
    await prove_all(sql)


async def test_waiting_ends_of_rounds_count_into_a_part(db, floor, sql):
    players = [await ready_player(db) for _ in range(5)]
    opened = [await dig(floor, player_id) for player_id in players]
    for player_id, round_ in zip(players, opened, strict=True):
        await floor.cash_out(player_id=player_id, round_id=round_.id, reference=new_reference())
        await roll(floor, player_id)
    assert await sign_all(db, KEY, limit=2) == 10
    assert await sql.fetchval("SELECT max(count) FROM receipt_roots") == 2
    await prove_all(sql)


class Crash(Exception):
    """The signer's process ends here."""


async def sign_and_crash(db):
    async with db.transaction() as session:
        done = await receipt_signer.sign(session, KEY, limit=2)
        assert done.signed == 2
        raise Crash


async def test_a_signer_that_ends_in_the_middle_leaves_nothing_half_done(db, floor, sql):
    player_id = await ready_player(db)
    await roll(floor, player_id, times=6)
    async with db.transaction() as session:
        await receipt_signer.sign(session, KEY, limit=2)
    with pytest.raises(Crash):
        await sign_and_crash(db)
    assert await sql.fetchval("SELECT count(*) FROM receipt_paths") == 2
    assert await sign_all(db, KEY, thorough=True) == 4
    await prove_all(sql)


async def test_two_signers_at_once_sign_each_receipt_once(db, floor, sql):
    players = [await ready_player(db) for _ in range(4)]

    async def play(player_id):
        for _ in range(4):
            await roll(floor, player_id, times=2)
            opened = await dig(floor, player_id)
            await floor.cash_out(player_id=player_id, round_id=opened.id, reference=new_reference())

    async def keep_signing():
        return sum([await sign_all(db, KEY, limit=3) for _ in range(8)])

    signed = await asyncio.gather(
        keep_signing(), keep_signing(), *(play(player_id) for player_id in players)
    )
    rest = await sign_all(db, KEY)
    assert signed[0] + signed[1] + rest == 4 * 4 * 3
    await prove_all(sql)


async def test_a_new_key_goes_on_where_the_old_one_ended(db, floor, sql):
    player_id = await ready_player(db)
    [first] = await roll(floor, player_id)
    await sign_all(db, KEY)
    async with db.transaction() as session:
        for _ in range(2):
            await receipt_signer.register(session, OTHER_KEY)
    [second] = await roll(floor, player_id)
    await sign_all(db, OTHER_KEY)
    await prove_all(sql, keys=(KEY, OTHER_KEY))
    for round_, key in ((first, KEY), (second, OTHER_KEY)):
        signed = (await file_of(db, player_id, round_.id))["signed"]
        assert (signed["key_id"], signed["public_key"]) == (key.key_id, key.public_key.hex())
    async with db.transaction() as session:
        published = await receipt_files.list_keys(session)
    assert [key.key_id for key in published] == [OTHER_KEY.key_id, KEY.key_id]


async def test_a_key_never_takes_the_name_of_another(db, sql):
    await sql.execute(
        "INSERT INTO receipt_keys VALUES ($1, $2, now())", OTHER_KEY.key_id, KEY.public_key
    )
    with pytest.raises(InvariantViolation):
        async with db.transaction() as session:
            await receipt_signer.register(session, OTHER_KEY)


async def test_a_receipt_is_its_owners_only(db, floor):
    player_id, stranger = await ready_player(db), await ready_player(db)
    [round_] = await roll(floor, player_id)
    with pytest.raises(NotFound):
        await file_of(db, stranger, round_.id)


@pytest.mark.parametrize("text", ["", "change-me", "ab" * 31, "ab" * 33, "zz" * 32])
def test_a_bad_key_is_refused_and_not_repeated(text):
    with pytest.raises(ValueError, match="RECEIPTS_SIGNING_KEY") as refused:
        HouseKey.from_text(text)
    assert not text or text not in str(refused.value)


def test_the_id_of_a_key_is_made_from_its_public_part():
    assert HouseKey.from_text(bytes(range(32)).hex()).public_key == KEY.public_key
    assert KEY.key_id == key_id(KEY.public_key) != OTHER_KEY.key_id
