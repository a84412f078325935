"""Hold to open in a real browser: through a real hub to a real lock, which signs what it did."""

from __future__ import annotations

import asyncio
import os
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import pytest
from axe_playwright_python.sync_playwright import Axe
from joined import Joined, joined, until
from playwright.sync_api import Browser, BrowserContext, CDPSession, Page, Route, expect
from sqlalchemy import select

from mortice.cli import texts
from mortice.cli.giving import links_for
from mortice.cli.handing import hand_over
from mortice.client import owner
from mortice.core.grant import Rights
from mortice.core.log import About, Kind
from mortice.core.refusal import Reason
from mortice.core.schedule import Window
from mortice.core.site import Role as SiteRole
from mortice.hub.accounts import invite
from mortice.hub.powers import take_grant
from mortice.hub.tables import Account, Key, Place
from mortice.sim.world import PASSPHRASE

pytestmark = pytest.mark.browser
AUTHENTICATOR = {
    "protocol": "ctap2", "transport": "internal", "hasResidentKey": True,
    "hasUserVerification": True, "isUserVerified": True, "automaticPresenceSimulation": True}
SHOTS = os.environ.get("MORTICE_SHOTS")  # a folder: what the pages look like is put there
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
SMALL = """() => [...document.querySelectorAll("a[href], button, summary, input, select")]
    .filter((it) => it.checkVisibility() && !it.matches(".skip, p a, .door a, strong a"))
    .map((it) => [it.textContent.trim(), it.getBoundingClientRect()])
    .filter(([, box]) => box.width < 44 || box.height < 44)
    .map(([name, box]) => `${name} ${box.width} x ${box.height}`)"""
GIVES = Rights.UNLOCK | Rights.LOCK | Rights.ENROL
T = TypeVar("T")


class Running:
    """A hub, its doors and their event loop, in a thread beside the browser's."""

    def __init__(self, folder: Path) -> None:
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever)
        self.thread.start()
        self.stack = AsyncExitStack()
        self.there: Joined = self.run(self.stack.enter_async_context(joined(folder)))

    def run(self, doing: Any) -> Any:  # noqa: ANN401
        return asyncio.run_coroutine_threadsafe(doing, self.loop).result(60)

    def at_once(self, do: Callable[[], T]) -> T:
        """Something in the doors' own thread."""
        async def doing() -> T:
            return do()
        done: T = self.run(doing())
        return done

    def close(self) -> None:
        self.run(self.stack.aclose())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(20)
        self.loop.close()


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    made = Running(tmp_path)
    yield made
    made.close()


@dataclass
class Person:
    """Somebody at a browser, with an authenticator that the browser stands in for."""

    running: Running
    context: BrowserContext
    role: str
    errors: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page: Page = self.context.new_page()
        self.page.set_default_timeout(15_000)
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.cdp: CDPSession = self.context.new_cdp_session(self.page)
        self.cdp.send("WebAuthn.enable")
        made = self.cdp.send("WebAuthn.addVirtualAuthenticator", {"options": AUTHENTICATOR})
        self.authenticator = made["authenticatorId"]
        self.page.goto(way_in(self.there, self.role))

    @property
    def there(self) -> Joined:
        return self.running.there

    def touches(self, *, willing: bool) -> None:
        self.cdp.send("WebAuthn.setUserVerified", {
            "authenticatorId": self.authenticator, "isUserVerified": willing})

    def goes(self, path: str = "") -> None:
        self.page.goto(f"{self.there.base}{path}")

    def asks_for_a_key(self) -> str:
        """Up to the command that is to be run; returns the request in it."""
        self.goes("/my-key")
        self.page.get_by_role("button", name="Make a key in this browser").click()
        command = self.page.locator("[data-command]")
        expect(command).to_contain_text("MORTICE-REQUEST1-")
        return command.inner_text().split()[-1]

    def takes_in(self, text: str) -> None:
        self.page.get_by_label("What came back").fill(text)
        self.page.get_by_role("button", name="Put it into this browser").click()
        expect(self.page.get_by_text("in this browser", exact=True).first).to_be_visible()

    def has_a_key(self, **terms: Any) -> None:  # noqa: ANN401
        self.takes_in(signed(self.there, self.asks_for_a_key(), **terms))

    def at_the_door(self, label: str = "Front door") -> None:
        self.goes(f"/doors/{self.there.doors[label].ref}")

    def holds(self, milliseconds: int = 1000) -> None:
        """Press and hold, as with a finger."""
        press = self.page.locator("[data-press]")
        expect(press).to_be_visible()
        box = press.bounding_box()
        assert box
        self.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        self.page.mouse.down()
        self.page.wait_for_timeout(milliseconds)
        self.page.mouse.up()

    def shot(self, name: str) -> None:
        if SHOTS:
            self.page.screenshot(path=f"{SHOTS}/{name}.png", full_page=True)


