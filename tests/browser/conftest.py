"""A real browser in front of a real demo, which runs in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, sync_playwright
from tests.browser.doing import put_right
from tests.browser.hub_server import Served, served

SOURCE = Path(__file__).parents[2] / "src"
QUIET_CHROMIUM = [
    "--no-sandbox",  # the tests may run as root, where the sandbox refuses to
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
START = """
import sys
from pathlib import Path
from mortice.sim.demo import DemoOptions, run
sys.exit(run(DemoOptions(json=True, data=Path(sys.argv[1]))))
"""
Told = dict[str, Any]
Opens = Callable[..., Page]


@pytest.fixture(scope="session")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    """What a running demo says of itself."""
    process = subprocess.Popen(
        [sys.executable, "-c", START, str(tmp_path_factory.mktemp("demo"))],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(SOURCE)},
    )
    assert process.stdout is not None
    yield json.loads(process.stdout.readline())
    process.terminate()
    process.communicate(timeout=20)


@pytest.fixture(scope="module")
def browser(require: Callable[[str], str]) -> Iterator[Browser]:
    """A headless Chromium with a profile of its own.

    For one module, because Playwright keeps an event loop running in this thread meanwhile, and a
    test of another room could start none.
    """
    with sync_playwright() as playwright:
        yield playwright.chromium.launch(executable_path=require("browser"), args=QUIET_CHROMIUM)


class Pages:
    """Opens the street's page, and keeps what its consoles complain of."""

    def __init__(self, browser: Browser, url: str) -> None:
        self._browser, self._url = browser, url
        self._contexts: list[BrowserContext] = []
        self.errors: list[str] = []

    def open(
        self, slug: str = "front-door", *, width: int = 1280, height: int = 800, dark: bool = False
    ) -> Page:
        context = self._browser.new_context(
            viewport={"width": width, "height": height}, color_scheme="dark" if dark else "light"
        )
        self._contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(10_000)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", lambda said: said.type == "error" and self.errors.append(said.text))
        page.goto(f"{self._url}#{slug}")
        page.wait_for_selector("#street:not([hidden])")
        return page

    def close(self) -> None:
        for context in self._contexts:
            context.close()


@pytest.fixture
def opens(browser: Browser, told: Told) -> Iterator[Opens]:
    """Opens the street's page at a door; no page may leave an error in its console."""
    pages = Pages(browser, told["url"])
    yield pages.open
    pages.close()
    assert pages.errors == []


@pytest.fixture(scope="module")
def kept_open(browser: Browser, told: Told) -> Iterator[tuple[Page, Pages]]:
    """One page that stays open from test to test: opening it costs more than most tests."""
    pages = Pages(browser, told["url"])
    yield pages.open(), pages
    pages.close()


@pytest.fixture
def front(kept_open: tuple[Page, Pages]) -> Iterator[Page]:
    """The page at the front door, which is closed, locked, powered and free."""
    page, pages = kept_open
    page.get_by_role("link", name="Front door").click()
    page.get_by_label("Outside", exact=True).check()
    put_right(page)
    yield page
    assert pages.errors == []


# --- the hub ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def served_hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A hub with a place of two doors and an account for each role, for one module of tests."""
    with served(tmp_path_factory.mktemp("hub") / "hub") as hub:
        yield hub


class Visits:
    """Browsers at the hub; what their consoles complain of is kept."""

    def __init__(self, browser: Browser, hub: Served) -> None:
        self._browser, self._hub = browser, hub
        self._contexts: list[BrowserContext] = []
        self.errors: list[str] = []

    def __call__(self, account: str, path: str = "", **context: Any) -> Page:  # noqa: ANN401 - its
        """A page (the place's doors), in a browser that a link signed in, which works once."""
        size = {"width": context.pop("width", 1280), "height": context.pop("height", 800)}
        made = self._browser.new_context(viewport=size, **context)
        self._contexts.append(made)
        page = made.new_page()
        page.set_default_timeout(10_000)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", lambda said: self._note(said, page))
        page.goto(self._hub.way_in(account))
        page.goto(self._hub.origin + path if path else self._hub.base)
        return page

    def _note(self, said: ConsoleMessage, page: Page) -> None:
        """A page that is refused as a whole is said so in the console, and may be what we want."""
        if said.type == "error" and said.location["url"] != page.url:
            self.errors.append(said.text)

    def close(self) -> None:
        for context in self._contexts:
            context.close()


@pytest.fixture
def visit(browser: Browser, served_hub: Served) -> Iterator[Visits]:
    """`visit("owner", "/doors/…", color_scheme="dark")`; no page may leave an error behind."""
    visits = Visits(browser, served_hub)
    yield visits
    visits.close()
    assert visits.errors == []
