"""Fairness: what is committed to now, a new client seed, secrets that are revealed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

from casino.betting import history, receipt_files, seeds
from casino.ids import PlayerId, public
from casino.ledger.journal import lock_players
from webapp import schemas
from webapp.address import caller_of
from webapp.auth import player_of
from webapp.keys import DATABASE, FLOOR, THROTTLE
from webapp.schemas import RotateRequest, read_body
from webapp.throttle import KNOCK
from webapp.wire import Json, json_response, moment

if TYPE_CHECKING:
    from casino.betting.answers import RotationAnswer

routes = web.RouteTableDef()


@routes.get("/api/fairness")
async def show_current(request: web.Request) -> web.Response:
    """The commitments, the client seed and the next nonce; pairs are made on the first visit."""
    player_id = PlayerId(player_of(request))
    async with request.app[DATABASE].transaction() as session:
        await lock_players(session, [player_id])
        now = await seeds.current(session, player_id=player_id, store=request.app[FLOOR].seeds)
        rounds = await history.open_rounds(session, player_id=player_id)
    return json_response(
        {
            "pair_id": public(now.pair_id),
            "commitment": now.commitment,
            "next_commitment": now.next_commitment,
            "client_seed": now.client_seed,
            "client_seed_by": now.client_seed_by,
            "nonce": now.seed_nonce,
            "open_round": public(rounds[0].id) if rounds else None,
        }
    )


@routes.post("/api/fairness/rotate")
async def rotate(request: web.Request) -> web.Response:
    """Reveal the server seed of all rounds so far and go on with the one committed to before."""
    asked = await read_body(request, RotateRequest)
    result = await request.app[FLOOR].rotate_seed(
        player_id=PlayerId(player_of(request)),
        client_seed=asked.client_seed or None,
        reference=schemas.reference(asked.reference),
    )
    return json_response(_show_rotation(result.answer))


@routes.get("/api/fairness/revealed")
async def list_revealed(request: web.Request) -> web.Response:
    """Pairs that are over, newest first."""
    limit = schemas.page(request.query)
    async with request.app[DATABASE].transaction() as session:
        found = await seeds.revealed(session, player_id=PlayerId(player_of(request)), limit=limit)
    return json_response(
        {
            "revealed": [
                {
                    "pair_id": public(pair.pair_id),
                    "server_seed": pair.server_seed,
                    "commitment": pair.commitment,
                    "client_seed": pair.client_seed,
                    "rounds": pair.rounds,
                    "revealed_at": moment(pair.revealed_at),
                }
                for pair in found
            ]
        }
    )


@routes.get("/api/fairness/house-key")
async def show_house_key(request: web.Request) -> web.Response:
    """The public keys that sign receipts, the newest first; asked without a log-in."""
    await request.app[THROTTLE].require(KNOCK, key=caller_of(request))
    async with request.app[DATABASE].transaction() as session:
        found = await receipt_files.list_keys(session)
    return json_response(
        {
            "algorithm": "Ed25519",
            "keys": [
                {
                    "key_id": key.key_id,
                    "public_key": key.public_key.hex(),
                    "since": moment(key.since),
                }
                for key in found
            ],
        }
    )


def _show_rotation(answer: RotationAnswer) -> dict[str, Json]:
    return {
        "revealed": {
            "pair_id": public(answer.pair_id),
            "server_seed": answer.server_seed,
            "commitment": answer.commitment,
            "client_seed": answer.client_seed,
            "rounds": answer.rounds,
        },
        "current": {
            "pair_id": public(answer.current_pair_id),
            "commitment": answer.current_commitment,
            "next_commitment": answer.next_commitment,
            "client_seed": answer.current_client_seed,
            "client_seed_by": answer.current_client_seed_by,
            "nonce": 0,
            "open_round": None,
        },
    }
