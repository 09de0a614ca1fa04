"""Verification: documents on record, levels that open, pictures that go after the decision."""

from casino.ids import PlayerId
from casino.players import identity, kyc
from tests.admin_bot.office import KYC, OWNER, Clerk, Office


async def level(office: Office, player_id: int) -> int:
    async with office.database.transaction() as session:
        return (await identity.get(session, player_id=player_id)).kyc_level


async def test_documents_are_shown_protected_and_gone_after_the_decision(
    office: Office, kira: Clerk, olga: Clerk
) -> None:
    player_id = await office.newcomer()
    case_id = await office.submit(player_id)
    await office.submit(player_id, kind="selfie", more=b"more")
    await office.settle()
    card = await kira.last()
    assert card.text.startswith("Raise Ann to level 1?")
    assert "Passport" in card.text
    assert "Selfie" in card.text
    assert not any(said.photo for said in await kira.all())  # opened only by whoever looks
    below = await kira.tap("Show 2 documents")
    pictures = [said for said in await kira.all() if said.photo]
    assert [said.text for said in pictures] == ["Passport", "Selfie with the document"]
    assert all(said.protected for said in pictures)
    assert below.text == card.text
    assert await office.actions(KYC) == ["kyc.document_read", "kyc.document_read"]
    assert (await kira.answer("Level 1"))["text"] == "Level 1 granted."
    assert await level(office, player_id) == 1
    assert not any(said.photo for said in await kira.all())
    for clerk in (kira, olga):
        done = await clerk.last()
        assert done.text.startswith("Ann: verification approved")
        assert f"Approved by kyc {KYC}" in done.text
        assert done.labels == ()
    assert await office.scalar("SELECT count(*) FROM staff_cards") == 0
    async with office.database.transaction() as session:
        assert (await kyc.get_case(session, case_id=case_id)).status == "approved"


async def test_a_rejection_says_why_in_the_players_language(office: Office, kira: Clerk) -> None:
    player_id = await office.newcomer(language="ru", name="Борис")
    case_id = await office.submit(player_id)
    await office.settle()
    await kira.tap("Send back…")
    assert (await kira.answer("Unreadable"))["text"] == "Sent back with the reason."
    async with office.database.transaction() as session:
        case = await kyc.get_case(session, case_id=case_id)
    assert (case.status, await level(office, player_id)) == ("rejected", 0)
    assert case.reason is not None
    assert case.reason.startswith("Снимок нечёткий")
    # Staff read it in their own language.
    assert "The picture is blurred" in (await kira.last()).text


async def test_a_document_that_came_later_makes_the_button_stale(
    office: Office, kira: Clerk
) -> None:
    player_id = await office.newcomer()
    await office.submit(player_id)
    await office.settle()
    old = await kira.press("Level 1")
    await office.submit(player_id, kind="selfie", more=b"another")
    await office.settle()
    assert (await kira.heard(old))["text"].startswith("Nothing was done")
    assert await level(office, player_id) == 0
    assert (await kira.answer("Level 1"))["text"] == "Level 1 granted."


async def test_two_who_verify_one_case(office: Office, kira: Clerk, olga: Clerk) -> None:
    player_id = await office.newcomer()
    await office.submit(player_id)
    await office.settle()
    first = await kira.press("Level 2")
    second = await olga.press("Level 1")
    await office.settle()
    assert (await kira.heard(first))["text"] == "Level 2 granted."
    late = await olga.heard(second)
    assert f"Approved by kyc {KYC}" in late["text"]
    assert await level(office, player_id) == 2
    assert "kyc.approved" not in await office.actions(OWNER)


async def test_payments_support_and_auditors_never_see_a_document(
    office: Office, kira: Clerk, pavel: Clerk, sam: Clerk, ada: Clerk
) -> None:
    player_id = PlayerId(await office.newcomer())
    await office.submit(player_id)
    await office.settle()
    show = (await kira.last()).data_of("Show the document")
    for clerk in (pavel, sam, ada):
        assert "Raise Ann" not in (await clerk.last()).text
        assert (await clerk.forge(show))["text"] == "Your roles do not allow this."
        assert not any(said.photo for said in await clerk.all())


async def test_own_words_go_to_the_player(office: Office, kira: Clerk) -> None:
    player_id = await office.newcomer()
    case_id = await office.submit(player_id)
    await office.settle()
    await kira.tap("Send back…")
    await kira.tap("In my own words…")
    assert (await kira.say("Please send <both> sides")).text.startswith("Sent back")
    async with office.database.transaction() as session:
        assert (await kyc.get_case(session, case_id=case_id)).reason == "Please send <both> sides"
    payload = await office.scalar(
        "SELECT payload->>'reason' FROM outbox WHERE consumer = 'player' AND kind = 'kyc.rejected'"
    )
    assert payload == "Please send <both> sides"
