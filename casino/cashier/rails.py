"""Rails: the ways for coins to come and go, with their minimums, fees and hot wallets."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from itertools import pairwise
from typing import TYPE_CHECKING

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from casino import audit, switches
from casino.cashier.tables import RailRow
from casino.errors import InvariantViolation, NotFound
from casino.money import Asset

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession


class DepositsBy(StrEnum):
    """How players' deposits on a rail are told apart."""

    TAG = "tag"
    """One address for all, and a comment that is the player's."""
    ADDRESS = "address"
    """An address of the player's own."""


@dataclass(frozen=True, slots=True)
class Tier:
    """Deposits of up to `units` become playable after so many confirmations: the block itself is
    the first."""

    units: int
    confirmations: int


@dataclass(frozen=True, slots=True)
class FeePolicy:
    """A fee that follows the network's: its price times `multiplier_bp` / 10,000, and between
    `least` and `most` units."""

    multiplier_bp: int
    least: int
    most: int


@dataclass(frozen=True, slots=True)
class Rail:
    """A rail as an edge shows it; amounts in units of `asset`.

    `tiers` rise; a deposit above the last one, or on a rail without any, is credited when its
    block is final. `network_id` (a chain id, or a network's name) and `token` (its contract) belong
    to rails of tokens and to those with addresses of the players' own, and are None until a watcher
    has followed the network.
    Without a `fee_policy`, or without a fresh price of the network, `withdrawal_fee` is asked.
    """

    name: str
    asset: Asset
    chain: str
    address: str | None
    deposit_min: int
    withdrawal_min: int
    withdrawal_fee: int
    explorer_tx_url: str
    confirmations_text_key: str
    deposits_enabled: bool
    withdrawals_enabled: bool
    deposits_by: DepositsBy = DepositsBy.TAG
    network_id: str | None = None
    token: str | None = None
    tiers: tuple[Tier, ...] = ()
    fee_policy: FeePolicy | None = None

    def __post_init__(self) -> None:
        """Raises InvariantViolation where a larger deposit would need fewer confirmations, or a
        fee could eat a whole withdrawal."""
        policy = self.fee_policy
        if policy is not None and not (
            policy.multiplier_bp > 0 <= policy.least <= policy.most < self.withdrawal_min
        ):
            raise InvariantViolation(reason="a fee policy that cannot be", rail=self.name)
        for small, large in pairwise(self.tiers):
            if small.units >= large.units or small.confirmations >= large.confirmations:
                raise InvariantViolation(reason="tiers that do not rise", rail=self.name)

    @property
    def takes_deposits(self) -> bool:
        """Whether there is a way to send coins here now, kill switches aside."""
        by_tag = self.deposits_by is DepositsBy.TAG
        return self.deposits_enabled and self.is_known and not (by_tag and self.address is None)

    @property
    def takes_withdrawals(self) -> bool:
        """Whether coins can be asked for here now, kill switches aside."""
        return self.withdrawals_enabled and self.is_known

    @property
    def takes_memo(self) -> bool:
        """Whether transfers on its chain carry a comment."""
        return self.deposits_by is DepositsBy.TAG

    @property
    def is_known(self) -> bool:
        """Whether anything may be shown of it: a rail of a token or with addresses is nothing to
        people until its network is known."""
        waits = self.deposits_by is DepositsBy.ADDRESS or self.name in OF_TOKENS
        return not waits or self.network_id is not None

    @property
    def pool(self) -> str:
        """The rail whose addresses and tags its players get. On TON an owner's address takes coins
        and jettons alike, so that an address or a tag is one player's on every rail there."""
        return TON if self.chain == TON else self.name

    def confirmations_wanted(self, units: int) -> int | None:
        """How many confirmations make a deposit of this size playable; None: only finality."""
        for tier in self.tiers:
            if units <= tier.units:
                return tier.confirmations
        return None

    @property
    def unit_step(self) -> int:
        """What the chain pays is a multiple of so many units: the book counts finer."""
        return UNIT_STEPS.get(self.name, 1)

    @property
    def net_min(self) -> int:
        """The least that the chain carries to any destination, in units."""
        return NET_MINIMUMS.get(self.name, 1)

    def whole_fee(self, units: int, fee: int) -> int:
        """The fee of a withdrawal of `units`, with what the chain is too coarse to pay on top."""
        return fee + (units - fee) % self.unit_step

    @property
    def enabled(self) -> bool:
        """Whether anything can be done on it now."""
        return self.deposits_enabled or self.withdrawals_enabled

    def tx_url(self, tx_hash: str | None) -> str | None:
        """Where people look at a chain transfer, if the rail has such a place."""
        if not tx_hash or not self.explorer_tx_url:
            return None
        return self.explorer_tx_url.format(tx_hash=tx_hash)


