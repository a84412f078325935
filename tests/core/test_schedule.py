"""Weekly hours: at the very minute, over midnight, over Sunday, and over both clock changes."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.core.cast import refused

from mortice.core.schedule import (
    DAY,
    WEEK,
    Hours,
    Window,
    admits,
    read_hours,
    shut_at,
    spans,
    within,
    write_hours,
)

LONDON = ZoneInfo("Europe/London")
MON, TUE, WED, SAT, SUN, EVERY = 1, 2, 4, 32, 64, 127


def utc(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


def window(days: int, start: str, end: str) -> Hours:
    """One window; an `end` of "26:00" is two o'clock on the next day."""
    def minutes(clock: str) -> int:
        hour, minute = clock.split(":")
        return int(hour) * 60 + int(minute)

    return (Window(days, minutes(start), minutes(end)),)


# --- form -----------------------------------------------------------------------------------


@pytest.mark.parametrize("item", [
    [1, 0, 1], [0, 0, 1], [127, 0, DAY], [1, 1439, 1440], [1, 1439, 1439 + DAY], [1, 60, 60 + DAY],
])
def test_a_window_at_its_bounds_is_read(item: list[int]) -> None:
    assert write_hours(read_hours([item])) == [item]


@pytest.mark.parametrize("item", [
    [128, 0, 1], [-1, 0, 1], [1, -1, 1], [1, DAY, DAY + 1], [1, 5, 5], [1, 5, 4],
    [1, 0, DAY + 1], [1, 60, 61 + DAY],
    [1, 0], [1, 0, 1, 0], [], [True, 0, 1], [1, False, 1], [1, 0, True], [1, 0, "1"],
    [1, None, 1], None, 1, "1", b"abc", {0: 1},
])
def test_a_window_beyond_its_bounds_is_refused(item: object) -> None:
    with refused("C13"):
        read_hours([item])


@pytest.mark.parametrize("value", [[], None, {}, 5, "", b"", True])
def test_hours_that_are_no_list_of_windows_are_refused(value: object) -> None:
    with refused("C13"):
        read_hours(value)


def test_28_windows_are_read_and_29_are_not() -> None:
    assert len(read_hours([[1, 0, 1]] * 28)) == 28
    with refused("C13"):
        read_hours([[1, 0, 1]] * 29)


# --- one instant ----------------------------------------------------------------------------


@pytest.mark.parametrize(("moment", "inside"), [
    ("2026-03-04T08:59:59", False), ("2026-03-04T09:00:00", True),
    ("2026-03-04T16:59:59", True), ("2026-03-04T17:00:00", False),
    ("2026-03-03T12:00:00", False), ("2026-03-05T12:00:00", False),
])
def test_hours_begin_at_their_minute_and_end_before_theirs(moment: str, *, inside: bool) -> None:
    assert admits(window(WED, "9:00", "17:00"), utc(moment), LONDON) is inside


@pytest.mark.parametrize(("moment", "inside"), [
    ("2026-03-07T21:59:59", False), ("2026-03-07T22:00:00", True), ("2026-03-07T23:59:59", True),
    ("2026-03-08T00:00:00", True), ("2026-03-08T01:59:59", True), ("2026-03-08T02:00:00", False),
    ("2026-03-07T00:30:00", False), ("2026-03-08T22:30:00", False),
])
def test_hours_over_midnight_belong_to_the_day_they_begin(moment: str, *, inside: bool) -> None:
    assert admits(window(SAT, "22:00", "26:00"), utc(moment), LONDON) is inside


@pytest.mark.parametrize(("moment", "inside"), [
    ("2026-03-08T23:59:59", True), ("2026-03-09T01:59:59", True), ("2026-03-09T02:00:00", False),
    ("2026-03-08T01:00:00", False),
])
def test_hours_over_sunday_midnight_run_into_monday(moment: str, *, inside: bool) -> None:
    assert admits(window(SUN, "22:00", "26:00"), utc(moment), LONDON) is inside


