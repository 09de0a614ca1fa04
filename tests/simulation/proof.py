"""After each day: the whole book, every wallet, receipt, nonce, exposure and status, once more."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from casino import audit
from casino.betting import history, receipts
from casino.ledger.chart import Account
from casino.ledger.progress import Progress
from casino.ledger.replay import replay
from casino.money import Asset
from casino.worker import proofs
from games.registry import INSTANT, STEPS
from tests.simulation.deposits import STRAY, Incoming
from tests.simulation.model import Model
from tests.simulation.payouts import Outgoing
from tests.simulation.tables import check_people
from tests.simulation.world import World, require

GAMES: dict[str, Any] = {**INSTANT, **STEPS}


async def prove_everything(
    world: World, model: Model, incoming: Incoming, outgoing: Outgoing
) -> None:
    """Compare all that the database holds with the model; raises SimulationFailed."""
    await _prove_book(world, model)
    await check_people(world, model, model.people)
    await _prove_rounds(world, model)
    await _prove_receipts(world, model)
    await _prove_exposure(world, model)
    await _prove_statuses(world, incoming, outgoing)
    async with world.database.transaction() as session:
        lines, fault = await audit.verify(session)
    require(fault is None and lines > 0, "the audit chain", lines=lines, fault=fault)


async def _prove_book(world: World, model: Model) -> None:
    found = await proofs.prove_all(world.database, now=world.now, progress=Progress())
    require(found.sound, "the product's own proofs", found=found)
    report = found.book
    assert report is not None
    kept = {
        (account, Asset(asset)): units
        for account, by_asset in report.house.items()
        for asset, units in by_asset.items()
        if units
    }
    wanted = {key: units for key, units in model.accounts.items() if units}
    require(kept == wanted, "accounts of the house", got=kept, wanted=wanted)
    rows = await world.administrator.fetch(
        "SELECT account, asset, sum(balance)::bigint FROM house_lanes GROUP BY 1, 2"
    )
    live = {(Account(row[0]).path, Asset.from_code(row[1])): row[2] for row in rows if row[2]}
    require(live == wanted, "live balances of the house", got=live, wanted=wanted)
    replayed = await replay(world.administrator)
    require(replayed.sound, "the book replayed", found=replayed)
    alerts = await world.administrator.fetch(
        "SELECT kind, payload FROM outbox WHERE kind LIKE 'alert.%' AND kind <> 'alert.large_win'"
    )
    require(not alerts, "the worker gave an alert", alerts=alerts)


async def _prove_rounds(world: World, model: Model) -> None:
    """Every pair's nonces are 0, 1, 2 .. without a gap; open rounds are those we know."""
    rows = await world.administrator.fetch(
        "SELECT s.id, s.player_id, s.status, s.used, s.commitment, s.server_seed,"
        " coalesce(array_agg(r.seed_nonce ORDER BY r.seed_nonce)"
        " FILTER (WHERE r.id IS NOT NULL), '{}') AS nonces"
        " FROM seed_pairs s LEFT JOIN rounds r ON r.seed_pair_id = s.id"
        " GROUP BY s.id ORDER BY s.id"
    )
    current = {}
    for row in rows:
        contiguous = row["nonces"] == list(range(row["used"]))
        require(contiguous, "nonces", pair=row["id"], got=row["nonces"], used=row["used"])
        if row["status"] == "revealed":
            secret = world.tokens[row["commitment"]]
            require(row["server_seed"] == secret, "a revealed seed", pair=row["id"])
        else:
            require(row["server_seed"] is None, "a secret in the open", pair=row["id"])
        current[row["player_id"], row["status"]] = (row["commitment"], row["used"])
    open_rounds = defaultdict(set)
    for row in await world.administrator.fetch(
        "SELECT player_id, id FROM rounds WHERE status = 'open'"
    ):
        open_rounds[row["player_id"]].add(row["id"])
    for person in model.people:
        active, following = current[person.id, "active"], current[person.id, "next"]
        wanted = ((person.commitment, person.nonce), (person.next_commitment, 0))
        require((active, following) == wanted, "seeds", who=person.name, got=active)
        require(open_rounds[person.id] == set(person.fields), "open rounds", who=person.name)


async def _prove_receipts(world: World, model: Model) -> None:
    """Each player's receipts: from the newest back to the first, none lost, each hash its own."""
    for person in model.people:
        async with world.database.transaction() as session:
            by_hash: dict[bytes, Any] = {}
            before = None
            while page := await history.list_rounds(
                session, player_id=person.id, before_id=before, limit=100
            ):
                before = page[-1].id
                by_hash |= {r.receipt_hash: r for r in page if r.receipt_hash is not None}
        require(len(by_hash) == person.rounds, "settled rounds", who=person.name)
        link, walked = person.receipt, 0
        while link in by_hash:
            round_ = by_hash[link]
            again = receipts.receipt_hash(
                round_, table_hash=GAMES[round_.game].table_hash, before=round_.receipt_before
            )
            require(again == link, "a receipt's hash", round=round_.id)
            link, walked = round_.receipt_before, walked + 1
        require(walked == person.rounds, "the chain of receipts", who=person.name, got=walked)


async def _prove_exposure(world: World, model: Model) -> None:
    kept = {
        Asset.from_code(row["asset"]): row["open_units"]
        for row in await world.administrator.fetch("SELECT asset, open_units FROM house_exposure")
    }
    counted = {
        Asset.from_code(row["asset"]): row["units"]
        for row in await world.administrator.fetch(
            "SELECT asset, sum(exposure)::bigint AS units FROM rounds WHERE status = 'open'"
            " GROUP BY asset"
        )
    }
    for asset in Asset:
        got = (kept.get(asset, 0), counted.get(asset, 0))
        wanted = model.exposure(asset)
        require(got == (wanted, wanted), "exposure", asset=asset, got=got, wanted=wanted)


async def _prove_statuses(world: World, incoming: Incoming, outgoing: Outgoing) -> None:
    asked = await world.administrator.fetch("SELECT id, status FROM withdrawals")
    kept = {row["id"]: row["status"] for row in asked}
    wanted = {each.id: each.status for each in outgoing.asked.values()}
    require(kept == wanted, "withdrawals", differing=set(kept.items()) ^ set(wanted.items()))
    rows = await world.administrator.fetch(
        "SELECT business_key, status FROM deposits UNION ALL"
        " SELECT business_key, status FROM unclaimed_transfers WHERE deposit_id IS NULL"
    )
    came = {row["business_key"]: row["status"] for row in rows}
    due = {key: one[2] for key, one in incoming.faucet.items()}
    for key, coin in incoming.coins.items():
        due[key] = "waiting" if coin.status == STRAY else coin.status
    require(came == due, "deposits", differing=set(came.items()) ^ set(due.items()))
