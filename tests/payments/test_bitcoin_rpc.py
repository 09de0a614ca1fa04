"""The client of Bitcoin Core's RPC: what is an answer, what a refusal, and what is nothing."""

import base64
import json
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from hypothesis import given
from hypothesis import strategies as some

from casino.db import Database, transaction_open
from casino.errors import NetworkInsideTransaction, OutsideRefused, OutsideUnavailable
from payments.bitcoin_rpc import SUPPLY_UNITS, BitcoinRpc, units_of


class Node:
    """A node that says what the test wants."""

    def __init__(self) -> None:
        self.status = 200
        self.headers: dict[str, str] = {}
        self.body = b'{"result": 1, "error": null, "id": 0}'
        self.asked: list[tuple[str, Any]] = []

    async def answer(self, request: web.Request) -> web.Response:
        self.asked.append((request.headers.get("Authorization", ""), await request.json()))
        return web.Response(status=self.status, body=self.body, headers=self.headers)


@pytest.fixture
async def node() -> Node:
    return Node()


@pytest.fixture
async def client(node: Node) -> AsyncIterator[BitcoinRpc]:
    app = web.Application()
    app.router.add_post("/", node.answer)
    async with TestServer(app) as server:
        client = BitcoinRpc(url=str(server.make_url("/")), user="me", password="se:cret")
        yield client
        await client.close()


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (200, b"", OutsideUnavailable),
        (200, b"<html>", OutsideUnavailable),
        (200, b"\xff", OutsideUnavailable),
        (200, b"[1]", OutsideUnavailable),
        (200, b"3", OutsideUnavailable),
        (200, b'{"id": 0}', OutsideUnavailable),
        (200, b'{"result": null, "error": "?"}', OutsideUnavailable),
        (200, b'{"result": null, "error": {"message": "?"}}', OutsideUnavailable),
        (200, b'{"result": null, "error": {"code": "-5"}}', OutsideUnavailable),
        (429, b"", OutsideUnavailable),
        (500, b"", OutsideUnavailable),
        (500, b'{"result": 1, "error": null, "id": 0}', OutsideUnavailable),
        (503, b"Work queue depth exceeded", OutsideUnavailable),
        (500, b'{"error": {"code": -28, "message": "Loading block index"}}', OutsideUnavailable),
        (500, b'{"error": {"code": -5, "message": "Block not found"}}', OutsideRefused),
        (200, b'{"error": {"code": -5, "message": "Block not found"}}', OutsideRefused),
        (404, b'{"error": {"code": -32601, "message": "Method not found"}}', OutsideRefused),
        (401, b"", OutsideRefused),
        (403, b"", OutsideRefused),
    ],
)
async def test_trouble_is_told_from_refusal(
    node: Node, client: BitcoinRpc, status: int, body: bytes, error: type[Exception]
) -> None:
    node.status, node.body = status, body
    with pytest.raises(error) as raised:
        await client.call("getblock", "00")
    if error is OutsideRefused and status not in (401, 403):
        assert raised.value.data["rpc_code"] in (-5, -32601)  # type: ignore[attr-defined]
    elif error is OutsideRefused:
        assert "rpc_code" not in raised.value.data  # type: ignore[attr-defined]


async def test_an_answer_is_exact_and_we_say_who_we_are(node: Node, client: BitcoinRpc) -> None:
    node.body = b'{"result": {"value": 0.10000001, "n": 20999999.97690000}, "error": null, "id": 0}'
    answer = await client.call("getthing", 1, "two", True)
    assert answer == {"value": Decimal("0.10000001"), "n": Decimal("20999999.97690000")}
    ((who, asked),) = node.asked
    assert who == "Basic " + base64.b64encode(b"me:se:cret").decode()
    assert (asked["method"], asked["params"]) == ("getthing", [1, "two", True])


