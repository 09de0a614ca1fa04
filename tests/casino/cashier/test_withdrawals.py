"""Withdrawals up to the signed order: asked once, decided by the right people, given back whole."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import text

from casino import audit, flags, switches
from casino.cashier import quotes, rails, recovery, terms, withdrawals
from casino.cashier.withdrawals import Approval, Withdrawal, WithdrawalStatus
from casino.db import Database
from casino.errors import (
    AccountClosed,
    AddressInvalid,
    BadAmount,
    BelowMinimum,
    CasinoError,
    ConsentRequired,
    IdempotencyConflict,
    IllegalMove,
    InsufficientFunds,
    KycRequired,
    NotFound,
    NotPermitted,
    Paused,
    RateStale,
    StaleReference,
)
from casino.players import exclusion, identity
from casino.staff import orders, people
from casino.staff.roles import Role
from tests import factories
from tests.casino.cashier.cashbox import (
    DESTINATION,
    EUR,
    HOT_WALLET,
    KEY_SEED,
    NOW,
    TON,
    approve,
    arrive,
    ask,
    assert_sound,
    claim,
    make_clerk,
    make_member,
    make_player,
    moves,
    rich_player,
    sent,
    status_of,
    tag_of,
    transfer,
    wallet,
)

FEE = 50_000_000


async def reject(db: Database, withdrawal_id: int, member: people.Member) -> Withdrawal:
    async with db.transaction() as session:
        return await withdrawals.reject(
            session, withdrawal_id=withdrawal_id, member=member, reason="no", now=NOW
        )


async def cancel(db: Database, withdrawal_id: int, player_id: int) -> Withdrawal:
    async with db.transaction() as session:
        return await withdrawals.cancel(
            session, withdrawal_id=withdrawal_id, player_id=player_id, now=NOW
        )


async def test_a_request_reserves_the_money_and_asks_staff(house: Database) -> None:
    player = await rich_player(house)
    made = await ask(house, player, 10 * TON)
    assert made.status is WithdrawalStatus.IN_REVIEW
    assert (made.fee_units, made.net_units) == (FEE, 10 * TON - FEE)
    assert made.reference_units == 30 * EUR
    purse = await wallet(house, player)
    assert (purse.cash, purse.reserved) == (90 * TON, 10 * TON)
    assert await moves(house, made.id) == ["requested", "in_review"]
    assert (await sent(house, "player", player))[-1] == "withdrawal.requested"
    assert await sent(house, "staff", made.id) == ["withdrawal.review"]
    async with house.transaction() as session:
        (line,) = await audit.search(session, subject=f"withdrawal:{made.id}")
    assert (line.actor, line.action) == (f"player:{player}", "withdrawal.requested")
    await assert_sound(house)


async def test_twenty_taps_make_one_withdrawal(house: Database) -> None:
    player = await rich_player(house)
    made = await asyncio.gather(
        *(ask(house, player, 10 * TON, reference="same") for _ in range(20))
    )
    assert len({each.id for each in made}) == 1
    assert (await wallet(house, player)).reserved == 10 * TON
    assert (await sent(house, "player", player)).count("withdrawal.requested") == 1
    await assert_sound(house)


async def test_different_requests_never_reserve_more_than_there_is(house: Database) -> None:
    player = await rich_player(house, 100 * TON)

    async def attempt() -> bool:
        try:
            await ask(house, player, 30 * TON)
        except InsufficientFunds:
            return False
        return True

    assert sum(await asyncio.gather(*(attempt() for _ in range(8)))) == 3
    purse = await wallet(house, player)
    assert (purse.cash, purse.reserved) == (10 * TON, 90 * TON)
    await assert_sound(house)


async def test_a_reference_with_other_content_is_a_conflict(house: Database) -> None:
    player = await rich_player(house)
    await ask(house, player, 10 * TON, reference="same")
    with pytest.raises(IdempotencyConflict):
        await ask(house, player, 11 * TON, reference="same")
    with pytest.raises(IdempotencyConflict):
        await ask(house, player, 10 * TON, reference="same", destination="UQother")
    # Another player's reference is his own.
    await ask(house, await rich_player(house), 11 * TON, reference="same")


async def test_the_same_reference_answers_after_the_decision_too(house: Database) -> None:
    player, staff = await rich_player(house), await make_member(house)
    made = await ask(house, player, reference="same")
    await reject(house, made.id, staff)
    again = await ask(house, player, reference="same")
    assert (again.id, again.status) == (made.id, WithdrawalStatus.REJECTED)
    assert (await wallet(house, player)).reserved == 0


@pytest.mark.parametrize(
    ("units", "error"),
    [
        (0, BadAmount),
        (-1, BadAmount),
        (10**30, BadAmount),
        (True, BadAmount),
        (499_999_999, BelowMinimum),
        (100 * TON + 1, InsufficientFunds),
    ],
)
async def test_bad_amounts_are_refused(
    house: Database, units: int, error: type[CasinoError]
) -> None:
    player = await rich_player(house, 100 * TON)
    with pytest.raises(error):
        await ask(house, player, units)
    assert (await wallet(house, player)).reserved == 0


@pytest.mark.parametrize("destination", ["", "  ", HOT_WALLET])
async def test_bad_destinations_are_refused(house: Database, destination: str) -> None:
    player = await rich_player(house)
    with pytest.raises(AddressInvalid):
        await ask(house, player, destination=destination)


@pytest.mark.parametrize("memo", ["x" * 121, "ж" * 61, "a\0b"])
async def test_bad_memos_are_refused(house: Database, memo: str) -> None:
    player = await rich_player(house)
    with pytest.raises(AddressInvalid):
        async with house.transaction() as session:
            await factories.ask_withdrawal(
                session,
                player_id=player,
                rail="ton",
                units=TON,
                destination=DESTINATION,
                memo=memo,
                reference="r",
                now=NOW,
            )


@pytest.mark.parametrize("reference", ["", "x" * 65])
async def test_bad_references_are_refused(house: Database, reference: str) -> None:
    player = await rich_player(house)
    with pytest.raises(StaleReference):
        async with house.transaction() as session:
            await factories.ask_withdrawal(
                session,
                player_id=player,
                rail="ton",
                units=TON,
                destination=DESTINATION,
                memo="",
                reference=reference,
                now=NOW,
            )


async def test_excluded_players_may_take_their_money(house: Database) -> None:
    player = await rich_player(house)
    async with house.transaction() as session:
        await exclusion.self_exclude(session, player_id=player, months=None, now=NOW)
    assert (await ask(house, player)).status is WithdrawalStatus.IN_REVIEW


async def test_blocked_players_and_strangers_may_not(house: Database) -> None:
    player = await rich_player(house)
    async with house.transaction() as session:
        await identity.block(session, player_id=player, reason="x", actor="staff:1", now=NOW)
    with pytest.raises(AccountClosed):
        await ask(house, player)
    with pytest.raises(ConsentRequired):
        await ask(house, await make_player(house, consented=False))


async def test_switches_and_closed_rails_stop_requests(house: Database) -> None:
    player = await rich_player(house)
    async with house.transaction() as session:
        await flags.set_flag(
            session, name=switches.WITHDRAWALS, stop=True, reason="x", actor="staff:1", now=NOW
        )
    with pytest.raises(Paused):
        await ask(house, player)
    with pytest.raises(Paused):
        async with house.transaction() as session:
            await quotes.make(session, player_id=player, rail="usdt_faucet", units=TON, now=NOW)
    with pytest.raises(NotFound):
        async with house.transaction() as session:
            await quotes.make(session, player_id=player, rail="nowhere", units=TON, now=NOW)


async def test_a_stale_rate_stops_requests(house: Database) -> None:
    player = await rich_player(house)
    with pytest.raises(RateStale):
        await ask(house, player, now=NOW + timedelta(hours=25))


async def test_level_0_has_a_ceiling_for_life(house: Database) -> None:
    player, staff = await rich_player(house, 1_000 * TON), await make_member(house)
    first = await ask(house, player, 332 * TON)
    # 4 EUR are left, 1.333333333 TON: the last unit of the ceiling is allowed, one more is not.
    with pytest.raises(KycRequired) as refused:
        await ask(house, player, 1_333_333_334)
    assert refused.value.data == {"level": 0, "required": 1, "ceiling": 1_000 * EUR}
    # What came to nothing does not count.
    await reject(house, first.id, staff)
    await ask(house, player, 333_333_333_333)
    async with house.transaction() as session:
        left = await terms.ceiling(session, player_id=player, kyc_level=0, now=NOW)
    assert left.left == 0


async def test_level_1_counts_the_month_and_level_2_nothing(house: Database) -> None:
    player = await rich_player(house, 10_000 * TON)
    async with house.transaction() as session:
        await session.execute(
            text("UPDATE players SET kyc_level = 1 WHERE id = :id"), {"id": player}
        )
    first = await ask(house, player, 3_333 * TON)
    with pytest.raises(KycRequired):
        await ask(house, player, 10 * TON)
    async with house.transaction() as session:
        # As if the first one had been asked for in an earlier month.
        await session.execute(
            text("UPDATE withdrawals SET requested_at = :at WHERE id = :id"),
            {"at": NOW - timedelta(days=40), "id": first.id},
        )
    await ask(house, player, 10 * TON)
    async with house.transaction() as session:
        await session.execute(
            text("UPDATE players SET kyc_level = 2 WHERE id = :id"), {"id": player}
        )
    await ask(house, player, 5_000 * TON)


async def test_ceilings_hold_against_simultaneous_requests(house: Database) -> None:
    player = await rich_player(house, 1_000 * TON)

    async def attempt() -> bool:
        try:
            await ask(house, player, 100 * TON)
        except KycRequired:
            return False
        return True

    assert sum(await asyncio.gather(*(attempt() for _ in range(8)))) == 3


async def test_a_player_takes_a_request_back_once(house: Database) -> None:
    player = await rich_player(house)
    made = await ask(house, player)
    with pytest.raises(NotFound):
        await cancel(house, made.id, await make_player(house))
    answers = await asyncio.gather(*(cancel(house, made.id, player) for _ in range(6)))
    assert {each.status for each in answers} == {WithdrawalStatus.CANCELLED}
    purse = await wallet(house, player)
    assert (purse.cash, purse.reserved) == (100 * TON, 0)
    assert (await sent(house, "player", player)).count("withdrawal.cancelled") == 1
    await assert_sound(house)


async def test_an_approval_makes_an_order_that_the_signer_can_verify(house: Database) -> None:
    player, staff = await rich_player(house), await make_member(house)
    made = await ask(house, player, 10 * TON)
    assert await approve(house, made.id, staff) == Approval(
        WithdrawalStatus.APPROVED, needs_second=False
    )
    payout = await claim(house)
    assert payout is not None
    (member,) = payout.members
    order = orders.parse(member.order_text.encode())
    orders.verify(order, member.signature, public_key=orders.public_key(KEY_SEED))
    orders.require_current(order, now=NOW)
    assert order.approvers == (staff.id,)
    assert (order.units, order.destination) == (10 * TON - FEE, DESTINATION)
    assert "withdrawal.approved" in await sent(house, "player", player)
    # Nobody has lost a cent yet.
    assert (await wallet(house, player)).reserved == 10 * TON


async def test_two_people_agree_above_the_ceiling(house: Database) -> None:
    player = await rich_player(house, 1_000 * TON)
    owner = await make_member(house)
    clerk = await make_clerk(house, owner, Role.PAYMENTS)
    async with house.transaction() as session:
        await terms.change(
            session,
            terms=terms.Terms(
                level_0_lifetime=10_000 * EUR,
                level_1_month=10_000 * EUR,
                second_person_above=300 * EUR,
                order_valid_hours=72,
            ),
            actor=f"staff:{owner.id}",
            now=NOW,
        )
    exactly, above = await ask(house, player, 100 * TON), await ask(house, player, 100 * TON + 1)
    assert not (await approve(house, exactly.id, owner)).needs_second
    waiting = Approval(WithdrawalStatus.IN_REVIEW, needs_second=True)
    for _ in range(3):  # the same person is one person, however often he presses
        assert await approve(house, above.id, owner) == waiting
    assert (await sent(house, "staff", above.id)).count("withdrawal.second_needed") == 1
    async with house.transaction() as session:
        card = await withdrawals.card(session, withdrawal_id=above.id, now=NOW)
    assert (card.approved_by, card.needs_second) == ((owner.id,), True)
    assert (await approve(house, above.id, clerk)).status is WithdrawalStatus.APPROVED
    payout = await claim(house)
    assert payout is not None
    order = orders.parse(payout.members[1].order_text.encode())
    assert order.approvers == (owner.id, clerk.id)


async def require_two_people(house: Database) -> None:
    async with house.transaction() as session:
        in_force = await terms.current(session)
        await terms.change(
            session,
            terms=terms.Terms(in_force.level_0_lifetime, in_force.level_1_month, 0, 72),
            actor="staff:1",
            now=NOW,
        )


async def test_nobody_approves_his_own_withdrawal(house: Database) -> None:
    player, owner = await rich_player(house), await make_member(house)
    async with house.transaction() as session:
        himself = await people.add_member(
            session,
            telegram_id=(await identity.get(session, player_id=player)).telegram_id,
            name="Player too",
            roles=[Role.PAYMENTS],
            actor=owner,
            now=NOW,
        )
    made = await ask(house, player)
    with pytest.raises(NotPermitted):
        await approve(house, made.id, himself)
    await require_two_people(house)
    # Not even a yes that is in the table already is one.
    async with house.transaction() as session:
        await session.execute(
            text(
                "INSERT INTO withdrawal_approvals (withdrawal_id, member_id, at)"
                " VALUES (:withdrawal, :member, :at)"
            ),
            {"withdrawal": made.id, "member": himself.id, "at": NOW},
        )
    assert (await approve(house, made.id, owner)).needs_second
    # Another player's money he may decide on.
    other = await ask(house, await rich_player(house))
    assert (await approve(house, other.id, himself)).needs_second
    assert not (await approve(house, other.id, owner)).needs_second


@pytest.mark.parametrize("demoted", [True, False])
async def test_a_yes_counts_only_while_its_giver_may_decide(house: Database, demoted: bool) -> None:
    player, owner = await rich_player(house), await make_member(house)
    first = await make_clerk(house, owner, Role.PAYMENTS)
    second = await make_clerk(house, owner, Role.PAYMENTS)
    await require_two_people(house)
    made = await ask(house, player)
    assert (await approve(house, made.id, first)).needs_second
    async with house.transaction() as session:
        if demoted:
            await people.set_roles(
                session, member_id=first.id, roles=[Role.SUPPORT], actor=owner, now=NOW
            )
        else:
            await people.remove_member(session, member_id=first.id, actor=owner, now=NOW)
    assert (await approve(house, made.id, second)).needs_second
    async with house.transaction() as session:
        card = await withdrawals.card(session, withdrawal_id=made.id, now=NOW)
    assert card.approved_by == (second.id,)
    assert not (await approve(house, made.id, owner)).needs_second
    async with house.transaction() as session:
        (line,) = await audit.search(session, action="withdrawal.approved")
    assert line.after is not None
    assert set(line.after["approvers"]) == {second.id, owner.id}


async def test_simultaneous_presses_of_one_person_are_one_yes(house: Database) -> None:
    player = await rich_player(house, 1_000 * TON)
    owner = await make_member(house)
    clerk = await make_clerk(house, owner, Role.PAYMENTS)
    async with house.transaction() as session:
        in_force = await terms.current(session)
        await terms.change(
            session,
            terms=terms.Terms(in_force.level_0_lifetime, in_force.level_1_month, 0, 72),
            actor="staff:1",
            now=NOW,
        )
    made = await ask(house, player)
    answers = await asyncio.gather(*(approve(house, made.id, owner) for _ in range(6)))
    assert all(answer.needs_second for answer in answers)
    assert await status_of(house, made.id) == "in_review"
    # And two different people at the same moment are two.
    other = await ask(house, player)
    both = await asyncio.gather(approve(house, other.id, owner), approve(house, other.id, clerk))
    assert sorted(answer.needs_second for answer in both) == [False, True]
    assert await status_of(house, other.id) == "approved"


async def test_of_approve_reject_and_cancel_one_wins(house: Database) -> None:
    player, staff = await rich_player(house), await make_member(house)
    made = await ask(house, player)

    async def attempt(coroutine: object) -> object:
        try:
            return await coroutine
        except IllegalMove as late:
            return late

    answers = await asyncio.gather(
        attempt(approve(house, made.id, staff)),
        attempt(cancel(house, made.id, player)),
        attempt(approve(house, made.id, staff)),
    )
    # One yes counts at most, and the player's no is heard after it as well.
    assert sum(isinstance(answer, Approval) for answer in answers) <= 1
    assert await status_of(house, made.id) == "cancelled"
    purse = await wallet(house, player)
    assert (purse.cash, purse.reserved) == (100 * TON, 0)

    second = await ask(house, player, TON)
    answers = await asyncio.gather(
        *(attempt(reject(house, second.id, staff)) for _ in range(3)),
        *(attempt(cancel(house, second.id, player)) for _ in range(3)),
    )
    purse = await wallet(house, player)
    assert purse.cash + purse.reserved == 100 * TON
    assert await status_of(house, second.id) in {"rejected", "cancelled"}
    await assert_sound(house)


async def test_a_rejection_gives_back_all_with_its_reason(house: Database) -> None:
    player, staff = await rich_player(house), await make_member(house)
    made = await ask(house, player)
    rejected = await reject(house, made.id, staff)
    assert (rejected.status, rejected.reason) == (WithdrawalStatus.REJECTED, "no")
    assert (await wallet(house, player)).cash == 100 * TON
    assert (await sent(house, "player", player))[-1] == "withdrawal.rejected"
    with pytest.raises(IllegalMove):
        await approve(house, made.id, staff)
    await assert_sound(house)


async def test_an_approved_payment_can_still_be_rejected_until_it_is_claimed(
    house: Database,
) -> None:
    player, staff = await rich_player(house), await make_member(house)
    held, claimed = await ask(house, player, TON), await ask(house, player, TON)
    await approve(house, held.id, staff)
    await reject(house, held.id, staff)
    await approve(house, claimed.id, staff)
    assert await claim(house) is not None
    with pytest.raises(IllegalMove):
        await reject(house, claimed.id, staff)
    assert (await wallet(house, player)).reserved == TON


async def test_only_who_may_decide_decides(house: Database) -> None:
    player, owner = await rich_player(house), await make_member(house)
    made = await ask(house, player)
    for role in (Role.KYC, Role.SUPPORT, Role.AUDITOR):
        member = await make_clerk(house, owner, role)
        for act in (approve(house, made.id, member), reject(house, made.id, member)):
            with pytest.raises(NotPermitted):
                await act
    former = await make_clerk(house, owner, Role.PAYMENTS)
    async with house.transaction() as session:
        await people.remove_member(session, member_id=former.id, actor=owner, now=NOW)
    with pytest.raises(NotPermitted):
        await approve(house, made.id, former)
    with pytest.raises(NotPermitted):
        async with house.transaction() as session:
            await recovery.refund(
                session, withdrawal_id=made.id, member=former, reason="x", now=NOW
            )
    assert await status_of(house, made.id) == "in_review"


async def test_no_order_for_a_blocked_player_or_while_payments_are_stopped(
    house: Database,
) -> None:
    player, staff = await rich_player(house), await make_member(house)
    made = await ask(house, player)
    async with house.transaction() as session:
        await flags.set_flag(
            session, name=switches.WITHDRAWALS, stop=True, reason="x", actor="staff:1", now=NOW
        )
    with pytest.raises(Paused):
        await approve(house, made.id, staff)
    async with house.transaction() as session:
        await flags.set_flag(
            session, name=switches.WITHDRAWALS, stop=False, reason="x", actor="staff:1", now=NOW
        )
        await identity.block(session, player_id=player, reason="x", actor="staff:1", now=NOW)
    with pytest.raises(AccountClosed):
        await approve(house, made.id, staff)
    await reject(house, made.id, staff)
    assert (await wallet(house, player)).cash == 100 * TON


async def test_the_card_tells_what_a_decision_needs(house: Database) -> None:
    long_ago = NOW - timedelta(days=30)
    player, other = await rich_player(house, 20 * TON, at=long_ago), await rich_player(house)
    await ask(house, other, destination=DESTINATION)
    made = await ask(house, player, 10 * TON)
    async with house.transaction() as session:
        card = await withdrawals.card(session, withdrawal_id=made.id, now=NOW)
    told = {fact.code: (fact.severity, dict(fact.params)) for fact in card.facts}
    assert card.player.id == player
    assert told["account_age"] == ("ok", {"days": 30, "hours": 720})
    assert told["deposits"] == ("ok", {"reference": 60 * EUR})
    assert told["turnover"] == ("warning", {"reference": 0, "of_deposits_bp": 0})
    assert told["kyc_level"] == ("notice", {"level": 0})
    assert told["address_first_use"] == ("notice", {})
    assert told["address_shared"] == ("warning", {"players": 1})
    with pytest.raises(NotFound):
        async with house.transaction() as session:
            await withdrawals.card(session, withdrawal_id=1, now=NOW)


async def test_the_queue_and_the_list_show_what_waits(house: Database) -> None:
    player, staff = await rich_player(house), await make_member(house)
    made = [await ask(house, player, TON) for _ in range(3)]
    await reject(house, made[1].id, staff)
    async with house.transaction() as session:
        waiting = await withdrawals.queue(session, limit=10)
        page = await withdrawals.list_for_player(session, player_id=player, limit=2)
        rest = await withdrawals.list_for_player(
            session, player_id=player, before_id=page[-1].id, limit=2
        )
    assert [each.id for each in waiting] == [made[0].id, made[2].id]
    assert [each.id for each in (*page, *rest)] == [each.id for each in reversed(made)]


async def test_new_terms_of_a_rail_apply_to_new_requests_only(house: Database) -> None:
    player, staff = await rich_player(house), await make_member(house)
    before = await ask(house, player, TON)
    async with house.transaction() as session:
        rail = await rails.get_rail(session, "ton")
        await rails.change_rail(
            session,
            rail=rails.Rail(
                **{
                    field: getattr(rail, field)
                    for field in rails.Rail.__dataclass_fields__
                    if field != "withdrawal_fee"
                },
                withdrawal_fee=2 * FEE,
            ),
            actor="staff:1",
            now=NOW,
        )
    after = await ask(house, player, TON)
    assert (before.fee_units, after.fee_units) == (FEE, 2 * FEE)
    await approve(house, before.id, staff)
    payout = await claim(house)
    assert payout is not None
    assert payout.members[0].units == TON - FEE


async def test_an_audit_chain_of_busy_staff_and_players_is_sound(house: Database) -> None:
    staff = await make_member(house)
    players = [await rich_player(house) for _ in range(3)]
    tags = [await tag_of(house, player) for player in players]

    async def story(player: int) -> None:
        made = await ask(house, player, TON)
        await approve(house, made.id, staff)
        other = await ask(house, player, TON)
        await reject(house, other.id, staff)

    await asyncio.gather(
        *(story(player) for player in players),
        *(arrive(house, *(transfer(TON, tag) for tag in tags)) for _ in range(3)),
    )
    async with house.transaction() as session:
        _, fault = await audit.verify(session)
    assert fault is None
    await assert_sound(house)
