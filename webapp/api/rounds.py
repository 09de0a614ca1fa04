"""Rounds: those of several steps as they are played, and the list of all with their proofs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

from casino.betting import history, receipt_files
from casino.errors import NotFound
from casino.ids import PlayerId, RoundId, internal, public
from casino.ledger.wallet import Wallet
from casino.money import scaled
from games.registry import INSTANT, STEPS
from webapp import schemas
from webapp.address import caller_of
from webapp.auth import player_of
from webapp.keys import DATABASE, FLOOR, LIVE, THROTTLE
from webapp.schemas import ActRequest, OpenRoundRequest, ReferenceRequest, read_body
from webapp.throttle import KNOCK
from webapp.wire import Json, fraction, json_response, moment, moment_or_none

if TYPE_CHECKING:
    from collections.abc import Mapping

    from casino.betting.game import Game
    from casino.betting.history import RoundDetail
    from casino.betting.state import Round
    from casino.ledger.journal import Result

# Telegram asks for this header before its web client saves a file.
TELEGRAM_WEB = "https://web.telegram.org"
GAMES: Mapping[str, Game] = {**INSTANT, **STEPS}

routes = web.RouteTableDef()


@routes.post("/api/rounds")
async def open_round(request: web.Request) -> web.Response:
    """Open a round of several steps."""
    asked = await read_body(request, OpenRoundRequest)
    game = STEPS.get(asked.game)
    if game is None:
        raise NotFound(thing="game", key=asked.game[:40])
    result = await request.app[FLOOR].open_round(
        player_id=PlayerId(player_of(request)),
        game=game,
        asset=schemas.asset(asked.asset),
        stake=schemas.units(asked.stake),
        choice=asked.choice,
        reference=schemas.reference(asked.reference),
    )
    return _answer(request, result)


@routes.post("/api/rounds/{id}/act")
async def act(request: web.Request) -> web.Response:
    """Take one step of an open round."""
    asked = await read_body(request, ActRequest)
    result = await request.app[FLOOR].act(
        player_id=PlayerId(player_of(request)),
        round_id=_round_id(request),
        action=asked.action,
        reference=schemas.reference(asked.reference),
    )
    return _answer(request, result)


@routes.post("/api/rounds/{id}/cash-out")
async def cash_out(request: web.Request) -> web.Response:
    """End an open round at its present multiplier."""
    asked = await read_body(request, ReferenceRequest)
    result = await request.app[FLOOR].cash_out(
        player_id=PlayerId(player_of(request)),
        round_id=_round_id(request),
        reference=schemas.reference(asked.reference),
    )
    return _answer(request, result)


@routes.get("/api/rounds/open")
async def list_open_rounds(request: web.Request) -> web.Response:
    """Rounds that wait for the player's next step."""
    async with request.app[DATABASE].transaction() as session:
        found = await history.open_rounds(session, player_id=PlayerId(player_of(request)))
    return json_response({"rounds": [show_view(round_) for round_ in found]})


@routes.get("/api/rounds")
async def list_rounds(request: web.Request) -> web.Response:
    """All rounds, newest first."""
    limit = schemas.page(request.query)
    before = request.query.get("before")
    async with request.app[DATABASE].transaction() as session:
        found = await history.list_rounds(
            session,
            player_id=PlayerId(player_of(request)),
            before_id=RoundId(internal(before)) if before else None,
            limit=limit,
        )
    return json_response({"rounds": [_show_row(round_) for round_ in found]})


@routes.get("/api/rounds/{id}")
async def show_round(request: web.Request) -> web.Response:
    """One round with its receipt, and its server seed once that is revealed."""
    async with request.app[DATABASE].transaction() as session:
        detail = await history.get_round(
            session,
            player_id=PlayerId(player_of(request)),
            round_id=_round_id(request),
            games=GAMES,
        )
    return json_response(_show_detail(detail))


@routes.get("/api/rounds/{id}/receipt")
async def show_receipt(request: web.Request) -> web.Response:
    """The receipt of an ended round as a file that proves it without us."""
    async with request.app[DATABASE].transaction() as session:
        receipt = await receipt_files.get_file(
            session,
            player_id=PlayerId(player_of(request)),
            round_id=_round_id(request),
            games=GAMES,
        )
    return _as_file(receipt)


