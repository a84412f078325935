"""Every command in the guides and the README exists, with the options that it is shown with."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.cli.test_house import resolve

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs" / "guides").glob("*.md"))]


def shown(page: Path) -> Iterator[str]:
    """Lines of the page's code blocks that call the command, as where it is installed."""
    blocks = re.findall(r"(?ms)^```\w*\n(.*?)^```", page.read_text("utf-8"))
    for block in blocks:
        for line in block.splitlines():
            typed = re.split(r"\s{2,}#", line)[0].strip().removeprefix("python3 run.py ")
            if typed.startswith("mortice "):
                yield typed


COMMANDS = [(page.name, line) for page in PAGES for line in shown(page)]


def test_the_guides_show_commands() -> None:
    assert {name for name, _ in COMMANDS} == {page.name for page in PAGES}


@pytest.mark.parametrize(("page", "line"), COMMANDS)
def test_a_command_that_is_shown_can_be_typed(page: str, line: str) -> None:
    resolve(line)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_to_files(page: Path) -> None:
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text("utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []
