"""Give the cleaner a key in a real browser, and take it back: a real lock says what came of it."""

from __future__ import annotations

import base64
import re
import time
from collections.abc import Callable
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from joined import Frames, Joined
from playwright.sync_api import Page, expect
from sqlalchemy import select
from tests.browser.test_hub_opening import GIVES, Person, Running, opens, running

from mortice.client.owner import Terms, pass_on
from mortice.client.visit import Errand, Holder, Session, Visited
from mortice.client.wallet import HeldKey
from mortice.core.chain import read_chain, verify_chain
from mortice.core.commands import Command
from mortice.core.keys import ED25519, SoftwareKey
from mortice.core.schedule import Window
from mortice.hub.keys import wire_of
from mortice.hub.places import site_of
from mortice.hub.tables import Key

pytestmark = pytest.mark.browser
Opens = Callable[..., Person]
__all__ = ["opens", "running"]  # fixtures
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


def go_on(page: Page) -> None:
    page.get_by_role("button", name="Go on").click()


def up_to_how(person: Person, name: str, days: tuple[str, ...], start: str, end: str) -> None:
    page = person.page
    person.goes("/give")
    expect(page.get_by_role("heading", name="Who is the key for?")).to_be_visible()
    person.shot("give-who")
    page.get_by_label("name", exact=False).last.fill(name)
    page.get_by_label("Cleaner, carer or trade").check()
    go_on(page)
    page.get_by_label("Front door").check()
    expect(page.get_by_role("heading", name="Which doors?")).to_be_visible()
    person.shot("give-doors")
    go_on(page)
    page.get_by_label("Same days each week").check()
    for day in days:
        page.locator(".day", has_text=day).click()
    page.locator("#f-week-from").fill(start)
    page.locator("#f-week-to").fill(end)


def give_cleaner(person: Person, name: str = "Tom", days: tuple[str, ...] = ("Tue",),
                 start: str = "09:00", end: str = "12:00") -> str:
    """Fill in the form and sign it; the link that is shown."""
    page = person.page
    up_to_how(person, name, days, start, end)
    expect(page.locator("[data-says]")).to_contain_text(f"{name} can open and lock Front door")
    person.shot("give-when")
    go_on(page)
    expect(page.get_by_role("heading", name="How do they get it?")).to_be_visible()
    person.shot("give-how")
    go_on(page)
    expect(page.locator(".says").first).to_contain_text(f"{start} to {end}")
    expect(page.get_by_role("button", name="Give the key")).to_be_visible()
    person.shot("give-check")
    page.get_by_role("button", name="Give the key").click()
    expect(page.locator("[data-after]")).to_be_visible()
    person.shot("give-given")
    link: str = page.locator("#guest-link").input_value()
    return link


def claimed(there: Joined, link: str) -> tuple[HeldKey, SoftwareKey]:
    """What a guest's phone makes of the link."""
    with there.hub.database.reading() as db:
        wire = wire_of(db.scalars(select(Key.wire).where(Key.what == "claim")).all()[-1])
    seed = base64.urlsafe_b64decode(link.partition("#")[2] + "=")
    claim, phone = SoftwareKey.from_seed(ED25519, seed), SoftwareKey.from_seed(ED25519, bytes(32))
    parent = HeldKey(wire, tuple(each.grant for each in read_chain(wire)))
    chain = pass_on(parent, claim, phone.public, Terms(parent.leaf.doors, parent.leaf.delegable))
    verify_chain(read_chain(chain), site_of(there.place).chain_keys())
    return HeldKey(chain, tuple(each.grant for each in read_chain(chain))), phone


def visits(running: Running, key: HeldKey, phone: SoftwareKey) -> Visited:
    there = running.there

    async def visit() -> Visited:
        async with there.line("owner") as socket:
            address = there.world.lock_address(there.world.home.door("front-door"))
            session = Session(Frames(socket), address, Holder(phone, key.wire, key.leaf.id))
            return await session.ask(await session.greet(), Errand(Command.UNLOCK), whole=True)

    done: Visited = running.run(visit())
    return done


def owner_with_key(opens: Opens) -> Person:
    boss = opens("owner")
    boss.has_a_key(delegable=GIVES, depth=3)
    return boss


def test_the_cleaner_on_tuesdays_nine_to_twelve(running: Running, opens: Opens) -> None:
    boss = owner_with_key(opens)
    link = give_cleaner(boss)
    key, _ = claimed(running.there, link)
    assert key.leaf.hours == (Window(0b10, 540, 720),)
    assert link.startswith(f"{running.there.hub.settings.origin}/k/")
    boss.page.get_by_role("link", name="See Tom\N{RIGHT SINGLE QUOTATION MARK}s keys").click()
    expect(boss.page.get_by_text(
        "Tom can open and lock Front door, on Tuesdays 09:00 to 12:00")).to_be_visible()
    boss.shot("person")
    boss.goes("/people")
    boss.shot("people")


