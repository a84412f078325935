"""What a small business does: staff come and go, a record is asked for, the line is down."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable
from datetime import timedelta
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
    each_week,
    gives,
    go_on,
    in_days,
    now_there,
    saves,
    shows_activity,
    signs,
    stands,
    takes_back_everything,
)

from mortice.core.door import Bolt

pytestmark = pytest.mark.browser
DOORS = ("Shop door", "Stock room", "Office")
RELOCK = 1  # second after it was closed
HOURS_OF_SHOP = (
    "door", "settings", "shop", "--pin-entry", "plain", "--pin-spent", "rest", "--most-pins", "20",
    "--relock-after", f"{RELOCK}", "--opening-hours")
WORKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri")
Phones = Callable[..., Phone]


def test_someone_left_one_button_all_doors_all_their_codes_and_phones(
    owner: Desk, place: Place, phones: Phones, taps: Taps) -> None:
    islas = phones(gives(owner, Taps(), Key(
        "Isla Munro", "Staff", ("Shop door", "Stock room"), always)))
    page = owner.starts()
    code = gives(owner, Taps(), Key("Isla Munro", "Staff", ("Shop door",), always, by="pin"))
    page.get_by_role("link", name=re.compile("See Isla Munro")).click()
    expect(page.get_by_text("on the door", exact=True)).to_be_visible()
    owner.starts()
    owner.touches(willing=False)  # a tap without the touch takes nothing back
    for name in ("People", "Isla Munro", "Take back everything"):
        page.get_by_role("link", name=name).first.click()
    page.get_by_role("button", name="Take back everything").click()
    expect(page.get_by_role("alert").filter(has_text="not touched")).to_be_visible()
    owner.touches(willing=True)
    owner.starts()
    takes_back_everything(owner, taps, "Isla Munro")
    expect(stands(page, "A PIN", "Shop door")).to_contain_text("the door has known since")
    for label in ("Shop door", "Stock room"):
        expect(stands(page, "A key in a browser", label)).to_contain_text("the door has known")
    taps.done()
    assert place.typed("Shop door", code) == "refused"
    islas.page.reload()
    expect(islas.page.get_by_text("This key was taken back")).to_be_visible()


def test_a_new_starter_same_as_priya_but_not_the_stock_room(
    owner: Desk, phones: Phones, taps: Taps) -> None:
    gives(owner, Taps(), Key("Priya Shah", "Staff", DOORS, each_week(WORKDAYS, "07:00", "19:00")))
    page = owner.starts()
    page.get_by_role("link", name="Give a key").first.click()
    page.get_by_label("Staff").check()
    page.get_by_role("button", name="Go on").click()  # without a name it asks for one
    expect(page.get_by_role("alert").filter(has_text="Write a name.")).to_be_visible()
    owner.starts()
    taps.tap(page.get_by_role("link", name="Give a key").first)
    taps.write(page.get_by_label("Their name, if new"), "Noor Aziz")
    taps.tap(page.get_by_label("Staff"))
    like = page.get_by_label("Doors and times as somebody else has them")
    taps.pick(like, like.locator("option", has_text="Priya Shah").inner_text())
    go_on(taps, page)
    taps.tap(page.get_by_role("checkbox", name="Stock room"))
    for _ in range(3):
        go_on(taps, page)
    said = page.locator(".says").first
    expect(said).to_contain_text("Noor Aziz can open and lock Shop door and Office")
    expect(said).to_contain_text("07:00 to 19:00")
    noors = phones(signs(owner, taps))
    taps.done()
    expect(noors.page.get_by_role("button", name="Hold to open Office")).to_be_visible()
    expect(noors.page.get_by_role("button", name="Stock room")).to_have_count(0)


def test_the_shop_unlocks_in_opening_hours_once_the_first_keyholder_has_come(
    owner: Desk, place: Place, phones: Phones, desks: Callable[[str, str], Desk], taps: Taps,
) -> None:
    nadia = desks("Nadia Cole", "member")
    nadia.has_a_key("--doors", "shop", "--until", in_days(30), "--may", "unlock,lock,hold")
    sams = phones(gives(owner, Taps(), Key("Sam Reed", "Staff", ("Shop door",), always)))
    shuts = f"{now_there() + timedelta(hours=3):%H:%M}"
    taps.add()
    place.owner_runs(*HOURS_OF_SHOP, f"daily {now_there() - timedelta(hours=1):%H:%M}-{shuts}")
    place.touches("Shop door")  # somebody with a plain key comes first: it locks behind them
    sams.holds()
    sams.hears("Opened")
    place.lets_close("Shop door")
    place.locks_itself("Shop door")
    page = owner.starts()
    expect(page.locator("#summary")).to_have_text("Everything is locked.")
    nadias = nadia.starts()
    nadias.get_by_role("link", name="Shop door").first.click()
    nadias.wait_for_load_state()
    taps.add()
    place.touches("Shop door")
    taps.hold(nadias.get_by_role("button", name="Hold to open"), touch=True)
    expect(nadias.get_by_role("status").first).to_contain_text("Door says")
    taps.tap(page.get_by_role("link", name="Shop door").first)
    expect(page.locator("#state")).to_contain_text("Held open")
    expect(page.locator("#state")).to_contain_text(re.compile(
        f"until .*{shuts}, .* since Nadia Cole came at"))
    taps.done()
    owner.shot("opening-hours")
    place.lets_close("Shop door")
    page.wait_for_timeout(RELOCK * 2_000)
    assert place.door("Shop door").hardware.sight().bolt is Bolt.DRAWN, "to whoever comes"
    place.owner_runs("door", "lock", "shop")
    expect(page.locator("#state")).to_contain_text("Locked")
    place.owner_runs("door", "settings", "shop", "--relock-after", "0", "--opening-hours", "")


def test_who_opened_up_and_who_locked_up_this_week_and_was_anything_left_open(
    owner: Desk, place: Place, phones: Phones, taps: Taps) -> None:
    aishas = phones(gives(owner, Taps(), Key("Aisha Khan", "Staff", ("Shop door",), always)))
    aishas.holds()
    aishas.hears("Opened")
    place.goes_through("Shop door")
    place.at_once(place.door("Office").hardware.turn_inside)  # and this one nobody locked
    page = owner.starts()
    expect(page.locator("#summary")).to_have_text("Everything is locked except Office, unlocked.")
    shows_activity(page, taps, door="Shop door", since=in_days(-6), until=in_days(0))
    rows = page.get_by_role("row")
    expect(rows.filter(has_text="Opened").filter(has_text="Aisha Khan").first).to_be_visible()
    expect(rows.filter(has_text="Locked").first).to_contain_text("inside")
    taps.done()
    place.at_once(place.door("Office").hardware.turn_inside)


def test_everybody_through_that_door_between_friday_and_monday_as_a_file(
    owner: Desk, place: Place, phones: Phones, taps: Taps) -> None:
    fords = phones(gives(owner, Taps(), Key("Daniel Ford", "Staff", ("Stock room",), always)))
    fords.holds()
    fords.hears("Opened")
    place.goes_through("Stock room")
    page = owner.starts()
    shows_activity(page, taps, door="Stock room", since=in_days(-3), until=in_days(0))
    expect(page.get_by_role("row").filter(has_text="Daniel Ford").first).to_be_visible()
    with saves(page, taps, "Table").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    taps.done()
    assert {row["door"] for row in rows} == {"Stock room"}
    assert [row["word"] for row in rows if row["who"] == "Daniel Ford"] == ["Opened"]
    page = owner.starts()
    shows_activity(page, Taps(), door="Stock room", since=in_days(-9), until=in_days(-6))
    expect(page.get_by_role("row").filter(has_text="Daniel Ford")).to_have_count(0)


def test_broadband_is_down_and_everyone_still_gets_in_and_nobody_who_should_not(
    owner: Desk, place: Place, taps: Taps) -> None:
    code = gives(owner, Taps(), Key("Femi Ojo", "Staff", ("Shop door",), always, by="pin"))
    page = owner.page
    page.get_by_role("link", name=re.compile("See Femi Ojo")).click()
    expect(page.get_by_text("on the door", exact=True)).to_be_visible()
    place.goes_offline(*DOORS)
    owner.starts()
    expect(page.locator("#summary")).to_have_text("No door has been heard from lately.")
    taps.add(len(code) + 1)  # at the keypad
    assert place.typed("Shop door", code) == "granted"
    taps.done()
    place.goes_through("Shop door")
    assert place.typed("Shop door", "13572468") == "refused"
    place.comes_back(*DOORS)
    page.get_by_role("link", name="Shop door", exact=True).first.click()
    happened = page.locator(".timeline li")  # head office reads it all afterwards
    expect(happened.filter(has_text="Femi Ojo").first).to_be_visible()
    expect(happened.filter(has_text="Refused").first).to_be_visible()


def test_the_insurer_wants_a_report_of_locks_holders_and_updates(
    owner: Desk, place: Place, taps: Taps, tmp_path: Path) -> None:
    page = owner.starts()
    taps.tap(page.get_by_role("link", name="Security", exact=True))
    taps.tap(page.get_by_role("link", name=re.compile("Answer that.*Office")))
    taps.tap(page.get_by_label("No, only Mortice"))
    taps.tap(page.get_by_role("button", name="Save, and see how strong it is so far"))
    taps.tap(page.get_by_role("button", name="Make a signed report"))
    for words in ("keys? listed, PINs counted", "Updates are signed", "security updates end"):
        expect(page.get_by_text(re.compile(words)).first).to_be_visible()
    with page.expect_download() as paper:
        taps.tap(page.get_by_role("link", name="As PDF"))
    assert Path(paper.value.path()).read_bytes().startswith(b"%PDF-")
    with page.expect_download() as saved:
        taps.tap(page.get_by_role("link", name="The file to check"))
    taps.done()
    file = tmp_path / "report.json"
    file.write_bytes(Path(saved.value.path()).read_bytes())
    again = tmp_path / "again.pdf"
    place.owner_runs("assess", "report", str(file), "--pdf", str(again))
    assert again.read_bytes() == Path(paper.value.path()).read_bytes()
    told = json.loads(file.read_text("utf-8"))
    told["report"]["verdict"]["level"] = 4
    file.write_text(json.dumps(told), "utf-8")
    place.owner_runs("assess", "report", str(file), ok=False)
