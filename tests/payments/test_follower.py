"""Following a chain that forks, lags and forgets: nothing credited twice, lost, or kept wrongly."""

import asyncio

import pytest
from sqlalchemy import text

from casino import flags, switches
from casino.cashier import address_pool, blocks, deposits, freezes, rails
from casino.cashier.address_pool import PoolAddress
from casino.cashier.crediting import DepositStatus
from casino.cashier.rails import USDT_ETH
from casino.clock import utc_now
from casino.db import Database
from casino.errors import (
    AddressesUsedUp,
    IdempotencyConflict,
    IllegalMove,
    InsufficientFunds,
    InvariantViolation,
    OutsideUnavailable,
    Paused,
    WithdrawalsFrozen,
)
from casino.ledger import journal
from casino.ledger.chart import Account, Kind
from casino.ledger.wallet import Posting, Wallet
from casino.money import Asset
from payments import follower as following
from tests.factories import USDT
from tests.payments.followed import ENOUGH, SMALL, FollowedHouse
from tests.payments.simulated import SimulatedChain, pay

HUNDRED = 100 * USDT


@pytest.fixture
def chain() -> SimulatedChain:
    return SimulatedChain()


@pytest.fixture
async def house(db: Database, chain: SimulatedChain) -> FollowedHouse:
    house = FollowedHouse(db, chain)
    await house.open()
    return house


async def lose(house: FollowedHouse, player_id: int, units: int) -> None:
    """The player loses a bet."""
    async with house.database.transaction() as session:
        await journal.lock_players(session, [player_id])
        lost = Posting(Account.PLAYER_CASH, Account.HOUSE_GAMING, units, Asset.USDT, Kind.BET_STAKE)
        await journal.post(
            session,
            player_id=player_id,
            source="test",
            kind_key="bet",
            reference=f"{player_id}-{units}",
            request={},
            postings=[lost],
            subject_id=1,
            now=utc_now(),
        )


async def test_a_deposit_is_seen_counted_playable_and_at_last_final(
    house: FollowedHouse, chain: SimulatedChain
) -> None:
    player, address = await house.player()
    chain.mine(pay(address, HUNDRED))
    await house.step()
    seen = await house.deposit(player)
    assert (seen.status, seen.confirmations, seen.confirmations_wanted) == (
        DepositStatus.CONFIRMING,
        1,
        ENOUGH,
    )
    assert (await house.wallet(player)).cash == 0
    chain.mine()
    await house.step()
    credited = await house.deposit(player)
    assert (credited.status, credited.confirmations, credited.final_at) == ("credited", 2, None)
    wallet = await house.wallet(player)
    assert (wallet.cash, wallet.not_final, wallet.withdrawable) == (HUNDRED, HUNDRED, 0)
    await house.require_sound()
    chain.mine(empty=chain.final_after)
    await house.step()
    assert (await house.deposit(player)).final_at is not None
    wallet = await house.wallet(player)
    assert (wallet.cash, wallet.not_final, wallet.withdrawable) == (HUNDRED, 0, HUNDRED)
    await house.require_sound()


async def test_what_is_playable_and_not_final_cannot_be_withdrawn(
    house: FollowedHouse, chain: SimulatedChain
) -> None:
    player, address = await house.player()
    chain.mine(pay(address, HUNDRED), empty=chain.final_after + 1)
    await house.step()
    chain.mine(pay(address, HUNDRED), empty=ENOUGH)
    await house.step()
    assert (await house.wallet(player)).cash == 2 * HUNDRED
    with pytest.raises(InsufficientFunds) as refused:
        await house.withdraw(player, HUNDRED + 1)
    assert refused.value.data["available"] == HUNDRED
    await house.withdraw(player, HUNDRED)
    await house.require_sound()


async def test_play_below_what_is_not_final_keeps_everything_in_until_it_is(
    house: FollowedHouse, chain: SimulatedChain
) -> None:
    player, address = await house.player()
    chain.mine(pay(address, HUNDRED), empty=1)
    await house.step()
    await lose(house, player, 70 * USDT)
    wallet = await house.wallet(player)
    assert (wallet.cash, wallet.not_final, wallet.withdrawable) == (30 * USDT, HUNDRED, 0)
    await house.require_sound()
    chain.mine(empty=chain.final_after)
    await house.step()
    assert (await house.wallet(player)).withdrawable == 30 * USDT
    await house.require_sound()


