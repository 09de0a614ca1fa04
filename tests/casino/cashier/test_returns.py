"""Held deposits that staff send back: by the road of withdrawals, and back to held if unpaid."""

import asyncio

import pytest
from sqlalchemy import text

from casino.cashier import (
    crediting,
    deposits,
    freezes,
    payouts,
    proof,
    recovery,
    returns,
    unclear_payments,
)
from casino.cashier.crediting import DepositStatus
from casino.cashier.history import MovementKind
from casino.cashier.unclear_payments import Answer, Landed
from casino.cashier.withdrawals import Withdrawal, WithdrawalStatus
from casino.db import Database
from casino.errors import (
    Conflict,
    IllegalMove,
    SelfExcluded,
)
from casino.ids import moment_of
from casino.ledger import totals
from casino.ledger.chart import Account, Kind
from casino.money import Asset
from casino.reporting import gaming
from casino.staff.people import Member
from casino.staff.roles import Role
from tests.casino.cashier.cashbox import (
    DESTINATION,
    NOW,
    TON,
    approve,
    make_clerk,
    moves,
    sent,
    signed_payout,
    status_of,
)
from tests.casino.cashier.held import (
    ELSEWHERE,
    FEE,
    UNITS,
    deposit_of,
    held_and_reserved,
    held_deposit,
    movements,
    reject,
    release,
    require_proven,
    run,
    send_back,
    set_free,
)


async def test_a_held_deposit_goes_back(house: Database, owner: Member) -> None:
    player, deposit = await held_deposit(house)
    await require_proven(house)
    async with house.transaction() as session:
        planned = await returns.plan(
            session, deposit_id=deposit, destination=DESTINATION, memo="", now=NOW
        )
    assert (planned.fee_units, planned.net_units) == (FEE, UNITS - FEE)
    made = await send_back(house, deposit, owner)
    assert (made.deposit_id, made.units, made.net_units) == (deposit, UNITS, UNITS - FEE)
    assert made.status is WithdrawalStatus.IN_REVIEW
    assert (await deposit_of(house, deposit)).status is DepositStatus.RETURNED
    assert await held_and_reserved(house, player) == (0, 0, UNITS)
    async with house.transaction() as session:
        found = await returns.find(session, deposit_id=deposit)
    assert found == made
    await require_proven(house)

    # He is excluded, blocked, and frozen: none of that is about what the house wishes.
    await run(house, "UPDATE players SET status = 'blocked' WHERE id = :id", id=player)
    async with house.transaction() as session:
        await freezes.freeze(session, player_id=player, deposit_id=deposit, now=NOW)
    await approve(house, made.id, owner)
    payout = await signed_payout(house)
    assert [one.units for one in payout.members] == [UNITS - FEE]
    async with house.transaction() as session:
        await payouts.complete_member(
            session, payout_id=payout.id, withdrawal_id=made.id, tx_hash="paid", now=NOW
        )
    assert await status_of(house, made.id) == "confirmed"
    assert (await deposit_of(house, deposit)).status is DepositStatus.RETURNED
    assert await held_and_reserved(house, player) == (0, 0, 0)
    async with house.transaction() as session:
        hot = await totals.account_balance(session, Account.HOT_WALLET_TON, Asset.TON)
        fees = await totals.account_balance(session, Account.HOUSE_FEES, Asset.TON)
    assert (hot, fees) == (-FEE, FEE)
    await require_proven(house)
    assert (await sent(house, "player", player))[1:] == [
        "deposit.seen",
        "deposit.held",
        "return.requested",
        "return.approved",
        "return.sent",
        "return.confirmed",
    ]
    assert await moves(house, made.id) == [
        "requested",
        "in_review",
        "approved",
        "assigned",
        "signed",
        "broadcast",
        "confirmed",
    ]
    with pytest.raises(IllegalMove):
        await send_back(house, deposit, owner)


