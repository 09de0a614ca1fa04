"""From coins on a chain to money in a wallet: a deposit's statuses; playable or held."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from casino import audit, flags, outbox, rates, switches
from casino.cashier.rails import Rail, required_switches
from casino.cashier.tables import DepositHistoryRow, DepositRow
from casino.errors import IllegalMove, Paused, RateStale, Refusal
from casino.exchange import USABLE_FOR, Rate
from casino.ids import PlayerId
from casino.ledger import journal
from casino.ledger.chart import Account, Kind, hot_wallet
from casino.ledger.finality import shift_not_final
from casino.ledger.wallet import Posting
from casino.money import Asset
from casino.players import facts as player_facts
from casino.players import rules

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

SYSTEM = "system"


class DepositStatus(StrEnum):
    """Where a deposit stands."""

    SEEN = "seen"
    CONFIRMING = "confirming"
    BELOW_MINIMUM = "below_minimum"
    CREDITED = "credited"
    HELD = "held"
    RETURNED = "returned"
    ORPHANED = "orphaned"


_ENDS = frozenset(
    {
        DepositStatus.CREDITED,
        DepositStatus.HELD,
        DepositStatus.BELOW_MINIMUM,
        DepositStatus.ORPHANED,
    }
)
# Finality ends a deposit's life on the chain: what is final is never orphaned (`require_move`).
ALLOWED: Mapping[DepositStatus | None, frozenset[DepositStatus]] = {
    None: frozenset({DepositStatus.SEEN}),
    DepositStatus.SEEN: _ENDS | {DepositStatus.CONFIRMING},
    DepositStatus.CONFIRMING: _ENDS,
    DepositStatus.BELOW_MINIMUM: frozenset({DepositStatus.CREDITED, DepositStatus.HELD}),
    DepositStatus.HELD: frozenset(
        {DepositStatus.CREDITED, DepositStatus.RETURNED, DepositStatus.ORPHANED}
    ),
    DepositStatus.CREDITED: frozenset({DepositStatus.ORPHANED}),
    DepositStatus.RETURNED: frozenset(),
    # Mined again: the same deposit comes back.
    DepositStatus.ORPHANED: frozenset({DepositStatus.SEEN}),
}


@dataclass(frozen=True, slots=True)
class Deposit:
    """A deposit as screens show it; `units` of `asset`.

    `confirmations` is 0 while it waits for its first block; `confirmations_wanted` is None where
    only finality makes it playable; `final_at` None says that it cannot be withdrawn yet."""

    id: int
    player_id: int
    rail: str
    asset: Asset
    units: int
    status: DepositStatus
    reason: str | None
    tx_hash: str
    sender: str
    seen_at: datetime
    credited_at: datetime | None
    confirmations: int
    confirmations_wanted: int | None
    final_at: datetime | None


def view(row: DepositRow) -> Deposit:
    """The value behind a row."""
    return Deposit(
        id=row.id,
        player_id=row.player_id,
        rail=row.rail,
        asset=Asset.from_code(row.asset),
        units=row.units,
        status=DepositStatus(row.status),
        reason=row.reason,
        tx_hash=row.tx_hash,
        sender=row.sender,
        seen_at=row.seen_at,
        credited_at=row.credited_at,
        confirmations=row.confirmations,
        confirmations_wanted=row.confirmations_wanted,
        final_at=row.final_at,
    )


async def move(
    session: AsyncSession,
    row: DepositRow,
    to: DepositStatus,
    *,
    actor: str = SYSTEM,
    reason: str | None = None,
    now: datetime,
) -> None:
    """Give a deposit its next status and a line of history; what staff do is audited as well. The
    caller holds the row's lock. Raises IllegalMove."""
    current = require_move(row, to)
    row.status = to
    row.reason = reason
    row.credited_at = now if to is DepositStatus.CREDITED else None
    session.add(row)
    await session.flush()
    await note(session, row, current=current, actor=actor, reason=reason, now=now)
    if actor == SYSTEM:
        # The watcher locks many players in one transaction; were it to hold the head of the audit
        # chain meanwhile, it and a player's own command could wait for each other.
        return
    await audit.append(
        session,
        actor=actor,
        action=f"deposit.{to}",
        subject=f"deposit:{row.id}",
        before={"status": current} if current else None,
        after={"status": to, "units": row.units, "asset": Asset.from_code(row.asset)},
        now=now,
    )


