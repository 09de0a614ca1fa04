"""The picture of the results: each case's ratio beside its goal."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import matplotlib as mpl
from matplotlib.figure import Figure

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from matplotlib.axes import Axes

Found: TypeAlias = "Mapping[str, object]"

MET, MISSED, OPEN = "#2a9d6f", "#c8553d", "#8a8f98"
COLOURS = {True: MET, False: MISSED, None: OPEN}
ROW_INCHES = 0.34


def draw(path: Path, rows: Sequence[Found]) -> None:
    """Write an SVG: above, ratios to a reference; below, other figures as parts of their goal."""
    compared = [row for row in rows if row["ratio"] is not None]
    plain = [row for row in rows if row["ratio"] is None and row["value"]]
    # The same figures give the same file.
    with mpl.rc_context({"svg.hashsalt": "benchmarks", "font.size": 9}):
        height = ROW_INCHES * (len(compared) + len(plain)) + 2.2
        figure = Figure(figsize=(8, height), layout="constrained")
        panels = figure.subplots(
            2, 1, height_ratios=[max(1, len(compared)), max(1, len(plain))], squeeze=True
        )
        _bars(
            panels[0],
            compared,
            [_number(row["ratio"]) for row in compared],
            [bound(row) for row in compared],
        )
        panels[0].set_title("Ratio to the reference; the line is the goal", loc="left")
        _bars(
            panels[1],
            plain,
            [_number(row["value"]) / bound(row) for row in plain],
            [1.0 for _ in plain],
        )
        panels[1].set_title("Other figures, as a multiple of their goal", loc="left")
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, format="svg", metadata={"Date": None})


def bound(row: Found) -> float:
    """The number in a goal such as `<= 40 us`."""
    return float(str(row["goal"]).split()[1])


def _bars(
    axes: Axes, rows: Sequence[Found], lengths: Sequence[float], goals: Sequence[float]
) -> None:
    for place, (row, length, goal) in enumerate(zip(rows, lengths, goals, strict=True)):
        met = row["met"]
        axes.barh(place, length, color=COLOURS[met if isinstance(met, bool) else None], height=0.6)
        axes.plot([goal, goal], [place - 0.42, place + 0.42], color="black", linewidth=1.6)
        label = f"  {length:.2f}  ({row['goal']})"
        axes.text(max(length, goal), place, label, va="center", fontsize=8)
    axes.set_yticks(range(len(rows)), [str(row["name"]) for row in rows])
    axes.invert_yaxis()
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter("{x:g}")
    axes.margins(x=0.3)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


def _number(figure: object) -> float:
    return float(str(figure))
