"""What a test may need from the machine, and what a skipped test means.

A test that needs a system package says so with a marker, or asks the `require` fixture. Where the
package is absent the test is skipped with one line that names it. With MORTICE_TESTS_STRICT=1, as
in CI, a skip is a failure: nothing goes untested unnoticed. The one exception is a test marked
`vectors` in a checkout that has no published vectors beside it.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import settings

STRICT = os.environ.get("MORTICE_TESTS_STRICT") == "1"
PUBLISHED = Path(__file__).parents[2] / "shared" / "vectors"
# Where Debian puts servers, which an ordinary user's PATH leaves out.
SERVERS = ["/usr/sbin", *map(str, Path("/usr/lib/postgresql").glob("*/bin"))]


# Modules that assert on behalf of tests say what they got when it is not what was expected.
pytest.register_assert_rewrite(
    "tests.vectors.daemon", "tests.vectors.scenes", "tests.vectors.stand",
    "tests.vectors.library_link", "tests.vectors.library_log")


# How long an example takes is the machine's affair: no test fails by the clock.
settings.register_profile("mortice", deadline=None)
settings.load_profile("mortice")


@dataclass(frozen=True)
class Package:
    """A Debian package and the program by which we know that it is installed."""

    name: str
    program: str


NEEDS = {  # marker → package
    "browser": Package("chromium", "chromium"),
    "needs_mosquitto": Package("mosquitto", "mosquitto"),
    "needs_postgresql": Package("postgresql", "postgres"),
    "needs_systemd": Package("systemd", "systemd-analyze"),
}


def program(name: str) -> str | None:
    """Where a program is, or None."""
    return shutil.which(name, path=os.pathsep.join([os.environ.get("PATH", ""), *SERVERS]))


@pytest.fixture(scope="session")
def require() -> Callable[[str], str]:
    """Returns where the program is that a marker of NEEDS stands for, or skips the test."""

    def find(need: str) -> str:
        package = NEEDS[need]
        found = program(package.program)
        if found is None:
            pytest.skip(f"needs the Debian package {package.name}")
        return found

    return find


def pytest_runtest_setup(item: pytest.Item) -> None:
    for need, package in NEEDS.items():
        if item.get_closest_marker(need) and program(package.program) is None:
            pytest.skip(f"needs the Debian package {package.name}")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    excused = item.get_closest_marker("vectors") and not PUBLISHED.is_dir()
    if not excused:
        fail_if_skipped(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    fail_if_skipped(report)
    return report


def fail_if_skipped(report: pytest.TestReport | pytest.CollectReport) -> None:
    if STRICT and report.skipped and not hasattr(report, "wasxfail"):
        why = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"{why} (MORTICE_TESTS_STRICT=1 allows no skipped test)"
