"""The hub for everybody: in either light, on a small screen, by keyboard, by ear, without script.

What these tests show of the frame and its parts holds for every page that is made of them.
"""

from __future__ import annotations

import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from lived import Lived, alder_road, opened
from playwright.sync_api import expect
from tests.browser.conftest import Visits
from tests.browser.hub_server import Served

from mortice.core.log import Kind

pytestmark = pytest.mark.browser
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


@pytest.fixture(scope="module")
def lived(served_hub: Served) -> Lived:
    made = alder_road(served_hub.cast)
    made.is_member("owner", "Margaret Hale")
    made.is_member("member", "Ana Sousa")
    return made


@pytest.fixture
def front(lived: Lived) -> str:
    lived.says("Front door")
    lived.says("Back door", millivolts=4400)
    return f"{lived.cast.base}/doors/{lived.cast.doors['Front door'].ref}"


@pytest.fixture(params=["doors", "door", "no such door", "help", "members door"])
def place(request: pytest.FixtureRequest, front: str) -> tuple[str, str]:
    """Who is where."""
    return {
        "doors": ("owner", ""), "door": ("owner", front),
        "no such door": ("owner", f"{front[:-10]}aaaaaaaaaa"),
        "help": ("owner", "/help"), "members door": ("member", front)}[request.param]


@pytest.mark.slow  # test_hub_every_page.py looks at each page in either light, at one width
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 320])
def test_axe_finds_nothing(
    visit: Visits, place: tuple[str, str], scheme: str, width: int,
) -> None:
    page = visit(*place, color_scheme=scheme, width=width)
    for menu in page.locator("details.menu, .timeline details").all():
        menu.evaluate("(details) => { details.open = true; }")
    found = Axe().run(page, options={"runOnly": TAGS}).response["violations"]
    assert [(one["id"], [node["html"] for node in one["nodes"]]) for one in found] == []


def test_nothing_scrolls_sideways(visit: Visits, place: tuple[str, str]) -> None:
    page = visit(*place)
    for width in (320, 360, 390, 640, 768, 990, 1280):  # 640 is 1280 at 200 %
        page.set_viewport_size({"width": width, "height": 700})
        assert page.evaluate("document.documentElement.scrollWidth") == width
    page.set_viewport_size({"width": 640, "height": 700})
    page.evaluate("document.documentElement.style.fontSize = '200%'")
    assert page.evaluate("document.documentElement.scrollWidth") == 640


@pytest.mark.slow  # as above
@pytest.mark.parametrize("width", [1280, 320])
def test_what_is_pressed_is_large_enough(
    visit: Visits, place: tuple[str, str], width: int,
) -> None:
    small = visit(*place, width=width).evaluate("""() =>
        [...document.querySelectorAll("a[href], button, summary, input, select")]
        .filter((it) => it.checkVisibility() && !it.matches(".skip, p a, .door a, strong a"))
        .map((it) => [it.textContent.trim(), it.getBoundingClientRect()])
        .filter(([, box]) => box.width < 44 || box.height < 44)
        .map(([name, box]) => `${name} ${box.width} x ${box.height}`)""")
    assert small == []


@pytest.mark.parametrize("width", [1280, 320])
def test_the_keyboard_reaches_everything_and_shows_where_it_is(
    visit: Visits, place: tuple[str, str], width: int,
) -> None:
    page = visit(*place, width=width)
    if page.locator("[data-hold], .hold").count():  # said once its keys were looked for
        page.get_by_role("link", name="Get one").wait_for()
    wanted = page.evaluate("""() => [...document.querySelectorAll("a[href], button, summary")]
        .filter((it) => it.checkVisibility()).map((it) => it.textContent.trim())""")
    reached = []
    for _ in range(len(wanted) + 1):
        page.keyboard.press("Tab")
        where = page.evaluate("""() => {
            const at = document.activeElement;
            if (at === document.body) return null;
            const ring = (style) => style.outlineStyle !== "none"
              && parseFloat(style.outlineWidth) >= 2;
            const box = at.getBoundingClientRect();
            const over = document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2);
            return { name: at.textContent.trim(),
                     ring: ring(getComputedStyle(at)) || ring(getComputedStyle(at, "::after")),
                     seen: over !== null && (at.contains(over) || over.contains(at)) };
        }""")
        if where is None:
            break
        assert where["ring"], where
        assert where["seen"], where
        reached.append(where["name"])
    assert reached == wanted


