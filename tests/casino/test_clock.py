"""Windows begin and end where the calendar says, in UTC."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from casino.clock import Window, window_end, window_start

SUNDAY_NIGHT = datetime(2026, 11, 1, 23, 59, 59, 999999, tzinfo=UTC)


@pytest.mark.parametrize(
    ("window", "start", "end"),
    [
        (Window.DAY, datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 11, 2, tzinfo=UTC)),
        (Window.WEEK, datetime(2026, 10, 26, tzinfo=UTC), datetime(2026, 11, 2, tzinfo=UTC)),
        (Window.MONTH, datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC)),
    ],
)
def test_windows(window, start, end):
    assert (window_start(window, SUNDAY_NIGHT), window_end(window, SUNDAY_NIGHT)) == (start, end)
    assert window_start(window, end) == end


def test_the_zone_of_the_moment_does_not_matter():
    there = SUNDAY_NIGHT.astimezone(timezone(timedelta(hours=5)))
    assert window_start(Window.DAY, there) == window_start(Window.DAY, SUNDAY_NIGHT)


def test_december_ends_with_the_year():
    assert window_end(Window.MONTH, datetime(2026, 12, 31, tzinfo=UTC)).year == 2027
