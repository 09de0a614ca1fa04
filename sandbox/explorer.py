"""Pages that show one transaction of a local chain, as a public explorer would."""

from __future__ import annotations

import html
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import aiohttp
from aiohttp import web

from casino.errors import OutsideError, OutsideRefused
from casino.money import trim_units
from payments.bitcoin_rpc import units_of
from payments.btc_units import COIN_DECIMALS
from payments.chains.evm_addresses import EvmAddress
from sandbox.chains import TITLES
from sandbox.processes import ServiceFailed

if TYPE_CHECKING:
    from sandbox.chains import LocalChains

Json = Any

# keccak256("Transfer(address,address,uint256)"), the first topic of a token's payment.
TRANSFER = "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef"
BATCH = 200
BLOCKS_MAX = 10_000

STYLE = """
:root { color-scheme: dark light; --bg: #0e1621; --panel: #17212b; --text: #f3f6f8;
  --soft: #8b9cac; --good: #18a672; --brass: #e3b341; --hair: #24313e; }
@media (prefers-color-scheme: light) { :root { --bg: #f1f3f5; --panel: #fff; --text: #0d1720;
  --soft: #5b6973; --good: #0f7f56; --brass: #8a6510; --hair: #e4e8eb; } }
body { margin: 0; padding: 24px 16px; background: var(--bg); color: var(--text);
  font: 15px/1.45 -apple-system, "Segoe UI", Roboto, "Noto Sans", "DejaVu Sans", sans-serif;
  font-variant-numeric: tabular-nums; }
main { max-width: 720px; margin: 0 auto; }
h1 { font-size: 20px; margin: 0 0 4px; } p { margin: 0 0 16px; color: var(--soft); }
b.good { color: var(--good); } b.waits { color: var(--brass); }
dl { background: var(--panel); border: 1px solid var(--hair); border-radius: 16px; margin: 0;
  padding: 4px 16px; }
dl div { display: grid; grid-template-columns: 130px 1fr; gap: 12px; padding: 10px 0;
  border-top: 1px solid var(--hair); } dl div:first-child { border-top: 0; }
dt { color: var(--soft); } dd { margin: 0; overflow-wrap: anywhere; }
details { margin-top: 16px; color: var(--soft); }
pre { overflow: auto; font: 12px/1.5 ui-monospace, "DejaVu Sans Mono", monospace; }
@media (max-width: 480px) { dl div { grid-template-columns: 1fr; gap: 2px; } }
"""


@dataclass(frozen=True, slots=True)
class Shown:
    """A transaction as a page tells it; `confirmations` 0 while it waits for a block."""

    confirmations: int
    facts: tuple[tuple[str, str], ...]
    raw: Json
    failed: bool = False


