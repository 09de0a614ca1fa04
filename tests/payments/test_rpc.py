"""The HTTP client for nodes: what it takes for an answer, a refusal, or nothing at all."""

from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from casino.db import Database, transaction_open
from casino.errors import NetworkInsideTransaction, OutsideRefused, OutsideUnavailable
from payments.rpc import Toncenter


class Node:
    """A node that says what the test wants."""

    def __init__(self) -> None:
        self.status = 200
        self.body = b'{"ok": true, "result": 1}'
        self.asked: list[web.Request] = []

    async def answer(self, request: web.Request) -> web.Response:
        self.asked.append(request)
        return web.Response(status=self.status, body=self.body)


@pytest.fixture
async def node() -> Node:
    return Node()


@pytest.fixture
async def client(node: Node) -> AsyncIterator[Toncenter]:
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", node.answer)
    async with TestServer(app) as server:
        client = Toncenter(url=str(server.make_url("/")), api_key="k1", requests_per_second=1000)
        yield client
        await client.close()


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (200, b"", OutsideUnavailable),
        (200, b"<html>", OutsideUnavailable),
        (200, b"[1]", OutsideUnavailable),
        (200, b'{"ok": false, "error": "?"}', OutsideUnavailable),
        (200, b'{"result": 1}', OutsideUnavailable),
        (429, b'{"ok": false, "error": "Ratelimit exceed"}', OutsideUnavailable),
        (500, b'{"ok": false, "error": "LITE_SERVER_NETWORK"}', OutsideUnavailable),
        (502, b"<html>", OutsideUnavailable),
        (500, b'{"ok": false, "error": "cannot apply external message to ..."}', OutsideRefused),
        (422, b'{"ok": false, "error": "incorrect address"}', OutsideRefused),
        (401, b'{"error": "API key does not exist"}', OutsideRefused),
    ],
)
async def test_trouble_is_told_from_refusal(
    node: Node, client: Toncenter, status: int, body: bytes, error: type[Exception]
) -> None:
    node.status, node.body = status, body
    with pytest.raises(error):
        await client.node("getMasterchainInfo")


async def test_an_answer_is_its_result_and_the_plan_is_named(node: Node, client: Toncenter) -> None:
    assert await client.node("getAddressBalance", address="x") == 1
    (request,) = node.asked
    assert request.path == "/api/v2/getAddressBalance"
    assert request.headers["X-API-Key"] == "k1"


async def test_an_endless_answer_is_cut(
    node: Node, client: Toncenter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client._endpoint, "_answer_bytes_max", 10)
    node.body = b'{"ok": true, "result": "' + b"x" * 100 + b'"}'
    with pytest.raises(OutsideUnavailable):
        await client.node("getMasterchainInfo")


async def test_nobody_listening_is_unavailable() -> None:
    client = Toncenter(url="http://127.0.0.1:9", api_key="", requests_per_second=1000)
    with pytest.raises(OutsideUnavailable):
        await client.index("masterchainInfo")
    await client.close()


async def test_no_call_leaves_from_inside_a_transaction(
    node: Node, client: Toncenter, db: Database
) -> None:
    async with transaction_open():
        with pytest.raises(NetworkInsideTransaction):
            await client.node("getMasterchainInfo")
    async with db.transaction():
        with pytest.raises(NetworkInsideTransaction):
            await client.send("AA==")
    assert node.asked == []
