"""Logins: what mints, what slides, what ends, and what a spent proof can no longer do."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import text

from casino import outbox
from casino.db import Database
from casino.errors import LoginRefused, NotFound
from casino.players import exclusion, identity, logins
from tests.casino.players.people import NOW, make_player, outbox_kinds
from tests.casino.players.races import overlapping

SECOND = timedelta(seconds=1)


async def mint(session, player, proof: bytes = b"proof", *, at=NOW, now=NOW) -> logins.Minted:
    return await logins.mint(
        session, player_id=player.id, proof_hash=proof, auth_date=at, agent="test", now=now
    )


async def refused(session, token: str, *, now=NOW) -> bool:
    try:
        await logins.resume(session, token=token, now=now)
    except LoginRefused:
        return True
    return False


async def test_the_token_is_stored_only_as_a_hash(db: Database) -> None:
    async with db.transaction() as session:
        minted = await mint(session, await make_player(session))
        row = str((await session.execute(text("SELECT l::text FROM logins l"))).all())
        assert len(minted.token) == 43
        assert minted.token not in row
        assert minted.token.encode().hex() not in row


async def test_a_login_slides_and_runs_out(db: Database) -> None:
    async with db.transaction() as session:
        player = await make_player(session)
        token = (await mint(session, player)).token
        half = NOW + timedelta(minutes=29)
        login = await logins.resume(session, token=token, now=half)
        assert (login.player_id, login.expires_at) == (player.id, half + logins.SLIDES_FOR)
        assert not await refused(session, token, now=half + logins.SLIDES_FOR - SECOND)
        # The last question moved it again.
        end = half + logins.SLIDES_FOR - SECOND + logins.SLIDES_FOR
        assert await refused(session, token, now=end)


async def test_a_login_is_used_for_a_day_at_most(db: Database) -> None:
    async with db.transaction() as session:
        token = (await mint(session, await make_player(session))).token
        now = NOW
        while now < NOW + logins.LIVES_FOR:
            await logins.resume(session, token=token, now=now)
            now += timedelta(minutes=20)
        assert await refused(session, token, now=NOW + logins.LIVES_FOR)


async def test_the_same_proof_mints_anew_and_ends_the_old_login(db: Database) -> None:
    async with db.transaction() as session:
        player = await make_player(session)
        first, other = await mint(session, player), await mint(session, player, b"phone")
        second = await mint(session, player)
        assert first.token != second.token
        assert await refused(session, first.token)
        assert not await refused(session, second.token)
        assert not await refused(session, other.token)


async def test_eight_mints_of_one_proof_leave_one_login(db: Database) -> None:
    async with db.transaction() as session:
        player = await make_player(session)

    async def one() -> str:
        async with db.transaction() as session:
            return (await mint(session, player)).token

    tokens = await asyncio.gather(*(one() for _ in range(8)))
    async with db.transaction() as session:
        assert sorted([await refused(session, token) for token in tokens]) == [False] + [True] * 7


@pytest.mark.parametrize(
    "auth_date", [NOW - timedelta(hours=24), NOW - timedelta(days=9), NOW + timedelta(seconds=61)]
)
async def test_a_proof_outside_its_day_mints_nothing(db: Database, auth_date) -> None:
    async with db.transaction() as session:
        player = await make_player(session)
        with pytest.raises(LoginRefused) as error:
            await mint(session, player, at=auth_date)
    assert error.value.data["reason"] == "proof_expired"


async def test_a_proof_mints_to_the_end_of_its_day(db: Database) -> None:
    async with db.transaction() as session:
        player = await make_player(session)
        await mint(session, player, at=NOW - timedelta(hours=24) + SECOND)


async def test_a_proof_of_one_player_is_nothing_to_another(db: Database) -> None:
    async with db.transaction() as session:
        ann = await make_player(session, telegram_id=1)
        bob = await make_player(session, telegram_id=2)
        token = (await mint(session, ann)).token
        with pytest.raises(LoginRefused):
            await mint(session, bob)
        assert not await refused(session, token)


async def test_log_out_spends_the_proof(db: Database) -> None:
    async with db.transaction() as session:
        player = await make_player(session)
        other = await mint(session, player, b"phone")
        token = (await mint(session, player)).token
        await logins.log_out(session, token=token, now=NOW)
        assert await refused(session, token)
        with pytest.raises(LoginRefused) as error:
            await mint(session, player)
        assert error.value.data["reason"] == "proof_spent"
        with pytest.raises(LoginRefused):
            await logins.log_out(session, token=token, now=NOW)
        assert not await refused(session, other.token)
        await mint(session, player, b"a new launch")


async def test_log_out_of_a_login_that_ran_out_spends_the_proof_too(db: Database) -> None:
    async with db.transaction() as session:
        player = await make_player(session)
        token = (await mint(session, player)).token
        later = NOW + timedelta(hours=2)
        await logins.log_out(session, token=token, now=later)
        with pytest.raises(LoginRefused):
            await mint(session, player, now=later)


async def test_a_superseded_token_cannot_log_the_new_one_out(db: Database) -> None:
    async with db.transaction() as session:
        player = await make_player(session)
        old, new = await mint(session, player), await mint(session, player)
        with pytest.raises(LoginRefused):
            await logins.log_out(session, token=old.token, now=NOW)
        assert not await refused(session, new.token)


async def test_after_exclusion_old_proofs_are_spent_and_a_new_launch_opens(db: Database) -> None:
    async with db.transaction() as session:
        player = await make_player(session)
        token = (await mint(session, player, at=NOW - SECOND)).token
        await exclusion.self_exclude(session, player_id=player.id, months=6, now=NOW)
        assert await refused(session, token)
        for proof in (b"proof", b"launched earlier, never used"):
            with pytest.raises(LoginRefused) as error:
                await mint(session, player, proof, at=NOW - SECOND, now=NOW + SECOND)
            assert error.value.data["reason"] == "proof_spent"
        await mint(session, player, b"launched after", at=NOW + SECOND, now=NOW + SECOND)


async def test_a_mint_during_an_exclusion_is_refused(db: Database) -> None:
    async with db.transaction() as session:
        player = await make_player(session)
    with pytest.raises(LoginRefused):
        await overlapping(
            db,
            lambda session: exclusion.self_exclude(session, player_id=player.id, months=6, now=NOW),
            lambda session: mint(session, player),
        )


async def test_a_blocked_player_cannot_log_in(db: Database) -> None:
    async with db.transaction() as session:
        player = await make_player(session)
        await identity.block(session, player_id=player.id, reason="x", actor="staff:1", now=NOW)
        later = NOW + SECOND
        with pytest.raises(LoginRefused) as error:
            await mint(session, player, at=later, now=later)
    assert error.value.data["reason"] == "blocked"


async def test_revoke_ends_one_own_login(db: Database) -> None:
    async with db.transaction() as session:
        ann = await make_player(session, telegram_id=1)
        bob = await make_player(session, telegram_id=2)
        desk, phone = await mint(session, ann), await mint(session, ann, b"phone")
        newest, oldest = await logins.list_logins(session, player_id=ann.id, now=NOW)
        assert (newest.agent, newest.login_id > oldest.login_id) == ("test", True)
        with pytest.raises(NotFound):
            await logins.revoke(session, player_id=bob.id, login_id=oldest.login_id, now=NOW)
        await logins.revoke(session, player_id=ann.id, login_id=oldest.login_id, now=NOW)
        assert await refused(session, desk.token)
        assert not await refused(session, phone.token)
        with pytest.raises(LoginRefused):
            await mint(session, ann)
        left = await logins.list_logins(session, player_id=ann.id, now=NOW)
        assert [view.login_id for view in left] == [newest.login_id]
        assert "login.ended" in await outbox_kinds(session, consumer=outbox.LIVE, key=ann.id)


@pytest.mark.parametrize("token", ["", "x", "ё" * 40, "\x00", "a" * 100_000])
async def test_a_made_up_token_is_refused(db: Database, token) -> None:
    async with db.transaction() as session:
        await mint(session, await make_player(session))
        assert await refused(session, token)


async def test_a_ticket_opens_once(db: Database) -> None:
    async with db.transaction() as session:
        player = await make_player(session)
        token = (await mint(session, player)).token
        login = await logins.resume(session, token=token, now=NOW)
        ticket = await logins.mint_ticket(session, login_id=login.login_id, now=NOW)

    async def redeem() -> int | None:
        try:
            async with db.transaction() as session:
                opened = await logins.redeem_ticket(session, ticket=ticket, now=NOW)
        except LoginRefused:
            return None
        return opened.login_id

    opened = await asyncio.gather(*(redeem() for _ in range(5)))
    assert [found for found in opened if found is not None] == [login.login_id]


async def test_a_late_ticket_and_one_of_an_ended_login_open_nothing(db: Database) -> None:
    async with db.transaction() as session:
        player = await make_player(session)
        token = (await mint(session, player)).token
        login = await logins.resume(session, token=token, now=NOW)
        late = await logins.mint_ticket(session, login_id=login.login_id, now=NOW)
        with pytest.raises(LoginRefused):
            await logins.redeem_ticket(session, ticket=late, now=NOW + logins.TICKET_LIVES_FOR)
        orphan = await logins.mint_ticket(session, login_id=login.login_id, now=NOW)
        await logins.log_out(session, token=token, now=NOW)
        with pytest.raises(LoginRefused):
            await logins.redeem_ticket(session, ticket=orphan, now=NOW)
        with pytest.raises(LoginRefused):
            await logins.mint_ticket(session, login_id=login.login_id, now=NOW)


async def test_old_logins_are_cleared_but_never_a_spent_proof_that_could_mint(
    db: Database,
) -> None:
    async with db.transaction() as session:
        player = await make_player(session)
        token = (await mint(session, player)).token
        login = await logins.resume(session, token=token, now=NOW)
        await logins.mint_ticket(session, login_id=login.login_id, now=NOW)
        await logins.log_out(session, token=token, now=NOW)
        for hours in (1, 23, 24):
            later = NOW + timedelta(hours=hours)
            assert await logins.clear_old(session, now=later) == 0
            with pytest.raises(LoginRefused):
                await mint(session, player, now=later)
        assert await logins.clear_old(session, now=NOW + timedelta(hours=49)) == 1
        assert await logins.clear_old(session, now=NOW + timedelta(hours=49)) == 0