async def test_a_batch_keeps_its_order_whatever_the_node_does(
    node: Node, client: BitcoinRpc
) -> None:
    answers = [
        {"result": "second", "error": None, "id": 1},
        {"result": None, "error": {"code": -8, "message": "out of range"}, "id": 2},
        {"result": "first", "error": None, "id": 0},
    ]
    node.body = json.dumps(answers).encode()
    first, second, third = await client.batch([("a",), ("b", 1), ("c", 2, 3)])
    assert (first, second) == ("first", "second")
    assert isinstance(third, OutsideRefused)
    assert third.data["rpc_code"] == -8
    assert await client.batch([]) == []
    assert len(node.asked) == 1


@pytest.mark.parametrize(
    ("ids", "extra"), [([0], {}), ([0, 0], {}), ([0, 2], {}), ([0, 1, 2], {}), ([], {})]
)
async def test_a_batch_that_is_not_whole_is_nothing(
    node: Node, client: BitcoinRpc, ids: list[int], extra: dict[str, object]
) -> None:
    node.body = json.dumps(
        [{"result": 1, "error": None, "id": one, **extra} for one in ids]
    ).encode()
    with pytest.raises(OutsideUnavailable):
        await client.batch([("a",), ("b",)])


async def test_a_batch_that_is_refused_as_a_whole_raises(node: Node, client: BitcoinRpc) -> None:
    node.body = b'{"error": {"code": -32600, "message": "Invalid Request object"}}'
    with pytest.raises(OutsideRefused):
        await client.batch([("a",)])
    node.body = b'{"result": 1, "error": null}'
    with pytest.raises(OutsideUnavailable):
        await client.batch([("a",)])


async def test_credentials_do_not_follow_a_redirection(node: Node, client: BitcoinRpc) -> None:
    node.status, node.headers = 307, {"Location": "/"}
    with pytest.raises(OutsideUnavailable):
        await client.call("getblockcount")
    assert len(node.asked) == 1


async def test_an_endless_answer_is_cut(
    client: BitcoinRpc, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client._http, "_answer_bytes_max", 10)
    with pytest.raises(OutsideUnavailable):
        await client.call("getblock")


async def test_nobody_listening_is_unavailable() -> None:
    client = BitcoinRpc(url="http://127.0.0.1:9")
    with pytest.raises(OutsideUnavailable):
        await client.call("getblockcount")
    await client.close()


async def test_no_call_leaves_from_inside_a_transaction(
    node: Node, client: BitcoinRpc, db: Database
) -> None:
    async with transaction_open():
        with pytest.raises(NetworkInsideTransaction):
            await client.call("getblockcount")
    async with db.transaction():
        with pytest.raises(NetworkInsideTransaction):
            await client.batch([("getblockcount",)])
    assert node.asked == []


@given(units=some.integers(0, SUPPLY_UNITS), trim=some.booleans())
def test_amounts_are_digits(units: int, trim: bool) -> None:
    text = f"{units // 10**8}.{units % 10**8:08d}"
    assert units_of(Decimal(text.rstrip("0").rstrip(".") if trim else text)) == units


@pytest.mark.parametrize(
    ("given_", "units"),
    [(1, 10**8), (0, 0), (Decimal("1E-8"), 1), (Decimal("1E+2"), 10**10), (Decimal("0E-10"), 0)],
)
def test_other_ways_to_write_an_amount(given_: object, units: int) -> None:
    assert units_of(given_) == units


@pytest.mark.parametrize(
    "wrong",
    [
        None,
        True,
        "1",
        0.5,
        [],
        -1,
        Decimal("-0.00000001"),
        Decimal("0.000000001"),
        Decimal("21000000.00000001"),
        Decimal("1E+400"),
        Decimal("1E-400"),
        Decimal("NaN"),
        Decimal("Infinity"),
    ],
)
def test_what_is_no_amount_is_nothing(wrong: object) -> None:
    with pytest.raises(OutsideUnavailable):
        units_of(wrong)
