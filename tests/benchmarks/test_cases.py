"""Every case of the table exists, and can be run on a small scale with books that prove it."""

from collections.abc import Iterator

import pytest

from benchmarks.bench import Bench, Sizes, interleave
from benchmarks.cases import ALONE, CASES
from benchmarks.fair import shuffled
from benchmarks.house import BookUnsound
from benchmarks.load import Table, open_crew
from benchmarks.server import open_server
from tests.conftest import Run

# One server for all of them, hence one worker.
pytestmark = pytest.mark.xdist_group("benchmarks")

GOALS = {
    "bets_64": ">= 2.2",
    "bets_256": ">= 4",
    "bets_hot": ">= 3",
    "bets_2w": ">= 4.2",
    "house_live": ">= 0.9",
    "http_64": ">= 1.5",
    "http_256_2w": ">= 2",
    "lone_p50": "<= 1.6",
    "cold": ">= 0.8",
    "vs_orm": ">= 20",
    "growth": ">= 0.8",
    "bytes_per_bet": "<= 600",
    "cpu_per_bet": "<= 40",
    "crash_round": "<= 60",
    "fair_dice": ">= 300000",
    "fair_mines": ">= 80000",
    "fair_deck": ">= 30000",
}
TINY = Sizes(
    rounds=1,
    cell_seconds=0.2,
    warm_seconds=0.1,
    reference_seconds=1,
    tpcb_scale=1,
    players=70,
    crash_players=20,
    crash_rounds=1,
    size_bets=50,
    growth_small=300,
    growth_large=1500,
    reads=20,
    fair_seconds=0.01,
)
SMALL_SERVER = {"shared_buffers": "64MB"}


@pytest.fixture(scope="module")
def bench(run: Run) -> Iterator[Bench]:
    folder = run.folder / "bench"
    folder.mkdir(mode=0o755)
    with open_server(folder / "postgres", tuned=SMALL_SERVER) as server:
        yield Bench(server, TINY, folder, say=lambda _line: None)


def names_of(bench: Bench, case: str) -> list[str]:
    rows = CASES[case].run(bench, CASES[case].goal)
    assert all(row.value > 0 and row.as_json()["unit"] for row in rows)
    return [row.name for row in rows]


def test_every_case_stands_in_the_table_with_its_goal() -> None:
    assert {name: str(case.goal) for name, case in CASES.items()} == GOALS
    assert set(CASES) > ALONE


def test_durability_is_as_shipped(bench: Bench) -> None:
    for name in ("fsync", "synchronous_commit", "full_page_writes"):
        assert bench.server.settings[name] == "on"


def test_players_bet_and_their_books_are_proven(bench: Bench) -> None:
    assert names_of(bench, "bets_64") == ["bets_64"]


def test_the_orm_settles_the_same_bets(bench: Bench) -> None:
    assert names_of(bench, "vs_orm") == ["vs_orm"]


def test_a_webapp_settles_signed_calls(bench: Bench) -> None:
    assert names_of(bench, "http_64") == ["http_64"]


def test_a_crash_round_is_settled(bench: Bench) -> None:
    assert names_of(bench, "crash_round") == ["crash_round"]


def test_a_bet_has_a_size(bench: Bench) -> None:
    assert names_of(bench, "bytes_per_bet") == ["bytes_per_bet"]


def test_copies_of_bets_leave_the_book_sound(bench: Bench) -> None:
    assert names_of(bench, "growth") == ["growth", "growth_balance", "growth_last20"]


def test_a_book_with_a_coin_too_many_is_no_result(bench: Bench) -> None:
    with bench.house() as house:
        house.prove(rounds=0)
        house.read(
            "UPDATE wallets SET cash = cash + 1 WHERE player_id = (SELECT min(id) FROM players)"
        )
        with pytest.raises(BookUnsound, match="does not prove itself"):
            house.prove(rounds=0)


def test_an_answered_bet_that_is_not_stored_is_no_result(bench: Bench) -> None:
    with bench.house() as house:
        with open_crew(Table(house.dsn, (house.players()[0],))) as crew:
            crew.play(0.1)
        house.prove(rounds=crew.bets_total)
        with pytest.raises(BookUnsound, match="stand in rounds"):
            house.prove(rounds=crew.bets_total + 1)


def test_every_second_player_has_limits_of_his_own(bench: Bench) -> None:
    with bench.house() as house:
        assert house.read("SELECT count(DISTINCT player_id) FROM player_limits") == "35"


def test_each_round_is_held_against_the_references_around_it() -> None:
    values, references = iter([30.0, 10.0, 80.0]), iter([10.0, 20.0, 5.0, 15.0])
    found = interleave(3, cell=lambda: next(values), reference=lambda: next(references))
    assert found.figures == (30.0, 12.5, 2.0)


def test_a_shuffled_deck_is_whole_and_depends_on_the_nonce() -> None:
    assert sorted(shuffled(1)) == list(range(52))
    assert shuffled(1) == shuffled(1) != shuffled(2)


@pytest.mark.parametrize("case", ["fair_dice", "fair_mines", "fair_deck"])
def test_draws_are_counted(bench: Bench, case: str) -> None:
    assert names_of(bench, case) == [case]
