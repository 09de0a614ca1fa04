"""The statements that load and store rounds, seed pairs and the facts of the house."""

from __future__ import annotations

import json
from datetime import datetime
from fractions import Fraction
from typing import TYPE_CHECKING

import msgspec

from casino.arrays import literals, numbers, parameters
from casino.betting.state import House, Round, StakeRange
from casino.exchange import Rate
from casino.ids import RoundId, SeedPairId
from casino.ledger.sql import BESIDE_FIRST, MOMENT, Beside
from casino.money import Asset
from casino.players import facts

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    import asyncpg

    from casino.betting.game import Choice, Details
    from casino.betting.state import PlayState
    from casino.ids import PlayerId

ROUND_COLUMNS = """
r.id, r.player_id, r.game, r.algorithm, r.asset, r.status, r.stake, r.payout, r.choice, r.steps,
r.details, r.multiplier_n, r.multiplier_d, r.steps_allowed, r.exposure, r.seed_pair_id,
r.seed_nonce, s.commitment, s.client_seed, r.receipt_hash, r.receipt_before, r.opened_at,
r.settled_at
"""

# What the rules read about players, and whether the facts of the house are still as they were.
LOAD_PLAYERS = f"""
SELECT {facts.COLUMNS}, a.id, a.used, a.receipt_head, h.version
FROM {facts.SOURCE}
LEFT JOIN seed_pairs a ON a.player_id = p.id AND a.status = 'active'
CROSS JOIN house_version h
WHERE p.id = ANY($1::text::bigint[])
"""  # noqa: S608

LOAD_HOUSE = """
SELECT
  (SELECT array_agg(name) FROM flags WHERE stopped),
  (SELECT json_agg(q) FROM (SELECT DISTINCT ON (asset) asset, id, numerator, denominator,
      quoted_at FROM rates ORDER BY asset, id DESC) q),
  (SELECT json_agg(t) FROM (SELECT DISTINCT ON (game, asset) game, asset, stake_min, stake_max
      FROM game_terms ORDER BY game, asset, id DESC) t)
"""

LOAD_OPEN_ROUNDS = f"""
SELECT {ROUND_COLUMNS} FROM rounds r JOIN seed_pairs s ON s.id = r.seed_pair_id
WHERE r.player_id = ANY($1::text::bigint[]) AND r.status = 'open'
"""  # noqa: S608

LOAD_ROUNDS = f"""
SELECT {ROUND_COLUMNS} FROM rounds r JOIN seed_pairs s ON s.id = r.seed_pair_id
WHERE r.id = ANY($1::text::bigint[])
"""  # noqa: S608

# The columns of the three row kinds below, by their types.
SEEDS = "bigint bigint bytea"
ROUND = (
    "bigint bigint text text smallint text bigint bigint text text text bigint bigint smallint"
    " bigint bigint bigint bytea bytea"
)
CHANGED = "bigint text bigint text text bigint bigint bytea bytea timestamptz"

# Nonces and receipts of active pairs, counters, and new rounds, beside the book of the batch.
_COUNTERS_FIRST = BESIDE_FIRST + len(SEEDS.split())
_ROUNDS_FIRST = _COUNTERS_FIRST + len(facts.COUNTERS.split())
STORE = f"""
seeds AS (
  UPDATE seed_pairs s SET used = n.used, receipt_head = n.receipt_head
  FROM unnest({parameters(BESIDE_FIRST, SEEDS)}) AS n(id, used, receipt_head)
  WHERE s.id = n.id AND s.status = 'active'
), counters AS ({facts.store_statement(_COUNTERS_FIRST)}), round AS (
  INSERT INTO rounds (id, player_id, game, algorithm, asset, status, stake, payout, choice, steps,
    details, multiplier_n, multiplier_d, steps_allowed, exposure, seed_pair_id, seed_nonce,
    receipt_hash, receipt_before, opened_at, settled_at)
  SELECT id, player_id, game, algorithm, asset, status, stake, payout, choice::json, steps::int[],
    details::json, multiplier_n, multiplier_d, steps_allowed, exposure, seed_pair_id, seed_nonce,
    receipt_hash, receipt_before, ${MOMENT}::timestamptz,
    CASE WHEN status <> 'open' THEN ${MOMENT} END
  FROM unnest({parameters(_ROUNDS_FIRST, ROUND)})
    AS n(id, player_id, game, algorithm, asset, status, stake, payout, choice, steps, details,
      multiplier_n, multiplier_d, steps_allowed, exposure, seed_pair_id, seed_nonce, receipt_hash,
      receipt_before)
)"""  # noqa: S608

CHANGE_ROUNDS = f"""
UPDATE rounds r SET status = n.status, payout = n.payout, steps = n.steps::int[],
    details = n.details::json, multiplier_n = n.multiplier_n, multiplier_d = n.multiplier_d,
    receipt_hash = n.receipt_hash, receipt_before = n.receipt_before, settled_at = n.settled_at
FROM unnest({parameters(1, CHANGED)})
  AS n(id, status, payout, steps, details, multiplier_n, multiplier_d, receipt_hash,
    receipt_before, settled_at)
WHERE r.id = n.id AND r.settled_at IS NULL
"""  # noqa: S608

LOCK_EXPOSURE = "SELECT asset, open_units FROM house_exposure ORDER BY asset FOR UPDATE"

CHANGE_EXPOSURE = """
INSERT INTO house_exposure AS e (asset, open_units)
SELECT asset, units FROM unnest($1::smallint[], $2::bigint[]) AS n(asset, units) ORDER BY asset
ON CONFLICT (asset) DO UPDATE SET open_units = e.open_units + excluded.open_units
"""


