"""A day at the office: every handler that acts is used once, and each leaves its line behind."""

from collections.abc import Iterator
from dataclasses import replace

from aiogram import Router
from aiogram.dispatcher.event.handler import HandlerObject
from sqlalchemy import text

from admin_bot.access import ANY_MEMBER, AUDITS, PERMISSION
from casino import audit, outbox
from casino.cashier import cold_storage, foreign_sends, freezes, payouts, token_cases
from casino.cashier.foreign_sends import SentPayment
from casino.cashier.rails import get_rail
from casino.cashier.strangers import StrangeTransfer
from casino.clock import utc_now
from casino.staff.roles import PERMISSIONS, Permission, Role
from casino.support import conversations
from tests.admin_bot.office import Clerk, Office, handler_name
from tests.admin_bot.settling import NET, asked, left, open_send, unclear
from tests.casino.cashier import cashbox
from tests.casino.cashier.cashbox import DESTINATION, TON

COLD = "0:" + "ab" * 32

OPEN_TO_ALL_STAFF = {
    "menu.menu",
    "menu.open_card",  # the card's kind decides
    "why.keep",  # the card's kind decides
    "fallback.outdated",
    "fallback.unknown",
    "fallback.left",
}


def handlers(office: Office) -> Iterator[HandlerObject]:
    routers: list[Router] = list(office.dispatcher.chain_tail)
    for router in routers:
        for observer in router.observers.values():
            if router is not office.dispatcher:
                yield from observer.handlers


async def test_every_handler_declares_what_it_needs(office: Office) -> None:
    known = list(handlers(office))
    assert len(known) > 50
    for handler in known:
        name = handler_name(handler.callback)
        if name in OPEN_TO_ALL_STAFF:
            assert handler.flags.get(ANY_MEMBER) is True, name
            assert AUDITS not in handler.flags, name
        else:
            assert isinstance(handler.flags.get(PERMISSION), Permission), name


async def test_whoever_acts_needs_more_than_an_auditor_has(office: Office) -> None:
    """Looking at a player and proving the chain leave a line too, and an auditor does both."""
    auditors = PERMISSIONS[Role.AUDITOR]
    acting = {
        handler_name(handler.callback)
        for handler in handlers(office)
        if AUDITS in handler.flags and handler.flags[PERMISSION] in auditors
    }
    assert acting == {"players.open_file", "audit_log.verify"}


async def test_every_action_leaves_its_line(office: Office, olga: Clerk, ada: Clerk) -> None:
    """The owner does everything once; then an auditor presses the same buttons in vain."""
    await _withdrawals(office, olga)
    await _verification(office, olga)
    player_id = await _players(office, olga)
    await _money_in(office, olga)
    await _strange_tokens(office, olga)
    await _foreign_sends(office, olga)
    await _settling(office, olga)
    await _from_cold(office, olga)
    await _support(office, olga, player_id)
    await _treasury(office, olga)
    await _switches_and_team(olga)

    acting = {
        handler_name(handler.callback) for handler in handlers(office) if AUDITS in handler.flags
    }
    acts = [act for act in office.witness.acts if act.audits]
    assert {act.handler for act in acts if act.left} == acting

    allowed_to_auditors = {"players.open_file", "audit_log.verify"}
    pressed = {act.handler: act.data for act in acts if act.data}
    before = await office.actions(ada.person)
    for handler, data in pressed.items():
        if handler not in allowed_to_auditors:
            assert data is not None
            assert (await ada.forge(data))["text"] == "Your roles do not allow this.", handler
    assert await office.actions(ada.person) == before
    async with office.database.transaction() as session:
        count, fault = await audit.verify(session)
    assert count > len(acts)
    assert fault is None


async def _withdrawals(office: Office, olga: Clerk) -> None:
    player_id = await cashbox.rich_player(office.database)
    asked = await cashbox.ask(office.database, player_id)
    await office.settle()
    await olga.tap("Approve")
    payout = await cashbox.signed_payout(office.database)
    async with office.database.transaction() as session:
        await payouts.member_dead(
            session, payout_id=payout.id, withdrawal_id=asked.id, proof="gone", now=utc_now()
        )
    await office.settle()
    await olga.tap("Send it again")
    for label in ("Address", "In my own words…"):
        await cashbox.ask(office.database, player_id)
        await office.settle()
        await olga.tap("Reject…")
        await olga.tap(label)
    await olga.say("No longer wanted")


