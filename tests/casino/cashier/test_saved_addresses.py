"""The address book, the mode that pays to it only, and waiting after an account changed."""

import asyncio
from datetime import datetime, timedelta

import pytest

from casino import audit, rates
from casino.cashier import (
    address_book,
    address_pool,
    deposits,
    house_addresses,
    payouts,
    rails,
    saved_addresses,
    saved_only,
    terms,
)
from casino.cashier.address_pool import PoolAddress
from casino.cashier.saved_addresses import SAVED_MAX, SavedAddress
from casino.cashier.saved_only import SavedOnly
from casino.db import Database
from casino.errors import (
    AddressBookFull,
    AddressCooling,
    AddressInvalid,
    AddressNotSaved,
    BadChoice,
    NotFound,
    WithdrawalDelayed,
)
from casino.money import Asset
from casino.players import changes, identity
from casino.players.changes import Change
from tests.casino.cashier.cashbox import (
    DESTINATION,
    HOT_WALLET,
    NOW,
    TON,
    approve,
    ask,
    assert_sound,
    make_member,
    rich_player,
    save_address,
    sent,
    signed_payout,
    wallet,
)

DAY = timedelta(hours=24)
SECOND = timedelta(seconds=1)


async def book(db: Database, player: int, rail: str | None = None) -> list[tuple[str, str]]:
    async with db.transaction() as session:
        found = await saved_addresses.list_saved(session, player_id=player, rail=rail)
    return [(one.label, one.destination) for one in found]


async def remove(db: Database, player: int, address_id: int) -> None:
    async with db.transaction() as session:
        await saved_addresses.remove(session, player_id=player, address_id=address_id, now=NOW)


async def rename(db: Database, player: int, address_id: int, label: str) -> SavedAddress:
    async with db.transaction() as session:
        return await saved_addresses.rename(
            session, player_id=player, address_id=address_id, label=label, now=NOW
        )


async def mode(db: Database, player: int, *, on: bool, now: datetime = NOW) -> SavedOnly:
    switch = saved_only.switch_on if on else saved_only.switch_off
    async with db.transaction() as session:
        return await switch(session, player_id=player, now=now)


async def is_on(db: Database, player: int, now: datetime = NOW) -> bool:
    async with db.transaction() as session:
        return (await saved_only.read(session, player_id=player, now=now)).on


async def pay(db: Database, player: int, destination: str) -> None:
    """A withdrawal of the player's that is final."""
    staff = await make_member(db)
    made = await ask(db, player, TON, destination=destination)
    await approve(db, made.id, staff)
    payout = await signed_payout(db, boc=destination.encode())
    async with db.transaction() as session:
        await payouts.complete_member(
            session, payout_id=payout.id, withdrawal_id=made.id, tx_hash="tx", now=NOW
        )


async def test_an_address_is_saved_named_renamed_and_removed(house: Database) -> None:
    player = await rich_player(house)
    made = await save_address(house, player, label="  My \n wallet ")
    assert (made.label, made.ready_at) == ("My wallet", NOW + DAY)
    assert await book(house, player) == [("My wallet", DESTINATION)]
    assert (await rename(house, player, made.id, "Cold")).label == "Cold"
    assert await book(house, player, "ton") == [("Cold", DESTINATION)]
    assert await book(house, player, "usdt_eth") == []
    await remove(house, player, made.id)
    assert await book(house, player) == []
    with pytest.raises(NotFound):
        await remove(house, player, made.id)
    async with house.transaction() as session:
        lines = await audit.search(session, subject=f"player:{player}")
        _, fault = await audit.verify(session)
    assert [line.action for line in lines if line.action.startswith("address.")] == [
        "address.removed",
        "address.renamed",
        "address.saved",
    ]
    assert fault is None
    assert (await sent(house, "player", player)).count("address.saved") == 1


async def test_the_same_address_again_keeps_its_age_and_takes_the_name(house: Database) -> None:
    player = await rich_player(house)
    first = await save_address(house, player)
    again = await save_address(house, player, label="Other", now=NOW + DAY)
    assert (again.id, again.label, again.saved_at) == (first.id, "Other", NOW)
    many = await asyncio.gather(
        *(save_address(house, player, "UQsecond", label="Second") for _ in range(10))
    )
    assert len({one.id for one in many}) == 1
    assert len(await book(house, player)) == 2
    # Removed and saved again it is new.
    await remove(house, player, first.id)
    assert (await save_address(house, player, now=NOW + DAY)).saved_at == NOW + DAY


