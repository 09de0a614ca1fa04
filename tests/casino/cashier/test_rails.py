"""Rails and tags at their edges: what is offered, what is unknown, what happens by chance once."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from casino import audit
from casino.cashier import (
    addresses,
    batches,
    deposits,
    payouts,
    rails,
    tags,
    treasury,
    unclaimed,
    withdrawals,
)
from casino.cashier.rails import Tier
from casino.db import Database
from casino.errors import CasinoError, IllegalMove, InvariantViolation, NotFound, Paused
from casino.ledger import totals
from casino.ledger.chart import Account
from casino.money import Asset
from tests.casino.cashier.cashbox import (
    HOT_WALLET,
    NOW,
    TON,
    approve,
    arrive,
    ask,
    assert_sound,
    claim,
    make_member,
    make_player,
    moves,
    open_house,
    rich_player,
    signed_payout,
    tag_of,
    transfer,
    wallet,
)


async def test_a_new_install_offers_the_defaults(db: Database) -> None:
    async with db.transaction() as session:
        offered = await rails.list_rails(session)
    assert [rail.name for rail in offered] == ["ton", "usdt_ton", "usdt_eth", "btc", "usdt_faucet"]
    assert all(rail.enabled and rail.address is None for rail in offered)
    assert [rail.withdrawals_enabled for rail in offered] == [True, True, True, True, False]
    assert not any(rail.takes_deposits for rail in offered), "nobody has said where to yet"
    assert offered[0].tx_url("abc") == "https://tonviewer.com/transaction/abc"
    assert offered[0].tx_url(None) is None
    assert offered[4].tx_url("abc") is None


async def test_tiers_rise_and_survive_being_stored(db: Database) -> None:
    async with db.transaction() as session:
        rail = await rails.get_rail(session, rails.USDT_ETH)
        with pytest.raises(InvariantViolation):
            replace(rail, tiers=(Tier(10, 3), Tier(20, 1)))
        tiers = (Tier(10, 1), Tier(100, 3), Tier(1000, 6))
        await rails.change_rail(session, rail=replace(rail, tiers=tiers), actor="staff:1", now=NOW)
        rail = await rails.get_rail(session, rails.USDT_ETH)
    assert rail.tiers == tiers
    wanted = [rail.confirmations_wanted(units) for units in (1, 10, 11, 100, 1000, 1001)]
    assert wanted == [1, 1, 3, 3, 6, None]


async def test_a_wallet_is_announced_and_audited_once(db: Database) -> None:
    for address in (HOT_WALLET, HOT_WALLET, "UQother"):
        async with db.transaction() as session:
            await rails.set_hot_wallet(session, rail="ton", address=address, now=NOW)
    async with db.transaction() as session:
        lines = await audit.search(session, subject="rail:ton")
        assert (await rails.get_rail(session, "ton")).address == "UQother"
    assert [(line.before or {})["address"] for line in lines] == [HOT_WALLET, None]


async def test_a_closed_rail_takes_and_pays_nothing(house: Database) -> None:
    player, staff = await rich_player(house), await make_member(house)
    made = await ask(house, player)
    async with house.transaction() as session:
        rail = await rails.get_rail(session, "ton")
        closed = replace(rail, deposits_enabled=False, withdrawals_enabled=False)
        assert not closed.enabled
        await rails.change_rail(session, rail=closed, actor="staff:1", now=NOW)
    for act in (ask(house, player), tag_of(house, player), approve(house, made.id, staff)):
        with pytest.raises(Paused):
            await act


async def test_a_tag_that_is_taken_is_drawn_again(
    house: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = await make_player(house), await make_player(house)
    draws = iter([7, 7, 8])
    monkeypatch.setattr(addresses.secrets, "randbelow", lambda _: next(draws))
    assert await tag_of(house, first) == tags.make(7)
    assert await tag_of(house, second) == tags.make(8)
    monkeypatch.setattr(addresses.secrets, "randbelow", lambda _: 7)
    with pytest.raises(InvariantViolation):
        await tag_of(house, await make_player(house))


@pytest.mark.parametrize(
    ("ask_for", "error"),
    [
        (lambda s: rails.get_rail(s, "nowhere"), NotFound),
        (lambda s: deposits.get_deposit(s, deposit_id=1), NotFound),
        (lambda s: deposits.release_held(s, deposit_id=1, actor="staff:1", now=NOW), NotFound),
        (lambda s: batches.get_payout(s, payout_id=1), NotFound),
        (lambda s: payouts.mark_broadcast(s, payout_id=1, now=NOW), NotFound),
        (lambda s: withdrawals.get(s, withdrawal_id=1), NotFound),
        (lambda s: withdrawals.cancel(s, withdrawal_id=1, player_id=1, now=NOW), NotFound),
        (lambda s: unclaimed.take_waiting(s, unclaimed_id=1, now=NOW), NotFound),
        (lambda s: treasury.hot_wallet_view(s, rail="nowhere"), NotFound),
        (
            lambda s: payouts.complete_member(
                s, payout_id=1, withdrawal_id=1, tx_hash="t", now=NOW
            ),
            NotFound,
        ),
        (
            lambda s: deposits.credit_faucet(
                s, player_id=1, units=1, asset=Asset.TON, reference="r", now=NOW
            ),
            NotFound,
        ),
    ],
)
async def test_unknown_things_are_not_found(
    db: Database, ask_for: Callable[[AsyncSession], object], error: type[CasinoError]
) -> None:
    async with db.transaction() as session:
        with pytest.raises(error):
            await ask_for(session)


async def test_unclaimed_transfers_are_listed_in_pages(house: Database) -> None:
    await arrive(house, *(transfer(number * TON, None) for number in (1, 2, 3)))
    async with house.transaction() as session:
        page = await deposits.list_unclaimed(session, limit=2)
        rest = await deposits.list_unclaimed(session, before_id=page[-1].id, limit=2)
    assert [each.units for each in (*page, *rest)] == [3 * TON, 2 * TON, TON]


async def test_deposits_are_credited_before_there_is_any_rate(db: Database) -> None:
    async with db.transaction() as session:
        await rails.set_hot_wallet(session, rail="ton", address=HOT_WALLET, now=NOW)
    player = await make_player(db)
    await arrive(db, transfer(TON, await tag_of(db, player)))
    assert (await wallet(db, player)).cash == TON
    await open_house(db)
    await assert_sound(db)


async def test_held_deposits_are_listed_for_staff(house: Database) -> None:
    player = await make_player(house)
    tag = await tag_of(house, player)
    async with house.transaction() as session:
        await session.execute(
            text("UPDATE players SET excluded_for_life = true WHERE id = :id"), {"id": player}
        )
    await arrive(house, transfer(TON, tag))
    async with house.transaction() as session:
        (held,) = await deposits.list_held(session)
        again = await deposits.get_deposit(session, deposit_id=held.id)
    assert held == again
    assert (held.player_id, held.status, held.credited_at) == (player, "held", None)


async def test_a_free_withdrawal_books_no_fee(house: Database) -> None:
    player, staff = await rich_player(house), await make_member(house)
    async with house.transaction() as session:
        rail = await rails.get_rail(session, "ton")
        await rails.change_rail(
            session, rail=replace(rail, withdrawal_fee=0), actor="staff:1", now=NOW
        )
    made = await ask(house, player, TON)
    await approve(house, made.id, staff)
    payout = await signed_payout(house)
    async with house.transaction() as session:
        await payouts.payout_seen(session, payout_id=payout.id, tx_hash="tx", now=NOW)
        await payouts.complete_member(
            session, payout_id=payout.id, withdrawal_id=made.id, tx_hash="tx", now=NOW
        )
    assert (await moves(house, made.id))[-3:] == ["signed", "broadcast", "confirmed"]
    async with house.transaction() as session:
        fees = await totals.account_balance(session, Account.HOUSE_FEES, Asset.TON)
    assert fees == 0
    await assert_sound(house)


async def test_what_was_never_signed_cannot_be_seen(house: Database) -> None:
    player, staff = await rich_player(house), await make_member(house)
    made = await ask(house, player)
    await approve(house, made.id, staff)
    payout = await claim(house)
    assert payout is not None
    with pytest.raises(IllegalMove):
        async with house.transaction() as session:
            await payouts.payout_seen(session, payout_id=payout.id, tx_hash="tx", now=NOW)


async def test_a_withdrawal_without_its_order_stops_nobody_else_who_reads_the_payout(
    house: Database,
) -> None:
    player, staff = await rich_player(house), await make_member(house)
    made = await ask(house, player)
    await approve(house, made.id, staff)
    await claim(house)
    async with house.transaction() as session:
        await session.execute(
            text("UPDATE withdrawals SET order_text = NULL, order_signature = NULL")
        )
    async with house.transaction() as session:
        (payout,) = await batches.open_payouts(session, rail="ton")
    assert not payout.members[0].order_text
