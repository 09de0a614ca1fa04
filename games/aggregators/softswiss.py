"""SOFTSWISS, the classic wallet protocol: signed JSON, whole subunits, lists of actions.

Three calls come in: `play` (bets and wins, or the balance), `rollback`, and `freespins`, which we
do not offer. Each carries the HMAC-SHA256 of its body under the shared token. There is neither
time nor nonce in it: a repeat is caught by its action id.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Annotated, Literal, NoReturn, TypeVar

import msgspec

from casino import errors
from casino.ids import EPOCH_MS, SEQUENCE_BITS, public
from casino.money import UNITS_MAX
from games.aggregators.base import (
    BadCall,
    Move,
    MoveKind,
    Refused,
    Reply,
    UnknownCall,
    UnknownCurrency,
    WalletCall,
)
from games.aggregators.origins import require_framed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from casino.ids import EntryId
    from casino.money import Asset
    from games.aggregators.base import Incoming, Launch, Settled, Verdict
    from games.aggregators.catalogue import OutsideGame
    from games.aggregators.http import OutsideHttp

SIGNATURE_HEADER = "X-REQUEST-SIGN"
ACTIONS_MAX = 64

# Code and HTTP status of the dialect for each error, by its nearest listed class.
CODES: Mapping[type[BaseException], tuple[int, int]] = {
    errors.InsufficientFunds: (100, 412),
    errors.NotFound: (101, 400),
    errors.LimitReached: (105, 400),
    errors.StakeOutOfRange: (106, 400),
    errors.ExposureReached: (106, 400),
    errors.Paused: (107, 400),
    errors.Refusal: (107, 400),
    errors.SelfExcluded: (110, 403),
    errors.CoolingOff: (110, 403),
    errors.AccountClosed: (110, 403),
    errors.ConsentRequired: (110, 403),
    errors.KycRequired: (110, 403),
    errors.RegionNotServed: (153, 400),
    UnknownCurrency: (154, 400),
    errors.BadAmount: (400, 400),
    errors.StaleReference: (400, 400),
    errors.Conflict: (400, 400),
    BadCall: (400, 400),
    errors.BadSignature: (403, 403),
    UnknownCall: (404, 404),
    errors.RateStale: (503, 500),
    errors.OutsideUnavailable: (503, 500),
    errors.CasinoError: (500, 500),
}
MESSAGES = {
    100: "Player has not enough funds",
    101: "Player is unknown",
    105: "Player reached a limit of his own",
    106: "Bet is above the maximum",
    107: "Game is forbidden for the player",
    110: "Player is disabled",
    153: "Game is not available in the player's country",
    154: "Currency is not allowed",
    400: "Bad request",
    403: "Bad signature",
    404: "Not found",
    500: "Internal error",
    503: "Unavailable, try again",
}

_Id = Annotated[str, msgspec.Meta(min_length=1, max_length=128)]


class _Action(msgspec.Struct, frozen=True):
    action: Literal["bet", "win"]
    amount: int
    action_id: _Id


class _Undo(msgspec.Struct, frozen=True):
    action: Literal["rollback"]
    action_id: _Id
    original_action_id: _Id


class _Envelope(msgspec.Struct, frozen=True):
    user_id: _Id
    currency: Annotated[str, msgspec.Meta(min_length=1, max_length=16)]
    game_id: Annotated[str, msgspec.Meta(max_length=128)] | None = None
    finished: bool = False


class _Play(_Envelope, frozen=True):
    actions: Annotated[list[_Action], msgspec.Meta(max_length=ACTIONS_MAX)] | None = None


class _Rollback(_Envelope, frozen=True, kw_only=True):
    actions: Annotated[list[_Undo], msgspec.Meta(min_length=1, max_length=ACTIONS_MAX)]


class _Transaction(msgspec.Struct, frozen=True, omit_defaults=True):
    action_id: str
    tx_id: str
    processed_at: str = ""


class _Answer(msgspec.Struct, frozen=True, omit_defaults=True):
    balance: int
    game_id: str = ""
    transactions: tuple[_Transaction, ...] = ()


class _Error(msgspec.Struct, frozen=True, omit_defaults=True):
    code: int
    message: str
    balance: int | None = None


class _Options(msgspec.Struct, frozen=True):
    game_url: str


class _Session(msgspec.Struct, frozen=True):
    launch_options: _Options


_BodyT = TypeVar("_BodyT", bound=_Envelope)
_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class Currency:
    """A currency as agreed on: our asset, and how many of its decimals a subunit of theirs has.

    Raises ValueError for more decimals than the asset has: amounts would not be whole units.
    """

    asset: Asset
    decimals: int
    scale: int = field(init=False)  # our units in one subunit of theirs

    def __post_init__(self) -> None:
        if not 0 <= self.decimals <= self.asset.decimals:
            raise ValueError(f"{self.asset} has {self.asset.decimals} decimals at most")
        object.__setattr__(self, "scale", 10 ** (self.asset.decimals - self.decimals))

    def units(self, subunits: int) -> int:
        """Their amount in our units; raises BadAmount below zero or above 64 bits."""
        units = subunits * self.scale
        if not 0 <= units <= UNITS_MAX:
            raise errors.BadAmount
        return units

    def subunits(self, units: int) -> int:
        """Our units in their subunits, rounded down: nobody is told more than he has."""
        return units // self.scale


@dataclass(frozen=True, slots=True, kw_only=True)
class SoftSwiss:
    """The dialect with one casino's token, currencies and games."""

    url: str
    casino_id: str
    token: bytes
    currencies: Mapping[str, Currency]
    games: tuple[OutsideGame, ...] = ()
    frame_origins: tuple[str, ...] = ()
    name: str = "softswiss"

    def sign(self, body: bytes) -> str:
        """The signature that belongs to these bytes, in both directions."""
        return hmac.digest(self.token, body, hashlib.sha256).hex()

    def read_call(self, incoming: Incoming) -> WalletCall:
        """Check the signature, then read `play` or `rollback`."""
        given = incoming.headers.get(SIGNATURE_HEADER, "").encode("utf-8", "surrogateescape")
        if not hmac.compare_digest(given, self.sign(incoming.body).encode()):
            raise errors.BadSignature
        if incoming.call == "play":
            return self._read_play(_read(incoming.body, _Play))
        if incoming.call == "rollback":
            return self._read_rollback(_read(incoming.body, _Rollback))
        raise UnknownCall(call=incoming.call[:40])

    def answer(self, call: WalletCall | None, verdict: Verdict) -> Reply:
        """The balance and our ids, or a code; amounts in the currency's subunits."""
        balance = None
        if call is not None and verdict.balance is not None:
            balance = self._currency(call.currency).subunits(verdict.balance)
        if isinstance(verdict, Refused):
            code, status = _code(verdict.error)
            return Reply(status, _encode(_Error(code, MESSAGES[code], balance)))
        assert call is not None
        assert balance is not None
        transactions = tuple(_show(one) for one in verdict.settled)
        return Reply(200, _encode(_Answer(balance, call.round_reference, transactions)))

    async def launch_url(self, http: OutsideHttp, launch: Launch) -> str:
        """Open a session at the aggregator and return the address of its game.

        Of the player it learns our id of him, his language and his address, nothing else.
        """
        code, currency = self._agreed(launch.asset)
        asked = {
            "casino_id": self.casino_id,
            "game": launch.game.identifier,
            "currency": code,
            "locale": launch.language,
            "ip": launch.ip,
            "client_type": "mobile",
            "balance": currency.subunits(launch.balance),
            "urls": {"return_url": launch.return_url, "deposit_url": launch.return_url},
            "user": {"id": launch.player, "nickname": launch.player},
        }
        body = _encode(asked)
        raw = await http.post(
            f"{self.url}/sessions", body=body, headers={SIGNATURE_HEADER: self.sign(body)}
        )
        try:
            session = msgspec.json.decode(raw, type=_Session)
        except msgspec.MsgspecError as error:
            raise errors.OutsideUnavailable(source=self.name, reason="not a session") from error
        return require_framed(session.launch_options.game_url, self.frame_origins)

    def _read_play(self, body: _Play) -> WalletCall:
        currency = self._currency(body.currency)
        moves = tuple(
            Move(
                MoveKind.DEBIT if one.action == "bet" else MoveKind.CREDIT,
                one.action_id,
                currency.units(one.amount),
            )
            for one in body.actions or ()
        )
        return _call(body, currency, moves)

    def _read_rollback(self, body: _Rollback) -> WalletCall:
        moves = tuple(
            Move(MoveKind.ROLLBACK, one.action_id, target=one.original_action_id)
            for one in body.actions
        )
        return _call(body, self._currency(body.currency), moves)

    def _currency(self, code: str) -> Currency:
        found = self.currencies.get(code)
        if found is None:
            raise UnknownCurrency(currency=code)
        return found

    def _agreed(self, asset: Asset) -> tuple[str, Currency]:
        for code, currency in self.currencies.items():
            if currency.asset is asset:
                return code, currency
        raise UnknownCurrency(currency=asset.value)


