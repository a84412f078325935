"""What a journey needs: a place with real locks, people at their browsers and doors, and a counter.

`Place` runs a served hub and its doors in a thread beside the browser's. `Desk` is somebody who is
signed in and has a key of their own; `Phone` belongs to whoever was sent a link. `Taps` counts what
the one whose task it is has to do: each tap, each field that is filled in, each touch of a passkey.
"""

from __future__ import annotations

import asyncio
import os
import re
import shlex
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from hubs import add_account
from joined import Joined, joined, until
from playwright.sync_api import Browser, Locator, Page, expect
from sqlalchemy import select
from tests.browser.test_hub_opening import AUTHENTICATOR

from mortice.core.door import Bolt
from mortice.core.log import Kind
from mortice.hub.accounts import invite
from mortice.hub.cells import DAY, keep
from mortice.hub.pages.notice import GAVE
from mortice.hub.tables import Act, Door, Log, now
from mortice.sim.running import RunningDoor

SOURCE = Path(__file__).parents[2] / "src"
PHONE = {"width": 390, "height": 844}
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
SHOTS = os.environ.get("MORTICE_SHOTS")  # a folder: what the pages look like is put there
T = TypeVar("T")


@dataclass
class Taps:
    """Counts what somebody does until their task is done."""

    count: int = 0
    counting: bool = True

    def tap(self, on: Locator) -> None:
        """One tap."""
        self.add()
        on.click()

    def write(self, into: Locator, text: str) -> None:
        """A field is filled in: one tap, and typing."""
        self.add()
        into.fill(text)

    def pick(self, of: Locator, label: str) -> None:
        """One of a list that opens: two taps."""
        self.add(2)
        of.select_option(label=label)

    def seal(self, on: Locator) -> None:
        """A tap that asks for a touch of the passkey."""
        self.add(2)
        on.click()

    def hold(self, on: Locator, *, touch: bool = False) -> None:
        """Press and hold for a second, then touch the passkey if the key asks for it."""
        self.add(2 if touch else 1)
        on.hover()
        on.page.mouse.down()
        on.page.wait_for_timeout(1000)
        on.page.mouse.up()

    def add(self, number: int = 1) -> None:
        """What is done elsewhere than on a page: a key of a keypad, a command."""
        if self.counting:
            self.count += number

    def done(self) -> None:
        """The task is done; what follows shows how it goes wrong."""
        self.counting = False


