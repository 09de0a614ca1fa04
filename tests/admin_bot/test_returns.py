"""Sending a held deposit back from the operators' bot, and what its review card says."""

from dataclasses import replace

from casino import ids
from casino.cashier.rails import change_rail, get_rail
from casino.clock import utc_now
from messaging.addresses import in_groups
from payments.addresses import parse_ton
from tests.admin_bot.office import PAYMENTS, SECOND, Clerk, Office
from tests.casino.cashier import cashbox
from tests.casino.cashier.cashbox import TON

SENDER = parse_ton("0:" + "ab" * 32)
ANOTHER = parse_ton("0:" + "cd" * 32)


async def held(office: Office, *, sender: str = SENDER.raw, units: int = 4 * TON) -> int:
    """A deposit of somebody whose account is blocked."""
    player = await cashbox.make_player(office.database)
    tag = await cashbox.tag_of(office.database, player)
    await office.scalar(
        "UPDATE players SET status = 'blocked' WHERE id = :id RETURNING id", id=player
    )
    await cashbox.arrive(office.database, replace(cashbox.transfer(units, tag), sender=sender))
    await office.settle()
    found = await office.scalar("SELECT id FROM deposits WHERE player_id = :id", id=player)
    return int(found)


async def status(office: Office, deposit: int) -> str:
    return str(await office.scalar("SELECT status FROM deposits WHERE id = :id", id=deposit))


async def test_a_deposit_goes_back_to_its_sender(office: Office, pavel: Clerk) -> None:
    deposit = await held(office)
    card = await pavel.last()
    assert card.labels[:2] == ("Release", "Send back…")
    where = await pavel.tap("Send back…")
    assert where.text.startswith("Send 4.00 TON of Ann back?")
    assert in_groups(SENDER.friendly()) in where.text
    assert where.labels[:4] == (
        "To the sender…",
        "See it on chain",
        "Copy the address",
        "To another address…",
    )
    sure = await pavel.tap("To the sender…")
    assert "3.95 TON arrives, the fee is 0.05 TON." in sure.text
    assert in_groups(SENDER.friendly()) in sure.text
    assert "This is the address that it came from." in sure.text
    assert await status(office, deposit) == "held", "nothing happens before it is confirmed"
    assert (await pavel.answer("Send it back"))["text"].startswith("It is a withdrawal now")
    assert await status(office, deposit) == "returned"
    assert await office.actions(PAYMENTS) == ["deposit.returned", "withdrawal.requested"]

    # The held card has no buttons any more, and those that somebody still sees do nothing.
    closed = await pavel.showing("4.00 TON of Ann: being sent back")
    assert closed.labels == ()
    old = {"forge": True, "message_id": closed.message_id}
    for stale in (f"held1|{deposit}", f"back1|{deposit}", f"backto1|{deposit}"):
        late = await pavel.answer(data=stale, **old)
        assert late["text"].startswith("Nothing was done: this has changed"), stale
    twice = await pavel.answer(data=sure.data_of("Send it back"), **old)
    assert "no longer known" in twice["text"]

    review = await pavel.showing("Send 4.00 TON back to Ann?")
    assert "Returns a held deposit of" in review.text
    assert "The player's account is blocked or closed." in review.text
    assert "✓ Goes back to the address that it came from" in review.text
    assert "• His account is blocked or closed" in review.text
    assert "Staked" not in review.text
    queue = await pavel.say("/queue")
    assert queue.labels[0].startswith("↩️ 4.00 TON")
    await pavel.tap("Approve", message_id=review.message_id)
    assert await office.column("SELECT status FROM withdrawals") == ["approved"]
    assert await status(office, deposit) == "returned"


