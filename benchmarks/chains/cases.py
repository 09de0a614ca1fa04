"""Every part by its name, and what each of its figures is held against."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.chains import btc, evm, heads, signing, ton
from benchmarks.report import Goal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from benchmarks.chains.compare import ChainBench
    from benchmarks.report import Row


@dataclass(frozen=True, slots=True)
class Part:
    """Figures that share a node and its history."""

    what: str
    run: Callable[[ChainBench, Mapping[str, Goal]], list[Row]]


PARTS: dict[str, Part] = {
    "evm": Part("a token's history on anvil", evm.evm),
    "btc": Part("blocks of Bitcoin's kernel and of litecoind", btc.btc),
    "ton": Part("an account's transactions", ton.ton),
    "heads": Part("from a new block to the database", heads.heads),
    "signing": Part("payouts drafted and signed", signing.signing),
}

LATENCY_MS = 50

GOALS: dict[str, Goal] = {
    "evm_backfill": Goal(0.35),
    "evm_full_blocks": Goal(0.5),
    "evm_watched": Goal(0.9),
    "btc_backfill": Goal(0.4),
    "btc_backfill_litecoin": Goal(0.4),
    "btc_watched": Goal(0.9),
    "ton_pages": Goal(0.8),
    "ton_decode": Goal(50_000),
    # Beyond the poll interval; of TON one call of the API more.
    "evm_head": Goal(LATENCY_MS, at_most=True),
    "btc_head": Goal(LATENCY_MS, at_most=True),
    "ton_head": Goal(LATENCY_MS, at_most=True),
    "btc_payout": Goal(1000, at_most=True),
    "btc_sign_inputs": Goal(500),
    "evm_sign": Goal(500),
    "ton_payout": Goal(1000, at_most=True),
}