async def test_it_is_a_deposit_and_a_withdrawal_and_no_game(house: Database, owner: Member) -> None:
    player, deposit = await held_deposit(house)
    made = await send_back(house, deposit, owner)
    async with house.transaction() as session:
        under_way = await gaming.player_summary(session, player_id=player)
    assert under_way.deposits[Asset.TON] == UNITS
    assert under_way.withdrawals[Asset.TON] == 0
    await approve(house, made.id, owner)
    payout = await signed_payout(house)
    async with house.transaction() as session:
        await payouts.complete_member(
            session, payout_id=payout.id, withdrawal_id=made.id, tx_hash="paid", now=NOW
        )
    async with house.transaction() as session:
        summary = await gaming.player_summary(session, player_id=player)
        figures = await gaming.today(session, now=NOW)
        moved = await totals.by_kind(session, since=moment_of(0), until=moment_of(2**62))
    for shown in (summary, figures):
        assert shown.deposits[Asset.TON] == shown.withdrawals[Asset.TON] == UNITS
    assert not any(figures.ggr.values())
    assert not any(summary.staked.values())
    assert moved[Kind.DEPOSIT_HELD, Asset.TON] == moved[Kind.DEPOSIT_RETURN, Asset.TON] == UNITS


async def test_who_sent_it_back_is_on_the_audit_log(house: Database, owner: Member) -> None:
    _player, deposit = await held_deposit(house)
    made = await send_back(house, deposit, owner)
    async with house.transaction() as session:
        lines = (
            await session.execute(
                text("SELECT action, subject FROM audit_log WHERE actor = :actor ORDER BY id"),
                {"actor": f"staff:{owner.id}"},
            )
        ).all()
        story = (
            await session.execute(
                text(
                    "SELECT from_status, to_status, actor, details->>'reason' FROM deposit_history"
                    " WHERE deposit_id = :id ORDER BY id DESC LIMIT 1"
                ),
                {"id": deposit},
            )
        ).one()
    assert [tuple(line) for line in lines[-2:]] == [
        ("deposit.returned", f"deposit:{deposit}"),
        ("withdrawal.requested", f"withdrawal:{made.id}"),
    ]
    assert tuple(story) == ("held", "returned", f"staff:{owner.id}", SelfExcluded.code)


async def test_two_people_send_it_back_once(house: Database, owner: Member) -> None:
    player, deposit = await held_deposit(house)
    second = await make_clerk(house, owner, Role.PAYMENTS)
    outcomes = await asyncio.gather(
        *(send_back(house, deposit, member) for member in (owner, second) * 3),
        return_exceptions=True,
    )
    made = [one for one in outcomes if isinstance(one, Withdrawal)]
    assert len(made) == 1
    assert all(isinstance(one, IllegalMove) for one in outcomes if one not in made)
    assert await held_and_reserved(house, player) == (0, 0, UNITS)
    await require_proven(house)


async def test_it_is_released_or_sent_back_never_both(house: Database, owner: Member) -> None:
    for _ in range(4):
        player, deposit = await held_deposit(house)
        await set_free(house, player)
        outcomes = await asyncio.gather(
            release(house, deposit), send_back(house, deposit, owner), return_exceptions=True
        )
        assert sum(isinstance(one, Conflict) for one in outcomes) == 1, outcomes
        purse = await held_and_reserved(house, player)
        assert purse in ((UNITS, 0, 0), (0, 0, UNITS))
    await require_proven(house)


async def test_the_player_sees_it(house: Database, owner: Member) -> None:
    player, deposit = await held_deposit(house)
    made = await send_back(house, deposit, owner)

    async def seen() -> list[tuple[MovementKind, str, str]]:
        return [(one.kind, one.status, one.status_key) for one in await movements(house, player)]

    assert await seen() == [
        (MovementKind.WITHDRAWAL, "in_review", "withdrawal.status.in_review"),
        (MovementKind.DEPOSIT, "returning", "deposit.status.returning"),
    ]
    back = (await movements(house, player))[0]
    assert (back.detail["returns"], back.detail["cancellable"]) == (True, False)
    await reject(house, made.id, owner)
    assert await seen() == [
        (MovementKind.WITHDRAWAL, "rejected", "return.status.rejected"),
        (MovementKind.DEPOSIT, "held", "deposit.status.held"),
    ]
    again = await send_back(house, deposit, owner)
    await approve(house, again.id, owner)
    payout = await signed_payout(house)
    async with house.transaction() as session:
        await payouts.complete_member(
            session, payout_id=payout.id, withdrawal_id=again.id, tx_hash="paid", now=NOW
        )
    assert (await seen())[0][1:] == ("confirmed", "withdrawal.status.confirmed")
    assert (await seen())[-1] == (MovementKind.DEPOSIT, "returned", "deposit.status.returned")


