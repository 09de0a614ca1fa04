"""Figures by hour as a picture: bars from zero, the last value labelled, units on the axis."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from casino.money import trim_units
from messaging.pictures.palette import BRASS, FELT, INK, INK_LINE, TEXT, TEXT_QUIET

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes

COLOURS = (FELT, BRASS)
DOTS_PER_INCH = 144
PANEL_HEIGHT = 2.3
PANELS_MAX = 6


@dataclass(frozen=True, slots=True)
class Series:
    """One row of bars: whole units at a scale, one for each label."""

    name: str
    units: Sequence[int]
    decimals: int = 0
    unit: str = ""

    def printed(self, units: int) -> str:
        """A value as people read it, with its unit."""
        return f"{trim_units(units, self.decimals, at_least=0)} {self.unit}".rstrip()


def figures_chart(*, title: str, labels: Sequence[str], series: Sequence[Series]) -> bytes:
    """A PNG with one panel for each series over the same labels; call it in a thread.

    Raises ValueError for more panels than a phone can show, or a series of another length.
    """
    if not 0 < len(series) <= PANELS_MAX:
        raise ValueError(f"1 to {PANELS_MAX} series, not {len(series)}")
    if any(len(row.units) != len(labels) for row in series):
        raise ValueError("every series has one value for each label")
    figure = Figure(figsize=(7.2, 0.9 + PANEL_HEIGHT * len(series)), facecolor=INK)
    canvas = FigureCanvasAgg(figure)
    axes = figure.subplots(len(series), 1, squeeze=False, sharex=True)
    figure.suptitle(title, color=TEXT, x=0.02, ha="left", fontsize=14, fontweight="bold")
    for number, (row, panel) in enumerate(zip(series, axes[:, 0], strict=True)):
        _draw(panel, row, labels=labels, colour=COLOURS[number % len(COLOURS)])
    figure.tight_layout(rect=(0, 0, 1, 0.97))
    image = io.BytesIO()
    canvas.print_figure(image, format="png", dpi=DOTS_PER_INCH, facecolor=INK)
    return image.getvalue()


def _draw(panel: Axes, row: Series, *, labels: Sequence[str], colour: str) -> None:
    places = range(len(labels))
    panel.bar(places, row.units, color=colour, width=0.72)
    panel.set_facecolor(INK)
    panel.set_title(row.name, color=TEXT, loc="left", fontsize=11)
    panel.axhline(0, color=INK_LINE, linewidth=1)
    panel.margins(y=0.22)
    if not any(row.units):
        panel.set_ylim(0, 1)
    panel.yaxis.set_major_locator(MaxNLocator(nbins=4, integer=True))
    panel.yaxis.set_major_formatter(FuncFormatter(lambda value, _: row.printed(int(value))))
    panel.grid(axis="y", color=INK_LINE, linewidth=0.6)
    panel.set_axisbelow(True)
    panel.tick_params(colors=TEXT_QUIET, length=0, labelsize=9)
    for spine in panel.spines.values():
        spine.set_visible(False)
    every = max(1, -(-len(labels) // 12))
    panel.set_xticks(list(places)[::every], list(labels)[::every])
    if labels:
        # Beside the last bar, in a margin of its own, so that no other bar runs through it.
        panel.set_xlim(-0.8, len(labels) + len(labels) * 0.1)
        panel.text(
            len(labels) - 0.4,
            row.units[-1],
            row.printed(row.units[-1]),
            color=TEXT,
            fontsize=10,
            fontweight="bold",
            va="center",
        )
