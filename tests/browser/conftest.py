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
from playwright.sync_api import Browser, Page, sync_playwright
from tests.browser.doing import put_right

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


@pytest.fixture(scope="session")
def browser(require: Callable[[str], str]) -> Iterator[Browser]:
    """A headless Chromium with a profile of its own."""
    with sync_playwright() as playwright:
        yield playwright.chromium.launch(executable_path=require("browser"), args=QUIET_CHROMIUM)


@pytest.fixture
def opens(browser: Browser, told: Told) -> Iterator[Opens]:
    """Opens the street's page at a door; no page may leave an error in its console."""
    errors: list[str] = []
    contexts = []

    def open_at(
        slug: str = "front-door", *, width: int = 1280, height: int = 800, dark: bool = False
    ) -> Page:
        context = browser.new_context(
            viewport={"width": width, "height": height}, color_scheme="dark" if dark else "light"
        )
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(10_000)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda said: said.type == "error" and errors.append(said.text))
        page.goto(f"{told['url']}#{slug}")
        page.wait_for_selector("#street:not([hidden])")
        return page

    yield open_at
    for context in contexts:
        context.close()
    assert errors == []


@pytest.fixture
def front(opens: Opens) -> Page:
    """The page at the front door, which is closed, locked, powered and free."""
    page = opens()
    put_right(page)
    return page
