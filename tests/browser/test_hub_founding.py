"""From nothing to a door that its owner opens: a place founded and a lock added in a browser."""

from __future__ import annotations

import asyncio
import base64
import re
import time
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from hubs import FakeLock
from playwright.sync_api import Browser, Page, Route, expect
from sqlalchemy import select
from tests.browser.protocol.server import Room
from tests.browser.test_hub_accounts import Person
from tests.browser.test_hub_look import TAGS

from mortice.client.founding import draw_site, paper_key, sheet_key, write_sheet
from mortice.core.commissioning import write_code
from mortice.core.grant import KeyClass, Rights
from mortice.core.log import Kind, read_entry
from mortice.core.site import (
    DoorMap,
    MappedDoor,
    Role,
    RoleKeys,
    accept_first,
    sign_doors,
    sign_site,
)
from mortice.core.stages import Factors
from mortice.drivers.simulated import Physics
from mortice.hub.hub import Hub, make_hub
from mortice.hub.keys import links_of
from mortice.hub.places import follow_doors
from mortice.hub.running import beside, bound
from mortice.hub.settings import Settings
from mortice.hub.tables import Base, Key, Place
from mortice.lockd.outside import Machine
from mortice.sim.running import DoorPlan, RunningDoor

pytestmark = pytest.mark.browser
WANTED = (  # errors that a console names where a test makes them
    "Failed to load resource: the server responded with a status of 4",
    "Failed to load resource: net::ERR_FAILED")
SHEET = re.compile(r"PAPER1(-[A-Z2-7]{1,5}){11}")
CLICKS = """
addEventListener("click", () => {
  localStorage.setItem("clicks", 1 + Number(localStorage.getItem("clicks")));
}, true);
"""


@dataclass
class Stand:
    """A hub that nobody owns yet, a new lock, and a browser."""

    room: Room
    hub: Hub
    lock: RunningDoor
    owner: Person

    def presses(self) -> None:
        """Somebody inside presses the button of the lock."""
        self.room.run(self.lock.hardware.hold_inside_button(0.01))

    def turns_the_key(self) -> None:
        """Somebody outside turns the mechanical key."""

        async def turn() -> None:
            self.lock.hardware.turn_key()

        self.room.run(turn())

    def code(self) -> str:
        """What is written on the inside of the lock."""
        return write_code(self.lock.lock.secrets.code)

    @property
    def address(self) -> str:
        return "{}:{}".format(*self.lock.address)

    def kinds(self) -> list[Kind]:
        """What stands in the lock's own log."""
        return [read_entry(body).kind for _, body, _ in self.lock.lock.store.entries(0, 1000)]

    def everything(self) -> bytes:
        """All that the hub keeps."""
        with self.hub.database.reading() as db:
            rows = [row for table in Base.metadata.sorted_tables
                    for row in db.execute(select(table))]
        return b"\n".join(each if isinstance(each, bytes) else str(each).encode()
                          for row in rows for each in row)


@pytest.fixture
def stand(tmp_path: Path, browser: Browser) -> Iterator[Stand]:
    room, taken = Room(), bound("127.0.0.1", 0)
    port = taken.getsockname()[1]
    hub = make_hub(Settings(
        tmp_path / "hub", origin=f"http://localhost:{port}", port=port, lines_port=0))
    server = beside(hub)
    serving = room.run(_begun(server.serve(sockets=[taken])))
    room.run(server.up.wait())
    lock = RunningDoor(
        DoorPlan("Front door", "14 Alder Road", "14", "#0B4D3B"), tmp_path / "lock",
        Physics(travel_seconds=0.02), Machine())
    room.run(lock.start())
    owner = Person(hub, browser)
    yield Stand(room, hub, lock, owner)
    for context in owner.contexts:
        context.close()
    room.run(lock.stop())
    hub.live.close()
    server.should_exit = True
    room.run(_ended(serving))
    room.close()
    taken.close()
    hub.database.close()
    assert [each for each in owner.errors if not each.startswith(WANTED)] == []


async def _begun(work: Coroutine[None, None, None]) -> asyncio.Task[None]:
    return asyncio.create_task(work)


async def _ended(task: asyncio.Task[None]) -> None:
    await task


