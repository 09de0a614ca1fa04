"""The published vectors, and the command line that a sceptic runs."""

import hmac
import json
from pathlib import Path

import pytest

from casino.betting.fairness import Seeds
from games.verify import main, verify

ROOT = Path(__file__).resolve().parents[2]
VECTORS = json.loads((ROOT / "webapp/frontend/src/fairness/vectors.json").read_text())["vectors"]
DICE = [one for one in VECTORS if one["game"] == "dice"]
MINES = [one for one in VECTORS if one["game"] == "mines"]
BLOCKS = [one for one in VECTORS if one["game"] == "hmac_block0"]


def seeds(given: dict) -> Seeds:
    return Seeds(given["server_seed"], given["client_seed"], given["nonce"])


def test_the_vectors_are_there():
    assert (len(DICE), len(MINES), len(BLOCKS)) == (6, 6, 3)


@pytest.mark.parametrize("vector", DICE, ids=lambda one: str(one["expected"]))
def test_dice(vector):
    assert verify("dice", seeds(vector["input"]), {})["outcome"] == vector["expected"]


@pytest.mark.parametrize("vector", MINES, ids=lambda one: str(one["input"]["mines"]))
def test_mines(vector):
    mined = verify("mines", seeds(vector["input"]), {"mines": vector["input"]["mines"]})["outcome"]
    if "numbered 1..25" in vector["algorithm"]:
        mined = [tile + 1 for tile in mined]
    if isinstance(vector["expected"], int):  # the source names the one safe tile, from 1 on
        assert sorted({*range(25)} - {*mined}) == [vector["expected"] - 1]
    else:
        assert mined == vector["expected"]


@pytest.mark.parametrize("vector", BLOCKS, ids=lambda one: str(one["input"]["nonce"]))
def test_the_first_block_of_the_stream(vector):
    given = vector["input"]
    block = hmac.digest(
        given["server_seed"].encode(),
        f"{given['client_seed']}:{given['nonce']}:0".encode(),
        "sha256",
    )
    assert block.hex() == vector["expected"]
    stream = seeds(given).stream()
    numbers = [int(vector["expected"][at : at + 8], 16) for at in range(0, 64, 8)]
    assert [stream.draw(2**32) for _ in range(8)] == numbers


def test_the_command_line_prints_one_json_object(capsys):
    given = DICE[0]["input"]
    arguments = ["dice", "--server-seed", given["server_seed"]]
    arguments += ["--client-seed", given["client_seed"], "--nonce", str(given["nonce"])]
    assert main([*arguments, "--params", '{"target": 5050, "over": true}']) == 0
    told = json.loads(capsys.readouterr().out)
    assert told == {"outcome": DICE[0]["expected"], "multiplier": 2, "exact": "2/1"}
    assert main(arguments) == 0
    assert json.loads(capsys.readouterr().out)["multiplier"] is None


def test_the_command_line_judges_a_round_of_mines(capsys):
    arguments = ["mines", "--server-seed", "s", "--client-seed", "c", "--nonce", "0", "--params"]
    main([*arguments, '{"mines": 3}'])
    mined = json.loads(capsys.readouterr().out)["outcome"]
    safe = [tile for tile in range(25) if tile not in mined][:2]
    main([*arguments, json.dumps({"mines": 3, "opened": safe})])
    assert json.loads(capsys.readouterr().out)["exact"] == "9/7"  # 0.99 * C(25,2) / C(22,2)
    main([*arguments, json.dumps({"mines": 3, "opened": [safe[0], mined[0]]})])
    assert json.loads(capsys.readouterr().out)["multiplier"] == 0


@pytest.mark.parametrize(
    "params", ["{", "[]", '{"mines": 0}', '{"mines": 25}', '{"mines": 3, "opened": [99]}', "{}"]
)
def test_bad_params_end_with_a_sentence(params, capsys):
    arguments = ["mines", "--server-seed", "s", "--client-seed", "c", "--nonce", "0"]
    with pytest.raises(SystemExit) as ended:
        main([*arguments, "--params", params])
    assert ended.value.code == 2
    assert "python -m games.verify: error:" in capsys.readouterr().err
