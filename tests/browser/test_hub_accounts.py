"""Accounts in a real browser, with an authenticator that the browser itself stands in for."""

from __future__ import annotations

import asyncio
import re
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pyotp
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect
from sqlalchemy import select

from mortice.hub.accounts import set_up_link
from mortice.hub.hub import Hub, make_hub
from mortice.hub.running import bound, server_of
from mortice.hub.settings import Settings
from mortice.hub.tables import SignIn

pytestmark = pytest.mark.browser
AUTHENTICATOR = {
    "protocol": "ctap2", "transport": "internal", "hasResidentKey": True,
    "hasUserVerification": True, "isUserVerified": True, "automaticPresenceSimulation": True}
EMAIL, PASSWORD = "margaret@example.com", "lantern gravel otter seven"


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    """A served hub that nobody owns yet."""
    taken = bound("127.0.0.1", 0)
    port = taken.getsockname()[1]
    made = make_hub(Settings(tmp_path / "hub", origin=f"http://localhost:{port}", port=port))
    server = server_of(made)
    thread = threading.Thread(target=asyncio.run, args=(server.serve(sockets=[taken]),))
    thread.start()
    try:
        yield made
    finally:
        made.live.close()
        server.should_exit = True
        thread.join(20)
        taken.close()
        made.database.close()


@dataclass
class Person:
    """Somebody with browsers; no page of theirs may leave an error in its console."""

    hub: Hub
    browser: Browser
    contexts: list[BrowserContext] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def opens(self, *, script: bool = True, passkeys: bool = True) -> Page:
        context = self.browser.new_context(
            base_url=self.hub.settings.origin, java_script_enabled=script,
            viewport={"width": 1000, "height": 900})
        self.contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(10_000)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", lambda said: said.type == "error" and self.errors.append(said.text))
        if passkeys:
            self.gives_authenticator(page)
        return page

    def gives_authenticator(self, page: Page) -> None:
        session = page.context.new_cdp_session(page)
        session.send("WebAuthn.enable")
        session.send("WebAuthn.addVirtualAuthenticator", {"options": AUTHENTICATOR})

    def sets_up(self, page: Page) -> list[str]:
        """As the first owner, up to the place; returns the recovery codes."""
        link = set_up_link(self.hub)
        assert link is not None
        page.goto(link)
        page.get_by_label("Your name").fill("Margaret Hale")
        page.get_by_label("Your e-mail address").fill(EMAIL)
        page.get_by_role("button", name="Go on").click()
        page.get_by_role("button", name="Make a passkey").click()
        page.get_by_role("button", name="Show the sheet").click()
        return keeps_sheet(page)


def keeps_sheet(page: Page) -> list[str]:
    """Take the codes from the page that shows them, and type one group back."""
    codes = page.locator("ol.mono strong")
    expect(codes).to_have_count(10)
    sheet = codes.all_inner_texts()
    page.get_by_role("button", name="I have kept it").click()
    expect(page.get_by_role("heading", name="Is it really kept?")).to_be_visible()
    asked = re.search(r"Code (\d+), group (\d) of 4", page.content())
    assert asked
    group = sheet[int(asked[1]) - 1].split("-")[int(asked[2]) - 1]
    page.get_by_label(asked[0]).fill(group)
    page.get_by_role("button", name="Go on").click()
    return sheet


@pytest.fixture
def margaret(hub: Hub, browser: Browser) -> Iterator[Person]:
    person = Person(hub, browser)
    yield person
    for context in person.contexts:
        context.close()
    answered = "Failed to load resource: the server responded with a status of 4"  # as it should
    assert [each for each in person.errors if not each.startswith(answered)] == []


def signs_out(page: Page, suggests_on: str = "nowhere") -> None:
    """Sign out, and stay out: what the e-mail field suggests would be taken at once."""
    page.add_init_script(
        "PublicKeyCredential.isConditionalMediationAvailable = async () => "
        f"location.pathname + location.search === {suggests_on!r}")
    page.goto("/you")
    page.locator("summary", has_text="Margaret").click()
    page.get_by_role("button", name="Sign out", exact=True).click()
    expect(page).to_have_url(re.compile(r"/sign-in$"))


@pytest.mark.parametrize("suggests", [True, False], ids=["suggested", "asked for"])
def test_the_first_owner_sets_up_and_comes_back_by_passkey(
    margaret: Person, suggests: bool,
) -> None:
    """By the field's suggestion, which this authenticator takes at once, or by the button."""
    page = margaret.opens()
    sheet = margaret.sets_up(page)
    assert len(sheet) == 10
    expect(page).to_have_url(re.compile("/setup/place$"))
    signs_out(page, suggests_on="/sign-in?next=%2Fyou" if suggests else "nowhere")
    page.goto("/sign-in?next=%2Fyou")
    if not suggests:
        page.get_by_role("button", name="Use a passkey").click()
    expect(page).to_have_url(re.compile("/you$"))
    expect(page.get_by_text("used ")).to_be_visible()
    expect(page.get_by_text("10 of 10 codes left")).to_be_visible()


