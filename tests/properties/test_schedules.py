"""Weekly hours against the plainest reading of them: every minute of the week, one by one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.properties.choices import MANY, PARTS, QUICK, Choices, strings
from tests.properties.reference import minutes

from mortice.core.schedule import Hours, Window, admits, read_hours, within, write_hours

ZONES = [ZoneInfo(name) for name in (
    "Europe/London", "UTC", "Asia/Kolkata", "America/St_Johns", "Australia/Lord_Howe")]
CLOCK_CHANGES = [datetime(2027, 3, 28, 1, tzinfo=UTC), datetime(2027, 10, 31, 1, tzinfo=UTC)]
SIZE = 20


def window(choices: Choices) -> Window:
    """Any window; half of them end within the hour that they start in, where edges meet."""
    days, start = choices.number(128), choices.number(96) * 15 + choices.number(15)
    length = choices.number(60) + 1 if choices.number(2) else 1 + choices.number(255) * 5
    return Window(days, start, start + min(length, 1440))


def hours(choices: Choices) -> Hours:
    return tuple(window(choices) for _ in range(1 + choices.number(3)))


def check_within(drawn: bytes) -> None:
    choices = Choices(drawn)
    narrow, wide = hours(choices), hours(choices)
    assert within(narrow, wide) == (minutes(narrow) <= minutes(wide))
    assert within(narrow, narrow + wide)
    assert within(narrow, narrow)


@QUICK
@given(strings(SIZE))
def test_within_is_what_every_minute_says(drawn: bytes) -> None:
    check_within(drawn)


@pytest.mark.slow
@pytest.mark.parametrize("part", PARTS)
@MANY
@given(strings(SIZE))
def test_within_is_what_every_minute_says_twenty_thousand_times(part: int, drawn: bytes) -> None:
    check_within(drawn)


@QUICK
@given(strings(SIZE), st.sampled_from(ZONES), st.integers(0, 7 * 86_400 - 1),
       st.sampled_from(CLOCK_CHANGES))
def test_a_moment_is_admitted_as_its_minute_on_the_doors_clock_is(
    drawn: bytes, zone: ZoneInfo, second: int, change: datetime) -> None:
    """Half a week on either side of London's clock changes, in zones that change elsewhere too."""
    some = hours(Choices(drawn))
    moment = change - timedelta(days=3.5) + timedelta(seconds=second)
    local = moment.astimezone(zone)
    minute = local.weekday() * 1440 + local.hour * 60 + local.minute
    assert admits(some, int(moment.timestamp()), zone) == (minute in minutes(some))


@QUICK
@given(strings(SIZE))
def test_hours_are_read_as_they_were_written(drawn: bytes) -> None:
    some = hours(Choices(drawn))
    assert read_hours(write_hours(some)) == some
