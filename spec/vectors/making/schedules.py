"""Weekly hours on the door's own clock (spec/grant.md, section 4). Checks C13 and R7."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from making.case import Case, accepted
from making.cast import ZONE, utc

MON, TUE, WED, THU, FRI, SAT, SUN = (1 << day for day in range(7))
EVERY_DAY = 127
Windows = list[list[int]]


def hours(
    name: str, shows: str, windows: Windows, moments: list[tuple[int, bool]], zone: str = ZONE,
) -> Case:
    """Moments and whether the door admits at each."""
    listed = [
        {"at": at, "utc": datetime.fromtimestamp(at, UTC).isoformat(), "admitted": admitted}
        for at, admitted in moments]
    given = {"hours": windows, "zone": zone, "moments": [
        {key: moment[key] for key in ("at", "utc")} for moment in listed]}
    return Case(f"schedule/{name}", shows, "hours", given,
                accepted(admitted=[moment["admitted"] for moment in listed]))


def inside(name: str, shows: str, narrow: Windows, wide: Windows, *, within: bool) -> Case:
    return Case(f"schedule/{name}", shows, "within", {"narrow": narrow, "wide": wide},
                accepted(within=within))


def at(text: str) -> int:
    """Unix seconds of `2027-03-28T00:59:59` in UTC."""
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


def cases() -> Iterator[Case]:
    yield from _days()
    yield from _clock_changes()
    yield from _inclusion()


def _days() -> Iterator[Case]:
    night = [[FRI, 22 * 60, 26 * 60]]  # Friday 22:00 to Saturday 2:00
    yield hours("past-midnight",
                "A window that runs past midnight belongs to the day it starts on.",
                night, [
                    (at("2027-01-08T21:59:59"), False), (at("2027-01-08T22:00:00"), True),
                    (at("2027-01-08T23:59:59"), True), (at("2027-01-09T00:00:00"), True),
                    (at("2027-01-09T01:59:59"), True), (at("2027-01-09T02:00:00"), False),
                    (at("2027-01-08T01:00:00"), False), (at("2027-01-09T22:30:00"), False)])
    yield hours("past-the-end-of-the-week", "Sunday night runs into Monday.",
                [[SUN, 23 * 60, 25 * 60]], [
                    (at("2027-01-10T22:59:59"), False), (at("2027-01-10T23:00:00"), True),
                    (at("2027-01-11T00:59:59"), True), (at("2027-01-11T01:00:00"), False)])
    yield hours("up-to-midnight", "A day's last minute ends at midnight.", [[MON, 0, 1440]], [
        (at("2027-01-10T23:59:59"), False), (at("2027-01-11T00:00:00"), True),
        (at("2027-01-11T23:59:59"), True), (at("2027-01-12T00:00:00"), False)])
    yield hours("on-no-day", "Hours on no day never come.", [[0, 0, 1440]], [
        (at("2027-01-11T12:00:00") + day * 86_400, False) for day in range(7)])
    yield hours("in-summer-on-the-doors-clock", "9:00 in London is 8:00 in UTC in summer.",
                [[WED, 540, 600]], [
                    (at("2027-06-02T07:59:59"), False), (at("2027-06-02T08:00:00"), True),
                    (at("2027-06-02T08:59:59"), True), (at("2027-06-02T09:00:00"), False)])
    yield hours("in-another-zone", "The door's zone counts, not the phone's.", [[WED, 540, 600]], [
        (at("2027-06-02T03:29:59"), False), (at("2027-06-02T03:30:00"), True)], "Asia/Kolkata")
    yield hours("many-windows", "Windows add up; those that touch are one.",
                [[MON, 540, 600], [MON, 600, 660], [MON, 720, 780]], [
                    (at("2027-01-11T09:59:59"), True), (at("2027-01-11T10:00:00"), True),
                    (at("2027-01-11T11:00:00"), False), (at("2027-01-11T12:00:00"), True)])


def _clock_changes() -> Iterator[Case]:
    """In 2027 London's clocks go forward on 28 March and back on 31 October, at 1:00 UTC."""
    night = [[SUN, 30, 150]]  # 0:30 to 2:30
    yield hours("hour-that-is-left-out", "1:00 becomes 2:00: an hour less, and no gap.", night, [
        (at("2027-03-28T00:29:59"), False), (at("2027-03-28T00:30:00"), True),
        (at("2027-03-28T00:59:59"), True), (at("2027-03-28T01:00:00"), True),
        (at("2027-03-28T01:29:59"), True), (at("2027-03-28T01:30:00"), False)])
    yield hours("window-inside-the-missing-hour", "A window that never comes admits nobody.",
                [[SUN, 75, 105]], [
                    (utc(2027, 3, 28, 0, minute), False) for minute in (45, 59)] + [
                    (utc(2027, 3, 28, 1, minute), False) for minute in (0, 15, 30, 45)])
    yield hours("hour-that-comes-twice", "Between 1:00 and 2:00 both passes are admitted.",
                [[SUN, 60, 120]], [
                    (at("2027-10-30T23:59:59"), False), (at("2027-10-31T00:00:00"), True),
                    (at("2027-10-31T00:59:59"), True), (at("2027-10-31T01:00:00"), True),
                    (at("2027-10-31T01:59:59"), True), (at("2027-10-31T02:00:00"), False)])
    yield hours("window-from-half-past-in-the-hour-twice", "A window inside that hour comes twice.",
                [[SUN, 90, 105]], [
                    (at("2027-10-31T00:29:59"), False), (at("2027-10-31T00:30:00"), True),
                    (at("2027-10-31T00:45:00"), False), (at("2027-10-31T01:00:00"), False),
                    (at("2027-10-31T01:30:00"), True), (at("2027-10-31T01:45:00"), False)])
    yield hours("night-over-the-change-forward", "Saturday 22:00 to Sunday 6:00, an hour shorter.",
                [[SAT, 1320, 1800]], [
                    (at("2027-03-27T21:59:59"), False), (at("2027-03-27T22:00:00"), True),
                    (at("2027-03-28T04:59:59"), True), (at("2027-03-28T05:00:00"), False)])
    yield hours("night-over-the-change-back", "Saturday 22:00 to Sunday 6:00, an hour longer.",
                [[SAT, 1320, 1800]], [
                    (at("2027-10-30T20:59:59"), False), (at("2027-10-30T21:00:00"), True),
                    (at("2027-10-31T05:59:59"), True), (at("2027-10-31T06:00:00"), False)])


