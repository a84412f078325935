"""TOML and YAML as plain values, with the line that each of them stands on.

YAML is read without aliases, tags and doubled keys: a file of facts needs none, and each of them is
a way to mean something else than one reads.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Protocol, TypeAlias

import yaml

MOST_BYTES = 262_144  # of one file
DEEPEST = 20
YEARS = range(2000, 2200)
SYNTAX = re.compile(r" \(at (?:line (\d+), column \d+|end of document)\)$")
Path: TypeAlias = tuple[str | int, ...]


class BadFile(Exception):
    """A file of facts cannot be read: on which line, what is there, and what was expected."""

    def __init__(self, line: int, what: str, expected: str) -> None:
        super().__init__(f"Line {line}: {what}. Expected: {expected}.")
        self.line, self.what, self.expected = line, what, expected


@dataclass(slots=True)
class Lines:
    """Where everything stands."""

    found: dict[Path, int] = field(default_factory=dict)

    def at(self, path: Path) -> int:
        """The line of what stands at `path`, or of what it stands in."""
        while path and path not in self.found:
            path = path[:-1]
        return self.found.get(path, 1)


def read_text(text: str, form: str) -> tuple[dict[str, Any], Lines]:
    """The file's table and its lines. `form` is `toml` or `yaml`. Raises BadFile."""
    if len(text.encode()) > MOST_BYTES:
        raise BadFile(1, "the file is larger than 256 KiB", "the facts of one door, or of some")
    raw, lines = _toml(text) if form == "toml" else _yaml(text)
    if not isinstance(raw, dict):
        raise BadFile(1, "the file is not a table of names with values", "such as facts: {…}")
    return raw, lines


# --- TOML -----------------------------------------------------------------------------------------


def _toml(text: str) -> tuple[Any, Lines]:
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        found = SYNTAX.search(str(error))
        line = int(found[1]) if found and found[1] else text.count("\n") + 1
        raise BadFile(line, SYNTAX.sub("", str(error)), "TOML") from error
    except RecursionError as error:
        raise BadFile(1, "it is nested too deep", "plain tables") from error
    return raw, _toml_lines(text, raw)


def _toml_lines(text: str, raw: dict[str, Any]) -> Lines:
    """The first line that names each key, in the order in which the keys come."""
    lines = Lines()
    rows = text.split("\n")

    def walk(value: object, path: Path, start: int) -> None:
        members = value.items() if isinstance(value, dict) else (
            enumerate(value) if isinstance(value, list) else ())
        for name, each in members:
            here = start if isinstance(name, int) else _row(rows, name, start)
            lines.found[*path, name] = here + 1
            walk(each, (*path, name), here)

    walk(raw, (), 0)
    return lines


def _row(rows: list[str], name: str, start: int) -> int:
    word = re.compile(rf"(?<![\w-])[\"']?{re.escape(name)}[\"']?\s*(=|\]|\.)")
    return next((at for at in (*range(start, len(rows)), *range(start))
                 if word.search(rows[at])), start)


# --- YAML -----------------------------------------------------------------------------------------


def _yaml(text: str) -> tuple[Any, Lines]:
    lines = Lines()
    try:
        for event in yaml.parse(text, yaml.SafeLoader):
            if isinstance(event, yaml.AliasEvent):
                raise BadFile(_line(event.start_mark), "an alias (*)", "the value itself")
        node = yaml.compose(text, yaml.SafeLoader)
        if node is None:
            raise BadFile(1, "the file is empty", "facts: {…}")
        return _value(node, (), lines), lines
    except yaml.MarkedYAMLError as error:
        raise BadFile(_line(error.problem_mark),
                      error.problem or "this is not YAML", "YAML") from error
    except yaml.YAMLError as error:
        raise BadFile(1, str(error).split("\n")[0], "YAML") from error
    except (RecursionError, ValueError) as error:
        raise BadFile(1, f"a value cannot be read: {str(error)[:60]}", "plain values") from error


class _Mark(Protocol):
    @property
    def line(self) -> int: ...


def _line(mark: _Mark | None) -> int:
    return 1 if mark is None else mark.line + 1


def _value(node: yaml.Node, path: Path, lines: Lines) -> object:
    line = node.start_mark.line + 1
    lines.found.setdefault(path, line)
    if len(path) > DEEPEST:
        raise BadFile(line, "it is nested too deep", "plain tables")
    if isinstance(node, yaml.MappingNode):
        return _mapping(node, path, lines)
    if isinstance(node, yaml.SequenceNode):
        return [_value(each, (*path, at), lines) for at, each in enumerate(node.value)]
    if not str(node.tag).startswith("tag:yaml.org,2002:"):
        raise BadFile(line, f"the tag {node.tag}", "a plain value")
    return yaml.SafeLoader("").construct_object(node)


def _mapping(node: yaml.MappingNode, path: Path, lines: Lines) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for key, value in node.value:
        line, name = key.start_mark.line + 1, key.value
        if not isinstance(name, str):
            raise BadFile(line, "a name that is not a word", "a word")
        if name in made:
            raise BadFile(line, f"{name[:60]} stands here twice", "each name once")
        lines.found[*path, name] = line
        made[name] = _value(value, (*path, name), lines)
    return made


# --- what every part of a file may be -------------------------------------------------------------


def as_table(said: object, lines: Lines, at: Path) -> dict[str, Any]:
    """What should be a table. Raises BadFile, as the others do."""
    if not isinstance(said, dict):
        raise BadFile(lines.at(at), f"{_last(at)} is not a table", "names with values")
    return said


def all_known(said: Mapping[str, Any], known: Iterable[str], lines: Lines, at: Path) -> None:
    """Is every name of a table one of these?"""
    for word in said:
        one_of(word, known, lines, (*at, word))


def one_of(word: object, known: Iterable[str], lines: Lines, at: Path) -> None:
    """Is it one of these words? The error names the nearest."""
    words = list(known)
    if word not in words:
        near = difflib.get_close_matches(str(word), words, 1)
        raise BadFile(lines.at(at), f"{str(word)[:60]!r} is not known here",
                      f"perhaps {near[0]}" if near else _few(words))


def _few(words: list[str]) -> str:
    most = 12
    return f"one of {', '.join(words[:most])}{' …' if len(words) > most else ''}"


def yes_or_no(said: object, lines: Lines, at: Path) -> bool:
    """True or false, and nothing that is like it."""
    if not isinstance(said, bool):
        raise BadFile(lines.at(at), f"{_last(at)} is {str(said)[:60]!r}", "true or false")
    return said


def as_day(said: object, lines: Lines, at: Path) -> date | None:
    """A day, or None where none was said."""
    if said is None:
        return None
    try:
        day = said if isinstance(said, date) else date.fromisoformat(str(said))
        if day.year not in YEARS:
            raise ValueError
        return day.date() if isinstance(day, datetime) else day
    except ValueError as error:
        raise BadFile(lines.at(at), f"{str(said)[:60]!r} is not a day from 2000 to 2199",
                      "a day, such as 2026-03-01") from error


def _last(at: Path) -> str:
    return str(at[-1]) if at else "the file"