class Place:
    """A hub, its doors and their event loop."""

    def __init__(self, folder: Path, labels: tuple[str, ...]) -> None:
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever)
        self.thread.start()
        self.stack = AsyncExitStack()
        self.labels = labels
        self.there: Joined = self.run(self.stack.enter_async_context(joined(folder, labels)))

    def run(self, doing: Any) -> Any:  # noqa: ANN401
        """Wait for something in the doors' own thread."""
        return asyncio.run_coroutine_threadsafe(doing, self.loop).result(60)

    def at_once(self, do: Callable[[], T]) -> T:
        """Do something in the doors' own thread."""
        async def doing() -> T:
            return do()
        done: T = self.run(doing())
        return done

    def close(self) -> None:
        """Stop everything."""
        self.run(self.stack.aclose())
        self.run(_ends())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(20)
        self.loop.close()

    # --- at the doors -----------------------------------------------------------------------------

    def door(self, label: str) -> RunningDoor:
        """One of the doors as it runs."""
        return self.there.running(label)

    def goes_through(self, label: str) -> None:
        """Whoever was let in opens the door, closes it behind them and turns the knob."""
        door = self.door(label).hardware
        for act in (door.open_leaf, door.close_leaf, door.turn_inside):
            self.at_once(act)

    def lets_close(self, label: str) -> None:
        """Whoever was let in opens the door and lets it fall shut behind them."""
        door = self.door(label).hardware
        self.at_once(door.open_leaf)
        self.at_once(door.close_leaf)

    def touches(self, label: str) -> None:
        """Somebody stands before it and touches its keypad."""
        self.at_once(lambda: self.door(label).hardware.press("clear"))

    def locks_itself(self, label: str) -> None:
        """Wait until a door has thrown its own bolt."""
        door = self.door(label).hardware
        self.run(until(lambda: door.sight().bolt is Bolt.THROWN))

    def typed(self, label: str, digits: str) -> str:
        """Type a code at a keypad: `granted` or `refused`, as the lock wrote it down."""
        door, verdicts = self.door(label), (Kind.GRANTED, Kind.REFUSED)
        before = self.at_once(lambda: len(self.there.entries(label, *verdicts)))
        for symbol in (*digits, "enter"):
            self.at_once(lambda symbol=symbol: door.hardware.press(symbol))  # type: ignore[misc]
        self.run(until(lambda: len(self.there.entries(label, *verdicts)) > before))
        entry = self.at_once(lambda: self.there.entries(label, *verdicts)[-1])
        self.is_told(label)
        return entry.kind.name.lower()

    def is_told(self, label: str) -> None:
        """Wait until the hub has what a door wrote down, unless the door is offline."""
        there, lock = self.there, self.there.doors[label].lock_id
        wrote = self.at_once(lambda: there.running(label).lock.store.size)

        def kept() -> bool:
            with there.hub.database.reading() as db:
                log = db.scalar(select(Log).where(Log.lock_id == lock, Log.ended_at.is_(None)))
            lines = there.hub.lines
            return lines is None or not lines.connected(lock) or (
                log is not None and log.size >= wrote)
        self.run(until(kept))

    def openings(self, label: str) -> int:
        """How often a door's own log says that it let somebody in."""
        return self.at_once(lambda: self.there.openings(label))

    def goes_offline(self, *labels: str) -> None:
        """The doors' network is down; the doors themselves are not."""
        lines = self.there.hub.lines
        assert lines is not None
        for label in labels:
            lock = self.there.doors[label].lock_id
            daemon = self.door(label).daemon
            assert daemon is not None
            self.run(daemon.uplink.stop())
            self.run(until(lambda lock=lock: not lines.connected(lock)))

    def comes_back(self, *labels: str) -> None:
        """The network is there again."""
        for label in labels:
            daemon = self.door(label).daemon
            assert daemon is not None
            self.at_once(daemon.uplink.start)
        self.run(self.there.connected(*labels))

    def runs_on_cells(self, label: str, volts: float, before: list[float]) -> None:
        """A door on batteries: what its lock says of them now, and said each day before."""
        there, door = self.there, self.there.doors[label]
        with there.hub.database.writing() as db:
            for ago, each in zip(range(len(before), 0, -1), before, strict=True):
                keep(db, db.get_one(Door, door.id), round(each * 1000), now() - ago * DAY)
        hardware = self.door(label).hardware
        self.at_once(hardware.unplug)
        self.at_once(lambda: hardware.flatten(volts))

    def is_private(self, label: str, *, private: bool) -> None:
        """A tenant's own room, as the settings have it."""
        with self.there.hub.database.writing() as db:
            db.get_one(Door, self.there.doors[label].id).private = private

    def the_day_comes(self) -> None:
        """Some days later: every notice of entry was given that long ago, and its time is now."""
        with self.there.hub.database.writing() as db:
            for act in db.scalars(select(Act).where(Act.what == GAVE)):
                later = act.about["starts"] - now() + 600
                act.at -= later
                act.about = act.about | {
                    name: act.about[name] - later for name in ("starts", "ends")}

    # --- on the owner's device --------------------------------------------------------------------

    def owner_runs(self, *words: str, ok: bool = True) -> str:
        """A command on the device where the owner's keys are, in a process of its own."""
        folder = str(self.there.world.home.folder)
        ran = subprocess.run(
            [sys.executable, "-m", "mortice", *words], capture_output=True, text=True, timeout=60,
            env={**os.environ, "PYTHONPATH": str(SOURCE), "MORTICE_HOME": folder}, check=False)
        assert (ran.returncode == 0) is ok, ran.stdout + ran.stderr
        return ran.stdout

    # --- people -----------------------------------------------------------------------------------

    def employs(self, name: str, role: str) -> None:
        """An account at this place."""
        self.there.accounts[name] = add_account(self.there.hub, name, self.there.place, role)


