"""Verification: documents checked and sealed, one open case, one decision."""

import asyncio
import base64

import pytest
from sqlalchemy import text

from casino import audit, outbox
from casino.db import Database
from casino.errors import (
    BadChoice,
    DocumentInvalid,
    IllegalMove,
    InvariantViolation,
    NotFound,
    NotPermitted,
)
from casino.players import changes, identity, kyc
from casino.players.kyc import CaseStatus
from casino.staff import people
from casino.vault import Vault
from tests.casino.players.people import NOW, make_player, outbox_kinds

JPEG = b"\xff\xd8\xff\xe0" + b"a face and a name " * 50
PNG = b"\x89PNG\r\n\x1a\n" + bytes(100)
PDF = b"%PDF-1.7 an electricity bill"


@pytest.fixture
def vault() -> Vault:
    return Vault({1: bytes(range(32))})


async def submit(session, vault, player, content=JPEG, *, kind="passport", mime="image/jpeg"):
    return await kyc.submit_document(
        session,
        vault=vault,
        player_id=player.id,
        kind=kind,
        content=content,
        mime=mime,
        now=NOW,
    )


async def test_documents_open_one_case_and_come_back_as_sent(db: Database, vault) -> None:
    async with db.transaction() as session:
        player = await make_player(session)
        case = await submit(session, vault, player)
        assert (case.status, case.requested_level) == (CaseStatus.PENDING, 1)
        more = await submit(session, vault, player, PNG, kind="selfie", mime="image/png")
        assert more.id == case.id
        assert [view.kind for view in more.documents] == ["passport", "selfie"]
        assert await kyc.pending(session) == [more]
        assert await kyc.get_case(session, case_id=case.id) == more
        assert await kyc.latest_case(session, player_id=player.id) == more
        assert (
            await outbox_kinds(session, consumer=outbox.STAFF, key=case.id) == ["kyc.submitted"] * 2
        )
    other = Vault({1: bytes(range(32))})  # another process, the same master key
    async with db.transaction() as session:
        document = await kyc.read_document(
            session,
            vault=other,
            document_id=more.documents[0].document_id,
            actor="staff:3",
            now=NOW,
        )
        assert (document.content, document.mime) == (JPEG, "image/jpeg")
        line, *_ = await audit.search(session, action="kyc.document_read")
        assert line.actor == "staff:3"


async def test_nothing_of_a_document_is_stored_in_the_clear(db: Database, vault) -> None:
    async with db.transaction() as session:
        await submit(session, vault, await make_player(session))
        sealed = await session.scalar(text("SELECT sealed FROM kyc_documents"))
    assert b"a face" not in sealed
    assert base64.b64encode(b"a face and a name") not in sealed


async def test_another_master_key_or_a_changed_byte_opens_nothing(db: Database, vault) -> None:
    async with db.transaction() as session:
        player = await make_player(session)
        document_id = (await submit(session, vault, player)).documents[0].document_id
    for stranger, harm in (
        (Vault({1: bytes(32)}), "SELECT 1"),
        (
            Vault({1: bytes(range(32))}),
            "UPDATE kyc_documents SET sealed = set_byte(sealed, 30, get_byte(sealed, 30) # 1)",
        ),
    ):
        async with db.transaction() as session:
            await session.execute(text(harm))
            with pytest.raises(InvariantViolation):
                await kyc.read_document(
                    session, vault=stranger, document_id=document_id, actor="staff:3", now=NOW
                )


async def test_the_same_picture_again_changes_nothing(db: Database, vault) -> None:
    async with db.transaction() as session:
        player = await make_player(session)

    async def one():
        async with db.transaction() as session:
            return await submit(session, vault, player)

    cases = await asyncio.gather(*(one() for _ in range(5)))
    assert {(case.id, len(case.documents)) for case in cases} == {(cases[0].id, 1)}


@pytest.mark.parametrize(
    ("content", "kind", "mime", "reason"),
    [
        (b"", "passport", "image/jpeg", "empty"),
        (b"MZ not a picture", "passport", "image/jpeg", "format"),
        (b"\xff\xd8", "passport", "image/jpeg", "format"),
        (b"<svg onload=alert(1)>", "passport", "image/svg+xml", "format"),
        (JPEG, "passport", "image/png", "mime"),
        (PNG, "passport", "image/jpeg", "mime"),
        (JPEG, "letter", "image/jpeg", "kind"),
        (JPEG + bytes(kyc.DOCUMENT_BYTES_MAX), "passport", "image/jpeg", "too_large"),
    ],
)
async def test_what_is_no_document(db: Database, vault, content, kind, mime, reason) -> None:
    async with db.transaction() as session:
        player = await make_player(session)
        with pytest.raises(DocumentInvalid) as error:
            await submit(session, vault, player, content, kind=kind, mime=mime)
        assert error.value.data["reason"] == reason
        assert await kyc.pending(session) == []


async def test_the_largest_document_and_every_format_are_taken(db: Database, vault) -> None:
    async with db.transaction() as session:
        player = await make_player(session)
        largest = JPEG.ljust(kyc.DOCUMENT_BYTES_MAX, b"x")
        await submit(session, vault, player, largest, mime="image/jpg")
        await submit(session, vault, player, PNG, kind="id_card", mime="image/png")
        case = await submit(
            session, vault, player, PDF, kind="proof_of_address", mime="application/pdf"
        )
    assert [view.mime for view in case.documents] == ["image/jpeg", "image/png", "application/pdf"]


