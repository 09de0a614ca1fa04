"""Whatever a chain does short of undoing what is final: the credits are those of its final history."""

import os
from collections import Counter
from dataclasses import dataclass
from itertools import zip_longest

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from casino.db import Database
from casino.errors import OutsideUnavailable
from tests.factories import USDT
from tests.payments.followed import FollowedHouse
from tests.payments.simulated import Payment, SimulatedMempoolChain, pay

# One worker, one after the other: the second test looks at what the first one did.
pytestmark = pytest.mark.xdist_group("follower_histories")

WENT_THROUGH: Counter[str] = Counter()
KINDS = (
    *("pay", "pay", "wait", "wait", "replace", "confirm", "mine"),
    *("fork", "fork", "fork", "again", "lag", "fail", "both"),
)
MOST = 6


@dataclass(frozen=True)
class Turn:
    """One thing that happens; `again` says which dropped payments are mined again, and when;
    `step` whether the follower looks afterwards."""

    kind: str
    player: int
    number: int
    again: tuple[int, ...]
    step: bool


TURNS = st.lists(
    st.builds(
        Turn,
        kind=st.sampled_from(KINDS),
        player=st.integers(0, 1),
        number=st.integers(1, MOST),
        again=st.lists(st.integers(0, 4), min_size=3, max_size=MOST).map(tuple),
        step=st.sampled_from((True, True, True, False)),
    ),
    min_size=20,
    max_size=36,
)


