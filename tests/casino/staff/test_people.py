"""Staff: owners from settings, changes by owners only, the last owner stays."""

from datetime import UTC, datetime

import pytest

from casino import audit
from casino.db import Database
from casino.errors import BadChoice, IllegalMove, NotFound, NotPermitted
from casino.staff import people
from casino.staff.people import Member
from casino.staff.roles import PERMISSIONS, Permission, Role, allows, require
from tests.casino.players.races import overlapping

NOW = datetime(2026, 11, 18, 12, 0, tzinfo=UTC)


async def make_owner(session, telegram_id: int = 1) -> Member:
    await people.ensure_owners(session, telegram_ids=[telegram_id], now=NOW)
    member = await people.find_member(session, telegram_id=telegram_id)
    assert member is not None
    return member


async def hire(session, owner, telegram_id: int, *roles: Role) -> Member:
    return await people.add_member(
        session, telegram_id=telegram_id, name="Eve", roles=roles, actor=owner, now=NOW
    )


async def test_owners_of_the_settings_are_made_once(db: Database) -> None:
    async with db.transaction() as session:
        made = await people.ensure_owners(session, telegram_ids=[5, 6, 5], now=NOW)
        assert {member.telegram_id for member in made} == {5, 6}
        assert {member.roles for member in made} == {frozenset({Role.OWNER})}
        assert await people.ensure_owners(session, telegram_ids=[5, 6], now=NOW) == []
        lines = await audit.search(session, action="staff.added")
        assert {line.actor for line in lines} == {"system"}


async def test_an_owner_gets_the_name_of_his_telegram_once(db: Database) -> None:
    async with db.transaction() as session:
        owner = await make_owner(session, 7)
        assert owner.name == "owner 7"
        assert await people.learn_name(session, member=owner, name="  ", now=NOW) == owner
        named = await people.learn_name(session, member=owner, name="Olga", now=NOW)
        assert (named.id, named.name) == (owner.id, "Olga")
        assert await people.find_member(session, telegram_id=7) == named
        assert await people.learn_name(session, member=named, name="Mallory", now=NOW) == named
        eve = await hire(session, named, 8, Role.KYC)
        assert (await people.learn_name(session, member=eve, name="Eva", now=NOW)).name == "Eve"
        lines = await audit.search(session, action="staff.named")
        assert [(line.before, line.after["name"]) for line in lines] == [
            ({"name": "owner 7"}, "Olga")
        ]


async def test_a_start_does_not_bring_a_removed_owner_back(db: Database) -> None:
    async with db.transaction() as session:
        made = await people.ensure_owners(session, telegram_ids=[5, 6], now=NOW)
        await people.remove_member(session, member_id=made[1].id, actor=made[0], now=NOW)
        assert await people.ensure_owners(session, telegram_ids=[5, 6], now=NOW) == []
        assert await people.find_member(session, telegram_id=6) is None


async def test_strangers_are_nobody(db: Database) -> None:
    async with db.transaction() as session:
        await make_owner(session)
        assert await people.find_member(session, telegram_id=2) is None
        with pytest.raises(NotFound):
            await people.get_member(session, member_id=2)


async def test_an_owner_adds_changes_and_removes(db: Database) -> None:
    async with db.transaction() as session:
        owner = await make_owner(session)
        eve = await hire(session, owner, 2, Role.KYC, Role.SUPPORT)
        assert await people.find_member(session, telegram_id=2) == eve
        assert await people.list_members(session) == [owner, eve]
        changed = await people.set_roles(
            session, member_id=eve.id, roles={Role.PAYMENTS}, actor=owner, now=NOW
        )
        assert changed.roles == {Role.PAYMENTS}
        concerned = await people.list_with(session, permission=Permission.WITHDRAWALS_DECIDE)
        assert concerned == [owner, changed]
        await people.remove_member(session, member_id=eve.id, actor=owner, now=NOW)
        assert await people.find_member(session, telegram_id=2) is None
        back = await hire(session, owner, 2, Role.AUDITOR)
        assert (back.id, back.roles) == (eve.id, {Role.AUDITOR})
        lines = await audit.search(session, subject=f"staff:{eve.id}")
        assert [line.action for line in lines] == [
            "staff.added",
            "staff.removed",
            "staff.roles_set",
            "staff.added",
        ]
        assert {line.actor for line in lines} == {f"staff:{owner.id}"}
        assert (await audit.verify(session))[1] is None


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.OWNER])
async def test_only_owners_manage_staff(db: Database, role) -> None:
    async with db.transaction() as session:
        owner = await make_owner(session)
        eve = await hire(session, owner, 2, role)
        with pytest.raises(NotPermitted):
            await hire(session, eve, 3, Role.AUDITOR)
        with pytest.raises(NotPermitted):
            await people.set_roles(
                session, member_id=eve.id, roles={Role.OWNER}, actor=eve, now=NOW
            )
        with pytest.raises(NotPermitted):
            await people.remove_member(session, member_id=owner.id, actor=eve, now=NOW)