async def test_another_address_is_checked_and_marked(office: Office, pavel: Clerk) -> None:
    deposit = await held(office)
    await pavel.tap("Send back…")
    asked = await pavel.tap("To another address…")
    assert asked.text.startswith("To which address?")
    assert "write it after the address and a space" in asked.text
    assert "This is an Ethereum address" in (await pavel.say("0x" + "12" * 20)).text
    assert "There is a mistake" in (await pavel.say(ANOTHER.friendly()[:-1] + "A")).text
    sure = await pavel.say(f"{ANOTHER.raw}  order  4711")
    assert in_groups(ANOTHER.friendly()) in sure.text
    assert "Comment: order 4711" in sure.text
    assert "This is not the sender's address" in sure.text
    await pavel.tap("Send it back")
    review = await pavel.showing("Send 4.00 TON back to Ann?")
    assert "⚠️ Goes to an address that staff have named, not to the sender" in review.text
    found = await office.column("SELECT destination || ' ' || memo FROM withdrawals")
    assert found == [f"{ANOTHER.friendly()} order 4711"]

    await pavel.tap("Reject…", message_id=review.message_id)
    told = await pavel.answer("Address", message_id=review.message_id)
    assert told["text"] == "Not sent back. The deposit is held again."
    again = await pavel.showing("Release 4.00 TON of Ann")
    assert again.labels[:2] == ("Release", "Send back…")
    assert ids.public(deposit) in again.text
    assert await status(office, deposit) == "held"


async def test_no_sender_no_button(office: Office, pavel: Clerk) -> None:
    await held(office, sender="")
    where = await pavel.tap("Send back…")
    assert "The chain names no sender" in where.text
    assert "To the sender…" not in where.labels
    await pavel.tap("To another address…")
    await pavel.say(ANOTHER.raw)
    await pavel.tap("Send it back")
    review = await pavel.showing("Send 4.00 TON back to Ann?")
    assert "the chain names no sender" in review.text


async def test_two_clerks_and_one_deposit(office: Office, pavel: Clerk, pyotr: Clerk) -> None:
    deposit = await held(office)
    await pavel.tap("Send back…")
    await pavel.tap("To the sender…")
    await pyotr.tap("Отправить обратно…")
    await pyotr.tap("Отправителю…")
    assert (await pyotr.answer("Отправить обратно"))["text"].startswith("Теперь это вывод")
    late = await pavel.answer("Send it back")
    assert late["text"].startswith("Nothing was done: this has changed")
    assert await office.column("SELECT deposit_id FROM withdrawals") == [deposit]
    await pavel.answer(
        data=f"backask1|{deposit}", forge=True, message_id=(await pavel.last()).message_id
    )
    assert "Nothing was done: this has changed" in (await pavel.say(ANOTHER.raw)).text
    assert "Nothing was done" not in (await pavel.say(ANOTHER.raw)).text, "it is asked no more"
    assert await office.actions(PAYMENTS) == []
    assert await office.actions(SECOND) == ["deposit.returned", "withdrawal.requested"]


async def test_the_fee_that_was_shown_is_the_fee(office: Office, pavel: Clerk) -> None:
    await held(office)
    await pavel.tap("Send back…")
    await pavel.tap("To the sender…")
    async with office.database.transaction() as session:
        rail = await get_rail(session, "ton")
        dearer = replace(rail, withdrawal_fee=2 * rail.withdrawal_fee)
        await change_rail(session, rail=dearer, actor="staff:1", now=utc_now())
    assert (await pavel.answer("Send it back"))["text"].startswith("The fee has changed")
    assert await office.column("SELECT id FROM withdrawals") == []
    assert "3.90 TON arrives, the fee is 0.10 TON." in (await pavel.last()).text
    await pavel.tap("Send it back")
    assert await office.column("SELECT fee_units FROM withdrawals") == [TON // 10]


async def test_what_stands_in_the_way_is_said(office: Office, pavel: Clerk, sam: Clerk) -> None:
    deposit = await held(office)
    await office.scalar(
        "UPDATE deposits SET final_at = NULL, block_hash = 'abc' WHERE id = :id RETURNING id",
        id=deposit,
    )
    refused = await pavel.answer("Send back…")
    assert "not final yet" in refused["text"]
    await office.scalar(
        "UPDATE deposits SET final_at = now() WHERE id = :id RETURNING id", id=deposit
    )
    async with office.database.transaction() as session:
        rail = await get_rail(session, "ton")
        await change_rail(
            session, rail=replace(rail, withdrawal_min=5 * TON), actor="staff:1", now=utc_now()
        )
    await pavel.tap("Send back…")
    assert (await pavel.answer("To the sender…"))[
        "text"
    ] == "This is less than the smallest amount."
    for data in (f"back1|{deposit}", f"backto1|{deposit}", f"backask1|{deposit}"):
        assert (await sam.forge(data))["text"] == "Your roles do not allow this.", data
    assert await status(office, deposit) == "held"
