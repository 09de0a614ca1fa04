"""Builds what works on TON, for coins and for USDT, from the environment's settings."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING

from casino.cashier.address_pool import PoolAddress
from casino.cashier.rails import TON, USDT_TON, DepositsBy
from payments.addresses import parse_ton
from payments.chains.ton import TonChain
from payments.chains.ton_deposit_wallets import DepositWallet, read_public_key
from payments.chains.ton_jetton import TonJettonChain
from payments.chains.ton_jetton_wallets import JettonWallets
from payments.config import TonSettings, TonWalletSettings
from payments.desks.jetton import JettonDesk
from payments.desks.ton import TonDesk
from payments.desks.ton_sweeps import Sweeps
from payments.rpc import Toncenter
from payments.watcher import Offer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from casino.db import Database
    from payments.desks.desk import Desk


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