def _read(raw: bytes, kind: type[_BodyT]) -> _BodyT:
    """The bytes as `kind`; a field that stands twice is refused, since two readers of such JSON may
    see two different calls."""
    try:
        loose = _unambiguous.decode(raw.decode())
        return msgspec.convert(loose, kind)
    except (ValueError, RecursionError, msgspec.ValidationError) as error:
        raise BadCall(reason=str(error)[:200]) from error


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise ValueError("a field stands twice")
    return fields


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


# Fractions stay text: none of the fields that we read may have one.
_unambiguous = json.JSONDecoder(
    object_pairs_hook=_once, parse_float=str, parse_constant=_no_constant
)


def _call(body: _Envelope, currency: Currency, moves: tuple[Move, ...]) -> WalletCall:
    return WalletCall(body.user_id, currency.asset, body.currency, body.game_id or "", moves)


def _code(error: errors.CasinoError) -> tuple[int, int]:
    return next(CODES[kind] for kind in type(error).__mro__ if kind in CODES)


def _show(one: Settled) -> _Transaction:
    """An empty `tx_id` says that we know nothing of what was to be taken back."""
    if one.entry_id is None:
        return _Transaction(one.reference, "")
    return _Transaction(
        one.reference, public(one.entry_id) if one.moved else "", _moment(one.entry_id)
    )


def _moment(entry_id: EntryId) -> str:
    """When the entry was made; the same for every repeat."""
    milliseconds = (entry_id >> SEQUENCE_BITS) + EPOCH_MS
    return f"{_second(milliseconds // 1000)}.{milliseconds % 1000:03d}Z"


@lru_cache(maxsize=64)
def _second(seconds: int) -> str:
    """Many entries are made in one second, and each call tells when."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
