"""What a landlord does with a shared house: tenants, codes, guests, an agent and a dispute."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import expect
from tests.journeys.household import (
    Desk,
    Key,
    Phone,
    Place,
    Taps,
    always,
    another_day,
    each_week,
    first_of_next_month,
    gives,
    in_days,
    lets_pass_on,
    saves,
    shows_activity,
    stands,
    stay,
    takes_back_everything,
    to_check,
    today_once,
    up_to,
)

pytestmark = pytest.mark.browser
DOORS = ("Front door", "Kitchen", "Room 3", "Meter cupboard")
HERS = ("Front door", "Kitchen", "Room 3")
TRADE = "Cleaner, carer or trade"
Phones = Callable[..., Phone]


def test_a_new_tenant_in_room_3_from_the_first_chooses_phone_or_code(
    owner: Desk, place: Place, phones: Phones, taps: Taps) -> None:
    first = first_of_next_month()
    tenancy = stay(f"{first:%Y-%m-%d}", f"{first.replace(day=28):%Y-%m-%d}")
    graces = phones(gives(owner, taps, Key("Grace Lim", "Lives here", HERS, tenancy)))
    expect(graces.page.get_by_text("The key is on this phone.")).to_be_visible()
    expect(graces.page.get_by_text(re.compile("^Starts "))).to_be_visible()
    expect(graces.page.get_by_role("button", name="Hold to open")).to_have_count(0)
    taps.done()
    page = owner.starts()
    code = gives(owner, Taps(), Key("Kofi Boateng", "Lives here", HERS, tenancy, by="pin"))
    page.get_by_role("link", name=re.compile("See Kofi Boateng")).click()
    for label in HERS:
        expect(stands(page, "A PIN at the keypad", label)).to_contain_text("on the door")
    assert place.typed("Front door", code) == "refused"  # it is not the first yet


def test_the_tenant_is_gone_everything_cancelled_at_every_door_and_shown_done(
    owner: Desk, place: Place, phones: Phones, taps: Taps) -> None:
    seans = phones(gives(owner, Taps(), Key("Sean Doyle", "Lives here", HERS, always)))
    page = owner.starts()
    code = gives(owner, Taps(), Key("Sean Doyle", "Lives here", ("Front door",), always, by="pin"))
    page.get_by_role("link", name=re.compile("See Sean Doyle")).click()
    expect(page.get_by_text("on the door", exact=True)).to_be_visible()
    assert place.typed("Front door", code) == "granted"
    place.goes_through("Front door")
    place.goes_offline("Kitchen")
    owner.starts()
    takes_back_everything(owner, taps, "Sean Doyle")
    for label in ("Front door", "Room 3"):
        expect(stands(page, "A key in a browser", label)).to_contain_text("the door has known")
    kitchen = stands(page, "A key in a browser", "Kitchen")
    expect(kitchen).to_contain_text("so it may still open")
    place.comes_back("Kitchen")
    expect(kitchen).to_contain_text("the door has known since")
    expect(stands(page, "A PIN at the keypad", "Front door")).to_contain_text("the door has known")
    taps.done()
    assert place.typed("Front door", code) == "refused"
    seans.page.reload()
    expect(seans.page.get_by_text("This key was taken back")).to_be_visible()


def test_which_codes_are_really_on_which_doors(owner: Desk, place: Place, taps: Taps) -> None:
    place.goes_offline("Kitchen")
    gives(owner, Taps(), Key("Ines Costa", "Lives here", ("Front door", "Kitchen"), always, "pin"))
    page = owner.starts()
    for label, said in (("Front door", "until"), ("Kitchen", "on its way")):
        taps.tap(page.get_by_role("link", name=label, exact=True).first)
        code = page.get_by_role("listitem").filter(has_text="Ines Costa").filter(has_text="PIN")
        expect(code).to_contain_text(said)
        if label == "Front door":
            taps.tap(page.get_by_role("link", name="Doors").first)
    taps.done()
    place.comes_back("Kitchen")
    expect(code).not_to_contain_text("on its way")


def test_a_guest_cannot_get_in_at_eleven_i_let_them_in_from_leeds_and_find_out_why(
    owner: Desk, place: Place, phones: Phones, taps: Taps) -> None:
    wrong = each_week((another_day("Sat"),), "16:00", "22:00")
    guests = phones(gives(owner, Taps(), Key("Jo Guest", "Guest", ("Front door",), wrong)))
    guests.holds()
    guests.hears("Not at this time")
    before = place.openings("Front door")
    page = owner.starts()
    taps.tap(page.get_by_role("link", name="Front door", exact=True).first)
    refused = page.locator(".timeline li").filter(has_text="Refused").first
    expect(refused).to_contain_text("Jo Guest")
    taps.tap(refused.get_by_text("Why?"))
    expect(refused.locator("details p")).to_be_visible()
    taps.hold(page.locator("[data-press]"), touch=True)
    expect(page.get_by_role("status").filter(has_text="Door says unlocked at ")).to_be_visible()
    taps.done()
    assert place.openings("Front door") == before + 1
    place.goes_through("Front door")
    place.goes_offline("Front door")  # and with the broadband down, nothing is pretended
    Taps().hold(page.locator("[data-press]"))
    expect(page.get_by_role("alert").filter(has_text="Front door is not answering")).to_be_visible()
    place.comes_back("Front door")


def test_the_agent_and_the_gas_engineer_never_get_more_than_was_given(
    owner: Desk, place: Place, phones: Phones, desks: Callable[[str, str], Desk], taps: Taps,
) -> None:
    agent = desks("Lettings Desk", "manager")
    theirs = Key("Lettings Desk", "Staff", ("Front door", "Meter cupboard"), up_to(in_days(90)))
    lets_pass_on(owner, taps, agent, theirs)
    taps.done()
    page = agent.starts()
    page.get_by_role("link", name="Front door", exact=True).first.click()
    Taps().hold(page.locator("[data-press]"), touch=True)
    expect(page.get_by_role("status").filter(has_text="Door says unlocked at ")).to_be_visible()
    place.goes_through("Front door")
    agent.starts()
    engineer = Key("Eve Engineer", TRADE, ("Meter cupboard",), today_once)
    engineers = phones(gives(agent, Taps(), engineer))
    engineers.holds()
    engineers.hears("Opened")
    place.goes_through("Meter cupboard")
    engineers.holds()
    engineers.hears("The door says no")
    agent.starts()
    to_check(agent, Taps(), Key("Somebody else", TRADE, ("Room 3",), today_once))
    expect(agent.page.get_by_text("key cannot give this")).to_be_visible()
    expect(agent.page.get_by_role("button", name="Give the key")).to_have_count(0)


def test_going_into_room_3_on_thursday_log_the_notice_and_the_entry(
    owner: Desk, place: Place, phones: Phones, desks: Callable[[str, str], Desk], taps: Taps,
) -> None:
    place.is_private("Room 3", private=True)
    engineers = phones(gives(owner, Taps(), Key("Sam Boiler", TRADE, ("Room 3",), today_once)))
    tenant = desks("Grace Tenant", "member")
    tenant.has_a_key("--doors", "room-3", "--always")
    page = owner.starts()
    taps.tap(page.get_by_role("link", name="Room 3", exact=True).first)
    taps.tap(page.get_by_role("link", name="Give notice of entry"))
    taps.pick(page.get_by_label("Who comes"), "Sam Boiler")
    taps.write(page.get_by_label("Why", exact=True), "Yearly check of the boiler")
    taps.write(page.get_by_label("Day"), in_days(2))
    taps.tap(page.get_by_role("button", name="Give this notice"))
    expect(page.get_by_text("Afterwards this page says")).to_be_visible()
    expect(page.get_by_label("Text to send")).to_have_value(re.compile(
        "Sam Boiler will come to Room 3, 14 Alder Road, on .*Yearly check of the boiler"))
    owner.shot("notice-given")
    theirs = tenant.starts()
    expect(theirs.locator(".banner").filter(has_text="Notice of entry")).to_contain_text(
        "Sam Boiler comes to Room 3")
    place.the_day_comes()
    engineers.holds()
    engineers.hears("Opened")
    place.goes_through("Room 3")
    page = owner.starts()
    taps.tap(page.get_by_role("link", name="Room 3", exact=True).first)
    taps.tap(page.get_by_role("link", name="Give notice of entry"))
    taps.tap(page.get_by_role("link", name=re.compile("Sam Boiler")))
    for shown in (page, tenant.starts()):  # the landlord's and the tenant's are the same
        if shown is theirs:
            shown.get_by_role("link", name="Notice of entry").click()
        record = shown.locator(".timeline li")
        expect(record).to_have_count(1)  # and nothing of what hands or the tenant did
        expect(record).to_contain_text("Opened for Sam Boiler")
        expect(shown.get_by_text("a record and no legal advice")).to_be_visible()
    expect(theirs.get_by_role("button", name="Call it off")).to_have_count(0)
    taps.done()
    owner.shot("notice-record")
    tenant.shot("notice-tenant")
    page.get_by_role("link", name="Room 3", exact=True).click()
    page.get_by_role("link", name="Give notice of entry").click()
    page.get_by_label("Who comes").select_option(label="Sam Boiler")
    page.get_by_label("Why", exact=True).fill("To have a look")
    page.get_by_label("Day").fill(in_days(1))
    page.get_by_label("From").fill("00:00")
    page.get_by_role("button", name="Give this notice").click()
    expect(page.locator(".errors")).to_contain_text("That is less than 24 hours ahead.")
    owner.shot("notice-refused")
    place.is_private("Room 3", private=False)


def test_the_record_for_a_dispute_that_nobody_can_have_edited(
    owner: Desk, place: Place, taps: Taps, tmp_path: Path) -> None:
    assert place.typed("Room 3", "13572468") == "refused"
    page = owner.page
    shows_activity(page, taps, door="Room 3", since=in_days(-1), until=in_days(1))
    expect(page.get_by_role("row").filter(has_text="Refused").first).to_be_visible()
    pack = saves(page, taps, "Evidence pack")
    taps.done()
    with zipfile.ZipFile(pack) as opened:
        opened.extractall(tmp_path)
    record = next(tmp_path.glob("*.mortice-log"))
    key = place.owner_runs("door", "key", "room-3").split()[-1]
    place.owner_runs("log", "verify", str(record), "--lock-key", key)
    changed = bytearray(record.read_bytes())
    changed[-1] ^= 1
    record.write_bytes(changed)
    place.owner_runs("log", "verify", str(record), "--lock-key", key, ok=False)