@routes.get("/receipts/{id}/{hash:[0-9a-f]{64}}")
async def download_receipt(request: web.Request) -> web.Response:
    """The same by its hash, without a log-in: Telegram fetches a download by address alone."""
    await request.app[THROTTLE].require(KNOCK, key=caller_of(request))
    async with request.app[DATABASE].transaction() as session:
        receipt = await receipt_files.get_file_by_hash(
            session,
            round_id=_round_id(request),
            receipt_hash=bytes.fromhex(request.match_info["hash"]),
            games=GAMES,
        )
    response = _as_file(receipt)
    response.headers["Access-Control-Allow-Origin"] = TELEGRAM_WEB
    return response


def _as_file(receipt: dict[str, object]) -> web.Response:
    response = json_response(receipt)
    response.headers["Content-Disposition"] = (
        f'attachment; filename="fairhouse-receipt-{receipt["round_id"]}.json"'
    )
    return response


def show_view(round_: Round) -> dict[str, Json]:
    """A round of several steps as its player may see it now; amounts in `asset`."""
    is_open = round_.status == "open"
    game = STEPS[round_.game]
    steps = round_.steps or ()
    multiplier = game.multiplier(round_.choice, len(steps)) if is_open else round_.multiplier
    following: Json = None
    if is_open and len(steps) < (round_.steps_allowed or 0):
        after = game.multiplier(round_.choice, len(steps) + 1)
        following = {"multiplier": fraction(after), "payout": str(scaled(round_.stake, after))}
    seen = game.view(round_.choice, None, steps) if is_open else (round_.details or {})
    return {
        "round_id": public(round_.id),
        "status": round_.status,
        "game": round_.game,
        "asset": round_.asset.value,
        "stake": str(round_.stake),
        "choice": dict(round_.choice),
        "view": dict(seen),
        "multiplier": fraction(multiplier),
        "payout": None if is_open else str(round_.payout),
        "cash_out_units": str(scaled(round_.stake, multiplier)) if is_open else None,
        "next": following,
        "steps_allowed": round_.steps_allowed,
        "seed": show_seed(round_),
        "opened_at": moment(round_.opened_at),
        "settled_at": moment_or_none(round_.settled_at),
    }


def show_seed(round_: Round, *, server_seed: str | None = None) -> dict[str, Json]:
    """What a round was drawn from, as far as it may be known."""
    return {
        "pair_id": public(round_.seed_pair_id),
        "nonce": round_.seed_nonce,
        "commitment": round_.commitment,
        "client_seed": round_.client_seed,
        "server_seed": server_seed,
    }


def _answer(request: web.Request, result: Result[Round]) -> web.Response:
    round_ = result.answer
    if not result.replayed:
        request.app[LIVE].balance_changed(round_.player_id)
    cash = result.wallets.get(round_.asset, Wallet(round_.asset)).cash
    return json_response({**show_view(round_), "balance": str(cash), "replayed": result.replayed})


def _show_row(round_: Round) -> dict[str, Json]:
    is_open = round_.status == "open"
    return {
        "round_id": public(round_.id),
        "status": round_.status,
        "game": round_.game,
        "asset": round_.asset.value,
        "stake": str(round_.stake),
        "payout": None if is_open else str(round_.payout),
        "multiplier": None if is_open else fraction(round_.multiplier),
        "choice": dict(round_.choice),
        "outcome": None if round_.details is None else dict(round_.details),
        "opened_at": moment(round_.opened_at),
        "settled_at": moment_or_none(round_.settled_at),
    }


def _show_detail(detail: RoundDetail) -> dict[str, object]:
    round_, revealed = detail.round, detail.revealed
    return {
        **_show_row(round_),
        "algorithm": round_.algorithm,
        "steps": None if round_.steps is None else list(round_.steps),
        "seed": show_seed(round_, server_seed=revealed.server_seed if revealed else None),
        "receipt": detail.receipt,
        "receipt_hash": round_.receipt_hash.hex() if round_.receipt_hash else None,
    }


def _round_id(request: web.Request) -> RoundId:
    return RoundId(internal(request.match_info["id"]))
