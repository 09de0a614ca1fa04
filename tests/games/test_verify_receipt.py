"""A receipt file: what it proves, and that no part of it can be changed unseen."""

import copy
import json
import subprocess
import sys
from pathlib import Path

import pytest

from casino.betting import receipt_files, receipt_signer, receipt_tree
from casino.betting.floor import open_floor
from casino.betting.receipt_roots import HouseKey, Root
from casino.betting.receipts import hash_of_content
from casino.ids import new_reference
from casino.money import Asset
from casino.worker.signing import sign_all
from games.receipts import NotProven, check, read
from games.registry import INSTANT, STEPS
from games.verify import main
from tests.factories import TON, VAULT, ready_house, ready_player

ROOT = Path(__file__).resolve().parents[2]
KEY = HouseKey(bytes(range(32)))
FOREIGN = HouseKey(bytes(range(1, 33)))
GAMES = {**INSTANT, **STEPS}
ROUNDS = 7


async def a_roll(floor, player_id):
    result = await floor.place_bet(
        player_id=player_id,
        game=INSTANT["dice"],
        asset=Asset.TON,
        stake=TON // 7,
        choice={"target": 3333, "over": False},
        reference=new_reference(),
    )
    return result.answer


async def a_dig(floor, player_id):
    result = await floor.open_round(
        player_id=player_id,
        game=STEPS["mines"],
        asset=Asset.TON,
        stake=TON // 7,
        choice={"mines": 2},
        reference=new_reference(),
    )
    for tile in (4, 11):
        if result.answer.status == "open":
            result = await floor.act(
                player_id=player_id,
                round_id=result.answer.id,
                action={"tile": tile},
                reference=new_reference(),
            )
    if result.answer.status == "open":
        result = await floor.cash_out(
            player_id=player_id, round_id=result.answer.id, reference=new_reference()
        )
    return result.answer


async def file_of(db, player_id, round_):
    async with db.transaction() as session:
        file = await receipt_files.get_file(
            session, player_id=player_id, round_id=round_.id, games=GAMES
        )
    return json.loads(json.dumps(file))


@pytest.fixture(params=["dice", "mines"])
async def receipts(request, db):
    """The same round's receipt before it is signed, before its seed is revealed, and after."""
    await ready_house(db)
    play = {"dice": a_roll, "mines": a_dig}[request.param]
    async with db.transaction() as session:
        await receipt_signer.register(session, KEY)
    async with open_floor(db.dsn, VAULT, step_games=STEPS) as floor:
        player_id = await ready_player(db)
        rounds = [await play(floor, player_id) for _ in range(ROUNDS)]
        chosen = rounds[3]
        unsigned = await file_of(db, player_id, chosen)
        await sign_all(db, KEY)
        sealed = await file_of(db, player_id, chosen)
        await floor.rotate_seed(player_id=player_id, client_seed="next", reference=new_reference())
        revealed = await file_of(db, player_id, chosen)
        neighbour = await file_of(db, player_id, rounds[4])
    return {
        "unsigned": unsigned,
        "sealed": sealed,
        "revealed": revealed,
        "neighbour": neighbour,
    }


def leaves(found, path=()):
    """Every value inside, with the way to it."""
    if isinstance(found, dict):
        for name, inner in found.items():
            yield from leaves(inner, (*path, name))
    elif isinstance(found, list):
        for place, inner in enumerate(found):
            yield from leaves(inner, (*path, place))
    else:
        yield path, found


def changed(found):
    """Other values of the same kind."""
    if isinstance(found, bool):
        return [not found, int(found)]
    if isinstance(found, int):
        return [found + 1, found - 1, str(found), 2**70]
    if found is None:
        return [0, "", []]
    text = str(found)
    return [
        text + "0",
        text[:-1],
        text[:-1] + ("0" if text[-1:] != "0" else "1"),
        text.upper() + " ",
    ]


