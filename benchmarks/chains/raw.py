"""The references: nodes asked the bare minimum, answers thrown away or barely read, no database."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import aiohttp
import msgspec

from payments.chains.evm_facts import TRANSFER_TOPIC

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

BATCH = 100


class RawNode:
    """One kept-alive connection to a node, without a check of anything."""

    def __init__(self, url: str, *, user: str = "", password: str = "") -> None:
        self._url = url
        secret = {"Authorization": aiohttp.encode_basic_auth(user, password)} if user else {}
        self._headers = {**secret, "Content-Type": "application/json"}

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(headers=self._headers)
        return self

    async def __aexit__(
        self,
        _kind: type[BaseException] | None,
        _raised: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        await self._session.close()

    async def post(self, body: object) -> bytes:
        """What the node answers to a question or to a batch of them."""
        async with self._session.post(self._url, data=msgspec.json.encode(body)) as response:
            return await response.read()

    async def get(self, path: str, query: dict[str, str | int]) -> bytes:
        """What it answers to a GET."""
        async with self._session.get(self._url + path, params=query) as response:
            return await response.read()

    async def ask(self, method: str, *params: object) -> Any:
        """The result of one call, which must not be refused."""
        answer = msgspec.json.decode(await self.post(question(method, *params)))
        if answer.get("error") is not None:
            raise RuntimeError(f"{method}: {answer['error']}")
        return answer["result"]


def question(method: str, *params: object, number: int = 0) -> dict[str, object]:
    """One call as JSON-RPC writes it."""
    return {"jsonrpc": "2.0", "id": number, "method": method, "params": params}


async def evm_linked_path(node: RawNode, token: str, first: int, last: int) -> int:
    """Headers in batches, linked by their parents, and each block's logs by its hash in batches;
    how many logs."""
    logs, parent = 0, None
    for start in range(first, last + 1, BATCH):
        heights = range(start, min(start + BATCH, last + 1))
        asked = [
            question("eth_getBlockByNumber", hex(height), False, number=number)
            for number, height in enumerate(heights)
        ]
        headers = [one["result"] for one in msgspec.json.decode(await node.post(asked))]
        for header in headers:
            if parent is not None and header["parentHash"] != parent:
                raise RuntimeError("the reference's headers do not link")
            parent = header["hash"]
        asked = [
            question("eth_getLogs", _wanted(token, blockHash=header["hash"]), number=number)
            for number, header in enumerate(headers)
        ]
        answers = msgspec.json.decode(await node.post(asked))
        logs += sum(len(one["result"]) for one in answers)
    return logs


async def evm_decoded_logs(node: RawNode, token: str, first: int, last: int) -> int:
    """Logs by ranges of blocks, without headers, each read as far as a transfer has to be; how
    many."""
    found = 0
    for start in range(first, last + 1, BATCH):
        end = min(start + BATCH - 1, last)
        wanted = _wanted(token, fromBlock=hex(start), toBlock=hex(end))
        answer = msgspec.json.decode(await node.post(question("eth_getLogs", wanted)))
        read = [
            (
                int(log["blockNumber"], 16),
                log["transactionHash"],
                int(log["logIndex"], 16),
                "0x" + log["topics"][2][26:],
                int(log["data"], 16),
            )
            for log in answer["result"]
        ]
        found += len(read)
    return found


async def btc_block_bytes(node: RawNode, hashes: Sequence[str]) -> int:
    """Every block in hex, unread; how many bytes of answers."""
    return sum([len(await node.post(question("getblock", one, 0))) for one in hashes])


async def ton_pages(node: RawNode, account: str, *, limit: int) -> int:
    """An account's transactions page by page, no more read than the cursor needs; how many."""
    found, after = 0, 0
    while True:
        query: dict[str, str | int] = {
            "account": account,
            "start_lt": after + 1,
            "sort": "asc",
            "limit": limit,
        }
        answer = msgspec.json.decode(await node.get("/api/v3/transactions", query))
        records = answer["transactions"]
        found += len(records)
        if len(records) < limit:
            return found
        after = int(records[-1]["lt"])


def _wanted(token: str, **where: str) -> dict[str, object]:
    return {"address": token, "topics": [TRANSFER_TOPIC], **where}
