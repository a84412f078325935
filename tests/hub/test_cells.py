"""How long batteries last: no longer for having been drained more, and no number from nonsense."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from itertools import pairwise
from math import inf, nan

import pytest
from hubs import Cast
from hypothesis import given
from hypothesis import strategies as st
from lived import Lived
from sqlalchemy import func, select
from starlette.testclient import TestClient
from test_doors import make_private

from mortice.hub.cells import (
    DAY,
    JUMP_MILLIVOLTS,
    KEPT_DAYS,
    LOOKED_DAYS,
    STEEPER,
    forecast,
    keep,
    left,
)
from mortice.hub.doors import LOW_MILLIVOLTS
from mortice.hub.ledger import HubLedger
from mortice.hub.tables import Door, Reading, now

AsRole = Callable[[str], TestClient]
TODAY = 20_000
Readings = tuple[tuple[int, int], ...]
# A typical alkaline AA cell: the share of its charge that is taken, and volts.
ALKALINE = (
    (0.0, 1.58), (0.1, 1.48), (0.25, 1.40), (0.4, 1.33), (0.6, 1.26), (0.75, 1.20), (0.83, 1.15))


def falling(days: int, *, start: int = 5_800, a_day: float = 4.0) -> Readings:
    """A reading a day until today, falling evenly."""
    return tuple((TODAY - days + day, round(start - a_day * day)) for day in range(days + 1))


# --- the model ------------------------------------------------------------------------------------


def test_an_even_fall_ends_where_the_line_ends() -> None:
    about, least = left(falling(50, start=5_800, a_day=4), TODAY)
    assert about == pytest.approx(250)  # 5.6 V, 1.0 V above the end, at 4 mV a day
    assert least == pytest.approx(250 / STEEPER)
    assert forecast(falling(50), TODAY).words == "about 8 months, at least 4 months"


@st.composite
def cells(draw: st.DrawFn) -> Readings:
    """Readings of one set of cells, which wander less than new ones would jump."""
    days = draw(st.integers(14, 45))
    a_day = draw(st.floats(0.5, 15))
    noise = draw(st.lists(st.integers(-40, 40), min_size=days + 1, max_size=days + 1))
    keeps = draw(st.lists(st.booleans(), min_size=days + 1, max_size=days + 1))
    return tuple(
        (TODAY - days + day, round(5_900 - a_day * day) + noise[day])
        for day in range(days + 1) if keeps[day] or day in {0, days})


@given(cells(), st.data())
def test_more_drained_never_lasts_longer(readings: Readings, data: st.DataObject) -> None:
    """Whatever more was taken out, and whenever: from each reading on, never put back."""
    more = data.draw(st.lists(st.integers(0, 15), min_size=len(readings), max_size=len(readings)))
    taken = [sum(more[:place + 1]) for place in range(len(more))]
    drained = tuple((day, volts - out) for (day, volts), out in zip(readings, taken, strict=True))
    for before, after in zip(left(readings, TODAY), left(drained, TODAY), strict=True):
        assert after <= before


@given(cells())
def test_at_least_is_never_more_than_about(readings: Readings) -> None:
    about, least = left(readings, TODAY)
    assert 0 <= least <= about


@given(cells(), st.integers(0, 10))
def test_a_day_later_nothing_lasts_longer(readings: Readings, days: int) -> None:
    assert all(late <= early for early, late in zip(
        left(readings, TODAY), left(readings, TODAY + days), strict=True))


def test_cells_of_a_simulated_discharge_last_at_least_as_long_as_said() -> None:
    """Four alkaline cells in weather, asked at any time of their life: nine in ten keep the word.

    So do those that are near their end, and none of them ends without a warning a fortnight before.
    """
    chance, kept, near, errors = random.Random("cells"), [], [], []
    for _ in range(150):
        life = chance.uniform(120, 500)
        volts = [_volts(day / life, chance) for day in range(int(life * 1.2))]
        end = next(day for day in range(len(volts)) if _rest(day / life) < LOW_MILLIVOLTS)
        asked = chance.randint(30, end - 5)
        about, least = left(_until(volts, asked), asked)
        kept.append(least <= end - asked)
        errors.append(abs(about - (end - asked)) / (end - asked))
        if end - asked < 60:
            near.append(kept[-1])
        assert forecast(_until(volts, end - 14), end - 14).tone in {"brass", "bad"}
    assert len(near) > 20
    assert min(sum(kept) / len(kept), sum(near) / len(near)) >= 0.9
    assert sorted(errors)[len(errors) // 2] < 0.5, "half of them are within half of the truth"


def _until(volts: list[int], day: int) -> Readings:
    return tuple((each, volts[each]) for each in range(max(0, day - LOOKED_DAYS + 1), day + 1))


def _rest(share: float) -> float:
    taken = share * 0.83
    for (low, high), (to, end) in pairwise(ALKALINE):
        if taken <= to:
            return 4_000 * (high + (end - high) * (taken - low) / (to - low))
    return 4_000 * (1.15 - (taken - 0.83) * 3)


def _volts(share: float, chance: random.Random) -> int:
    return round(_rest(share) + chance.gauss(0, 12))


# --- when there is no number ----------------------------------------------------------------------


@pytest.mark.parametrize(("readings", "words"), [
    ((), "no reading yet"),
    (falling(60)[-6:], "not enough readings yet: 6 in 5 days"),
    (falling(60)[-13:], "not enough readings yet: 13 in 12 days"),
    (tuple((TODAY - day, 5_300) for day in range(20, -1, -1)),
     "the reading has not changed for 20 days, so it says nothing"),
    ((*falling(40)[:20], *((TODAY - day, 5_300) for day in range(15, -1, -1))),
     "the reading has not changed for 15 days, so it says nothing"),
    (falling(40)[:-15], "no reading for 15 days, so no forecast"),
    (falling(30, start=4_700), "empty: the lock no longer turns its bolt"),
    (tuple((TODAY - day, 5_300 + day % 3 - day // 10) for day in range(30, -1, -1)),
     "no fall in 30 days, so no forecast yet"),
])
def test_without_enough_to_go_by_there_is_no_number(readings: Readings, words: str) -> None:
    said = forecast(readings, TODAY)
    assert (said.words, said.at_least, said.tone) == (words, None, "")


def test_one_reading_in_five_may_be_wrong() -> None:
    good = falling(50)
    bad = tuple((day, level if day % 5 else 5_000) for day, level in good[:-1]) + good[-1:]
    about, least = left(bad, TODAY)
    assert least <= left(good, TODAY)[1]
    assert about == pytest.approx(250, rel=0.15)


def test_new_cells_begin_anew() -> None:
    old = falling(50, start=5_000)
    new = tuple((TODAY - 4 + day, 6_200 - 3 * day) for day in range(5))
    said = forecast((*old[:-5], *new), TODAY)
    assert said.words == "not enough readings yet: 5 in 4 days"
    assert (said.fitted, said.last) == (TODAY - 4, (TODAY, 6_188))


def test_a_warm_day_and_a_reading_under_load_are_no_new_cells() -> None:
    good = falling(40)
    for change in (JUMP_MILLIVOLTS - 10, -400):
        odd = tuple((day, level + change * (day == TODAY - 9)) for day, level in good)
        assert forecast(odd, TODAY).fitted is None


@pytest.mark.parametrize(("a_day", "now_at", "tone", "words"), [
    (4, 5_440, "", "about 6 months, at least 3 months"),
    (4, 4_840, "", "about 8 weeks, at least 4 weeks"),
    (20, 5_000, "brass", "about 2 weeks, at least 11 days"),
    (20, 4_800, "bad", "about 10 days, at least 5 days"),
    (20, 4_640, "bad", "about 2 days, at least 1 day"),
    (1, 6_200, "", "more than 2 years, at least 24 months"),
])
def test_what_is_near_is_told(a_day: int, now_at: int, tone: str, words: str) -> None:
    said = forecast(falling(40, start=now_at + 40 * a_day, a_day=a_day), TODAY)
    assert (said.words, said.tone) == (words, tone)


# --- what is kept ---------------------------------------------------------------------------------


@pytest.fixture
def lived(cast: Cast) -> Lived:
    made = Lived(cast)
    made.says("Front door")
    made.says("Back door", mains=True, millivolts=5_400)
    return made


def kept(cast: Cast) -> Readings:
    with cast.hub.database.reading() as db:
        return tuple((row.day, row.millivolts) for row in db.scalars(
            select(Reading).order_by(Reading.day)))


def took(cast: Cast, readings: Readings, label: str = "Front door") -> None:
    """The hub heard these, the last of them today."""
    with cast.hub.database.writing() as db:
        door = db.get_one(Door, cast.doors[label].id)
        for day, millivolts in readings:
            keep(db, door, millivolts, (now() // DAY + day - TODAY) * DAY + 3_600)


@pytest.mark.parametrize("nonsense", [0, -5_200, 99_000, nan, inf, None, "5200", 5.2, True, 10**30])
def test_what_no_battery_can_be_is_not_kept_and_gives_no_number(
    cast: Cast, lived: Lived, as_: AsRole, nonsense: object) -> None:
    with cast.hub.database.writing() as db:
        keep(db, db.get_one(Door, cast.doors["Front door"].id), nonsense, now())
    assert kept(cast) == ()
    took(cast, falling(50))
    if not isinstance(nonsense, float):  # JSON has no such number, and neither has a lock's CBOR
        lived.says("Front door", millivolts=nonsense)
        said = batteries(as_("owner"), lived)
        assert "its reading makes no sense, so no forecast" in said
        assert "months" not in said
        if nonsense in {0, -5_200, 99_000}:
            assert "its reading makes no sense" in as_("owner").get(cast.base).text


def test_a_day_has_one_reading_the_best_and_old_ones_go(cast: Cast, lived: Lived) -> None:
    took(cast, ((TODAY, 5_200), (TODAY, 5_260), (TODAY, 4_900)))
    assert [level for _, level in kept(cast)] == [5_260]
    took(cast, tuple((TODAY + day, 5_000 + day) for day in range(KEPT_DAYS + 6)))
    assert len(kept(cast)) == KEPT_DAYS


async def test_what_a_lock_says_through_its_line_is_kept(cast: Cast) -> None:
    ledger = HubLedger(cast.hub)
    lock = cast.doors["Front door"].lock_id
    try:
        for status in ({"state": "locked", "millivolts": 5_312, "mains": False},
                       {"state": "locked", "millivolts": 5_400, "mains": True},
                       {"state": "locked"}):
            await ledger.heard(lock, status, connected=True)
    finally:
        await ledger.close()
    assert [level for _, level in kept(cast)] == [5_312]


# --- pages ----------------------------------------------------------------------------------------


def batteries(client: TestClient, lived: Lived, label: str = "Front door") -> str:
    """The part of a door's page that is about its batteries; empty where there is none."""
    text = client.get(f"{lived.cast.base}/doors/{lived.cast.doors[label].ref}").text
    found = re.search(r"<h2>Batteries</h2>.*?</section>", text, re.DOTALL)
    return " ".join(re.sub(r"<[^>]+>", " ", found[0]).split()) if found else ""


