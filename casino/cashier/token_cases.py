"""Tokens that the house does not take, sent to its accounts: cases with evidence, for a person.

Nothing of them is money in the book. Anybody can make tokens and send them to everybody, so that a
day holds so many cases and no more; what comes beyond is counted."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING

from sqlalchemy import func, select, text
from sqlalchemy.dialects.postgresql import insert

from casino import audit, outbox
from casino.cashier import address_pool, tags
from casino.cashier.addresses import find_owners
from casino.cashier.chain_tables import TokenCaseRow, TokenDayRow
from casino.cashier.unclaimed import storable
from casino.clock import Window, window_start
from casino.errors import IllegalMove, NotFound

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date, datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from casino.cashier.rails import Rail
    from casino.cashier.strangers import StrangeTransfer

CASES_A_DAY = 50
CASES_A_DAY_OF_TOKEN = 5
BEYOND_THE_DAY = ""
NOTE_MAX = 1000
_WIDEST = 10**78 - 1


class CaseStatus(StrEnum):
    """Where a case stands."""

    OPEN = "open"
    RESOLVED = "resolved"


@dataclass(frozen=True, slots=True)
class TokenCase:
    """A case as staff read it; `units` in the token's own smallest ones."""

    id: int
    chain: str
    token: str
    vouched: bool
    account: str
    units: int | None
    tx_hash: str
    sender: str
    comment: str | None
    player_id: int | None
    sent_at: datetime
    status: CaseStatus
    note: str | None


@dataclass(frozen=True, slots=True)
class Flood:
    """What of a day was only counted."""

    chain: str
    day: date
    beyond: int


async def keep(
    session: AsyncSession,
    *,
    chain: str,
    rail: Rail,
    transfers: Sequence[StrangeTransfer],
    now: datetime,
) -> int:
    """Open a case for each transfer that is new, as far as the day has room, and tell staff of
    it; returns how many. `chain` names the cases' chain, `rail` whose tags and addresses say which
    player a transfer was meant for. A transfer that is a case already changes nothing."""
    worth = [one for one in transfers if one.units != 0]
    if not worth:
        return 0
    await _one_counter(session, chain)
    known = set(
        await session.scalars(
            select(TokenCaseRow.business_key).where(
                TokenCaseRow.chain == chain,
                TokenCaseRow.business_key.in_([one.business_key for one in worth]),
            )
        )
    )
    players = await _players(session, rail, worth)
    opened = 0
    for one in worth:
        if one.business_key in known or not await _has_room(session, chain, one.token, now):
            continue
        row = TokenCaseRow(
            chain=chain,
            business_key=one.business_key,
            token=one.token,
            vouched=one.vouched,
            account=one.account,
            units=None if one.units is None else Decimal(min(one.units, _WIDEST)),
            tx_hash=one.tx_hash,
            sender=one.sender,
            comment=storable(one.comment),
            player_id=players.get(one.business_key),
            block=one.block,
            sent_at=one.at,
            seen_at=now,
        )
        session.add(row)
        await session.flush()
        known.add(one.business_key)
        opened += 1
        await outbox.write(
            session,
            consumer=outbox.STAFF,
            key=row.id,
            kind="token_case.opened",
            payload={"case_id": row.id, "chain": chain, "token": row.token},
        )
    return opened


async def list_open(
    session: AsyncSession, *, before_id: int | None = None, limit: int = 20
) -> Sequence[TokenCase]:
    """Cases that nobody has decided, the newest first."""
    query = select(TokenCaseRow).where(TokenCaseRow.status == CaseStatus.OPEN)
    if before_id is not None:
        query = query.where(TokenCaseRow.id < before_id)
    rows = await session.scalars(query.order_by(TokenCaseRow.id.desc()).limit(limit))
    return [_view(row) for row in rows]


async def get(session: AsyncSession, *, case_id: int) -> TokenCase:
    """One case, or NotFound."""
    row = await session.get(TokenCaseRow, case_id, populate_existing=True)
    if row is None:
        raise NotFound(thing="token_case", key=case_id)
    return _view(row)