TON = "ton"
FAUCET = "usdt_faucet"
USDT_ETH = "usdt_eth"
USDT_TON = "usdt_ton"
OF_TOKENS = frozenset({USDT_ETH, USDT_TON})
BTC = "btc"

# A satoshi; and what nodes still relay to the most demanding kind of address (546 satoshis).
UNIT_STEPS = {BTC: 1_000}
NET_MINIMUMS = {BTC: 546_000}

# More than there will ever be, so that each deposit on Bitcoin has a number of blocks to wait for.
ALL_BITCOIN = 21_000_000 * 10**Asset.BTC.decimals

# What a new install offers. A row of the table replaces the default of its name as a whole.
DEFAULTS = (
    Rail(
        name=TON,
        asset=Asset.TON,
        chain=TON,
        address=None,
        deposit_min=100_000_000,
        withdrawal_min=500_000_000,
        withdrawal_fee=50_000_000,
        explorer_tx_url="https://tonviewer.com/transaction/{tx_hash}",
        confirmations_text_key="cashier.confirmations.ton",
        deposits_enabled=True,
        withdrawals_enabled=True,
    ),
    # The networks and tokens of these are set by the watcher; until then nothing can be sent.
    Rail(
        name=USDT_TON,
        asset=Asset.USDT,
        chain=TON,
        address=None,
        deposit_min=1_000_000,
        withdrawal_min=5_000_000,
        withdrawal_fee=1_000_000,
        explorer_tx_url="https://tonviewer.com/transaction/{tx_hash}",
        confirmations_text_key="cashier.confirmations.usdt_ton",
        deposits_enabled=True,
        withdrawals_enabled=True,
    ),
    Rail(
        name=USDT_ETH,
        asset=Asset.USDT,
        chain="ethereum",
        address=None,
        deposit_min=5_000_000,
        withdrawal_min=20_000_000,
        withdrawal_fee=5_000_000,
        explorer_tx_url="https://etherscan.io/tx/{tx_hash}",
        confirmations_text_key="cashier.confirmations.usdt_eth",
        deposits_enabled=True,
        withdrawals_enabled=True,
        deposits_by=DepositsBy.ADDRESS,
        tiers=(Tier(units=1_000_000_000, confirmations=12),),
        fee_policy=FeePolicy(multiplier_bp=12_500, least=1_000_000, most=15_000_000),
    ),
    # Its network is set by the watcher. The last tier is as deep as finality is there.
    Rail(
        name=BTC,
        asset=Asset.BTC,
        chain="bitcoin",
        address=None,
        deposit_min=10_000_000,
        withdrawal_min=50_000_000,
        withdrawal_fee=5_000_000,
        explorer_tx_url="https://mempool.space/tx/{tx_hash}",
        confirmations_text_key="cashier.confirmations.btc",
        deposits_enabled=True,
        withdrawals_enabled=True,
        deposits_by=DepositsBy.ADDRESS,
        tiers=(
            Tier(units=1_000_000_000, confirmations=1),
            Tier(units=10_000_000_000, confirmations=3),
            Tier(units=ALL_BITCOIN, confirmations=6),
        ),
        fee_policy=FeePolicy(multiplier_bp=15_000, least=1_000_000, most=40_000_000),
    ),
    # Play money that the sandbox hands out. It has no wallet to send to and never leaves.
    Rail(
        name=FAUCET,
        asset=Asset.USDT,
        chain="faucet",
        address=None,
        deposit_min=1,
        withdrawal_min=1_000_000,
        withdrawal_fee=0,
        explorer_tx_url="",
        confirmations_text_key="cashier.confirmations.faucet",
        deposits_enabled=True,
        withdrawals_enabled=False,
    ),
)