async def test_a_large_deposit_waits_for_finality_and_so_do_many_small_ones(
    house: FollowedHouse, chain: SimulatedChain
) -> None:
    player, address = await house.player()
    other, large = await house.player()
    chain.mine(pay(address, SMALL), pay(address, 5 * USDT), pay(large, SMALL + 1), empty=9)
    await house.step()
    assert [one.status for one in await house.deposits(player)] == ["credited", "confirming"]
    waiting = await house.deposit(other)
    assert (waiting.status, waiting.confirmations_wanted) == ("confirming", None)
    chain.mine(empty=chain.final_after)
    await house.step()
    assert (await house.wallet(player)).withdrawable == SMALL + 5 * USDT
    assert (await house.wallet(other)).withdrawable == SMALL + 1
    await house.require_sound()


async def test_a_deposit_that_a_reorganisation_drops_before_its_credit_is_gone(
    house: FollowedHouse, chain: SimulatedChain
) -> None:
    player, address = await house.player()
    chain.mine(pay(address, HUNDRED))
    await house.step()
    chain.fork(1)
    chain.mine(empty=5)
    await house.step()
    gone = await house.deposit(player)
    assert (gone.status, gone.reason) == ("orphaned", "reorganised")
    assert await house.wallet(player) == Wallet(Asset.USDT)
    assert "alert.deposit_reversed" not in await house.told("staff")
    await house.require_sound()


async def test_a_credited_deposit_that_vanishes_is_taken_back_and_stops_withdrawals(
    house: FollowedHouse, chain: SimulatedChain
) -> None:
    player, address = await house.player()
    chain.mine(pay(address, HUNDRED), empty=chain.final_after)
    await house.step()
    chain.mine(pay(address, HUNDRED), empty=2)
    await house.step()
    await lose(house, player, 150 * USDT)
    chain.fork(3)
    chain.mine(empty=4)
    await house.step()
    wallet = await house.wallet(player)
    assert (wallet.cash, wallet.not_final, wallet.deficit) == (0, 0, 50 * USDT)
    assert [one.status for one in await house.deposits(player)] == ["credited", "orphaned"]
    assert (await house.told("staff")).count("alert.deposit_reversed") == 1
    assert (await house.told("player"))[-1] == "deposit.orphaned"
    await house.require_sound()
    # What comes in pays the debt first, and nothing leaves until staff have decided.
    chain.mine(pay(address, HUNDRED), empty=chain.final_after)
    await house.step()
    wallet = await house.wallet(player)
    assert (wallet.cash, wallet.deficit, wallet.withdrawable) == (50 * USDT, 0, 50 * USDT)
    with pytest.raises(WithdrawalsFrozen):
        await house.withdraw(player, 30 * USDT)
    async with house.database.transaction() as session:
        await freezes.lift(session, player_id=player, actor="staff:1", now=utc_now())
    await house.withdraw(player, 30 * USDT)
    with pytest.raises(IllegalMove):
        async with house.database.transaction() as session:
            await freezes.lift(session, player_id=player, actor="staff:1", now=utc_now())
    await house.require_sound()


async def test_a_reversal_takes_no_more_than_the_cash_that_is_there(
    house: FollowedHouse, chain: SimulatedChain
) -> None:
    player, address = await house.player()
    chain.mine(pay(address, HUNDRED), empty=2)
    await house.step()
    chain.fork(3)
    chain.mine(empty=3)
    await house.step()
    assert await house.wallet(player) == Wallet(Asset.USDT)
    assert (await house.deposit(player)).credited_at is None
    await house.require_sound()