class History:
    """A house of its own in the test's database, and what happens to it."""

    def __init__(self, house: FollowedHouse, chain: SimulatedMempoolChain) -> None:
        self.house, self.chain = house, chain
        self.other = house.another_follower()
        self.players: list[tuple[int, str]] = []
        self.dropped: list[Payment] = []

    async def turn(self, turn: Turn) -> None:
        chain = self.chain
        match turn.kind:
            case "pay":
                _, address = self.players[turn.player]
                # Of every size: dust, small, and one that waits for finality.
                units = (2, 10, 700, 3_000)[turn.number % 4] * USDT
                chain.mine(pay(address, units), pay(f"address{turn.number}", units))
            case "wait" | "replace" | "confirm":
                self.unmined(turn)
            case "mine":
                chain.mine(empty=turn.number - 1)
            case "fork":
                self.fork(turn)
            case "again":
                chain.mine(*self.dropped)
                self.dropped.clear()
            case "lag":
                chain.lag = turn.number
            case "fail":
                chain.failing = turn.number
            case _:
                await self.step(both=True)
        if turn.step:
            await self.step()
        chain.lag = chain.failing = 0

    def unmined(self, turn: Turn) -> None:
        """What happens to payments before their first block."""
        chain, (_, address) = self.chain, self.players[turn.player]
        if turn.kind == "wait":
            chain.mempool.append(pay(address, (2, 10, 700)[turn.number % 3] * USDT))
        elif turn.kind == "confirm":
            chain.mine(*chain.mempool[: turn.number])
        else:
            # What takes its place pays nobody here, or another amount.
            for payment in chain.mempool[: turn.number]:
                chain.mempool.remove(payment)
                if turn.player:
                    chain.mempool.append(pay(payment.address, 10 * USDT))

    def fork(self, turn: Turn) -> None:
        """Another history of at least the same length; some payments are mined again in it, in
        another order, and some never."""
        before, gone = self.chain.height, self.chain.fork(turn.number + 1)
        later: list[list[Payment]] = [[], [], []]
        for payment, when in zip_longest(reversed(gone), turn.again[: len(gone)], fillvalue=9):
            # A payment whose block is abandoned waits again, or its payer has spent it elsewhere.
            forgotten = self.chain.mempool if when == 4 else self.dropped
            (later[when] if when < len(later) else forgotten).append(payment)
        for payments in later:
            self.chain.mine(*payments)
        self.chain.mine(empty=max(0, before - self.chain.height))

    async def step(self, *, both: bool = False) -> None:
        for follower in (self.house.follower, self.other) if both else (self.house.follower,):
            try:
                await follower.step()
            except OutsideUnavailable:
                continue

    async def require_lawful(self) -> None:
        """Nobody has more than this history brought him so far, and everything adds up."""
        await self.house.require_sound()
        for player, _ in self.players:
            credited = [one for one in await self.house.deposits(player) if one.credited_at]
            wallet = await self.house.wallet(player)
            assert wallet.cash - wallet.deficit == sum(one.units for one in credited)
            early = sum(one.units for one in credited if one.final_at is None)
            assert wallet.not_final == early

    async def end(self) -> None:
        """The chain comes to rest, and everything in it is final."""
        self.chain.lag = self.chain.failing = 0
        self.chain.mempool.clear()
        self.chain.mine(empty=self.chain.final_after)
        await self.step()
        await self.step()
        await self.require_lawful()
        mined = self.chain.payments()
        for player, address in self.players:
            mine = [one for one in mined if one.address == address]
            small = sum(one.units for one in mine if one.units < 5 * USDT)
            large = sum(one.units for one in mine if one.units >= 5 * USDT)
            wallet = await self.house.wallet(player)
            # Dust is credited whenever it has added up to the minimum of 5; 2 at a time.
            assert wallet.cash == large + small - small % (6 * USDT)
            assert (wallet.not_final, wallet.deficit) == (0, 0)
            shown = await self.house.deposits(player)
            living = sorted(one.tx_hash for one in shown if one.status != "orphaned")
            assert living == sorted(f"hash of {one.key}" for one in mine)
        await self.require_blocks()

    async def happened(self) -> list[str]:
        """What became of this history's deposits, move by move."""
        async with self.house.database.transaction() as session:
            moves = await session.execute(
                text(
                    "SELECT from_status, to_status, h.details->>'reason' FROM deposit_history h"
                    " JOIN deposits d ON d.id = deposit_id WHERE player_id = ANY(:players)"
                ),
                {"players": [player for player, _ in self.players]},
            )
            return [
                why if why in ("moved", "final", "replaced") else f"{before}-{after}"
                for before, after, why in moves
            ]

    async def require_blocks(self) -> None:
        """Every deposit that lives says in which block of this history its payment stands."""
        async with self.house.database.transaction() as session:
            told = await session.execute(
                text(
                    "SELECT business_key, block, block_hash FROM deposits"
                    " WHERE player_id = ANY(:players) AND status <> 'orphaned'"
                ),
                {"players": [player for player, _ in self.players]},
            )
            for key, block, block_hash in told:
                mined = self.chain.blocks[block]
                assert mined.header.hash == block_hash
                assert key in {one.key for one in mined.payments}


@settings(
    max_examples=int(os.environ.get("PROPERTY_EXAMPLES", "16")),
    deadline=None,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(turns=TURNS)
async def test_any_history_ends_with_the_deposits_of_the_final_chain(
    db: Database, turns: list[Turn]
) -> None:
    chain = SimulatedMempoolChain(final_after=8)
    house = FollowedHouse(db, chain)
    # Each history has a chain of its own and begins where nothing was read of the one before.
    await house.run("DELETE FROM chain_blocks")
    await house.run("DELETE FROM chain_progress")
    await house.open()
    history = History(house, chain)
    history.players = [await house.player(), await house.player()]
    for turn in turns:
        await history.turn(turn)
    await history.require_lawful()
    await history.end()
    WENT_THROUGH.update(await history.happened())


async def test_everything_that_could_go_wrong_did() -> None:
    """The search above would find nothing where nothing is undone."""
    wanted = {"moved", "final", "replaced", "seen-credited", "orphaned-seen"}
    wanted |= {"credited-orphaned", "confirming-orphaned"}
    assert wanted <= {name for name, count in WENT_THROUGH.items() if count > 5}, WENT_THROUGH