def test_a_door_says_how_long_and_what_to_do(cast: Cast, lived: Lived, as_: AsRole) -> None:
    took(cast, falling(50))
    said = batteries(as_("owner"), lived)
    assert "They last about 8 months, at least 4 months Last reading 5.60 V, Today" in said
    assert "the mechanical key opens" in said
    assert "4.6 V" in said
    assert batteries(as_("owner"), lived, "Back door") == "", "it is on the mains"
    assert "batteries last" not in as_("owner").get(cast.base).text


def test_doors_warn_while_there_is_time(cast: Cast, lived: Lived, as_: AsRole) -> None:
    took(cast, falling(30, start=5_700, a_day=20))
    said = re.sub(r"<[^>]+>", "", as_("owner").get(cast.base).text)
    assert "Front door: the batteries last about 3 weeks, at least 2 weeks." in said


def test_whose_door_it_is_not_sees_no_batteries(cast: Cast, lived: Lived, as_: AsRole) -> None:
    took(cast, falling(30, start=5_700, a_day=20))
    lived.gives("Ana Sousa", "Front door")
    lived.is_member("member", "Ana Sousa")
    assert batteries(as_("member"), lived) == ""
    assert "batteries last" not in as_("member").get(cast.base).text
    make_private(lived, "Front door")
    assert "3 weeks" in batteries(as_("member"), lived)  # she lives behind it
    assert "batteries last" in as_("member").get(cast.base).text


def test_a_removed_door_takes_its_readings_along(cast: Cast, lived: Lived) -> None:
    took(cast, falling(20))
    with cast.hub.database.writing() as db:
        db.delete(db.get_one(Door, cast.doors["Front door"].id))
    with cast.hub.database.reading() as db:
        assert db.scalar(select(func.count()).select_from(Reading)) == 0