async def note(
    session: AsyncSession,
    row: DepositRow,
    *,
    current: DepositStatus | None,
    actor: str = SYSTEM,
    reason: str | None = None,
    now: datetime,
) -> None:
    """Write a line of history about where a deposit stands now, with its block where there is a
    choice of blocks."""
    details: dict[str, object] = {"reason": reason} if reason else {}
    if row.block_hash:
        details |= {"block": row.block, "block_hash": row.block_hash}
    session.add(
        DepositHistoryRow(
            deposit_id=row.id,
            from_status=current,
            to_status=row.status,
            actor=actor,
            details=details,
            at=now,
        )
    )
    await session.flush()


def require_move(row: DepositRow, to: DepositStatus) -> DepositStatus | None:
    """The status that the deposit would leave, None if it is new; raises IllegalMove."""
    # A row that was never flushed is new: nothing has read it yet.
    current = DepositStatus(row.status) if row.id is not None else None
    undone = to is DepositStatus.ORPHANED and row.final_at is not None
    if to not in ALLOWED[current] or undone:
        raise IllegalMove(thing="deposit", current=current, wanted=to)
    return current


async def credit_or_hold(
    session: AsyncSession,
    row: DepositRow,
    rail: Rail,
    *,
    source: Account,
    final: bool = True,
    actor: str = SYSTEM,
    now: datetime,
) -> None:
    """Bring a deposit into the player's wallet, playable or held. `source` is where the coins
    stand in the book: the hot wallet, or unclaimed if they were booked before. One that is not
    `final` yet may be played and not withdrawn.

    A chain cannot be refused: a deposit above the player's limit, while he is excluded or blocked
    or while deposits are stopped is held, visible to him and to staff, and never played by itself.
    """
    facts = await player_facts.load_one(session, player_id=row.player_id)
    rate = (await rates.latest(session)).get(rail.asset)
    stopped = await flags.stopped(session)
    row.reference_units = rate.to_reference(row.units) if rate else None
    row.final_at = row.final_at or (now if final else None)
    refusal = _check(facts, rail, row.reference_units, rate, stopped, now)
    if refusal is None:
        await _post(session, row, source, Account.PLAYER_CASH, Kind.DEPOSIT, now=now)
        await _count_not_final(session, row, rail)
        if rate is not None and row.reference_units is not None:
            counted = facts.counters.rolled(now).with_deposit(row.reference_units, rate_id=rate.id)
            await player_facts.store_counters_of(session, player_id=row.player_id, counters=counted)
        await move(session, row, DepositStatus.CREDITED, actor=actor, now=now)
        await tell_player(session, row, rail, kind="deposit.credited")
    else:
        await _post(session, row, source, Account.PLAYER_HELD, Kind.DEPOSIT_HELD, now=now)
        await move(session, row, DepositStatus.HELD, actor=actor, reason=refusal.code, now=now)
        await tell_player(session, row, rail, kind="deposit.held", reason=refusal.code)
        await outbox.write(
            session,
            consumer=outbox.STAFF,
            key=row.id,
            kind="deposit.held",
            payload=facts_of(row, rail) | {"player_id": row.player_id, "reason": refusal.code},
        )


async def release(
    session: AsyncSession, row: DepositRow, rail: Rail, *, actor: str, now: datetime
) -> None:
    """Make a held deposit playable, if the player's own limits now allow it; raises the refusal
    that still stands in the way."""
    facts = await player_facts.load_one(session, player_id=row.player_id)
    rate = rates.require_usable(await rates.latest(session), rail.asset, now=now)
    row.reference_units = rate.to_reference(row.units)
    refusal = _check(facts, rail, row.reference_units, rate, await flags.stopped(session), now)
    if refusal is not None:
        raise refusal
    await move(session, row, DepositStatus.CREDITED, actor=actor, now=now)
    await journal.post(
        session,
        player_id=PlayerId(row.player_id),
        source=f"deposit:{row.rail}",
        kind_key="release",
        reference=credit_reference(row),
        request={"deposit": row.id, "units": row.units},
        postings=[
            Posting(
                Account.PLAYER_HELD,
                Account.PLAYER_CASH,
                row.units,
                rail.asset,
                Kind.DEPOSIT_RELEASE,
            )
        ],
        subject_id=row.id,
        now=now,
    )
    await _count_not_final(session, row, rail)
    counted = facts.counters.rolled(now).with_deposit(row.reference_units, rate_id=rate.id)
    await player_facts.store_counters_of(session, player_id=row.player_id, counters=counted)
    await tell_player(session, row, rail, kind="deposit.credited")