async def test_rights_are_read_again_when_a_button_is_pressed(db: Database) -> None:
    async with db.transaction() as session:
        owner = await make_owner(session)
        other = await hire(session, owner, 2, Role.OWNER)
        await people.remove_member(session, member_id=other.id, actor=owner, now=NOW)
        with pytest.raises(NotPermitted):
            await hire(session, other, 3, Role.AUDITOR)
        with pytest.raises(NotPermitted):
            await people.require_permission(
                session, member_id=other.id, permission=Permission.AUDIT_VIEW
            )


async def test_the_last_owner_stays(db: Database) -> None:
    async with db.transaction() as session:
        owner = await make_owner(session)
        with pytest.raises(IllegalMove):
            await people.remove_member(session, member_id=owner.id, actor=owner, now=NOW)
        with pytest.raises(IllegalMove):
            await people.set_roles(
                session, member_id=owner.id, roles={Role.KYC}, actor=owner, now=NOW
            )
        await people.set_roles(
            session, member_id=owner.id, roles={Role.KYC, Role.OWNER}, actor=owner, now=NOW
        )


async def test_two_owners_who_remove_each_other_leave_one(db: Database) -> None:
    async with db.transaction() as session:
        one, two = await people.ensure_owners(session, telegram_ids=[1, 2], now=NOW)
    with pytest.raises(NotPermitted):
        await overlapping(
            db,
            lambda session: people.remove_member(session, member_id=two.id, actor=one, now=NOW),
            lambda session: people.remove_member(session, member_id=one.id, actor=two, now=NOW),
        )
    async with db.transaction() as session:
        assert await people.list_members(session) == [one]


async def test_two_owners_who_leave_together_leave_one(db: Database) -> None:
    async with db.transaction() as session:
        one, two = await people.ensure_owners(session, telegram_ids=[1, 2], now=NOW)
    with pytest.raises(IllegalMove):
        await overlapping(
            db,
            lambda session: people.remove_member(session, member_id=one.id, actor=one, now=NOW),
            lambda session: people.remove_member(session, member_id=two.id, actor=two, now=NOW),
        )


async def test_rights_cannot_be_lost_in_the_middle_of_an_act(db: Database) -> None:
    """An act that checked a permission commits before a change of the actor's roles does."""
    async with db.transaction() as session:
        owner = await make_owner(session)
        eve = await hire(session, owner, 2, Role.SUPPORT)
    gone = await overlapping(
        db,
        lambda session: people.require_permission(
            session, member_id=eve.id, permission=Permission.SUPPORT_ANSWER
        ),
        lambda session: people.set_roles(
            session, member_id=eve.id, roles={Role.KYC}, actor=owner, now=NOW
        ),
    )
    assert gone.roles == {Role.KYC}


async def test_a_member_has_a_name_and_a_role_and_is_added_once(db: Database) -> None:
    async with db.transaction() as session:
        owner = await make_owner(session)
        for telegram_id, name, roles in (
            (2, " ", [Role.KYC]),
            (2, "Eve", []),
            (0, "Eve", [Role.KYC]),
        ):
            with pytest.raises(BadChoice):
                await people.add_member(
                    session,
                    telegram_id=telegram_id,
                    name=name,
                    roles=roles,
                    actor=owner,
                    now=NOW,
                )
        eve = await hire(session, owner, 2, Role.KYC)
        with pytest.raises(IllegalMove):
            await hire(session, owner, 2, Role.KYC)
        with pytest.raises(BadChoice):
            await people.set_roles(session, member_id=eve.id, roles=[], actor=owner, now=NOW)
        with pytest.raises(NotFound):
            await people.remove_member(session, member_id=404, actor=owner, now=NOW)


def test_every_permission_has_a_role_and_every_role_its_row() -> None:
    assert set(PERMISSIONS) == set(Role)
    assert PERMISSIONS[Role.OWNER] == set(Permission)
    # Whoever only reads decides nothing, and documents of identity are not his to read.
    deciding = {
        Permission.WITHDRAWALS_DECIDE,
        Permission.DEPOSITS_RESOLVE,
        Permission.KYC_VIEW,
        Permission.KYC_DECIDE,
        Permission.PLAYERS_BLOCK,
        Permission.SUPPORT_ANSWER,
        Permission.FLAGS_SET,
        Permission.STAFF_MANAGE,
    }
    assert not PERMISSIONS[Role.AUDITOR] & deciding
    for role in Role:
        assert (Permission.STAFF_MANAGE in PERMISSIONS[role]) == (role is Role.OWNER)


def test_rights_of_several_roles_add_up() -> None:
    eve = Member(people.StaffId(1), 2, "Eve", frozenset({Role.KYC, Role.SUPPORT}))
    assert allows(eve, Permission.KYC_DECIDE)
    assert allows(eve, Permission.SUPPORT_ANSWER)
    with pytest.raises(NotPermitted) as error:
        require(eve, Permission.WITHDRAWALS_DECIDE)
    assert error.value.data == {"permission": "withdrawals.decide"}
    assert not allows(Member(people.StaffId(1), 2, "Nobody", frozenset()), Permission.AUDIT_VIEW)
