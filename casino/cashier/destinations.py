"""Whether a withdrawal may go where it is asked to: not to us, with its comment, not too new."""

from __future__ import annotations

from typing import TYPE_CHECKING

from casino.cashier import address_book, house_addresses, saved_addresses, saved_only, terms
from casino.errors import AddressCooling, AddressInvalid, AddressNotSaved, WithdrawalDelayed
from casino.players import changes

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from casino.cashier.rails import Rail

MEMO_BYTES_MAX = 120


async def require_allowed(
    session: AsyncSession,
    *,
    player_id: int,
    rail: Rail,
    destination: str,
    memo: str,
    now: datetime,
) -> None:
    """Raise what stands in the way of paying this player there; he is locked by the caller.

    What `require_arrives` raises; AddressNotSaved and AddressCooling where he is paid to saved
    addresses only; WithdrawalDelayed for an address that was not known before his account
    changed."""
    await require_arrives(
        session, player_id=player_id, rail=rail, destination=destination, memo=memo
    )
    saved = await saved_addresses.find(
        session, player_id=player_id, rail=rail.name, destination=destination
    )
    if (await saved_only.read(session, player_id=player_id, now=now)).on:
        if saved is None:
            raise AddressNotSaved
        if saved.ready_at > now:
            raise AddressCooling(until=saved.ready_at)
        return
    changed_at = await changes.latest(session, player_id=player_id)
    if changed_at is None or (saved is not None and saved.saved_at < changed_at):
        return
    until = changed_at + (await terms.current(session)).address_cool_down
    if now < until and destination not in await address_book.list_paid(
        session, player_id=player_id, rail=rail.name
    ):
        raise WithdrawalDelayed(until=until)


async def require_arrives(
    session: AsyncSession, *, player_id: int, rail: Rail, destination: str, memo: str
) -> None:
    """Raise AddressInvalid (`empty`, `own`, `token`, `memo`, `memo_unsupported`, `memo_missing`)
    where coins sent there would come back to us, or be lost to whoever should get them."""
    if not destination.strip():
        raise AddressInvalid(reason="empty")
    await house_addresses.require_foreign(session, destination=destination)
    await _require_memo(session, player_id, rail, destination, memo)


async def _require_memo(
    session: AsyncSession, player_id: int, rail: Rail, destination: str, memo: str
) -> None:
    if len(memo.encode()) > MEMO_BYTES_MAX or "\0" in memo:
        raise AddressInvalid(reason="memo")
    if memo and not rail.takes_memo:
        raise AddressInvalid(reason="memo_unsupported")
    if (
        not memo
        and rail.takes_memo
        and await address_book.is_shared_by_memo(
            session, rail=rail.name, destination=destination, player_id=player_id
        )
    ):
        raise AddressInvalid(reason="memo_missing")
