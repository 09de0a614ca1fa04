"""Members of staff: who they are, added and changed by owners; the last owner stays."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import select

from casino import audit
from casino.errors import BadChoice, IllegalMove, NotFound, NotPermitted
from casino.ids import StaffId
from casino.staff.roles import Permission, Role, permissions, require
from casino.staff.tables import MemberRow

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from sqlalchemy.ext.asyncio import AsyncSession

_NAME_MAX = 64


@dataclass(frozen=True, slots=True)
class Member:
    """A person who decides, with the roles that he has now."""

    id: StaffId
    telegram_id: int
    name: str
    roles: frozenset[Role]


async def find_member(session: AsyncSession, *, telegram_id: int) -> Member | None:
    """The member behind a Telegram id; None for anybody else, former members too."""
    row = await session.scalar(
        select(MemberRow)
        .where(MemberRow.telegram_id == telegram_id, MemberRow.removed_at.is_(None))
        .execution_options(populate_existing=True)
    )
    return _read(row) if row is not None else None


async def get_member(session: AsyncSession, *, member_id: int) -> Member:
    """The member as he is now; raises NotFound for a former one."""
    row = await session.get(MemberRow, member_id, populate_existing=True)
    if row is None or row.removed_at is not None:
        raise NotFound(thing="staff", key=member_id)
    return _read(row)


async def require_permission(
    session: AsyncSession, *, member_id: int, permission: Permission
) -> Member:
    """The member, read and locked against a change of his roles until the transaction ends;
    raises NotPermitted for a former one or one whose roles do not allow this."""
    row = await session.scalar(
        select(MemberRow)
        .where(MemberRow.id == member_id, MemberRow.removed_at.is_(None))
        .with_for_update(read=True)
        .execution_options(populate_existing=True)
    )
    if row is None:
        raise NotPermitted(permission=permission.value)
    member = _read(row)
    require(member, permission)
    return member


async def list_members(session: AsyncSession) -> Sequence[Member]:
    """All members, longest serving first."""
    found = await session.scalars(
        select(MemberRow)
        .where(MemberRow.removed_at.is_(None))
        .order_by(MemberRow.id)
        .execution_options(populate_existing=True)
    )
    return [_read(row) for row in found]


async def list_with(session: AsyncSession, *, permission: Permission) -> Sequence[Member]:
    """The members whom a card or an alert of this permission concerns."""
    return [
        member for member in await list_members(session) if permission in permissions(member.roles)
    ]


async def lock_with(session: AsyncSession, *, permission: Permission) -> Sequence[Member]:
    """The same members, locked against a change of their roles until the transaction ends."""
    # In the order in which a change of roles takes its locks: neither waits for the other's rest.
    found = await session.scalars(
        select(MemberRow)
        .where(MemberRow.removed_at.is_(None))
        .order_by(MemberRow.id)
        .with_for_update(read=True)
        .execution_options(populate_existing=True)
    )
    return [member for member in map(_read, found) if permission in permissions(member.roles)]


async def is_person(session: AsyncSession, *, actor: str, telegram_id: int) -> bool:
    """Whether an actor, as the audit log writes him, is the member of staff, present or former,
    with this Telegram id."""
    kind, _, number = actor.partition(":")
    found = await session.scalar(select(MemberRow.id).where(MemberRow.telegram_id == telegram_id))
    return kind == "staff" and number == str(found)


async def ensure_owners(
    session: AsyncSession, *, telegram_ids: Collection[int], now: datetime
) -> Sequence[Member]:
    """Make owners of the listed people at start; returns those who were made.

    Whoever is or was staff keeps what owners decided about him since, so a start brings nobody
    back; only a house without any owner left takes its listed people again.
    """
    known = {row.telegram_id: row for row in await _locked(session)}
    orphaned = not any(_is_owner(row) for row in known.values())
    made = []
    for telegram_id in sorted(set(telegram_ids)):
        row = known.get(telegram_id)
        if row is None:
            row = MemberRow(
                telegram_id=telegram_id,
                name=_unnamed(telegram_id),
                roles=[Role.OWNER.value],
                created_at=now,
            )
            session.add(row)
        elif orphaned:
            row.removed_at, row.roles = None, sorted({*row.roles, Role.OWNER.value})
        else:
            continue
        await session.flush()
        await _record(session, actor="system", action="staff.added", row=row, before=None, now=now)
        made.append(_read(row))
    return made


async def learn_name(session: AsyncSession, *, member: Member, name: str, now: datetime) -> Member:
    """Call an owner who was listed by number only by the name that he goes by; a name that
    somebody gave stays. Returns the member as he is now."""
    name = name.strip()[:_NAME_MAX]
    if not name or member.name != _unnamed(member.telegram_id):
        return member
    row = await session.get(MemberRow, member.id, with_for_update=True, populate_existing=True)
    if row is None or row.name != member.name:
        return member
    before: dict[str, object] = {"name": row.name}
    row.name = name
    await session.flush()
    await _record(session, actor="system", action="staff.named", row=row, before=before, now=now)
    return _read(row)


async def add_member(
    session: AsyncSession,
    *,
    telegram_id: int,
    name: str,
    roles: Collection[Role],
    actor: Member,
    now: datetime,
) -> Member:
    """Let a person in, or a former member back in; raises NotPermitted, IllegalMove for somebody
    who is a member already, BadChoice without a name or a role."""
    name = name.strip()[:_NAME_MAX]
    if telegram_id <= 0 or not name or not roles:
        raise BadChoice(field="member")
    known = await _authorised(session, actor)
    row = next((row for row in known if row.telegram_id == telegram_id), None)
    if row is not None and row.removed_at is None:
        raise IllegalMove(thing="staff", current="member", wanted="member")
    if row is None:
        row = MemberRow(telegram_id=telegram_id, created_at=now)
        session.add(row)
    row.name, row.roles, row.removed_at = name, _texts(roles), None
    await session.flush()
    await _record(
        session, actor=f"staff:{actor.id}", action="staff.added", row=row, before=None, now=now
    )
    return _read(row)


async def set_roles(
    session: AsyncSession,
    *,
    member_id: int,
    roles: Collection[Role],
    actor: Member,
    now: datetime,
) -> Member:
    """Give a member other roles; raises NotPermitted, NotFound, BadChoice without a role, and
    IllegalMove when no owner would be left."""
    if not roles:
        raise BadChoice(field="roles")
    known = await _authorised(session, actor)
    row = _pick(known, member_id)
    before = list(row.roles)
    if Role.OWNER not in roles:
        _require_other_owner(known, row)
    row.roles = _texts(roles)
    await session.flush()
    await _record(
        session,
        actor=f"staff:{actor.id}",
        action="staff.roles_set",
        row=row,
        before={"roles": before},
        now=now,
    )
    return _read(row)


async def remove_member(
    session: AsyncSession, *, member_id: int, actor: Member, now: datetime
) -> None:
    """Take a member's rights away; raises NotPermitted, NotFound, and IllegalMove when no owner
    would be left."""
    known = await _authorised(session, actor)
    row = _pick(known, member_id)
    _require_other_owner(known, row)
    before = list(row.roles)
    row.removed_at, row.roles = now, []
    await session.flush()
    await _record(
        session,
        actor=f"staff:{actor.id}",
        action="staff.removed",
        row=row,
        before={"roles": before},
        now=now,
    )


async def _locked(session: AsyncSession) -> Sequence[MemberRow]:
    # All rows, in one order: two owners who remove each other must not both succeed.
    found = await session.scalars(
        select(MemberRow)
        .order_by(MemberRow.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return found.all()


async def _authorised(session: AsyncSession, actor: Member) -> Sequence[MemberRow]:
    """All rows under lock, once the actor still is who he was when he pressed the button."""
    known = await _locked(session)
    row = next((row for row in known if row.id == actor.id and row.removed_at is None), None)
    if row is None:
        raise NotPermitted(permission=Permission.STAFF_MANAGE.value)
    require(_read(row), Permission.STAFF_MANAGE)
    return known


def _pick(known: Sequence[MemberRow], member_id: int) -> MemberRow:
    for row in known:
        if row.id == member_id and row.removed_at is None:
            return row
    raise NotFound(thing="staff", key=member_id)


def _require_other_owner(known: Sequence[MemberRow], leaving: MemberRow) -> None:
    if _is_owner(leaving) and not any(_is_owner(row) for row in known if row is not leaving):
        raise IllegalMove(thing="staff", current="last owner", wanted="no owner")


def _is_owner(row: MemberRow) -> bool:
    return row.removed_at is None and Role.OWNER.value in row.roles


def _unnamed(telegram_id: int) -> str:
    """What an owner is called until he comes and his Telegram tells his name."""
    return f"owner {telegram_id}"


def _texts(roles: Collection[Role]) -> list[str]:
    return sorted({role.value for role in roles})


async def _record(
    session: AsyncSession,
    *,
    actor: str,
    action: str,
    row: MemberRow,
    before: dict[str, object] | None,
    now: datetime,
) -> None:
    await audit.append(
        session,
        actor=actor,
        action=action,
        subject=f"staff:{row.id}",
        before=before,
        after={"telegram_id": row.telegram_id, "name": row.name, "roles": list(row.roles)},
        now=now,
    )


def _read(row: MemberRow) -> Member:
    return Member(
        id=StaffId(row.id),
        telegram_id=row.telegram_id,
        name=row.name,
        roles=frozenset(Role(role) for role in row.roles),
    )
