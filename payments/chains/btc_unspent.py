"""Our unspent coins as of a final block, by a scan of the node's own set of coins."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from casino.errors import OutsideRefused, OutsideUnavailable
from payments.bitcoin_rpc import SOURCE, units_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from payments.bitcoin_rpc import BitcoinRpc
    from payments.chains.blocks import Header
    from payments.chains.btc import BtcChain

SCAN_SECONDS = 600.0


@dataclass(frozen=True, slots=True)
class UnspentCoin:
    """A coin in the chain; its outpoint is `txid:vout`."""

    outpoint: str
    units: int
    script: bytes
    height: int


@dataclass(frozen=True, slots=True)
class Unspent:
    """All coins of some scripts as of `block`, by outpoint."""

    block: Header
    coins: Mapping[str, UnspentCoin]

    @property
    def units(self) -> int:
        """What they hold together."""
        return sum(coin.units for coin in self.coins.values())


async def unspent(
    rpc: BitcoinRpc,
    chain: BtcChain,
    scripts: Iterable[bytes],
    *,
    block: Header,
    known: Iterable[UnspentCoin] = (),
) -> Unspent:
    """Every coin of `scripts` that existed after `block`, which should be a final one.

    The node scans its newest state, so that coins which came after `block` are left out, and those
    of `known` (what we remember) that were spent since are put back. A coin that we do not
    remember and that was spent since is missing.

    Raises OutsideUnavailable while another scan runs, and when the node's chain does not hold
    `block` or moved while it was read. On the main network a scan takes minutes."""
    descriptors = [f"raw({script.hex()})" for script in scripts]
    try:
        answer = await rpc.call("scantxoutset", "start", descriptors, timeout_seconds=SCAN_SECONDS)
    except OutsideRefused as error:
        raise OutsideUnavailable(source=SOURCE, reason=str(error)) from error
    scanned, height, best = _read(answer)
    after = await _blocks_after(chain, block, height, best)
    coins = {coin.outpoint: coin for coin in scanned if coin.height <= block.height}
    remembered = {coin.outpoint: coin for coin in known if coin.height <= block.height}
    for spend in await chain.spends(after, remembered):
        coins[spend.outpoint] = remembered[spend.outpoint]
    return Unspent(block, coins)


async def _blocks_after(chain: BtcChain, block: Header, height: int, best: str) -> list[Header]:
    headers = list(await chain.headers(block.height, height))
    whole = len(headers) == height - block.height + 1
    if not whole or not headers or headers[0].hash != block.hash or headers[-1].hash != best:
        raise OutsideUnavailable(source=SOURCE, reason="the node's chain moved")
    return headers[1:]


def _read(answer: Any) -> tuple[list[UnspentCoin], int, str]:
    try:
        if answer["success"] is not True:
            raise OutsideUnavailable(source=SOURCE, reason="the scan was broken off")
        coins = [
            UnspentCoin(
                outpoint=f"{one['txid']}:{int(one['vout'])}",
                units=units_of(one["amount"]),
                script=bytes.fromhex(one["scriptPubKey"]),
                height=int(one["height"]),
            )
            for one in answer["unspents"]
        ]
        return coins, int(answer["height"]), str(answer["bestblock"])
    except (KeyError, TypeError, ValueError) as error:
        raise OutsideUnavailable(source=SOURCE, reason="unreadable") from error
