"""Who gets in, what strangers hear, what nobody can press."""

import pytest
from prometheus_client import REGISTRY

from admin_bot.__main__ import ensure_owners
from admin_bot.desk import ApprovalKey
from casino.staff.roles import Role
from tests.admin_bot.office import AUDITOR, NAME, OWNER, PAYMENTS, STRANGER, Clerk, Office
from tests.casino.cashier import cashbox

LINE = "This bot is for the staff of Fairhouse only."
COUNTER = "telegram_updates_total"
STRANGERS = {"bot": "telegram:admin", "result": "stranger"}


async def test_a_stranger_hears_one_line_and_is_counted(office: Office, pavel: Clerk) -> None:
    counted = REGISTRY.get_sample_value(COUNTER, STRANGERS) or 0
    stranger = office.clerk(STRANGER)
    said = await stranger.start()
    assert (said.text, said.labels) == (LINE, ())
    await cashbox.ask(office.database, await cashbox.rich_player(office.database))
    await office.settle()
    card = await pavel.last()
    for words in ("/queue", "/figures", "/audit", "hello"):
        assert (await stranger.say(words)).text == LINE
    answer = await stranger.forge(card.data_of("Approve"))
    assert (answer["text"], answer["show_alert"]) == (LINE, True)
    assert {said.text for said in await stranger.all()} == {LINE}
    assert (REGISTRY.get_sample_value(COUNTER, STRANGERS) or 0) == counted + 6
    assert await office.scalar("SELECT count(*) FROM withdrawals WHERE status = 'in_review'") == 1


async def test_a_removed_member_is_a_stranger_at_once(office: Office, pavel: Clerk) -> None:
    assert (await pavel.say("/queue")).text.startswith("Withdrawals")
    await office.scalar(
        "UPDATE staff_members SET removed_at = now() WHERE telegram_id = :id RETURNING id",
        id=PAYMENTS,
    )
    assert (await pavel.say("/queue")).text == LINE
    assert (await pavel.answer("‹ Back"))["text"] == LINE


async def test_a_menu_shows_what_its_reader_may_do(
    olga: Clerk, pavel: Clerk, kira: Clerk, sam: Clerk, ada: Clerk
) -> None:
    async def places(clerk: Clerk) -> set[str]:
        return {label.split(" · ")[0] for label in (await clerk.last()).labels}

    assert await places(olga) == {
        "Withdrawals",
        "Verification",
        "Coins without an owner",
        "Held deposits",
        "Strange tokens",
        "Players",
        "Today",
        "Hot and cold",
        "Switches",
        "Audit log",
        "Staff",
    }
    assert await places(pavel) >= {"Withdrawals", "Switches", "Players", "Today"}
    assert not await places(pavel) & {"Verification", "Audit log", "Staff"}
    assert await places(kira) == {"Verification", "Players"}
    assert await places(sam) == {"Players"}
    assert await places(ada) == {"Withdrawals", "Players", "Today", "Hot and cold", "Audit log"}


async def test_commands_of_other_roles_are_refused(kira: Clerk, ada: Clerk) -> None:
    for command in ("/queue", "/figures", "/switches", "/audit"):
        assert (await kira.say(command)).text == "Your roles do not allow this.", command
    assert (await ada.say("/switches")).text == "Your roles do not allow this."
    assert (await ada.say("/verify")).text == "Your roles do not allow this."


async def test_outdated_and_forged_buttons_get_a_polite_answer(olga: Clerk) -> None:
    for data in ("go0|menu", "go1", "wdyes1|x|y", "wdyes1|5", "x", "memrole1|1|king|2"):
        assert (await olga.forge(data))["show_alert"], data
    for data in ("card1|withdrawal:77", "card1|nothing:1", "card1|withdrawal:x", "pl1|5|0"):
        answer = await olga.forge(data)
        assert answer["text"] == "There is no such thing (any more).", data
    assert (await olga.forge("why1|reject|withdrawal:5|-|nonsense"))["show_alert"]
    assert (await olga.forge("sw1|nonsense"))["text"] == "There is no such thing (any more)."


async def test_groups_hear_nothing(office: Office, olga: Clerk) -> None:
    group = -1000000000500
    before = await olga.all()
    await office.server.do("send", person=OWNER, chat=group, text=f"/menu@{NAME}")
    await office.settle()
    shown = await office.server.see("chat", person=OWNER, chat=group)
    assert not [message for message in shown["messages"] if message["from"]["is_bot"]]
    assert await olga.all() == before


async def test_a_member_who_blocked_the_bot_gets_his_cards_when_he_is_back(
    office: Office, pavel: Clerk, ada: Clerk
) -> None:
    await office.server.do("block", person=PAYMENTS, bot=NAME, blocked=True)
    await office.settle()
    player_id = await cashbox.rich_player(office.database)
    await cashbox.ask(office.database, player_id)
    await office.settle()
    assert (await ada.last()).text.startswith("Pay 10.00 TON")
    assert await office.column("SELECT outcome FROM inbox WHERE outcome NOT LIKE 'handled'") == []
    await office.server.do("block", person=PAYMENTS, bot=NAME, blocked=False)
    assert "1 withdrawal to decide" in (await pavel.say("/menu")).text
    await cashbox.ask(office.database, player_id)
    await office.settle()
    assert (await pavel.last()).text.startswith("Pay 10.00 TON")


async def test_whoever_never_started_the_bot_does_not_stop_the_news(
    office: Office, ada: Clerk
) -> None:
    await office.scalar(
        "INSERT INTO staff_chats (member_id, language) VALUES (:id, 'en') RETURNING member_id",
        id=office.members[PAYMENTS].id,
    )
    await cashbox.ask(office.database, await cashbox.rich_player(office.database))
    await office.settle()
    assert (await ada.last()).text.startswith("Pay 10.00 TON")
    outcomes = await office.column(
        "SELECT outcome FROM outbox WHERE consumer = 'staff' AND kind = 'withdrawal.review'"
    )
    assert outcomes == ["cards: 1"]
    assert await office.scalar("SELECT count(*) FROM staff_chats WHERE closed_at IS NOT NULL") == 1


async def test_the_language_is_that_of_the_members_telegram(pyotr: Clerk) -> None:
    assert (await pyotr.last()).text.startswith("Стол Fairhouse")
    assert (await pyotr.say("/audit")).text == "Ваши роли этого не позволяют."


async def test_owners_of_the_settings_are_made_once(office: Office) -> None:
    await ensure_owners(office.database, "9001, 424242")
    await ensure_owners(office.database, "9001 424242")
    roles = await office.column("SELECT roles FROM staff_members WHERE telegram_id = 424242")
    assert roles == [[Role.OWNER.value]]
    with pytest.raises(ValueError, match="olga"):
        await ensure_owners(office.database, "olga")


def test_the_approval_key_never_shows_itself() -> None:
    key = ApprovalKey.from_hex("ab" * 32)
    assert "ab" not in repr(key)
    with pytest.raises(ValueError, match="64 hex digits"):
        ApprovalKey.from_hex("ab" * 31)


async def test_a_message_that_only_an_auditor_reads_leaves_no_trace(
    office: Office, ada: Clerk
) -> None:
    for command in ("/queue", "/figures", "/audit"):
        await ada.say(command)
    assert await office.actions(AUDITOR) == []
