"""One log entry as a line: for a terminal, for a script, and for a table in a spreadsheet."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mortice.cli.moments import Clock, iso
from mortice.cli.output import plain
from mortice.cli.output import say as print_line
from mortice.client.words import reason_of, say, text, who
from mortice.core.log import About, Entry, Kind
from mortice.core.stages import TimeState

COLUMNS = (
    "entry", "at", "clock", "kind", "who", "word", "sentence", "reason", "check", "detail")
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")  # a cell that begins so is run by spreadsheets
KEYED = (Kind.GRANTED, Kind.REFUSED)


def say_entry(entry: Entry, names: Mapping[bytes, str], clock: Clock) -> None:
    """One line, and a second one for what helps."""
    said = say(entry, names)
    unsure = "" if entry.time is not TimeState.UNSURE else " (clock unsure)"
    print_line(plain(
        f"{entry.index:>6}  {clock.say_exactly(entry.at)}{unsure}  {said.word}: {said.sentence}"))
    if said.detail:
        print_line(plain(f"{'':>8}{said.detail}"))


def line_json(entry: Entry, names: Mapping[bytes, str]) -> dict[str, Any]:
    """One entry for scripts (docs/cli.md, "An entry of a log")."""
    said, leaf = say(entry, names), entry.about.get(About.LEAF)
    refused = entry.kind is Kind.REFUSED
    return {
        "entry": entry.index, "at": iso(entry.at), "clock": entry.time.name.lower(),
        "kind": entry.kind.name.lower(),
        "who": who(entry, names) if entry.kind in KEYED else None,
        "key": leaf.hex() if isinstance(leaf, bytes) else None,
        "word": said.word, "sentence": said.sentence,
        "reason": reason_of(entry).value if refused else None,
        "check": text(entry, About.CHECK) or None,
        "detail": text(entry, About.DETAIL) or None}


def cells(entry: Entry, names: Mapping[bytes, str]) -> list[str]:
    """One row of a table: no cell starts a formula, and no character moves a cursor."""
    line = line_json(entry, names)
    return [cell(line[column]) for column in COLUMNS]


def cell(value: object) -> str:
    """A value as a cell of a table."""
    written = "" if value is None else str(value)
    return "'" + plain(written) if written.startswith(FORMULA) else plain(written)
