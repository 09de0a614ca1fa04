"""Bitcoin deposits on real nodes, from the mempool to the wallet: replaced, reorganised, repeated."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
from sqlalchemy import text

from casino.cashier import addresses, deposits, rails
from casino.cashier.crediting import Deposit, DepositStatus
from casino.cashier.rails import BTC as RAIL
from casino.clock import utc_now
from casino.db import Database
from casino.errors import InsufficientFunds, OutsideUnavailable, WithdrawalsFrozen
from casino.ledger import journal
from casino.ledger.chart import Account, Kind
from casino.ledger.wallet import Posting, Wallet
from casino.money import Asset
from payments.btc_units import BTC_SCALE
from payments.builds_btc import BtcAddresses
from payments.chains.btc import BtcChain
from payments.chains.btc_addresses import WatchList, parse
from sandbox.btc.wallet import PersonCoin
from tests.payments.btc.conftest import BTC, World
from tests.payments.followed import FollowedHouse

pytestmark = pytest.mark.chain

FINAL = 6
SMALL = BTC // 200
MIDDLE = BTC // 20
LARGE = BTC // 2


@dataclass
class Followed:
    """A house on the world's node, and the ways to pay into it."""

    house: FollowedHouse
    world: World

    async def step(self) -> None:
        await self.house.step()

    async def mine(self, blocks: int = 1) -> None:
        """Blocks, and the follower looks."""
        await self.world.mine(blocks)
        await self.step()

    async def coin(self) -> PersonCoin:
        (coin, *_) = await self.world.person.coins()
        return coin

    async def pay(self, *outputs: tuple[str, int], coin: PersonCoin | None = None, rate: int = 2):  # type: ignore[no-untyped-def]
        scripts = [(parse(address, self.world.network), units) for address, units in outputs]
        coins = [coin] if coin else []
        return await self.world.person.pay(scripts, coins=coins, rate=rate)

    async def abandon(self, blocks: int = 1) -> None:
        """The node takes its newest blocks for invalid; what they held waits again."""
        height = await self.world.rpc.call("getblockcount")
        lost = await self.world.rpc.call("getblockhash", height - blocks + 1)
        await self.world.rpc.call("invalidateblock", lost)

    async def elsewhere(self, blocks: int) -> None:
        """Blocks that differ from any that were left; what waits is in them."""
        await self.world.rpc.call("generatetoaddress", blocks, self.world.person.address)

    async def statuses(self, player: int) -> list[tuple[str, int, int | None]]:
        return [
            (one.status.value, one.confirmations, one.confirmations_wanted)
            for one in await self.house.deposits(player)
        ]


@pytest.fixture
async def town(db: Database, world: World) -> AsyncIterator[Followed]:
    chain = BtcChain(world.node.rpc(world.wire.url), world.network)
    async with db.transaction() as session:
        offered = await rails.get_rail(session, RAIL)
    house = FollowedHouse(
        db,
        chain,
        BtcAddresses(world.account),
        token=None,
        rail=RAIL,
        asset=Asset.BTC,
        network_id=world.network.name,
        tiers=offered.tiers,
        scale=BTC_SCALE,
        watch=lambda: WatchList(world.network),
    )
    await house.open()
    yield Followed(house, world)
    await house.require_sound()
    await chain.close()


def cash(satoshis: int, *, not_final: int = 0, deficit: int = 0) -> Wallet:
    """A wallet with so many satoshis."""
    return Wallet(
        Asset.BTC,
        cash=satoshis * 1000,
        not_final=not_final * 1000,
        deficit=deficit * 1000,
    )


async def test_a_player_is_shown_an_address_that_wallets_understand(town: Followed) -> None:
    player, address = await town.house.player()
    async with town.house.database.transaction() as session:
        told = await addresses.deposit_instruction(
            session, player_id=player, rail=RAIL, now=utc_now()
        )
    assert told.address == address == town.world.account.deposit_address(0)
    assert told.uri == f"bitcoin:{address}"
    assert (told.chain, told.network_id) == ("bitcoin", town.world.network.name)
    assert (told.token, told.tag) == (None, None)