def with_value(file, path, value):
    bent = copy.deepcopy(file)
    inner = bent
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = value
    return bent


def refused(file, *, public_key=KEY.public_key):
    try:
        check(file, public_key=public_key)
    except NotProven as fault:
        return str(fault)
    return ""


def test_a_receipt_proves_more_once_its_seed_is_revealed(receipts):
    signed_part = ("hash", "path", "signature", "table", "payout")
    sealed = check(receipts["sealed"], public_key=KEY.public_key)
    assert (sealed.checked, sealed.open) == (signed_part, ("commitment", "outcome"))
    full = check(receipts["revealed"], public_key=KEY.public_key)
    assert (full.checked, full.open) == ((*signed_part, "commitment", "outcome"), ())
    assert full.round_id == receipts["revealed"]["round_id"]
    assert (full.key_id, full.second) == (KEY.key_id, receipts["revealed"]["signed"]["second"])
    assert "not signed" in refused(receipts["unsigned"])


def test_no_value_of_a_receipt_can_be_changed(receipts):
    file = receipts["revealed"]
    tried = 0
    for path, found in leaves(file):
        for other in changed(found):
            assert refused(with_value(file, path, other)), (path, other)
            tried += 1
    assert tried > 100


def test_no_part_can_be_taken_away_added_or_given_twice(receipts):
    file = receipts["revealed"]
    for holder in ((), ("content",), ("signed",), ("table",)):
        inner = file
        for step in holder:
            inner = inner[step]
        for name in inner:
            less = {key: value for key, value in inner.items() if key != name}
            assert refused(with_value({"": file}, ("", *holder), less)[""])
        more = {**inner, "note": "paid"}
        assert refused(with_value({"": file}, ("", *holder), more)[""])
    text = json.dumps(file)
    assert read(text) == file
    with pytest.raises(NotProven, match="twice"):
        read(text.replace('"hash":', '"hash": "00", "hash":', 1))


def test_no_byte_of_the_path_can_be_changed(receipts):
    file = receipts["sealed"]
    assert len(file["signed"]["path"]) >= 2
    for step, node in enumerate(file["signed"]["path"]):
        for at in range(32):
            bent = bytearray(bytes.fromhex(node))
            bent[at] ^= 0x01
            assert "path does not lead" in refused(
                with_value(file, ("signed", "path", step), bytes(bent).hex())
            )
    path = file["signed"]["path"]
    for other in (path[:-1], [*path, path[0]], path[::-1], []):
        assert refused(with_value(file, ("signed", "path"), other))


def test_every_wrong_leaf_is_refused(receipts):
    file = receipts["sealed"]
    for place in {*range(-1, ROUNDS + 2)} - {file["signed"]["leaf"]}:
        assert refused(with_value(file, ("signed", "leaf"), place))
    others = receipts["neighbour"]["signed"]
    assert refused({**file, "signed": others})


def signed_by(file, key):
    """The same file as another house would sign it."""
    bent = copy.deepcopy(file)
    part = bent["signed"]
    record = Root(
        part["second"],
        part["count"],
        bytes.fromhex(part["root"]),
        bytes.fromhex(part["previous"]),
    )
    part["signature"] = key.sign(record).hex()
    part["key_id"], part["public_key"] = key.key_id, key.public_key.hex()
    return bent


def test_a_foreign_key_is_refused(receipts):
    forged = signed_by(receipts["sealed"], FOREIGN)
    assert "another key" in refused(forged)
    assert refused(forged, public_key=None) == ""  # the file agrees with itself, no more
    half = copy.deepcopy(receipts["sealed"])
    half["signed"]["signature"] = forged["signed"]["signature"]
    assert "signature" in refused(half)
    assert signed_by(receipts["sealed"], KEY) == receipts["sealed"]


