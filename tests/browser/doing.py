"""What a person does at the street's page."""

from __future__ import annotations

from playwright.sync_api import Page, expect

LOCKED = "locked · bolt out 20 mm · door closed"


def press(page: Page, name: str) -> None:
    """Press one of the buttons in the list of acts."""
    page.locator(".acts").get_by_role("button", name=name, exact=True).click()


def type_code(page: Page, code: str) -> None:
    """Type a code on the keypad, and enter."""
    for digit in code:
        page.locator(f"[data-key='{digit}']").click()
    page.get_by_role("button", name="Enter").click()


def put_right(page: Page) -> None:
    """Bring the picked door to where every test begins: locked, closed, powered and free."""
    for trouble, remedy in (
        ("Pull the plug", "Plug in again"),
        ("Flatten the battery", "Fresh battery"),
        ("Jam the bolt", "Free the bolt"),
    ):
        if page.get_by_role("button", name=remedy).is_visible():
            press(page, remedy)
            expect(page.get_by_role("button", name=trouble)).to_be_visible()
    state = page.locator("#state")
    expect(state).not_to_contain_text("not known")
    seen = " ".join(state.inner_text().split())  # its spaces do not break
    if seen == LOCKED:
        return
    if "bolt in" not in seen:
        press(page, "Turn the knob inside")
        expect(state).to_contain_text("bolt in")
    if page.get_by_role("button", name="Close the door").is_visible():
        press(page, "Close the door")
        expect(state).to_contain_text("door closed")
    press(page, "Turn the knob inside")
    expect(state).to_have_text(LOCKED)
