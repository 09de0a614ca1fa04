"""Polling: looks begin at their interval, trouble and long looks leave others their time."""

import asyncio

import pytest

from casino.errors import OutsideError, OutsideUnavailable
from payments.polling import poll

INTERVAL = 10


class Clock:
    """A loop's time that moves when somebody sleeps or works."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def time(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds


async def looks_at(monkeypatch: pytest.MonkeyPatch, *lasting: float) -> tuple[list[float], int]:
    """When looks began that last so long, the failing ones below zero; how many were trouble."""
    clock, began, troubles = Clock(), [], []
    waiting = list(lasting)
    monkeypatch.setattr(asyncio, "get_running_loop", lambda: clock)
    monkeypatch.setattr(asyncio, "sleep", clock.sleep)

    async def look() -> None:
        began.append(clock.now - 1_000)
        if not waiting:
            raise asyncio.CancelledError
        seconds = waiting.pop(0)
        clock.now += abs(seconds)
        if seconds < 0:
            raise OutsideUnavailable(source="test", reason="told to")

    def on_trouble(error: OutsideError) -> None:
        troubles.append(error)

    with pytest.raises(asyncio.CancelledError):
        await poll(look, seconds=INTERVAL, on_trouble=on_trouble)
    return began, len(troubles)


async def test_an_interval_counts_from_where_the_last_look_began(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert await looks_at(monkeypatch, 1, 4, 0, 5) == ([0, 10, 20, 30, 40], 0)


async def test_a_long_look_leaves_half_an_interval(monkeypatch: pytest.MonkeyPatch) -> None:
    assert await looks_at(monkeypatch, 8, 100, 1) == ([0, 13, 118, 128], 0)


async def test_trouble_is_told_and_waited_out_for_a_whole_interval(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert await looks_at(monkeypatch, -3, 2, -20, 1) == ([0, 13, 23, 53, 63], 2)
