"""What requests look like: strict structs, and how their text becomes units and references."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, TypeVar

import msgspec
from aiohttp import web

from casino.errors import BadAmount, NotFound, StaleReference
from casino.ids import is_reference
from casino.money import Asset, require_units
from webapp.errors import BadRequest, TooLarge

if TYPE_CHECKING:
    from collections.abc import Mapping

BODY_BYTES_MAX = 16 * 1024
PAGE_MAX = 50
PAGE = 20
_UNITS = re.compile(r"[0-9]{1,19}", re.ASCII)

Short = Annotated[str, msgspec.Meta(max_length=64)]
Text = Annotated[str, msgspec.Meta(min_length=1, max_length=2000)]
Destination = Annotated[str, msgspec.Meta(max_length=200)]
# What a game understands by a choice is the game's business; here it is only kept small.
Loose = dict[Short, object]

RequestT = TypeVar("RequestT", bound="Request")


class Request(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Parent of all request bodies."""


class LoginRequest(Request, frozen=True):
    """Log in with a launch; `agent` names the device in the list of logins."""

    init_data: str
    agent: Annotated[str, msgspec.Meta(max_length=200)] = ""


class LanguageRequest(Request, frozen=True):
    """Speak this language from now on."""

    language: Short


class TermsRequest(Request, frozen=True):
    """Accept one version of the terms, being of age."""

    terms_version: Short
    of_age: bool


class BetRequest(Request, frozen=True):
    """Play an instant round, or open one with several steps."""

    asset: Short
    stake: str
    choice: Loose
    reference: Short


class LaunchRequest(Request, frozen=True):
    """Open somebody else's game with one of the player's assets."""

    asset: Short


class OpenRoundRequest(Request, frozen=True):
    """Open a round with several steps."""

    game: Short
    asset: Short
    stake: str
    choice: Loose
    reference: Short


class ActRequest(Request, frozen=True):
    """Take one step of an open round."""

    action: Loose
    reference: Short


class ReferenceRequest(Request, frozen=True):
    """A command that has nothing but its idempotency key."""

    reference: Short


class RotateRequest(Request, frozen=True):
    """Reveal the current server seed and start with the next; optionally with a client seed."""

    reference: Short
    client_seed: str | None = None


class DepositRequest(Request, frozen=True):
    """Ask where to send a deposit."""

    rail: Short


class JettonWalletRequest(Request, frozen=True):
    """Ask which account holds an owner's jettons, to send a deposit from it."""

    rail: Short
    owner: Annotated[str, msgspec.Meta(max_length=200)]


class QuoteRequest(Request, frozen=True):
    """Ask what a withdrawal costs; `units` is what leaves the balance, the fee included."""

    rail: Short
    units: str


class DestinationRequest(Request, frozen=True):
    """Ask whether an address can be paid on a rail, with this comment."""

    rail: Short
    destination: Destination
    memo: Annotated[str, msgspec.Meta(max_length=120)] = ""


class WithdrawRequest(Request, frozen=True):
    """Ask for a withdrawal at the fee of a quote for the same rail and units."""

    rail: Short
    units: str
    destination: Destination
    quote: Short
    reference: Short
    memo: Annotated[str, msgspec.Meta(max_length=120)] = ""


class AddressRequest(Request, frozen=True):
    """Keep an address under a name."""

    rail: Short
    destination: Destination
    label: Annotated[str, msgspec.Meta(max_length=200)]


class LabelRequest(Request, frozen=True):
    """Give a saved address another name."""

    label: Annotated[str, msgspec.Meta(max_length=200)]


class SavedOnlyRequest(Request, frozen=True):
    """Be paid to saved addresses only, or no longer."""

    on: bool


class LimitRequest(Request, frozen=True):
    """Set a limit in reference micro-units, or remove it with null."""

    kind: Short
    window: Short
    units: str | None


class TimeOutRequest(Request, frozen=True):
    """Take a break of so many hours."""

    hours: Annotated[int, msgspec.Meta(ge=1, le=24 * 366)]


class SelfExclusionRequest(Request, frozen=True):
    """Close play for so many months, or for life with null."""

    months: Annotated[int, msgspec.Meta(ge=1, le=1200)] | None


class SupportRequest(Request, frozen=True):
    """Write to the staff."""

    text: Text


async def read_body(request: web.Request, kind: type[RequestT]) -> RequestT:
    """The request's JSON as `kind`; raises BadRequest or TooLarge."""
    if request.content_type != "application/json":
        raise BadRequest(reason="content_type")
    if (request.content_length or 0) > BODY_BYTES_MAX:
        raise TooLarge(maximum=BODY_BYTES_MAX)
    raw = await request.read()
    if len(raw) > BODY_BYTES_MAX:
        raise TooLarge(maximum=BODY_BYTES_MAX)
    try:
        return msgspec.json.decode(raw, type=kind)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise BadRequest(reason=str(error)[:200]) from error


def units(text: str) -> int:
    """Decimal text as positive 64-bit units; raises BadAmount for anything else."""
    if not _UNITS.fullmatch(text):
        raise BadAmount(text=text[:40])
    return require_units(int(text))


def asset(name: str) -> Asset:
    """The asset of this name; raises NotFound."""
    try:
        return Asset(name)
    except ValueError as error:
        raise NotFound(thing="asset", key=name) from error


def reference(text: str) -> str:
    """An idempotency key made by the client: UUIDv7 text, or StaleReference."""
    if not is_reference(text):
        raise StaleReference
    return text.lower()


def page(query: Mapping[str, str]) -> int:
    """How many rows a list shows; raises BadRequest unless 1..50."""
    text = query.get("limit", str(PAGE))
    if not re.fullmatch(r"[0-9]{1,3}", text, re.ASCII) or not 1 <= int(text) <= PAGE_MAX:
        raise BadRequest(reason="limit")
    return int(text)