async def list_rails(session: AsyncSession) -> Sequence[Rail]:
    """All rails in the order of DEFAULTS, as they are offered now (kill switches aside)."""
    rows = {row.name: row for row in await session.scalars(select(RailRow))}
    return [_rail(rows[default.name]) if default.name in rows else default for default in DEFAULTS]


async def get_rail(session: AsyncSession, name: str) -> Rail:
    """One rail, or NotFound."""
    for rail in await list_rails(session):
        if rail.name == name:
            return rail
    raise NotFound(thing="rail", key=name[:64])


async def set_hot_wallet(
    session: AsyncSession, *, rail: str, address: str, actor: str = "system", now: datetime
) -> Rail:
    """Say where the rail's coins are kept; audited when the address changes."""
    before = await get_rail(session, rail)
    if before.address == address:
        return before
    return await change_rail(session, rail=replace(before, address=address), actor=actor, now=now)


async def set_network(
    session: AsyncSession,
    *,
    rail: str,
    network_id: str,
    token: str | None,
    actor: str = "system",
    now: datetime,
) -> Rail:
    """Say which network and token a rail with addresses is on, which opens it for deposits;
    audited. Raises InvariantViolation when it was another one: addresses were given out for it."""
    before = await get_rail(session, rail)
    if (before.network_id, before.token) == (network_id, token):
        return before
    if before.network_id is not None:
        raise InvariantViolation(reason="a rail never changes its network", rail=rail)
    after = replace(before, network_id=network_id, token=token)
    return await change_rail(session, rail=after, actor=actor, now=now)


async def set_deposits_by(
    session: AsyncSession,
    *,
    rail: str,
    deposits_by: DepositsBy,
    actor: str = "system",
    now: datetime,
) -> Rail:
    """Say how players are told apart from now on; audited when it changes. Tags and addresses that
    were given out before stay their owners' and go on being read."""
    before = await get_rail(session, rail)
    if before.deposits_by is deposits_by:
        return before
    after = replace(before, deposits_by=deposits_by)
    return await change_rail(session, rail=after, actor=actor, now=now)


async def change_rail(session: AsyncSession, *, rail: Rail, actor: str, now: datetime) -> Rail:
    """Replace what a rail offers, with the old and the new terms in the audit log."""
    before = await get_rail(session, rail.name)
    values = {**asdict(rail), "asset": rail.asset.code, "changed_at": now}
    await session.execute(
        insert(RailRow)
        .values(**values)
        .on_conflict_do_update(
            index_elements=[RailRow.name],
            set_={key: value for key, value in values.items() if key != "name"},
        )
    )
    await audit.append(
        session,
        actor=actor,
        action="rail.changed",
        subject=f"rail:{rail.name}",
        before=asdict(before),
        after=asdict(rail),
        now=now,
    )
    return rail


def required_switches(rail: Rail, direction: str) -> tuple[str, ...]:
    """Kill switches that stop deposits or withdrawals on a rail."""
    return (direction, switches.asset_flag(rail.asset))


def _rail(row: RailRow) -> Rail:
    return Rail(
        name=row.name,
        asset=Asset.from_code(row.asset),
        chain=row.chain,
        address=row.address,
        deposit_min=row.deposit_min,
        withdrawal_min=row.withdrawal_min,
        withdrawal_fee=row.withdrawal_fee,
        explorer_tx_url=row.explorer_tx_url,
        confirmations_text_key=row.confirmations_text_key,
        deposits_enabled=row.deposits_enabled,
        withdrawals_enabled=row.withdrawals_enabled,
        deposits_by=DepositsBy(row.deposits_by),
        network_id=row.network_id,
        token=row.token,
        tiers=tuple(Tier(**tier) for tier in row.tiers),
        fee_policy=FeePolicy(**row.fee_policy) if row.fee_policy else None,
    )
