"""Identity: one player per Telegram id, consent kept, blocking announced and audited."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import text

from casino import audit, ids, outbox
from casino.db import Database
from casino.errors import BadChoice, ConsentRequired, IllegalMove, LoginRefused, NotFound
from casino.ledger import journal
from casino.players import facts, identity, logins
from casino.players.rules import Status
from tests.casino.players.people import NOW, make_player, outbox_kinds
from tests.casino.players.races import someone_waits


async def arrive(db: Database, payload: str | None = None, **changed):
    person = {"first_name": "Ann", "username": "ann", "language_code": "ru"} | changed
    async with db.transaction() as session:
        return await identity.find_or_create(
            session, telegram_id=77, start_payload=payload, now=NOW, **person
        )


async def test_eight_first_contacts_at_once_make_one_player(db: Database) -> None:
    arrived = await asyncio.gather(*(arrive(db, f"ref{n}") for n in range(8)))
    assert len({player.id for player in arrived}) == 1
    assert len({player.referral for player in arrived}) == 1
    async with db.transaction() as session:
        assert await session.scalar(text("SELECT count(*) FROM players")) == 1
        # Locking, counters and wallets all need rows that first contact made.
        await journal.lock_players(session, [arrived[0].id])
        await facts.load_one(session, player_id=arrived[0].id)


async def test_a_new_name_at_log_in_waits_for_a_command_on_the_player(db: Database) -> None:
    player = await arrive(db)
    locked, waits = asyncio.Event(), asyncio.Event()

    async def command() -> None:
        async with db.transaction() as session:
            await journal.lock_players(session, [player.id])
            locked.set()
            await waits.wait()
            # With the row taken by the other and the lock by us, this would be a deadlock.
            await identity.set_language(session, player_id=player.id, language="en", now=NOW)

    async def watch() -> None:
        while not await someone_waits(db):
            await asyncio.sleep(0.02)
        waits.set()

    async def log_in() -> None:
        await locked.wait()
        async with db.transaction() as session:
            await identity.find_or_create(
                session,
                telegram_id=77,
                first_name="Anna",
                username="ann",
                language_code="ru",
                start_payload=None,
                now=NOW,
            )
            await logins.mint(
                session, player_id=player.id, proof_hash=b"p", auth_date=NOW, agent="", now=NOW
            )

    await asyncio.gather(command(), log_in(), watch())
    async with db.transaction() as session:
        seen = await identity.get(session, player_id=player.id)
    assert (seen.first_name, seen.language) == ("Anna", "en")


async def test_first_contact_takes_language_and_referral(db: Database) -> None:
    player = await arrive(db, "friend_42", language_code="ru-RU")
    assert (player.language, player.referral, player.consented) == ("ru", "friend_42", False)
    again = await arrive(db, "other", first_name="Anna", username=None, language_code="en")
    assert again.id == player.id
    assert (again.first_name, again.username) == ("Anna", None)
    assert (again.language, again.referral) == ("ru", "friend_42")


@pytest.mark.parametrize("payload", [None, "", "a" * 65, "a b", "ref=1", "р", "ab\n", "'; --"])
async def test_a_malformed_referral_is_dropped(db: Database, payload) -> None:
    assert (await arrive(db, payload)).referral is None


async def test_a_referral_after_first_contact_is_ignored(db: Database) -> None:
    await arrive(db)
    assert (await arrive(db, "friend")).referral is None


@pytest.mark.parametrize(
    ("name", "shown"), [("\x00\n", "?"), (" A\x00nn\n", "Ann"), ("x" * 500, "x" * 128)]
)
async def test_names_are_kept_printable(db: Database, name, shown) -> None:
    assert (await arrive(db, first_name=name)).first_name == shown


async def test_search_finds_by_every_name_of_a_player(db: Database) -> None:
    async with db.transaction() as session:
        ann = await make_player(session, telegram_id=501, first_name="Ann", username="annie")
        bob = await make_player(session, telegram_id=502, first_name="100% Bob", username=None)

        async def found(words: str) -> set[int]:
            return {player.id for player in await identity.search(session, text=words)}

        assert await found(ids.public(ann.id)) == {ann.id}
        assert await found("502") == {bob.id}
        assert await found("@ANN") == {ann.id}
        assert await found("@nni") == set()
        assert await found(" an ") == {ann.id}
        assert await found("100%") == {bob.id}
        assert await found("%") == {bob.id}
        assert await found("_") == set()
        assert await found("9" * 40) == set()
        assert await found("@") == await found("  ") == set()
        assert await identity.find_by_telegram(session, telegram_id=501) == ann
        assert await identity.find_by_telegram(session, telegram_id=503) is None
        with pytest.raises(NotFound):
            await identity.get(session, player_id=1)


async def test_search_is_bounded(db: Database) -> None:
    async with db.transaction() as session:
        for number in range(12):
            await make_player(session, telegram_id=600 + number, consented=False)
        assert len(await identity.search(session, text="ann")) == identity.FOUND_MAX


async def test_consent_is_kept_once_with_version_age_and_language(db: Database) -> None:
    async with db.transaction() as session:
        player = await make_player(session, consented=False)
        for later in (0, 1):
            player = await identity.accept_terms(
                session,
                player_id=player.id,
                terms_version=identity.TERMS_VERSION,
                of_age=True,
                language="ru",
                now=NOW + timedelta(hours=later),
            )
        rows = await session.execute(
            text("SELECT terms_version, of_age, language, accepted_at FROM consents")
        )
        assert [tuple(row) for row in rows] == [(identity.TERMS_VERSION, True, "ru", NOW)]
    assert player.consented


@pytest.mark.parametrize(
    ("version", "of_age"), [(identity.TERMS_VERSION, False), ("2020-01-01", True), ("", True)]
)
async def test_no_consent_without_age_or_with_other_terms(db: Database, version, of_age) -> None:
    async with db.transaction() as session:
        player = await make_player(session, consented=False)
        with pytest.raises(ConsentRequired):
            await identity.accept_terms(
                session,
                player_id=player.id,
                terms_version=version,
                of_age=of_age,
                language="en",
                now=NOW,
            )
        assert not (await identity.get(session, player_id=player.id)).consented


async def test_language_is_one_that_we_speak(db: Database) -> None:
    async with db.transaction() as session:
        player = await make_player(session)
        changed = await identity.set_language(session, player_id=player.id, language="ru", now=NOW)
        assert changed.language == "ru"
        with pytest.raises(BadChoice):
            await identity.set_language(session, player_id=player.id, language="xx", now=NOW)


async def test_unreachable_until_he_is_back(db: Database) -> None:
    async with db.transaction() as session:
        player = await make_player(session)
        telegram_id = player.telegram_id
        await identity.mark_unreachable(session, telegram_id=telegram_id, now=NOW)
        assert (await identity.get(session, player_id=player.id)).unreachable
        before = NOW - timedelta(seconds=1)
        await identity.mark_reachable(session, telegram_id=telegram_id, now=before)
        assert (await identity.get(session, player_id=player.id)).unreachable
        await identity.mark_reachable(session, telegram_id=telegram_id, now=NOW)
        assert not (await identity.get(session, player_id=player.id)).unreachable
        await identity.mark_unreachable(session, telegram_id=404, now=NOW)


async def test_a_block_ends_logins_is_audited_and_announced(db: Database) -> None:
    async with db.transaction() as session:
        player = await make_player(session)
        minted = await logins.mint(
            session, player_id=player.id, proof_hash=b"p", auth_date=NOW, agent="", now=NOW
        )
        blocked = await identity.block(
            session, player_id=player.id, reason=" chargeback ", actor="staff:5", now=NOW
        )
        assert (blocked.status, blocked.status_reason) == (Status.BLOCKED, "chargeback")
        with pytest.raises(LoginRefused):
            await logins.resume(session, token=minted.token, now=NOW)
        with pytest.raises(IllegalMove):
            await identity.block(
                session, player_id=player.id, reason="again", actor="staff:5", now=NOW
            )
        line, *_ = await audit.search(session, action="player.blocked")
        assert (line.actor, line.subject) == ("staff:5", f"player:{player.id}")
        assert line.after == {"status": "blocked", "reason": "chargeback"}
        opened = await identity.unblock(
            session, player_id=player.id, reason="cleared", actor="staff:6", now=NOW
        )
        assert (opened.status, opened.status_reason) == (Status.ACTIVE, None)
        kinds = await outbox_kinds(session, consumer=outbox.PLAYER, key=player.id)
        assert kinds == ["player.blocked", "player.unblocked"]
        assert (await audit.verify(session))[1] is None


async def test_a_block_wants_a_reason_and_an_unblock_a_block(db: Database) -> None:
    async with db.transaction() as session:
        player = await make_player(session)
        with pytest.raises(BadChoice):
            await identity.block(
                session, player_id=player.id, reason="  ", actor="staff:5", now=NOW
            )
        with pytest.raises(IllegalMove):
            await identity.unblock(
                session, player_id=player.id, reason="x", actor="staff:5", now=NOW
            )


async def test_two_blocks_at_once_are_one(db: Database) -> None:
    async with db.transaction() as session:
        player = await make_player(session)

    async def block(number: int) -> bool:
        try:
            async with db.transaction() as session:
                await identity.block(
                    session, player_id=player.id, reason="x", actor=f"staff:{number}", now=NOW
                )
        except IllegalMove:
            return False
        return True

    assert sorted(await asyncio.gather(*(block(n) for n in range(5)))) == [False] * 4 + [True]