@pytest.mark.parametrize("receipts", ["dice"], indirect=True)
def test_a_house_that_signs_a_lie_is_caught_by_the_seeds(receipts):
    """Hash, path and signature hold for a forged outcome too; the revealed seed tells."""
    lie = copy.deepcopy(receipts["revealed"])
    said = lie["content"]
    won = said["payout"] != "0"
    said["details"]["roll"] = 9999 if won else 1
    said["multiplier"] = ["0", "1"] if won else ["100", "33"]
    said["payout"] = str(
        int(said["stake"]) * int(said["multiplier"][0]) // int(said["multiplier"][1])
    )
    reseal(lie)
    assert "another outcome" in refused(lie)
    lie["server_seed"] = None
    assert refused(lie) == ""
    said["payout"] = str(int(said["payout"]) + 1)
    reseal(lie)
    assert "payout" in refused(lie)


@pytest.mark.parametrize("receipts", ["mines"], indirect=True)
def test_a_round_of_steps_is_replayed_step_by_step(receipts):
    lie = copy.deepcopy(receipts["revealed"])
    lie["content"]["steps"] = [4, 4]
    reseal(lie)
    assert "chosen" in refused(lie) or "lost" in refused(lie)
    lie["content"]["steps"] = []
    reseal(lie)
    assert "another outcome" in refused(lie)


def reseal(file):
    """Hash and sign what the file says now, alone under its root."""
    digest = hash_of_content(file["content"])
    file["hash"] = digest.hex()
    root = receipt_tree.levels([digest])[-1][0]
    file["signed"] |= {"leaf": 0, "count": 1, "path": [], "root": root.hex()}
    file["signed"] = signed_by(file, KEY)["signed"]


def test_the_command_line_says_it_in_one_line(receipts, tmp_path, capsys):
    path = tmp_path / "receipt.json"
    path.write_text(json.dumps(receipts["revealed"]))
    assert main(["receipt", str(path), "--public-key", KEY.public_key.hex()]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["proven"], told["key"], told["open"]) == (True, "given", [])
    assert main(["receipt", str(path)]) == 0
    assert json.loads(capsys.readouterr().out)["key"] == "named by the file itself"
    assert main(["receipt", str(path), "--public-key", FOREIGN.public_key.hex()]) == 1
    told = json.loads(capsys.readouterr().out)
    assert (told["proven"], "another key" in told["reason"]) == (False, True)
    with pytest.raises(SystemExit) as ended:
        main(["receipt", str(path), "--public-key", "abcd"])
    assert ended.value.code == 2


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "null", "{}", '{"file": NaN}', '{"file": 1.5}', "[" * 100_000, '"\\ud800"'],
    ids=lambda text: text[:12],
)
def test_a_file_that_is_no_receipt_is_refused_with_a_reason(text, tmp_path):
    path = tmp_path / "receipt.json"
    path.write_text(text)
    done = subprocess.run(
        [sys.executable, "-m", "games.verify", "receipt", str(path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    told = json.loads(done.stdout)
    assert (told["proven"], bool(told["reason"])) == (False, True)


def test_the_few_lines_of_the_documentation_check_it_too(receipts, tmp_path):
    told = (ROOT / "docs/fairness.md").read_text()
    begin = told.index("    import hashlib, json, sys")
    lines = told[begin : told.index("\n\n", begin)].splitlines()
    script = tmp_path / "by_hand.py"
    script.write_text("\n".join(line[4:] for line in lines))
    path = tmp_path / "receipt.json"

    def by_hand(file, key):
        path.write_text(json.dumps(file))
        command = [sys.executable, str(script), str(path), key.public_key.hex()]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    assert by_hand(receipts["sealed"], KEY).stdout == "signed by the house\n"
    assert "InvalidSignature" in by_hand(receipts["sealed"], FOREIGN).stderr
    bent = with_value(receipts["sealed"], ("content", "stake"), "1")
    assert "InvalidSignature" in by_hand(bent, KEY).stderr