async def test_nobody_touches_anothers_book(house: Database) -> None:
    player, stranger = await rich_player(house), await rich_player(house)
    made = await save_address(house, player)
    with pytest.raises(NotFound):
        await remove(house, stranger, made.id)
    with pytest.raises(NotFound):
        await rename(house, stranger, made.id, "x")
    assert await book(house, stranger) == []
    assert await book(house, player) == [("My wallet", DESTINATION)]


async def test_a_book_has_an_end_on_each_rail(house: Database) -> None:
    player = await rich_player(house)
    for number in range(SAVED_MAX):
        await save_address(house, player, f"UQ{number}")
    with pytest.raises(AddressBookFull):
        await save_address(house, player, "UQmore")
    await save_address(house, player, "UQ0", label="An old one may be named anew")
    await save_address(house, player, "0xAb", rail="usdt_eth")


@pytest.mark.parametrize("label", ["", "   ", "\n", "x" * 41])
async def test_names_that_say_nothing_or_too_much_are_refused(house: Database, label: str) -> None:
    player = await rich_player(house)
    with pytest.raises(BadChoice):
        await save_address(house, player, label=label)


async def test_what_cannot_be_paid_is_not_saved(house: Database) -> None:
    player = await rich_player(house)
    for destination, rail, error in (
        (HOT_WALLET, "ton", AddressInvalid),
        (HOT_WALLET, "usdt_eth", AddressInvalid),
        (" ", "ton", AddressInvalid),
        ("UQ", "nowhere", NotFound),
    ):
        with pytest.raises(error):
            await save_address(house, player, destination, rail=rail)
    assert await book(house, player) == []


async def test_only_paid_and_saved_destinations_are_offered(house: Database) -> None:
    """Whoever sends coins to a player, even none at all, puts no address before him."""
    player, other = await rich_player(house), await rich_player(house)
    await pay(house, player, "UQpaid")
    await ask(house, player, TON, destination="UQonly-asked")
    await ask(house, other, TON, destination="UQothers")
    async with house.transaction() as session:
        paid = await saved_addresses.list_paid(session, player_id=player, rail="ton")
        elsewhere = await saved_addresses.list_paid(session, player_id=player, rail="usdt_eth")
    # "UQsender" sent the deposit that made him rich.
    assert (list(paid), list(elsewhere)) == (["UQpaid"], [])
    await save_address(house, player, "UQpaid")
    async with house.transaction() as session:
        assert not await saved_addresses.list_paid(session, player_id=player, rail="ton")


async def test_in_the_mode_only_what_has_cooled_down_is_paid(house: Database) -> None:
    player = await rich_player(house)
    await save_address(house, player, "UQold", now=NOW - DAY)
    new = await save_address(house, player, "UQnew")
    await ask(house, player, TON, destination="UQnew")  # an ordinary player is not held up
    assert (await mode(house, player, on=True)) == SavedOnly(on=True, ends_at=None)
    await ask(house, player, TON, destination="UQold")
    with pytest.raises(AddressCooling) as cooling:
        await ask(house, player, TON, destination="UQnew", now=NOW + DAY - SECOND)
    assert cooling.value.data["until"] == new.ready_at == NOW + DAY
    with pytest.raises(AddressNotSaved):
        await ask(house, player, TON, destination="UQnone")
    await ask(house, player, TON, destination="UQnew", now=NOW + DAY)
    assert (await wallet(house, player)).reserved == 3 * TON
    await assert_sound(house)


async def test_the_mode_begins_at_once_and_ends_after_a_cool_down(house: Database) -> None:
    player = await rich_player(house)
    assert await mode(house, player, on=False) == SavedOnly(on=False, ends_at=None)
    await mode(house, player, on=True)
    ending = await mode(house, player, on=False)
    assert ending == SavedOnly(on=True, ends_at=NOW + DAY)
    # Asking again makes it neither sooner nor later.
    assert await mode(house, player, on=False, now=NOW + SECOND) == ending
    with pytest.raises(AddressNotSaved):
        await ask(house, player, TON, now=NOW + DAY - SECOND)
    # The owner, told of it, takes it back in one step.
    await mode(house, player, on=True, now=NOW + DAY - SECOND)
    assert await is_on(house, player, NOW + 10 * DAY)
    await mode(house, player, on=False, now=NOW + DAY)
    assert not await is_on(house, player, NOW + 2 * DAY)
    async with house.transaction() as session:
        await rates.quote(
            session, asset=Asset.TON, numerator=3, denominator=1000, now=NOW + 2 * DAY
        )
    await ask(house, player, TON, now=NOW + 2 * DAY)
    await mode(house, player, on=True, now=NOW + 3 * DAY)
    assert await is_on(house, player, NOW + 3 * DAY)
    told = [kind for kind in await sent(house, "player", player) if kind.startswith("saved_only.")]
    assert told == [
        "saved_only.on",
        "saved_only.ending",
        "saved_only.on",
        "saved_only.ending",
        "saved_only.on",
    ]


