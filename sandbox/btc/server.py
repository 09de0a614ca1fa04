"""`python -m sandbox.btc.server`: the node behind Bitcoin Core's HTTP, on loopback only."""

from __future__ import annotations

import argparse
import asyncio
import hmac
import json
import os
import shutil
import signal
import sys
import tempfile
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
from aiohttp import web

from sandbox.btc.methods import call
from sandbox.btc.mining import NOBODY
from sandbox.btc.node import Node
from sandbox.btc.refusals import BAD_REQUEST, MISC, NO_SUCH_METHOD, RpcRefusal

BODY_BYTES_MAX = 64 * 1024 * 1024
HTTP_OF_CODE = {NO_SUCH_METHOD: 404, BAD_REQUEST: 400}


class Front:
    """One node, asked over HTTP by those who know the password."""

    def __init__(self, node: Node, *, user: str, password: str) -> None:
        self.node = node
        self._expected = aiohttp.encode_basic_auth(user, password)

    def app(self) -> web.Application:
        """The application to serve."""
        app = web.Application(client_max_size=BODY_BYTES_MAX)
        app.router.add_post("/", self.answer)
        return app

    async def answer(self, request: web.Request) -> web.Response:
        """One question or a batch of them; JSON-RPC 1.1 with Core's HTTP statuses."""
        given = request.headers.get("Authorization", "")
        if not hmac.compare_digest(given.encode(), self._expected.encode()):
            return web.Response(status=401)
        try:
            asked = msgspec.json.decode(await request.read())
        except msgspec.DecodeError:
            return _reply(500, _failure(None, -32700, "Parse error"))
        if isinstance(asked, list):
            return _reply(200, [self._one(one)[1] for one in asked])
        return _reply(*self._one(asked))

    def _one(self, asked: Any) -> tuple[int, dict[str, Any]]:
        if not isinstance(asked, dict) or not isinstance(asked.get("method"), str):
            return 400, _failure(None, BAD_REQUEST, "Invalid Request object")
        params = asked.get("params") or []
        if not isinstance(params, list):
            return 400, _failure(asked.get("id"), BAD_REQUEST, "Params must be an array")
        try:
            result = call(self.node, asked["method"], params)
        except RpcRefusal as refusal:
            status = HTTP_OF_CODE.get(refusal.code, 500)
            return status, _failure(asked.get("id"), refusal.code, refusal.message)
        except Exception as error:  # noqa: BLE001 - as Core: a question never ends the node
            return 500, _failure(asked.get("id"), MISC, f"{type(error).__name__}: {error}")
        return 200, {"result": result, "error": None, "id": asked.get("id")}


def main() -> int:
    """Serve until told to stop, or until our starter's end of standard input closes."""
    parser = argparse.ArgumentParser(prog="sandbox.btc.server", description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--store", type=Path)
    parser.add_argument("--txindex", action="store_true")
    parser.add_argument("--block-ms", type=int, default=0, help="pause between blocks; 0: none")
    parser.add_argument("--scratch", type=Path, required=True, help="a folder to use and remove")
    given = parser.parse_args()
    # The password comes by standard input: other accounts of the machine see command lines.
    user, password = json.loads(sys.stdin.readline())
    try:
        asyncio.run(serve(given, user=user, password=password))
    except OSError as error:
        _say(event="failed", error=str(error))
        return 1
    return 0


async def serve(given: argparse.Namespace, *, user: str, password: str) -> None:
    """Serve on the port until stopped."""
    tempfile.tempdir = str(given.scratch)
    node = Node(store=given.store, txindex=given.txindex)
    runner = web.AppRunner(Front(node, user=user, password=password).app())
    await runner.setup()
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stopping.set)
    # Our starter holds the other end: it closes when that process is gone, however it went.
    loop.add_reader(sys.stdin.fileno(), _watch, stopping)
    if given.block_ms:
        loop.call_later(given.block_ms / 1000, _mine, node, given.block_ms / 1000)
    try:
        await web.TCPSite(runner, "127.0.0.1", given.port).start()
        _say(event="ready")
        await stopping.wait()
    finally:
        await runner.cleanup()
        node.close()
        shutil.rmtree(given.scratch, ignore_errors=True)


def _mine(node: Node, pause_seconds: float) -> None:
    node.generate(NOBODY)
    asyncio.get_running_loop().call_later(pause_seconds, _mine, node, pause_seconds)


def _watch(stopping: asyncio.Event) -> None:
    if not os.read(sys.stdin.fileno(), 1):
        stopping.set()


def _reply(status: int, body: Any) -> web.Response:
    content = msgspec.json.encode(body)
    return web.Response(status=status, body=content, content_type="application/json")


def _failure(asked_id: Any, code: int, message: str) -> dict[str, Any]:
    return {"result": None, "error": {"code": code, "message": message}, "id": asked_id}


def _say(**event: str) -> None:
    sys.stdout.write(json.dumps(event) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
