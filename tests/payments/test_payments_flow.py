"""From a deposit on the chain to a withdrawal on the chain, through crashes, with a true book."""

import contextlib
from dataclasses import replace

import pytest
from sqlalchemy import text

from casino.cashier import payouts
from casino.cashier.withdrawal_states import WithdrawalStatus as Status
from casino.clock import utc_now
from casino.db import Database
from casino.errors import OutsideUnavailable
from casino.staff import orders
from payments import sender as sender_module
from payments.addresses import TonAddress
from payments.chains.ton_wallet import Payment
from tests.payments.conftest import TIMEOUT_SECONDS, TON, World
from tests.payments.house import APPROVER_SEED, House

pytestmark = pytest.mark.chain


@pytest.fixture
async def house(world: World, db: Database, monkeypatch: pytest.MonkeyPatch) -> House:
    monkeypatch.setattr(sender_module, "RESEND_AFTER_SECONDS", 0.0)
    house = House(world, db)
    await house.open()
    return house


async def effects(house: House, consumer: str) -> list[str]:
    async with house.database.transaction() as session:
        rows = await session.execute(
            text("SELECT kind FROM outbox WHERE consumer = :c ORDER BY id").bindparams(c=consumer)
        )
        return list(rows.scalars())


async def test_the_whole_way_in_and_out(house: House) -> None:
    player = await house.rich_player(10 * TON)
    await house.require_balanced()
    to = house.somebody(1)
    withdrawal = await house.withdraw(player, 4 * TON, to.friendly())
    await house.turn()
    done = await house.withdrawal(withdrawal)
    assert done.status is Status.CONFIRMED
    assert done.tx_hash is not None
    assert await house.world.node.balance(to.raw) == done.net_units
    assert await house.cash(player) == 6 * TON
    assert await house.open_payouts() == []
    await house.require_balanced()
    told = await effects(house, "player")
    assert told == [
        "deposit.seen",
        "deposit.credited",
        "withdrawal.requested",
        "withdrawal.approved",
        "withdrawal.sent",
        "withdrawal.confirmed",
    ]


async def test_reading_again_changes_nothing(house: House) -> None:
    player = await house.rich_player(10 * TON)
    for _ in range(3):
        house.restart()
        await house.watch()
        await house.world.node.mine()
    assert await house.cash(player) == 10 * TON
    await house.require_balanced()


async def test_what_has_no_owner_is_kept_and_booked(house: House) -> None:
    player = await house.player()
    tag = await house.tag(player)
    wrong = tag[:-1] + ("0" if tag[-1] != "0" else "1")
    await house.world.pay_in(TON, comment=wrong)
    await house.world.pay_in(2 * TON)
    await house.world.pay_in(3 * TON, comment="a nice casino")
    await house.world.pay_in(4 * TON, comment=tag, bounceable=True)  # bounces: no wallet code yet
    await house.watch()
    assert await house.cash(player) == 0
    assert (await effects(house, "staff")).count("deposit.unclaimed") == 3
    await house.require_balanced()


