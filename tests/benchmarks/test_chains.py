"""The chain figures exist with their goals, and every part runs on a small scale on real nodes."""

from collections.abc import Iterator

import pytest

from benchmarks.bench import Bench, Sizes
from benchmarks.chains import run as chains_run
from benchmarks.chains.btc import HashedScripts
from benchmarks.chains.cases import GOALS, PARTS
from benchmarks.chains.compare import ChainBench, ChainSizes, in_turns
from benchmarks.chains.evm import HashedAddresses
from benchmarks.chains.followed import CountIsWrong, Payees, Reading, Upto
from benchmarks.server import open_server
from payments.chains.blocks import Tip
from payments.chains.btc_addresses import BITCOIN_REGTEST, WatchList
from tests.conftest import Run
from tests.payments.simulated import SimulatedChain, pay

# One server for all of them, hence one worker.
pytestmark = [pytest.mark.chain, pytest.mark.xdist_group("benchmarks_chains")]

PLAYERS = 4
TINY = ChainSizes(
    rounds=1,
    players=PLAYERS,
    few=8,
    many=16,
    own_every=20,
    full_own_every=30,
    btc_own_every=10,
    evm_blocks=20,
    evm_transfers=5,
    full_blocks=10,
    full_transfers=6,
    btc_blocks=10,
    btc_transactions=5,
    ton_transactions=5,
    samples=2,
    poll_seconds=1,
    sign_seconds=0.01,
    inputs=3,
    outputs=4,
)
ROWS = {
    "evm": {"evm_backfill", "evm_full_blocks", "evm_watched"},
    "btc": {"btc_backfill", "btc_watched", "btc_backfill_litecoin"},
    "ton": {"ton_pages", "ton_decode"},
    "heads": {"evm_head", "btc_head", "ton_head"},
    "signing": {"btc_payout", "btc_sign_inputs", "evm_sign", "ton_payout"},
}


@pytest.fixture(scope="module")
def on(run: Run) -> Iterator[ChainBench]:
    folder = run.folder / "bench-chains"
    folder.mkdir(mode=0o755)
    with open_server(folder / "postgres", tuned={"shared_buffers": "64MB"}) as server:
        bench = Bench(server, Sizes(players=PLAYERS), folder, say=lambda _line: None)
        yield ChainBench(bench, TINY, say=lambda _line: None)


def test_every_figure_has_a_goal_and_a_part() -> None:
    assert set().union(*ROWS.values()) == set(GOALS)
    assert set(ROWS) == set(PARTS)


@pytest.mark.parametrize("part", list(PARTS))
def test_a_part_gives_its_figures(on: ChainBench, part: str) -> None:
    rows = PARTS[part].run(on, GOALS)
    assert {row.name for row in rows} == ROWS[part]
    for row in rows:
        assert row.unit
        assert row.met is not None
        assert row.value >= 0
        if row.ratio is not None:
            assert row.reference is not None
            assert row.ratio > 0


async def test_a_count_that_is_wrong_is_no_result(on: ChainBench) -> None:
    own = HashedAddresses().between(0, 0)
    chain = SimulatedChain(final_after=2)
    reading = Reading(on, chain, HashedAddresses(), watched=8, start=0, warm=0)
    chain.mine(pay(own[0].address, 10_000_000), empty=3)
    assert await reading.read(upto=4, deposits=1, prove=True) > 0
    with pytest.raises(CountIsWrong, match="1 of 2 deposits"):
        await reading.read(upto=4, deposits=2)
    reading.close()


async def test_a_chain_seems_to_end_where_it_is_told_to() -> None:
    chain = SimulatedChain(final_after=2)
    chain.mine(empty=9)
    limited = Upto(chain, height=5)
    short = await limited.tip()
    assert short == Tip(chain.blocks[5].header, 5, chain.blocks[5].header.hash)
    limited.height = 99
    assert await limited.tip() == await chain.tip()
    limited.height = 9
    near = await limited.tip()
    assert (near.head.height, near.final_height) == (9, chain.final_height)


async def test_a_round_stands_between_two_references() -> None:
    asked: list[str] = []
    figures = iter([0.0, 10.0, 20.0, 40.0])

    async def reference() -> float:
        asked.append("reference")
        return next(figures)

    async def ours() -> float:
        asked.append("ours")
        return 30.0

    found = await in_turns(2, ours=ours, reference=reference)
    assert asked == ["reference", *["reference", "ours"] * 2, "reference"]
    assert found.ratio == pytest.approx((30 / 15 + 30 / 30) / 2)


def test_one_in_so_many_payments_is_ours() -> None:
    payees = Payees(3, HashedAddresses().between(0, 1))
    told = [payees.next() for _ in range(9)]
    assert [place for place, one in enumerate(told, start=1) if one] == [3, 6, 9]
    assert payees.deposits == 3


def test_addresses_of_nobody_are_addresses() -> None:
    scripts = HashedScripts(BITCOIN_REGTEST).between(0, 3)
    listed = WatchList(BITCOIN_REGTEST, [one.address for one in scripts])
    assert len(listed.by_script) == 4
    assert len({one.address for one in HashedAddresses().between(0, 3)}) == 4


def test_an_unknown_part_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        chains_run._read(["tron"])
    assert "no part is called 'tron'" in capsys.readouterr().err