async def test_the_cool_down_is_a_term_of_the_cashier(house: Database) -> None:
    player = await rich_player(house)
    async with house.transaction() as session:
        await terms.change(
            session,
            terms=terms.Terms(10**12, 10**12, 10**12, 72, address_cool_down_hours=2),
            actor="staff:1",
            now=NOW,
        )
    assert (await save_address(house, player)).ready_at == NOW + timedelta(hours=2)
    await mode(house, player, on=True)
    assert (await mode(house, player, on=False)).ends_at == NOW + timedelta(hours=2)


async def test_after_a_change_of_the_account_new_addresses_wait(house: Database) -> None:
    player = await rich_player(house)
    await pay(house, player, "UQpaid")
    await save_address(house, player, "UQsaved-before", now=NOW - SECOND)
    async with house.transaction() as session:
        await changes.note(session, player_id=player, change=Change.VERIFIED_AGAIN, now=NOW)
    await save_address(house, player, "UQsaved-after", now=NOW + SECOND)
    for destination in ("UQnew", "UQsaved-after"):
        with pytest.raises(WithdrawalDelayed) as delayed:
            await ask(house, player, TON, destination=destination, now=NOW + DAY - SECOND)
        assert delayed.value.data["until"] == NOW + DAY
    for destination in ("UQpaid", "UQsaved-before"):
        await ask(house, player, TON, destination=destination, now=NOW + SECOND)
    await ask(house, player, TON, destination="UQnew", now=NOW + DAY)


async def test_an_account_that_staff_opened_again_has_changed(house: Database) -> None:
    player = await rich_player(house)
    async with house.transaction() as session:
        await identity.block(session, player_id=player, reason="x", actor="staff:1", now=NOW)
        await identity.unblock(session, player_id=player, reason="x", actor="staff:1", now=NOW)
    with pytest.raises(WithdrawalDelayed):
        await ask(house, player, TON, now=NOW + SECOND)


async def test_an_address_of_the_house_is_refused_inside_as_well(house: Database) -> None:
    """Whatever an edge let through: wallets, what we watch, tokens, and every deposit address."""
    player = await rich_player(house)
    await house_has_addresses(house)
    async with house.transaction() as session:
        known = await house_addresses.read(session)
    assert known.accounts == {HOT_WALLET, "0:ourjetton"}
    assert known.tokens == {"0xToken"}
    for destination, reason in (
        (HOT_WALLET, "own"),
        ("0:ourjetton", "own"),
        ("0xAbC1", "own"),
        ("0xabc1", "own"),
        ("0xTOKEN", "token"),
    ):
        with pytest.raises(AddressInvalid) as caught:
            await ask(house, player, TON, destination=destination)
        assert caught.value.data["reason"] == reason
    await ask(house, player, TON, destination="0xabc2")


async def test_a_destination_shared_by_comments_needs_one(house: Database) -> None:
    player = await rich_player(house)

    async def others_pay(*, memo: bool, paid: bool = True) -> None:
        other = await rich_player(house)
        async with house.transaction() as session:
            await address_book.note_request(
                session,
                rail="ton",
                destination="UQexchange",
                player_id=other,
                has_memo=memo,
                now=NOW,
            )
            if paid:
                await address_book.note_payment(
                    session, rail="ton", destination="UQexchange", player_id=other
                )

    await others_pay(memo=True)
    for _ in range(3):
        await others_pay(memo=False)
        await others_pay(memo=True, paid=False)
    await ask(house, player, TON, destination="UQexchange")
    await others_pay(memo=True)
    with pytest.raises(AddressInvalid) as caught:
        await ask(house, player, TON, destination="UQexchange")
    assert caught.value.data["reason"] == "memo_missing"
    await ask(house, player, TON, destination="UQexchange", memo="104")


async def house_has_addresses(db: Database) -> None:
    async with db.transaction() as session:
        await deposits.advance_cursor(
            session, chain="ton", account="0:ourjetton", lt=1, tx_hash="", block=1, now=NOW
        )
        await address_pool.add(
            session, rail="usdt_eth", addresses=[PoolAddress(0, "0xabc1", "0xAbC1")], now=NOW
        )
        await rails.set_network(session, rail="usdt_eth", network_id="1", token="0xToken", now=NOW)
