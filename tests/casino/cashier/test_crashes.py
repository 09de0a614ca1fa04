"""Every command of the cashier, killed at each of its statements and then given again."""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import event

from casino.cashier import deposits, payouts, recovery, signing, withdrawals
from casino.db import Database
from casino.ledger import totals
from casino.ledger.chart import Account
from casino.money import Asset
from casino.staff import orders
from tests.casino.cashier.cashbox import (
    KEY_SEED,
    NOW,
    TON,
    approve,
    ask,
    assert_sound,
    claim,
    make_member,
    make_player,
    moves,
    rich_player,
    sent,
    signed_payout,
    tag_of,
    transfer,
    wallet,
)

STATEMENTS_MAX = 80


class Killed(Exception):
    """The process died here."""


@contextmanager
def killed_at(db: Database, statement: int) -> Iterator[list[int]]:
    """Die before the given statement of the product's sessions, counted from 1."""
    engine = db._engine.sync_engine
    count = [0]

    def die(*_: object) -> None:
        count[0] += 1
        if count[0] == statement:
            raise Killed

    event.listen(engine, "before_cursor_execute", die)
    try:
        yield count
    finally:
        event.remove(engine, "before_cursor_execute", die)


async def survive(db: Database, command: Callable[[], Awaitable[object]]) -> int:
    """Give the command again and again, each time killed one statement later, until it is done;
    then twice more. Returns how often it was killed."""
    for statement in range(1, STATEMENTS_MAX):
        with killed_at(db, statement):
            try:
                await command()
            except Killed:
                continue
        await command()
        await assert_sound(db)
        return statement - 1
    pytest.fail("the command never ended")


async def test_a_page_of_deposits(house: Database) -> None:
    player = await make_player(house)
    tag = await tag_of(house, player)
    page = [transfer(TON, tag), transfer(50_000_000, tag), transfer(2 * TON, "lost")]

    async def book() -> None:
        async with house.transaction() as session:
            await deposits.observe(session, rail="ton", transfers=page, now=NOW)
            await deposits.confirm(session, rail="ton", final_block=99, now=NOW)
            await deposits.advance_cursor(
                session, chain="ton", account="a", lt=5, tx_hash="h", block=99, now=NOW
            )

    assert await survive(house, book) > 10
    assert (await wallet(house, player)).cash == TON
    news = await sent(house, "player", player)
    assert (news.count("deposit.seen"), news.count("deposit.credited")) == (2, 1)
    async with house.transaction() as session:
        (kept,) = await deposits.list_unclaimed(session)
    assert kept.units == 2 * TON


async def test_a_withdrawal_at_every_step(house: Database) -> None:
    player, staff = await rich_player(house), await make_member(house)
    await survive(house, lambda: ask(house, player, 10 * TON, reference="once"))
    async with house.transaction() as session:
        (made,) = await withdrawals.list_for_player(session, player_id=player)

    async def say_yes() -> None:
        async with house.transaction() as session:
            now_is = await withdrawals.get(session, withdrawal_id=made.id)
            if now_is.status == "in_review":
                await withdrawals.approve(
                    session,
                    withdrawal_id=made.id,
                    member=staff,
                    sign=lambda order: orders.sign(order, key_seed=KEY_SEED),
                    now=NOW,
                )

    await survive(house, say_yes)
    await survive(house, lambda: claim(house))
    async with house.transaction() as session:
        (payout,) = await signing.unsigned_payouts(session, rail="ton")

    async def sign() -> None:
        async with house.transaction() as session:
            await signing.store_signed(
                session, payout_id=payout.id, signed=b"bytes", tx_hash="h", now=NOW
            )

    async def broadcast() -> None:
        async with house.transaction() as session:
            await payouts.mark_broadcast(session, payout_id=payout.id, now=NOW)

    async def see() -> None:
        async with house.transaction() as session:
            await payouts.payout_seen(session, payout_id=payout.id, tx_hash="tx", now=NOW)

    async def complete() -> None:
        async with house.transaction() as session:
            await payouts.complete_member(
                session, payout_id=payout.id, withdrawal_id=made.id, tx_hash="tx", now=NOW
            )

    for step in (sign, broadcast, see, complete):
        assert await survive(house, step) > 2
    assert await moves(house, made.id) == [
        "requested",
        "in_review",
        "approved",
        "assigned",
        "signed",
        "broadcast",
        "confirmed",
    ]
    purse = await wallet(house, player)
    assert (purse.cash, purse.reserved) == (90 * TON, 0)
    async with house.transaction() as session:
        left = -await totals.account_balance(session, Account.HOT_WALLET_TON, Asset.TON)
    assert left == 90 * TON + 50_000_000
    news = [kind for kind in await sent(house, "player", player) if "withdrawal" in kind]
    assert news == [
        "withdrawal.requested",
        "withdrawal.approved",
        "withdrawal.sent",
        "withdrawal.confirmed",
    ]


async def test_a_death_and_a_refund(house: Database) -> None:
    player, staff = await rich_player(house), await make_member(house)
    made = await ask(house, player)
    await approve(house, made.id, staff)
    payout = await signed_payout(house)

    async def bury() -> None:
        async with house.transaction() as session:
            await payouts.member_dead(
                session, payout_id=payout.id, withdrawal_id=made.id, proof="expired", now=NOW
            )

    async def refund() -> None:
        async with house.transaction() as session:
            now_is = await withdrawals.get(session, withdrawal_id=made.id)
            if now_is.status == "dead":
                await recovery.refund(
                    session, withdrawal_id=made.id, member=staff, reason="x", now=NOW
                )

    await survive(house, bury)
    await survive(house, refund)
    purse = await wallet(house, player)
    assert (purse.cash, purse.reserved) == (100 * TON, 0)
    assert (await moves(house, made.id))[-2:] == ["dead", "refunded"]
    assert (await sent(house, "player", player)).count("withdrawal.refunded") == 1