def founds(stand: Stand, page: Page) -> str:
    """As the first owner, from the terminal's link to a place; returns the sheet."""
    stand.owner.sets_up(page)
    page.get_by_label("What it is called").fill("14 Alder Road")
    page.get_by_role("button", name="Go on").click()
    sheet = "-".join(page.locator("[data-sheet] span").all_inner_texts())
    assert SHEET.fullmatch(sheet)
    page.get_by_role("button", name="I have it on paper").click()
    page.get_by_label("The last five letters").fill(sheet.rpartition("-")[2].lower())
    page.get_by_role("button", name="Found the place").click()
    expect(page.get_by_role("heading", name="14 Alder Road is founded")).to_be_visible()
    return sheet


def describes(stand: Stand, page: Page, label: str = "Front door", code: str = "") -> None:
    page.get_by_label("What this door is called").fill(label)
    page.get_by_label("Code from the inside").fill(code or stand.code())
    page.get_by_label("Its address on your network").fill(stand.address)


def adds(stand: Stand, page: Page) -> None:
    stand.presses()
    page.get_by_role("button", name="Add this door").click()
    expect(page.get_by_text("It has dialled in")).to_be_visible()


def opens(page: Page) -> None:
    for _ in range(2):
        page.locator("[data-tap=unlock]").first.click()
    expect(page.get_by_text(re.compile(r"Door says unlocked at \d\d:\d\d"))).to_be_visible()


def test_from_nothing_to_an_open_door(stand: Stand, capsys: pytest.CaptureFixture[str]) -> None:
    began = time.monotonic()
    page = stand.owner.opens()
    page.add_init_script(CLICKS)
    sheet = founds(stand, page)
    page.get_by_role("button", name="Add the first door now").click()
    expect(page.get_by_label("Recovery sheet of this place")).to_be_hidden()  # it is in hand
    describes(stand, page)
    adds(stand, page)
    expect(page.get_by_text("The lock says: ")).to_be_visible()
    stand.turns_the_key()
    expect(page.get_by_text("It works: the hub hears what the door does.")).to_be_visible()
    stand.turns_the_key()
    page.get_by_role("link", name="Open its page").click()
    clicks = int(page.evaluate("localStorage.getItem('clicks')"))
    opens(page)
    assert stand.kinds().count(Kind.GRANTED) == 1
    with capsys.disabled():
        print(f"\n  from the terminal's link to an open door: {clicks} clicks, "  # noqa: T201
              f"{time.monotonic() - began:.1f} s")
    stands_on_the_sheet(stand, sheet)
    holds_two_keys(stand, page)
    keeps_no_secret(stand, page, sheet)


def holds_two_keys(stand: Stand, page: Page) -> None:
    """One that opens by touch, and one that gives."""
    with stand.hub.database.reading() as db:
        place = db.scalars(select(Place)).one()
        opens_by, gives = sorted(
            (links_of(key)[-1] for key in db.scalars(select(Key))), key=lambda leaf: leaf.depth)
    assert (opens_by.factors, opens_by.delegable) == (Factors.PASSKEY, Rights.NONE)
    assert Rights.UNLOCK in opens_by.use
    assert Rights.CONFIGURE not in opens_by.use | gives.use | gives.delegable
    assert (Rights.UNLOCK in gives.use, Rights.UNLOCK in gives.delegable) == (False, True)
    for leaf in (opens_by, gives):
        assert (leaf.klass, bool(leaf.passkey)) == (KeyClass.WEB, True)
        assert leaf.exp is not None
        assert leaf.exp < time.time() + 366 * 86_400
    page.goto(f"/p/{place.ref}/my-key")
    expect(page.get_by_text("in this browser", exact=True)).to_have_count(2)


def stands_on_the_sheet(stand: Stand, sheet: str) -> None:
    with stand.hub.database.reading() as db:
        place = db.scalars(select(Place)).one()
    assert place.root
    site, paper = accept_first(place.root), paper_key(sheet)
    assert (site.roles[Role.ROOT].threshold, len(site.keys(Role.ROOT))) == (2, 2)
    assert paper.public in site.keys(Role.ROOT)
    assert site.keys(Role.RECOVERY) == (paper.public,)
    for role in (Role.GRANT, Role.REVOKE):
        assert site.keys(role) == (sheet_key(paper, role).public,)


def keeps_no_secret(stand: Stand, page: Page, sheet: str) -> None:
    secret = paper_key(sheet).seed
    hub = stand.everything()
    assert secret not in hub
    assert sheet.encode() not in hub
    kept = page.evaluate("JSON.stringify({...localStorage, ...sessionStorage})")
    assert secret.hex() not in kept
    assert "PAPER1" not in kept
    assert stand.code() not in kept