async def test_a_case_holds_ten_documents(db: Database, vault) -> None:
    async with db.transaction() as session:
        player = await make_player(session)
        for number in range(kyc.DOCUMENTS_MAX):
            await submit(session, vault, player, JPEG + bytes([number]))
        with pytest.raises(DocumentInvalid):
            await submit(session, vault, player, JPEG + b"one more")


async def test_approval_grants_a_level_and_the_next_case_asks_for_the_next(
    db: Database, vault
) -> None:
    async with db.transaction() as session:
        player = await make_player(session)
        case = await submit(session, vault, player)
        decided = await kyc.approve(session, case_id=case.id, actor="staff:3", level=1, now=NOW)
        assert (decided.status, decided.decided_by) == (CaseStatus.APPROVED, "staff:3")
        assert (await identity.get(session, player_id=player.id)).kyc_level == 1
        second = await submit(session, vault, player)
        assert (second.id == case.id, second.requested_level) == (False, 2)
        # The first verification is no change of the account; a further one is.
        assert await changes.latest(session, player_id=player.id) is None
        await kyc.approve(session, case_id=second.id, actor="staff:3", level=2, now=NOW)
        assert await changes.latest(session, player_id=player.id) == NOW
        with pytest.raises(DocumentInvalid) as error:
            await submit(session, vault, player)
        assert error.value.data["reason"] == "verified"
        kinds = await outbox_kinds(session, consumer=outbox.PLAYER, key=player.id)
        assert kinds == ["kyc.approved"] * 2


async def test_nobody_verifies_himself(db: Database, vault) -> None:
    async with db.transaction() as session:
        player = await make_player(session)
        himself, other = await people.ensure_owners(
            session, telegram_ids=[player.telegram_id, player.telegram_id + 1], now=NOW
        )
        case = await submit(session, vault, player)
    with pytest.raises(NotPermitted):
        async with db.transaction() as session:
            await kyc.approve(
                session, case_id=case.id, actor=f"staff:{himself.id}", level=1, now=NOW
            )
    async with db.transaction() as session:
        assert (await identity.get(session, player_id=player.id)).kyc_level == 0
        await kyc.approve(session, case_id=case.id, actor=f"staff:{other.id}", level=1, now=NOW)


async def test_rejection_tells_why_and_leaves_the_level(db: Database, vault) -> None:
    async with db.transaction() as session:
        player = await make_player(session)
        case = await submit(session, vault, player)
        with pytest.raises(BadChoice):
            await kyc.reject(session, case_id=case.id, actor="staff:3", reason=" ", now=NOW)
        decided = await kyc.reject(
            session, case_id=case.id, actor="staff:3", reason="blurred", now=NOW
        )
        assert (decided.status, decided.reason) == (CaseStatus.REJECTED, "blurred")
        assert (await identity.get(session, player_id=player.id)).kyc_level == 0
        payload = await session.scalar(
            text("SELECT payload FROM outbox WHERE consumer = 'player' AND kind = 'kyc.rejected'")
        )
        assert payload["reason"] == "blurred"
        assert (await submit(session, vault, player)).id != case.id


async def test_only_one_of_many_decisions_counts(db: Database, vault) -> None:
    async with db.transaction() as session:
        player = await make_player(session)
        case = await submit(session, vault, player)

    async def decide(number: int) -> bool:
        try:
            async with db.transaction() as session:
                if number % 2:
                    await kyc.approve(
                        session, case_id=case.id, actor=f"staff:{number}", level=1, now=NOW
                    )
                else:
                    await kyc.reject(
                        session, case_id=case.id, actor=f"staff:{number}", reason="no", now=NOW
                    )
        except IllegalMove:
            return False
        return True

    decided = await asyncio.gather(*(decide(number) for number in range(6)))
    assert decided.count(True) == 1
    async with db.transaction() as session:
        lines = await audit.search(session, subject=f"kyc_case:{case.id}")
        assert len(lines) == 2  # submitted, decided
        approved = (await kyc.get_case(session, case_id=case.id)).status is CaseStatus.APPROVED
        assert (await identity.get(session, player_id=player.id)).kyc_level == int(approved)
        assert await kyc.pending(session) == []


@pytest.mark.parametrize("level", [0, 3, -1])
async def test_levels_are_one_and_two(db: Database, vault, level) -> None:
    async with db.transaction() as session:
        case = await submit(session, vault, await make_player(session))
        with pytest.raises(BadChoice):
            await kyc.approve(session, case_id=case.id, actor="staff:3", level=level, now=NOW)


async def test_a_lower_approval_takes_no_level_away(db: Database, vault) -> None:
    async with db.transaction() as session:
        player = await make_player(session)
        first = await submit(session, vault, player)
        await kyc.approve(session, case_id=first.id, actor="staff:3", level=1, now=NOW)
        second = await submit(session, vault, player)
        await kyc.approve(session, case_id=second.id, actor="staff:3", level=1, now=NOW)
        assert (await identity.get(session, player_id=player.id)).kyc_level == 1


async def test_what_does_not_exist_is_not_found(db: Database, vault) -> None:
    async with db.transaction() as session:
        player = await make_player(session)
        assert await kyc.latest_case(session, player_id=player.id) is None
        with pytest.raises(NotFound):
            await kyc.get_case(session, case_id=1)
        with pytest.raises(NotFound):
            await kyc.approve(session, case_id=1, actor="staff:3", level=1, now=NOW)
        with pytest.raises(NotFound):
            await kyc.read_document(session, vault=vault, document_id=1, actor="staff:3", now=NOW)