def way_in(there: Joined, role: str) -> str:
    """An address that signs a browser in, once."""
    with there.hub.database.writing() as db:
        return f"/in/{invite(db, there.accounts[role], 600)}"


def signed(there: Joined, request: str, **terms: Any) -> str:  # noqa: ANN401
    """What the owner's command prints for a browser's request."""
    asking = texts.read_asking(request)
    wanted = there.terms(**{"use": GIVES | Rights.HOLD_OPEN, "label": "browser"} | terms)
    home = there.world.home
    key = home.site_key(SiteRole.GRANT, PASSPHRASE)
    return "\n".join(texts.write_handover(texts.KEY, hand_over(
        home, owner.give(home, key, asking.key, each))) for each in links_for(wanted, asking))


@pytest.fixture
def opens(running: Running, browser: Browser) -> Iterator[Callable[..., Person]]:
    people: list[Person] = []

    def person(role: str = "manager", **options: Any) -> Person:  # noqa: ANN401
        context = browser.new_context(
            base_url=running.there.hub.settings.origin, viewport={"width": 1000, "height": 900},
            **options)
        people.append(Person(running, context, role))
        return people[-1]
    yield person
    for each in people:
        each.context.close()
        assert each.errors == []


Opens = Callable[..., Person]


def test_from_no_key_to_an_open_door(running: Running, opens: Opens) -> None:
    there, ben = running.there, opens("manager")
    ben.at_the_door()
    expect(ben.page.get_by_text("This browser has no key for Front door.")).to_be_visible()
    ben.shot("no-key")
    ben.goes("/my-key")
    ben.shot("my-key-none")
    request = ben.asks_for_a_key()
    ben.shot("my-key-asked")
    ben.takes_in(signed(there, request))
    ben.shot("my-key-held")
    ben.at_the_door()
    expect(ben.page.get_by_text("Hold to open")).to_be_visible()
    ben.shot("door")
    ben.holds(300)  # too short
    assert running.at_once(there.openings) == 0
    ben.holds()
    expect(ben.page.get_by_role("status").filter(has_text="Door says unlocked at ")).to_be_visible()
    ben.shot("door-open")
    assert running.at_once(there.openings) == 1
    granted = running.at_once(lambda: there.entries("Front door", Kind.GRANTED))[0]
    with there.hub.database.reading() as db:
        leaves = {key.leaf for key in db.scalars(select(Key))}
    assert granted.about[int(About.LEAF)] in leaves


def test_two_taps_two_enters_and_locking(running: Running, opens: Opens) -> None:
    there, ben = running.there, opens("manager")
    ben.has_a_key()
    ben.at_the_door()
    ben.page.get_by_role("button", name="Open with two taps").click()
    assert running.at_once(there.openings) == 0
    ben.page.get_by_role("button", name="Tap again to open").click()
    expect(ben.page.get_by_text("Door says unlocked at ")).to_be_visible()
    ben.page.get_by_role("button", name="Lock", exact=True).click()
    expect(ben.page.get_by_text("Door says locked at ")).to_be_visible()
    ben.page.locator("[data-press]").focus()
    ben.page.keyboard.press("Enter")
    expect(ben.page.get_by_text("Press Enter again to open")).to_be_visible()
    ben.page.keyboard.press("Enter")
    expect(ben.page.get_by_text("Door says unlocked at ")).to_be_visible()
    assert running.at_once(there.openings) == 3