def credit_reference(row: DepositRow) -> str:
    """The ledger's reference of a deposit's present credit: one credit for each time that the
    chain brought it, and there is no next time before the last was taken back."""
    return f"{row.business_key}#{row.reversals}" if row.reversals else row.business_key


async def book_unclaimed(
    session: AsyncSession,
    *,
    rail: Rail,
    business_key: str,
    units: int,
    subject_id: int,
    now: datetime,
) -> None:
    """Enter coins into the book that nobody can play yet: no owner known, or too few so far."""
    await journal.post_house(
        session,
        source=f"deposit:{rail.name}",
        kind_key="unclaimed",
        reference=business_key,
        request={"units": units},
        postings=[
            Posting(
                hot_wallet(rail.name),
                Account.HOUSE_UNCLAIMED,
                units,
                rail.asset,
                Kind.DEPOSIT_UNCLAIMED,
            )
        ],
        subject_id=subject_id,
        now=now,
    )


async def tell_player(
    session: AsyncSession, row: DepositRow, rail: Rail, *, kind: str, reason: str | None = None
) -> None:
    """News of a deposit for the player's chat and for his open Mini Apps."""
    payload = facts_of(row, rail) | ({"reason": reason} if reason else {})
    await outbox.write(
        session, consumer=outbox.PLAYER, key=row.player_id, kind=kind, payload=payload
    )
    await tell_screens(session, row, rail, because=kind)


async def tell_screens(session: AsyncSession, row: DepositRow, rail: Rail, *, because: str) -> None:
    """News of a deposit for the player's open Mini Apps alone."""
    await outbox.write(
        session,
        consumer=outbox.LIVE,
        key=row.player_id,
        kind="wallet.changed",
        payload={"because": because, "asset": rail.asset, "deposit_id": row.id},
    )


def _check(
    facts: rules.PlayerFacts,
    rail: Rail,
    reference_units: int | None,
    rate: Rate | None,
    stopped: frozenset[str],
    now: datetime,
) -> Refusal | None:
    for switch in required_switches(rail, switches.DEPOSITS):
        if switch in stopped:
            return Paused(switch=switch)
    fresh = rate is not None and now - rate.quoted_at <= USABLE_FOR
    if not fresh and rules.deposit_room(facts, now=now) is not None:
        # The player's own limit cannot be counted without a rate; nobody else has to wait for one.
        return RateStale(asset=rail.asset)
    return rules.check_deposit(facts, deposit_ref=reference_units or 0, now=now)


def may_vanish(row: DepositRow) -> bool:
    """Whether its chain could still take the deposit back: only blocks seen by their hash are
    believed before they are final."""
    return row.final_at is None and bool(row.block_hash)


async def _count_not_final(session: AsyncSession, row: DepositRow, rail: Rail) -> None:
    """Count a credit that is not final among what may not be withdrawn yet."""
    if may_vanish(row):
        await shift_not_final(
            session, player_id=PlayerId(row.player_id), asset=rail.asset, units=row.units
        )


async def _post(
    session: AsyncSession,
    row: DepositRow,
    source: Account,
    to: Account,
    kind: Kind,
    *,
    now: datetime,
) -> None:
    # One key for both ways in: a deposit is credited or held once, whatever is tried again. The
    # request leaves the account out, since a retry may decide differently than the first try.
    await journal.post(
        session,
        player_id=PlayerId(row.player_id),
        source=f"deposit:{row.rail}",
        kind_key="deposit",
        reference=credit_reference(row),
        request={"deposit": row.id, "units": row.units},
        postings=[Posting(source, to, row.units, Asset.from_code(row.asset), kind)],
        subject_id=row.id,
        now=now,
    )


def facts_of(row: DepositRow, rail: Rail) -> dict[str, object]:
    """What news of a deposit say, JSON-able."""
    return {
        "deposit_id": row.id,
        "rail": row.rail,
        "amount": {"units": row.units, "asset": rail.asset},
        "tx_hash": row.tx_hash,
        "url": rail.tx_url(row.tx_hash),
        "final": row.final_at is not None,
    }
