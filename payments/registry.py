"""Every chain, as one table: what a rail's chain is built from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from payments.chains.ton import TonChain
from payments.config import TonSettings
from payments.rpc import Toncenter

if TYPE_CHECKING:
    from collections.abc import Callable

    from payments.chains.base import Chain


@dataclass(frozen=True, slots=True)
class ChainEntry:
    """A chain and the rails that run on it."""

    name: str
    rails: tuple[str, ...]
    build: Callable[[], Chain]
    """Reads the chain's own settings from the environment."""


def build_ton() -> TonChain:
    """TON as the environment says."""
    settings = TonSettings()
    rpc = Toncenter(
        url=settings.toncenter_url,
        api_key=settings.toncenter_api_key.get_secret_value(),
        requests_per_second=settings.requests_per_second,
    )
    return TonChain(rpc)


CHAINS: tuple[ChainEntry, ...] = (ChainEntry(name="ton", rails=("ton",), build=build_ton),)


def chain_entry(name: str) -> ChainEntry:
    """The chain of that name, or KeyError."""
    return {entry.name: entry for entry in CHAINS}[name]