def test_both_derive_the_same_keys_from_a_sheet(stand: Stand) -> None:
    page = stand.owner.opens()
    page.goto("/sign-in")
    for number in range(8):
        paper = paper_key(write_sheet(bytes([number]) * 31 + b"\x01"))
        found = page.evaluate("""async (sheet) => {
          const { readSheetSeed, sheetKeys } = await import("/static/mortice/sheet.js");
          const { hex } = await import("/static/mortice/cbor.js");
          const { paper, grant, revoke } = await sheetKeys(await readSheetSeed(sheet));
          return [paper, grant, revoke].map(({ id }) => hex(id));
        }""", write_sheet(paper.seed))
        wanted = [paper, sheet_key(paper, Role.GRANT), sheet_key(paper, Role.REVOKE)]
        assert found == [key.public.id.hex() for key in wanted]


def test_what_is_typed_wrongly_is_said_and_loses_nothing(stand: Stand) -> None:
    page = stand.owner.opens()
    stand.owner.sets_up(page)
    page.get_by_label("Time zone", exact=True).fill("Mars/Olympus")
    page.get_by_role("button", name="Go on").click()
    expect(page.get_by_text("Write what the place is called.")).to_be_visible()
    expect(page.get_by_text("Write a zone such as Europe/London.")).to_be_visible()
    page.get_by_label("Time zone", exact=True).fill("Europe/London")
    page.get_by_label("What it is called").fill("14 Alder Road")
    page.get_by_role("button", name="Go on").click()
    sheet = "-".join(page.locator("[data-sheet] span").all_inner_texts())
    page.get_by_role("button", name="I have it on paper").click()
    page.get_by_label("The last five letters").fill("AAAAA")
    page.get_by_role("button", name="Found the place").click()
    expect(page.get_by_text("That is not the last group")).to_be_visible()
    page.get_by_role("button", name="Show the sheet again").click()
    assert sheet == "-".join(page.locator("[data-sheet] span").all_inner_texts())
    page.get_by_role("button", name="I have it on paper").click()
    page.get_by_label("The last five letters").fill(sheet.rpartition("-")[2])
    page.get_by_role("button", name="Found the place").click()
    page.get_by_role("button", name="Add the first door now").click()
    page.reload()  # the sheet is gone from the page with it

    describes(stand, page)
    add = page.get_by_role("button", name="Add this door")
    for typed, words in (
            ("", "that is not a recovery sheet"), (sheet[:-1], "incomplete or has a wrong letter"),
            (sheet.replace("PAPER1-", "PAPER1-1!"), "a letter that no sheet has"),
            (write_sheet(bytes(32)), "the recovery sheet of another place")):
        page.get_by_label("Recovery sheet of this place").fill(typed)
        add.click()
        expect(page.locator(".field", has=page.locator("#f-sheet"))).to_contain_text(
            re.compile(words, re.IGNORECASE))
    page.get_by_label("Recovery sheet of this place").fill(sheet.lower().replace("-", " "))
    page.get_by_label("Code from the inside").fill(stand.code()[:-1])
    add.click()
    expect(page.get_by_text("The code is incomplete or has a wrong letter")).to_be_visible()
    page.get_by_label("Code from the inside").fill(stand.code())
    for address, words in (
            ("8.8.8.8:4711", "no address of your own network"), ("127.0.0.1", "with its port"),
            ("127.0.0.1:1025", "Nothing answers")):
        page.get_by_label("Its address on your network").fill(address)
        add.click()
        expect(page.locator(".field", has=page.locator("#f-address"))).to_contain_text(words)
    page.get_by_label("Its address on your network").fill(stand.address)
    add.click()
    expect(page.get_by_text("The lock takes no owner now. Press the button")).to_be_visible()
    adds(stand, page)