async def test_a_payment_mined_again_in_another_block_is_the_same_deposit(
    house: FollowedHouse, chain: SimulatedChain
) -> None:
    player, address = await house.player()
    payment = pay(address, HUNDRED)
    chain.mine(payment, empty=2)
    await house.step()
    assert (await house.wallet(player)).cash == HUNDRED
    chain.fork(3)
    chain.mine(empty=1)
    chain.mine(payment, empty=1)
    await house.step()
    deposit = await house.deposit(player)
    assert (deposit.status, deposit.confirmations) == ("credited", 2)
    assert (await house.wallet(player)).cash == HUNDRED
    assert "alert.deposit_reversed" not in await house.told("staff")
    chain.mine(empty=chain.final_after)
    await house.step()
    assert (await house.wallet(player)).withdrawable == HUNDRED
    await house.require_sound()


async def test_a_payment_that_comes_back_later_is_credited_again_and_only_once(
    house: FollowedHouse, chain: SimulatedChain
) -> None:
    player, address = await house.player()
    payment = pay(address, HUNDRED)
    for _ in range(3):
        chain.mine(payment, empty=1)
        await house.step()
        assert (await house.wallet(player)).cash == HUNDRED
        await house.require_sound()
        chain.fork(2)
        chain.mine(empty=3)
        await house.step()
        assert (await house.wallet(player)).cash == 0
        await house.require_sound()
    chain.mine(payment, empty=chain.final_after)
    await house.step()
    wallet = await house.wallet(player)
    assert (wallet.cash, wallet.not_final, wallet.deficit) == (HUNDRED, 0, 0)
    assert (await house.deposit(player)).status == "credited"
    await house.require_sound()


async def test_another_history_may_bring_another_amount(
    house: FollowedHouse, chain: SimulatedChain
) -> None:
    player, address = await house.player()
    payment = pay(address, HUNDRED)
    chain.mine(payment, empty=2)
    await house.step()
    chain.fork(3)
    chain.mine(type(payment)(payment.key, address, 40 * USDT), empty=3)
    await house.step()
    assert (await house.wallet(player)).cash == 40 * USDT
    assert (await house.deposit(player)).units == 40 * USDT
    await house.require_sound()


async def test_two_payments_to_one_address_in_one_block_are_two(
    house: FollowedHouse, chain: SimulatedChain
) -> None:
    player, address = await house.player()
    chain.mine(pay(address, HUNDRED), pay(address, HUNDRED), empty=2)
    await house.step()
    assert (await house.wallet(player)).cash == 2 * HUNDRED


async def test_an_address_that_is_nobodys_brings_a_case_for_staff(
    house: FollowedHouse, chain: SimulatedChain
) -> None:
    player, _ = await house.player()
    chain.mine(pay("address5", HUNDRED), pay("somebody else's", HUNDRED))
    await house.step()
    assert await house.told("staff") == ["deposit.unclaimed"]
    chain.fork(1)
    chain.mine(empty=2)
    await house.step()
    again = pay("address5", HUNDRED)
    chain.mine(again)
    await house.step()
    chain.fork(1)
    chain.mine(empty=1)
    await house.step()
    chain.mine(again, empty=chain.final_after)
    await house.step()
    async with house.database.transaction() as session:
        (waiting,) = await deposits.list_unclaimed(session)
        assert (waiting.units, waiting.reason) == (HUNDRED, "nobodys_address")
        given = await deposits.resolve_unclaimed(
            session,
            unclaimed_id=waiting.id,
            player_id=player,
            actor="staff:1",
            now=utc_now(),
        )
    assert given.final_at is not None
    assert (await house.wallet(player)).withdrawable == HUNDRED
    await house.require_sound()


async def test_dust_waits_for_finality_and_adds_up(
    house: FollowedHouse, chain: SimulatedChain
) -> None:
    player, address = await house.player()
    chain.mine(pay(address, 3 * USDT), empty=5)
    await house.step()
    assert (await house.deposit(player)).status == "confirming"
    chain.mine(empty=chain.final_after)
    await house.step()
    assert (await house.deposit(player)).status == "below_minimum"
    assert (await house.wallet(player)).cash == 0
    chain.mine(pay(address, 2 * USDT), empty=chain.final_after)
    await house.step()
    assert (await house.wallet(player)).withdrawable == 5 * USDT
    await house.require_sound()