class Explorer:
    """`GET /chain/{ton | ethereum | bitcoin}/{hash}`."""

    def __init__(self, chains: LocalChains) -> None:
        self._chains = chains

    def add_routes(self, router: web.UrlDispatcher) -> None:
        """Put the pages on a router."""
        router.add_get("/chain/{chain}/{hash:.+}", self.show)

    async def show(self, request: web.Request) -> web.Response:
        """One transaction, or a page that says that there is none."""
        chain, tx_hash = request.match_info["chain"], request.match_info["hash"]
        find = {"ton": self._ton, "ethereum": self._ethereum, "bitcoin": self._bitcoin}.get(chain)
        if find is None:
            return _page(404, "No such chain", "The local chains: ton, ethereum and bitcoin.")
        try:
            found = await find(tx_hash)
        except OutsideRefused:
            found = None
        except (OutsideError, ServiceFailed, aiohttp.ClientError, TimeoutError):
            return _page(
                503, "The node does not answer", "It may be starting. Load this page again."
            )
        title = f"{TITLES[chain]} transaction"
        if found is None:
            words = "This chain knows no such transaction now. A fresh one may come with a block."
            return _page(404, title, words)
        return _page(200, title, _state(found), _facts(tx_hash, found))

    async def _ton(self, tx_hash: str) -> Shown | None:
        found = (await self._chains.ton_rpc.index("transactions", hash=tx_hash))["transactions"]
        if not found:
            return None
        one, head = found[0], await self._chains.height("ton")
        block = int(one["mc_block_seqno"])
        facts = [("Block", f"#{block}"), ("Account", str(one["account"]))]
        message = one.get("in_msg") or {}
        if message.get("source"):
            facts.append(("From", str(message["source"])))
            facts.append(("Received", f"{trim_units(int(message['value']), 9)} TON"))
        for sent in one.get("out_msgs") or ():
            if sent.get("destination"):
                amount = trim_units(int(sent["value"] or 0), 9)
                facts.append(("Sent", f"{amount} TON to {sent['destination']}"))
        facts.append(("Fee", f"{trim_units(int(one['total_fees']), 9)} TON"))
        return Shown(head - block + 1, tuple(facts), one, _ton_failed(one))

    async def _ethereum(self, tx_hash: str) -> Shown | None:
        node = self._chains.ethereum
        one = await node.ask("eth_getTransactionByHash", tx_hash)
        if one is None:
            return None
        receipt = await node.ask("eth_getTransactionReceipt", tx_hash)
        facts = [("From", str(one["from"])), ("To", str(one["to"]))]
        if int(one["value"], 16):
            facts.append(("Sent", f"{trim_units(int(one['value'], 16), 18)} ETH"))
        if receipt is None:
            return Shown(0, tuple(facts), one)
        for log in receipt["logs"]:
            if log["topics"][0] == TRANSFER:
                to = EvmAddress(bytes.fromhex(log["topics"][2][26:])).checksummed
                facts.append(("Token", f"{trim_units(int(log['data'], 16), 6)} USDT to {to}"))
        fee = int(receipt["gasUsed"], 16) * int(receipt["effectiveGasPrice"], 16)
        facts.append(("Fee", f"{trim_units(fee, 18)} ETH"))
        block = int(receipt["blockNumber"], 16)
        facts.insert(0, ("Block", f"#{block}"))
        confirmations = await node.height() - block + 1
        return Shown(confirmations, tuple(facts), receipt, receipt["status"] != "0x1")

    async def _bitcoin(self, tx_hash: str) -> Shown | None:
        rpc = self._chains.bitcoin_rpc
        block = await self._block_of(tx_hash)
        one = await rpc.call("getrawtransaction", tx_hash, True, *([block] if block else []))
        facts = []
        for output in one["vout"]:
            amount = trim_units(units_of(output["value"]), COIN_DECIMALS)
            to = output["scriptPubKey"].get("address") or output["scriptPubKey"].get("type")
            facts.append(("Output", f"{amount} BTC to {to}"))
        if block is None:
            return Shown(0, tuple(facts), one)
        header = await rpc.call("getblockheader", block)
        facts.insert(0, ("Block", f"#{header['height']}"))
        return Shown(int(header["confirmations"]), tuple(facts), one)

    async def _block_of(self, txid: str) -> str | None:
        """Look for it from the newest block down: a plain node has no index of transactions."""
        rpc = self._chains.bitcoin_rpc
        tip = int(await rpc.call("getblockcount"))
        for top in range(tip, max(-1, tip - BLOCKS_MAX), -BATCH):
            heights = range(top, max(-1, top - BATCH), -1)
            hashes = await rpc.batch([("getblockhash", height) for height in heights])
            for block in await rpc.batch([("getblock", one, 1) for one in hashes]):
                if not isinstance(block, OutsideRefused) and txid in block["tx"]:
                    return str(block["hash"])
        return None


def _ton_failed(one: Json) -> bool:
    """Aborted, and not only because the account has no code yet: such a one keeps the coins."""
    told = one.get("description") or {}
    kept = (told.get("compute_ph") or {}).get("skipped") and not one.get("out_msgs")
    return bool(told.get("aborted")) and not kept


def _state(shown: Shown) -> str:
    if not shown.confirmations:
        return '<b class="waits">Waiting for a block</b>'
    if shown.failed:
        return f'<b class="waits">Failed</b>, {shown.confirmations} blocks deep'
    blocks = "block" if shown.confirmations == 1 else "blocks"
    return f'<b class="good">Confirmed</b>, {shown.confirmations} {blocks} deep'


def _facts(tx_hash: str, shown: Shown) -> str:
    rows = "".join(
        f"<div><dt>{html.escape(name)}</dt><dd>{html.escape(text)}</dd></div>"
        for name, text in (("Hash", tx_hash), *shown.facts)
    )
    raw = html.escape(json.dumps(shown.raw, indent=2, default=str))
    return (
        f"<dl>{rows}</dl><details><summary>As the node tells it</summary><pre>{raw}</pre></details>"
    )


def _page(status: int, title: str, words: str, body: str = "") -> web.Response:
    text = (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{STYLE}</style><main><h1>{title}</h1><p>{words}</p>{body}</main></html>"
    )
    return web.Response(text=text, status=status, content_type="text/html")
