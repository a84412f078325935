"""Somebody who knows nothing of locks finds out how strong their front door is, on a phone."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from test_strength import photo  # tests/hub
from tests.journeys.household import Desk, Place, Taps

pytestmark = pytest.mark.browser
DOORS = ("Front door",)
LEVELS = "inadequate|basic|the usual standard|enhanced|high"
TAPS = 52
# What a homeowner sees at a composite door with a multipoint lock; the rest they do not know.
SEES = {
    "Who lives behind this door?": "One household",
    "Is it a fire door?": "No",
    "Is it held shut by a magnet": "No: it is held",
    "From inside, does it open": "Yes: by a handle",
    "Is the door itself sound?": "Yes, sound",
    "What is in its edge?": "A long metal strip",
    "Where is the letterplate?": "There is none",
    "Is there glass within": "No glass",
    "Does the bolt stay out?": "Yes, it cannot",
    "Is the keyhole in a cylinder": "Yes, a euro cylinder",
    "What is stamped on the face of the cylinder?": "One star",
    "have two stars?": "None",
    "Does every bolt go right home": "Yes, every time",
    "How far does the cylinder stand out": "More than that",
    "What does the bolt go into": "A closed metal box",
    "What of the electronics is on the outside": "A keypad",
    "If the power fails": "With a mechanical key",
    "Does another maker": "No, only Mortice",
}


def answers(page: Page, taps: Taps) -> None:
    """One question: what they see, and a photo of what is stamped."""
    asked = page.get_by_role("heading", level=1).inner_text()
    seen = next((answer for words, answer in SEES.items() if words in asked), "I don\u2019t know")
    taps.tap(page.get_by_role("group", name="Your answer").get_by_label(seen).first)
    if "face of the cylinder" in asked:
        taps.tap(page.get_by_label("I have a photo of it"))
        taps.add(2)  # the camera opens, and takes it
        page.locator("#f-photo").set_input_files(
            {"name": "IMG_0001.jpg", "mimeType": "image/jpeg", "buffer": photo()})
    taps.tap(page.get_by_role("button", name="Save and go on"))


def test_find_out_how_strong_my_front_door_is(owner: Desk, place: Place, tmp_path: Path) -> None:
    page, taps = owner.starts(), Taps()
    taps.tap(page.get_by_role("link", name="Front door", exact=True).first)
    taps.tap(page.get_by_role("link", name="How strong is this door?"))
    owner.shot("strength-start")
    taps.tap(page.get_by_role("link", name="Begin"))
    asked = 0
    while "/ask/" in page.url:
        if page.url.endswith(("/projection", "/stars")):
            owner.shot(f"strength-{page.url.rsplit('/', 1)[1]}")
        answers(page, taps)
        asked += 1
    expect(page.get_by_text("People inside get out: that was shown.")).to_be_visible()
    lock = page.get_by_role("listitem").filter(has=page.get_by_text("The lock", exact=True)).first
    expect(lock).to_contain_text(re.compile("the usual standard of a UK home"))  # one star, seen
    fitting = page.get_by_role("listitem").filter(
        has=page.get_by_text("How it is fitted", exact=True)).first
    expect(fitting).to_contain_text("no more than that, unless something is changed")
    weak = page.locator("section", has=page.get_by_role("heading", name="Known to be weak"))
    expect(weak).to_contain_text("Fit a cylinder of the right length")
    owner.shot("strength-verdict")
    taps.tap(page.get_by_role("button", name="Make a signed report"))
    owner.shot("strength-report")
    with page.expect_download() as saved:
        taps.tap(page.get_by_role("link", name="The file to check"))
    sys.stdout.write(f"\n{taps.count} taps, {asked} questions: how strong is my front door?\n")
    assert taps.count == TAPS
    goes_wrong(owner, place, Path(saved.value.path()), tmp_path)


def goes_wrong(owner: Desk, place: Place, saved: Path, folder: Path) -> None:
    """A photo that is not there counts for nothing; nor does a report that somebody bettered."""
    page, at = owner.page, owner.page.url.partition("/report")[0]
    page.goto(f"{at}/ask/set")
    page.get_by_label("Yes, to PAS 24").check()
    page.get_by_label("I have the paper").check()
    page.get_by_role("button", name="Save and go on").click()
    expect(page.get_by_role("alert").filter(has_text="There is a problem")).to_contain_text(
        "Add a photo of it as it is now, or choose another way in which you know")
    expect(page.get_by_label("Yes, to PAS 24")).to_be_checked()  # nothing of it is lost
    owner.shot("strength-wrong")
    file = folder / "report.json"
    file.write_bytes(saved.read_bytes())
    assert "judged again here, it is the same" in place.owner_runs("assess", "report", str(file))
    told = json.loads(file.read_text("utf-8"))
    told["report"]["verdict"]["level"] = 4
    file.write_text(json.dumps(told), "utf-8")
    place.owner_runs("assess", "report", str(file), ok=False)