async def test_an_excluded_players_deposit_is_held_and_may_vanish_too(
    house: FollowedHouse, chain: SimulatedChain
) -> None:
    player, address = await house.player()
    await house.run("UPDATE players SET excluded_for_life = true WHERE id = :id", id=player)
    chain.mine(pay(address, HUNDRED), empty=2)
    await house.step()
    wallet = await house.wallet(player)
    assert (wallet.cash, wallet.held, wallet.not_final) == (0, HUNDRED, 0)
    await house.require_sound()
    chain.fork(3)
    payment = pay(address, HUNDRED)
    chain.mine(payment, empty=3)
    await house.step()
    assert [one.status for one in await house.deposits(player)] == ["orphaned", "held"]
    assert (await house.wallet(player)).held == HUNDRED
    async with house.database.transaction() as session:
        assert not await freezes.is_frozen(session, player_id=player)
    await house.require_sound()
    chain.mine(empty=chain.final_after)
    await house.step()
    assert (await house.deposits(player))[1].final_at is not None
    await house.require_sound()


async def test_a_held_deposit_released_before_it_is_final_stays_in(
    house: FollowedHouse, chain: SimulatedChain
) -> None:
    player, address = await house.player()
    stop = {"name": switches.DEPOSITS, "reason": "drill", "actor": "staff:1", "now": utc_now()}
    async with house.database.transaction() as session:
        await flags.set_flag(session, stop=True, **stop)
    chain.mine(pay(address, HUNDRED), empty=1)
    await house.step()
    async with house.database.transaction() as session:
        await flags.set_flag(session, stop=False, **stop)
    held = await house.deposit(player)
    async with house.database.transaction() as session:
        await deposits.release_held(session, deposit_id=held.id, actor="staff:1", now=utc_now())
    wallet = await house.wallet(player)
    assert (wallet.cash, wallet.held, wallet.withdrawable) == (HUNDRED, 0, 0)
    await house.require_sound()
    chain.fork(2)
    chain.mine(empty=2)
    await house.step()
    assert await house.wallet(player) == Wallet(Asset.USDT)
    await house.require_sound()


async def test_five_thousand_blocks_of_downtime_leave_no_gap(
    house: FollowedHouse, chain: SimulatedChain
) -> None:
    player, address = await house.player()
    for _ in range(50):
        chain.mine(pay(address, 10 * USDT), empty=99)
    chain.asked.clear()
    await house.step()
    assert (await house.wallet(player)).cash == 50 * 10 * USDT
    assert chain.asked.count("headers") == 5_000 // following.PAGE_BLOCKS
    async with house.database.transaction() as session:
        ring = await blocks.read_ring(session, chain=chain.name)
    assert len(ring) == blocks.RING_BLOCKS
    assert ring[0].height == chain.height
    await house.require_sound()


async def test_a_fault_in_the_middle_of_catching_up_loses_nothing(
    house: FollowedHouse, chain: SimulatedChain, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "PAGE_BLOCKS", 10)
    player, address = await house.player()
    for _ in range(10):
        chain.mine(pay(address, 10 * USDT), empty=9)
    for answered in range(1, 25, 3):
        before = chain.asked.count("incoming")
        original = chain._answer

        def fail_after(method: str, left: list[int], ask=original) -> None:  # type: ignore[no-untyped-def]
            left[0] -= 1
            if left[0] < 0:
                raise OutsideUnavailable(source="sim", reason="in the middle")
            ask(method)

        left = [answered]
        monkeypatch.setattr(chain, "_answer", lambda m, left=left: fail_after(m, left))
        try:
            await house.step()
        except OutsideUnavailable:
            assert chain.asked.count("incoming") >= before
        monkeypatch.setattr(chain, "_answer", original)
        await house.require_sound()
    await house.step()
    chain.mine(empty=chain.final_after)
    await house.step()
    assert (await house.wallet(player)).withdrawable == 100 * USDT


async def test_a_node_that_lags_or_goes_back_is_waited_for(
    house: FollowedHouse, chain: SimulatedChain
) -> None:
    player, address = await house.player()
    chain.mine(pay(address, HUNDRED), empty=chain.final_after)
    await house.step()
    before = await house.deposit(player)
    assert before.final_at is not None
    for lag in (1, 5, chain.final_after, chain.height):
        chain.lag = lag
        await house.step()
        assert await house.deposit(player) == before
    chain.lag = 0
    chain.mine(pay(address, HUNDRED), empty=2)
    chain.lag = 3
    await house.step()
    assert len(await house.deposits(player)) == 1
    chain.lag = 0
    await house.step()
    assert len(await house.deposits(player)) == 2
    await house.require_sound()