def test_no_day_at_all_never_comes() -> None:
    never = window(0, "0:00", "24:00")
    assert spans(never) == ()
    assert not any(admits(never, utc("2026-03-02T00:00:00") + h * 3600, LONDON) for h in range(168))


def test_a_whole_week_admits_every_instant() -> None:
    always = window(EVERY, "0:00", "24:00")
    assert spans(always) == ((0, WEEK),)
    assert all(admits(always, utc("2026-03-02T00:00:00") + h * 3599, LONDON) for h in range(170))


@pytest.mark.parametrize("moment", ["2026-10-25T00:30:00", "2026-10-25T01:30:00"])
def test_the_hour_that_comes_twice_admits_both_times(moment: str) -> None:
    # 01:30 in London, once in summer time and once in winter time.
    assert admits(window(SUN, "1:15", "1:45"), utc(moment), LONDON)


@pytest.mark.parametrize("moment", [
    "2026-10-25T00:14:59", "2026-10-25T00:45:00", "2026-10-25T01:14:59", "2026-10-25T01:45:00",
])
def test_around_both_passes_of_the_hour_that_comes_twice_it_is_shut(moment: str) -> None:
    assert not admits(window(SUN, "1:15", "1:45"), utc(moment), LONDON)


def test_the_hour_that_is_left_out_admits_nobody() -> None:
    left_out = window(SUN, "1:00", "2:00")
    night = utc("2026-03-29T00:00:00")
    assert not any(admits(left_out, night + minute * 60, LONDON) for minute in range(240))


def test_hours_on_both_sides_of_the_hour_left_out_have_no_gap() -> None:
    open_all_night = window(SUN, "0:00", "4:00")
    night = utc("2026-03-29T00:00:00")  # 3 hours of real time pass between 00:00 and 04:00
    assert [admits(open_all_night, night + hour * 3600, LONDON) for hour in range(4)] == [
        True, True, True, False]


def test_hours_are_those_of_the_door_and_not_of_greenwich() -> None:
    summer_morning = utc("2026-07-01T08:30:00")  # a Wednesday; 09:30 in London
    assert admits(window(WED, "9:00", "10:00"), summer_morning, LONDON)
    assert not admits(window(WED, "8:00", "9:00"), summer_morning, LONDON)
    assert not admits(window(WED, "9:00", "10:00"), summer_morning, ZoneInfo("UTC"))


@pytest.mark.parametrize("at", [0, 1, 2**31 - 1, 2**31, 2**32 - 1, 2**32, 2**33, 2**37 - 1])
def test_no_year_up_to_the_latest_time_is_too_late_for_a_calendar(at: int) -> None:
    assert admits(window(EVERY, "0:00", "24:00"), at, LONDON)


# --- one set inside another -------------------------------------------------------------------


NINE_TO_FIVE = window(WED, "9:00", "17:00")


@pytest.mark.parametrize(("narrow", "inside"), [
    (window(WED, "9:00", "17:00"), True), (window(WED, "9:01", "16:59"), True),
    (window(WED, "8:59", "17:00"), False), (window(WED, "9:00", "17:01"), False),
    (window(TUE, "9:00", "17:00"), False), (window(WED | TUE, "9:00", "17:00"), False),
    (window(0, "0:00", "24:00"), True),
    (NINE_TO_FIVE + window(SUN, "3:00", "3:01"), False),
])
def test_one_minute_decides_whether_hours_lie_inside_others(narrow: Hours, *, inside: bool) -> None:
    assert within(narrow, NINE_TO_FIVE) is inside


def test_hours_may_lie_across_two_windows_that_touch() -> None:
    touching = window(WED, "9:00", "12:00") + window(WED, "12:00", "17:00")
    apart = window(WED, "9:00", "12:00") + window(WED, "12:01", "17:00")
    assert within(NINE_TO_FIVE, touching)
    assert not within(NINE_TO_FIVE, apart)