async def test_from_the_mempool_to_a_withdrawal(town: Followed) -> None:
    player, address = await town.house.player()
    sent = await town.pay((address, MIDDLE))
    await town.step()
    seen = await town.house.deposit(player)
    assert (seen.status, seen.tx_hash, seen.units) == ("seen", sent.txid, MIDDLE * 1000)
    assert await town.statuses(player) == [("seen", 0, 3)]
    assert await town.house.wallet(player) == Wallet(Asset.BTC)
    for count in (1, 2):
        await town.mine()
        assert await town.statuses(player) == [("confirming", count, 3)]
    assert await town.house.wallet(player) == Wallet(Asset.BTC)
    await town.mine()
    assert await town.house.wallet(player) == cash(MIDDLE, not_final=MIDDLE)
    with pytest.raises(InsufficientFunds):
        await town.house.withdraw(player, MIDDLE * 1000)
    await town.mine(FINAL - 3)
    assert (await town.house.deposit(player)).final_at is not None
    assert await town.house.wallet(player) == cash(MIDDLE)
    assert await town.house.told("player") == ["deposit.seen", "deposit.credited"]
    await town.house.withdraw(player, MIDDLE * 1000)


async def test_larger_deposits_wait_longer(town: Followed) -> None:
    units = (SMALL, MIDDLE, LARGE)
    players = [await town.house.player() for _ in units]
    await town.pay(*((address, each) for (_, address), each in zip(players, units, strict=True)))
    credited_at: dict[int, int] = {}
    for count in range(1, FINAL + 1):
        await town.mine()
        for player, _ in players:
            if (await town.house.deposit(player)).status == DepositStatus.CREDITED:
                credited_at.setdefault(player, count)
    assert [credited_at[player] for player, _ in players] == [1, 3, 6]


