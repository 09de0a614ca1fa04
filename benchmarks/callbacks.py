"""The aggregator's side of a wallet call: signed bets over kept-alive connections, cheaply made."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from typing import TYPE_CHECKING, cast

from casino.ids import PlayerId, public

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from casino.betting.game import InstantGame
    from casino.money import Asset

HOST = "127.0.0.1"
AGGREGATOR = "softswiss"
PATH = f"/aggregators/{AGGREGATOR}/play"
# Shared with nobody but the webapp that the bench starts.
TOKEN = b"a token of the bench's own"
_HEAD = (
    "POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n"
    "X-REQUEST-SIGN: {signature}\r\nContent-Length: {length}\r\n\r\n"
)
_END = b"\r\n\r\n"
_LENGTH = b"content-length:"


class CallRefused(RuntimeError):
    """The webapp answered something else than a settled bet."""


class Callbacks:
    """Places bets by wallet calls, each player over a connection of his own.

    It is a floor to the load generator: the game and the choice are the aggregator's affair.
    """

    def __init__(self, ports: Sequence[int]) -> None:
        self._ports = ports
        self._lines: dict[int, _Line] = {}

    async def place_bet(
        self,
        *,
        player_id: PlayerId,
        game: InstantGame,
        asset: Asset,
        stake: int,
        choice: Mapping[str, object],
        reference: str,
    ) -> object:
        """Send one debit and wait for its answer; raises CallRefused."""
        del choice
        body = (
            f'{{"user_id":"{public(player_id)}","currency":"{asset.value}",'
            f'"game_id":"outside:{game.slug}","finished":true,'
            f'"actions":[{{"action":"bet","amount":{stake},"action_id":"{reference}"}}]}}'
        ).encode()
        line = self._lines.get(player_id) or await self._connect(player_id)
        answer = await line.ask(signed(body))
        if not (answer.startswith(b"HTTP/1.1 200") and b'"tx_id":"' in answer):
            raise CallRefused(answer[-300:].decode(errors="replace"))
        return answer

    async def close(self) -> None:
        """Hang up."""
        for line in self._lines.values():
            line.hang_up()

    async def _connect(self, player_id: PlayerId) -> _Line:
        port = self._ports[len(self._lines) % len(self._ports)]
        line = self._lines[player_id] = _Line()
        await asyncio.get_running_loop().create_connection(lambda: line, HOST, port)
        return line


def signed(body: bytes) -> bytes:
    """The whole request: the signature is HMAC-SHA256 of the body under the token."""
    signature = hmac.digest(TOKEN, body, hashlib.sha256).hex()
    head = _HEAD.format(path=PATH, host=HOST, signature=signature, length=len(body))
    return head.encode() + body


class _Line(asyncio.Protocol):
    """One connection with at most one question under way."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._heard = b""
        self._answer: asyncio.Future[bytes] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are of a family of their own.
        self._transport = cast("asyncio.Transport", transport)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(exc or ConnectionResetError("the webapp hung up"))

    def data_received(self, data: bytes) -> None:
        self._heard += data
        head_end = self._heard.find(_END)
        if head_end < 0 or self._answer is None:
            return
        head = self._heard[:head_end].lower()
        length = int(head.partition(_LENGTH)[2].partition(b"\r\n")[0])
        if len(self._heard) >= head_end + len(_END) + length:
            answer, self._heard = self._heard, b""
            self._answer.set_result(answer)

    async def ask(self, request: bytes) -> bytes:
        assert self._transport is not None
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return await self._answer

    def hang_up(self) -> None:
        if self._transport is not None:
            self._transport.close()
