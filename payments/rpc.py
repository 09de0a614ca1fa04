"""The client of toncenter: what it takes for an answer, for a refusal, and for nothing at all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from casino.errors import OutsideRefused, OutsideUnavailable
from payments.endpoint import Endpoint, Reply

NOT_APPLICABLE = "cannot apply external message"

Json = Mapping[str, Any]


class Toncenter:
    """A toncenter (API v2 and v3) endpoint.

    Every call raises OutsideUnavailable when nothing is known (no answer, 429, 5xx, not JSON) and
    OutsideRefused when the node understood and said no."""

    def __init__(self, *, url: str, api_key: str, requests_per_second: int) -> None:
        self._endpoint = Endpoint(
            url=url,
            source="toncenter",
            headers={"X-API-Key": api_key} if api_key else {},
            requests_per_second=requests_per_second,
        )

    async def index(self, name: str, **query: str | int | Sequence[str]) -> Json:
        """Ask the index (API v3) and return its answer; a list is a parameter given many times."""
        return _judge(await self._endpoint.ask("GET", f"/api/v3/{name}", params=query))

    async def node(self, name: str, **query: str | int) -> Any:
        """Ask the node (API v2) and return the result inside its answer."""
        return _result(_judge(await self._endpoint.ask("GET", f"/api/v2/{name}", params=query)))

    async def run(self, address: str, method: str, *slices: str) -> Json:
        """Run a get-method (API v2) as of the newest block. `slices` are its arguments: cells in
        base64. Returns exit_code and stack as the node tells them; some also tell
        last_transaction_id."""
        asked = {
            "address": address,
            "method": method,
            "stack": [["tvm.Slice", cell] for cell in slices],
        }
        body = msgspec.json.encode(asked)
        reply = await self._endpoint.ask("POST", "/api/v2/runGetMethod", body=body)
        result: Json = _result(_judge(reply))
        return result

    async def send(self, boc_base64: str) -> None:
        """Hand an external message to the node; returning means that the node took it."""
        body = msgspec.json.encode({"boc": boc_base64})
        _result(_judge(await self._endpoint.ask("POST", "/api/v2/sendBoc", body=body)))

    async def close(self) -> None:
        """Close the connections."""
        await self._endpoint.close()


def _result(answer: Json) -> Any:
    if answer.get("ok") is not True:
        raise OutsideUnavailable(source="toncenter", reason=str(answer.get("error"))[:200])
    return answer["result"]


def _judge(reply: Reply) -> Json:
    status = reply.status
    try:
        answer = msgspec.json.decode(reply.content)
    except msgspec.DecodeError:
        answer = None
    reason = str(answer.get("error"))[:200] if isinstance(answer, dict) else "not an answer"
    if NOT_APPLICABLE in reason:
        raise OutsideRefused(source="toncenter", status=status, reason=reason)
    if status == 429 or status >= 500:
        raise OutsideUnavailable(source="toncenter", status=status, reason=reason)
    if status != 200:
        raise OutsideRefused(source="toncenter", status=status, reason=reason)
    if not isinstance(answer, dict):
        raise OutsideUnavailable(source="toncenter", status=status, reason=reason)
    return answer
