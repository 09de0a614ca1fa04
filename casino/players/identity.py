"""Who a player is: first contact, look-up, language, consent, reachability, blocking."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, cast

from sqlalchemy import or_, select, update
from sqlalchemy.dialects.postgresql import insert

from casino import audit, ids, outbox
from casino.errors import BadChoice, ConsentRequired, IllegalMove, NotFound
from casino.i18n import LANGUAGES, pick_language
from casino.ids import PlayerId
from casino.ledger.journal import lock_players, open_player
from casino.players import changes, logins, rows, rules
from casino.players.changes import Change
from casino.players.rules import Counters, Status
from casino.players.tables import ConsentRow, CountersRow, PlayerRow

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.ext.asyncio import AsyncSession
    from sqlalchemy.sql import ColumnElement

TERMS_VERSION = rules.TERMS_VERSION
FOUND_MAX = 10
REASON_MAX = 300
_NAME_MAX = 128
_REFERRAL = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Player:
    """A player as the rest of the house knows him."""

    id: PlayerId
    telegram_id: int
    first_name: str
    username: str | None
    language: str
    status: Status
    status_reason: str | None
    kyc_level: int
    consented: bool
    terms_version: str | None
    created_at: datetime
    referral: str | None
    unreachable: bool
    cooling_off_until: datetime | None
    excluded_until: datetime | None
    excluded_for_life: bool


async def find_or_create(
    session: AsyncSession,
    *,
    telegram_id: int,
    first_name: str,
    username: str | None,
    language_code: str | None,
    start_payload: str | None,
    now: datetime,
) -> Player:
    """The player behind a verified Telegram user, made on first contact, however many first
    contacts arrive at once.

    A referral payload counts only when it makes the player and is plain (`A-Za-z0-9_-`, at most
    64). Names follow Telegram; the language is the client's at first and the player's own after.
    """
    name, username = _clean(first_name) or "?", _clean(username or "") or None
    referral = start_payload if start_payload and _REFERRAL.fullmatch(start_payload) else None
    made = await session.scalar(
        insert(PlayerRow)
        .values(
            telegram_id=telegram_id,
            first_name=name,
            username=username,
            language=pick_language(language_code),
            referral=referral,
            created_at=now,
        )
        .on_conflict_do_nothing(index_elements=[PlayerRow.telegram_id])
        .returning(PlayerRow.id)
    )
    if made is not None:
        await open_player(session, PlayerId(made))
        empty = Counters.empty(now)
        session.add(
            CountersRow(
                player_id=made,
                day=empty.day.start,
                week=empty.week.start,
                month=empty.month.start,
            )
        )
        await session.flush()
    # A new statement: the row of a first contact that was faster is visible only now.
    row = await _one(session, PlayerRow.telegram_id == telegram_id)
    if row is None:
        raise NotFound(thing="player", key=telegram_id)
    if _is_renamed(row, name, username):
        # The lock that every change of a player takes first: with the row first, a command that
        # has the lock and wants the row would wait for us while we wait for the lock.
        await lock_players(session, [PlayerId(row.id)])
        row = await rows.require(session, player_id=row.id)
        if _is_renamed(row, name, username):
            row.first_name, row.username = name, username
            await session.flush()
    return _read(row)


async def get(session: AsyncSession, *, player_id: int) -> Player:
    """The player, or NotFound."""
    return _read(await rows.require(session, player_id=player_id))


async def find_by_telegram(session: AsyncSession, *, telegram_id: int) -> Player | None:
    """The player of a Telegram id, if he ever came."""
    row = await _one(session, PlayerRow.telegram_id == telegram_id)
    return _read(row) if row is not None else None


async def search(session: AsyncSession, *, text: str) -> Sequence[Player]:
    """Up to ten players by public id, Telegram id, @username or part of a name, newest first."""
    text = text.strip()
    if not text.removeprefix("@"):
        return []
    found = await session.scalars(
        select(PlayerRow)
        .where(_matches(text))
        .order_by(PlayerRow.id.desc())
        .limit(FOUND_MAX)
        .execution_options(populate_existing=True)
    )
    return [_read(row) for row in found]


async def set_language(
    session: AsyncSession, *, player_id: int, language: str, now: datetime
) -> Player:
    """Speak another language from now on; raises BadChoice for one we do not speak."""
    if language not in LANGUAGES:
        raise BadChoice(field="language")
    row = await rows.lock(session, player_id=player_id)
    if row.language != language:
        before, row.language = row.language, language
        await audit.append(
            session,
            actor=f"player:{player_id}",
            action="player.language_set",
            subject=f"player:{player_id}",
            before={"language": before},
            after={"language": language},
            now=now,
        )
    return _read(row)


async def accept_terms(
    session: AsyncSession,
    *,
    player_id: int,
    terms_version: str,
    of_age: bool,
    language: str,
    now: datetime,
) -> Player:
    """Record that the player states his age and accepts the current terms in his language.

    A second acceptance of the same version changes nothing. Raises ConsentRequired without the
    statement of age or for terms that are not the current ones.
    """
    if of_age is not True or terms_version != TERMS_VERSION:
        raise ConsentRequired(terms_version=TERMS_VERSION)
    if language not in LANGUAGES:
        raise BadChoice(field="language")
    row = await rows.lock(session, player_id=player_id)
    if row.terms_version == terms_version:
        return _read(row)
    before, row.terms_version = row.terms_version, terms_version
    session.add(
        ConsentRow(
            player_id=player_id,
            terms_version=terms_version,
            of_age=of_age,
            language=language,
            accepted_at=now,
        )
    )
    await audit.append(
        session,
        actor=f"player:{player_id}",
        action="player.terms_accepted",
        subject=f"player:{player_id}",
        before={"terms_version": before},
        after={"terms_version": terms_version, "of_age": of_age, "language": language},
        now=now,
    )
    return _read(row)


async def mark_unreachable(session: AsyncSession, *, telegram_id: int, now: datetime) -> None:
    """The player blocked the bot: messages wait until he is back. Unknown people are ignored."""
    await session.execute(
        update(PlayerRow)
        .where(PlayerRow.telegram_id == telegram_id, PlayerRow.unreachable_since.is_(None))
        .values(unreachable_since=now)
        .execution_options(synchronize_session=False)
    )


async def mark_reachable(session: AsyncSession, *, telegram_id: int, now: datetime) -> None:
    """The player talks to the bot again; late news of a moment before he blocked it is ignored."""
    await session.execute(
        update(PlayerRow)
        .where(PlayerRow.telegram_id == telegram_id, PlayerRow.unreachable_since <= now)
        .values(unreachable_since=None)
        .execution_options(synchronize_session=False)
    )


async def block(
    session: AsyncSession, *, player_id: int, reason: str, actor: str, now: datetime
) -> Player:
    """Stop an account: no play, no withdrawals, logins ended. Raises IllegalMove unless active,
    BadChoice without a reason."""
    row = await _move(session, player_id, Status.ACTIVE, Status.BLOCKED, reason, actor, now)
    await logins.revoke_all(session, player_id=player_id, now=now)
    return _read(row)


async def unblock(
    session: AsyncSession, *, player_id: int, reason: str, actor: str, now: datetime
) -> Player:
    """Open a blocked account again; raises IllegalMove unless blocked, BadChoice without a
    reason. A running exclusion goes on."""
    row = await _move(session, player_id, Status.BLOCKED, Status.ACTIVE, reason, actor, now)
    await changes.note(session, player_id=player_id, change=Change.UNBLOCKED, now=now)
    return _read(row)


async def _move(
    session: AsyncSession,
    player_id: int,
    current: Status,
    wanted: Status,
    reason: str,
    actor: str,
    now: datetime,
) -> PlayerRow:
    reason = reason.strip()[:REASON_MAX]
    if not reason:
        raise BadChoice(field="reason")
    row = await rows.lock(session, player_id=player_id)
    if row.status != current:
        raise IllegalMove(thing="player", current=row.status, wanted=wanted.value)
    row.status = wanted.value
    row.status_reason = reason if wanted is Status.BLOCKED else None
    kind = "player.blocked" if wanted is Status.BLOCKED else "player.unblocked"
    await audit.append(
        session,
        actor=actor,
        action=kind,
        subject=f"player:{player_id}",
        before={"status": current.value},
        after={"status": wanted.value, "reason": reason},
        now=now,
    )
    for consumer in (outbox.PLAYER, outbox.LIVE):
        await outbox.write(
            session, consumer=consumer, key=player_id, kind=kind, payload={"player_id": player_id}
        )
    return row


def _matches(text: str) -> ColumnElement[bool]:
    if text.startswith("@"):
        return PlayerRow.username.istartswith(text[1:], autoescape=True)
    choices: list[ColumnElement[bool]] = [
        PlayerRow.first_name.icontains(text, autoescape=True),
        PlayerRow.username.icontains(text, autoescape=True),
    ]
    if text.isascii() and text.isdigit() and len(text) <= 18:
        choices.append(PlayerRow.telegram_id == int(text))
    with suppress(NotFound):  # not the text of an id: the other ways to match remain
        choices.append(PlayerRow.id == ids.internal(text))
    return or_(*choices)


async def _one(session: AsyncSession, which: ColumnElement[bool]) -> PlayerRow | None:
    return cast(
        "PlayerRow | None",
        await session.scalar(
            select(PlayerRow).where(which).execution_options(populate_existing=True)
        ),
    )


def _is_renamed(row: PlayerRow, name: str, username: str | None) -> bool:
    return row.status != Status.CLOSED and (row.first_name, row.username) != (name, username)


def _clean(name: str) -> str:
    """A name that fits on one line and that PostgreSQL can store."""
    return "".join(letter for letter in name if letter.isprintable()).strip()[:_NAME_MAX]


def _read(row: PlayerRow) -> Player:
    return Player(
        id=PlayerId(row.id),
        telegram_id=row.telegram_id,
        first_name=row.first_name,
        username=row.username,
        language=row.language,
        status=Status(row.status),
        status_reason=row.status_reason,
        kyc_level=row.kyc_level,
        consented=row.terms_version == TERMS_VERSION,
        terms_version=row.terms_version,
        created_at=row.created_at,
        referral=row.referral,
        unreachable=row.unreachable_since is not None,
        cooling_off_until=row.cooling_off_until,
        excluded_until=row.excluded_until,
        excluded_for_life=row.excluded_for_life,
    )
