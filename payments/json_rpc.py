"""JSON-RPC nodes: typed answers, batches, and decisions that never mix two nodes' words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar
from urllib.parse import unquote, urlsplit

import aiohttp
import msgspec
import structlog

from casino.errors import OutsideError, OutsideRefused, OutsideUnavailable
from payments.endpoint import TIMEOUT_SECONDS, Endpoint

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

T = TypeVar("T")
REASON_LENGTH_MAX = 300

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Call(Generic[T]):
    """A question to a node and how to read its answer; what does not fit is no answer."""

    method: str
    params: tuple[object, ...]
    reader: msgspec.json.Decoder[T]


class _Error(msgspec.Struct):
    code: int
    message: str = ""


class _Answer(msgspec.Struct):
    id: int | None = None
    result: msgspec.Raw = msgspec.Raw()
    error: _Error | None = None


_ONE = msgspec.json.Decoder(_Answer)
_MANY = msgspec.json.Decoder(list[_Answer])


class JsonRpcNode:
    """One node.

    Every call raises OutsideUnavailable when nothing is known (no answer, 429, 5xx, not what was
    asked for) and OutsideRefused, with `code` and `reason`, when the node understood and said no.
    """

    def __init__(
        self,
        *,
        url: str,
        requests_per_second: int,
        timeout_seconds: float = TIMEOUT_SECONDS,
    ) -> None:
        """`url` may hold credentials; they travel in a header. Raises ValueError for no URL."""
        address, headers = _split(url)
        self.name = urlsplit(address).hostname or ""
        self._endpoint = Endpoint(
            url=address,
            source=self.name,
            headers=headers,
            requests_per_second=requests_per_second,
            timeout_seconds=timeout_seconds,
        )

    async def ask(self, call: Call[T]) -> T:
        """Ask one thing."""
        content = await self._post(_wire(0, call), weight=1)
        return self._read(self._decode(_ONE, content), call, number=0)

    async def ask_all(self, calls: Sequence[Call[T]]) -> list[T]:
        """Ask many things in one request; the answers are in the order of the questions, and one
        that is missing or refused fails them all."""
        if not calls:
            return []
        asked = [_wire(number, call) for number, call in enumerate(calls)]
        content = await self._post(asked, weight=len(calls))
        if content.lstrip()[:1] != b"[":  # the batch as a whole was refused
            self._require(self._decode(_ONE, content))
            raise OutsideUnavailable(source=self.name, reason="no batch answer")
        answers = self._decode(_MANY, content)
        found = {answer.id: answer for answer in answers}
        if len(answers) != len(calls) or found.keys() != set(range(len(calls))):
            raise OutsideUnavailable(source=self.name, reason="batch answer is not whole")
        return [self._read(found[number], call, number=number) for number, call in enumerate(calls)]

    async def close(self) -> None:
        """Close the connections."""
        await self._endpoint.close()

    async def _post(self, asked: object, *, weight: int) -> bytes:
        body = msgspec.json.encode(asked)
        reply = await self._endpoint.ask("POST", body=body, weight=weight)
        if reply.status == 429 or reply.status >= 500:
            raise OutsideUnavailable(source=self.name, status=reply.status, reason="status")
        if reply.status != 200 and reply.content.lstrip()[:1] not in (b"{", b"["):
            raise OutsideRefused(source=self.name, status=reply.status, reason="status")
        return reply.content

    def _decode(self, reader: msgspec.json.Decoder[T], content: bytes | msgspec.Raw) -> T:
        try:
            return reader.decode(content)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            reason = f"malformed: {error}"[:REASON_LENGTH_MAX]
            raise OutsideUnavailable(source=self.name, reason=reason) from error

    def _require(self, answer: _Answer) -> _Answer:
        if answer.error is not None:
            raise OutsideRefused(
                source=self.name,
                code=answer.error.code,
                reason=answer.error.message[:REASON_LENGTH_MAX],
            )
        return answer

    def _read(self, answer: _Answer, call: Call[T], *, number: int) -> T:
        self._require(answer)
        # A gateway's own words are an object too; without a result they must not pass for null,
        # which would say that what was asked for does not exist.
        if answer.id != number or not bytes(answer.result):
            raise OutsideUnavailable(source=self.name, reason="not an answer to the question")
        return self._decode(call.reader, answer.result)


class NodePool:
    """Several nodes of one network, of which one at a time is believed.

    `greet` makes sure that a node is on the right network, or raises OutsideError; it is asked
    again after every trouble with that node."""

    def __init__(
        self, nodes: Sequence[JsonRpcNode], *, greet: Callable[[JsonRpcNode], Awaitable[None]]
    ) -> None:
        if not nodes:
            raise ValueError("a pool needs a node")
        self._nodes = list(nodes)
        self._greet = greet
        self._greeted: set[JsonRpcNode] = set()

    async def decide(self, work: Callable[[JsonRpcNode], Awaitable[T]]) -> T:
        """Do a piece of work with one node from its beginning to its end; when that node fails, do
        it again from the beginning with the next.

        Raises OutsideUnavailable when no node could do it."""
        trouble: OutsideError | None = None
        for node in tuple(self._nodes):
            try:
                if node not in self._greeted:
                    await self._greet(node)
                    self._greeted.add(node)
                return await work(node)
            except OutsideError as error:
                trouble = error
                log.warning("node.failed", node=node.name, **_facts(error))
                self._put_last(node)
        facts = _facts(trouble) if trouble is not None else {}
        raise OutsideUnavailable(**facts) from trouble

    async def close(self) -> None:
        """Close all connections."""
        for node in self._nodes:
            await node.close()

    def _put_last(self, node: JsonRpcNode) -> None:
        self._greeted.discard(node)
        self._nodes.remove(node)
        self._nodes.append(node)


def _wire(number: int, call: Call[Any]) -> dict[str, object]:
    return {"jsonrpc": "2.0", "id": number, "method": call.method, "params": call.params}


def _split(url: str) -> tuple[str, dict[str, str]]:
    """The address without credentials, and the header that carries them."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("a node's address begins with http:// or https://")
    if parts.username is None:
        return url, {}
    header = aiohttp.encode_basic_auth(unquote(parts.username), unquote(parts.password or ""))
    address = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
    return address, {"Authorization": header}


def _facts(error: OutsideError) -> dict[str, object]:
    return {"source": "nodes", **error.data}
