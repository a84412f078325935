"""What is printed: results on stdout, everything said along the way on stderr.

Text from elsewhere (names, labels, log details) goes through `plain`, so that nobody's name moves
the cursor or colours somebody else's terminal.
"""

from __future__ import annotations

import json
import sys
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Any

import click

# Unicode categories of what a terminal obeys, and of what hides or turns the text around it.
UNSAFE = {"Cc", "Cf", "Co", "Cs", "Zl", "Zp"}


def plain(text: str) -> str:
    """`text` with every character that a terminal would obey written out."""
    return "".join(
        character if unicodedata.category(character) not in UNSAFE
        else character.encode("unicode_escape").decode() for character in text)


def say(text: str = "") -> None:
    """One line of output."""
    click.echo(text)


def note(text: str) -> None:
    """One line beside the output: what is going on, or what comes next."""
    click.echo(text, err=True)


def show_json(value: Any) -> None:  # noqa: ANN401 — whatever a command's page in docs/cli.md says
    """The output of a command under --json: one line."""
    click.echo(json.dumps(value, ensure_ascii=False))


def table(rows: Iterable[Sequence[str]]) -> None:
    """Columns, two spaces apart, the last one as long as it likes."""
    cells = [[plain(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for row in cells:
        padded = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
        say("  ".join(padded).rstrip())


def facts(pairs: Iterable[tuple[str, str]]) -> None:
    """Names and values, one a line, under a headline."""
    table((f"  {name}", value) for name, value in pairs)


def bear_any_terminal() -> None:
    """A terminal that lacks a character gets a question mark, not an error."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="replace")
