"""Money in and out: rails, where to deposit, quotes, withdrawals, the list of movements."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

from casino import flags, switches
from casino.cashier import (
    addresses,
    destinations,
    fees,
    history,
    house_addresses,
    quotes,
    rails,
    withdrawals,
)
from casino.cashier.withdrawal_states import CANCELLABLE
from casino.clock import utc_now
from casino.i18n import text as say
from casino.ids import internal, public
from casino.players import identity
from payments.destinations import canonical_destination
from webapp import schemas
from webapp.auth import player_of
from webapp.keys import DATABASE, LIVE, TESTNET
from webapp.schemas import (
    DepositRequest,
    DestinationRequest,
    QuoteRequest,
    WithdrawRequest,
    read_body,
)
from webapp.wire import Json, json_response, moment

if TYPE_CHECKING:
    from collections.abc import Collection

    from casino.cashier.history import Movement
    from casino.cashier.rails import Rail
    from casino.cashier.withdrawals import Withdrawal

routes = web.RouteTableDef()


@routes.get("/api/cashier")
async def show_rails(request: web.Request) -> web.Response:
    """The ways for money to come and go, as they are offered now."""
    async with request.app[DATABASE].transaction() as session:
        offered = await rails.list_rails(session)
        stopped = await flags.stopped(session)
        now = utc_now()
        shown = [
            _show_rail(rail, stopped, await fees.withdrawal_fee(session, rail=rail, now=now))
            for rail in offered
            if rail.is_known
        ]
    return json_response({"rails": shown})


@routes.post("/api/cashier/deposit")
async def show_deposit_address(request: web.Request) -> web.Response:
    """Where to send a deposit: an address of the player's own, or the house's with his tag."""
    asked = await read_body(request, DepositRequest)
    player_id = player_of(request)
    async with request.app[DATABASE].transaction() as session:
        found = await addresses.deposit_instruction(
            session, player_id=player_id, rail=asked.rail, now=utc_now()
        )
        player = await identity.get(session, player_id=player_id)
    return json_response(
        {
            "rail": found.rail,
            "asset": found.asset.value,
            "address": found.address,
            "tag": found.tag,
            "network": found.chain,
            "token": found.token,
            "minimum": str(found.minimum),
            "uri": found.uri,
            "confirmations_text": say(player.language, found.confirmations_text_key),
        }
    )


@routes.post("/api/cashier/quote")
async def make_quote(request: web.Request) -> web.Response:
    """What a withdrawal costs and brings if it is asked for in time, and how much may still be
    withdrawn."""
    asked = await read_body(request, QuoteRequest)
    async with request.app[DATABASE].transaction() as session:
        quote = await quotes.make(
            session,
            player_id=player_of(request),
            rail=asked.rail,
            units=schemas.units(asked.units),
            now=utc_now(),
        )
    return json_response(
        {
            "id": public(quote.id),
            "rail": quote.rail,
            "asset": quote.asset.value,
            "units": str(quote.units),
            "fee": str(quote.fee),
            "net": str(quote.net),
            "minimum": str(quote.minimum),
            "ceiling_left": None if quote.ceiling_left is None else str(quote.ceiling_left),
            "made_at": moment(quote.made_at),
            "expires_at": moment(quote.expires_at),
        }
    )


@routes.post("/api/cashier/destination")
async def check_destination(request: web.Request) -> web.Response:
    """The address as it would be paid, or what stands in the way of paying the player there."""
    asked = await read_body(request, DestinationRequest)
    async with request.app[DATABASE].transaction() as session:
        rail = await rails.get_rail(session, asked.rail)
        destination = canonical_destination(
            rail,
            asked.destination,
            house=await house_addresses.read(session),
            testnet=request.app[TESTNET],
        )
        await destinations.require_allowed(
            session,
            player_id=player_of(request),
            rail=rail,
            destination=destination,
            memo=asked.memo.strip(),
            now=utc_now(),
        )
    return json_response({"rail": rail.name, "destination": destination})


@routes.post("/api/cashier/withdraw")
async def request_withdrawal(request: web.Request) -> web.Response:
    """Ask for a withdrawal, once for a reference; the money is set aside at once."""
    asked = await read_body(request, WithdrawRequest)
    units, reference = schemas.units(asked.units), schemas.reference(asked.reference)
    player_id = player_of(request)
    async with request.app[DATABASE].transaction() as session:
        rail = await rails.get_rail(session, asked.rail)
        made = await withdrawals.request(
            session,
            player_id=player_id,
            rail=rail.name,
            units=units,
            destination=canonical_destination(
                rail,
                asked.destination,
                house=await house_addresses.read(session),
                testnet=request.app[TESTNET],
            ),
            memo=asked.memo.strip(),
            quote_id=internal(asked.quote),
            reference=reference,
            now=utc_now(),
        )
    request.app[LIVE].balance_changed(player_id)
    return json_response(show_withdrawal(made))


@routes.post("/api/cashier/withdrawals/{id}/cancel")
async def cancel_withdrawal(request: web.Request) -> web.Response:
    """Take a withdrawal back that the sender has not claimed yet."""
    player_id = player_of(request)
    async with request.app[DATABASE].transaction() as session:
        made = await withdrawals.cancel(
            session,
            withdrawal_id=internal(request.match_info["id"]),
            player_id=player_id,
            now=utc_now(),
        )
    request.app[LIVE].balance_changed(player_id)
    return json_response(show_withdrawal(made))


@routes.get("/api/cashier/movements")
async def list_movements(request: web.Request) -> web.Response:
    """Deposits and withdrawals, newest first."""
    limit = schemas.page(request.query)
    before = request.query.get("before")
    async with request.app[DATABASE].transaction() as session:
        found = await history.list_movements(
            session,
            player_id=player_of(request),
            before_id=internal(before) if before else None,
            limit=limit,
        )
    return json_response({"movements": [_show_movement(movement) for movement in found]})


def _show_rail(rail: Rail, stopped: Collection[str], fee: int) -> dict[str, Json]:
    asset_on = switches.asset_flag(rail.asset) not in stopped
    deposits = rail.takes_deposits and asset_on and switches.DEPOSITS not in stopped
    payouts = rail.takes_withdrawals and asset_on and switches.WITHDRAWALS not in stopped
    return {
        "rail": rail.name,
        "asset": rail.asset.value,
        "network": rail.chain,
        # What was never opened is not offered; what is only stopped is shown, and says so.
        "deposit": {
            "min": str(rail.deposit_min),
            "offered": rail.takes_deposits,
            "enabled": deposits,
        },
        "withdraw": {
            "offered": rail.takes_withdrawals,
            "min": str(rail.withdrawal_min),
            "fee": str(fee),
            "enabled": payouts,
            "memo": rail.takes_memo,
        },
        "enabled": deposits or payouts,
    }


def show_withdrawal(made: Withdrawal) -> dict[str, Json]:
    """A withdrawal in the shape of a movement."""
    return {
        "id": public(made.id),
        "kind": "withdrawal",
        "status": made.status.value,
        "asset": made.asset.value,
        "units": str(made.units),
        "at": moment(made.requested_at),
        "detail": {
            "rail": made.rail,
            "fee": str(made.fee_units),
            "net": str(made.net_units),
            "destination": made.destination,
            "memo": made.memo,
            "reason": made.reason,
            "tx_hash": made.tx_hash,
            "url": None,
            "cancellable": made.status in CANCELLABLE,
        },
    }


def _show_movement(movement: Movement) -> dict[str, Json]:
    return {
        "id": public(movement.id),
        "kind": movement.kind.value,
        "status": movement.status,
        "asset": movement.amount.asset.value,
        "units": str(movement.amount.units),
        "at": moment(movement.at),
        # Amounts lose their suffix and become text: `fee_units` is `fee`.
        "detail": {
            name.removesuffix("_units"): fact
            if fact is None or fact is True or fact is False
            else str(fact)
            for name, fact in movement.detail.items()
        },
    }
