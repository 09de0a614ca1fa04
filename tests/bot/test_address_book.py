"""The address book in the chat: saved, named, used, removed; and being paid to it only."""

from sqlalchemy import text

from casino.cashier import address_book
from casino.clock import utc_now
from messaging.addresses import in_groups
from payments.addresses import TonAddress
from tests import factories
from tests.bot.crew import DESTINATION, HOT_WALLET, Crew, Visitor
from tests.factories import TON

OTHER = TonAddress(0, bytes([11] * 32)).friendly()
PAID = TonAddress(0, bytes([12] * 32)).friendly()


async def save(ann: Visitor, address: str, label: str) -> None:
    await ann.say("/addresses")
    await ann.tap("Add: TON · TON network")
    await ann.say(address)
    shown = await ann.say(label)
    assert shown.text.startswith(f"{label} · TON")


async def to_address(ann: Visitor, amount: str = "10") -> tuple[str, ...]:
    """As far as the question for the address; the labels that it offers."""
    await ann.say("/withdraw")
    await ann.tap("TON · TON network")
    return (await ann.say(amount)).labels


async def test_an_address_is_added_shown_renamed_and_removed(crew: Crew, ann: Visitor) -> None:
    await ann.accept()
    empty = await ann.say("/addresses")
    assert "each under a name" in empty.text
    await ann.tap("Add: TON · TON network")
    assert "an address of ours" in (await ann.say(HOT_WALLET)).text
    asked = await ann.say(TonAddress(0, bytes([9] * 32)).raw)
    assert in_groups(DESTINATION) in asked.text
    assert "1 to 40 characters" in (await ann.say("x" * 41)).text
    saved = await ann.say("Cold <b>")
    assert saved.text.startswith("Cold <b> · TON")
    assert await ann.tap_answer("Copy address") == {"copied": DESTINATION}
    await ann.tap("Rename")
    assert (await ann.say("Warm")).text.startswith("Warm · TON")
    book = await ann.say("/addresses")
    assert "Warm · TON · TON network" in book.labels
    await ann.tap("Warm · TON · TON network")
    await ann.tap("Remove")
    assert await crew.scalar("SELECT count(*) FROM saved_addresses") == 1
    await ann.tap("Yes, remove it")
    assert await crew.scalar("SELECT count(*) FROM saved_addresses") == 0


async def test_somebody_elses_entry_is_not_here(crew: Crew, ann: Visitor, boris: Visitor) -> None:
    await ann.accept()
    await save(ann, DESTINATION, "Mine")
    entry = await crew.scalar("SELECT id FROM saved_addresses")
    await boris.accept()
    for forged in (f"book1:{entry}", f"bookname1:{entry}", f"bookdel1:{entry}:1"):
        assert (await boris.forge(forged))["text"] == "Этого здесь больше нет."
    assert await crew.column("SELECT label FROM saved_addresses") == ["Mine"]


async def test_only_known_addresses_are_offered_and_one_tap_chooses(
    crew: Crew, ann: Visitor, boris: Visitor
) -> None:
    """The one who sent the deposit is not among them, nor what others were paid to."""
    await ann.rich()
    await boris.rich()
    await save(ann, OTHER, "Mine")
    async with crew.database.transaction() as session:
        for visitor, destination in ((ann, PAID), (boris, DESTINATION)):
            who = await visitor.player_id()
            await address_book.note_request(
                session,
                rail="ton",
                destination=destination,
                player_id=who,
                has_memo=False,
                now=utc_now(),
            )
            await address_book.note_payment(
                session, rail="ton", destination=destination, player_id=who
            )
    groups = in_groups(PAID).split()
    paid = f"{groups[0]} {groups[1]} … {groups[-2]} {groups[-1]}"
    labels = await to_address(ann)
    assert [label for label in labels if "…" in label] == [labels[0], paid]
    assert labels[0].startswith("Mine · ")
    check = await ann.tap(labels[0])
    assert "To “Mine”" in check.text
    assert in_groups(OTHER) in check.text
    await to_address(ann)
    check = await ann.tap(paid)
    assert in_groups(PAID) in check.text
    await ann.tap("Confirm the withdrawal")
    assert await crew.column("SELECT destination FROM withdrawals") == [PAID]


async def test_the_address_of_a_withdrawal_is_saved_from_its_screen(
    crew: Crew, ann: Visitor
) -> None:
    await ann.rich()
    await to_address(ann)
    await ann.say(DESTINATION)
    done = await ann.tap("Confirm the withdrawal")
    assert "Save this address" in done.labels
    asked = await ann.tap("Save this address")
    assert in_groups(DESTINATION) in asked.text
    await ann.say("My wallet")
    assert await crew.column("SELECT label || destination FROM saved_addresses") == [
        f"My wallet{DESTINATION}"
    ]
    # Saved by himself in this chat: it is no news to him.
    assert not [said for said in await ann.all() if "New address" in said.text]


async def test_paid_to_saved_addresses_only(crew: Crew, ann: Visitor) -> None:
    await ann.rich()
    await save(ann, OTHER, "Old")
    async with crew.database.transaction() as session:
        await session.execute(
            text("UPDATE saved_addresses SET saved_at = saved_at - interval '25 hours'")
        )
    await save(ann, PAID, "New")
    await ann.say("/addresses")
    asked = await ann.tap("Pay me to saved addresses only")
    assert "works at once" in asked.text
    assert await crew.scalar("SELECT count(*) FROM saved_only") == 0
    on = await ann.tap("Pay me to saved addresses only")
    assert "saved addresses only" in on.text
    await to_address(ann)
    assert "saved addresses only" in (await ann.say(DESTINATION)).text
    assert "can be paid from" in (await ann.say(PAID)).text
    assert "Check the withdrawal" in (await ann.say(OTHER)).text
    await ann.tap("Confirm the withdrawal")
    await ann.say("/addresses")
    ending = await ann.tap("Pay me anywhere again")
    assert "Was it not you" in ending.text
    await to_address(ann)
    assert "saved addresses only" in (await ann.say(DESTINATION)).text
    await ann.say("/addresses")
    await ann.tap("Keep it on")
    assert await crew.scalar("SELECT until FROM saved_only") is None
    assert await crew.column("SELECT units FROM withdrawals") == [10 * TON]


async def test_a_shared_address_asks_for_its_comment_first(
    crew: Crew, ann: Visitor, boris: Visitor
) -> None:
    await ann.rich()
    await boris.accept()
    async with crew.database.transaction() as session:
        for who in (await boris.player_id(), await factories.make_player(session)):
            await address_book.note_request(
                session,
                rail="ton",
                destination=DESTINATION,
                player_id=who,
                has_memo=True,
                now=utc_now(),
            )
            await address_book.note_payment(
                session, rail="ton", destination=DESTINATION, player_id=who
            )
    await to_address(ann)
    asked = await ann.say(DESTINATION)
    assert "told apart by a comment" in asked.text
    check = await ann.say("104729")
    assert "Comment: 104729" in check.text
    await ann.tap("Confirm the withdrawal")
    assert await crew.column("SELECT memo FROM withdrawals") == ["104729"]
