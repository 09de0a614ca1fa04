"""Staff settle what left without us, payments with another amount, and moves to and from cold."""

import asyncio
from dataclasses import replace

from casino.cashier import (
    cold_storage,
    foreign_sends,
    thresholds,
    treasury,
    unshown_sends,
)
from casino.cashier.foreign_sends import SentPayment
from casino.cashier.thresholds import Thresholds
from casino.clock import utc_now
from casino.ledger import reconcile
from tests.admin_bot.office import OWNER, PAYMENTS, Clerk, Office
from tests.admin_bot.settling import NET, TX, asked, left, open_send, unclear
from tests.casino.cashier import cashbox
from tests.casino.cashier.cashbox import DESTINATION, HOT_WALLET, TON

RAIL = "TON · TON network"
COLD = "UQ" + "c0" * 23


async def status(office: Office, withdrawal_id: int) -> str:
    return await cashbox.status_of(office.database, withdrawal_id)


async def held(office: Office) -> int:
    async with office.database.transaction() as session:
        return await cold_storage.held_units(session, rail="ton")


async def sound(office: Office) -> bool:
    async with office.database.transaction() as session:
        return (await reconcile.reconcile(session)).sound


async def test_a_withdrawal_that_something_else_has_paid(
    office: Office, pavel: Clerk, ada: Clerk
) -> None:
    withdrawal = await asked(office)
    other = await asked(office, 9 * TON)
    await left(office, SentPayment("ton", DESTINATION, NET))
    await open_send(pavel)
    shown = await pavel.last()
    assert "Which withdrawal did it pay?" in shown.text
    assert shown.labels == ("It paid 9.95 TON · Ann", "‹ Back"), "and not the other one"
    sure = await pavel.tap("It paid 9.95 TON · Ann")
    assert "Look at the transaction in an explorer first" in sure.text
    stale = sure.data_of("Yes, this paid it")
    assert await status(office, withdrawal) == "in_review", "asked first"
    assert (await pavel.answer("Yes, this paid it"))["text"] == "Booked: the withdrawal is paid."
    assert await status(office, withdrawal) == "confirmed"
    assert await status(office, other) == "in_review"
    assert (await pavel.forge(stale))["text"] == "Booked: the withdrawal is paid."
    assert (await office.actions(PAYMENTS)).count("foreign_send.withdrawal") == 1
    assert (await ada.forge(stale))["text"] == "Your roles do not allow this."
    rest = await pavel.tap("What is left of it")
    assert "in no book yet" not in rest.text
    await pavel.tap("I know what this was")
    assert "Payouts from this account go on" in (await pavel.say("the backup of noon")).text
    assert await sound(office)


async def test_a_large_one_needs_two_people(office: Office, pavel: Clerk, olga: Clerk) -> None:
    withdrawal = await asked(office, 1000 * TON)
    await left(office, SentPayment("ton", DESTINATION, 1000 * TON - 50_000_000))
    await open_send(pavel)
    await pavel.tap("It paid 999.95 TON · Ann")
    assert "one more person" in (await pavel.answer("Yes, this paid it"))["text"]
    assert await status(office, withdrawal) == "in_review"
    told = await olga.showing("One more person has to agree")
    assert TX in told.text
    assert "foreign_send.seconded" in await office.actions(PAYMENTS)
    await open_send(olga)
    await olga.tap("It paid 999.95 TON · Ann")
    assert (await olga.answer("Yes, this paid it"))["text"] == "Booked: the withdrawal is paid."
    assert await status(office, withdrawal) == "confirmed"


async def test_two_at_once_book_it_once(office: Office, pavel: Clerk, olga: Clerk) -> None:
    withdrawal = await asked(office)
    await left(office, SentPayment("ton", DESTINATION, NET))
    for clerk in (pavel, olga):
        await open_send(clerk)
        await clerk.tap("It paid 9.95 TON · Ann")
    await asyncio.gather(*(clerk.press("Yes, this paid it") for clerk in (pavel, olga)))
    await office.settle()
    assert await status(office, withdrawal) == "confirmed"
    ends = await office.scalar(
        "SELECT count(*) FROM withdrawal_history WHERE to_status = 'confirmed'"
    )
    assert ends == 1
    assert await sound(office)


async def test_what_is_still_under_way_waits(office: Office, pavel: Clerk) -> None:
    withdrawal = await asked(office)
    await cashbox.approve(office.database, withdrawal, office.members[OWNER])
    await cashbox.claim(office.database)
    await left(office, SentPayment("ton", DESTINATION, NET))
    await open_send(pavel)
    shown = await pavel.last()
    assert "a payout of its own may still pay it" in shown.text
    assert shown.labels == ("‹ Back",)


