"""What somebody does with the doors of their own house: on a phone, at real locks."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import expect
from tests.journeys.household import (
    DAYS,
    Desk,
    Key,
    Phone,
    Place,
    Taps,
    always,
    another_day,
    each_week,
    gives,
    in_days,
    lets_pass_on,
    now_there,
    stands,
    to_check,
    today,
    today_once,
)

pytestmark = pytest.mark.browser
DOORS = ("Front door", "Back door", "Porch")
VISITS = (DAYS[now_there().weekday()], DAYS[(now_there().weekday() + 1) % 7])  # midnight may pass
CARER = "Cleaner, carer or trade"
Phones = Callable[..., Phone]


def test_is_the_front_door_really_locked_and_since_when(
    owner: Desk, place: Place, taps: Taps) -> None:
    for _ in range(2):  # somebody went out this morning, and locked up
        place.at_once(place.door("Front door").hardware.turn_inside)
    page = owner.page
    taps.tap(page.get_by_role("link", name="Front door", exact=True).first)
    state = page.locator("#state")
    expect(state).to_contain_text("Locked")
    expect(state).to_contain_text(re.compile(r"bolt out, door closed, since .*\d\d:\d\d"))
    taps.done()
    place.at_once(place.door("Front door").hardware.turn_inside)
    expect(state).to_contain_text("Unlocked")  # the page hears it by itself
    place.at_once(place.door("Front door").hardware.turn_inside)
    expect(state).to_contain_text("Locked")
    place.goes_offline("Front door")  # and then it does not claim to know
    expect(state).to_contain_text("Unknown")
    expect(state).to_contain_text(re.compile(r"since .*\d\d:\d\d; locked when last heard"))
    place.comes_back("Front door")
    expect(state).to_contain_text("bolt out, door closed")


def test_give_the_cleaner_tuesdays_nine_to_twelve_and_nothing_else(
    owner: Desk, place: Place, phones: Phones, taps: Taps) -> None:
    day = another_day("Tue")
    link = gives(owner, taps, Key("Tom Reed", CARER, ("Front door",),
                                  each_week((day,), "09:00", "12:00")))
    taps.done()
    expect(owner.page.locator("[data-after] .says")).to_contain_text(re.compile(
        rf"Tom Reed can open and lock Front door, on {day}\w+ 09:00 to 12:00"))
    toms = phones(link)
    toms.holds()  # his day is another
    toms.hears("Not at this time")
    expect(toms.page.get_by_role("button", name="Back door")).to_have_count(0)
    assert place.openings("Front door") == 0


def test_let_the_delivery_driver_in_once_today_porch_only(
    owner: Desk, place: Place, phones: Phones, taps: Taps) -> None:
    link = gives(owner, taps, Key("Parcel driver", "Guest", ("Porch",), today_once))
    taps.done()
    drivers = phones(link)
    expect(drivers.page.get_by_role("button", name=re.compile("Hold to open"))).to_have_count(1)
    drivers.holds()
    drivers.hears("Opened")
    place.goes_through("Porch")
    drivers.holds()  # it was used up
    drivers.hears("The door says no")
    assert place.openings("Porch") == 1


def test_a_lost_phone_is_stopped_and_something_else_lets_me_in(
    owner: Desk, place: Place, phones: Phones, taps: Taps) -> None:
    bens = Key("Ben Hale", "Family or friend", ("Front door", "Back door"), always)
    lost = phones(gives(owner, Taps(), bens))
    page = owner.starts()
    taps.tap(page.get_by_role("link", name="People").first)
    taps.tap(page.get_by_role("link", name="Ben Hale"))
    taps.tap(page.get_by_role("link", name="Lost their phone"))
    owner.shot("a lost phone")
    taps.seal(page.get_by_role("button", name="Move the key"))
    taps.add()  # the touch for the new link
    other = phones(page.locator("#guest-link").input_value(), taps)
    other.holds("Front door", taps)
    other.hears("Opened")
    taps.done()
    place.goes_through("Front door")
    page.get_by_role("link", name=re.compile("See Ben Hale")).click()
    for label in bens.doors:
        expect(stands(page, "A key in a browser", label).filter(
            has_text="the door has known since")).to_be_visible()
    before = place.openings("Back door")
    lost.holds("Back door")
    expect(lost.page.get_by_text("This key was taken back")).to_be_visible()
    assert place.openings("Back door") == before


def test_who_came_in_while_we_were_away_and_did_anyone_try_and_fail(
    owner: Desk, place: Place, phones: Phones, taps: Taps) -> None:
    anas = phones(gives(owner, Taps(), Key(
        "Ana Sousa", "Family or friend", ("Back door",), always)))
    anas.holds()
    anas.hears("Opened")
    place.goes_through("Back door")
    assert place.typed("Back door", "13572468") == "refused"
    page = owner.starts()
    taps.tap(page.get_by_role("link", name="Back door", exact=True).first)
    happened = page.locator(".timeline li")
    expect(happened.filter(has_text="Ana Sousa").first).to_contain_text("Opened")
    wrong = happened.filter(has_text="Refused").first
    expect(wrong).to_be_visible()
    taps.tap(wrong.get_by_text("Why?"))
    expect(wrong.locator("details p")).to_be_visible()
    taps.done()




def test_how_long_will_the_batteries_last_and_what_if_they_die_on_the_doorstep(
    owner: Desk, place: Place, taps: Taps) -> None:
    place.runs_on_cells("Back door", 5.31, [5.31 + day * 0.005 for day in range(40, 0, -1)])
    place.runs_on_cells("Porch", 5.2, [5.2] * 20)
    page = owner.starts()
    taps.tap(page.get_by_role("link", name="Back door", exact=True).first)
    batteries = page.locator("section", has=page.get_by_role("heading", name="Batteries"))
    expect(batteries).to_contain_text("about 4 months, at least 2 months")
    expect(batteries).to_contain_text("5.31 V, Today")
    taps.tap(batteries.get_by_text("If they die on the doorstep"))
    expect(batteries).to_contain_text("From outside, the mechanical key opens.")
    owner.shot("batteries")
    taps.done()
    door = place.door("Back door").hardware
    place.at_once(lambda: door.flatten(3.0))  # and so they do
    expect(page.locator("#state")).to_contain_text("Unknown")
    place.at_once(door.turn_key)
    assert place.at_once(door.open_leaf), "the mechanical key opened"
    place.at_once(door.close_leaf)
    place.at_once(lambda: door.flatten(6.3))
    expect(page.locator("#state")).to_contain_text("Unlocked")
    expect(batteries).to_contain_text("New cells")
    expect(batteries).to_contain_text("not enough readings yet: 1 in 0 days")
    owner.starts()
    page.get_by_role("link", name="Porch", exact=True).first.click()
    expect(batteries).to_contain_text("the reading has not changed for 20 days, so it says nothing")
    for label in ("Back door", "Porch"):
        place.at_once(place.door(label).hardware.plug_in)


def test_the_agency_gives_keys_to_its_own_staff_only_in_visit_hours(
    owner: Desk, place: Place, phones: Phones, desks: Callable[[str, str], Desk], taps: Taps,
) -> None:
    agency = desks("Care Agency", "manager")
    visits = each_week(VISITS, "00:00", "23:59", in_days(30))
    lets_pass_on(owner, taps, agency, Key("Care Agency", CARER, ("Front door",), visits))
    agency.starts()
    carers = phones(gives(agency, Taps(), Key("Joy Carer", CARER, ("Front door",), today)))
    carers.holds()
    carers.hears("Opened")
    place.goes_through("Front door")
    taps.tap(owner.page.get_by_role("link", name="Activity", exact=True))  # the owner sees who came
    expect(owner.page.get_by_role("row").filter(has_text="Joy Carer").first).to_contain_text(
        "Front door")
    taps.done()
    agency.starts()
    outside = each_week((another_day("Sun"),), "03:00", "04:00")
    to_check(agency, Taps(), Key("Joy Carer", CARER, ("Front door",), outside))
    expect(agency.page.get_by_text("key cannot give this")).to_be_visible()
    expect(agency.page.get_by_role("button", name="Give the key")).to_have_count(0)
