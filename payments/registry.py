"""Every chain, as tables: how each is read, and how coins leave on it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from casino.cashier.rails import BTC, TON, USDT_ETH, USDT_TON
from payments.builds_btc import build_btc, build_btc_desk
from payments.builds_evm import (
    build_usdt_eth,
    build_usdt_eth_audit,
    build_usdt_eth_desk,
    build_usdt_eth_search,
    build_usdt_eth_sweeper,
)
from payments.builds_ton import (
    build_ton,
    build_ton_desk,
    build_usdt_ton,
    build_usdt_ton_desk,
    offer_ton,
    offer_usdt_ton,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from casino.db import Database
    from payments.chains.base import Chain
    from payments.config import TonSettings
    from payments.desks.desk import Desk
    from payments.follower import Followed
    from payments.rpc import Toncenter
    from payments.watcher import Offer


@dataclass(frozen=True, slots=True)
class ChainEntry:
    """A chain and the rails that run on it."""

    name: str
    rails: tuple[str, ...]
    build: Callable[[TonSettings, Toncenter], Chain | None]
    """None while the settings do not ask for it. All chains on one network share a client, for
    their plan is one."""
    offer: Callable[[TonSettings], Offer]
    """What its rails offer; asked only when the chain is there."""


@dataclass(frozen=True, slots=True)
class FollowedEntry:
    """A chain that is followed block by block for a rail whose players have addresses."""

    name: str
    rail: str
    build: Callable[[], Followed | None]
    """Reads the chain's own settings from the environment; None while there are none."""


@dataclass(frozen=True, slots=True)
class DeskEntry:
    """A rail that pays out, by its name in elections."""

    name: str
    build: Callable[[Database], Desk | None]
    """Reads the rail's own settings from the environment; None while there are none."""


class Worker(Protocol):
    """Work on a rail beside reading, sending and settling."""

    async def run(self) -> None:
        """Work until cancelled."""
        ...


@dataclass(frozen=True, slots=True)
class LoopEntry:
    """Such work, by the rail's name in elections; `build` gives it and what releases its
    connections, None while there are no settings."""

    name: str
    build: Callable[[Database], tuple[Worker, Callable[[], Awaitable[None]]] | None]


FOLLOWED: tuple[FollowedEntry, ...] = (
    FollowedEntry(name="ethereum", rail=USDT_ETH, build=build_usdt_eth),
    FollowedEntry(name="bitcoin", rail=BTC, build=build_btc),
)

DESKS: tuple[DeskEntry, ...] = (
    DeskEntry(name=TON, build=build_ton_desk),
    DeskEntry(name=USDT_TON, build=build_usdt_ton_desk),
    DeskEntry(name=USDT_ETH, build=build_usdt_eth_desk),
    DeskEntry(name="bitcoin", build=build_btc_desk),
)

SWEEPERS: tuple[LoopEntry, ...] = (LoopEntry(name=USDT_ETH, build=build_usdt_eth_sweeper),)

AUDITS: tuple[LoopEntry, ...] = (LoopEntry(name=USDT_ETH, build=build_usdt_eth_audit),)

SEARCHES: tuple[LoopEntry, ...] = (LoopEntry(name=USDT_ETH, build=build_usdt_eth_search),)

CHAINS: tuple[ChainEntry, ...] = (
    ChainEntry(name="ton", rails=(TON,), build=build_ton, offer=offer_ton),
    ChainEntry(name=USDT_TON, rails=(USDT_TON,), build=build_usdt_ton, offer=offer_usdt_ton),
)


def chain_entry(name: str) -> ChainEntry:
    """The chain of that name, or KeyError."""
    return {entry.name: entry for entry in CHAINS}[name]
