"""Times as people type them, on the door's own clock, clock changes included."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from mortice.cli.moments import Clock, days, hours, say_hours, say_seconds, seconds, weekly
from mortice.cli.problems import Problem
from mortice.core.schedule import admits

LONDON = ZoneInfo("Europe/London")


def at(text: str, fold: int = 0) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=LONDON, fold=fold).timestamp())


NOW = at("2026-11-25 14:30:00")  # a Wednesday
CLOCK = Clock(LONDON, NOW)


@pytest.mark.parametrize(
    ("typed", "means"),
    [
        ("16:00", "2026-11-25 16:00"),
        ("09:00", "2026-11-26 09:00"),
        ("today 16:00", "2026-11-25 16:00"),
        ("tomorrow 9:15", "2026-11-26 09:15"),
        ("fri 15:00", "2026-11-27 15:00"),
        ("Wednesday 10:00", "2026-12-02 10:00"),
        ("2026-12-24 16:00", "2026-12-24 16:00"),
        ("2026-12-24T16:00:30", "2026-12-24 16:00:30"),
        ("24 Dec 2026 16:00", "2026-12-24 16:00"),
        ("24 December 2026 16:00", "2026-12-24 16:00"),
        ("24/12/2026 16:00", "2026-12-24 16:00"),
        ("2026-07-01 16:00", "2026-07-01 16:00"),
    ],
)
def test_a_time_is_the_same_as_start_and_as_end(typed: str, means: str) -> None:
    assert CLOCK.start(typed) == CLOCK.end(typed) == at(means)


def test_a_date_starts_at_its_first_midnight_and_ends_at_its_last() -> None:
    assert CLOCK.start("2026-12-24") == at("2026-12-24 00:00")
    assert CLOCK.end("2026-12-24") == at("2026-12-25 00:00")
    assert CLOCK.end("today") == at("2026-11-26 00:00")


def test_now_is_now() -> None:
    assert CLOCK.start("now") == NOW


def test_an_hour_that_comes_twice_is_covered_both_times() -> None:
    assert CLOCK.start("2026-10-25 01:30") == at("2026-10-25 01:30", fold=0)
    assert CLOCK.end("2026-10-25 01:30") == at("2026-10-25 01:30", fold=1)


def test_a_time_that_the_clock_skips_is_refused() -> None:
    with pytest.raises(Problem, match="clocks go forward"):
        CLOCK.start("2027-03-28 01:30")


@pytest.mark.parametrize("typed", [
    "", " ", "soon", "25:00", "24:00", "12:60", "2026-02-30", "2026-13-01", "fri", "16", "16:0",
    "tomorrowish", "2026-12-24 noon", "99999-01-01", "-1", "12:00 2026-12-24"])
def test_what_is_no_time_is_refused(typed: str) -> None:
    if typed == "fri":  # a bare day is a date, and so it is one
        assert CLOCK.start(typed) == at("2026-11-27 00:00")
        return
    with pytest.raises(Problem) as caught:
        CLOCK.start(typed)
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(("typed", "length"), [
    ("30s", 30), ("10m", 600), ("2h", 7200), ("7d", 604_800), ("2w", 1_209_600),
    ("1h30m", 5400), ("1 h 30 m", 5400)])
def test_lengths_of_time(typed: str, length: int) -> None:
    assert seconds(typed) == length


@pytest.mark.parametrize("typed", ["", "h", "2", "2x", "-2h", "2h!", "1.5h", "9999999999d"])
def test_what_is_no_length_is_refused(typed: str) -> None:
    with pytest.raises(Problem):
        seconds(typed)


@pytest.mark.parametrize(("length", "said"), [
    (86_400, "1 day"), (604_800, "7 days"), (3600, "1 hour"), (5400, "90 minutes"),
    (61, "61 seconds"), (0, "0 seconds")])
def test_lengths_are_said_in_their_largest_whole_unit(length: int, said: str) -> None:
    assert say_seconds(length) == said


@pytest.mark.parametrize(("typed", "bits"), [
    ("Tue", 0b0000010), ("Tue,Thu", 0b0001010), ("tuesday thursday", 0b0001010),
    ("Mon-Fri", 0b0011111), ("Sat-Mon", 0b1100001), ("weekdays", 0b0011111),
    ("weekend", 0b1100000), ("daily", 0b1111111), ("Mon-Wed,Sun", 0b1000111)])
def test_days(typed: str, bits: int) -> None:
    assert days(typed) == bits


def test_hours_may_run_over_midnight() -> None:
    night = hours(days("fri"), "22:00-06:00")

    assert admits(night, at("2026-11-28 05:59"), LONDON)
    assert not admits(night, at("2026-11-28 06:00"), LONDON)
    assert not admits(night, at("2026-11-27 05:59"), LONDON)


@pytest.mark.parametrize("typed", [
    "", "10-12", "10:00", "10:00-10:00", "24:00-25:00", "10:00-12:61", "10:00-24:01", "a-b"])
def test_what_are_no_hours_is_refused(typed: str) -> None:
    with pytest.raises(Problem):
        hours(days("daily"), typed)


def test_hours_are_said_as_people_say_them() -> None:
    windows = (*hours(days("Tue,Thu"), "10:00-12:00"), *hours(days("weekend"), "00:00-24:00"))

    assert say_hours(windows) == (
        "on Tuesdays and Thursdays 10:00 to 12:00 and at weekends 00:00 to 24:00")


def test_midnight_belongs_to_the_day_that_it_ends() -> None:
    assert CLOCK.say_end(at("2026-12-25 00:00")) == "the end of Thu 24 Dec 2026"
    assert CLOCK.say_end(at("2026-12-25 00:01")) == "Fri 25 Dec 2026 00:01"


@pytest.mark.parametrize(("typed", "windows"), [
    ("mon-fri 09:00-17:30", [(31, 540, 1050)]),
    ("Monday-Friday 9:00 to 17:30", [(31, 540, 1050)]),
    ("mon, wed 09:00-12:00, 13:00-17:00; sat 10:00-16:00;",
     [(5, 540, 720), (5, 780, 1020), (32, 600, 960)]),
    ("weekend 20:00-02:00", [(96, 1200, 1560)]), ("", []), (" ; ", [])])
def test_hours_of_a_week(typed: str, windows: list[tuple[int, int, int]]) -> None:
    assert [tuple(window) for window in weekly(typed)] == windows


@pytest.mark.parametrize("typed", [
    "always", "09:00-17:30", "mon-fri", "mon-fri 9-17", "mon-fri 09:00", "funday 09:00-17:30",
    "mon-fri 09:00-17:30 sat 10:00-16:00", "mon-fri 17:30-17:30", "mon 09:00-25:00"])
def test_hours_of_a_week_that_are_none_say_how_to_write_them(typed: str) -> None:
    with pytest.raises(Problem) as problem:
        weekly(typed)
    assert problem.value.code == "usage"
    assert problem.value.after.startswith("Write ")
