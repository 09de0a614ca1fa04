"""Who the player is: log-in and log-out, language, terms, devices, the socket's ticket."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import structlog
from aiohttp import web

from casino import flags
from casino.betting import history as betting_history
from casino.clock import utc_now
from casino.errors import BadChoice, ConsentRequired
from casino.i18n import LANGUAGES
from casino.ids import PlayerId, internal, moment_of, public
from casino.players import identity, logins
from casino.players.identity import TERMS_VERSION
from webapp.address import caller_of
from webapp.api.rounds import show_view
from webapp.auth import bearer_token, player_of
from webapp.balances import show_balances
from webapp.keys import DATABASE, LAUNCH_CHECK, LIVE, LOGIN, THROTTLE
from webapp.schemas import LanguageRequest, LoginRequest, TermsRequest, read_body
from webapp.throttle import KNOCK
from webapp.throttle import LOGIN as LOGIN_RATE
from webapp.wire import Json, json_response, moment

if TYPE_CHECKING:
    from casino.players.identity import Player

log = structlog.get_logger(__name__)

routes = web.RouteTableDef()


@routes.post("/api/login")
async def log_in(request: web.Request) -> web.Response:
    """Verify a launch, know or create its player, and mint his token."""
    await request.app[THROTTLE].require(KNOCK, key=caller_of(request))
    asked = await read_body(request, LoginRequest)
    now = utc_now()
    launch = request.app[LAUNCH_CHECK].verify(asked.init_data, now=now)
    await request.app[THROTTLE].require(LOGIN_RATE, key=launch.user.id)
    agent = asked.agent or request.headers.get("User-Agent", "")
    async with request.app[DATABASE].transaction() as session:
        player = await identity.find_or_create(
            session,
            telegram_id=launch.user.id,
            first_name=launch.user.first_name,
            username=launch.user.username,
            language_code=launch.user.language_code,
            start_payload=launch.start_param,
            now=now,
        )
        minted = await logins.mint(
            session,
            player_id=player.id,
            proof_hash=launch.proof,
            auth_date=launch.auth_date,
            agent=_one_line(agent),
            now=now,
        )
    log.info("login.minted", player_id=player.id)
    return json_response(
        {
            "token": minted.token,
            "expires_at": moment(minted.expires_at),
            "player": show_player(player),
        }
    )


@routes.post("/api/logout")
async def log_out(request: web.Request) -> web.Response:
    """End this login; its launch can open no other."""
    async with request.app[DATABASE].transaction() as session:
        await logins.log_out(session, token=bearer_token(request), now=utc_now())
    request.app[LIVE].login_ended(player_of(request), login_id=request[LOGIN].login_id)
    return json_response({})


@routes.get("/api/me")
async def show_me(request: web.Request) -> web.Response:
    """The player, his balances, his open rounds and what is switched off."""
    return json_response(await describe_me(request))


@routes.post("/api/me/language")
async def set_language(request: web.Request) -> web.Response:
    """Speak another language from now on."""
    asked = await read_body(request, LanguageRequest)
    if asked.language not in LANGUAGES:
        raise BadChoice(field="language")
    async with request.app[DATABASE].transaction() as session:
        await identity.set_language(
            session, player_id=player_of(request), language=asked.language, now=utc_now()
        )
    return json_response(await describe_me(request))


@routes.post("/api/me/terms")
async def accept_terms(request: web.Request) -> web.Response:
    """Record that the player is of age and accepts the current terms."""
    asked = await read_body(request, TermsRequest)
    if not asked.of_age or asked.terms_version != TERMS_VERSION:
        raise ConsentRequired(terms_version=TERMS_VERSION)
    player_id = player_of(request)
    async with request.app[DATABASE].transaction() as session:
        player = await identity.get(session, player_id=player_id)
        await identity.accept_terms(
            session,
            player_id=player_id,
            terms_version=asked.terms_version,
            of_age=asked.of_age,
            language=player.language,
            now=utc_now(),
        )
    return json_response(await describe_me(request))


@routes.get("/api/me/logins")
async def list_logins(request: web.Request) -> web.Response:
    """The devices that are logged in now."""
    current = request[LOGIN].login_id
    async with request.app[DATABASE].transaction() as session:
        found = await logins.list_logins(session, player_id=player_of(request), now=utc_now())
    return json_response(
        {
            "logins": [
                {
                    "id": public(one.login_id),
                    "agent": one.agent,
                    "created_at": moment(one.created_at),
                    "last_seen_at": moment(one.seen_at),
                    "current": one.login_id == current,
                }
                for one in found
            ]
        }
    )


@routes.delete("/api/me/logins/{id}")
async def revoke_login(request: web.Request) -> web.Response:
    """End the login of another device."""
    login_id = internal(request.match_info["id"])
    player_id = player_of(request)
    async with request.app[DATABASE].transaction() as session:
        await logins.revoke(session, player_id=player_id, login_id=login_id, now=utc_now())
    return json_response({})


@routes.post("/api/ws-ticket")
async def mint_ticket(request: web.Request) -> web.Response:
    """A ticket for one socket, good for half a minute."""
    async with request.app[DATABASE].transaction() as session:
        ticket = await logins.mint_ticket(session, login_id=request[LOGIN].login_id, now=utc_now())
    return json_response({"ticket": ticket})


async def describe_me(request: web.Request) -> dict[str, object]:
    """What the app needs to draw its first screen."""
    player_id = player_of(request)
    now = utc_now()
    async with request.app[DATABASE].transaction() as session:
        player = await identity.get(session, player_id=player_id)
        balances = await show_balances(session, player_id)
        rounds = await betting_history.open_rounds(session, player_id=PlayerId(player_id))
        stopped = await flags.stopped(session)
    login_at = moment_of(request[LOGIN].login_id)
    return {
        "player": show_player(player),
        "balances": balances,
        "open_rounds": [show_view(one) for one in rounds],
        "stopped": sorted(stopped),
        "reality": {
            "now": moment(now),
            "login_at": moment(login_at),
            "minutes": (now - login_at) // timedelta(minutes=1),
        },
    }


def show_player(player: Player) -> dict[str, Json]:
    """The player as he may see himself; his Telegram id stays out."""
    return {
        "id": public(player.id),
        "first_name": player.first_name,
        "username": player.username,
        "language": player.language,
        "status": player.status.value,
        "kyc_level": player.kyc_level,
        "consented": player.consented,
        "terms_version": TERMS_VERSION,
        "created_at": moment(player.created_at),
    }


def _one_line(text: str) -> str:
    """Text that PostgreSQL can store and a list can show on one line."""
    return "".join(sign for sign in text if sign.isprintable())[:200]
