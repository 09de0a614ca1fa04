"""Documents: fetched from Telegram, stored sealed, read back byte for byte, refused in words."""

from casino.clock import utc_now
from casino.players import kyc
from tests.bot.crew import PNG, Crew, Visitor
from tests.factories import VAULT


async def documents(crew: Crew) -> list[tuple[str, str, bytes]]:
    async with crew.database.transaction() as session:
        found = []
        for case in await kyc.pending(session):
            for view in case.documents:
                document = await kyc.read_document(
                    session,
                    vault=VAULT,
                    document_id=view.document_id,
                    actor="staff:1",
                    now=utc_now(),
                )
                found.append((document.kind.value, document.mime, document.content))
    return found


async def test_a_document_travels_from_chat_to_vault(crew: Crew, ann: Visitor) -> None:
    await ann.accept()
    shown = await ann.tap("Verification")
    assert "level 0 of 2" in shown.text
    assert "up to 1,000.00 EUR in total" in shown.text
    asked = await ann.tap("Passport")
    assert "JPEG, PNG or PDF" in asked.text
    received = await ann.upload(PNG, kind="document", name="passport.png")
    assert received.text.startswith("Received: Passport")
    assert await documents(crew) == [("passport", "image/png", PNG)]
    stored = await crew.scalar("SELECT sealed FROM kyc_documents")
    assert PNG not in stored
    assert await crew.column("SELECT kind FROM outbox WHERE consumer = 'staff'") == [
        "kyc.submitted"
    ]


async def test_several_documents_join_one_case(crew: Crew, ann: Visitor) -> None:
    await ann.accept()
    await ann.say("/verify")
    await ann.tap("Identity card")
    await ann.upload(PNG, kind="document", name="front.png")
    await ann.upload(b"%PDF-1.7 back", kind="document", name="back.pdf")
    await ann.tap("Selfie with the document")
    await ann.upload(PNG, kind="document", name="selfie.png")
    kinds = [(kind, mime) for kind, mime, _ in await documents(crew)]
    assert kinds == [
        ("id_card", "image/png"),
        ("id_card", "application/pdf"),
        ("selfie", "image/png"),
    ]
    assert await crew.scalar("SELECT count(*) FROM kyc_cases") == 1


async def test_files_that_are_no_documents_are_refused_in_words(crew: Crew, ann: Visitor) -> None:
    await ann.accept()
    await ann.say("/verify")
    await ann.tap("Passport")
    refused = await ann.upload(b"MZ this is a program", kind="document", name="passport.png")
    assert "cannot be used" in refused.text
    assert "Send a photo" in (await ann.say("here it is")).text
    assert await documents(crew) == []
    received = await ann.upload(PNG, kind="document", name="passport.png")
    assert received.text.startswith("Received")


async def test_a_file_too_large_is_refused_before_it_is_fetched(crew: Crew, ann: Visitor) -> None:
    await ann.accept()
    await ann.say("/verify")
    await ann.tap("Passport")
    large = PNG + bytes(kyc.DOCUMENT_BYTES_MAX)
    refused = await ann.upload(large, kind="document", name="passport.png")
    assert "larger than 8 MB" in refused.text
    calls = await crew.server.see("calls", bot="fairhouse_bot", method="getFile", limit=10)
    assert calls["calls"] == []


async def test_a_picture_that_nobody_asked_for_is_not_stored(crew: Crew, ann: Visitor) -> None:
    await ann.accept()
    asked = await ann.upload(PNG, kind="photo", name="cat.png")
    assert asked.text.startswith("Is this a document?")
    assert "Passport" in asked.labels
    assert await documents(crew) == []