def test_the_first_key_skips_to_the_page(visit: Visits, front: str) -> None:
    page = visit("owner", front)
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('main') !== null")


def test_help_is_in_the_same_corner_of_every_page(visit: Visits, front: str) -> None:
    page, corners = visit("owner"), set()
    origin = page.url.partition("/p/")[0]
    for path in (front, "/you", "/help", "/"):
        page.goto(origin + path)
        box = page.get_by_role("link", name="Help").bounding_box()
        assert box is not None
        corners.add(box["x"])
    assert len(corners) == 1


def test_a_menu_closes_by_escape_and_by_going_on(visit: Visits, front: str) -> None:
    page = visit("owner")
    menu = page.locator("details.menu").last
    menu.locator("summary").press("Enter")
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Sign out")).to_be_hidden()
    menu.locator("summary").click()
    page.locator("h1").click()
    expect(page.get_by_role("button", name="Sign out")).to_be_hidden()


# --- without script, in other colours, without motion ---------------------------------------------


def test_everything_works_without_script(visit: Visits, front: str) -> None:
    page = visit("owner", java_script_enabled=False)
    expect(page.locator("h1")).to_have_text("Everything is locked.")
    page.get_by_role("link", name="Front door", exact=True).first.click()
    expect(page.locator("h1")).to_have_text("Front door")
    page.get_by_text("Why?").first.click()
    expect(page.get_by_text("Check R4")).to_be_visible()
    page.locator("details.menu summary").last.click()
    page.get_by_role("button", name="Sign out").click()
    expect(page).to_have_url(re.compile("/sign-in$"))


def test_in_forced_colours_the_state_is_still_drawn(visit: Visits, front: str) -> None:
    page = visit("owner", front, forced_colors="active")
    page.emulate_media(forced_colors="active")
    assert page.evaluate("matchMedia('(forced-colors: active)').matches")
    fill = page.locator(".door-icon .solid").first.evaluate("(it) => getComputedStyle(it).fill")
    paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert fill != paper


def test_whoever_wants_less_motion_gets_none(visit: Visits, front: str) -> None:
    page = visit("owner", front, reduced_motion="reduce")
    assert page.evaluate("""() => [...document.querySelectorAll("*")].filter((element) =>
        /[1-9]/.test(getComputedStyle(element).transitionDuration)).length""") == 0


# --- live ---------------------------------------------------------------------------------------


def test_a_door_that_is_opened_is_seen_at_once_and_said_politely(
    visit: Visits, served_hub: Served, lived: Lived, front: str,
) -> None:
    page = visit("owner", front)
    expect(page.locator("#state")).to_contain_text("Locked")
    page.wait_for_timeout(300)  # the stream is up
    lived.says("Front door", "open")
    lived.wrote("Front door", (2, *opened(lived.leaves["Ana Sousa"])))
    served_hub.tell()
    expect(page.locator("#state")).to_contain_text("Open")
    expect(page.locator("#said")).to_contain_text("bolt in, door open")


def test_an_alarm_is_said_at_once(
    visit: Visits, served_hub: Served, lived: Lived, front: str,
) -> None:
    page = visit("owner", front)
    page.wait_for_timeout(300)
    lived.wrote("Front door", (1, Kind.ALARM, {13: "the bolt was forced"}))
    served_hub.tell()
    expect(page.get_by_role("alert").last).to_contain_text("the bolt was forced")


def test_what_is_open_and_focused_stays_so(
    visit: Visits, served_hub: Served, lived: Lived, front: str,
) -> None:
    page = visit("owner", front)
    page.wait_for_timeout(300)
    why = page.locator("summary", has_text="Why?").last
    why.focus()
    page.keyboard.press("Enter")
    lived.wrote("Front door", (1, *opened(lived.leaves["Margaret Hale"])))
    served_hub.tell()
    expect(page.locator(".timeline > li").first).to_contain_text("for you")
    assert why.evaluate("(it) => document.activeElement === it && it.parentElement.open")


def test_a_hub_that_is_away_is_not_covered_up(visit: Visits, front: str) -> None:
    page = visit("owner", front)
    page.clock.install()
    page.reload()
    page.route("**/*", lambda route: route.abort())
    for _ in range(10):
        page.clock.run_for(20_000)
    expect(page.locator("#lost")).to_contain_text("The hub has not answered since")
    visit.errors.clear()  # the browser says that it was cut off