async def test_a_rejected_return_is_held_again_and_may_go_any_way(
    house: Database, owner: Member
) -> None:
    player, deposit = await held_deposit(house)
    for _ in range(2):
        made = await send_back(house, deposit, owner)
        await reject(house, made.id, owner)
        again = await deposit_of(house, deposit)
        assert (again.status, again.reason) == (DepositStatus.HELD, SelfExcluded.code)
        assert await held_and_reserved(house, player) == (0, UNITS, 0)
        await require_proven(house)
    # Its card comes to staff again; the player hears of the return only.
    assert await sent(house, "staff", deposit) == ["deposit.held"] * 3
    assert (await sent(house, "player", player))[-2:] == ["return.requested", "return.rejected"]
    with pytest.raises(SelfExcluded):
        await release(house, deposit)
    await set_free(house, player)
    await release(house, deposit)
    assert await held_and_reserved(house, player) == (UNITS, 0, 0)
    await require_proven(house)


async def test_a_return_that_died_is_sent_again_or_held_again(
    house: Database, owner: Member
) -> None:
    player, deposit = await held_deposit(house)
    made = await send_back(house, deposit, owner)
    await approve(house, made.id, owner)

    async def die(boc: bytes) -> None:
        payout = await signed_payout(house, boc)
        async with house.transaction() as session:
            await payouts.member_dead(
                session, payout_id=payout.id, withdrawal_id=made.id, proof="gone", now=NOW
            )

    await die(b"first")
    await run(house, "UPDATE players SET status = 'closed' WHERE id = :id", id=player)
    async with house.transaction() as session:
        await recovery.reassign(session, withdrawal_id=made.id, now=NOW)
    await die(b"second")
    assert await held_and_reserved(house, player) == (0, 0, UNITS)
    async with house.transaction() as session:
        await recovery.refund(
            session, withdrawal_id=made.id, member=owner, reason="the address is shut", now=NOW
        )
    assert await held_and_reserved(house, player) == (0, UNITS, 0)
    assert (await deposit_of(house, deposit)).status is DepositStatus.HELD
    assert (await sent(house, "player", player))[-1] == "return.refunded"
    await require_proven(house)
    await send_back(house, deposit, owner, destination=ELSEWHERE)


async def test_what_is_missing_of_it_is_held_as_a_deposit_of_its_own(
    house: Database, owner: Member
) -> None:
    player, deposit = await held_deposit(house)
    made = await send_back(house, deposit, owner)
    await approve(house, made.id, owner)
    payout = await signed_payout(house)
    async with house.transaction() as session:
        await unclear_payments.note(
            session,
            payout_id=payout.id,
            rail="ton",
            withdrawal_id=made.id,
            wanted_units=UNITS - FEE,
            landed=Landed("hash", 77, TON, TON),
            now=NOW,
        )
    async with house.transaction() as session:
        await unclear_payments.decide(
            session, payout_id=payout.id, answer=Answer.MADE_GOOD, member=owner, now=NOW
        )
    rest = UNITS - FEE - TON
    assert await held_and_reserved(house, player) == (0, rest, 0)
    await require_proven(house)
    async with house.transaction() as session:
        (left,) = await deposits.list_held(session)
    whole = await deposit_of(house, deposit)
    assert (left.units, left.tx_hash, left.sender) == (rest, whole.tx_hash, whole.sender)
    assert left.reason == SelfExcluded.code
    assert left.id != deposit
    assert whole.status is DepositStatus.RETURNED
    await send_back(house, left.id, owner)
    assert await held_and_reserved(house, player) == (0, 0, rest)
    await require_proven(house)


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE withdrawals SET status = 'rejected' WHERE deposit_id IS NOT NULL",
        "UPDATE withdrawals SET units = units - 1 WHERE deposit_id IS NOT NULL",
        "UPDATE withdrawals SET deposit_id = NULL",
        "UPDATE deposits SET status = 'held' WHERE status = 'returned'",
    ],
)
async def test_a_return_without_its_deposit_is_found(
    house: Database, owner: Member, damage: str
) -> None:
    _player, deposit = await held_deposit(house)
    await send_back(house, deposit, owner)
    assert (await proof.prove_returned(house)).sound
    await run(house, damage)
    found = await proof.prove_returned(house)
    assert not found.sound
    assert f"deposit {deposit}" in found.examples[0]


def test_only_a_held_deposit_goes_back_and_only_held_it_comes_again() -> None:
    before = {one for one, after in crediting.ALLOWED.items() if DepositStatus.RETURNED in after}
    assert before == {DepositStatus.HELD}
    assert crediting.ALLOWED[DepositStatus.RETURNED] == {DepositStatus.HELD}
