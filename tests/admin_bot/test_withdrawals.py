"""The withdrawal queue: cards for all, one decision, two people above the ceiling."""

import asyncio
from datetime import UTC, datetime

from sqlalchemy import text

from casino import ids
from casino.cashier import payouts, withdrawals
from casino.clock import utc_now
from casino.ledger import reconcile
from casino.staff import orders
from messaging.addresses import in_groups
from tests.admin_bot.office import AUDITOR, KEY_SEED, NAME, OWNER, PAYMENTS, Clerk, Office
from tests.casino.cashier import cashbox

TON = cashbox.TON
OPEN = "Pay "


async def ask(office: Office, units: int = 10 * TON) -> int:
    player_id = await cashbox.rich_player(office.database, 2000 * TON)
    await office.scalar(
        "UPDATE players SET kyc_level = 2 WHERE id = :id RETURNING id", id=player_id
    )
    asked = await cashbox.ask(office.database, player_id, units)
    await office.settle()
    return asked.id


async def status(office: Office, withdrawal_id: int) -> str:
    return await cashbox.status_of(office.database, withdrawal_id)


async def test_a_card_shows_what_the_decision_needs(
    office: Office, pavel: Clerk, pyotr: Clerk, kira: Clerk
) -> None:
    withdrawal_id = await ask(office)
    card = await pavel.last()
    assert card.text.startswith("Pay 10.00 TON to Ann?")
    assert "The player gets 9.95 TON, the fee is 0.05 TON. Worth 30.00 EUR." in card.text
    assert ids.public(withdrawal_id) in card.text
    lines = card.text.splitlines()
    at = {line[0]: number for number, line in reversed(list(enumerate(lines))) if line}
    assert at["⚠"] < at["•"] < at["✓"]  # the most unusual first, what is usual folded last
    assert "⚠️ Staked 0.00 EUR: 0 % of what was deposited" in card.text
    assert card.labels == ("Approve", "Player", "Copy the address", "Reject…")
    assert (await pyotr.last()).text.startswith("Выплатить 10,00 TON игроку Ann?")
    assert not (await kira.last()).text.startswith(OPEN)


async def test_the_address_is_shown_in_chunks_and_whole(office: Office, pavel: Clerk) -> None:
    await ask(office)
    assert in_groups(cashbox.DESTINATION) in (await pavel.last()).text
    copied = await office.server.do("tap", person=pavel.person, bot=NAME, label="Copy the address")
    assert copied == {"copied": cashbox.DESTINATION}


async def test_approving_signs_the_order_and_finishes_every_card(
    office: Office, pavel: Clerk, pyotr: Clerk
) -> None:
    withdrawal_id = await ask(office)
    answer = await pavel.answer("Approve")
    assert answer["text"] == "Approved. The order is signed."
    assert await status(office, withdrawal_id) == "approved"
    mine, his = await pavel.last(), await pyotr.last()
    assert mine.text.startswith("10.00 TON to Ann: approved")
    assert f"Approved by payments {PAYMENTS}" in mine.text
    assert his.text.startswith("10,00 TON игроку Ann: одобрено")
    assert (mine.labels, his.labels) == ((), ())
    async with office.database.transaction() as session:
        order_text, signature = (
            await session.execute(
                text("SELECT order_text, order_signature FROM withdrawals WHERE id = :id"),
                {"id": withdrawal_id},
            )
        ).one()
    order = orders.parse(order_text.encode())
    orders.verify(order, bytes(signature), public_key=orders.public_key(KEY_SEED))
    assert (order.withdrawal_id, order.approvers) == (
        withdrawal_id,
        (office.members[PAYMENTS].id,),
    )
    assert await office.actions(PAYMENTS) == ["withdrawal.approved"]
    assert await office.scalar("SELECT count(*) FROM staff_cards") == 0


async def test_a_double_press_decides_once(office: Office, pavel: Clerk) -> None:
    withdrawal_id = await ask(office)
    card = await pavel.last()
    first = await pavel.press("Approve")
    second = await pavel.press(data=card.data_of("Approve"), forge=True, message_id=card.message_id)
    await office.settle()
    assert (await pavel.heard(first))["text"] == "Approved. The order is signed."
    refused = await pavel.heard(second)
    assert refused["show_alert"]
    assert refused["text"].startswith("Nothing was done")
    assert f"Approved by payments {PAYMENTS}" in refused["text"]
    assert await office.actions(PAYMENTS) == ["withdrawal.approved"]
    assert await status(office, withdrawal_id) == "approved"


