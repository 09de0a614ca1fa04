"""A receipt's canonical form, its chain, and the tree that gives each its place."""

import hashlib
import json
from datetime import UTC, datetime
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from casino.betting import history, receipt_tree
from casino.betting.receipts import (
    FIELDS,
    FORM,
    GENESIS,
    content,
    hash_of_content,
    receipt_hash,
)
from casino.betting.state import Round
from casino.ids import PlayerId, RoundId, SeedPairId, new_reference
from casino.money import Asset
from games.registry import INSTANT, STEPS
from tests.factories import TON, ready_player

NOW = datetime(2026, 5, 4, 3, 2, 1, tzinfo=UTC)
TABLE_HASHES = {
    "dice/1": "d31eab1e2825237110dd923c73a195daa67408d0414965107cd693ff9664a2c0",
    "mines/1": "ddbd392d1952a4338cc9b3e3a1d3adc91a76efe9e5d884cf1988e4537d36649f",
}


def made(**changes) -> Round:
    facts = {
        "id": RoundId(214748364800000001),
        "player_id": PlayerId(214748364800000000),
        "game": "mines",
        "algorithm": "mines/1",
        "asset": Asset.TON,
        "status": "settled",
        "stake": TON,
        "payout": 2 * TON,
        "choice": {"target": 5050, "over": True},
        "steps": (3, 1),
        "details": {"opened": [3, 1], "mines": [7]},
        "multiplier": Fraction(99, 50),
        "steps_allowed": None,
        "exposure": 0,
        "seed_pair_id": SeedPairId(1),
        "seed_nonce": 17,
        "commitment": "ab" * 32,
        "client_seed": 'a"b\\c/<>&~',
        "receipt_hash": None,
        "receipt_before": None,
        "opened_at": NOW,
        "settled_at": NOW,
    }
    return Round(**{**facts, **changes})


def test_the_canonical_form_is_what_any_json_library_writes():
    said = content(made(), table_hash="cd" * 32, before=GENESIS)
    by_hand = json.dumps(
        [said[name] for name in FIELDS],
        separators=(",", ":"),
        sort_keys=True,
        ensure_ascii=False,
    )
    expected = (
        '["fairhouse.receipt/2","214748364800000001","214748364800000000","mines","mines/1","'
        + "cd" * 32
        + '","TON","1000000000","2000000000",["99","50"],{"over":true,"target":5050},[3,1],'
        + '{"mines":[7],"opened":[3,1]},"'
        + "ab" * 32
        + '","a\\"b\\\\c/<>&~",17,"214748364800000001","'
        + GENESIS.hex()
        + '"]'
    )
    assert by_hand == expected
    found = receipt_hash(made(), table_hash="cd" * 32, before=GENESIS)
    assert found == hashlib.sha256(by_hand.encode()).digest()
    assert found == hash_of_content(json.loads(json.dumps(said)))
    assert said["form"] == FORM


def test_the_order_in_which_a_choice_was_written_does_not_matter():
    turned = made(choice={"over": True, "target": 5050})
    assert receipt_hash(turned, table_hash="", before=GENESIS) == receipt_hash(
        made(), table_hash="", before=GENESIS
    )


@pytest.mark.parametrize(
    "change",
    [
        {"id": RoundId(1)},
        {"player_id": PlayerId(1)},
        {"game": "dice"},
        {"algorithm": "mines/2"},
        {"asset": Asset.USDT},
        {"stake": 1},
        {"payout": 1},
        {"multiplier": Fraction(2)},
        {"choice": {"mines": 3}},
        {"steps": (1, 3)},
        {"steps": None},
        {"details": {"opened": [3, 1], "mines": [8]}},
        {"commitment": "ac" * 32},
        {"client_seed": "other"},
        {"seed_nonce": 18},
    ],
    ids=lambda change: next(iter(change)),
)
def test_every_fact_is_in_the_hash(change):
    plain = receipt_hash(made(), table_hash="aa", before=GENESIS)
    assert receipt_hash(made(**change), table_hash="aa", before=GENESIS) != plain


def test_rules_and_the_receipt_before_are_in_the_hash():
    plain = receipt_hash(made(), table_hash="aa", before=GENESIS)
    assert receipt_hash(made(), table_hash="ab", before=GENESIS) != plain
    assert receipt_hash(made(), table_hash="aa", before=plain) != plain


