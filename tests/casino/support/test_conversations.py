"""Support: questions reach staff, answers reach the player, only support answers."""

from datetime import timedelta

import pytest

from casino import audit, outbox
from casino.db import Database
from casino.errors import BadChoice, NotFound, NotPermitted
from casino.players import identity
from casino.staff import people
from casino.staff.roles import Role
from casino.support import conversations
from tests.casino.players.people import NOW, make_player, outbox_kinds


async def make_member(session, role: Role):
    owner = (await people.ensure_owners(session, telegram_ids=[1], now=NOW))[0]
    return await people.add_member(
        session, telegram_id=2, name="Eve", roles=[role], actor=owner, now=NOW
    )


async def test_a_question_and_its_answer(db: Database) -> None:
    async with db.transaction() as session:
        player = await make_player(session)
        eve = await make_member(session, Role.SUPPORT)
        asked = await conversations.write(
            session, player_id=player.id, text=" where is my deposit? ", now=NOW
        )
        assert (asked.text, asked.from_staff) == ("where is my deposit?", False)
        answered = await conversations.answer(
            session,
            player_id=player.id,
            member_id=eve.id,
            text="here",
            now=NOW + timedelta(minutes=1),
        )
        assert answered.from_staff
        assert await conversations.history(session, player_id=player.id) == [asked, answered]
        assert await conversations.history(session, player_id=player.id, limit=1) == [answered]
        staff = await outbox_kinds(session, consumer=outbox.STAFF, key=player.id)
        told = await outbox_kinds(session, consumer=outbox.PLAYER, key=player.id)
        assert (staff, told) == (["support.question"], ["support.answered"])
        line, *_ = await audit.search(session, action="support.answered")
        assert line.actor == f"staff:{eve.id}"
        assert "here" not in str(line.after)


@pytest.mark.parametrize("role", [Role.KYC, Role.PAYMENTS, Role.AUDITOR])
async def test_others_do_not_answer(db: Database, role) -> None:
    async with db.transaction() as session:
        player = await make_player(session)
        member = await make_member(session, role)
        with pytest.raises(NotPermitted):
            await conversations.answer(
                session, player_id=player.id, member_id=member.id, text="hello", now=NOW
            )
        with pytest.raises(NotPermitted):
            await conversations.answer(
                session, player_id=player.id, member_id=404, text="hello", now=NOW
            )
        assert await conversations.history(session, player_id=player.id) == []


@pytest.mark.parametrize("words", ["", "  \n", "x" * 2001, "a\x00b"])
async def test_what_is_no_message(db: Database, words) -> None:
    async with db.transaction() as session:
        player = await make_player(session)
        with pytest.raises(BadChoice):
            await conversations.write(session, player_id=player.id, text=words, now=NOW)


async def test_a_blocked_player_may_write_and_a_stranger_may_not(db: Database) -> None:
    async with db.transaction() as session:
        player = await make_player(session)
        await identity.block(session, player_id=player.id, reason="x", actor="staff:1", now=NOW)
        await conversations.write(session, player_id=player.id, text="x" * 2000, now=NOW)
        with pytest.raises(NotFound):
            await conversations.write(session, player_id=404, text="why?", now=NOW)