async def test_two_operators_at_once_exactly_one_wins(
    office: Office, pavel: Clerk, pyotr: Clerk
) -> None:
    """One approves, one rejects, in two handlers that run at the same time."""
    withdrawal_id = await ask(office)
    await pyotr.tap("Отклонить…")
    yes = await pavel.press("Approve")
    no = await pyotr.press("Адрес")
    assert await office._poller.poll_once() == 2
    events = await office._updates._claim(2)
    assert len(events) == 2
    await asyncio.gather(*(office._updates._handle(event) for event in events))
    await office.settle()
    said_yes, said_no = await pavel.heard(yes), await pyotr.heard(no)
    late = [said["text"].startswith(("Nothing", "Ничего")) for said in (said_yes, said_no)]
    assert sorted(late) == [False, True]
    assert await status(office, withdrawal_id) == ("rejected" if late[0] else "approved")
    decisions = await office.column(
        "SELECT action FROM audit_log WHERE action IN"
        " ('withdrawal.approved', 'withdrawal.rejected')"
    )
    assert len(decisions) == 1
    assert (await pavel.last()).labels == (await pyotr.last()).labels == ()


async def test_a_second_person_above_the_ceiling(
    office: Office, pavel: Clerk, pyotr: Clerk
) -> None:
    withdrawal_id = await ask(office, 900 * TON)  # 2,700 EUR
    assert await status(office, withdrawal_id) == "in_review"
    assert "two people have to agree" in (await pavel.last()).text
    answer = await pavel.answer("Approve")
    assert answer["text"] == "Noted. A second person has to agree."
    assert await status(office, withdrawal_id) == "in_review"
    mine = await pavel.last()
    assert mine.labels == ("Player", "Copy the address", "Reject…")
    assert f"Agreed so far: payments {PAYMENTS}" in mine.text
    # The same person is one person, even with a button of the new card.
    card = await pyotr.last()
    again = await pavel.forge(card.data_of("Одобрить"))
    assert again["text"] == "Noted. A second person has to agree."
    assert await status(office, withdrawal_id) == "in_review"
    await pyotr.tap("Одобрить")
    assert await status(office, withdrawal_id) == "approved"
    assert await office.actions(PAYMENTS) == ["withdrawal.seconded"]


async def test_a_button_from_before_the_first_yes_is_stale(
    office: Office, pavel: Clerk, pyotr: Clerk
) -> None:
    withdrawal_id = await ask(office, 900 * TON)
    old = (await pyotr.last()).data_of("Одобрить")
    await pavel.tap("Approve")
    refused = await pyotr.forge(old)
    assert refused["text"].startswith("Ничего не сделано")
    assert f"payments {PAYMENTS}" in refused["text"]
    assert await status(office, withdrawal_id) == "in_review"


async def test_rejecting_with_a_reason_from_the_list(office: Office, pavel: Clerk) -> None:
    withdrawal_id = await ask(office)
    reasons = await pavel.tap("Reject…")
    assert reasons.text.startswith(OPEN)  # the facts stay in view
    assert reasons.labels[-2:] == ("In my own words…", "‹ Decide nothing")
    assert await status(office, withdrawal_id) == "in_review"
    kept = await pavel.tap("‹ Decide nothing")
    assert kept.labels == ("Approve", "Player", "Copy the address", "Reject…")
    await pavel.tap("Reject…")
    answer = await pavel.answer("Address")
    assert answer["text"].startswith("Rejected")
    assert await status(office, withdrawal_id) == "rejected"
    async with office.database.transaction() as session:
        shown = await withdrawals.get(session, withdrawal_id=withdrawal_id)
    assert shown.reason is not None
    assert shown.reason.startswith("We cannot pay to this address")
    wallet = await cashbox.wallet(office.database, shown.player_id)
    assert (wallet.cash, wallet.reserved) == (2000 * TON, 0)
    assert "We cannot pay to this address" in (await pavel.last()).text


async def test_rejecting_in_own_words(office: Office, pavel: Clerk) -> None:
    withdrawal_id = await ask(office)
    card = await pavel.tap("Reject…")
    question = await pavel.tap("In my own words…")
    assert question.text.startswith("Why is it rejected?")
    told = await pavel.say("Exchanges need <a comment>")
    assert told.text.startswith("Rejected")
    async with office.database.transaction() as session:
        shown = await withdrawals.get(session, withdrawal_id=withdrawal_id)
    assert (shown.status, shown.reason) == ("rejected", "Exchanges need <a comment>")
    finished = next(said for said in await pavel.all() if said.message_id == card.message_id)
    assert finished.labels == ()
    assert "Exchanges need <a comment>" in finished.text


