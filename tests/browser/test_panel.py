"""The street in a real browser: somebody presses keys, and the door does what it should."""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import Callable, Coroutine, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, expect
from tests.browser.doing import press, put_right, type_code

from mortice.core.commands import Command
from mortice.sim.world import OWNER, World

pytestmark = pytest.mark.browser

Told = dict[str, Any]


def pin_of(told: Told, person: str = "Ana Sousa") -> str:
    return next(str(pin["pin"]) for pin in told["pins"] if pin["person"] == person)


def newest(page: Page) -> Locator:
    return page.locator("#journal > li").first


# --- the keypad ---------------------------------------------------------------------------------


def test_a_pin_opens_the_door_and_the_log_says_for_whom(front: Page, told: Told) -> None:
    type_code(front, pin_of(told))
    expect(front.locator("#light-word")).to_have_text("Come in")
    expect(front.locator("#state")).to_have_text("unlocked · bolt in · door closed")
    expect(front.locator("#journal")).to_contain_text("Opened for Ana Sousa, PIN")
    press(front, "Open the door")
    expect(front.locator("#state")).to_have_text("open · bolt in")
    expect(front.locator("#scene")).to_have_attribute("data-leaf", "open")


def test_a_wrong_pin_is_refused_and_why_says_the_reason(front: Page, told: Told) -> None:
    pin = pin_of(told)
    type_code(front, pin[:-1] + str((int(pin[-1]) + 1) % 10))
    expect(front.locator("#light-word")).to_have_text("Refused")
    expect(newest(front)).to_contain_text("Refused")
    why = newest(front).locator("details p")
    expect(why).to_be_hidden()
    newest(front).get_by_text("Why?").click()
    expect(why).to_contain_text("tries left")
    expect(front.locator("#state")).to_contain_text("locked")


def test_the_display_shows_stars_and_never_digits(front: Page) -> None:
    for count, digit in enumerate("123", 1):
        front.locator(f"[data-key='{digit}']").click()
        expect(front.locator("#light-word")).to_have_text("•" * count)
    front.get_by_role("button", name="Clear").click()
    expect(front.locator("#light-word")).to_have_text("Ready")


def test_the_keyboard_types_on_the_keypad_in_the_order_of_its_keys(front: Page, told: Told) -> None:
    front.locator("[data-key='1']").focus()
    front.keyboard.type(pin_of(told, "Ben Hale"), delay=0)
    front.keyboard.press("Enter")
    expect(front.locator("#journal")).to_contain_text("Opened for Ben Hale, PIN")


def test_a_code_offered_beside_the_door_types_itself(front: Page) -> None:
    light = front.locator("#light-word")
    front.get_by_role("button", name="Type Ana's PIN on the keypad").click()
    expect(light).to_contain_text("•")  # it may still say "Come in" to whoever came before
    expect(light).to_have_text("Come in")


# --- hands --------------------------------------------------------------------------------------


def test_the_knob_inside_opens_without_power(front: Page) -> None:
    press(front, "Flatten the battery")
    press(front, "Pull the plug")
    expect(front.locator("#state")).to_have_text("not known · the lock has no power")
    press(front, "Turn the knob inside")
    press(front, "Open the door")
    expect(front.locator("#scene")).to_have_attribute("data-leaf", "open")


def test_a_locked_door_does_not_open_and_says_what_holds_it(front: Page) -> None:
    press(front, "Open the door")
    expect(front.locator("#said")).to_have_text("The bolt holds the door shut.")
    expect(front.locator("#scene")).to_have_attribute("data-leaf", "closed")


def test_the_key_in_the_keyhole_opens_and_is_logged_as_a_key(front: Page) -> None:
    front.get_by_role("button", name="Use the key in the keyhole").click()
    expect(front.locator("#state")).to_contain_text("unlocked")
    expect(newest(front)).to_contain_text("by the key")


def test_the_knob_can_be_turned_where_it_is_drawn(front: Page) -> None:
    front.get_by_label("Inside", exact=True).check()
    front.get_by_role("button", name="Turn the knob inside").first.click()
    expect(front.locator("#state")).to_contain_text("unlocked")
    expect(newest(front)).to_contain_text("inside turn")
    expect(front.locator("#keypad")).to_be_hidden()


def test_a_jammed_bolt_is_shown_jammed_and_a_hand_frees_it(front: Page, told: Told) -> None:
    press(front, "Jam the bolt")
    type_code(front, pin_of(told))
    expect(front.locator("#state")).to_contain_text("jammed")
    expect(front.locator("#section-words")).to_contain_text("met something")
    expect(front.locator("#journal")).to_contain_text("Jammed")
    press(front, "Turn the knob inside")
    expect(front.locator("#state")).to_contain_text("unlocked")


# --- power --------------------------------------------------------------------------------------


