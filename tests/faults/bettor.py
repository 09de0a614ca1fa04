"""A process that bets: `python -m tests.faults.bettor DSN JOURNAL`, orders as JSON lines.

`{"do": "keep_betting", "players": [...], "tasks": 2}` bets until standard input ends; every bet
that was acknowledged stands in JOURNAL, forced to disk, before the next one is placed. What is asked
stands in a second journal beside it before it is asked.
"""

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

import structlog

from casino.betting.floor import GamingFloor, open_floor
from casino.betting.state import Round
from casino.errors import OutsideUnavailable
from casino.ids import PlayerId, new_reference
from casino.ledger.journal import Result
from casino.money import Asset
from games.registry import INSTANT, STEPS
from tests.factories import TON, VAULT

STAKE = TON // 100
PAUSE_SECONDS = 0.05


def place(floor: GamingFloor, player_id: int, reference: str) -> Any:
    """The bet that everybody in these tests makes."""
    return floor.place_bet(
        player_id=PlayerId(player_id),
        game=INSTANT["dice"],
        asset=Asset.TON,
        stake=STAKE,
        choice={"target": 5050, "over": True},
        reference=reference,
    )


async def place_until_known(floor: GamingFloor, player_id: int, reference: str) -> Result[Round]:
    """Place a bet under its reference until the outcome is known."""
    while True:
        try:
            answer: Result[Round] = await place(floor, player_id, reference)
        except OutsideUnavailable:
            await asyncio.sleep(PAUSE_SECONDS)
        else:
            return answer


def tell(answer: object) -> None:
    """Answer with one line."""
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


async def main(dsn: str, journal: Path) -> None:
    stop = asyncio.Event()
    written = os.open(journal, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    asked = os.open(journal.with_suffix(".asked"), os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    async def keep_betting(player_id: int) -> None:
        while not stop.is_set():
            reference = new_reference()
            os.write(asked, f"{reference} {player_id}\n".encode())
            answer = await place_until_known(floor, player_id, reference)
            line = f"{reference} {answer.entry_id} {answer.answer.payout} {player_id}\n"
            os.write(written, line.encode())
            os.fsync(written)

    async with open_floor(dsn, VAULT, step_games=STEPS) as floor, asyncio.TaskGroup() as group:
        tell({"ready": True})
        while line := await asyncio.to_thread(sys.stdin.readline):
            order = json.loads(line)
            for player_id in order["players"] * order["tasks"]:
                group.create_task(keep_betting(player_id))
        stop.set()


if __name__ == "__main__":
    # Standard output is for answers: nobody reads it later, and a full pipe would stop the process.
    structlog.configure(
        processors=[structlog.processors.JSONRenderer(default=repr)],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    asyncio.run(main(sys.argv[1], Path(sys.argv[2])))