def _inclusion() -> Iterator[Case]:
    office = [[MON | TUE | WED | THU | FRI, 480, 1080]]
    yield inside("within-the-same", "Hours lie within themselves.", office, office, within=True)
    yield inside("within-one-day-of-it", "Wednesday nine to twelve.", [[WED, 540, 720]], office,
                 within=True)
    yield inside("not-within-by-a-minute-early", "A minute before it opens.", [[WED, 479, 720]],
                 office, within=False)
    yield inside("not-within-by-a-minute-late", "A minute after it closes.", [[WED, 540, 1081]],
                 office, within=False)
    yield inside("not-within-by-a-day", "Saturday is another day.", [[SAT, 540, 720]], office,
                 within=False)
    yield inside("within-two-that-touch", "Two windows that touch are one.", [[MON, 540, 660]],
                 [[MON, 480, 600], [MON, 600, 720]], within=True)
    yield inside("not-within-two-apart", "A gap of a minute.", [[MON, 540, 660]],
                 [[MON, 480, 600], [MON, 601, 720]], within=False)
    yield inside("within-across-midnight", "Written another way, the same night.",
                 [[SAT, 0, 120]], [[FRI, 1320, 1560]], within=True)
    yield inside("within-across-the-week", "Sunday night and Monday morning are neighbours.",
                 [[SUN, 1400, 1460]], [[SUN, 1380, 1440], [MON, 0, 60]], within=True)
    yield inside("no-day-within-anything", "What never comes lies in everything.", [[0, 0, 1440]],
                 [[MON, 0, 1]], within=True)
    yield inside("always-within-seven-days", "All week, written day by day.", [[EVERY_DAY, 0,
                                                                                1440]],
                 [[1 << day, 0, 1440] for day in range(7)], within=True)
