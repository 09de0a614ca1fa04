"""The client of Bitcoin Core's JSON-RPC: questions, batches, exact numbers, typed errors."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import aiohttp
import msgspec

from casino.errors import OutsideRefused, OutsideUnavailable
from payments.btc_units import COIN_DECIMALS
from payments.endpoint import Endpoint

if TYPE_CHECKING:
    from collections.abc import Sequence

SOURCE = "bitcoin"
# A block of 4,000,000 weight units can be 4 MB, which is 8 MB in hex; batches hold several.
ANSWER_BYTES_MAX = 64 * 1024 * 1024
TIMEOUT_SECONDS = 30.0
COIN_UNITS = 10**COIN_DECIMALS
SUPPLY_UNITS = 21_000_000 * COIN_UNITS
# Codes that say "not now": RPC_IN_WARMUP, and the two of a client that has not caught up.
NOT_NOW = frozenset({-28, -9, -10})

_DECODER = msgspec.json.Decoder(float_hook=Decimal)


class BitcoinRpc:
    """A Bitcoin Core node, or one that speaks like it.

    Every call raises OutsideUnavailable when nothing is known (no answer, 429, 5xx without a word
    of JSON-RPC, not JSON, a node that is warming up) and OutsideRefused when the node understood
    and said no: then `data["rpc_code"]` is Bitcoin Core's error code and `data["reason"]` its text,
    and without an `rpc_code` we were not let in. Inside a database transaction every call raises
    NetworkInsideTransaction."""

    def __init__(self, *, url: str, user: str = "", password: str = "") -> None:
        headers = {}
        if user or password:
            headers["Authorization"] = aiohttp.encode_basic_auth(user, password)
        self._http = Endpoint(
            url=url,
            source=SOURCE,
            headers=headers,
            timeout_seconds=TIMEOUT_SECONDS,
            answer_bytes_max=ANSWER_BYTES_MAX,
        )

    async def call(self, method: str, *params: Any, timeout_seconds: float | None = None) -> Any:
        """The result of one method; numbers with a point come as Decimal."""
        body = {"jsonrpc": "1.0", "id": 0, "method": method, "params": params}
        status, answer = await self._ask(body, timeout_seconds)
        return _result(status, answer)

    async def batch(self, questions: Sequence[tuple[Any, ...]]) -> list[Any]:
        """The results of many `(method, *params)`, in their order, from one node at one time.
        An answer that is an error stands in its place as an OutsideRefused, not raised."""
        if not questions:
            return []
        body = [
            {"jsonrpc": "1.0", "id": number, "method": method, "params": params}
            for number, (method, *params) in enumerate(questions)
        ]
        status, answers = await self._ask(body, None)
        if not isinstance(answers, list):
            _result(status, answers)
            raise OutsideUnavailable(source=SOURCE, status=status, reason="not a batch")
        by_id = {one.get("id"): one for one in answers if isinstance(one, dict)}
        if len(answers) != len(questions) or by_id.keys() != set(range(len(questions))):
            raise OutsideUnavailable(source=SOURCE, status=status, reason="batch is not whole")
        return [_result_or_refusal(status, by_id[number]) for number in range(len(questions))]

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close()

    async def _ask(self, body: Any, timeout_seconds: float | None) -> tuple[int, Any]:
        answer = await self._http.ask(
            "POST", body=msgspec.json.encode(body), timeout_seconds=timeout_seconds
        )
        status = answer.status
        if status in (401, 403):
            raise OutsideRefused(source=SOURCE, status=status, reason="not let in")
        try:
            return status, _DECODER.decode(answer.content)
        except (msgspec.DecodeError, ValueError) as error:
            raise OutsideUnavailable(source=SOURCE, status=status, reason="not JSON") from error


def units_of(coins: object) -> int:
    """Satoshis of an amount as the node's JSON gives it. Raises OutsideUnavailable for anything
    that is not a number of coins with at most eight decimals."""
    if isinstance(coins, bool) or not isinstance(coins, Decimal | int):
        raise OutsideUnavailable(source=SOURCE, reason="not an amount")
    # Digits, not arithmetic: a Decimal's context would round silently.
    sign, digits, exponent = Decimal(coins).as_tuple()
    if not isinstance(exponent, int) or sign or not -30 <= exponent <= COIN_DECIMALS:
        raise OutsideUnavailable(source=SOURCE, reason="not an amount")
    number = int("".join(map(str, digits)))
    shift = exponent + COIN_DECIMALS
    scale: int = 10 ** abs(shift)
    units, rest = (number * scale, 0) if shift >= 0 else divmod(number, scale)
    if rest or units > SUPPLY_UNITS:
        raise OutsideUnavailable(source=SOURCE, reason="not an amount")
    return units


def _result(status: int, answer: Any) -> Any:
    result = _result_or_refusal(status, answer)
    if isinstance(result, OutsideRefused):
        raise result
    return result


def _result_or_refusal(status: int, answer: Any) -> Any:
    if not isinstance(answer, dict):
        raise OutsideUnavailable(source=SOURCE, status=status, reason="not an answer")
    error = answer.get("error")
    if error is None:
        if status != 200 or "result" not in answer:
            raise OutsideUnavailable(source=SOURCE, status=status, reason="not an answer")
        return answer["result"]
    code = error.get("code") if isinstance(error, dict) else None
    if not isinstance(code, int) or code in NOT_NOW:
        reason = str(error)[:200]
        raise OutsideUnavailable(source=SOURCE, status=status, reason=reason)
    reason = str(error.get("message"))[:300]
    return OutsideRefused(source=SOURCE, rpc_code=code, reason=reason)