def test_held_open_has_an_end(running: Running, opens: Opens) -> None:
    there, ben = running.there, opens("manager")
    ben.has_a_key()
    ben.at_the_door()
    ben.page.get_by_text("Hold open for a while").click()
    for name in ("Hold open", "Tap again to hold it open"):
        ben.page.get_by_role("button", name=name, exact=True).click()
    expect(ben.page.get_by_text("and stays open until")).to_be_visible()
    ben.shot("held-open")
    held = running.at_once(lambda: there.running().lock.held.until)
    assert held == pytest.approx(time.time() + 3600, abs=30)


def test_a_touch_that_is_not_given_opens_nothing(running: Running, opens: Opens) -> None:
    there, ben = running.there, opens("manager")
    ben.has_a_key()
    ben.at_the_door()
    ben.touches(willing=False)
    ben.holds()
    expect(ben.page.get_by_role("alert").filter(has_text="The passkey was not touched")
           ).to_be_visible()
    ben.shot("no-touch")
    assert running.at_once(there.openings) == 0


def test_without_its_passkey_the_door_refuses(running: Running, opens: Opens) -> None:
    """A page that leaves the touch out gets a refusal from the lock, not from the page."""
    there, ben = running.there, opens("manager")
    ben.has_a_key()
    ben.page.evaluate("localStorage.clear()")
    ben.at_the_door()
    ben.holds()
    expect(ben.page.get_by_role("alert").filter(has_text="The door refused: ")).to_be_visible()
    ben.shot("needs-touch")
    assert running.at_once(there.openings) == 0
    refused = running.at_once(lambda: there.entries("Front door", Kind.REFUSED))
    assert refused[-1].about[int(About.REASON)] == Reason.NEEDS_FACTOR.words.number


def test_outside_its_hours_the_door_refuses(running: Running, opens: Opens) -> None:
    there, ben = running.there, opens("manager")
    tomorrow = 1 << (time.gmtime(time.time() + 86_400).tm_wday)
    after = 1 << (time.gmtime(time.time() + 2 * 86_400).tm_wday)
    ben.has_a_key(hours=(Window((tomorrow | after) & ~_today(), 600, 660),))
    ben.at_the_door()
    ben.holds()
    expect(ben.page.get_by_role("alert").filter(has_text="The door refused: not now")
           ).to_be_visible()
    ben.shot("outside-hours")
    assert running.at_once(there.openings) == 0


def _today() -> int:
    return 1 << time.gmtime().tm_wday


def test_a_door_without_power_is_not_answering(running: Running, opens: Opens) -> None:
    there, ben = running.there, opens("manager")
    ben.has_a_key()
    ben.at_the_door()
    lock, lines = there.doors["Front door"].lock_id, there.hub.lines
    assert lines
    running.run(there.running().stop())
    running.run(until(lambda: not lines.connected(lock)))
    ben.holds()
    expect(ben.page.get_by_role("alert").filter(has_text=(
        "Front door is not answering: nothing was asked of it. PINs and cards still work there.")
    )).to_be_visible()
    ben.shot("not-answering")


def test_a_browser_gives_another_browser_a_key(running: Running, opens: Opens) -> None:
    there, boss, ben = running.there, opens("owner"), opens("manager")
    boss.has_a_key(delegable=GIVES, depth=2)
    letters = _letters(ben)
    boss.goes("/my-key")
    row = boss.page.get_by_role("listitem").filter(has_text=letters)
    boss.shot("browsers-that-wait")
    row.get_by_role("link", name="Give a key").click()
    _gives(boss.page)
    ben.at_the_door()
    ben.holds()
    expect(ben.page.get_by_text("Door says unlocked at ")).to_be_visible()
    assert running.at_once(there.openings) == 1


def _letters(person: Person) -> str:
    person.asks_for_a_key()
    return person.page.locator("[data-letters]").inner_text()