async def _ends() -> None:
    """Whatever still waits is told to stop, and does."""
    left = asyncio.all_tasks() - {asyncio.current_task()}
    for each in left:
        each.cancel()
    await asyncio.gather(*left, return_exceptions=True)


@dataclass
class Desk:
    """Somebody who is signed in, at a phone whose browser has an authenticator."""

    place: Place
    browser: Browser
    who: str
    errors: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        there = self.place.there
        self.context = self.browser.new_context(
            base_url=there.hub.settings.origin, viewport=PHONE)  # type: ignore[arg-type]
        self.page: Page = self.context.new_page()
        self.page.set_default_timeout(20_000)
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.cdp = self.context.new_cdp_session(self.page)
        self.cdp.send("WebAuthn.enable")
        made = self.cdp.send("WebAuthn.addVirtualAuthenticator", {"options": AUTHENTICATOR})
        self.authenticator = made["authenticatorId"]
        with there.hub.database.writing() as db:
            way_in = invite(db, there.accounts[self.who], 600)
        self.page.goto(f"/in/{way_in}")

    def touches(self, *, willing: bool) -> None:
        """Whether they touch their passkey when they are asked to."""
        self.cdp.send("WebAuthn.setUserVerified", {
            "authenticatorId": self.authenticator, "isUserVerified": willing})

    def starts(self, path: str = "") -> Page:
        """At the page of all doors, where everybody begins."""
        self.page.goto(f"{self.place.there.base}{path}")
        return self.page

    def has_a_key(self, *terms: str) -> None:
        """From the request of this browser to the key in it, which the owner signs by a command.

        Without `terms`, by the command that the page shows.
        """
        page = self.starts("/my-key")
        page.get_by_role("button", name="Make a key in this browser").click()
        shown = page.locator("[data-command]")
        expect(shown).to_contain_text("MORTICE-REQUEST1-")
        command = shown.inner_text()
        words = ["key", "give", self.who, *terms, "--request", command.split()[-1]] if terms else (
            shlex.split(command)[1:])
        page.get_by_label("What came back").fill(self.place.owner_runs(*words))
        page.get_by_role("button", name="Put it into this browser").click()
        expect(page.get_by_text("in this browser", exact=True).first).to_be_visible()

    def shot(self, name: str) -> None:
        """What the page looks like, for whoever wants to see it."""
        if SHOTS:
            self.page.screenshot(path=f"{SHOTS}/{name}.png", full_page=True)




class Phone:
    """A phone of somebody without an account, which was sent a link."""

    def __init__(self, browser: Browser, link: str, taps: Taps | None = None) -> None:
        taps = taps or Taps()
        self.context = browser.new_context(viewport=PHONE)  # type: ignore[arg-type]
        self.page: Page = self.context.new_page()
        self.page.set_default_timeout(20_000)
        self.page.goto(link)
        taps.tap(self.page.get_by_role("button", name="Put the key here"))
        expect(self.page.locator("[data-phone=here]")).to_be_visible()

    def holds(self, label: str = "", taps: Taps | None = None) -> None:
        """Press and hold, at one of its doors if there are several."""
        name = f"Hold to open {label}" if label else "Hold to open"
        (taps or Taps()).hold(self.page.get_by_role("button", name=name))

    def hears(self, words: str | re.Pattern[str], door: int = 0) -> None:
        """What the page says the door said."""
        expect(self.page.get_by_role("status").nth(door)).to_contain_text(words)


# --- giving and taking back -----------------------------------------------------------------------


@dataclass(frozen=True)
class Key:
    """What is filled in to give one; `when` fills in the third page."""

    name: str
    kin: str
    doors: tuple[str, ...]
    when: Callable[[Taps, Page], None]
    by: str = "link"  # or: pin


