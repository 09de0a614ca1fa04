"""Logins: opaque bearer tokens minted from a proof of identity, and tickets for WebSockets.

A proof is one launch of the Mini App as Telegram signed it (the caller checks the signature and
hands over a hash). It mints a token while it is younger than a day; minting again ends the login
minted before. Once the player logged out of it, ended it from his list, was excluded or blocked,
the proof is spent and only a new launch opens a login.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import ColumnElement, delete, select, update

from casino import outbox
from casino.errors import LoginRefused, NotFound
from casino.players import rows
from casino.players.rules import Status
from casino.players.tables import LoginRow, PlayerRow, WsTicketRow

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.ext.asyncio import AsyncSession

SLIDES_FOR = timedelta(minutes=30)
LIVES_FOR = timedelta(hours=24)
PROOF_LIVES_FOR = timedelta(hours=24)
CLOCK_SKEW = timedelta(seconds=60)
TICKET_LIVES_FOR = timedelta(seconds=30)
# The expiry moves once a minute at most, so that reading pages does not write rows.
_SLIDE_STEP = timedelta(minutes=1)
_TOKEN_BYTES = 32
_AGENT_MAX = 200
_LISTED = 20


@dataclass(frozen=True, slots=True)
class Minted:
    """A fresh token; it is told once and stored only as a hash."""

    token: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Login:
    """Who speaks, through which login."""

    login_id: int
    player_id: int
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class LoginView:
    """A running login as its owner sees it in his list."""

    login_id: int
    agent: str
    created_at: datetime
    seen_at: datetime
    expires_at: datetime


async def mint(
    session: AsyncSession,
    *,
    player_id: int,
    proof_hash: bytes,
    auth_date: datetime,
    agent: str,
    now: datetime,
) -> Minted:
    """Open a login from a verified proof and end the one minted from the same proof before.

    Raises LoginRefused with reason `proof_expired`, `proof_spent`, `proof_foreign` or `blocked`.
    An excluded player may log in with a new proof: to see his account and to withdraw.
    """
    player = await rows.lock(session, player_id=player_id)
    if player.status != Status.ACTIVE:
        raise LoginRefused(reason="blocked")
    if now - auth_date >= PROOF_LIVES_FOR or auth_date - now > CLOCK_SKEW:
        raise LoginRefused(reason="proof_expired")
    if player.proofs_refused_until is not None and auth_date <= player.proofs_refused_until:
        raise LoginRefused(reason="proof_spent")
    earlier = await session.scalars(select(LoginRow).where(LoginRow.proof_hash == proof_hash))
    for login in earlier:
        if login.player_id != player_id:
            raise LoginRefused(reason="proof_foreign")
        if login.ended_by in {"log_out", "revoked", "closed"}:
            raise LoginRefused(reason="proof_spent")
        if login.ended_at is None:
            login.ended_at, login.ended_by = now, "superseded"
    token = secrets.token_urlsafe(_TOKEN_BYTES)
    session.add(
        LoginRow(
            player_id=player_id,
            token_hash=_hash(token),
            proof_hash=proof_hash,
            proof_at=auth_date,
            agent=agent[:_AGENT_MAX],
            created_at=now,
            seen_at=now,
            expires_at=now + SLIDES_FOR,
        )
    )
    await session.flush()
    return Minted(token=token, expires_at=now + SLIDES_FOR)


async def resume(session: AsyncSession, *, token: str, now: datetime) -> Login:
    """The login of a token, which slides on for another half hour, up to a day after it was
    minted; raises LoginRefused for an unknown, ended or expired one."""
    row = await _running(session, LoginRow.token_hash == _hash(token), now=now)
    expires_at = min(now + SLIDES_FOR, row.created_at + LIVES_FOR)
    if expires_at - row.expires_at >= _SLIDE_STEP:
        # Not through the row: a login that was ended meanwhile stays ended.
        await session.execute(
            update(LoginRow)
            .where(LoginRow.id == row.id, LoginRow.ended_at.is_(None))
            .values(expires_at=expires_at, seen_at=now)
            .execution_options(synchronize_session=False)
        )
        return Login(row.id, row.player_id, expires_at)
    return Login(row.id, row.player_id, row.expires_at)


async def runs(session: AsyncSession, *, login_id: int, now: datetime) -> bool:
    """Whether the login is neither ended nor run out; looking does not make it slide on."""
    found = await session.scalar(
        select(LoginRow.id).where(
            LoginRow.id == login_id, LoginRow.ended_at.is_(None), LoginRow.expires_at > now
        )
    )
    return found is not None


async def log_out(session: AsyncSession, *, token: str, now: datetime) -> None:
    """End the login of a token, even one that ran out, and spend its proof; raises LoginRefused
    for a token that is unknown or ended already."""
    login = await session.scalar(select(LoginRow).where(LoginRow.token_hash == _hash(token)))
    if login is None:
        raise LoginRefused(reason="token")
    await rows.lock(session, player_id=login.player_id)
    ended = await _end(session, LoginRow.id == login.id, why="log_out", now=now)
    if not ended:
        raise LoginRefused(reason="token")
    await _announce(session, player_id=login.player_id, login_ids=ended)


async def list_logins(
    session: AsyncSession, *, player_id: int, now: datetime
) -> Sequence[LoginView]:
    """The player's running logins, newest first."""
    found = await session.scalars(
        select(LoginRow)
        .where(
            LoginRow.player_id == player_id,
            LoginRow.ended_at.is_(None),
            LoginRow.expires_at > now,
        )
        .order_by(LoginRow.id.desc())
        .limit(_LISTED)
    )
    return [
        LoginView(row.id, row.agent, row.created_at, row.seen_at, row.expires_at) for row in found
    ]


