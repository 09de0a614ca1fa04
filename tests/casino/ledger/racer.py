"""A process that races: `python -m tests.casino.ledger.racer DSN LANES`, heats as JSON lines.

A heat `{"at": seconds, "deeds": [...]}` starts all its deeds at one moment of the machine's clock,
in their order; what each was told is printed as one JSON list. A deed is `[kind, player, reference,
...]`: see `start`.
"""

import asyncio
import json
import sys
import time
from typing import Any

import msgspec
import structlog

from casino.betting.commands import Credit, Debit, Rollback
from casino.betting.floor import GamingFloor, open_floor
from casino.clock import utc_now
from casino.db import Database
from casino.errors import Conflict, Refusal
from casino.ids import PlayerId, RoundId
from casino.ledger import journal
from casino.ledger.chart import Account, Kind
from casino.ledger.wallet import Posting
from casino.money import Asset
from games.registry import INSTANT, STEPS
from tests.factories import VAULT


def start(floor: GamingFloor, database: Database, deed: list[Any]) -> Any:
    """Begin a deed; what follows the reference is units, a round, or a debit's reference."""
    kind, player, reference, *rest = deed
    who = PlayerId(player)
    match kind:
        case "bet":
            return floor.place_bet(
                player_id=who,
                game=INSTANT["dice"],
                asset=Asset.TON,
                stake=rest[0],
                choice={"target": 5050, "over": True},
                reference=reference,
            )
        case "open":
            return floor.open_round(
                player_id=who,
                game=STEPS["mines"],
                asset=Asset.TON,
                stake=rest[0],
                choice={"mines": 1},
                reference=reference,
            )
        case "act":
            return floor.act(
                player_id=who,
                round_id=RoundId(rest[0]),
                action={"tile": 7},
                reference=reference,
            )
        case "cash_out":
            return floor.cash_out(player_id=who, round_id=RoundId(rest[0]), reference=reference)
        case "rotate":
            return floor.rotate_seed(player_id=who, client_seed=None, reference=reference)
        case "debit" | "credit":
            call = Debit if kind == "debit" else Credit
            return floor.seamless(call(who, reference, "acme", Asset.TON, "round", rest[0]))
        case "rollback":
            return floor.seamless(Rollback(who, reference, "acme", Asset.TON, "round", rest[0]))
        case _:
            return deposit(database, who, reference, rest[0])


async def deposit(database: Database, player: PlayerId, reference: str, units: int) -> Any:
    """Money from outside, in a transaction of its own beside the lanes."""
    async with database.transaction() as session:
        return await journal.post(
            session,
            player_id=player,
            source="race",
            kind_key="deposit",
            reference=reference,
            request={"units": units},
            postings=[
                Posting(Account.HOT_WALLET_TON, Account.PLAYER_CASH, units, Asset.TON, Kind.DEPOSIT)
            ],
            subject_id=1,
            now=utc_now(),
        )


async def run(floor: GamingFloor, database: Database, deed: list[Any]) -> dict[str, Any]:
    """What a deed was told: an answer, a refusal, or a failure that nobody asked for."""
    try:
        told = await start(floor, database, deed)
    except (Refusal, Conflict) as refusal:
        return {"key": deed[:3], "refused": refusal.code}
    except Exception as error:  # noqa: BLE001 - the other side counts these, and wants none
        return {"key": deed[:3], "failed": repr(error)}
    return {
        "key": deed[:3],
        "entry": told.entry_id,
        "answer": json.dumps(msgspec.to_builtins(told.answer, enc_hook=str), sort_keys=True),
        "replayed": told.replayed,
    }


async def main(dsn: str, lanes: int) -> None:
    database = Database(dsn.replace("postgresql://", "postgresql+asyncpg://", 1))
    async with open_floor(dsn, VAULT, step_games=STEPS, lanes=lanes) as floor:
        sys.stdout.write('"ready"\n')
        sys.stdout.flush()
        while line := await asyncio.to_thread(sys.stdin.readline):
            heat = json.loads(line)
            await asyncio.sleep(max(0, heat["at"] - time.time()))
            told = await asyncio.gather(*(run(floor, database, one) for one in heat["deeds"]))
            sys.stdout.write(json.dumps(told) + "\n")
            sys.stdout.flush()
    await database.close()


if __name__ == "__main__":
    # Standard output is for answers.
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
