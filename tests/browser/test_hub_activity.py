"""Activity in a real browser: filter it, jump to what stood around an entry, take it away."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable

import pytest
from axe_playwright_python.sync_playwright import Axe
from diaries import Diary
from lived import Lived
from playwright.sync_api import Page, expect
from test_activity import keep
from tests.browser.conftest import Visits
from tests.browser.hub_server import Served

from mortice.client.audit import audit
from mortice.core.log import Kind
from mortice.hub.tables import now

pytestmark = pytest.mark.browser
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
Visit = Callable[..., Page]


@pytest.fixture(scope="module")
def lived(served_hub: Served) -> Lived:
    """Two days at two doors."""
    made = Lived(served_hub.cast)
    ana = made.gives("Ana Sousa", "Front door", "Back door")
    tom = made.gives("Tom Whitaker", "Front door")
    for label, offset in (("Front door", 0), ("Back door", 90)):
        diary = Diary(served_hub.cast.locks[label].signer)
        for hour in range(48, 0, -1):
            at = now() - hour * 3600 + offset
            leaf = tom if hour % 7 == 3 and not offset else ana
            if hour % 11 == 5:
                diary.write(Kind.REFUSED, {3: 20, 4: "R4", 13: "wrong PIN, 3 of 5", 8: 1}, at=at)
            else:
                opened = diary.write(Kind.GRANTED, {1: leaf, 2: 1, 8: 0}, at=at, seal=True)
                diary.write(Kind.MOVED, {5: opened, 6: "unlocked"}, at=at + 1)
            diary.write(Kind.RELOCKED, {13: "30 s after closing"}, at=at + 40)
        if offset:
            diary.write(Kind.ALARM, {13: "the door is open while its bolt is out"}, at=now() - 600)
        keep(served_hub.cast, label, diary)
    return made


@pytest.fixture
def activity(visit: Visits, lived: Lived) -> Callable[..., Page]:
    base = lived.cast.base
    return lambda role="owner", path="", **context: visit(
        role, f"{base}/activity{path}", **context)


def rows(page: Page) -> list[str]:
    return page.locator("table.comings tbody tr").all_inner_texts()


def test_filter_by_kind_person_and_words(activity: Visit) -> None:
    page = activity()
    expect(page.get_by_text("Unbroken:")).to_be_visible()
    page.get_by_role("link", name="Refused", exact=True).click()
    assert all("Refused" in row for row in rows(page))
    page.get_by_role("link", name="All", exact=True).click()
    page.get_by_label("Who").select_option("Tom Whitaker")
    page.get_by_role("button", name="Show").click()
    assert rows(page)
    assert all("Tom Whitaker" in row for row in rows(page))
    page.get_by_role("link", name="Clear").click()
    page.get_by_label("Find").fill("bolt is out")
    page.get_by_label("Find").press("Enter")
    assert len(rows(page)) == 1


def test_jump_to_what_stood_around_an_entry(activity: Visit) -> None:
    page = activity(path="?sort=safety")
    page.get_by_role("link", name=re.compile("Show around")).first.click()
    expect(page.locator("tr.middle")).to_contain_text("bolt is out")
    assert len(rows(page)) > 5
    page.locator("tr.middle").get_by_role("link").first.click()
    expect(page.get_by_text("Proved just now")).to_be_visible()
    page.get_by_text("As the lock wrote it").click()
    expect(page.get_by_text("The root that the lock signed")).to_be_visible()


def test_older_and_back_to_the_newest(activity: Visit) -> None:
    page = activity()
    first = rows(page)
    page.get_by_role("link", name="Older").click()
    assert not set(first) & set(rows(page))
    page.get_by_role("link", name="Newest").click()
    assert rows(page) == first


def test_take_an_evidence_pack_away(activity: Visit, lived: Lived) -> None:
    page = activity(path="?sort=safety")
    page.get_by_text("Export").click()
    with page.expect_download() as kept:
        page.get_by_role("link", name="Evidence pack").click()
    with zipfile.ZipFile(kept.value.path()) as pack:
        exported = pack.read("1-back-door.mortice-log")
    found = audit(exported, lived.cast.locks["Back door"].signer.public)
    assert found.fault is None
    assert found.size - found.absent == 1


def test_it_works_without_script(activity: Visit) -> None:
    page = activity(java_script_enabled=False)
    page.get_by_label("Door", exact=True).select_option("Back door")
    page.get_by_role("button", name="Show").click()
    assert all("Back door" in row for row in rows(page))
    page.get_by_role("link", name="Check all of it again").click()
    expect(page.get_by_text("nothing was added, removed or changed").first).to_be_visible()


@pytest.mark.parametrize("path", ["/activity", "/activity?sort=safety", "/settings/privacy"])
@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (320, "dark")])
def test_axe_finds_nothing(
    visit: Visits, lived: Lived, path: str, width: int, scheme: str,
) -> None:
    page = visit("owner", lived.cast.base + path, width=width, color_scheme=scheme)
    found = Axe().run(page, options={"runOnly": TAGS}).response["violations"]
    assert [(one["id"], [node["html"] for node in one["nodes"]]) for one in found] == []
    wide = page.evaluate("document.documentElement.scrollWidth > innerWidth")
    assert not wide