async def load_players(
    connection: asyncpg.Connection, player_ids: Sequence[PlayerId]
) -> list[asyncpg.Record]:
    """A row a player: his facts, what his active seed pair has come to, the house's version."""
    rows: list[asyncpg.Record] = await connection.fetch(LOAD_PLAYERS, numbers(player_ids))
    return rows


async def load_house(connection: asyncpg.Connection) -> House:
    """Switches, rates and stakes; bankroll and exposure are the caller's to add."""
    flags, rates, terms = await connection.fetchrow(LOAD_HOUSE)
    return House(
        stopped=frozenset(flags or ()),
        rates={rate.asset: rate for rate in map(_read_rate, json.loads(rates or "[]"))},
        stakes={
            (term["game"], Asset.from_code(term["asset"])): StakeRange(
                term["stake_min"], term["stake_max"]
            )
            for term in json.loads(terms or "[]")
        },
        bankroll={},
        exposure_open={},
    )


async def lock_exposure(connection: asyncpg.Connection) -> dict[Asset, int]:
    """What open rounds may cost, held while the batch opens rounds, so that two batches cannot
    both take the last of it; locked after the players, in asset order."""
    rows = await connection.fetch(LOCK_EXPOSURE)
    return {Asset.from_code(code): units for code, units in rows}


async def load_open_rounds(
    connection: asyncpg.Connection, player_ids: Sequence[PlayerId]
) -> list[Round]:
    """Open rounds of players."""
    return [
        read_round(row) for row in await connection.fetch(LOAD_OPEN_ROUNDS, numbers(player_ids))
    ]


async def load_rounds(connection: asyncpg.Connection, round_ids: Sequence[int]) -> list[Round]:
    """Rounds by id."""
    return [read_round(row) for row in await connection.fetch(LOAD_ROUNDS, numbers(round_ids))]


def beside(states: Mapping[PlayerId, PlayState], rounds: Collection[Round]) -> Beside:
    """The nonces, receipts and counters of players that changed, and new rounds."""
    seeds = [(s.seeds.pair_id, s.seeds.used, s.seeds.receipt_head) for s in states.values()]
    return Beside(
        STORE,
        [
            *literals(SEEDS, seeds),
            *facts.counter_columns([(id_, one.facts.counters) for id_, one in states.items()]),
            *literals(ROUND, [_row(round_) for round_ in rounds]),
        ],
    )


async def change_rounds(connection: asyncpg.Connection, rounds: Sequence[Round]) -> None:
    """Store further steps and ends of open rounds."""
    rows = [
        (
            r.id,
            r.status,
            r.payout,
            _int_array(r.steps),
            None if r.details is None else _text(r.details),
            r.multiplier.numerator,
            r.multiplier.denominator,
            r.receipt_hash,
            r.receipt_before,
            None if r.settled_at is None else r.settled_at.isoformat(),
        )
        for r in rounds
    ]
    await connection.execute(CHANGE_ROUNDS, *literals(CHANGED, rows))


async def change_exposure(connection: asyncpg.Connection, changes: Mapping[Asset, int]) -> None:
    """Add to what open rounds may cost, by asset."""
    codes = [asset.code for asset in changes]
    await connection.execute(CHANGE_EXPOSURE, codes, list(changes.values()))


def read_round(row: asyncpg.Record) -> Round:
    """A round from the columns of ROUND_COLUMNS."""
    return Round(
        id=RoundId(row[0]),
        player_id=row[1],
        game=row[2],
        algorithm=row[3],
        asset=Asset.from_code(row[4]),
        status=row[5],
        stake=row[6],
        payout=row[7],
        choice=_parsed(row[8]),
        steps=tuple(row[9]) if row[9] is not None else None,
        details=_parsed_details(row[10]) if row[10] is not None else None,
        multiplier=Fraction(row[11], row[12]),
        steps_allowed=row[13],
        exposure=row[14],
        seed_pair_id=SeedPairId(row[15]),
        seed_nonce=row[16],
        commitment=row[17],
        client_seed=row[18],
        receipt_hash=row[19],
        receipt_before=row[20],
        opened_at=row[21],
        settled_at=row[22],
    )


def _row(r: Round) -> tuple[object, ...]:
    return (
        r.id,
        r.player_id,
        r.game,
        r.algorithm,
        r.asset.code,
        r.status,
        r.stake,
        r.payout,
        _text(r.choice),
        _int_array(r.steps),
        None if r.details is None else _text(r.details),
        r.multiplier.numerator,
        r.multiplier.denominator,
        r.steps_allowed,
        r.exposure,
        r.seed_pair_id,
        r.seed_nonce,
        r.receipt_hash,
        r.receipt_before,
    )


def _read_rate(row: Mapping[str, object]) -> Rate:
    return Rate(
        id=_whole(row["id"]),
        asset=Asset.from_code(_whole(row["asset"])),
        numerator=_whole(row["numerator"]),
        denominator=_whole(row["denominator"]),
        quoted_at=datetime.fromisoformat(str(row["quoted_at"])),
    )


def _whole(found: object) -> int:
    return int(str(found))


def _parsed(found: str | Choice) -> Choice:
    # A lane's connection hands JSON over as text, one under SQLAlchemy as data.
    parsed: Choice = msgspec.json.decode(found) if isinstance(found, str) else found
    return parsed


def _parsed_details(found: str | Details) -> Details:
    parsed: Details = msgspec.json.decode(found) if isinstance(found, str) else found
    return parsed


def _int_array(steps: tuple[int, ...] | None) -> str | None:
    return None if steps is None else "{" + ",".join(map(str, steps)) + "}"


def _text(named: Choice | Details) -> str:
    return msgspec.json.encode(named).decode()