async def floods(session: AsyncSession, *, since: date) -> Sequence[Flood]:
    """The days since then on which more came than there was room for, the newest first."""
    beyond = func.sum(TokenDayRow.beyond)
    rows = await session.execute(
        select(TokenDayRow.chain, TokenDayRow.day, beyond)
        .where(TokenDayRow.day >= since)
        .group_by(TokenDayRow.chain, TokenDayRow.day)
        .having(beyond > 0)
        .order_by(TokenDayRow.day.desc(), TokenDayRow.chain)
    )
    return [Flood(chain, day, int(count)) for chain, day, count in rows]


async def resolve(
    session: AsyncSession, *, case_id: int, note: str, actor: str, now: datetime
) -> TokenCase:
    """Close a case with what was decided, audited. Raises NotFound, or IllegalMove when it was
    closed before."""
    row = await session.get(TokenCaseRow, case_id, with_for_update=True, populate_existing=True)
    if row is None:
        raise NotFound(thing="token_case", key=case_id)
    if row.status != CaseStatus.OPEN:
        raise IllegalMove(thing="token_case", current=row.status, wanted=CaseStatus.RESOLVED)
    row.status, row.note = CaseStatus.RESOLVED, note[:NOTE_MAX]
    row.resolved_by, row.resolved_at = actor, now
    await session.flush()
    await audit.append(
        session,
        actor=actor,
        action="token_case.resolved",
        subject=f"token_case:{case_id}",
        after={"note": row.note, "token": row.token, "account": row.account},
        now=now,
    )
    return _view(row)


async def _one_counter(session: AsyncSession, chain: str) -> None:
    """Those who keep cases of one chain take turns until they commit: the caps are for all."""
    await session.execute(
        text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 0))").bindparams(
            key=f"token_cases:{chain}"
        )
    )


async def _players(
    session: AsyncSession, rail: Rail, transfers: Sequence[StrangeTransfer]
) -> Mapping[str, int]:
    """Whom a transfer was meant for, by the address that it came to or the tag that it carries."""
    told = {
        one.business_key: tag
        for one in transfers
        if one.comment is not None and (tag := tags.parse(one.comment)) is not None
    }
    by_tag = await find_owners(session, rail=rail, wanted=list(told.values()))
    by_address = await address_pool.owners(
        session, rail=rail.pool, addresses=[one.account for one in transfers]
    )
    found = {
        one.business_key: by_address.get(one.account, by_tag.get(told.get(one.business_key, "")))
        for one in transfers
    }
    return {key: player_id for key, player_id in found.items() if player_id is not None}


async def _has_room(session: AsyncSession, chain: str, token: str, now: datetime) -> bool:
    """Whether today still takes a case of this token, which is counted either way. Staff hear of
    it once when the day is full."""
    day = window_start(Window.DAY, now).date()
    today = (
        await session.execute(
            select(TokenDayRow.token, TokenDayRow.kept, TokenDayRow.beyond).where(
                TokenDayRow.chain == chain, TokenDayRow.day == day
            )
        )
    ).all()
    full = sum(row.kept for row in today) >= CASES_A_DAY
    of_token = sum(row.kept for row in today if row.token == token)
    room = not full and of_token < CASES_A_DAY_OF_TOKEN
    name = token if of_token or not full else BEYOND_THE_DAY
    first = full and not any(row.beyond for row in today if row.token == BEYOND_THE_DAY)
    counted = TokenDayRow.kept if room else TokenDayRow.beyond
    await session.execute(
        insert(TokenDayRow)
        .values(chain=chain, day=day, token=name, kept=int(room), beyond=int(not room))
        .on_conflict_do_update(
            index_elements=[TokenDayRow.chain, TokenDayRow.day, TokenDayRow.token],
            set_={counted.key: counted + 1},
        )
    )
    if first and name == BEYOND_THE_DAY:
        await outbox.write(
            session,
            consumer=outbox.STAFF,
            key=0,
            kind="alert.token_flood",
            payload={"chain": chain, "day": day.isoformat(), "kept": CASES_A_DAY},
        )
    return room


def _view(row: TokenCaseRow) -> TokenCase:
    return TokenCase(
        id=row.id,
        chain=row.chain,
        token=row.token,
        vouched=row.vouched,
        account=row.account,
        units=None if row.units is None else int(row.units),
        tx_hash=row.tx_hash,
        sender=row.sender,
        comment=row.comment,
        player_id=row.player_id,
        sent_at=row.sent_at,
        status=CaseStatus(row.status),
        note=row.note,
    )
