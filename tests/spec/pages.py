"""Reading the pages of the spec: tables, blocks and the numbers of checks."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

SPEC = Path(__file__).parents[2] / "spec"
NUMBER = re.compile(r"[A-Z]\d{1,2}")


def pages() -> dict[str, str]:
    """Every page by its name."""
    return {path.stem: path.read_text("utf-8") for path in sorted(SPEC.glob("*.md"))}


def rows(page: str) -> Iterator[list[str]]:
    """The cells of each row of each table, without the lines under the headings."""
    for line in page.splitlines():
        if line.startswith("|") and not set(line) <= set("|- "):
            yield [cell.strip() for cell in line.strip().strip("|").split("|")]


def table(page: str, heading: str) -> list[list[str]]:
    """The first table after `heading`, which must be there, without its own heading."""
    after = page.split(heading, 1)[1]
    lines = after[after.index("\n|"):].strip().splitlines()
    whole = []
    for line in lines:
        if not line.startswith("|"):
            break
        whole.append(line)
    return list(rows("\n".join(whole)))[1:]


def blocks(page: str, kind: str) -> dict[str, str]:
    """The fenced blocks that are called "kind name", by name."""
    return dict(re.findall(rf"(?ms)^```{kind} (\S+)\n(.*?)\n```$", page))


@dataclass(frozen=True)
class Check:
    """A numbered check as a page states it: what a failed one makes of the thing."""

    number: str
    page: str
    made: frozenset[str]


def checks() -> Iterator[Check]:
    """Every row of every table whose first cell is a number; headed `rule`, all are in words."""
    for name, page in pages().items():
        unsaid = "malformed"
        for cells in rows(page):
            if cells[0] in {"rule", "check"}:
                unsaid = "rule" if cells[0] == "rule" else "malformed"
            if NUMBER.fullmatch(cells[0]):
                last = cells[-1] if len(cells) > 2 else unsaid
                yield Check(cells[0], name, frozenset(
                    word.strip().strip("`") for word in last.split(",")))
