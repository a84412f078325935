"""What happened, as files for other programs: a table, and lines of JSON.

Names come from people and may hold anything: no cell starts a formula, no character moves a cursor
or hides another.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

from mortice.client.words import reason_of, text
from mortice.core.log import About, Kind
from mortice.hub.found import Coming

FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")  # a cell that begins so is run by spreadsheets
INNER = re.compile(r"([;|\t]\s*)(?=[=+\-@])")
ODD = "\N{REPLACEMENT CHARACTER}"
Value = str | int | None


def visible(words: str) -> str:
    """`words` without what cannot be seen: control characters, and those that turn lines about."""
    return "".join(letter if letter.isprintable() else ODD for letter in words)


def iso(at: int) -> str:
    """The moment in UTC, or as a plain number beyond the calendar's end."""
    try:
        return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%dT%H:%M:%SZ}"
    except (ValueError, OverflowError, OSError):
        return str(at)


def fields(coming: Coming) -> dict[str, Value]:
    """One entry for a program."""
    entry, leaf = coming.entry, coming.entry.about.get(About.LEAF)
    return {
        "door": coming.door, "entry": entry.index, "at": iso(entry.at),
        "clock": entry.time.name.lower(), "kind": entry.kind.name.lower(),
        "sort": coming.sort.name.lower(), "who": coming.who or None,
        "key": leaf.hex() if isinstance(leaf, bytes) else None,
        "word": coming.said.word, "sentence": coming.said.sentence,
        "reason": reason_of(entry).value if entry.kind is Kind.REFUSED else None,
        "check": text(entry, About.CHECK) or None, "detail": coming.said.detail}


def cell(value: Value) -> str:
    """A value in a table."""
    written = "" if value is None else str(value)
    parted = INNER.sub(r"\1'", written)  # another country's spreadsheet begins a cell there
    return ("'" if written.startswith(FORMULA) else "") + visible(parted)


def table(comings: Iterable[Coming]) -> Iterator[bytes]:
    """CSV (RFC 4180), line by line."""
    head = True
    for coming in comings:
        row, line = fields(coming), io.StringIO()
        writer = csv.writer(line)
        if head:
            writer.writerow(row)
        writer.writerow(map(cell, row.values()))
        head = False
        yield line.getvalue().encode()


def lines(comings: Iterable[Coming]) -> Iterator[bytes]:
    """One JSON object a line, with everything beyond ASCII escaped."""
    for coming in comings:
        yield json.dumps(fields(coming)).encode() + b"\n"