def gives(desk: Desk, taps: Taps, key: Key) -> str:
    """From the page that is open to the key; the link, or the digits."""
    to_check(desk, taps, key)
    return signs(desk, taps, key.by)


def to_check(desk: Desk, taps: Taps, key: Key) -> None:
    """As far as the page that says it back."""
    page = desk.page
    if not page.get_by_role("heading", name="Who is the key for?").is_visible():
        taps.tap(page.get_by_role("link", name="Give a key").first)
    if page.get_by_label("Somebody known here").is_visible():
        _who(page, taps, key.name)
    else:
        taps.write(page.get_by_label("Name"), key.name)
    fills(page, taps, key)
    if key.by == "pin":
        taps.tap(page.get_by_label("A PIN at the keypad"))
    go_on(taps, page)


def fills(page: Page, taps: Taps, key: Key) -> None:
    """What they are, which doors and when; whose it is stands there already."""
    taps.tap(page.get_by_label(key.kin))
    go_on(taps, page)
    for label in key.doors:
        taps.tap(page.get_by_role("checkbox", name=label))
    go_on(taps, page)
    key.when(taps, page)
    go_on(taps, page)


def lets_pass_on(owner: Desk, taps: Taps, asks: Desk, key: Key) -> None:
    """Somebody's browser asks for a key; the owner's gives it one that they may pass on."""
    page = asks.starts("/my-key")
    page.get_by_role("button", name="Make a key in this browser").click()
    letters = page.locator("[data-letters]")
    expect(letters).to_have_text(re.compile(r"\w{4} \w{4}"))
    page = owner.page
    taps.tap(page.locator("summary", has_text="You: "))
    taps.tap(page.get_by_role("link", name=re.compile("This browser.s key")).first)
    waits = page.get_by_role("listitem").filter(has_text=asks.who)
    expect(waits).to_contain_text(letters.inner_text())
    taps.tap(waits.get_by_role("link", name="Give a key"))
    fills(page, taps, key)
    expect(page.get_by_label("A device that asked")).to_be_checked()
    taps.tap(page.get_by_label("They may pass it on"))
    go_on(taps, page)
    expect(page.locator(".says").first).to_contain_text("It may be passed on: open and lock")
    owner.shot("a key that may be passed on")
    taps.seal(page.get_by_role("button", name="Give the key"))
    taps.add()  # the touch for the second of its two keys
    expect(page.get_by_text("takes it in by itself")).to_be_visible()
    asks.starts("/my-key")
    expect(asks.page.get_by_text("in this browser", exact=True).first).to_be_visible()


def _who(page: Page, taps: Taps, name: str) -> None:
    known = page.get_by_label("Somebody known here")
    names = [option.partition(",")[0].strip() for option in known.locator(
        "option").all_inner_texts()]
    if name not in names:
        taps.write(page.get_by_label("Their name, if new"), name)
    elif known.input_value() == "new":
        taps.pick(known, known.locator("option").nth(names.index(name)).inner_text())


def signs(desk: Desk, taps: Taps, by: str = "link") -> str:
    """Sign what the check page says; the link, or the digits."""
    page = desk.page
    taps.seal(page.get_by_role("button", name=f"Give the {'PIN' if by == 'pin' else 'key'}"))
    expect(page.locator("[data-after]")).to_be_visible()
    if by == "pin":
        shown = page.locator("[data-pin-rows] .code.large").first
        return re.sub(r"\s", "", shown.inner_text())
    link: str = page.locator("#guest-link").input_value()
    return link


def go_on(taps: Taps, page: Page) -> None:
    taps.tap(page.get_by_role("button", name="Go on"))


def takes_back_everything(desk: Desk, taps: Taps, name: str) -> None:
    """From the page of all doors to what each door says of it."""
    page = desk.page
    taps.tap(page.get_by_role("link", name="People").first)
    taps.tap(page.get_by_role("link", name=name))
    taps.tap(page.get_by_role("link", name="Take back everything"))
    taps.seal(page.get_by_role("button", name="Take back everything"))
    expect(page.get_by_text("can open nothing here")).to_be_visible()