def test_a_pulled_plug_is_finished_by_opening_the_page_again(stand: Stand) -> None:
    page = stand.owner.opens()
    founds(stand, page)
    page.get_by_role("button", name="Add the first door now").click()
    describes(stand, page)
    page.route("**/doors/new", lambda route: route.abort())  # the hub hears nothing of the map
    stand.presses()
    page.get_by_role("button", name="Add this door").click()
    expect(page.get_by_role("heading", name="Front door is not finished yet")).to_be_visible()
    expect(page.get_by_text("The hub cannot be reached")).to_be_visible()
    page.unroute("**/doors/new")
    page.reload()
    expect(page.get_by_text("Nothing is lost")).to_be_visible()
    page.get_by_role("button", name="Go on").click()
    expect(page.get_by_text("It has dialled in")).to_be_visible()
    page.reload()
    expect(page.get_by_label("Recovery sheet of this place")).to_be_visible()


def test_the_sheet_is_printed_without_what_stands_around_it(
    stand: Stand, tmp_path: Path) -> None:
    page = stand.owner.opens()
    page.emulate_media(color_scheme="dark")
    stand.owner.sets_up(page)
    page.get_by_label("What it is called").fill("14 Alder Road")
    page.get_by_role("button", name="Go on").click()
    page.screenshot(path=tmp_path / "screen.png")
    page.emulate_media(media="print", color_scheme="light")
    page.set_viewport_size({"width": 700, "height": 900})  # A4, about
    page.screenshot(path=tmp_path / "print.png")
    expect(page.get_by_text("Mortice recovery sheet: 14 Alder Road")).to_be_visible()
    expect(page.locator("[data-sheet]")).to_be_visible()
    for around in (page.get_by_role("button"), page.locator(".steps"), page.locator(".bar")):
        expect(around.locator("visible=true")).to_have_count(0)


def test_a_lock_is_given_no_root_that_the_sheet_did_not_sign(stand: Stand) -> None:
    """A hub that shows a root of its own, with the sheet's keys where no signature is needed."""
    page = stand.owner.opens()
    sheet = founds(stand, page)
    page.get_by_role("button", name="Add the first door now").click()
    paper, hubs = paper_key(sheet), draw_site()
    grant, revoke = (RoleKeys(1, (sheet_key(paper, role).public,))
                     for role in (Role.GRANT, Role.REVOKE))
    own = hubs.keys[Role.ROOT]
    honest = {Role.GRANT: grant, Role.REVOKE: revoke, Role.RECOVERY: RoleKeys(1, (paper.public,))}
    for roles in (
            {Role.ROOT: RoleKeys(1, (own.public,))},
            {Role.ROOT: RoleKeys(1, (own.public, paper.public))},
            {Role.ROOT: RoleKeys(1, (own.public,)), Role.RECOVERY: RoleKeys(1, (own.public,))}):
        shown = sign_site(replace(hubs.site, roles=honest | roles), [own])
        page.route("**/doors/new/papers", showing(shown))
        page.reload()
        page.get_by_label("Recovery sheet of this place").fill(sheet)
        describes(stand, page)
        stand.presses()
        page.get_by_role("button", name="Add this door").click()
        expect(page.get_by_text("That is the recovery sheet of another place")).to_be_visible()
        assert stand.lock.lock.owned is None


def showing(root: bytes) -> Callable[[Route], None]:
    """The hub's papers, with another root and no door."""
    text = base64.urlsafe_b64encode(root).decode().rstrip("=")

    def show(route: Route) -> None:
        route.fulfill(json={**route.fetch().json(), "root": text, "map": None})

    return show


def test_another_door_may_come_between(stand: Stand) -> None:
    """Two pages sign upon the same map; the later one signs again upon the other's."""
    page = stand.owner.opens()
    sheet = founds(stand, page)
    page.get_by_role("button", name="Add the first door now").click()
    describes(stand, page)
    page.route("**/doors/new", lambda route: route.abort())
    stand.presses()
    page.get_by_role("button", name="Add this door").click()
    expect(page.get_by_text("The hub cannot be reached")).to_be_visible()
    page.unroute("**/doors/new")
    somebody_adds_a_door(stand, sheet)
    page.reload()
    page.get_by_role("button", name="Go on").click()
    expect(page.get_by_text("Another door was added to this place meanwhile")).to_be_visible()
    again = page.locator("#f-sheet-again")
    again.fill(sheet[:-2])
    page.get_by_role("button", name="Go on").click()
    expect(page.get_by_text("incomplete or has a wrong letter")).to_be_visible()
    again.fill(sheet)
    page.get_by_role("button", name="Go on").click()
    expect(page.get_by_text("It has dialled in")).to_be_visible()
    with stand.hub.database.reading() as db:
        assert [door.label for door in db.scalars(select(Place)).one().doors] == [
            "Back door", "Front door"]
    stand.room.run(stand.lock.until(lambda: Kind.DOORS_CHANGED in stand.kinds()))


