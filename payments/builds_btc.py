"""Builds what works on Bitcoin from the environment's settings."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from casino.cashier.address_pool import PoolAddress
from casino.cashier.rails import BTC
from payments.bitcoin_rpc import BitcoinRpc
from payments.btc_reconciler import BtcReconciler
from payments.btc_units import BTC_SCALE
from payments.chains.btc import BtcChain
from payments.chains.btc_addresses import NETWORKS, AccountKey, WatchList
from payments.chains.btc_fees import FeeBounds
from payments.coin_keeper import CoinKeeper
from payments.config import BtcPayoutSettings, BtcSettings
from payments.desks.btc import BtcDesk
from payments.desks.btc_book import BtcBook
from payments.desks.btc_terms import BtcTerms
from payments.follower import Followed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from casino.db import Database


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
