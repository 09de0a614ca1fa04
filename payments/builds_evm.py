"""Builds what works with USDT on Ethereum from the environment's settings."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from casino.cashier.address_pool import PoolAddress
from casino.cashier.rails import USDT_ETH
from payments.chains.evm import EvmChain
from payments.chains.evm_addresses import DepositAddresses, parse_evm
from payments.chains.evm_wallet import GWEI
from payments.config import EvmPayoutSettings, EvmSettings, EvmSweeps
from payments.desks.evm import EvmDesk
from payments.desks.evm_audit import EvmAudit
from payments.desks.evm_search import SendSearch
from payments.desks.evm_sweeps import EvmSweeper, SweepRules
from payments.desks.evm_versions import FeeCaps, Versions
from payments.follower import Followed
from payments.json_rpc import JsonRpcNode

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from casino.db import Database
    from payments.desks.desk import Desk


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


def build_evm(settings: EvmSettings, requests_per_second: int = 0) -> EvmChain:
    """The EVM network that the settings name, asked no more often than that, or as the plan
    allows. Raises AddressInvalid for a bad token."""
    often = requests_per_second or settings.requests_per_second
    nodes = [JsonRpcNode(url=url, requests_per_second=often) for url in settings.urls]
    return EvmChain(nodes, chain_id=settings.chain_id, token=parse_evm(settings.token).raw)


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
        own_form=lambda text: parse_evm(text).raw,
    )


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


def build_usdt_eth_search(
    database: Database,
) -> tuple[SendSearch, Callable[[], Awaitable[None]]] | None:
    """What finds sends on Ethereum that a node without old states did not show."""
    settings = EvmSettings()
    if not settings.given:
        return None
    evm = build_evm(settings)
    return SendSearch(database, evm, USDT_ETH, settings.poll_seconds), evm.close