def test_hours_over_sunday_midnight_lie_inside_the_same_on_both_days() -> None:
    both = window(SUN, "22:00", "24:00") + window(MON, "0:00", "2:00")
    assert within(window(SUN, "22:00", "26:00"), both)
    assert within(both, window(SUN, "22:00", "26:00"))
    assert not within(window(SUN, "22:00", "26:01"), both)


def test_nothing_but_never_lies_inside_never() -> None:
    never = window(0, "0:00", "24:00")
    assert within(never, never)
    assert not within(window(MON, "0:00", "0:01"), never)


# --- against a plain count of minutes ---------------------------------------------------------


def minutes(hours: Hours) -> set[int]:
    """Every minute of the week in `hours`, counted one by one."""
    return {
        (day * DAY + minute) % WEEK
        for w in hours for day in range(7) if w.days & 1 << day
        for minute in range(w.start, w.end)}


@st.composite
def windows(draw: st.DrawFn) -> Window:
    start = draw(st.integers(0, DAY - 1) | st.sampled_from([0, 60, DAY - 1]))
    length = draw(st.integers(1, DAY) | st.sampled_from([1, 60, DAY]))
    return Window(draw(st.integers(0, 127)), start, start + length)


HOURS = st.lists(windows(), min_size=1, max_size=3).map(tuple)


@given(HOURS, st.integers(0, WEEK - 1), st.integers(0, 59))
def test_an_instant_is_admitted_exactly_when_its_minute_is_counted(
    hours: Hours, minute: int, second: int,
) -> None:
    monday = utc("2026-03-02T00:00:00")  # London is on Greenwich time in this week
    admitted = admits(hours, monday + minute * 60 + second, LONDON)
    assert admitted is (minute in minutes(hours))


@given(HOURS, HOURS)
def test_hours_lie_inside_others_exactly_when_all_their_minutes_do(
    narrow: Hours, wide: Hours,
) -> None:
    assert within(narrow, wide) is (minutes(narrow) <= minutes(wide))
    assert within(narrow, narrow + wide)


# --- when hours end -------------------------------------------------------------------------


@pytest.mark.parametrize(("hours", "at", "end"), [
    pytest.param(window(WED, "09:00", "17:30"), "2026-12-02 11:00:59", "2026-12-02 17:30:00",
                 id="the end of a window"),
    pytest.param(window(WED, "09:00", "17:30"), "2026-12-02 17:29:59", "2026-12-02 17:30:00",
                 id="its last second"),
    pytest.param(window(WED, "09:00", "17:30"), "2026-12-02 17:30:00", "2026-12-02 17:30:00",
                 id="at its end they have ended"),
    pytest.param(window(WED, "09:00", "17:30"), "2026-12-02 08:59:17", "2026-12-02 08:59:17",
                 id="before them nothing begins"),
    pytest.param((), "2026-12-02 11:00:00", "2026-12-02 11:00:00", id="no hours at all"),
    pytest.param(window(SUN, "20:00", "26:00"), "2026-12-06 23:00:00", "2026-12-07 02:00:00",
                 id="from Sunday into Monday"),
    pytest.param(window(WED, "09:00", "12:00") + window(WED, "12:00", "14:00"),
                 "2026-12-02 10:00:00", "2026-12-02 14:00:00", id="windows that meet"),
    pytest.param(window(SAT, "20:00", "26:30"), "2027-10-30 20:00:00", "2027-10-31 02:30:00",
                 id="the hour that comes twice is waited for twice"),
    pytest.param(window(SAT, "20:00", "25:30"), "2027-03-27 21:00:00", "2027-03-28 01:00:00",
                 id="an end in the hour that is left out is at the change"),
    pytest.param(window(EVERY, "00:00", "24:00"), "2026-12-02 11:00:30", "2026-12-03 11:00:30",
                 id="hours without end: a day at most"),
])
def test_hours_end_at_the_first_minute_outside_of_them(hours: Hours, at: str, end: str) -> None:
    assert shut_at(hours, utc(at), LONDON) == utc(end)