def test_rules_do_not_change_under_the_same_name():
    """Changed rules are another algorithm: receipts of the old ones must stay checkable."""
    found = {game.algorithm: game.table_hash for game in (*INSTANT.values(), *STEPS.values())}
    assert TABLE_HASHES.items() <= found.items()


async def test_receipts_of_both_kinds_of_games_form_one_chain(db, floor):
    player_id = await ready_player(db)
    await floor.place_bet(
        player_id=player_id,
        game=INSTANT["dice"],
        asset=Asset.TON,
        stake=TON,
        choice={"target": 5050, "over": True},
        reference=new_reference(),
    )
    opened = await floor.open_round(
        player_id=player_id,
        game=STEPS["mines"],
        asset=Asset.TON,
        stake=TON,
        choice={"mines": 3},
        reference=new_reference(),
    )
    await floor.cash_out(player_id=player_id, round_id=opened.answer.id, reference=new_reference())
    async with db.transaction() as session:
        dice, mines = (await history.list_rounds(session, player_id=player_id))[::-1]
        games = {**INSTANT, **STEPS}
        details = [
            await history.get_round(session, player_id=player_id, round_id=one.id, games=games)
            for one in (dice, mines)
        ]
        other_rules = await history.get_round(
            session, player_id=player_id, round_id=dice.id, games=STEPS
        )
    assert [one.receipt["previous"] for one in details] == [
        GENESIS.hex(),
        dice.receipt_hash.hex(),
    ]
    assert [one.receipt["table_hash"] for one in details] == [
        INSTANT["dice"].table_hash,
        STEPS["mines"].table_hash,
    ]
    assert hash_of_content(details[1].receipt) == mines.receipt_hash
    assert other_rules.receipt is None


def reference_root(hashes: list[bytes]) -> bytes:
    """RFC 9162, 2.1.1, as it is written: split at the largest power of two below the count."""
    if len(hashes) == 1:
        return hashlib.sha256(b"\x00" + hashes[0]).digest()
    split = 1
    while split * 2 < len(hashes):
        split *= 2
    left, right = reference_root(hashes[:split]), reference_root(hashes[split:])
    return hashlib.sha256(b"\x01" + left + right).digest()


def receipts(count: int) -> list[bytes]:
    return [hashlib.sha256(b"%d" % number).digest() for number in range(count)]


def path_of(stored: bytes, place: int, count: int) -> list[bytes]:
    return [stored[at : at + 32] for at in receipt_tree.offsets(place=place, count=count)]


@pytest.mark.parametrize("count", [*range(1, 18), 31, 32, 33, 100])
def test_every_receipt_of_a_tree_leads_to_its_root(count):
    hashes = receipts(count)
    built = receipt_tree.levels(hashes)
    root = built[-1][0]
    assert root == reference_root(hashes)
    stored = receipt_tree.flatten(built)
    for place, one in enumerate(hashes):
        path = path_of(stored, place, count)
        found = receipt_tree.root_from_path(one, place=place, count=count, path=path)
        assert found == root


@given(st.data())
def test_nothing_but_the_right_place_and_path_leads_to_the_root(data):
    count = data.draw(st.integers(2, 40))
    place = data.draw(st.integers(0, count - 1))
    hashes = receipts(count)
    built = receipt_tree.levels(hashes)
    root = built[-1][0]
    path = path_of(receipt_tree.flatten(built), place, count)

    def reached(one=hashes[place], *, place=place, count=count, path=path):
        return receipt_tree.root_from_path(one, place=place, count=count, path=path)

    assert reached() == root
    wrong = data.draw(st.integers(-3, count + 3).filter(lambda other: other != place))
    assert reached(place=wrong) != root
    assert reached(hashes[(place + 1) % count]) != root
    step = data.draw(st.integers(0, len(path) - 1))
    at = data.draw(st.integers(0, 31))
    bent = bytearray(path[step])
    bent[at] ^= data.draw(st.integers(1, 255))
    assert reached(path=[*path[:step], bytes(bent), *path[step + 1 :]]) != root
    assert reached(path=path[:-1]) is None
    assert reached(path=[*path, path[-1]]) is None


def test_a_node_cannot_pass_for_a_receipt():
    hashes = receipts(4)
    built = receipt_tree.levels(hashes)
    node = built[1][0]
    forged = receipt_tree.root_from_path(node, place=0, count=2, path=[built[1][1]])
    assert forged != built[-1][0]