def somebody_adds_a_door(stand: Stand, sheet: str) -> None:
    with stand.hub.database.writing() as db:
        place = db.scalars(select(Place)).one()
        assert place.site_id
        door = MappedDoor(b"backdoor", "Back door", "Europe/London", FakeLock().keys)
        signed = sign_doors(
            DoorMap(place.site_id, 1, (door,)), sheet_key(paper_key(sheet), Role.GRANT))
        follow_doors(db, place, signed)


def test_a_lost_answer_of_the_founding_is_finished_too(stand: Stand) -> None:
    page = stand.owner.opens()
    stand.owner.sets_up(page)
    page.get_by_label("What it is called").fill("14 Alder Road")
    page.get_by_role("button", name="Go on").click()
    sheet = page.locator("[data-sheet] span").all_inner_texts()
    page.get_by_role("button", name="I have it on paper").click()
    page.get_by_label("The last five letters").fill(sheet[-1])
    page.route("**/setup/place", lambda route: (
        route.abort() if route.request.method == "POST" else route.continue_()))
    page.get_by_role("button", name="Found the place").click()
    expect(page.get_by_text("The hub cannot be reached")).to_be_visible()
    page.unroute("**/setup/place")
    page.on("dialog", lambda dialog: dialog.accept())
    page.goto("/setup/place")
    page.get_by_role("button", name="Go on").click()
    expect(page.get_by_label("Recovery sheet of this place")).to_be_visible()


def test_without_script_it_shows_the_command_line(stand: Stand) -> None:
    page = stand.owner.opens()
    stand.owner.sets_up(page)
    plain = stand.owner.opens(script=False, passkeys=False)
    plain.context.add_cookies(page.context.cookies())
    plain.goto("/setup/place")
    assert "mortice site create" in plain.locator("noscript").all_inner_texts()[0]
    expect(plain.get_by_label("What it is called")).to_be_hidden()


@pytest.mark.parametrize("dark", [
    pytest.param(True, id="dark"), pytest.param(False, id="light", marks=pytest.mark.slow)])
def test_every_step_is_for_everybody(stand: Stand, tmp_path: Path, dark: bool) -> None:
    page = stand.owner.opens()
    page.emulate_media(color_scheme="dark" if dark else "light")
    stand.owner.sets_up(page)
    expect(page.get_by_role("heading", name="Your place")).to_be_visible()
    looked(page, tmp_path, "name")
    page.get_by_label("What it is called").fill("14 Alder Road")
    page.get_by_role("button", name="Go on").click()
    looked(page, tmp_path, "sheet")
    sheet = page.locator("[data-sheet] span").all_inner_texts()
    page.get_by_role("button", name="I have it on paper").click()
    looked(page, tmp_path, "check")
    page.get_by_label("The last five letters").fill(sheet[-1])
    page.get_by_role("button", name="Found the place").click()
    expect(page.get_by_role("heading", name="14 Alder Road is founded")).to_be_visible()
    looked(page, tmp_path, "founded")
    page.get_by_role("button", name="Add the first door now").click()
    page.reload()
    page.get_by_label("Recovery sheet of this place").fill("-".join(sheet))
    describes(stand, page, code="MORTICE1-WRONG")
    page.get_by_role("button", name="Add this door").click()
    expect(page.get_by_text("The code is incomplete")).to_be_visible()
    looked(page, tmp_path, "wrong")
    page.get_by_label("Code from the inside").fill(stand.code())
    adds(stand, page)
    looked(page, tmp_path, "waiting")
    page.get_by_role("button", name="Add another door").click()
    expect(page.get_by_label("Recovery sheet of this place")).to_be_hidden()
    looked(page, tmp_path, "another")


def looked(page: Page, folder: Path, name: str) -> None:
    """No rule of WCAG is broken, nothing needs sideways scrolling, at either width."""
    for width in (1000, 390, 320):
        page.set_viewport_size({"width": width, "height": 844})
        assert page.evaluate("document.documentElement.scrollWidth") <= width, (name, width)
        page.screenshot(path=folder / f"{name}-{width}.png", full_page=True)
    found = Axe().run(page, options={"runOnly": TAGS})
    assert found.response["violations"] == [], found.generate_report()