async def test_owners_book_cold_storage_and_losses(
    office: Office, olga: Clerk, pavel: Clerk
) -> None:
    await cashbox.rich_player(office.database)
    await left(
        office, SentPayment("ton", COLD, 30 * TON), SentPayment("ton", "UQ-of-a-thief", 7 * TON)
    )
    await open_send(pavel)
    assert "No open withdrawal has this address and amount." in (await pavel.last()).text
    assert (await pavel.last()).labels == ("‹ Back",), "clerks book withdrawals alone"
    card = await pavel.tap("‹ Back")
    assert "It paid nobody of ours…" not in card.labels
    for data in (f"fscold1|{TX[:24]}|0|1", f"fslost1|{TX[:24]}"):
        assert (await pavel.forge(data))["text"] == "Your roles do not allow this."
    await open_send(olga)
    sure = await olga.tap("It went to cold storage")
    assert "Did 30.00 TON go to cold storage?" in sure.text
    assert (await olga.answer("Yes, it is our cold storage"))["text"].startswith("Booked")
    assert await held(office) == 30 * TON
    card = await olga.tap("What is left of it")
    assert "1 of them is in no book yet" in card.text
    ask = await olga.tap("It paid nobody of ours…")
    assert "7.00 TON: booked against the house's capital" in ask.text
    assert "capital bears it" in (await olga.say("the key was stolen")).text
    note = await office.scalar("SELECT note FROM foreign_payments WHERE what = 'loss'")
    assert note == "the key was stolen"
    async with office.database.transaction() as session:
        view = await treasury.hot_wallet_view(session, rail="ton")
    assert view.book_units == 63 * TON
    assert await sound(office)
    await olga.say("/menu")
    listed = await olga.tap("Hot and cold")
    shown = await olga.tap(next(one for one in listed.labels if RAIL in one))
    assert "→ 30.00 TON to cold storage" in shown.text


async def test_an_explained_one_can_still_be_settled(office: Office, pavel: Clerk) -> None:
    withdrawal = await asked(office)
    await left(office, SentPayment("ton", DESTINATION, NET))
    await left(office, SentPayment("ton", "UQ-nobody", TON), tx_hash="cd" * 32)
    await pavel.say("/menu")
    listed = await pavel.tap("Left without us · 2")
    await pavel.tap(listed.labels[0])
    await pavel.tap("I know what this was")
    await pavel.say("too fast")
    assert await status(office, withdrawal) == "in_review"
    await pavel.say("/menu")
    await pavel.tap("Left without us · 1")
    listed = await pavel.showing("Left our accounts without us")
    card = await pavel.tap(next(one for one in listed.labels if one.startswith("✓")))
    assert "I know what this was" not in card.labels
    await pavel.tap(next(one for one in card.labels if "→" in one))
    await pavel.tap("It paid 9.95 TON · Ann")
    await pavel.tap("Yes, this paid it")
    assert await status(office, withdrawal) == "confirmed"


async def test_what_the_node_could_not_show_books_nothing(office: Office, olga: Clerk) -> None:
    async with office.database.transaction() as session:
        await foreign_sends.note(
            session,
            rail="ton",
            account=HOT_WALLET,
            tx_hash="nonce 5",
            evidence={"nonce": 5},
            now=utc_now(),
        )
    await office.settle()
    await olga.say("/menu")
    listed = await olga.tap("Left without us · 1")
    card = await olga.tap(listed.labels[0])
    assert "The token's records are being searched" in card.text
    async with office.database.transaction() as session:
        (search,) = await unshown_sends.unshown(session, rail="ton")
        await unshown_sends.read_to(session, searches=[search.until(9)], height=9)
    await olga.tap("‹ Back")
    card = await olga.tap(listed.labels[0])
    assert "could not show whom it paid" in card.text
    assert card.labels == ("I know what this was", "‹ Back")
    for data in ("fspay1|nonce 5|0", "fswd1|nonce 5|0|7|1"):
        assert (await olga.forge(data))["text"] == "There is no such thing (any more)."
    asked_for = await olga.tap("I know what this was")
    assert "We do not know whom it paid" in asked_for.text


async def test_a_payment_with_another_amount_is_decided_on_its_card(
    office: Office, pavel: Clerk, olga: Clerk, ada: Clerk
) -> None:
    withdrawal = await unclear(office, arrived=9 * TON)
    card = await pavel.last()
    for shown in ("mined with another amount", "Meant: 9.95 TON", "Arrived: 9.00 TON", "hash"):
        assert shown in card.text
    assert "It paid nothing" not in card.labels, "it would be paid twice"
    assert "another amount" not in (await ada.last()).text
    assert "1 payment with another amount" in (await olga.say("/menu")).text
    await olga.tap("Other amounts · 1")
    await olga.tap((await olga.last()).labels[0])
    sure = await pavel.tap("Paid in part: give the rest back")
    assert "The missing 0.95 TON go back" in sure.text
    assert await status(office, withdrawal) == "signed", "asked first"
    assert (await pavel.answer("Yes, book it"))["text"] == "Booked."
    assert await status(office, withdrawal) == "confirmed"
    assert not (await olga.showing("Meant: 9.95 TON")).buttons, "her card is over too"
    stale = card.data_of("It is paid").removesuffix("0") + "1"
    assert (await olga.forge(stale))["text"].startswith("Nothing was done")
    assert (await office.actions(PAYMENTS))[-1] == "unclear_payment.made_good"
    assert "Booked as paid in part" in (await pavel.showing("Meant: 9.95 TON")).text
    assert await sound(office)


