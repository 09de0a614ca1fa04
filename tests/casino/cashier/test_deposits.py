"""Deposits: each chain transfer ends in one place, once, however often it is seen."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import text

from casino import flags, switches
from casino.cashier import addresses, deposits, treasury
from casino.cashier.deposits import DepositStatus
from casino.clock import Window
from casino.db import Database
from casino.errors import (
    ConsentRequired,
    IdempotencyConflict,
    IllegalMove,
    InvariantViolation,
    LimitReached,
    Paused,
    SelfExcluded,
)
from casino.ids import PlayerId
from casino.ledger import totals
from casino.ledger.chart import Account
from casino.money import Asset
from casino.players import exclusion, facts, limits
from casino.players.rules import LimitKind
from tests.casino.cashier.cashbox import (
    EUR,
    HOT_WALLET,
    NOW,
    TON,
    arrive,
    assert_sound,
    hot_units,
    make_member,
    make_player,
    sent,
    tag_of,
    transfer,
    wallet,
)


async def find(db: Database, player_id: int) -> list[tuple[int, str, str | None]]:
    async with db.transaction() as session:
        rows = await session.execute(
            text("SELECT id, status, reason FROM deposits WHERE player_id = :id ORDER BY id"),
            {"id": player_id},
        )
        return [tuple(row) for row in rows]


async def unclaimed_account(db: Database) -> int:
    async with db.transaction() as session:
        return await totals.account_balance(session, Account.HOUSE_UNCLAIMED, Asset.TON)


async def test_a_tagged_transfer_becomes_cash(house: Database) -> None:
    player = await make_player(house)
    tag = await tag_of(house, player)
    observed = await arrive(house, transfer(5 * TON, f" {tag.lower()} "))
    assert observed == deposits.Observed(new=1, unclaimed=0)
    assert (await wallet(house, player)).cash == 5 * TON
    assert await hot_units(house) == 5 * TON
    assert (await sent(house, "player", player))[-2:] == ["deposit.seen", "deposit.credited"]
    async with house.transaction() as session:
        known = await facts.load_one(session, player_id=player)
    assert known.counters.day.deposited == 15 * EUR
    await assert_sound(house)


async def test_the_same_transfer_counts_once_in_any_page_and_order(house: Database) -> None:
    player = await make_player(house)
    tag = await tag_of(house, player)
    one, two, stray = transfer(TON, tag), transfer(2 * TON, tag), transfer(4 * TON, None)
    await arrive(house, two, two, stray)
    await arrive(house, one, stray, two, one)
    assert await arrive(house, stray, one) == deposits.Observed(new=0, unclaimed=0)
    assert (await wallet(house, player)).cash == 3 * TON
    assert await unclaimed_account(house) == 4 * TON
    await assert_sound(house)


async def test_watchers_that_overlap_credit_once(house: Database) -> None:
    player = await make_player(house)
    tag = await tag_of(house, player)
    page = [transfer(TON, tag), transfer(2 * TON, "hello"), transfer(3 * TON, tag)]
    await asyncio.gather(*(arrive(house, *page) for _ in range(6)))
    assert (await wallet(house, player)).cash == 4 * TON
    assert len(await find(house, player)) == 2
    assert (await sent(house, "player", player)).count("deposit.credited") == 2
    await assert_sound(house)


async def test_a_known_transfer_with_other_content_stops_the_watcher(house: Database) -> None:
    player = await make_player(house)
    tag = await tag_of(house, player)
    await arrive(house, transfer(TON, tag, key="k"), transfer(TON, None, key="u"))
    for changed in (transfer(2 * TON, tag, key="k"), transfer(2 * TON, None, key="u")):
        with pytest.raises(IdempotencyConflict):
            await arrive(house, changed)
    assert (await wallet(house, player)).cash == TON


async def test_nothing_is_credited_before_its_block_is_final(house: Database) -> None:
    player = await make_player(house)
    tag = await tag_of(house, player)
    early, late = transfer(TON, tag, block=10), transfer(2 * TON, tag, block=12)
    await arrive(house, early, late, transfer(TON, "?", block=12), final_block=11)
    assert (await wallet(house, player)).cash == TON
    assert [status for _, status, _ in await find(house, player)] == ["credited", "confirming"]
    async with house.transaction() as session:
        assert not await deposits.list_unclaimed(session)
    await arrive(house, final_block=12)
    assert (await wallet(house, player)).cash == 3 * TON
    assert await unclaimed_account(house) == TON


async def test_a_transfer_that_a_fork_took_away_is_dropped(house: Database) -> None:
    player = await make_player(house)
    tag = await tag_of(house, player)
    gone, stray = transfer(TON, tag, block=12), transfer(TON, None, block=12)
    await arrive(house, gone, stray, final_block=11)
    keys = [gone.business_key, stray.business_key]
    for dropped in (2, 0):
        async with house.transaction() as session:
            assert dropped == await deposits.orphan(
                session, rail="ton", business_keys=keys, now=NOW
            )
    await arrive(house, final_block=99)
    assert (await wallet(house, player)).cash == 0
    assert [status for _, status, _ in await find(house, player)] == ["orphaned"]
    assert await unclaimed_account(house) == 0


async def test_a_credited_deposit_cannot_be_orphaned(house: Database) -> None:
    player = await make_player(house)
    credited = transfer(TON, await tag_of(house, player))
    await arrive(house, credited)
    with pytest.raises(IllegalMove):
        async with house.transaction() as session:
            await deposits.orphan(
                session, rail="ton", business_keys=[credited.business_key], now=NOW
            )


@pytest.mark.parametrize(
    ("comment", "reason"),
    [
        (None, "no_comment"),
        ("  ", "no_comment"),
        ("hi\0", "not_a_tag"),
        ("00000000", "unknown_tag"),
    ],
)
async def test_a_transfer_without_owner_is_kept_for_staff(
    house: Database, comment: str | None, reason: str
) -> None:
    await arrive(house, transfer(7 * TON, comment))
    async with house.transaction() as session:
        (kept,) = await deposits.list_unclaimed(session)
    assert (kept.units, kept.reason) == (7 * TON, reason)
    assert await sent(house, "staff", kept.id) == ["deposit.unclaimed"]
    assert await unclaimed_account(house) == 7 * TON
    assert await hot_units(house) == 7 * TON
    await assert_sound(house)


async def test_staff_give_a_lost_transfer_to_its_owner_once(house: Database) -> None:
    player, other = await make_player(house), await make_player(house)
    await arrive(house, transfer(7 * TON, "my money"))
    async with house.transaction() as session:
        (kept,) = await deposits.list_unclaimed(session)

    async def resolve(player_id: int) -> deposits.Deposit | IllegalMove:
        try:
            async with house.transaction() as session:
                return await deposits.resolve_unclaimed(
                    session, unclaimed_id=kept.id, player_id=player_id, actor="staff:1", now=NOW
                )
        except IllegalMove as late:
            return late

    outcomes = await asyncio.gather(*(resolve(who) for who in (player, other, player, other)))
    assert sum(isinstance(each, IllegalMove) for each in outcomes) == 3
    cash = [(await wallet(house, who)).cash for who in (player, other)]
    assert sorted(cash) == [0, 7 * TON]
    assert await unclaimed_account(house) == 0
    # The chain shows the transfer again; it is known.
    async with house.transaction() as session:
        key = await session.scalar(text("SELECT business_key FROM deposits"))
    assert await arrive(house, transfer(7 * TON, "my money", key=key)) == deposits.Observed(0, 0)
    await assert_sound(house)


async def test_small_deposits_wait_until_together_they_are_enough(house: Database) -> None:
    player = await make_player(house)
    tag = await tag_of(house, player)
    await arrive(house, transfer(40_000_000, tag), transfer(40_000_000, tag))
    assert (await wallet(house, player)).cash == 0
    assert {status for _, status, _ in await find(house, player)} == {"below_minimum"}
    assert await unclaimed_account(house) == 80_000_000
    await arrive(house, transfer(20_000_000, tag))
    assert (await wallet(house, player)).cash == 100_000_000
    assert {status for _, status, _ in await find(house, player)} == {"credited"}
    assert await unclaimed_account(house) == 0
    await assert_sound(house)


async def test_a_deposit_over_the_limit_is_held_and_released_when_there_is_room(
    house: Database,
) -> None:
    player = await make_player(house)
    tag = await tag_of(house, player)
    async with house.transaction() as session:
        await limits.set_limit(
            session,
            player_id=player,
            kind=LimitKind.DEPOSIT,
            window=Window.DAY,
            units=30 * EUR,
            now=NOW,
        )
    await arrive(house, transfer(10 * TON, tag), transfer(TON, tag))
    held = await wallet(house, player)
    assert (held.cash, held.held) == (10 * TON, TON)
    (_, (deposit_id, status, reason)) = await find(house, player)
    assert (status, reason) == ("held", LimitReached.code)
    assert "deposit.held" in await sent(house, "player", player)
    assert "deposit.held" in await sent(house, "staff", deposit_id)

    with pytest.raises(LimitReached):
        async with house.transaction() as session:
            await deposits.release_held(session, deposit_id=deposit_id, actor="staff:1", now=NOW)
    tomorrow = NOW + timedelta(days=1)
    async with house.transaction() as session:
        # The house's rate of yesterday is too old to count with.
        await session.execute(text("UPDATE rates SET quoted_at = :now"), {"now": tomorrow})
        released = await deposits.release_held(
            session, deposit_id=deposit_id, actor="staff:1", now=tomorrow
        )
    assert released.status is DepositStatus.CREDITED
    free = await wallet(house, player)
    assert (free.cash, free.held) == (11 * TON, 0)
    async with house.transaction() as session:
        known = await facts.load_one(session, player_id=player)
    assert known.counters.rolled(tomorrow).day.deposited == 3 * EUR
    with pytest.raises(IllegalMove):
        async with house.transaction() as session:
            await deposits.release_held(
                session, deposit_id=deposit_id, actor="staff:1", now=tomorrow
            )
    await assert_sound(house)


async def test_concurrent_releases_credit_once(house: Database) -> None:
    player = await make_player(house)
    tag = await tag_of(house, player)
    await stop(house, switches.DEPOSITS, on=True)
    await arrive(house, transfer(TON, tag))
    await stop(house, switches.DEPOSITS, on=False)
    ((deposit_id, _, _),) = await find(house, player)

    async def release() -> bool:
        try:
            async with house.transaction() as session:
                await deposits.release_held(
                    session, deposit_id=deposit_id, actor="staff:1", now=NOW
                )
        except IllegalMove:
            return False
        return True

    assert sum(await asyncio.gather(*(release() for _ in range(6)))) == 1
    assert (await wallet(house, player)).cash == TON
    await assert_sound(house)


async def stop(db: Database, name: str, *, on: bool) -> None:
    async with db.transaction() as session:
        await flags.set_flag(session, name=name, stop=on, reason="test", actor="staff:1", now=NOW)


@pytest.mark.parametrize("switch", [switches.DEPOSITS, switches.asset_flag(Asset.TON)])
async def test_deposits_are_held_while_a_switch_stops_them(house: Database, switch: str) -> None:
    player = await make_player(house)
    tag = await tag_of(house, player)
    await stop(house, switch, on=True)
    await arrive(house, transfer(TON, tag))
    assert (await wallet(house, player)).held == TON
    with pytest.raises(Paused):
        await tag_of(house, player)
    await assert_sound(house)


async def test_deposits_are_held_while_the_player_is_excluded(house: Database) -> None:
    player = await make_player(house)
    tag = await tag_of(house, player)
    async with house.transaction() as session:
        await exclusion.self_exclude(session, player_id=player, months=6, now=NOW)
    await arrive(house, transfer(TON, tag))
    assert (await wallet(house, player)).held == TON
    ((deposit_id, _, reason),) = await find(house, player)
    assert reason == SelfExcluded.code
    for act in (
        lambda session: addresses.deposit_instruction(
            session, player_id=player, rail="ton", now=NOW
        ),
        lambda session: deposits.release_held(
            session, deposit_id=deposit_id, actor="staff:1", now=NOW
        ),
    ):
        with pytest.raises(SelfExcluded):
            async with house.transaction() as session:
                await act(session)


async def test_without_a_rate_only_a_player_with_a_limit_waits(house: Database) -> None:
    free, limited = await make_player(house), await make_player(house)
    async with house.transaction() as session:
        await limits.set_limit(
            session,
            player_id=limited,
            kind=LimitKind.DEPOSIT,
            window=Window.DAY,
            units=100 * EUR,
            now=NOW,
        )
    pages = [transfer(TON, await tag_of(house, who)) for who in (free, limited)]
    await arrive(house, *pages, now=NOW + timedelta(hours=25))
    assert (await wallet(house, free)).cash == TON
    assert (await wallet(house, limited)).held == TON


async def test_a_player_keeps_one_tag_under_concurrent_first_asks(house: Database) -> None:
    player = await make_player(house)
    found = await asyncio.gather(*(tag_of(house, player) for _ in range(8)))
    assert len(set(found)) == 1
    assert await tag_of(house, await make_player(house)) not in found


async def test_an_instruction_names_wallet_tag_minimum_and_link(house: Database) -> None:
    player = await make_player(house)
    async with house.transaction() as session:
        found = await addresses.deposit_instruction(session, player_id=player, rail="ton", now=NOW)
    assert (found.address, found.minimum, found.asset) == (HOT_WALLET, 100_000_000, Asset.TON)
    assert found.uri == f"ton://transfer/{HOT_WALLET}?text={found.tag}"


async def test_no_address_without_wallet_or_consent(house: Database) -> None:
    player = await make_player(house, consented=False)
    with pytest.raises(ConsentRequired):
        await tag_of(house, player)
    async with house.transaction() as session:
        with pytest.raises(Paused):
            await addresses.deposit_instruction(
                session, player_id=player, rail="usdt_faucet", now=NOW
            )


async def test_the_faucet_gives_once_for_a_reference(house: Database) -> None:
    player, other = await make_player(house), await make_player(house)

    async def give(units: int, who: int = player, reference: str = "r1") -> deposits.Deposit:
        async with house.transaction() as session:
            return await deposits.credit_faucet(
                session,
                player_id=who,
                units=units,
                asset=Asset.USDT,
                reference=reference,
                now=NOW,
            )

    given = await asyncio.gather(*(give(5_000_000) for _ in range(6)))
    assert {each.id for each in given} == {given[0].id}
    assert {each.status for each in given} == {DepositStatus.CREDITED}
    assert (await wallet(house, player, Asset.USDT)).cash == 5_000_000
    for conflict in (give(6_000_000), give(5_000_000, other)):
        with pytest.raises(IdempotencyConflict):
            await conflict
    await assert_sound(house)


async def test_a_cursor_moves_with_its_page_and_never_back(house: Database) -> None:
    async def advance(lt: int, block: int) -> None:
        async with house.transaction() as session:
            await deposits.advance_cursor(
                session,
                chain="ton",
                account=HOT_WALLET,
                lt=lt,
                tx_hash=f"hash-{lt}",
                block=block,
                now=NOW,
            )

    async with house.transaction() as session:
        start = await deposits.read_cursor(session, chain="ton", account=HOT_WALLET)
    assert start == deposits.Cursor(0, "", 0)
    await advance(7, 3)
    await advance(7, 4)
    for back in ((6, 5), (8, 3)):
        with pytest.raises(InvariantViolation):
            await advance(*back)
    async with house.transaction() as session:
        found = await deposits.read_cursor(session, chain="ton", account=HOT_WALLET)
    assert found == deposits.Cursor(7, "hash-7", 4)


async def test_a_page_that_fails_leaves_neither_credit_nor_cursor(house: Database) -> None:
    player = await make_player(house)
    tag = await tag_of(house, player)

    async def fail() -> None:
        async with house.transaction() as session:
            await deposits.observe(session, rail="ton", transfers=[transfer(TON, tag)], now=NOW)
            await deposits.confirm(session, rail="ton", final_block=99, now=NOW)
            raise InvariantViolation

    with pytest.raises(InvariantViolation):
        await fail()
    assert (await wallet(house, player)).cash == 0
    assert not await find(house, player)


async def test_players_acting_while_the_watcher_books_never_deadlock(house: Database) -> None:
    """The watcher locks many players; each of them is busy with limits at the same time."""
    players = [await make_player(house) for _ in range(4)]
    tags = [await tag_of(house, player) for player in players]

    async def limit(player: int, units: int) -> None:
        async with house.transaction() as session:
            await limits.set_limit(
                session,
                player_id=player,
                kind=LimitKind.STAKE,
                window=Window.DAY,
                units=units,
                now=NOW,
            )

    async def page(step: int) -> None:
        order = tags if step % 2 else tags[::-1]
        await arrive(house, *(transfer(TON, tag) for tag in order))

    await asyncio.gather(
        *(page(step) for step in range(4)),
        *(limit(player, 100 - step) for step in range(4) for player in players),
    )
    assert [(await wallet(house, player)).cash for player in players] == [4 * TON] * 4


async def test_the_owner_adopts_coins_he_sent_without_a_tag(house: Database) -> None:
    owner = await make_member(house)
    await arrive(house, transfer(50 * TON, None))
    async with house.transaction() as session:
        (kept,) = await deposits.list_unclaimed(session)
        await treasury.adopt_unclaimed(
            session, unclaimed_id=kept.id, actor=f"staff:{owner.id}", now=NOW
        )
    with pytest.raises(IllegalMove):
        async with house.transaction() as session:
            await treasury.adopt_unclaimed(
                session, unclaimed_id=kept.id, actor=f"staff:{owner.id}", now=NOW
            )
    async with house.transaction() as session:
        capital = await totals.account_balance(session, Account.HOUSE_CAPITAL, Asset.TON)
        moved = await totals.by_kind(
            session,
            since=NOW - timedelta(days=1),
            until=NOW + timedelta(days=1),
            player_id=PlayerId(0),
        )
    assert capital == 50 * TON
    assert await unclaimed_account(house) == 0
    assert not moved
    await assert_sound(house)