async def test_a_shorter_branch_is_not_believed(
    house: FollowedHouse, chain: SimulatedChain
) -> None:
    player, address = await house.player()
    chain.mine(pay(address, HUNDRED), empty=3)
    await house.step()
    chain.fork(4)
    chain.mine(empty=2)
    await house.step()
    assert (await house.deposit(player)).status == "credited"
    chain.mine(empty=2)
    await house.step()
    assert (await house.deposit(player)).status == "orphaned"


@pytest.mark.parametrize("deep", [True, False])
async def test_a_history_that_contradicts_what_was_final_halts_and_calls_staff(
    house: FollowedHouse, chain: SimulatedChain, deep: bool
) -> None:
    player, address = await house.player()
    chain.mine(pay(address, HUNDRED), empty=blocks.RING_BLOCKS + 40 if deep else 40)
    await house.step()
    before = (await house.wallet(player), await house.deposit(player))
    honest = list(chain.blocks)
    chain.final_height = 0
    chain.fork(chain.height - 1)
    chain.mine(empty=len(honest) + 5)
    for _ in range(3):
        await house.step()
    assert (await house.told("staff")) == ["alert.chain_halted"]
    assert (await house.wallet(player), await house.deposit(player)) == before
    chain.blocks = honest
    chain.mine(empty=3)
    await house.step()
    assert (await house.told("staff")) == ["alert.chain_halted", "alert.chain_followed"]
    await house.require_sound()


async def test_a_final_block_of_another_chain_makes_nothing_final(
    house: FollowedHouse, chain: SimulatedChain, monkeypatch: pytest.MonkeyPatch
) -> None:
    player, address = await house.player()
    chain.mine(pay(address, HUNDRED), empty=chain.final_after)
    honest = chain.tip
    told = await honest()

    async def forged():  # type: ignore[no-untyped-def]
        return type(told)(told.head, told.final_height, "another block")

    monkeypatch.setattr(chain, "tip", forged)
    await house.step()
    assert (await house.deposit(player)).final_at is None
    monkeypatch.setattr(chain, "tip", honest)
    await house.step()
    assert (await house.deposit(player)).final_at is not None


async def test_a_crash_between_reading_and_committing_changes_nothing(
    house: FollowedHouse, chain: SimulatedChain, monkeypatch: pytest.MonkeyPatch
) -> None:
    player, address = await house.player()
    chain.mine(pay(address, HUNDRED), empty=2)
    book = following.following.book

    async def crash(session, **given):  # type: ignore[no-untyped-def]
        await book(session, **given)
        raise ConnectionError

    monkeypatch.setattr(following.following, "book", crash)
    for _ in range(2):
        with pytest.raises(ConnectionError):
            await house.step()
    assert await house.deposits(player) == []
    monkeypatch.setattr(following.following, "book", book)
    await house.step()
    await house.step()
    assert (await house.wallet(player)).cash == HUNDRED
    await house.require_sound()


async def test_two_followers_at_once_book_everything_once(
    house: FollowedHouse, chain: SimulatedChain, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "PAGE_BLOCKS", 5)
    player, address = await house.player()
    for _ in range(10):
        chain.mine(pay(address, 10 * USDT), empty=4)
    chain.fork(3)
    chain.mine(empty=6)
    other = house.another_follower()
    for _ in range(12):
        await asyncio.gather(house.step(), other.step())
    assert (await house.wallet(player)).cash == 100 * USDT
    assert len(await house.deposits(player)) == 10
    await house.require_sound()


async def test_an_address_is_one_players_for_ever(house: FollowedHouse) -> None:
    first, address = await house.player()
    second, other = await house.player()
    assert address != other
    assert await house.address(first) == address
    asked = await asyncio.gather(*(house.address(second) for _ in range(4)))
    assert set(asked) == {other}
    with pytest.raises(Exception, match="a deposit address stays"):
        await house.run(
            "UPDATE deposit_addresses SET player_id = :other WHERE player_id = :first",
            first=first,
            other=second,
        )