async def _verification(office: Office, olga: Clerk) -> None:
    for label in ("Level 1", "Unreadable", "In my own words…"):
        await office.submit(await office.newcomer(name=f"K {label}"))
        await office.settle()
        if label == "Level 1":
            await olga.tap("Show the document")
        else:
            await olga.tap("Send back…")
        await olga.tap(label)
    await olga.say("Send the back as well")


async def _players(office: Office, olga: Clerk) -> int:
    player_id = await office.newcomer(name="Zoe")
    await olga.say("/player Zoe")
    found = await olga.last()
    await olga.tap(found.labels[0])
    await olga.tap("Block…")
    await olga.tap("Fraud")
    await olga.tap("Unblock…")
    await olga.tap("In my own words…")
    await olga.say("Looked into it")
    return player_id


async def _money_in(office: Office, olga: Clerk) -> None:
    owner = await cashbox.make_player(office.database)
    telegram_id = await office.scalar("SELECT telegram_id FROM players WHERE id = :id", id=owner)
    await cashbox.arrive(office.database, cashbox.transfer(2 * TON, "hello"))
    await cashbox.arrive(office.database, cashbox.transfer(3 * TON, None))
    await office.settle()
    await olga.tap("Open", message_id=(await olga.showing("2.00 TON came")).message_id)
    await olga.tap("Find the owner")
    found = await olga.say(str(telegram_id))
    await olga.tap(found.labels[0])
    await olga.tap("Give it to this player")
    await olga.tap("Open", message_id=(await olga.showing("3.00 TON came")).message_id)
    await olga.tap("Write a note…")
    await olga.say("Ours, from the exchange")
    await olga.tap("It is the house's own money")
    await olga.tap("It is the house's own money")
    stop = "UPDATE players SET status = :status WHERE id = :id RETURNING id"
    tag = await cashbox.tag_of(office.database, owner)
    await office.scalar(stop, status="blocked", id=owner)
    await cashbox.arrive(office.database, cashbox.transfer(4 * TON, tag))
    await office.settle()
    refused = await olga.answer("Release")
    assert refused["text"] == "The player's account is blocked or closed."
    await office.scalar(stop, status="active", id=owner)
    await olga.tap("Release")
    assert (await cashbox.wallet(office.database, owner)).cash == 6 * TON
    await office.scalar(stop, status="blocked", id=owner)
    sender = "0:" + "ab" * 32
    await cashbox.arrive(office.database, replace(cashbox.transfer(4 * TON, tag), sender=sender))
    await office.settle()
    await olga.tap("Send back…")
    await olga.tap("To the sender…")
    await olga.tap("Send it back")
    await office.scalar(stop, status="active", id=owner)
    deposit = await office.scalar("SELECT max(id) FROM deposits")
    amount = {"units": TON, "asset": "TON"}
    alert = {"player_id": owner, "amount": amount, "deficit": amount, "frozen": True, "block": 1}
    async with office.database.transaction() as session:
        await freezes.freeze(session, player_id=owner, deposit_id=deposit, now=utc_now())
        await outbox.write(
            session, consumer=outbox.STAFF, key=1, kind="alert.deposit_reversed", payload=alert
        )
    await office.settle()
    await olga.tap("Let him withdraw again")
    await olga.tap("Let him withdraw again")


async def _strange_tokens(office: Office, olga: Clerk) -> None:
    for number, label in enumerate(("Spam", "In my own words…")):
        strange = StrangeTransfer(
            business_key=f"key{number}",
            token="0:ab",
            vouched=True,
            account="0:cd",
            units=5,
            tx_hash="hash",
            sender="0:ef",
            comment=None,
            block=7,
            at=utc_now(),
        )
        async with office.database.transaction() as session:
            rail = await get_rail(session, "ton")
            await token_cases.keep(
                session, chain="ton", rail=rail, transfers=[strange], now=utc_now()
            )
        await office.settle()
        await olga.tap("Close with a note…")
        await olga.tap(label)
    await olga.say("Given to charity")


