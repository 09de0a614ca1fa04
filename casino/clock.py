"""The current moment and the calendar windows that limits are counted in, all in UTC."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from enum import StrEnum


class Window(StrEnum):
    """Calendar windows; the week starts on Monday."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"


def utc_now() -> datetime:
    """The current moment; edges call it, domain functions take `now`."""
    return datetime.now(UTC)


def window_start(window: Window, moment: datetime) -> datetime:
    """The first moment of the window that holds `moment`."""
    midnight = moment.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    match window:
        case Window.DAY:
            return midnight
        case Window.WEEK:
            return midnight - timedelta(days=midnight.weekday())
        case Window.MONTH:
            return midnight.replace(day=1)


def window_end(window: Window, moment: datetime) -> datetime:
    """The first moment after the window that holds `moment`."""
    start = window_start(window, moment)
    match window:
        case Window.DAY:
            return start + timedelta(days=1)
        case Window.WEEK:
            return start + timedelta(days=7)
        case Window.MONTH:
            return (start + timedelta(days=32)).replace(day=1)