async def revoke(session: AsyncSession, *, player_id: int, login_id: int, now: datetime) -> None:
    """End one of the player's own logins and spend its proof; raises NotFound for another's."""
    await rows.lock(session, player_id=player_id)
    row = await session.get(LoginRow, login_id, populate_existing=True)
    if row is None or row.player_id != player_id:
        raise NotFound(thing="login", key=login_id)
    await _end(session, LoginRow.id == login_id, why="revoked", now=now)
    await _announce(session, player_id=player_id, login_ids=[login_id])


async def revoke_all(session: AsyncSession, *, player_id: int, now: datetime) -> None:
    """End every login of the player and spend all proofs launched until now."""
    await rows.lock(session, player_id=player_id)
    ended = await _end(session, LoginRow.player_id == player_id, why="closed", now=now)
    await session.execute(
        update(PlayerRow).where(PlayerRow.id == player_id).values(proofs_refused_until=now)
    )
    await _announce(session, player_id=player_id, login_ids=ended)


async def mint_ticket(session: AsyncSession, *, login_id: int, now: datetime) -> str:
    """A ticket that opens one WebSocket within 30 seconds; raises LoginRefused if the login is
    over. Tickets of the login that ran out are cleared."""
    login = await _running(session, LoginRow.id == login_id, now=now)
    await session.execute(
        delete(WsTicketRow).where(WsTicketRow.login_id == login.id, WsTicketRow.expires_at <= now)
    )
    ticket = secrets.token_urlsafe(_TOKEN_BYTES)
    session.add(
        WsTicketRow(login_id=login.id, ticket_hash=_hash(ticket), expires_at=now + TICKET_LIVES_FOR)
    )
    await session.flush()
    return ticket


async def redeem_ticket(session: AsyncSession, *, ticket: str, now: datetime) -> Login:
    """The login behind a ticket, which is used up; raises LoginRefused for an unknown, used or
    late one, or when its login is over."""
    found = (
        await session.execute(
            delete(WsTicketRow)
            .where(WsTicketRow.ticket_hash == _hash(ticket))
            .returning(WsTicketRow.login_id, WsTicketRow.expires_at)
        )
    ).one_or_none()
    if found is None or found.expires_at <= now:
        raise LoginRefused(reason="ticket")
    login = await _running(session, LoginRow.id == found.login_id, now=now)
    return Login(login.id, login.player_id, login.expires_at)


async def clear_old(session: AsyncSession, *, now: datetime) -> int:
    """Delete logins whose proof can mint nothing any more; returns how many. Run by the worker."""
    old = select(LoginRow.id).where(
        LoginRow.proof_at < now - PROOF_LIVES_FOR, LoginRow.expires_at < now - LIVES_FOR
    )
    await session.execute(delete(WsTicketRow).where(WsTicketRow.login_id.in_(old)))
    gone = await session.scalars(
        delete(LoginRow).where(LoginRow.id.in_(old)).returning(LoginRow.id)
    )
    return len(gone.all())


async def _running(session: AsyncSession, which: ColumnElement[bool], *, now: datetime) -> LoginRow:
    row = await session.scalar(
        select(LoginRow).where(which).execution_options(populate_existing=True)
    )
    if row is None or row.ended_at is not None or row.expires_at <= now:
        raise LoginRefused(reason="token")
    return row


async def _end(
    session: AsyncSession, which: ColumnElement[bool], *, why: str, now: datetime
) -> list[int]:
    ended = await session.scalars(
        update(LoginRow)
        .where(which, LoginRow.ended_at.is_(None))
        .values(ended_at=now, ended_by=why)
        .returning(LoginRow.id)
        .execution_options(synchronize_session=False)
    )
    return list(ended.all())


async def _announce(session: AsyncSession, *, player_id: int, login_ids: Sequence[int]) -> None:
    """Let the servers that hold sockets of these logins close them."""
    if login_ids:
        await outbox.write(
            session,
            consumer=outbox.LIVE,
            key=player_id,
            kind="login.ended",
            payload={"player_id": player_id, "login_ids": list(login_ids)},
        )


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
