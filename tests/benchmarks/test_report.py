"""Rows of the report: their goals, their form as JSON, their table, their picture."""

import json
from pathlib import Path

import pytest

from benchmarks import plot, report
from benchmarks.report import Goal, Row, compared, plain


def row(name: str = "bets_64", *, ratio: float = 2.5, goal: float = 2.2) -> Row:
    return compared(name, value=5000.4, unit="bets/s", reference=2000, ratio=ratio, goal=Goal(goal))


@pytest.mark.parametrize(
    ("goal", "reached", "met"),
    [
        (Goal(2.2), 2.2, True),
        (Goal(2.2), 2.19, False),
        (Goal(40, at_most=True), 40, True),
        (Goal(40, at_most=True), 40.1, False),
    ],
)
def test_a_goal_is_met_at_its_bound(goal: Goal, reached: float, met: bool) -> None:
    assert goal.met(reached) is met


def test_a_compared_row_is_judged_by_its_ratio_and_a_plain_one_by_its_value() -> None:
    slow = plain("cpu_per_bet", value=41, unit="us", goal=Goal(40, at_most=True))
    assert (row().met, row(ratio=2.1).met, slow.met) == (True, False, False)


def test_json_has_exactly_the_agreed_fields(tmp_path: Path) -> None:
    path = tmp_path / "results" / "latest.json"
    report.store(path, [row()], order=[])
    assert json.loads(path.read_text()) == [
        {
            "name": "bets_64",
            "value": 5000.0,
            "unit": "bets/s",
            "reference": 2000.0,
            "ratio": 2.5,
            "goal": ">= 2.2",
            "met": True,
        }
    ]
    assert tuple(json.loads(path.read_text())[0]) == report.FIELDS


def test_a_new_figure_replaces_its_own_row_only(tmp_path: Path) -> None:
    path = tmp_path / "latest.json"
    order = ["bets_64", "bets_256", "cold"]
    report.store(path, [row("cold"), row("bets_64")], order=order)
    merged = report.store(path, [row("cold", ratio=1), row("bets_256_p99")], order=order)
    assert [(one["name"], one["ratio"]) for one in merged] == [
        ("bets_64", 2.5),
        ("bets_256_p99", 2.5),
        ("cold", 1.0),
    ]
    assert json.loads(path.read_text()) == merged


def test_a_figure_that_was_not_judged_does_not_replace_one_that_was(tmp_path: Path) -> None:
    path = tmp_path / "latest.json"
    report.store(path, [row("growth", ratio=0.9)], order=[])
    small = Row("growth", 1, "bets/s", 1, 1.0, ">= 0.8", met=None)
    assert [one["ratio"] for one in report.store(path, [small], order=[])] == [0.9]


def test_the_table_shows_heading_figures_verdict_and_note() -> None:
    noted = plain("size", value=1234, unit="B", goal=Goal(600, at_most=True), note="rounds 371")
    lines = report.table([row(), noted], heading=["fsync=on"]).splitlines()
    assert lines[0] == "fsync=on"
    assert lines[1].split() == list(report.HEADINGS)
    assert lines[3].split() == ["bets_64", "5,000", "bets/s", "2,000", "2.50", ">=", "2.2", "yes"]
    assert lines[4].split() == ["size", "1,234", "B", "<=", "600", "B", "NO"]
    assert lines[5].strip() == "rounds 371"


def test_the_picture_names_every_case_and_is_the_same_for_the_same_figures(
    tmp_path: Path,
) -> None:
    rows = [
        row().as_json(),
        plain("cpu_per_bet", value=38, unit="us", goal=Goal(40, at_most=True)).as_json(),
    ]
    first, second = tmp_path / "one.svg", tmp_path / "two.svg"
    plot.draw(first, rows)
    plot.draw(second, rows)
    assert first.read_bytes() == second.read_bytes()
    assert plot.bound(rows[1]) == 40
    for name in ("bets_64", "cpu_per_bet"):
        assert f"<!-- {name} -->" in first.read_text()
