"""Every chain, as tables: how each is read, and how coins leave on it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from casino.cashier.address_pool import PoolAddress
from casino.cashier.rails import BTC, USDT_ETH
from payments.bitcoin_rpc import BitcoinRpc
from payments.btc_reconciler import BtcReconciler
from payments.btc_units import BTC_SCALE
from payments.chains.btc import BtcChain
from payments.chains.btc_addresses import NETWORKS, AccountKey, WatchList
from payments.chains.btc_fees import FeeBounds
from payments.chains.evm import EvmChain
from payments.chains.evm_addresses import DepositAddresses, parse_evm
from payments.chains.ton import TonChain
from payments.coin_keeper import CoinKeeper
from payments.config import (
    BtcPayoutSettings,
    BtcSettings,
    EvmSettings,
    TonSettings,
    TonWalletSettings,
)
from payments.desks.btc import BtcDesk
from payments.desks.btc_book import BtcBook
from payments.desks.btc_terms import BtcTerms
from payments.desks.ton import TonDesk
from payments.follower import Followed
from payments.json_rpc import JsonRpcNode
from payments.rpc import Toncenter

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from casino.db import Database
    from payments.chains.base import Chain
    from payments.desks.desk import Desk


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
    nodes = [
        JsonRpcNode(url=url, requests_per_second=settings.requests_per_second)
        for url in settings.urls
    ]
    return Followed(
        chain=EvmChain(nodes, chain_id=settings.chain_id, token=token.raw),
        rail=USDT_ETH,
        network_id=str(settings.chain_id),
        token=token.checksummed,
        addresses=EvmAddresses(DepositAddresses(settings.xpub)),
        pool_ahead=settings.pool_ahead,
        start_height=settings.start_height,
        poll_seconds=settings.poll_seconds,
    )


def build_btc() -> Followed | None:
    """Bitcoin as the environment says. Raises ExtendedKeyError for anything but the public key of
    an account on that network."""
    settings = BtcSettings()
    if not settings.given:
        return None
    network = NETWORKS[settings.network]
    account = AccountKey(settings.xpub, network)
    chain = BtcChain(_bitcoin_node(settings), network)
    return Followed(
        chain=chain,
        rail=BTC,
        network_id=network.name,
        token=None,
        addresses=BtcAddresses(account),
        pool_ahead=settings.pool_ahead,
        start_height=settings.start_height,
        poll_seconds=settings.poll_seconds,
        scale=BTC_SCALE,
        watch=lambda: WatchList(network),
        coins=CoinKeeper(chain, account, BTC),
    )


def build_btc_desk(database: Database) -> BtcDesk | None:
    """Bitcoin's way out as the environment says. Raises ExtendedKeyError."""
    settings, payouts = BtcSettings(), BtcPayoutSettings()
    if not settings.given:
        return None
    network = NETWORKS[settings.network]
    chain = BtcChain(_bitcoin_node(settings), network)
    return BtcDesk(
        database=database,
        btc=chain,
        rpc=_bitcoin_node(settings),
        book=BtcBook(BTC, chain.name, AccountKey(settings.xpub, network)),
        terms=BtcTerms(
            members_max=payouts.members_max,
            bounds=FeeBounds(payouts.rate_least, payouts.rate_most, payouts.rate_fallback),
            confirm_blocks=payouts.confirm_blocks,
            bump_after_blocks=payouts.bump_after_blocks,
            later_rate=payouts.later_rate,
            fee_units_max=payouts.fee_satoshis_max,
            consolidate_rate_max=payouts.consolidate_rate_max,
            consolidate_coins_min=payouts.consolidate_coins_min,
        ),
    )


def build_btc_reconciler(database: Database) -> BtcReconciler | None:
    """What compares our coins on Bitcoin with the book. Raises ExtendedKeyError."""
    settings = BtcSettings()
    if not settings.given:
        return None
    network = NETWORKS[settings.network]
    chain = BtcChain(_bitcoin_node(settings), network)
    return BtcReconciler(
        database=database,
        btc=chain,
        rpc=_bitcoin_node(settings),
        book=BtcBook(BTC, chain.name, AccountKey(settings.xpub, network)),
        poll_seconds=settings.poll_seconds,
        scan_every=timedelta(hours=BtcPayoutSettings().scan_hours),
    )


def _bitcoin_node(settings: BtcSettings) -> BitcoinRpc:
    return BitcoinRpc(
        url=settings.node_url,
        user=settings.node_user,
        password=settings.node_password.get_secret_value(),
    )


FOLLOWED: tuple[FollowedEntry, ...] = (
    FollowedEntry(name="ethereum", rail=USDT_ETH, build=build_usdt_eth),
    FollowedEntry(name="bitcoin", rail=BTC, build=build_btc),
)

DESKS: tuple[DeskEntry, ...] = (
    DeskEntry(name="ton", build=build_ton_desk),
    DeskEntry(name="bitcoin", build=build_btc_desk),
)

CHAINS: tuple[ChainEntry, ...] = (ChainEntry(name="ton", rails=("ton",), build=build_ton),)


def chain_entry(name: str) -> ChainEntry:
    """The chain of that name, or KeyError."""
    return {entry.name: entry for entry in CHAINS}[name]