async def test_an_auditor_sees_and_cannot_decide(office: Office, pavel: Clerk, ada: Clerk) -> None:
    withdrawal_id = await ask(office)
    card = await pavel.last()
    assert (await ada.last()).labels == ("Player", "Copy the address")
    for label in ("Approve", "Reject…"):
        refused = await ada.forge(card.data_of(label))
        assert refused["text"] == "Your roles do not allow this."
    reasons = await pavel.tap("Reject…")
    assert (await ada.forge(reasons.data_of("Address")))["show_alert"]
    assert await status(office, withdrawal_id) == "in_review"
    assert await office.actions(AUDITOR) == []


async def test_roles_taken_away_count_at_once(office: Office, pavel: Clerk, olga: Clerk) -> None:
    withdrawal_id = await ask(office)
    card = await pavel.last()
    await office.scalar(
        "UPDATE staff_members SET roles = '{support}' WHERE telegram_id = :id RETURNING id",
        id=PAYMENTS,
    )
    assert (await pavel.forge(card.data_of("Approve")))["text"] == "Your roles do not allow this."
    await olga.tap("Approve")
    assert await status(office, withdrawal_id) == "approved"
    assert "withdrawal.approved" in await office.actions(OWNER)
    # A card that he may no longer see is taken out of his chat.
    assert card.message_id not in {said.message_id for said in await pavel.all()}


async def test_a_withdrawal_taken_back_by_the_player_finishes_the_card(
    office: Office, pavel: Clerk
) -> None:
    withdrawal_id = await ask(office)
    card = await pavel.last()
    async with office.database.transaction() as session:
        shown = await withdrawals.get(session, withdrawal_id=withdrawal_id)
        await withdrawals.cancel(
            session, withdrawal_id=withdrawal_id, player_id=shown.player_id, now=utc_now()
        )
    refused = await pavel.forge(card.data_of("Approve"))
    assert refused["text"].startswith("Nothing was done")
    assert "Taken back by the player" in refused["text"]
    assert await status(office, withdrawal_id) == "cancelled"
    assert (await pavel.last()).labels == ()


async def test_a_stopped_switch_stops_approvals(office: Office, pavel: Clerk) -> None:
    withdrawal_id = await ask(office)
    await office.scalar(
        "INSERT INTO flags (name, stopped, reason, actor, changed_at)"
        " VALUES ('withdrawals', true, 'test', 'system', now()) RETURNING name"
    )
    assert (await pavel.answer("Approve"))["text"] == "Stopped by a switch: Withdrawals."
    assert await status(office, withdrawal_id) == "in_review"


async def test_the_queue_lists_what_waits_and_opens_a_card(office: Office, olga: Clerk) -> None:
    first, second = await ask(office), await ask(office, 20 * TON)
    menu = await olga.say("/menu")
    assert "2 withdrawals to decide" in menu.text
    queue = await olga.tap("Withdrawals · 2")
    assert [label.split(" · ")[0] for label in queue.labels[:2]] == ["10.00 TON", "20.00 TON"]
    card = await olga.tap("10.00 TON · Ann · TON network")
    assert ids.public(first) in card.text
    assert ids.public(second) not in card.text
    await olga.tap("Approve")
    # Both of her cards of the first one are finished, the second still waits.
    finished = [said for said in await olga.all() if ids.public(first) in said.text]
    assert len(finished) == 2
    assert all(said.labels == () for said in finished)
    assert await status(office, second) == "in_review"


async def test_a_dead_payment_is_sent_again_or_refunded(office: Office, pavel: Clerk) -> None:
    withdrawal_id = await ask(office)
    await pavel.tap("Approve")
    payout = await cashbox.signed_payout(office.database)
    async with office.database.transaction() as session:
        await payouts.member_dead(
            session,
            payout_id=payout.id,
            withdrawal_id=withdrawal_id,
            proof="expired and absent",
            now=datetime.now(UTC),
        )
    await office.settle()
    card = await pavel.last()
    assert card.text.startswith("A payment died: 10.00 TON to Ann")
    assert card.labels == ("Send it again", "Player", "Copy the address", "Give the money back…")
    assert (await pavel.answer("Send it again"))["text"] == "It goes out again."
    await pavel.tap("Give the money back…")
    answer = await pavel.answer("Network")
    assert answer["text"] == "The player has the money back."
    assert await status(office, withdrawal_id) == "refunded"
    assert await office.actions(PAYMENTS) == [
        "withdrawal.approved",
        "withdrawal.reassigned",
        "withdrawal.refunded",
    ]
    async with office.database.transaction() as session:
        assert (await reconcile.reconcile(session)).sound
