"""Everybody can use the street: by keyboard, by ear, on a small screen, in either light."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect
from tests.browser.doing import press, put_right

pytestmark = pytest.mark.browser

AUDIT = (Path(__file__).parent / "audit.js").read_text("utf-8")
Opens = Callable[..., Page]


def findings(page: Page) -> list[str]:
    found: list[str] = page.evaluate(AUDIT)
    return found


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_names_roles_sizes_and_contrast_are_good_in_every_state(opens: Opens, dark: bool) -> None:
    page = opens(dark=dark)
    put_right(page)
    audit_at_every_width(page)
    page.locator("[data-key='1']").click()
    page.get_by_role("button", name="Enter").click()
    expect(page.locator("#light-word")).to_have_text("Refused")
    page.get_by_text("Why?").first.click()
    press(page, "Open the door")  # which does not work, and says why
    expect(page.locator("#said")).not_to_be_empty()
    audit_at_every_width(page)
    page.get_by_label("Inside", exact=True).check()
    press(page, "Turn the knob inside")
    press(page, "Open the door")
    press(page, "Flatten the battery")
    press(page, "Pull the plug")
    expect(page.locator("#state")).to_contain_text("no power")
    audit_at_every_width(page)
    put_right(page)


def audit_at_every_width(page: Page) -> None:
    for width in (1280, 390, 320):
        page.set_viewport_size({"width": width, "height": 800})
        assert findings(page) == []


def test_the_audit_itself_finds_what_is_wrong(opens: Opens) -> None:
    front = opens()
    front.evaluate("""() => {
        document.querySelector("#swing").textContent = "";
        document.querySelector("#place").style.color = "#ccc";
        document.querySelector("#jam").style.cssText = "min-height: 20px; height: 20px; padding: 0";
        document.querySelector("#plug").style.borderColor = "#eee";
        document.querySelector("#name").id = "state";
        document.querySelector("#journal-title").outerHTML;
        document.querySelector("#keypad").setAttribute("aria-describedby", "nowhere");
        document.querySelector("#push svg").removeAttribute("aria-hidden");
    }""")
    found = "\n".join(findings(front))
    for complaint in (
        "button#swing “” has no name",
        "p#place “14 Alder Road” has a contrast of 1.",
        "button#jam “Jam the bolt” is ",
        "the edge of button#plug “Pull the plug”",
        "two are #state",
        "points to no #nowhere",
        "is neither hidden nor named",
    ):
        assert complaint in found


@pytest.mark.parametrize("slug", ["front-door", "meter-cupboard"])
def test_no_page_scrolls_sideways(opens: Opens, slug: str) -> None:
    page = opens(slug)
    for view in ("Outside", "Inside"):
        page.get_by_label(view, exact=True).check()
        for width in (320, 360, 390, 561, 640, 768, 1001, 1280):  # 640 is 1280 at 200 %
            page.set_viewport_size({"width": width, "height": 700})
            assert page.evaluate("document.documentElement.scrollWidth") == width


def test_large_text_of_its_own_does_not_scroll_sideways_either(opens: Opens) -> None:
    page = opens(width=640)
    page.evaluate("document.documentElement.style.fontSize = '200%'")
    assert page.evaluate("document.documentElement.scrollWidth") == 640


def test_every_control_can_be_reached_by_keyboard_and_shows_that_it_has_the_focus(
    opens: Opens,
) -> None:
    front = opens()
    reached = []
    for _ in range(60):
        front.keyboard.press("Tab")
        where: dict[str, Any] | None = front.evaluate("""() => {
            const at = document.activeElement;
            if (at === document.body) return null; // past the last one
            const ring = (it) => getComputedStyle(it).outlineStyle !== "none"
              && parseFloat(getComputedStyle(it).outlineWidth) >= 2;
            const rect = at.getBoundingClientRect();
            return {
                name: at.ariaLabel || at.textContent.trim() || at.value,
                ring: ring(at) || (at.type === "radio" && ring(at.nextElementSibling)),
                inView: rect.bottom > 0 && rect.top < innerHeight,
            };
        }""")
        if where is None:
            break
        assert where["ring"], where
        assert where["inView"], where
        reached.append(where["name"])
    assert where is None, "there is an end to it"
    wanted = {"Skip to the door", "Use the key in the keyhole", "1", "Enter", "Jam the bolt"}
    assert wanted <= set(reached)


def test_the_first_key_skips_to_the_door(opens: Opens) -> None:
    front = opens()
    front.keyboard.press("Tab")
    front.keyboard.press("Enter")
    front.keyboard.press("Tab")
    assert front.evaluate("document.activeElement.closest('#doing') !== null")


def test_a_refusal_is_announced_at_once_and_a_change_politely(front: Page) -> None:
    front.locator("[data-key='1']").click()
    front.get_by_role("button", name="Enter").click()
    expect(front.get_by_role("alert").last).to_contain_text("Refused")
    press(front, "Turn the knob inside")
    expect(front.locator("#announce")).to_have_text("Front door is unlocked")
    assert front.locator("#announce").get_attribute("role") == "status"


def test_whoever_wants_less_motion_gets_none(browser: Browser, told: dict[str, Any]) -> None:
    context = browser.new_context(reduced_motion="reduce")
    page = context.new_page()
    page.goto(told["url"])
    page.wait_for_selector("#street:not([hidden])")
    moving = page.evaluate("""() => [...document.querySelectorAll("*")].filter((element) => {
        const { transitionDuration, animationName } = getComputedStyle(element);
        return animationName !== "none" || /[1-9]/.test(transitionDuration);
    }).map((element) => element.className)""")
    assert moving == []
    context.close()


def test_without_colours_of_its_own_the_picked_door_and_view_still_stand_out(
    browser: Browser, told: dict[str, Any]
) -> None:
    context = browser.new_context(forced_colors="active")
    page = context.new_page()
    page.goto(told["url"])
    page.wait_for_selector("#street:not([hidden])")
    outlined = page.evaluate("""() => ["a[aria-current]", ".views input:checked + span"]
        .map((what) => getComputedStyle(document.querySelector(what)).outlineStyle)""")
    assert outlined == ["solid", "solid"]
    context.close()