def shows_activity(page: Page, taps: Taps, *, door: str, since: str, until: str) -> None:
    """From any page to what happened at one door between two days."""
    taps.tap(page.get_by_role("link", name="Activity", exact=True))
    taps.pick(page.get_by_label("Door", exact=True), door)
    taps.write(page.get_by_label("From"), since)
    taps.write(page.get_by_label("To", exact=True), until)
    taps.tap(page.get_by_role("button", name="Show"))


def saves(page: Page, taps: Taps, what: str) -> Path:
    """One of the files that Activity makes of what it shows."""
    taps.tap(page.locator("summary", has_text="Export"))
    with page.expect_download() as saved:
        taps.tap(page.get_by_role("link", name=what))
    return Path(saved.value.path())


def stands(page: Page, way: str, label: str) -> Locator:
    """What is said of one way of opening at one door, on somebody's page."""
    return page.get_by_role("article").filter(has=page.get_by_role(
        "heading", name=way)).get_by_role("listitem").filter(has_text=label)


# --- when -----------------------------------------------------------------------------------------


def always(taps: Taps, page: Page) -> None:
    taps.tap(page.get_by_label("Always"))


def each_week(
    days: tuple[str, ...], start: str, end: str, last: str = "") -> Callable[[Taps, Page], None]:
    """The same days each week, up to the last of them."""
    def fill(taps: Taps, page: Page) -> None:
        taps.tap(page.get_by_label("Same days each week"))
        for day in days:
            taps.tap(page.locator(".day", has_text=day))
        _between(taps, page, "#f-week-from", "#f-week-to", (start, end))
        if last:
            taps.write(page.locator("#f-last"), last)
    return fill


def today_once(taps: Taps, page: Page) -> None:
    taps.tap(page.get_by_label("One visit"))
    _between(taps, page, "#f-from", "#f-to", ("00:00", "23:59"))
    taps.tap(page.get_by_label("It opens once"))


def today(taps: Taps, page: Page) -> None:
    taps.tap(page.get_by_label("One visit"))
    _between(taps, page, "#f-from", "#f-to", ("00:00", "23:59"))


def up_to(last: str) -> Callable[[Taps, Page], None]:
    """At all hours from today on, for some days."""
    def fill(taps: Taps, page: Page) -> None:
        taps.tap(page.get_by_label("A stay"))
        _between(taps, page, "#f-start-time", "#f-end", ("00:00", last))
    return fill


def stay(start: str, end: str) -> Callable[[Taps, Page], None]:
    """From one day to another."""
    def fill(taps: Taps, page: Page) -> None:
        taps.tap(page.get_by_label("A stay"))
        taps.write(page.locator("#f-start"), start)
        taps.write(page.locator("#f-end"), end)
    return fill


def _between(taps: Taps, page: Page, start: str, end: str, wanted: tuple[str, str]) -> None:
    """Times that the page proposes already are left as they are."""
    for name, value in zip((start, end), wanted, strict=True):
        if page.locator(name).input_value() != value:
            taps.write(page.locator(name), value)


def now_there() -> datetime:
    """On the doors' own clock."""
    return datetime.now(UTC).astimezone(ZoneInfo("Europe/London"))


def another_day(wished: str) -> str:
    """`wished`, unless it is today or beside it: then a day that is neither."""
    day = now_there().weekday()
    near = {DAYS[(day + by) % 7] for by in (-1, 0, 1)}
    return DAYS[(day + 3) % 7] if wished in near else wished


def first_of_next_month() -> datetime:
    """Its date."""
    return (now_there().replace(day=1) + timedelta(days=32)).replace(day=1)


def in_days(days: int) -> str:
    """A date, as fields and options take it."""
    return f"{now_there() + timedelta(days=days):%Y-%m-%d}"