async def test_the_pool_is_filled_ahead_and_an_empty_one_says_so(
    house: FollowedHouse, chain: SimulatedChain
) -> None:
    for _ in range(8):
        await house.player()
    with pytest.raises(AddressesUsedUp):
        await house.player()
    assert await house.told("staff") == ["alert.address_pool_low"], "with the last one"
    await house.step()
    player, address = await house.player()
    chain.mine(pay(address, HUNDRED), empty=2)
    await house.step()
    assert (await house.wallet(player)).cash == HUNDRED


async def test_a_pool_of_another_key_is_refused(house: FollowedHouse) -> None:
    class Others:
        def between(self, first: int, last: int) -> list[PoolAddress]:
            return [PoolAddress(n, f"other{n}", f"Other{n}") for n in range(first, last + 1)]

    house.addresses = Others()
    with pytest.raises(IdempotencyConflict):
        await house.another_follower().step()


async def test_a_hundred_thousand_addresses_are_loaded_once(house: FollowedHouse) -> None:
    await house.run(
        "INSERT INTO deposit_addresses (rail, number, address, shown, made_at)"
        " SELECT 'usdt_eth', n, 'many' || n, 'many' || n, now()"
        " FROM generate_series(8, 100007) n"
    )
    follower = house.another_follower()
    await follower.step()
    assert len(follower._watched) == 100_008
    async with house.database.transaction() as session:
        await address_pool.add(
            session,
            rail=USDT_ETH,
            addresses=[PoolAddress(100_008, "one more", "one more")],
            now=utc_now(),
        )
        assert await address_pool.read_from(session, rail=USDT_ETH, number=100_008) == [
            (100_008, "one more")
        ]
    await follower._watch_new()
    assert "one more" in follower._watched


async def test_a_rail_never_changes_its_network(house: FollowedHouse) -> None:
    async with house.database.transaction() as session:
        with pytest.raises(InvariantViolation):
            await rails.set_network(
                session, rail=USDT_ETH, network_id="1", token=house.token, now=utc_now()
            )


async def test_without_a_watcher_nothing_is_offered(db: Database) -> None:
    house = FollowedHouse(db, SimulatedChain())
    with pytest.raises(Paused):
        await house.player()


async def test_reading_begins_where_the_settings_say(db: Database) -> None:
    chain = SimulatedChain()
    chain.mine(empty=50)
    house = FollowedHouse(db, chain, start_height=30)
    await house.open()
    async with db.transaction() as session:
        ring = await blocks.read_ring(session, chain=chain.name)
    assert [ring[-1].height, ring[0].height] == [29, chain.height]


async def test_a_wallet_off_by_one_is_found(house: FollowedHouse, chain: SimulatedChain) -> None:
    player, address = await house.player()
    chain.mine(pay(address, HUNDRED), empty=1)
    await house.step()
    await house.run("UPDATE wallets SET not_final = not_final - 1 WHERE not_final > 0")
    with pytest.raises(AssertionError, match="not final"):
        await house.require_sound()
    assert player


async def test_history_keeps_the_block_of_every_move(
    house: FollowedHouse, chain: SimulatedChain
) -> None:
    player, address = await house.player()
    payment = pay(address, HUNDRED)
    chain.mine(payment, empty=1)
    await house.step()
    old = chain.blocks[-2].header.hash
    chain.fork(2)
    chain.mine(empty=1)
    chain.mine(payment, empty=chain.final_after)
    await house.step()
    deposit = await house.deposit(player)
    async with house.database.transaction() as session:
        lines = (
            await session.execute(
                text(
                    "SELECT to_status, details->>'block_hash' AS hash, details->>'reason' AS why"
                    " FROM deposit_history WHERE deposit_id = :id ORDER BY id"
                ),
                {"id": deposit.id},
            )
        ).all()
    new = next(one.header.hash for one in chain.blocks if one.payments == (payment,))
    assert [tuple(line) for line in lines] == [
        ("seen", old, None),
        ("credited", old, None),
        ("credited", new, "moved"),
        ("credited", new, "final"),
    ]
