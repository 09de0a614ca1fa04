"""What stands in the way of sending a held deposit back, what does not, and what staff see."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
from sqlalchemy import text

from casino import flags, switches
from casino.cashier import (
    address_book,
    freezes,
    payouts,
    returns,
    review,
    saved_only,
    terms,
    withdrawals,
)
from casino.cashier.crediting import DepositStatus
from casino.cashier.rails import change_rail, get_rail
from casino.db import Database
from casino.errors import (
    AddressInvalid,
    BelowMinimum,
    CasinoError,
    DepositGoesBack,
    DepositNotFinal,
    IllegalMove,
    NotFound,
    NotPermitted,
    Paused,
    QuoteExpired,
    RateStale,
)
from casino.players import changes
from casino.players.changes import Change
from casino.staff.people import Member
from casino.staff.roles import Role
from tests.casino.cashier.cashbox import (
    DESTINATION,
    HOT_WALLET,
    NOW,
    TON,
    approve,
    arrive,
    ask,
    claim,
    make_clerk,
    make_player,
    rich_player,
    sent,
    signed_payout,
    status_of,
    tag_of,
    transfer,
)
from tests.casino.cashier.held import (
    FEE,
    UNITS,
    deposit_of,
    held_and_reserved,
    held_deposit,
    reject,
    release,
    require_proven,
    run,
    send_back,
    set_free,
    stopped_deposit,
)


async def test_nothing_goes_back_before_it_is_final(house: Database, owner: Member) -> None:
    player, deposit = await held_deposit(house)
    await run(
        house,
        "UPDATE deposits SET final_at = NULL, block_hash = 'abc' WHERE id = :id",
        id=deposit,
    )
    with pytest.raises(DepositNotFinal):
        await send_back(house, deposit, owner)
    with pytest.raises(DepositNotFinal):
        async with house.transaction() as session:
            await returns.require_returnable(session, deposit_id=deposit)
    assert await held_and_reserved(house, player) == (0, UNITS, 0)
    await run(house, "UPDATE deposits SET final_at = now() WHERE id = :id", id=deposit)
    await send_back(house, deposit, owner)


async def test_only_what_is_held_goes_back(house: Database, owner: Member) -> None:
    player, deposit = await held_deposit(house)
    await set_free(house, player)
    await release(house, deposit)
    with pytest.raises(IllegalMove):
        await send_back(house, deposit, owner)
    with pytest.raises(NotFound):
        await send_back(house, 5, owner)
    assert await held_and_reserved(house, player) == (UNITS, 0, 0)


@pytest.mark.parametrize(
    ("destination", "memo", "reason"),
    [
        (HOT_WALLET, "", "own"),
        (HOT_WALLET.lower(), "", "own"),
        (" ", "", "empty"),
        (DESTINATION, "x" * 121, "memo"),
    ],
)
async def test_coins_do_not_go_where_they_would_be_lost(
    house: Database, owner: Member, destination: str, memo: str, reason: str
) -> None:
    player, deposit = await held_deposit(house)
    with pytest.raises(AddressInvalid) as refused:
        await send_back(house, deposit, owner, destination=destination, memo=memo)
    assert refused.value.data["reason"] == reason
    assert await held_and_reserved(house, player) == (0, UNITS, 0)


async def test_an_exchange_needs_its_comment(house: Database, owner: Member) -> None:
    _player, deposit = await held_deposit(house)
    await run(
        house,
        "INSERT INTO address_uses (rail, destination, player_id, requests, payments, memos,"
        " first_at, last_at) SELECT 'ton', :to, id, 1, 1, 1, now(), now() FROM players"
        " WHERE id = ANY(:others)",
        to=DESTINATION,
        others=[await make_player(house), await make_player(house)],
    )
    with pytest.raises(AddressInvalid) as refused:
        await send_back(house, deposit, owner)
    assert refused.value.data["reason"] == "memo_missing"
    made = await send_back(house, deposit, owner, memo="4711")
    assert made.memo == "4711"


async def test_too_little_stays(house: Database, owner: Member) -> None:
    player, deposit = await held_deposit(house)
    async with house.transaction() as session:
        rail = await get_rail(session, "ton")
        await change_rail(
            session, rail=replace(rail, withdrawal_min=UNITS + 1), actor="staff:1", now=NOW
        )
    with pytest.raises(BelowMinimum):
        await send_back(house, deposit, owner)
    assert await held_and_reserved(house, player) == (0, UNITS, 0)


async def test_the_fee_is_the_one_that_was_seen(house: Database, owner: Member) -> None:
    _player, deposit = await held_deposit(house)
    with pytest.raises(QuoteExpired):
        await send_back(house, deposit, owner, fee_units=FEE - 1)
    assert (await send_back(house, deposit, owner)).fee_units == FEE


async def test_switches_and_stale_rates_hold(house: Database, owner: Member) -> None:
    _player, deposit = await held_deposit(house)
    made = await send_back(house, deposit, owner)
    _other, second = await held_deposit(house)
    async with house.transaction() as session:
        await flags.set_flag(
            session, name=switches.WITHDRAWALS, stop=True, reason="drill", actor="staff:1", now=NOW
        )
    with pytest.raises(Paused):
        await send_back(house, second, owner)
    with pytest.raises(Paused):
        await approve(house, made.id, owner)
    async with house.transaction() as session:
        await flags.set_flag(
            session, name=switches.WITHDRAWALS, stop=False, reason="over", actor="staff:1", now=NOW
        )
    await run(house, "UPDATE rates SET quoted_at = quoted_at - interval '2 days'")
    with pytest.raises(RateStale):
        await send_back(house, second, owner)


async def test_only_who_resolves_deposits_may(house: Database, owner: Member) -> None:
    player, deposit = await held_deposit(house)
    for role in (Role.SUPPORT, Role.KYC, Role.AUDITOR):
        clerk = await make_clerk(house, owner, role)
        with pytest.raises(NotPermitted):
            await send_back(house, deposit, clerk)
    assert await held_and_reserved(house, player) == (0, UNITS, 0)


async def test_the_player_cannot_stop_it(house: Database, owner: Member) -> None:
    player, deposit = await held_deposit(house)
    made = await send_back(house, deposit, owner)

    async def cancel() -> None:
        async with house.transaction() as session:
            await withdrawals.cancel(session, withdrawal_id=made.id, player_id=player, now=NOW)

    with pytest.raises(DepositGoesBack):
        await cancel()
    await approve(house, made.id, owner)
    with pytest.raises(DepositGoesBack):
        await cancel()
    assert await status_of(house, made.id) == "approved"
    assert await held_and_reserved(house, player) == (0, 0, UNITS)


async def test_nobody_approves_his_own(house: Database, owner: Member) -> None:
    player, deposit = await held_deposit(house)
    await run(
        house,
        "UPDATE players SET telegram_id = :his WHERE id = :id",
        his=owner.telegram_id,
        id=player,
    )
    made = await send_back(house, deposit, owner)
    with pytest.raises(NotPermitted):
        await approve(house, made.id, owner)


async def test_a_refusal_leaves_nothing_behind(house: Database, owner: Member) -> None:
    player, deposit = await held_deposit(house)
    for given in ({"destination": HOT_WALLET}, {"fee_units": 1}, {"memo": "\0"}):
        with pytest.raises(CasinoError):
            await send_back(house, deposit, owner, **given)
    async with house.transaction() as session:
        rows = await session.scalar(text("SELECT count(*) FROM withdrawals"))
    assert rows == 0
    assert (await sent(house, "player", player))[1:] == ["deposit.seen", "deposit.held"]
    assert (await deposit_of(house, deposit)).status is DepositStatus.HELD
    await require_proven(house)


async def test_locks_of_the_player_do_not_hold_it_and_it_opens_none(
    house: Database, owner: Member
) -> None:
    """Saved addresses only, and a cool-down after a change, guard his wishes against a thief."""
    player = await rich_player(house)
    await reject(house, (await ask(house, player)).id, owner)
    deposit = await stopped_deposit(house, player)
    async with house.transaction() as session:
        await saved_only.switch_on(session, player_id=player, now=NOW)
        await changes.note(session, player_id=player, change=next(iter(Change)), now=NOW)
    made = await send_back(house, deposit, owner)
    await approve(house, made.id, owner)
    payout = await signed_payout(house)
    async with house.transaction() as session:
        await payouts.complete_member(
            session, payout_id=payout.id, withdrawal_id=made.id, tx_hash="paid", now=NOW
        )
    async with house.transaction() as session:
        # An address that staff were talked into must not become one that he was paid to.
        assert await address_book.list_paid(session, player_id=player, rail="ton") == []


async def test_ceilings_are_the_players_and_four_eyes_the_houses(
    house: Database, owner: Member
) -> None:
    units = 1_000 * TON  # worth 3,000 of the reference currency: above both
    player, deposit = await held_deposit(house, units)
    made = await send_back(house, deposit, owner)
    async with house.transaction() as session:
        ceiling = await terms.ceiling(session, player_id=player, kyc_level=0, now=NOW)
    assert ceiling.left == ceiling.units
    assert (await approve(house, made.id, owner)).needs_second
    assert await claim(house) is None
    second = await make_clerk(house, owner, Role.PAYMENTS)
    assert not (await approve(house, made.id, second)).needs_second
    assert await claim(house) is not None


async def test_what_a_decision_needs(house: Database, owner: Member) -> None:
    player, deposit = await held_deposit(house)
    made = await send_back(house, deposit, owner)

    async def facts() -> Sequence[tuple[str, str]]:
        async with house.transaction() as session:
            card = await review.card(session, withdrawal_id=made.id, now=NOW)
        assert card.deposit is not None
        assert card.deposit.id == deposit
        return [(fact.code, fact.severity.value) for fact in card.facts]

    assert await facts() == [("kyc_level", "notice"), ("excluded", "notice")]
    async with house.transaction() as session:
        await freezes.freeze(session, player_id=player, deposit_id=deposit, now=NOW)
    await run(house, "UPDATE players SET status = 'blocked' WHERE id = :id", id=player)
    await run(house, "UPDATE wallets SET deficit = 5 WHERE player_id = :id", id=player)
    other = await rich_player(house)
    await ask(house, other)
    assert await facts() == [
        ("kyc_level", "notice"),
        ("address_shared", "warning"),
        ("frozen", "warning"),
        ("owes", "warning"),
        ("closed", "notice"),
        ("excluded", "notice"),
    ]
    async with house.transaction() as session:
        asked = await withdrawals.list_for_player(session, player_id=other)
        card = await review.card(session, withdrawal_id=asked[0].id, now=NOW)
    assert card.deposit is None


async def test_a_return_does_not_spoil_the_facts_of_later_wishes(
    house: Database, owner: Member
) -> None:
    player, deposit = await held_deposit(house, 50 * TON)
    await send_back(house, deposit, owner)
    await set_free(house, player)
    await arrive(house, transfer(20 * TON, await tag_of(house, player)))
    asked = await ask(house, player, 10 * TON)
    async with house.transaction() as session:
        card = await review.card(session, withdrawal_id=asked.id, now=NOW)
    assert "takes_out_more" not in [fact.code for fact in card.facts]