async def test_a_page_at_a_time_tells_the_same(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("payments.reading.PAGE_TRANSACTIONS", 2)
    player = await house.player()
    tag = await house.tag(player)
    for _ in range(5):
        await house.world.node.faucet(house.world.account, TON, comment=f"  {tag.lower()} ")
    await house.watch()
    assert await house.cash(player) == 5 * TON
    await house.require_balanced()


async def test_many_withdrawals_travel_in_one_payout(house: House) -> None:
    player = await house.rich_player(50 * TON)
    ids = [
        await house.withdraw(player, 2 * TON + number, house.somebody(10 + number).friendly())
        for number in range(8)
    ]
    await house.watch()
    await house.sender.step()
    (payout,) = await house.open_payouts()
    assert len(payout.members) == 8
    await house.turn()
    assert {await house.status(one) for one in ids} == {Status.CONFIRMED}
    await house.require_balanced()


async def test_what_the_wallet_cannot_pay_waits(house: House) -> None:
    player = await house.rich_player(20 * TON)
    house.world.next_query = 5000
    lost = await house.world.payout([thief_payment(house.somebody(33), 15 * TON)])
    await house.world.chain.broadcast(lost.signed)
    await house.world.node.mine()
    large = await house.withdraw(player, 10 * TON, house.somebody(30).friendly())
    small = await house.withdraw(player, 1 * TON, house.somebody(31).friendly())
    await house.turn()
    await house.turn()
    assert await house.status(large) is Status.APPROVED
    assert await house.status(small) is Status.CONFIRMED, "it does not wait behind the large one"
    await house.world.pay_in(10 * TON)  # the owner adds coins
    await house.turn()
    assert await house.status(large) is Status.CONFIRMED
    assert await house.drift() == -15 * TON


@pytest.mark.parametrize("fault", ["dropSend", "failAfterSend", "http500", "http429"])
async def test_a_node_that_lies_or_fails_pays_once(house: House, fault: str) -> None:
    player = await house.rich_player(10 * TON)
    to = house.somebody(40)
    withdrawal = await house.withdraw(player, 2 * TON, to.friendly())
    await house.watch()
    await house.sender.step()
    await house.signer.step()
    await house.world.node.fault(**{fault: 1})
    for _ in range(3):
        with contextlib.suppress(OutsideUnavailable):  # the loop logs it and comes again
            await house.sender.step()
        await house.world.node.mine()
    await house.turn()
    assert await house.status(withdrawal) is Status.CONFIRMED
    assert await house.world.node.balance(to.raw) == 2 * TON - 50_000_000
    await house.require_balanced()


async def signed_but_lost(house: House) -> None:
    """The process dies between the send and every word about it."""
    (payout,) = await house.open_payouts()
    assert payout.signed is not None
    await house.world.chain.broadcast(payout.signed)


@pytest.mark.parametrize("crash_after", ["claim", "sign", "mark", "send", "mine", "seen"])
async def test_a_crash_at_any_status_pays_once(house: House, crash_after: str) -> None:
    player = await house.rich_player(10 * TON)
    to = house.somebody(50)
    withdrawal = await house.withdraw(player, 2 * TON, to.friendly())
    await house.watch()
    for step in ("claim", "sign", "mark", "send", "mine", "seen"):
        if step == "claim":
            await house.sender.step()
        elif step == "sign":
            await house.signer.step()
        elif step == "mark":
            (payout,) = await house.open_payouts()
            async with house.database.transaction() as session:
                await payouts.mark_broadcast(session, payout_id=payout.id, now=utc_now())
        elif step == "send":
            await signed_but_lost(house)
        elif step == "mine":
            await house.world.node.mine()
        else:
            async with house.database.transaction() as session:
                await payouts.payout_seen(
                    session, payout_id=payout.id, tx_hash="ab" * 32, now=utc_now()
                )
        if step == crash_after:
            break
    house.restart()
    await house.turn()
    await house.turn()
    assert await house.status(withdrawal) is Status.CONFIRMED
    assert await house.world.node.balance(to.raw) == 2 * TON - 50_000_000
    await house.require_balanced()


async def test_bytes_that_expired_unseen_are_proven_dead_and_paid_anew_once(house: House) -> None:
    player = await house.rich_player(10 * TON)
    to = house.somebody(60)
    withdrawal = await house.withdraw(player, 2 * TON, to.friendly())
    await house.watch()
    await house.sender.step()
    await house.signer.step()
    await house.world.node.fault(dropSend=1)
    await house.sender.step()
    await house.world.node.move_clock(TIMEOUT_SECONDS + 60)
    await house.world.node.mine()
    await house.watch()
    assert await house.status(withdrawal) is Status.DEAD
    await house.turn()
    assert await house.status(withdrawal) is Status.CONFIRMED
    assert await house.world.node.balance(to.raw) == 2 * TON - 50_000_000
    await house.require_balanced()


async def test_a_payout_that_nobody_signed_in_time_is_paid_by_the_next(house: House) -> None:
    player = await house.rich_player(10 * TON)
    to = house.somebody(61)
    withdrawal = await house.withdraw(player, 2 * TON, to.friendly())
    await house.watch()
    await house.sender.step()
    await house.world.node.move_clock(TIMEOUT_SECONDS + 60)
    await house.world.node.mine()
    await house.watch()
    assert await house.status(withdrawal) is Status.DEAD
    await house.turn()
    assert await house.status(withdrawal) is Status.CONFIRMED
    assert await house.world.node.balance(to.raw) == 2 * TON - 50_000_000
    await house.require_balanced()


async def test_a_member_that_did_not_leave_is_tried_again(house: House) -> None:
    player = await house.rich_player(10 * TON)
    to = house.somebody(62)
    withdrawal = await house.withdraw(player, 9 * TON, to.friendly())
    await house.watch()
    await house.sender.step()
    await house.signer.step()
    # Somebody with the key empties the wallet behind our back.
    house.world.next_query = 5000
    thief = await house.world.payout([thief_payment(house.somebody(63), 6 * TON)])
    await house.world.chain.broadcast(thief.signed)
    await house.world.node.mine()
    await house.turn()
    assert await house.status(withdrawal) is Status.DEAD
    assert await house.world.node.balance(to.raw) == 0
    await house.world.pay_in(20 * TON)
    await house.turn()
    assert await house.status(withdrawal) is Status.DEAD, "nobody has said what that was"
    assert "alert.foreign_send" in await effects(house, "staff")
    await house.explain()
    await house.turn()
    await house.turn()
    assert await house.status(withdrawal) is Status.CONFIRMED
    assert await house.drift() == -6 * TON, "the theft shows, to the unit"
    assert "alert.reconcile" in await effects(house, "staff")


def thief_payment(to: TonAddress, units: int) -> Payment:
    return Payment(to.friendly(), units, "")


async def test_money_that_comes_back_waits_for_staff(house: House) -> None:
    player = await house.rich_player(10 * TON)
    withdrawal = await house.withdraw(player, 2 * TON, house.somebody(64).friendly(bounceable=True))
    await house.turn()
    await house.turn()
    assert await house.status(withdrawal) is Status.DEAD
    assert "withdrawal.dead" in await effects(house, "staff")
    await house.require_balanced()


async def test_the_sender_waits_for_a_watcher_that_is_behind(house: House) -> None:
    player = await house.rich_player(10 * TON)
    withdrawal = await house.withdraw(player, 2 * TON, house.somebody(65).friendly())
    await house.world.node.mine(60)
    await house.sender.step()
    assert await house.status(withdrawal) is Status.APPROVED
    await house.watch()
    await house.sender.step()
    assert await house.status(withdrawal) is Status.ASSIGNED


async def test_an_index_that_is_behind_stops_the_sender_and_alerts(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sender_module, "BEHIND_ALERT_AFTER_SECONDS", 0.0)
    player = await house.rich_player(10 * TON)
    withdrawal = await house.withdraw(player, 2 * TON, house.somebody(66).friendly())
    await house.world.node.fault(lag=60)
    await house.world.node.mine(60)
    await house.watch()
    for _ in range(3):
        await house.sender.step()
    assert await house.status(withdrawal) is Status.APPROVED
    assert (await effects(house, "staff")).count("alert.chain_lag") == 1
    await house.world.node.fault(lag=0)
    await house.turn()
    assert await house.status(withdrawal) is Status.CONFIRMED


async def test_forged_orders_are_not_signed(house: House) -> None:
    player = await house.rich_player(10 * TON)
    withdrawal = await house.withdraw(player, 2 * TON, house.somebody(70).friendly())
    await house.watch()
    await house.sender.step()
    async with house.database.transaction() as session:
        await session.execute(
            text("UPDATE withdrawals SET destination = :d").bindparams(
                d=house.somebody(71).friendly()
            )
        )
    assert await house.signer.step() == 0
    assert await house.signer.step() == 0
    assert (await effects(house, "staff")).count("alert.signing_refused") == 1
    assert await house.status(withdrawal) is Status.ASSIGNED
    (payout,) = await house.open_payouts()
    assert payout.signed is None


@pytest.mark.parametrize(
    "harm",
    [
        "UPDATE withdrawals SET order_text = 'no order' WHERE id = :id",
        "UPDATE withdrawals SET order_text = NULL, order_signature = NULL WHERE id = :id",
        "UPDATE payout_members SET outcome = 'dead' WHERE withdrawal_id = :id",
    ],
    ids=["spoilt", "missing", "closed"],
)
async def test_one_bad_payout_does_not_stop_the_rail(house: House, harm: str) -> None:
    player = await house.rich_player(10 * TON)
    bad = await house.withdraw(player, 2 * TON, house.somebody(75).friendly())
    await house.watch()
    await house.sender.step()
    async with house.database.transaction() as session:
        await session.execute(text(harm), {"id": bad})
    good = await house.withdraw(player, 2 * TON, house.somebody(76).friendly())
    await house.turn()
    assert await house.signer.step() == 0
    assert await house.status(good) is Status.CONFIRMED
    assert await house.status(bad) is Status.ASSIGNED
    assert (await effects(house, "staff")).count("alert.signing_refused") == 1


async def test_an_order_that_no_cell_can_hold_does_not_stop_the_rail(house: House) -> None:
    player = await house.rich_player(10 * TON)
    bad = await house.withdraw(player, 2 * TON, house.somebody(77).friendly())
    await house.watch()
    await house.sender.step()
    (payout,) = await house.open_payouts()
    order = replace(orders.parse(payout.members[0].order_text.encode()), memo="x" * 2000)
    async with house.database.transaction() as session:
        await session.execute(
            text(
                "UPDATE withdrawals SET memo = :memo, order_text = :words,"
                " order_signature = :signature WHERE id = :id"
            ),
            {
                "memo": order.memo,
                "words": orders.canonical(order).decode(),
                "signature": orders.sign(order, key_seed=APPROVER_SEED),
                "id": bad,
            },
        )
    good = await house.withdraw(player, 2 * TON, house.somebody(78).friendly())
    await house.turn()
    assert await house.status(good) is Status.CONFIRMED
    assert await house.status(bad) is Status.ASSIGNED
    assert (await effects(house, "staff")).count("alert.signing_refused") == 1


async def test_the_signers_own_ceiling_holds(house: House) -> None:
    house.limits = replace(house.limits, day_units_max=3 * TON)
    house.restart()
    player = await house.rich_player(10 * TON)
    first = await house.withdraw(player, 2 * TON, house.somebody(72).friendly())
    await house.turn()
    assert await house.status(first) is Status.CONFIRMED
    second = await house.withdraw(player, 2 * TON, house.somebody(73).friendly())
    await house.turn()
    assert await house.status(second) is Status.ASSIGNED
    assert await house.world.node.balance(house.somebody(73).raw) == 0


async def test_nothing_is_signed_twice_with_other_bytes(house: House) -> None:
    player = await house.rich_player(10 * TON)
    await house.withdraw(player, 2 * TON, house.somebody(74).friendly())
    await house.watch()
    await house.sender.step()
    assert await house.signer.step() == 1
    (before,) = await house.open_payouts()
    house.restart()
    assert await house.signer.step() == 0
    (after,) = await house.open_payouts()
    assert after.signed == before.signed
