"""Every chain, as tables: how each is read, and how coins leave on it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Protocol

from casino.cashier.address_pool import PoolAddress
from casino.cashier.rails import BTC, USDT_ETH
from casino.money import Asset
from payments.bitcoin_rpc import COIN_DECIMALS, BitcoinRpc
from payments.chains.btc import BtcChain
from payments.chains.btc_addresses import NETWORKS, AccountKey, WatchList
from payments.chains.evm import EvmChain
from payments.chains.evm_addresses import DepositAddresses, parse_evm
from payments.chains.evm_wallet import GWEI
from payments.chains.ton import TonChain
from payments.config import (
    BtcSettings,
    EvmPayoutSettings,
    EvmSettings,
    EvmSweeps,
    TonSettings,
    TonWalletSettings,
)
from payments.desks.evm import EvmDesk
from payments.desks.evm_audit import EvmAudit
from payments.desks.evm_sweeps import EvmSweeper, SweepRules
from payments.desks.evm_versions import FeeCaps, Versions
from payments.desks.ton import TonDesk
from payments.follower import Followed
from payments.json_rpc import JsonRpcNode
from payments.rpc import Toncenter

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from casino.db import Database
    from payments.chains.base import Chain
    from payments.desks.desk import Desk


BTC_SCALE: int = 10 ** (Asset.BTC.decimals - COIN_DECIMALS)
"""Units of our asset in a satoshi."""


@dataclass(frozen=True, slots=True)
class ChainEntry:
    """A chain and the rails that run on it."""

    name: str
    rails: tuple[str, ...]
    build: Callable[[], Chain]
    """Reads the chain's own settings from the environment."""


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


@dataclass(frozen=True, slots=True)
class EvmAddresses:
    """Deposit addresses on an EVM chain, from the account's public key."""

    derived: DepositAddresses

    def between(self, first: int, last: int) -> Sequence[PoolAddress]:
        """The addresses number `first` .. `last`."""
        return [
            PoolAddress(number, one.raw, one.checksummed)
            for number, one in enumerate(self.derived.between(first, last), start=first)
        ]


@dataclass(frozen=True, slots=True)
class BtcAddresses:
    """Deposit addresses on a Bitcoin network: the external branch of an account's public key."""

    account: AccountKey

    def between(self, first: int, last: int) -> Sequence[PoolAddress]:
        """The addresses number `first` .. `last`."""
        return [
            PoolAddress(number, address, address)
            for number in range(first, last + 1)
            for address in [self.account.deposit_address(number)]
        ]


def build_ton() -> TonChain:
    """TON as the environment says."""
    settings = TonSettings()
    rpc = Toncenter(
        url=settings.toncenter_url,
        api_key=settings.toncenter_api_key.get_secret_value(),
        requests_per_second=settings.requests_per_second,
    )
    return TonChain(rpc)


def build_ton_desk(database: Database) -> Desk:
    """TON's way out as the environment says."""
    return TonDesk(
        database=database,
        ton=build_ton(),
        rail="ton",
        timeout=timedelta(seconds=TonWalletSettings().timeout_seconds),
        blocks_behind_max=TonSettings().watcher_lag_blocks_max,
    )


def build_usdt_eth() -> Followed | None:
    """USDT on Ethereum as the environment says. Raises AddressInvalid for a bad token and
    ExtendedKeyInvalid for anything but an account's public key."""
    settings = EvmSettings()
    if not settings.given:
        return None
    token = parse_evm(settings.token)
    return Followed(
        chain=build_evm(settings),
        rail=USDT_ETH,
        network_id=str(settings.chain_id),
        token=token.checksummed,
        addresses=EvmAddresses(DepositAddresses(settings.xpub)),
        pool_ahead=settings.pool_ahead,
        start_height=settings.start_height,
        poll_seconds=settings.poll_seconds,
    )


def build_evm(settings: EvmSettings) -> EvmChain:
    """The EVM network that the settings name. Raises AddressInvalid for a bad token."""
    nodes = [
        JsonRpcNode(url=url, requests_per_second=settings.requests_per_second)
        for url in settings.urls
    ]
    return EvmChain(nodes, chain_id=settings.chain_id, token=parse_evm(settings.token).raw)


