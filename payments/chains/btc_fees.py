"""What a Bitcoin transaction should pay now, in whole satoshis per virtual byte."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from casino.errors import OutsideRefused, OutsideUnavailable
from payments.bitcoin_rpc import SOURCE, units_of

if TYPE_CHECKING:
    from payments.bitcoin_rpc import BitcoinRpc

VBYTES_OF_RATE = 1000  # Bitcoin Core quotes coins for a thousand virtual bytes


@dataclass(frozen=True, slots=True)
class FeeBounds:
    """Rates that we are ready to pay, and the one for when the node has no opinion."""

    least: int = 1
    most: int = 500
    fallback: int = 20

    def __post_init__(self) -> None:
        if not 1 <= self.least <= self.fallback <= self.most:
            raise ValueError("fee bounds must hold 1 <= least <= fallback <= most")


async def fee_rate(rpc: BitcoinRpc, bounds: FeeBounds, *, blocks: int) -> int:
    """The rate that should bring a transaction into one of the next `blocks` blocks: the node's
    estimate rounded up, at least what its mempool lets in, within the bounds.

    Raises OutsideUnavailable when the node does not answer; one that answers without an estimate
    gets the fallback."""
    estimate, pool = await rpc.batch([("estimatesmartfee", blocks), ("getmempoolinfo",)])
    if isinstance(pool, OutsideRefused) or not isinstance(pool, dict):
        raise OutsideUnavailable(source=SOURCE, reason="unreadable")
    floor = _rate(pool.get("mempoolminfee"))
    known = isinstance(estimate, dict) and "feerate" in estimate
    rate = _rate(estimate["feerate"]) if known else bounds.fallback
    return min(max(rate, floor, bounds.least), bounds.most)


def _rate(coins_per_kvb: object) -> int:
    return -(-units_of(coins_per_kvb) // VBYTES_OF_RATE)
