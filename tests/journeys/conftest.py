"""One place with real locks for each module of journeys, and a table of what each task takes."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, expect
from tests.browser.conftest import browser
from tests.journeys.household import Desk, Phone, Place, Taps
from tests.journeys.tasks import TASKS

__all__ = ["browser"]  # a fixture
COUNTED = pytest.StashKey[dict[str, int]]()
Phones = Callable[..., Phone]
PATIENCE = 15_000.0  # ms; several people's browsers share this machine with the hub and its doors


@pytest.fixture(scope="module")
def place(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory,
          ) -> Iterator[Place]:
    """The module's `DOORS`, behind a served hub."""
    expect.set_options(timeout=PATIENCE)
    made = Place(tmp_path_factory.mktemp("place"), request.module.DOORS)
    yield made
    made.close()
    expect.set_options(timeout=5_000)  # as it was


@pytest.fixture(scope="module")
def owners(place: Place, browser: Browser) -> Iterator[Desk]:
    """The owner's browser, which may give keys to every door."""
    made = Desk(place, browser, "owner")
    made.has_a_key()
    yield made
    made.context.close()


@pytest.fixture
def owner(owners: Desk) -> Iterator[Desk]:
    """The owner, at the page of all doors."""
    owners.touches(willing=True)
    owners.starts()
    yield owners
    assert owners.errors == []


@pytest.fixture
def phones(browser: Browser) -> Iterator[Phones]:
    """`phones(link)`: somebody's phone, onto which they put the key."""
    made: list[Phone] = []

    def phone(link: str, taps: Taps | None = None) -> Phone:
        made.append(Phone(browser, link, taps))
        return made[-1]
    yield phone
    for each in made:
        each.context.close()


@pytest.fixture
def desks(place: Place, browser: Browser) -> Iterator[Callable[[str, str], Desk]]:
    """`desks("Lettings Desk", "manager")`: somebody else who signs in here."""
    made: list[Desk] = []

    def desk(who: str, role: str) -> Desk:
        place.employs(who, role)
        made.append(Desk(place, browser, who))
        return made[-1]
    yield desk
    for each in made:
        each.context.close()
        assert each.errors == []


@pytest.fixture
def taps(request: pytest.FixtureRequest) -> Iterator[Taps]:
    """Counts the taps of the task that the test is named for, and holds docs/tasks.md to them."""
    counted = Taps()
    yield counted
    name = request.node.originalname
    request.config.stash.setdefault(COUNTED, {})[name] = counted.count
    said = next(task.taps for task in TASKS if task.test == name)
    assert counted.count == said, f"{name}: tasks.py says {said} taps"


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """The table: task · taps."""
    counted = config.stash.get(COUNTED, {})
    if counted:
        terminalreporter.section("task · taps")
    for task in TASKS:
        if task.test in counted:
            terminalreporter.write_line(f"{counted[task.test]:3d}  {task.whom}: {task.words}")