async def test_one_that_paid_nothing_goes_back_to_the_queue(office: Office, pavel: Clerk) -> None:
    withdrawal = await unclear(office, arrived=0)
    card = await pavel.last()
    assert {"It is paid", "Paid in part: give the rest back"}.isdisjoint(card.labels)
    await pavel.tap("It paid nothing")
    await pavel.tap("Yes, book it")
    assert await status(office, withdrawal) == "dead"
    assert "Send it again" in (await pavel.showing("10.00 TON")).labels
    payout = card.data_of("It paid nothing").split("|")[1]
    for answer in ("accepted", "nonsense"):
        refused = await pavel.forge(f"unclear1|{payout}|{answer}|1")
        assert refused["text"], answer
    assert await status(office, withdrawal) == "dead"


async def test_coins_from_cold_storage_are_booked_from_their_card_or_by_their_hash(
    office: Office, olga: Clerk, pavel: Clerk
) -> None:
    await cashbox.rich_player(office.database)
    async with office.database.transaction() as session:
        await cold_storage.book_move(
            session, rail="ton", units=40 * TON, reference="1", tx_hash="tx", now=utc_now()
        )
    first, second = (cashbox.transfer(units * TON, None) for units in (5, 6))
    second = replace(second, tx_hash="ef" * 32)
    await cashbox.arrive(office.database, first, second)
    await office.settle()
    await pavel.say("/menu")
    listed = await pavel.tap("Coins without an owner · 2")
    card = await pavel.tap(next(one for one in listed.labels if "5.00" in one))
    assert "It came back from cold storage" not in card.labels
    unclaimed = card.data_of("Find the owner").rpartition("|")[2]
    refused = await pavel.forge(f"uncold1|{unclaimed}|1")
    assert refused["text"] == "Your roles do not allow this."
    await olga.say("/menu")
    listed = await olga.tap("Coins without an owner · 2")
    await olga.tap(next(one for one in listed.labels if "5.00" in one))
    await olga.tap("It came back from cold storage")
    said = await olga.answer("Yes, from cold storage")
    assert said["text"] == "Booked: it came back from cold storage."
    assert await held(office) == 35 * TON
    again = await olga.forge(f"uncold1|{unclaimed}|1")
    assert again["text"].startswith("Nothing was done")
    await olga.say("/menu")
    listed = await olga.tap("Hot and cold")
    await olga.tap(next(one for one in listed.labels if RAIL in one))
    await olga.tap("Book a move by hand…")
    assert "not read such a transaction" in (await olga.say("12" * 32)).text
    await olga.say("/menu")
    listed = await olga.tap("Hot and cold")
    await olga.tap(next(one for one in listed.labels if RAIL in one))
    await olga.tap("Book a move by hand…")
    sure = await olga.say(f"https://explorer.example/transaction/{second.tx_hash.upper()}")
    assert "Did 6.00 TON come back from cold storage?" in sure.text
    await olga.tap("Yes, from cold storage")
    assert await olga.showing("← 6.00 TON from cold storage")
    assert await held(office) == 29 * TON
    assert (await office.actions(OWNER)).count("treasury.came_from_cold") == 2
    assert await sound(office)


async def test_a_move_by_hand_is_found_by_its_hash(office: Office, olga: Clerk) -> None:
    await cashbox.rich_player(office.database)
    await left(office, SentPayment("ton", COLD, 30 * TON))
    await olga.say("/menu")
    listed = await olga.tap("Hot and cold")
    await olga.tap(next(one for one in listed.labels if RAIL in one))
    await olga.tap("Book a move by hand…")
    card = await olga.say(TX.upper())
    assert any("30.00 TON →" in one for one in card.labels)
    assert (await olga.forge("hotback1|ton"))["text"].startswith("What this was about")


async def test_the_cold_address_may_be_set_again_and_withdrawn_to_by_nobody(
    office: Office,
) -> None:
    wanted = Thresholds(TON, 2 * TON, 3 * TON, COLD)
    for change in (wanted, None, wanted):
        async with office.database.transaction() as session:
            await thresholds.change(
                session, rail="ton", thresholds=change, actor="staff:1", now=utc_now()
            )
    async with office.database.transaction() as session:
        assert COLD in await cold_storage.addresses(session, rail="ton")
