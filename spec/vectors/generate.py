#!/usr/bin/env python3
"""Write the test vectors: python3 spec/vectors/generate.py, in the project's environment.

Every run writes the same bytes, so `git diff` is empty unless a case was changed on purpose. Files
that no case makes any more are removed. The cases are in making/, one module for each page of the
spec; making/plain.py writes the formats without any help from the product.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

from making.case import Case, plain
from making.cast import LOCK_SECRETS

HERE = Path(__file__).parent
AREAS = (
    "encoding", "keys", "documents", "grants", "decisions", "schedules", "revocations", "sites",
    "enrolments", "pins", "times", "commissioning", "links", "uplinks", "logs", "settings",
    "checks", "homes", "refusals")


def cases() -> Iterator[Case]:
    """Every case, in the order of the spec."""
    for area in AREAS:
        yield from import_module(f"making.{area}").cases()


def files() -> dict[Path, str]:
    """What stands in each file, by its path."""
    made = list(cases())
    twice = [name for name, times in Counter(case.name for case in made).items() if times > 1]
    assert not twice, f"two cases of one name: {twice}"
    lock = {"shows": "The secrets of the lock under test: published, so of no other use.",
            "secrets": plain(LOCK_SECRETS)}
    texts = {HERE / "lock.json": json.dumps(lock, indent=2) + "\n"}
    return texts | {HERE / f"{case.name}.json": case.text() for case in made}


def main() -> None:
    """Write what has changed and remove what no case makes."""
    wanted = files()
    for path, text in wanted.items():
        path.parent.mkdir(exist_ok=True)
        if not path.exists() or path.read_text("utf-8") != text:
            path.write_text(text, "utf-8")
    for path in HERE.glob("*/*.json"):
        if path not in wanted:
            path.unlink()
    print(f"{len(wanted) - 1} vectors")


if __name__ == "__main__":
    main()
