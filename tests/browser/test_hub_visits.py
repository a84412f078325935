"""From founding in a browser to a visitor's PIN that opens, and is taken back: no command line."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect
from tests.browser.test_hub_founding import Stand, adds, describes, founds
from tests.browser.test_hub_founding import stand as stand  # noqa: PLC0414 - a fixture
from tests.browser.test_hub_look import TAGS

from mortice.core.log import Kind

pytestmark = pytest.mark.browser


def types(stand: Stand, digits: str) -> None:
    """Somebody at the door types a PIN."""

    async def press() -> None:
        for symbol in (*digits, "enter"):
            stand.lock.hardware.press(symbol)

    stand.room.run(press())


def said(stand: Stand, kind: Kind, times: int) -> None:
    stand.room.run(stand.lock.until(lambda: stand.kinds().count(kind) >= times))


def lets(page: Page, base: str, folder: Path, what: str) -> None:
    """Let the hub do something, with one touch."""
    page.goto(f"{base}/settings/hub")
    page.get_by_role("link", name=what).click()
    if page.get_by_label("Front door").is_checked() is False:
        page.get_by_label("Front door").check()
    page.get_by_role("button", name="Go on").click()
    expect(page.get_by_text("What a thief of this hub would then have.")).to_be_visible()
    looked(page, folder, f"check-{what}")
    page.get_by_role("button", name="Let this hub do it").click()
    page.get_by_role("link", name="See what a thief could do now").click()
    looked(page, folder, f"after-{what}")


def looked(page: Page, folder: Path, name: str) -> None:
    for width in (1000, 390):
        page.set_viewport_size({"width": width, "height": 844})
        assert page.evaluate("document.documentElement.scrollWidth") <= width, (name, width)
        page.screenshot(path=folder / f"{name}-{width}.png", full_page=True)
    found = Axe().run(page, options={"runOnly": TAGS})
    assert found.response["violations"] == [], found.generate_report()


def test_a_visit_from_founding_to_its_end(stand: Stand, tmp_path: Path) -> None:
    page = stand.owner.opens()
    founds(stand, page)
    page.get_by_role("button", name="Add the first door now").click()
    describes(stand, page)
    adds(stand, page)
    base = page.url.partition("/doors/new")[0]
    lets(page, base, tmp_path, "Let it vouch")
    expect(page.get_by_text("It may vouch that keys are still good")).to_be_visible()
    lets(page, base, tmp_path, "Let it issue keys")
    expect(page.get_by_text("Front door with 4 different keys a day")).to_have_count(2)

    plain = stand.owner.opens(script=False, passkeys=False)
    plain.context.add_cookies(page.context.cookies())  # type: ignore[arg-type] - signed in as well
    link, digits = invites(plain, base)
    plain.screenshot(path=tmp_path / "invited.png", full_page=True)
    plain.get_by_role("link", name="keys").click()
    sees_the_pin(stand, link, digits)
    said(stand, Kind.ENROLLED, 1)
    types(stand, digits)
    said(stand, Kind.GRANTED, 1)
    phone = opens_by_phone(stand, link)
    said(stand, Kind.GRANTED, 2)

    plain.reload()
    expect(plain.get_by_text("on the door", exact=True)).to_be_visible()
    plain.screenshot(path=tmp_path / "person.png", full_page=True)
    plain.get_by_role("button", name="Take the visit back").click()
    is_over(stand, digits)
    phone.reload()
    expect(phone.get_by_text("This key was taken back")).to_be_visible()
    plain.reload()
    expect(plain.get_by_text("the door has known since").first).to_be_visible()
    ends(page, base, tmp_path)
    plain.goto(f"{base}/give")
    expect(plain.get_by_role("link", name="Let this hub send it")).to_have_count(0)


def invites(page: Page, base: str) -> tuple[str, str]:
    """By a browser without script and without a key; the link and the PIN that it is shown."""
    page.goto(f"{base}/give")
    page.get_by_role("link", name="Let this hub send it").click()
    page.get_by_label("Name").fill("Jo Guest")
    page.get_by_label("Front door").check()
    page.get_by_label("From").fill("00:00")
    page.get_by_label("Last day").fill(f"{datetime.now(UTC) + timedelta(days=2):%Y-%m-%d}")
    page.get_by_label("Words of welcome").fill("Through the green gate.")
    page.get_by_role("button", name="Invite").click()
    expect(page.get_by_role("heading", name="Send this to Jo Guest")).to_be_visible()
    digits = page.locator(".code .unseen").inner_text().replace(" ", "")
    assert re.fullmatch(r"\d{8}", digits)
    return page.get_by_label("Link", exact=True).input_value(), digits


def sees_the_pin(stand: Stand, link: str, digits: str) -> None:
    """On the visitor's page, without script."""
    page = stand.owner.opens(script=False, passkeys=False)
    page.goto(link)
    page.get_by_role("button", name="Show the PIN").click()
    assert (page.locator(".code .unseen").text_content() or "").replace(" ", "") == digits
    expect(page.get_by_text("Through the green gate.")).to_be_visible()


def opens_by_phone(stand: Stand, link: str) -> Page:
    page = stand.owner.opens(passkeys=False)
    page.goto(link)
    page.get_by_role("button", name="Put the key here").click()
    for name in ("Open with two taps instead", "Yes, open Front door now"):
        page.get_by_role("button", name=name).click()
    return page


def is_over(stand: Stand, digits: str) -> None:
    """At the door, as soon as it has heard."""
    said(stand, Kind.REVOKED, 1)
    refused, opened = (stand.kinds().count(kind) for kind in (Kind.REFUSED, Kind.GRANTED))
    types(stand, digits)
    said(stand, Kind.REFUSED, refused + 1)
    assert stand.kinds().count(Kind.GRANTED) == opened


def ends(page: Page, base: str, folder: Path) -> None:
    """End both links at the door, each with a touch."""
    page.goto(f"{base}/settings/hub")
    for _ in range(2):
        page.get_by_role("link", name="End it").first.click()
        looked(page, folder, "end")
        page.get_by_role("button", name="End it and tell the doors").click()
        expect(page.locator("#ended")).to_be_visible()
    expect(page.get_by_text("the door has known since")).to_have_count(2)
    expect(page.get_by_text("Open nothing.")).to_be_visible()
    looked(page, folder, "ended")
