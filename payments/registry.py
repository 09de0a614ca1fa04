"""Every chain, as tables: how each is read, and how coins leave on it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING, Protocol

from casino.cashier.address_pool import PoolAddress
from casino.cashier.rails import BTC, TON, USDT_ETH, USDT_TON, DepositsBy
from payments.addresses import parse_ton
from payments.bitcoin_rpc import BitcoinRpc
from payments.btc_reconciler import BtcReconciler
from payments.btc_units import BTC_SCALE
from payments.chains.btc import BtcChain
from payments.chains.btc_addresses import NETWORKS, AccountKey, WatchList
from payments.chains.btc_fees import FeeBounds
from payments.chains.evm import EvmChain
from payments.chains.evm_addresses import DepositAddresses, parse_evm
from payments.chains.evm_wallet import GWEI
from payments.chains.ton import TonChain
from payments.chains.ton_deposit_wallets import DepositWallet, read_public_key
from payments.chains.ton_jetton import TonJettonChain
from payments.chains.ton_jetton_wallets import JettonWallets
from payments.coin_keeper import CoinKeeper
from payments.config import (
    BtcPayoutSettings,
    BtcSettings,
    EvmPayoutSettings,
    EvmSettings,
    EvmSweeps,
    TonSettings,
    TonWalletSettings,
)
from payments.desks.btc import BtcDesk
from payments.desks.btc_book import BtcBook
from payments.desks.btc_terms import BtcTerms
from payments.desks.evm import EvmDesk
from payments.desks.evm_audit import EvmAudit
from payments.desks.evm_sweeps import EvmSweeper, SweepRules
from payments.desks.evm_versions import FeeCaps, Versions
from payments.desks.jetton import JettonDesk
from payments.desks.ton import TonDesk
from payments.desks.ton_sweeps import Sweeps
from payments.follower import Followed
from payments.json_rpc import JsonRpcNode
from payments.rpc import Toncenter
from payments.watcher import Offer

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from casino.db import Database
    from payments.chains.base import Chain
    from payments.desks.desk import Desk


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


@dataclass(frozen=True, slots=True)
class TonAddresses:
    """Deposit addresses on TON: wallets of one public key."""

    public_key: bytes

    def between(self, first: int, last: int) -> Sequence[PoolAddress]:
        """The addresses number `first` .. `last`, shown in the form that never bounces."""
        wallets = (DepositWallet(self.public_key, number) for number in range(first, last + 1))
        found = ((wallet.number, wallet.address) for wallet in wallets)
        return [PoolAddress(number, one.raw, one.friendly()) for number, one in found]


def toncenter(settings: TonSettings) -> Toncenter:
    """The process's client of the node on TON: all that works there shares the plan's rate."""
    return _client(
        settings.toncenter_url,
        settings.toncenter_api_key.get_secret_value(),
        settings.requests_per_second,
    )


@cache
def _client(url: str, api_key: str, requests_per_second: int) -> Toncenter:
    return Toncenter(url=url, api_key=api_key, requests_per_second=requests_per_second)


def build_ton(settings: TonSettings, rpc: Toncenter) -> TonChain:
    """Coins of TON. Raises AddressInvalid for a bad master."""
    masters = [settings.jetton_master] if settings.jetton_master else []
    return TonChain(rpc, jettons=JettonWallets(rpc, masters=masters))


def build_usdt_ton(settings: TonSettings, rpc: Toncenter) -> TonJettonChain | None:
    """USDT on TON. Raises AddressInvalid for a bad master."""
    if not settings.jetton_master:
        return None
    wallets = JettonWallets(rpc, masters=[settings.jetton_master])
    coins = TonChain(rpc, jettons=wallets)
    return TonJettonChain(
        USDT_TON, rpc, coins=coins, wallets=wallets, master=settings.jetton_master
    )


def offer_ton(settings: TonSettings) -> Offer:
    """Coins by tag, or by addresses from the pool. Raises CellError for a bad public key."""
    if settings.deposits_by is DepositsBy.TAG:
        return Offer(DepositsBy.TAG)
    return Offer(
        DepositsBy.ADDRESS,
        network_id=settings.network,
        addresses=TonAddresses(read_public_key(settings.deposit_public_key)),
        pool_ahead=settings.pool_ahead,
    )


def offer_usdt_ton(settings: TonSettings) -> Offer:
    """The jetton in the same way as coins, on the same addresses."""
    master = parse_ton(settings.jetton_master, testnet=True)
    token = master.friendly(bounceable=True)
    return Offer(settings.deposits_by, network_id=settings.network, token=token)


def build_ton_desk(database: Database) -> Desk:
    """TON's way out as the environment says."""
    settings = TonSettings()
    coins = build_ton(settings, toncenter(settings))
    desk = TonDesk(
        database=database,
        ton=coins,
        rail=TON,
        timeout=timedelta(seconds=TonWalletSettings().timeout_seconds),
        blocks_behind_max=settings.watcher_lag_blocks_max,
    )
    desk.sweeps = Sweeps(
        database,
        coins,
        desk.hot,
        desk.timeout,
        settings.sweep_min_units,
        settings.sweep_every_seconds,
    )
    return desk


def build_usdt_ton_desk(database: Database) -> Desk | None:
    """The way out of USDT on TON as the environment says."""
    settings = TonSettings()
    rpc = toncenter(settings)
    jettons = build_usdt_ton(settings, rpc)
    if jettons is None:
        return None
    coins = build_ton(settings, rpc)
    desk = JettonDesk(
        database=database,
        jettons=jettons,
        coins=coins,
        rail=USDT_TON,
        timeout=timedelta(seconds=TonWalletSettings().timeout_seconds),
        blocks_behind_max=settings.watcher_lag_blocks_max,
    )
    desk.sweeps = Sweeps(
        database,
        coins,
        desk.hot,
        desk.timeout,
        settings.jetton_sweep_min_units,
        settings.sweep_every_seconds,
        jettons,
    )
    return desk


def build_usdt_eth() -> Followed | None:
    """USDT on Ethereum as the environment says. Raises AddressInvalid for a bad token and
    ExtendedKeyInvalid for anything but an account's public key."""
    settings = EvmSettings()
    if not settings.given:
        return None
    token = parse_evm(settings.token)
    watching = max(1, settings.requests_per_second // 5)
    return Followed(
        chain=build_evm(settings, settings.requests_per_second),
        tokens=build_evm(settings, watching) if settings.watch_tokens else None,
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


def build_evm(settings: EvmSettings, requests_per_second: int = 0) -> EvmChain:
    """The EVM network that the settings name, asked no more often than that, or as the plan
    allows. Raises AddressInvalid for a bad token."""
    often = requests_per_second or settings.requests_per_second
    nodes = [JsonRpcNode(url=url, requests_per_second=often) for url in settings.urls]
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

CHAINS: tuple[ChainEntry, ...] = (
    ChainEntry(name="ton", rails=(TON,), build=build_ton, offer=offer_ton),
    ChainEntry(name=USDT_TON, rails=(USDT_TON,), build=build_usdt_ton, offer=offer_usdt_ton),
)


def chain_entry(name: str) -> ChainEntry:
    """The chain of that name, or KeyError."""
    return {entry.name: entry for entry in CHAINS}[name]