async def _foreign_sends(office: Office, olga: Clerk) -> None:
    async with office.database.transaction() as session:
        await foreign_sends.note(
            session,
            rail="ton",
            account="UQ-hot",
            tx_hash="ab" * 32,
            evidence={"payments": 1, "units": 9, "sends": [["0:ab", 9]]},
            now=utc_now(),
        )
    await office.settle()
    listed = await olga.tap("Left without us")
    await olga.tap(listed.labels[0])
    await olga.tap("I know what this was")
    await olga.say("Moved to cold storage by hand")


async def _settling(office: Office, olga: Clerk) -> None:
    await unclear(office, arrived=9 * TON)
    await olga.tap("It is paid")
    await olga.tap("Yes, book it")
    await asked(office)
    await left(
        office,
        SentPayment("ton", DESTINATION, NET),
        SentPayment("ton", COLD, 3 * TON),
        SentPayment("ton", "UQ-of-a-thief", TON),
        tx_hash="cd" * 32,
    )
    await open_send(olga, "9.95 TON →")
    await olga.tap("It paid 9.95 TON · Ann")
    await olga.tap("Yes, this paid it")
    card = await olga.tap("What is left of it")
    await olga.tap(next(label for label in card.labels if "3.00 TON →" in label))
    await olga.tap("It went to cold storage")
    await olga.tap("Yes, it is our cold storage")
    await olga.tap("What is left of it")
    await olga.tap("It paid nobody of ours…")
    await olga.say("The key was stolen")


async def _from_cold(office: Office, olga: Clerk) -> None:
    card, by_hash = cashbox.transfer(5 * TON, None), cashbox.transfer(6 * TON, None)
    by_hash = replace(by_hash, tx_hash="ef" * 32)
    await cashbox.arrive(office.database, card, by_hash)
    await office.settle()
    await olga.tap("Open", message_id=(await olga.showing("5.00 TON came")).message_id)
    await olga.tap("It came back from cold storage")
    await olga.tap("Yes, from cold storage")
    await olga.say("/menu")
    listed = await olga.tap("Hot and cold")
    await olga.tap(next(label for label in listed.labels if "TON · TON network" in label))
    await olga.tap("Book a move by hand…")
    await olga.say(by_hash.tx_hash)
    await olga.tap("Yes, from cold storage")


async def _treasury(office: Office, olga: Clerk) -> None:
    async with office.database.transaction() as session:
        await cold_storage.keep_address(session, rail="ton", address="UQ-typo", now=utc_now())
    await olga.say("/menu")
    listed = await olga.tap("Hot and cold")
    await olga.tap(next(label for label in listed.labels if "TON · TON network" in label))
    await olga.tap("Set thresholds…")
    await olga.say(f"1 2 3 {COLD}")
    await olga.tap("Yes, set them")
    await olga.say("/menu")
    await olga.tap("Hot and cold")
    listed = await olga.tap("Addresses of cold storage")
    await olga.tap(next(label for label in listed.labels if "🔒" not in label))
    await olga.tap("Forget it, it is not ours")


async def _support(office: Office, olga: Clerk, player_id: int) -> None:
    for words in ("Where is it?", "And now?"):
        async with office.database.transaction() as session:
            await conversations.write(session, player_id=player_id, text=words, now=utc_now())
        await office.settle()
        card = await olga.showing(words)
        if words == "And now?":
            await olga.say("It has arrived", reply_to=card.message_id)
        else:
            await olga.tap("Answer", message_id=card.message_id)
            await olga.say("On its way")
    async with office.database.transaction() as session:
        answers = await session.execute(
            text("SELECT body FROM support_messages WHERE member_id IS NOT NULL ORDER BY id")
        )
    assert list(answers.scalars()) == ["On its way", "It has arrived"]


async def _switches_and_team(olga: Clerk) -> None:
    await olga.say("/switches")
    await olga.tap("Bets · runs")
    await olga.tap("Stop…")
    await olga.tap("Incident")
    await olga.tap("Yes, stop it")
    await olga.say("/menu")
    await olga.tap("Staff")
    await olga.tap("Let somebody in")
    await olga.say("1002 Boris")
    await olga.tap("as support")
    await olga.tap("Boris · support")
    await olga.tap("— auditor")
    await olga.tap("Let go")
    await olga.tap("Let go")
    await olga.say("/audit")
    assert "the chain is whole" in (await olga.answer("Prove the chain"))["text"]
