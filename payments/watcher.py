"""Money in: reads our accounts without gaps and credits what is final.

No keys and no decisions: facts of the chain go into the cashier in one transaction with the cursor
that says how far they were read, so the two can never disagree."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import structlog

from casino.cashier import chain_accounts, deposits, thresholds, treasury
from casino.cashier.batches import open_payouts
from casino.cashier.rails import get_rail, set_deposits_by, set_network
from casino.clock import utc_now
from casino.telemetry import hot_wallet_units, watcher_lag_blocks
from payments.addresses import parse_ton
from payments.chains.base import AccountFrozen
from payments.deposit_accounts import DepositAccounts
from payments.polling import poll
from payments.pool import Pool
from payments.reading import read_account

if TYPE_CHECKING:
    from casino.cashier.rails import DepositsBy
    from casino.db import Database
    from payments.chains.base import Chain, ChainHead
    from payments.pool import AddressSource

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Offer:
    """What a rail offers by its settings: how deposits are told apart, the network and token to
    be named, and where players' own addresses come from, if this rail has their pool."""

    deposits_by: DepositsBy
    network_id: str | None = None
    token: str | None = None
    addresses: AddressSource | None = None
    pool_ahead: int = 0


@dataclass(slots=True)
class Watcher:
    """Follows the accounts of one chain's rails."""

    database: Database
    chain: Chain
    rails: tuple[str, ...]
    poll_seconds: int
    offer: Offer | None = None
    _told: set[str] = field(default_factory=set)
    _offered: set[str] = field(default_factory=set)
    _pools: dict[str, Pool] = field(default_factory=dict)
    _own: dict[str, DepositAccounts] = field(default_factory=dict)
    _located: dict[str, str] = field(default_factory=dict)
    _frozen: dict[str, frozenset[str]] = field(default_factory=dict)

    async def run(self) -> None:
        """Follow the chain until cancelled; a node in trouble is asked again later."""
        structlog.contextvars.bind_contextvars(chain=self.chain.name)
        await poll(
            self.step,
            seconds=self.poll_seconds,
            on_trouble=lambda error: log.warning("watcher.node_in_trouble", error=str(error)),
        )

    async def step(self) -> None:
        """Read everything up to the present head, then hold the book against it."""
        head = await self.chain.head()
        for rail in self.rails:
            await self._offer(rail)
            own = self._own.setdefault(rail, DepositAccounts(self.database, self.chain, rail))
            await own.step(head)
            address = await self._address(rail)
            if address is None:
                continue
            account = await self._locate(address)
            await read_account(
                self.database, self.chain, rail=rail, address=address, account=account, head=head
            )
            await self._compare(rail, account, own, head)

    async def _offer(self, rail: str) -> None:
        """Keep addresses ready, where players get their own, and say how deposits are told apart
        and on which network, once in a process."""
        offer = self.offer
        if offer is None:
            return
        if offer.addresses is not None:
            pool = self._pools.setdefault(
                rail, Pool(self.database, rail, offer.addresses, offer.pool_ahead)
            )
            await pool.fill()
        if rail in self._offered:
            return
        async with self.database.transaction() as session:
            now = utc_now()
            await set_deposits_by(session, rail=rail, deposits_by=offer.deposits_by, now=now)
            if offer.network_id is not None:
                await set_network(
                    session, rail=rail, network_id=offer.network_id, token=offer.token, now=now
                )
        self._offered.add(rail)

    async def _address(self, rail: str) -> str | None:
        async with self.database.transaction() as session:
            address = (await get_rail(session, rail)).address
        if address is None:
            if rail not in self._told:
                self._told.add(rail)
                log.info("watcher.no_hot_wallet", rail=rail)
            return None
        return parse_ton(address, testnet=True).raw

    async def _locate(self, address: str) -> str:
        """The hot wallet's account on this chain, asked for once in a process."""
        if address not in self._located:
            account = await self.chain.locate(address)
            async with self.database.transaction() as session:
                await chain_accounts.remember(
                    session, chain=self.chain.name, found={address: account}, now=utc_now()
                )
            self._located[address] = account
            log.info("watcher.located", address=address, account=account)
        return self._located[address]

    async def _compare(
        self, rail: str, account: str, own: DepositAccounts, head: ChainHead
    ) -> None:
        """Hold the book against the chain whenever both speak of the same moment: the hot wallet
        and players' own addresses together."""
        try:
            state = await self.chain.account(account)
            frozen = state.frozen
        except AccountFrozen:
            frozen = True
        hot = frozenset({account})
        await self._note_frozen(
            rail,
            own.frozen | hot if frozen else own.frozen - hot,
            own.alive - hot if frozen else own.alive | hot,
        )
        if frozen:
            return
        watcher_lag_blocks.labels(chain=self.chain.name).set(max(0, state.block - head.block))
        elsewhere = own.units
        async with self.database.transaction() as session:
            asset = (await get_rail(session, rail)).asset
            hot_wallet_units.labels(asset=asset).set(state.units)
            cursor = await deposits.read_cursor(session, chain=self.chain.name, account=account)
            in_flight = await open_payouts(session, rail=rail)
            if state.lt != cursor.lt or in_flight or elsewhere is None:
                return
            await treasury.record_chain_balance(
                session,
                rail=rail,
                units=state.units + elsewhere,
                block=state.block,
                now=utc_now(),
            )
            await thresholds.observe(
                session,
                rail=rail,
                units=state.units,
                block=state.block,
                now=utc_now(),
            )

    async def _note_frozen(self, rail: str, frozen: frozenset[str], alive: frozenset[str]) -> None:
        """Tell staff of accounts that are closed for unpaid rent; reading goes on all the same."""
        if self._frozen.get(rail) == frozen:
            return
        async with self.database.transaction() as session:
            await chain_accounts.note_frozen(
                session,
                chain=self.chain.name,
                rail=rail,
                frozen=frozen,
                alive=alive,
                now=utc_now(),
            )
        if frozen:
            log.error("watcher.accounts_frozen", rail=rail, count=len(frozen))
        self._frozen[rail] = frozen