def test_a_pulled_plug_with_a_flat_battery_darkens_the_lock_and_power_brings_it_back(
    front: Page, told: Told
) -> None:
    press(front, "Pull the plug")
    expect(front.locator("#supply output")).to_contain_text("battery")
    press(front, "Flatten the battery")
    expect(front.locator("#state")).to_have_text("not known · the lock has no power")
    expect(front.locator("#supply output")).to_contain_text("no power")
    expect(front.locator("#keypad-how")).to_contain_text("daemon has stopped")
    front.locator("[data-key='1']").click()
    expect(front.locator("#said")).to_contain_text("keypad is dark")
    press(front, "Plug in again")
    expect(front.locator("#state")).to_have_text("locked · bolt out 20 mm · door closed")
    expect(front.locator("#journal")).to_contain_text("the door's controller started")
    type_code(front, pin_of(told))
    expect(front.locator("#state")).to_contain_text("unlocked")


# --- the inside button --------------------------------------------------------------------------


def test_the_inside_button_is_down_for_as_long_as_it_is_held(front: Page) -> None:
    front.get_by_label("Inside", exact=True).check()
    button = front.get_by_role("button", name="Press and hold the inside button")
    button.hover()
    front.mouse.down()
    expect(button).to_have_class(re.compile("down"))
    front.mouse.up()
    expect(button).not_to_have_class(re.compile("down"))
    expect(newest(front)).to_contain_text("Inside button")


def test_holding_the_button_from_the_list_asks_once_more(front: Page) -> None:
    press(front, "Hold inside button 10 s")
    expect(front.locator("#said")).to_contain_text("wipe the lock")
    expect(front.locator("#hold")).to_have_text("Sure? Press again")
    expect(front.locator("#push")).not_to_have_class(re.compile("down"))


# --- live ---------------------------------------------------------------------------------------


def test_a_phone_that_opens_the_door_appears_on_the_page(front: Page, told: Told) -> None:
    visit = World(Path(told["home"])).visit(OWNER, "front-door", Command.UNLOCK)
    with_own_loop(visit)
    expect(front.locator("#journal")).to_contain_text(f"Opened for {OWNER}, phone key")
    expect(front.locator("#state")).to_contain_text("unlocked")


def with_own_loop(work: Coroutine[object, object, object]) -> None:
    """Run `work` where the browser's own event loop is not in the way."""
    thread = threading.Thread(target=asyncio.run, args=(work,))
    thread.start()
    thread.join()


def test_another_door_is_one_click_away_and_has_its_own_log(front: Page) -> None:
    front.get_by_role("link", name="Room 4").click()
    expect(front.locator("#name")).to_have_text("Room 4")
    expect(front.locator("#place")).to_have_text("Chaucer House")
    expect(front.get_by_role("link", name="Room 4")).to_have_attribute("aria-current", "true")
    expect(front.locator("#journal")).not_to_contain_text("Ana Sousa")


def test_a_second_page_sees_what_the_first_one_does(
    front: Page, opens: Callable[..., Page]
) -> None:
    second = opens()
    press(front, "Turn the knob inside")
    expect(second.locator("#state")).to_contain_text("unlocked")


# --- who may ask --------------------------------------------------------------------------------


def test_without_the_printed_address_the_page_says_what_is_missing(
    browser: Browser, told: Told
) -> None:
    context = browser.new_context()
    page = context.new_page()
    answer = page.goto(told["url"].split("?")[0])
    assert answer is not None
    assert answer.status == 403
    expect(page.locator("body")).to_contain_text("Open the whole address")
    context.close()


ATTACK = """<!doctype html><script>
const to = "{street}door/front-door/turn";
Promise.allSettled([
  fetch(to, {{ method: "POST", mode: "no-cors", credentials: "include", body: "{{}}" }}),
  fetch(to, {{ method: "POST", credentials: "include", body: "{{}}",
              headers: {{ "Content-Type": "application/json" }} }}),
  fetch("{street}", {{ credentials: "include" }}).then((a) => a.text()),
]).then((all) => {{ document.title = all.map((one) => one.status).join(" "); }});
</script>"""


@pytest.fixture
def other_page(told: Told) -> Iterator[str]:
    """Another program of this computer, with a page of its own that means harm."""
    attack = ATTACK.format(street=told["url"].split("?")[0]).encode()

    class Attacker(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(attack)

        def log_message(self, *told: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Attacker) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


def test_another_page_in_the_same_browser_neither_turns_the_knob_nor_reads_the_street(
    browser: Browser, told: Told, other_page: str
) -> None:
    context = browser.new_context()
    street, attacker = context.new_page(), context.new_page()
    street.goto(told["url"])
    street.wait_for_selector("#street:not([hidden])")
    put_right(street)
    attacker.goto(other_page)
    attacker.wait_for_function("document.title !== ''")
    assert attacker.title() == "rejected rejected rejected"
    press(street, "Jam the bolt")  # what comes after an attack that worked would show it, too
    expect(street.get_by_role("button", name="Free the bolt")).to_be_visible()
    expect(street.locator("#state")).to_have_text("locked · bolt out 20 mm · door closed")
    context.close()


def test_the_page_keeps_no_secret_in_its_address(front: Page, told: Told) -> None:
    assert "?" not in front.url
    assert front.evaluate("document.cookie") == ""
