"""Recompute any round from its seeds, or check a receipt: `python -m games.verify --help`.

Prints `{"outcome": ..., "multiplier": ...}`: a dice roll in hundredths, mines as the sorted list of
mined tiles. The multiplier is cut after eight decimals, with the fraction beside it as `exact`;
without a choice to judge it is null. `receipt FILE` prints what a receipt file proves, exit code 1
with the reason when it does not. Nothing here asks the house.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from casino.betting.fairness import Seeds
from casino.betting.receipt_roots import KEY_BYTES
from casino.errors import BadChoice
from games.receipts import NotProven, check, read
from games.registry import INSTANT, STEPS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

DECIMALS = 8
_ENCODER = msgspec.json.Encoder(decimal_format="number")


def verify(game: str, seeds: Seeds, params: Mapping[str, object]) -> dict[str, object]:
    """The outcome of a round; raises BadChoice for params the game does not offer, KeyError for an
    unknown game.

    dice: `target` and `over` are optional and give the multiplier. mines: `mines`, and optionally
    `opened`, the tiles opened in order.
    """
    if game in INSTANT:
        return _instant(game, seeds, params)
    return _steps(game, seeds, params)


def _instant(game: str, seeds: Seeds, params: Mapping[str, object]) -> dict[str, object]:
    engine = INSTANT[game]
    # The draw does not depend on the choice: any valid one shows it.
    choice = engine.parse(params or {"target": 5000, "over": True})
    outcome = engine.resolve(choice, seeds.stream())
    shown = _shown(outcome.multiplier if params else None)
    return {"outcome": outcome.details["roll"], **shown}


def _steps(game: str, seeds: Seeds, params: Mapping[str, object]) -> dict[str, object]:
    engine = STEPS[game]
    opened = params.get("opened", [])
    choice = engine.parse({name: found for name, found in params.items() if name != "opened"})
    secret = engine.secret(choice, seeds.stream())
    if not isinstance(opened, list):
        raise BadChoice(field="opened")
    steps: tuple[int, ...] = ()
    lost = False
    for tile in opened:
        if lost:
            raise BadChoice(field="opened")
        step = engine.act(choice, secret, steps, {"tile": tile})
        steps, lost = step.steps, step.lost
    if not opened:
        return {"outcome": list(secret), **_shown(None)}
    multiplier = Fraction(0) if lost else engine.multiplier(choice, len(steps))
    return {"outcome": list(secret), **_shown(multiplier)}


def _shown(multiplier: Fraction | None) -> dict[str, object]:
    if multiplier is None:
        return {"multiplier": None, "exact": None}
    scaled = multiplier.numerator * 10**DECIMALS // multiplier.denominator
    return {
        "multiplier": Decimal(scaled).scaleb(-DECIMALS).normalize(),
        "exact": f"{multiplier.numerator}/{multiplier.denominator}",
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; exit code 2 with a sentence for bad input, 1 for a receipt that does
    not hold."""
    parser = argparse.ArgumentParser(prog="python -m games.verify", description=__doc__)
    what = parser.add_subparsers(dest="game", required=True, metavar="GAME | receipt")
    for game in (*INSTANT, *STEPS):
        one = what.add_parser(game, prog=parser.prog, help=f"recompute a round of {game}")
        one.add_argument("--server-seed", required=True, help="the revealed seed, as text")
        one.add_argument("--client-seed", required=True)
        one.add_argument("--nonce", required=True, type=int)
        one.add_argument("--params", default="{}", help="JSON: the choice of the round")
    receipt = what.add_parser("receipt", prog=parser.prog, help="check a receipt file")
    receipt.add_argument("file", type=Path, help="as downloaded in the Mini App")
    receipt.add_argument(
        "--public-key", type=_public_key, metavar="HEX", help="the key that the house publishes"
    )
    given = parser.parse_args(arguments)
    if given.game == "receipt":
        return _check_receipt(given.file, given.public_key)
    seeds = Seeds(given.server_seed, given.client_seed, given.nonce)
    try:
        params = json.loads(given.params)
        if not isinstance(params, dict):
            parser.error("--params is not a JSON object")
        found = verify(given.game, seeds, params)
    except json.JSONDecodeError as error:
        parser.error(f"--params is not JSON: {error}")
    except BadChoice as error:
        parser.error(f"this game does not offer that choice: {error}")
    _say(found)
    return 0


def _check_receipt(path: Path, public_key: bytes | None) -> int:
    try:
        proof = check(read(path.read_bytes()), public_key=public_key)
    except (NotProven, OSError) as fault:
        _say({"proven": False, "reason": str(fault)})
        return 1
    trusted = "given" if public_key is not None else "named by the file itself"
    _say({"proven": True, **asdict(proof), "key": trusted})
    return 0


def _public_key(text: str) -> bytes:
    key = bytes.fromhex(text)
    if len(key) != KEY_BYTES:
        raise ValueError
    return key


def _say(found: object) -> None:
    print(_ENCODER.encode(found).decode())  # noqa: T201


if __name__ == "__main__":
    sys.exit(main())
