"""The time that it is, and a time that stands still."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone

from terminology.core import dates

MOMENT = datetime(2030, 1, 1, 1, tzinfo=timezone(timedelta(hours=2)))


def test_time_stands_still_in_a_block_of_one_thread() -> None:
    with dates.fixed(MOMENT), ThreadPoolExecutor(1) as threads:
        assert dates.now() == MOMENT and dates.now().tzinfo is UTC
        assert dates.today() == "2029-12-31", "in UTC"
        assert threads.submit(dates.fixed_moment).result() is None
        with dates.fixed(None):
            assert dates.now() == MOMENT, "None leaves it as it is"
    assert abs(dates.now() - datetime.now(UTC)) < timedelta(seconds=60)


def test_a_date_is_past_when_it_has_begun_and_over_when_it_has_ended() -> None:
    with dates.fixed(MOMENT):
        seen = {date: (dates.is_past(date), dates.is_over(date)) for date in ("2029", "2029-12-30", "2030")}
    assert seen == {"2029": (True, False), "2029-12-30": (True, True), "2030": (False, False)}