def _gives(page: Page) -> None:
    """Through the form, whose first and fourth page are filled in."""
    page.get_by_label("Family or friend").check()
    page.get_by_role("button", name=re.compile("Next|Go on")).click()
    page.get_by_label("Front door").check()
    page.get_by_role("button", name=re.compile("Next|Go on")).click()
    page.get_by_label("Always").check()
    page.get_by_role("button", name=re.compile("Next|Go on")).click()
    page.get_by_role("button", name=re.compile("Next|Go on|Check")).click()
    page.locator("[data-sign]").click()
    expect(page.locator("[data-after]")).to_be_visible()


def test_forgetting_asks_for_it_to_be_taken_back(running: Running, opens: Opens) -> None:
    ben, boss = opens("manager"), opens("owner")
    ben.has_a_key()
    ben.page.get_by_role("button", name=re.compile("Forget this browser")).click()
    expect(ben.page.get_by_text("No key in this browser yet")).to_be_visible()
    ben.at_the_door()
    expect(ben.page.get_by_text("This browser has no key for Front door.")).to_be_visible()
    boss.goes("/my-key")
    expect(boss.page.get_by_text("forgot its key")).to_be_visible()


def test_without_script_it_says_so(opens: Opens) -> None:
    ben = opens("manager")
    ben.page.route("**/doors/*", without_script)
    ben.at_the_door()
    expect(ben.page.get_by_text("Opening from here needs a script")).to_be_visible()
    expect(ben.page.locator("[data-press]")).to_be_hidden()
    ben.shot("no-script")


def without_script(route: Route) -> None:
    """The page as a browser shows it that runs no script; Chromium drops what is in noscript."""
    answer = route.fetch()
    body = re.sub(r"<script.*?</script>", "", answer.text()).replace("noscript>", "div>")
    route.fulfill(response=answer, body=body)


def test_its_pages_are_for_everybody(running: Running, opens: Opens) -> None:
    """In either light, on a small screen, with targets that a thumb hits."""
    there, boss = running.there, opens("owner")
    boss.goes("/my-key")
    looked_at(boss, "none")
    request = boss.asks_for_a_key()
    looked_at(boss, "asked")
    boss.takes_in(signed(there, request, delegable=GIVES, depth=2))
    looked_at(boss, "held")
    boss.at_the_door()
    boss.page.get_by_text("Hold open for a while").click()
    looked_at(boss, "door")
    for state in ("opened", "refused", "silent"):
        boss.page.locator("[data-hold]").evaluate("""(part, state) => {
            part.dataset.state = state;
            const said = part.querySelector(state === "opened" ? "[data-said]" : "[data-refused]");
            said.textContent = "The door said so at 14:05:03.";
        }""", state)
        looked_at(boss, state)
    give_hub(there)
    boss.goes("/settings/hub")
    for menu in boss.page.locator("main details").all():
        menu.evaluate("(details) => { details.open = true; }")
    looked_at(boss, "thief")


def give_hub(there: Joined) -> None:
    home = there.world.home
    key = home.site_key(SiteRole.GRANT, PASSPHRASE)
    for terms in (
            {"use": Rights.REFRESH},
            {"use": Rights.NONE, "delegable": Rights.UNLOCK | Rights.ENROL, "depth": 2,
             "max_life": 14 * 86_400, "quota": 4}):
        wire = owner.give(home, key, there.hub.own.signer.public, there.terms(
            **{"exp": int(time.time()) + 90 * 86_400} | terms))
        with there.hub.database.writing() as db:
            take_grant(db, there.hub, db.get_one(Place, there.place.id), wire,
                       db.get_one(Account, there.accounts["owner"].id))


def looked_at(person: Person, name: str) -> None:
    page = person.page
    for width, scheme in ((1000, "light"), (320, "dark")):
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        page.wait_for_timeout(300)  # colours change with a transition
        person.shot(f"look-{name}-{width}")
        found = Axe().run(page, options={"runOnly": TAGS}).response["violations"]
        assert [(one["id"], [node["html"] for node in one["nodes"]]) for one in found] == [], name
        assert page.evaluate("document.documentElement.scrollWidth") == width, name
        assert page.evaluate(SMALL) == [], name
    page.set_viewport_size({"width": 1000, "height": 900})
    page.emulate_media(color_scheme="light")
