"""Recompute any round from its seeds: `python -m games.verify GAME --server-seed S ...`.

Prints `{"outcome": ..., "multiplier": ...}`: a dice roll in hundredths, mines as the sorted list of
mined tiles. The multiplier is cut after eight decimals, with the fraction beside it as `exact`;
without a choice to judge it is null. Nothing here asks the house.
"""

from __future__ import annotations

import argparse
import json
import sys
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING

import msgspec

from casino.betting.fairness import Seeds
from casino.errors import BadChoice
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
    """Run the command line; exit code 2 with a sentence for bad input."""
    parser = argparse.ArgumentParser(prog="python -m games.verify", description=__doc__)
    parser.add_argument("game", choices=[*INSTANT, *STEPS])
    parser.add_argument("--server-seed", required=True, help="the revealed seed, as text")
    parser.add_argument("--client-seed", required=True)
    parser.add_argument("--nonce", required=True, type=int)
    parser.add_argument("--params", default="{}", help="JSON: the choice of the round")
    given = parser.parse_args(arguments)
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
    print(_ENCODER.encode(found).decode())  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