async def test_many_small_deposits_of_one_player_are_one_large_one(town: Followed) -> None:
    player, address = await town.house.player()
    await town.pay((address, BTC // 100))
    await town.mine()
    await town.pay((address, SMALL))
    await town.step()
    assert await town.statuses(player) == [("credited", 1, 1), ("seen", 0, 3)]


async def test_a_replaced_payment_is_neither_shown_as_coming_nor_credited(town: Followed) -> None:
    player, address = await town.house.player()
    coin = await town.coin()
    await town.pay((address, SMALL), coin=coin)
    await town.step()
    # The sender takes it back: what replaces it pays somebody else.
    await town.world.person.pay([(town.world.stranger(), SMALL)], coins=[coin], rate=40)
    await town.step()
    gone = await town.house.deposit(player)
    assert (gone.status, gone.reason, gone.confirmations) == ("orphaned", "replaced", 0)
    assert await town.house.told("player") == ["deposit.seen", "deposit.replaced"]
    await town.mine(FINAL + 1)
    assert (await town.house.deposit(player)).status == "orphaned"
    assert await town.house.wallet(player) == Wallet(Asset.BTC)
    assert await town.house.told("staff") == []


async def test_a_replacement_that_pays_us_is_a_deposit_of_its_own(town: Followed) -> None:
    player, address = await town.house.player()
    coin = await town.coin()
    await town.pay((address, SMALL), coin=coin)
    await town.step()
    bumped = await town.pay((address, SMALL - 1000), coin=coin, rate=40)
    await town.step()
    assert [one.status for one in await town.house.deposits(player)] == ["orphaned", "seen"]
    await town.mine()
    old, new = await town.house.deposits(player)
    assert (old.status, old.reason) == ("orphaned", "replaced")
    assert (new.status, new.tx_hash) == ("credited", bumped.txid)
    assert (await town.house.wallet(player)).cash == (SMALL - 1000) * 1000


async def test_a_conflict_that_is_mined_unseen_ends_it_too(town: Followed) -> None:
    player, address = await town.house.player()
    coin = await town.coin()
    await town.pay((address, SMALL), coin=coin)
    await town.step()
    rival = await town.world.person.sign([(town.world.stranger(), SMALL)], coins=[coin])
    await town.world.rpc.call("generateblock", town.world.person.address, [rival.raw.hex()])
    await town.step()
    gone = await town.house.deposit(player)
    assert (gone.status, gone.reason) == ("orphaned", "replaced")


async def test_a_child_of_a_replaced_payment_goes_with_it(town: Followed) -> None:
    """Who pays us with a coin that waits itself takes it back with his own first transaction."""
    player, address = await town.house.player()
    person, coin = town.world.person, await town.coin()
    first = await person.pay([(person.script, BTC)], coins=[coin])
    child = PersonCoin(first.txid, 0, BTC)
    await town.pay((address, SMALL), coin=child)
    await town.step()
    assert await town.statuses(player) == [("seen", 0, 1)]
    await person.pay([(town.world.stranger(), BTC)], coins=[coin], rate=60)
    await town.step()
    assert (await town.house.deposit(player)).reason == "replaced"


async def test_a_block_between_two_looks_replaces_nothing(town: Followed) -> None:
    player, address = await town.house.player()
    await town.pay((address, SMALL))
    await town.step()
    # The node has mined it; the follower, which has not read that block, looks at the mempool.
    await town.world.mine()
    await town.house.follower._look_at_mempool()
    assert await town.statuses(player) == [("seen", 0, 1)]
    await town.step()
    assert await town.statuses(player) == [("credited", 1, 1)]
    assert await town.house.told("player") == ["deposit.seen", "deposit.credited"]


async def test_a_credited_deposit_whose_coin_is_spent_elsewhere_is_taken_back(
    town: Followed,
) -> None:
    player, address = await town.house.player()
    coin = await town.coin()
    await town.pay((address, SMALL), coin=coin)
    await town.mine()
    assert await town.house.wallet(player) == cash(SMALL, not_final=SMALL)
    await _lose(town.house, player, 300_000)
    await town.abandon()
    await town.world.person.pay([(town.world.stranger(), SMALL)], coins=[coin], rate=50)
    await town.elsewhere(2)
    await town.step()
    gone = await town.house.deposit(player)
    assert (gone.status, gone.reason) == ("orphaned", "reorganised")
    assert await town.house.wallet(player) == cash(0, deficit=300_000)
    assert await town.house.told("staff") == ["alert.deposit_reversed"]
    with pytest.raises(WithdrawalsFrozen):
        await town.house.withdraw(player, 100_000_000)
    await town.mine(FINAL)
    assert (await town.house.deposit(player)).status == "orphaned"


async def test_a_deposit_of_an_abandoned_block_waits_again_and_is_credited_once(
    town: Followed,
) -> None:
    player, address = await town.house.player()
    sent = await town.pay((address, SMALL))
    await town.mine()
    assert (await town.house.wallet(player)).cash == SMALL * 1000
    await town.abandon()
    # Blocks without it: the payment is back in the mempool.
    for _ in range(2):
        await town.world.rpc.call("generateblock", town.world.person.address, [])
    await town.step()
    waiting = await town.house.deposit(player)
    assert (waiting.status, waiting.confirmations, waiting.tx_hash) == ("seen", 0, sent.txid)
    assert await town.house.wallet(player) == Wallet(Asset.BTC)
    await town.house.require_sound()
    await town.mine(FINAL)
    assert await town.house.wallet(player) == cash(SMALL)
    assert len(await town.house.deposits(player)) == 1


async def test_a_deposit_mined_in_another_block_stays_credited(town: Followed) -> None:
    player, address = await town.house.player()
    await town.pay((address, SMALL))
    await town.mine(2)
    await town.abandon(2)
    await town.elsewhere(3)
    await town.step()
    assert await town.statuses(player) == [("credited", 3, 1)]
    assert (await town.house.wallet(player)).cash == SMALL * 1000
    assert await town.house.told("staff") == []


async def test_each_output_is_a_deposit_whoever_it_pays(town: Followed) -> None:
    player, address = await town.house.player()
    other, his = await town.house.player()
    sent = await town.pay((address, SMALL), (his, 2 * SMALL), (address, SMALL))
    await town.step()
    assert [one.status for one in await town.house.deposits(player)] == ["seen", "seen"]
    await town.mine(FINAL)
    assert {one.tx_hash for one in await town.house.deposits(player)} == {sent.txid}
    assert await town.house.wallet(player) == cash(2 * SMALL)
    assert await town.house.wallet(other) == cash(2 * SMALL)


async def test_a_block_reward_is_no_deposit_not_even_when_it_can_be_spent(town: Followed) -> None:
    player, address = await town.house.player()
    await town.world.rpc.call("generatetoaddress", 1, address)
    await town.mine(101)
    assert await town.house.deposits(player) == []
    assert await town.house.wallet(player) == Wallet(Asset.BTC)
    assert await town.house.told("staff") == []


async def test_dust_adds_up_and_outputs_of_nothing_leave_no_trace(town: Followed) -> None:
    player, address = await town.house.player()
    script = parse(address, town.world.network)
    nothing = await town.world.person.sign([(script, 0), (script, 6_000)])
    await town.world.rpc.call("generateblock", town.world.person.address, [nothing.raw.hex()])
    await town.step()
    assert await town.statuses(player) == [("confirming", 1, None)]
    await town.mine(FINAL - 1)
    assert [one.status for one in await town.house.deposits(player)] == ["below_minimum"]
    await town.pay((address, 5_000))
    await town.step()
    assert await town.statuses(player) == [("below_minimum", 6, None), ("seen", 0, None)]
    await town.mine(FINAL)
    assert await town.house.wallet(player) == cash(11_000)


async def test_a_free_address_is_nobodys_until_staff_say_whose(town: Followed) -> None:
    player, _ = await town.house.player()
    await town.pay((town.world.account.deposit_address(5), SMALL))
    await town.step()
    assert await town.house.told("staff") == [], "a promise to nobody is nothing yet"
    await town.mine(FINAL)
    async with town.house.database.transaction() as session:
        (waiting,) = await deposits.list_unclaimed(session)
        assert (waiting.units, waiting.reason) == (SMALL * 1000, "nobodys_address")
        await deposits.resolve_unclaimed(
            session, unclaimed_id=waiting.id, player_id=player, actor="staff:1", now=utc_now()
        )
    assert await town.house.wallet(player) == cash(SMALL)


async def test_a_node_that_lags_goes_back_or_fails_changes_nothing(town: Followed) -> None:
    player, address = await town.house.player()
    await town.pay((address, SMALL))
    await town.mine(FINAL)
    await town.pay((address, SMALL))
    await town.mine()
    await town.pay((address, SMALL))
    await town.step()
    before = await town.house.deposits(player)
    assert [one.status for one in before] == ["credited", "credited", "seen"]
    restarted = town.house.another_follower()
    wire = town.world.wire
    for lag in (1, FINAL, FINAL + 5):
        wire.lag = lag
        for follower in (town.house.follower, restarted):
            await follower.step()
            assert await town.house.deposits(player) == before
    wire.lag = 0
    for fault in ("http500", "http429", "empty", "silent"):
        setattr(wire, fault, 1)
        with pytest.raises(OutsideUnavailable):
            await restarted.step()
        assert await town.house.deposits(player) == before, fault
    await town.mine()
    assert len(await town.house.deposits(player)) == 3
    assert (await town.house.wallet(player)).cash == 3 * SMALL * 1000


async def test_five_thousand_blocks_of_downtime_leave_no_gap(town: Followed) -> None:
    player, address = await town.house.player()
    await town.pay((address, SMALL))
    await town.step()
    for _ in range(10):
        await town.world.mine(500)
        await town.pay((address, SMALL))
    await town.world.mine(FINAL)
    restarted = town.house.another_follower()
    await restarted.step()
    assert len(await town.house.deposits(player)) == 11
    assert await town.house.wallet(player) == cash(11 * SMALL)


async def test_two_processes_at_once_credit_once(town: Followed) -> None:
    player, address = await town.house.player()
    other = town.house.another_follower()
    for _ in range(3):
        await town.pay((address, SMALL))
        await asyncio.gather(town.house.step(), other.step(), other.step())
        await town.world.mine()
        await asyncio.gather(town.house.step(), other.step())
    await town.world.mine(FINAL)
    await asyncio.gather(town.house.step(), other.step())
    await town.step()
    assert await town.house.wallet(player) == cash(3 * SMALL)
    assert len(await town.house.deposits(player)) == 3


async def test_a_deposit_in_no_block_cannot_be_credited_by_anybody(town: Followed) -> None:
    player, address = await town.house.player()
    await town.pay((address, SMALL))
    await town.step()
    waiting: Deposit = await town.house.deposit(player)
    with pytest.raises(Exception, match="in_a_block"):
        async with town.house.database.transaction() as session:
            await session.execute(
                text("UPDATE deposits SET status = 'credited' WHERE id = :id"), {"id": waiting.id}
            )


async def _lose(house: FollowedHouse, player_id: int, satoshis: int) -> None:
    async with house.database.transaction() as session:
        await journal.lock_players(session, [player_id])
        units = satoshis * 1000
        lost = Posting(Account.PLAYER_CASH, Account.HOUSE_GAMING, units, Asset.BTC, Kind.BET_STAKE)
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