def build_usdt_eth_desk(database: Database) -> Desk | None:
    """The way out of USDT on Ethereum as the environment says."""
    settings, paying = EvmSettings(), EvmPayoutSettings()
    if not settings.given:
        return None
    return EvmDesk(
        database=database,
        evm=build_evm(settings),
        rail=USDT_ETH,
        chain_id=settings.chain_id,
        token=parse_evm(settings.token),
        versions=Versions(
            database=database,
            rail=USDT_ETH,
            caps=FeeCaps(paying.max_fee_gwei * GWEI, paying.tip_gwei_max * GWEI),
            bump_after=timedelta(seconds=paying.bump_seconds),
            unsigned_after=timedelta(seconds=paying.unsigned_seconds),
        ),
        open_max=paying.open_payouts_max,
        blocks_behind_max=paying.watcher_lag_blocks_max,
    )


def build_usdt_eth_sweeper(
    database: Database,
) -> tuple[EvmSweeper, Callable[[], Awaitable[None]]] | None:
    """What brings USDT from deposit addresses on Ethereum together."""
    settings, paying = EvmSettings(), EvmPayoutSettings()
    if not settings.given or paying.sweeps is EvmSweeps.OFF:
        return None
    evm = build_evm(settings)
    rules = SweepRules(
        mode=paying.sweeps,
        units_min=paying.sweep_units_min,
        cost_times=paying.sweep_cost_times,
        batch=paying.sweep_batch,
        caps=FeeCaps(paying.sweep_max_fee_gwei * GWEI, paying.tip_gwei_max * GWEI),
    )
    sweeper = EvmSweeper(
        database=database,
        evm=evm,
        rail=USDT_ETH,
        chain_id=settings.chain_id,
        token=parse_evm(settings.token),
        rules=rules,
        pause_seconds=paying.sweep_seconds,
    )
    return sweeper, evm.close


def build_usdt_eth_audit(
    database: Database,
) -> tuple[EvmAudit, Callable[[], Awaitable[None]]] | None:
    """What holds the book against all accounts of ours on Ethereum."""
    settings = EvmSettings()
    if not settings.given:
        return None
    evm = build_evm(settings)
    return EvmAudit(database, evm, USDT_ETH, settings.poll_seconds), evm.close


def build_btc() -> Followed | None:
    """Bitcoin as the environment says. Raises ExtendedKeyError for anything but the public key of
    an account on that network."""
    settings = BtcSettings()
    if not settings.given:
        return None
    network = NETWORKS[settings.network]
    rpc = BitcoinRpc(
        url=settings.node_url,
        user=settings.node_user,
        password=settings.node_password.get_secret_value(),
    )
    return Followed(
        chain=BtcChain(rpc, network),
        rail=BTC,
        network_id=network.name,
        token=None,
        addresses=BtcAddresses(AccountKey(settings.xpub, network)),
        pool_ahead=settings.pool_ahead,
        start_height=settings.start_height,
        poll_seconds=settings.poll_seconds,
        scale=BTC_SCALE,
        watch=lambda: WatchList(network),
    )


FOLLOWED: tuple[FollowedEntry, ...] = (
    FollowedEntry(name="ethereum", rail=USDT_ETH, build=build_usdt_eth),
    FollowedEntry(name="bitcoin", rail=BTC, build=build_btc),
)

DESKS: tuple[DeskEntry, ...] = (
    DeskEntry(name="ton", build=build_ton_desk),
    DeskEntry(name=USDT_ETH, build=build_usdt_eth_desk),
)

SWEEPERS: tuple[LoopEntry, ...] = (LoopEntry(name=USDT_ETH, build=build_usdt_eth_sweeper),)

AUDITS: tuple[LoopEntry, ...] = (LoopEntry(name=USDT_ETH, build=build_usdt_eth_audit),)

CHAINS: tuple[ChainEntry, ...] = (ChainEntry(name="ton", rails=("ton",), build=build_ton),)


def chain_entry(name: str) -> ChainEntry:
    """The chain of that name, or KeyError."""
    return {entry.name: entry for entry in CHAINS}[name]