def test_danger_asks_for_the_passkey_again(margaret: Person) -> None:
    page = margaret.opens()
    margaret.sets_up(page)
    with margaret.hub.database.writing() as db:
        for row in db.scalars(select(SignIn)):
            row.proved_at -= 3600
    before = cookie_of(page)
    page.goto("/you")
    page.get_by_role("link", name="Add a passkey").click()
    expect(page.get_by_role("heading", name="Show that it is still you")).to_be_visible()
    page.get_by_role("button", name="Use a passkey").click()
    expect(page).to_have_url(re.compile("/you/passkeys/new$"))
    assert cookie_of(page) != before
    page.get_by_role("button", name="Make a passkey").click()
    expect(page.get_by_text("This device has a passkey for this account already.")).to_be_visible()


def test_password_and_app_work_without_script(margaret: Person) -> None:
    page = margaret.opens()
    margaret.sets_up(page)
    page.goto("/you")
    page.get_by_role("link", name="Choose one").click()
    for label in ("New password", "The same again"):
        page.get_by_label(label).fill(PASSWORD)
    page.get_by_role("button", name="Keep this password").click()
    app = pyotp.TOTP(page.locator("p.mono strong").inner_text().replace(" ", ""))
    page.get_by_label("Code from the app").fill(app.now())
    page.get_by_role("button", name="Turn it on").click()
    expect(page).to_have_url(re.compile("/you$"))

    plain = margaret.opens(script=False, passkeys=False)
    plain.goto("/you")
    expect(plain.get_by_role("button", name="Use a passkey")).to_be_hidden()
    signs_in_by_password(plain, "000000")
    expect(plain.get_by_role("heading", name="There is a problem")).to_be_visible()
    signs_in_by_password(plain, app.at(int(time.time()) + 30))
    expect(plain).to_have_url(re.compile("/you$"))
    expect(plain.get_by_role("heading", name="Signed in")).to_be_visible()
    plain.get_by_role("button", name="Sign out all others").click()
    expect(plain.get_by_role("button", name="Sign out all others")).to_have_count(0)
    assert page.request.get("/you", max_redirects=0).status == 303


def test_a_recovery_code_leads_to_a_new_passkey(margaret: Person) -> None:
    sheet = margaret.sets_up(margaret.opens())
    phone = margaret.opens(passkeys=False)
    phone.goto("/sign-in")
    phone.get_by_role("link", name="Use a code from your recovery sheet").click()
    phone.get_by_label("E-mail").fill(EMAIL)
    phone.get_by_label("Recovery code").fill(sheet[4])
    phone.get_by_role("button", name="Sign in").click()
    expect(phone.get_by_text("9 of 10 are left")).to_be_visible()
    margaret.gives_authenticator(phone)
    phone.get_by_label("What to call it").fill("New phone")
    phone.get_by_role("button", name="Make a passkey").click()
    expect(phone.get_by_text("New phone", exact=True).first).to_be_visible()
    phone.get_by_role("listitem").filter(has_text="Chrome on Linux").get_by_role(
        "button", name="Remove").click()
    expect(phone.get_by_role("button", name="Remove")).to_have_count(1)
    phone.get_by_role("button", name="Remove").click()
    expect(phone.get_by_role("heading", name="That is your last way in")).to_be_visible()


def test_a_person_who_is_not_verified_gets_nowhere(margaret: Person) -> None:
    page = margaret.opens()
    margaret.sets_up(page)
    signs_out(page)
    stranger = margaret.opens(passkeys=False)
    session = stranger.context.new_cdp_session(stranger)
    session.send("WebAuthn.enable")
    session.send("WebAuthn.addVirtualAuthenticator", {
        "options": AUTHENTICATOR | {"isUserVerified": False}})
    stranger.goto("/sign-in")
    stranger.get_by_role("button", name="Use a passkey").click()
    expect(stranger.get_by_text("No passkey was used.")).to_be_visible()


def cookie_of(page: Page) -> str | None:
    return next((each["value"] for each in page.context.cookies() if each["name"] == "mortice"),
                None)


def signs_in_by_password(page: Page, code: str) -> None:
    page.get_by_label("E-mail").fill(EMAIL)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_label("Code from the app").fill(code)
    page.get_by_role("button", name="Sign in").click()