def test_a_lock_opens_with_it_until_it_is_taken_back(running: Running, opens: Opens) -> None:
    boss = owner_with_key(opens)
    today = DAYS[time.localtime().tm_wday]
    link = give_cleaner(boss, days=DAYS, start="00:00", end="23:59")
    assert today in DAYS
    key, phone = claimed(running.there, link)
    assert visits(running, key, phone).answer.coarse is None
    assert running.at_once(running.there.openings) == 1
    page = boss.page
    page.get_by_role("link", name="See Tom\N{RIGHT SINGLE QUOTATION MARK}s keys").click()
    page.get_by_role("link", name=re.compile("^Take back everything")).click()
    expect(page.get_by_role("heading", name="Take back everything from Tom?")).to_be_visible()
    boss.shot("take-back")
    page.get_by_role("button", name="Take back everything").click()
    expect(page.get_by_text("the door has known since")).to_be_visible()
    boss.shot("taken-back")
    assert visits(running, key, phone).answer.coarse is not None
    assert running.at_once(running.there.openings) == 1


def test_a_pin_is_shown_once_and_its_door_takes_it(running: Running, opens: Opens) -> None:
    boss = owner_with_key(opens)
    page = boss.page
    up_to_how(boss, "Ana", ("Mon",), "09:00", "12:00")
    go_on(page)
    page.get_by_label("A PIN at the keypad").check()
    go_on(page)
    page.get_by_role("button", name="Give the PIN").click()
    shown = page.locator("[data-pin-rows] .code.large")
    expect(shown).to_be_visible()
    assert re.fullmatch(r"\d{4}\s\d{4}", shown.inner_text())
    boss.shot("pin-given")
    page.get_by_role("link", name="See Ana\N{RIGHT SINGLE QUOTATION MARK}s keys").click()
    expect(page.get_by_text("on the door", exact=True)).to_be_visible()
    assert shown.count() == 0


def test_without_a_touch_nothing_is_given(running: Running, opens: Opens) -> None:
    boss = owner_with_key(opens)
    up_to_how(boss, "Tom", ("Tue",), "09:00", "12:00")
    go_on(boss.page)
    go_on(boss.page)
    boss.touches(willing=False)
    before = kinds(running)
    boss.page.get_by_role("button", name="Give the key").click()
    expect(boss.page.get_by_role("alert").filter(has_text="The passkey was not touched")
           ).to_be_visible()
    assert kinds(running) == before


def kinds(running: Running) -> list[str]:
    with running.there.hub.database.reading() as db:
        return list(db.scalars(select(Key.what)))


def test_another_browser_is_sent_to_the_right_one(running: Running, opens: Opens) -> None:
    owner_with_key(opens)
    other = opens("owner")
    up_to_how(other, "Tom", ("Tue",), "09:00", "12:00")
    go_on(other.page)
    go_on(other.page)
    expect(other.page.get_by_text("is in another browser of yours")).to_be_visible()
    expect(other.page.get_by_text("mortice key give Tom --doors front-door")).to_be_visible()


@pytest.mark.slow  # test_hub_every_page.py looks at each step in either light
@pytest.mark.parametrize("options", [
    {"color_scheme": "dark"}, {"viewport": {"width": 390, "height": 844}}], ids=["dark", "phone"])
def test_it_looks_right_elsewhere(opens: Opens, options: dict[str, Any]) -> None:
    boss = owner_with_key(opens)
    page = boss.page
    if "viewport" in options:
        page.set_viewport_size(options["viewport"])
    else:
        page.emulate_media(color_scheme="dark")
    said: list[str] = []

    def look(name: str) -> None:
        Person.shot(boss, f"{name}-{'phone' if 'viewport' in options else 'dark'}")
        found = Axe().run(page)
        if found.violations_count:
            said.append(f"{name}: {found.generate_report()}")

    boss.shot = look  # type: ignore[method-assign]
    give_cleaner(boss)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.get_by_role("link", name="See Tom\N{RIGHT SINGLE QUOTATION MARK}s keys").click()
    expect(page.get_by_role("heading", name="Tom", exact=True)).to_be_visible()
    boss.shot("person")
    page.get_by_role("link", name=re.compile("^Take back everything")).click()
    expect(page.get_by_role("button", name="Take back everything")).to_be_visible()
    boss.shot("take-back")
    boss.goes("/people")
    boss.shot("people")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert "\n".join(said) == ""
