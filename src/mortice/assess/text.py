"""TOML and YAML as plain values, with the line that each of them stands on.

YAML is read without aliases, tags and doubled keys: a file of facts needs none, and each of them is
a way to mean something else than one reads.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from bisect import bisect_left
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Protocol, TypeAlias

import yaml

MOST_BYTES = 262_144  # of one file
DEEPEST = 20
YEARS = range(2000, 2200)
MOST = 2**63  # of a whole number, as in TOML
LONGEST = 60  # characters of a number or a day
TOO_LARGE = ("a number is too large", "less than nineteen digits")
TOO_DEEP = ("it is nested too deep", "plain tables")
# A key of a hundred names, or as many brackets that are opened and not closed.
DEEP = re.compile(r"""(?<![\w-])(?:(?:[\w-]++|"[^"\n]*+"|'[^'\n]*+')[ \t]*+\.[ \t]*+){100}"""
                  r"""|(?:[\[{][^\[\]{}]*+){100}""")
KEY = re.compile(r"""(?:([\w-]+)|("(?:[^"\\]|\\.)*+(?:"|\\?$)|'[^']*(?:'|$)))\s*([=\].]?)""")
HALF = re.compile("[\ud800-\udfff]")
PLAIN = {"str": "text", "int": "a whole number", "float": "a number", "bool": "true or false",
         "null": "nothing", "timestamp": "a day, such as 2026-03-01", "map": "names with values",
         "seq": "a list"}  # tags of YAML, and what they are for
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
    text = text.removeprefix("\ufeff")
    if len(text.encode()) > MOST_BYTES:
        raise BadFile(1, "the file is larger than 256 KiB", "the facts of one door, or of some")
    raw, lines = _toml(text) if form == "toml" else _yaml(text)
    if not isinstance(raw, dict):
        raise BadFile(1, "the file is not a table of names with values", "such as facts: {…}")
    return raw, lines


def _bounded(value: object, path: Path, line: int) -> None:
    """Neither too deep, nor a number that cannot be written out."""
    if len(path) > DEEPEST:
        raise BadFile(line, *TOO_DEEP)
    if isinstance(value, int) and abs(value) >= MOST:
        raise BadFile(line, *TOO_LARGE)


# --- TOML -----------------------------------------------------------------------------------------


def _toml(text: str) -> tuple[Any, Lines]:
    if deep := DEEP.search(text):  # tomllib takes very long for these, or never comes back
        raise BadFile(text.count("\n", 0, deep.start()) + 1, *TOO_DEEP)
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        found = SYNTAX.search(str(error))
        line = int(found[1]) if found and found[1] else text.count("\n") + 1
        raise BadFile(line, SYNTAX.sub("", str(error)), "TOML") from error
    except RecursionError as error:
        raise BadFile(1, *TOO_DEEP) from error
    except ValueError as error:  # of a number of thousands of digits, and nothing else
        digits = re.search(r"[\d_]{1000}", text)
        line = text.count("\n", 0, digits.start() if digits else 0) + 1
        raise BadFile(line, *TOO_LARGE) from error
    return raw, _toml_lines(text, raw)


def _toml_lines(text: str, raw: dict[str, Any]) -> Lines:
    """The first line that names each key, in the order in which the keys come."""
    lines, rows = Lines(), _rows(text)

    def walk(value: object, path: Path, start: int) -> None:
        _bounded(value, path, start + 1)
        members = value.items() if isinstance(value, dict) else (
            enumerate(value) if isinstance(value, list) else ())
        for name, each in members:
            here, at = start, rows.get(name, []) if isinstance(name, str) else []
            if at:
                here = at[bisect_left(at, start) % len(at)]  # from here on, or from the top again
            lines.found[*path, name] = here + 1
            walk(each, (*path, name), here)

    walk(raw, (), 0)
    return lines


def _rows(text: str) -> dict[str, list[int]]:
    """Each word that may be a key, with the rows on which it stands, from 0."""
    found: dict[str, list[int]] = {}
    for number, row in enumerate(text.split("\n")):
        for word, quoted, after in KEY.findall(row):
            name = word or quoted[1:-1]
            with suppress(tomllib.TOMLDecodeError):
                name = tomllib.loads(f"name = {quoted}")["name"] if "\\" in quoted else name
            if after:
                found.setdefault(name, []).append(number)
    return found


# --- YAML -----------------------------------------------------------------------------------------


class _Plain(yaml.SafeLoader):
    """Reads no alias, nothing that is too deep, and no half of a character."""

    deep = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        event: yaml.NodeEvent = self.peek_event()  # type: ignore[no-untyped-call] # the stubs leave it untyped
        line = _line(event.start_mark)
        if isinstance(event, yaml.AliasEvent):
            raise BadFile(line, "an alias (*)", "the value itself")
        if isinstance(event, yaml.ScalarEvent) and HALF.search(event.value):
            raise BadFile(line, "half of a character (\\ud800 to \\udfff)", "text")
        self.deep += 1
        if self.deep > DEEPEST:
            raise BadFile(line, *TOO_DEEP)
        made = super().compose_node(parent, index)
        self.deep -= 1
        return made


def _yaml(text: str) -> tuple[Any, Lines]:
    lines = Lines()
    try:
        loader = _Plain(text)
    except yaml.reader.ReaderError as error:
        raise BadFile(text.count("\n", 0, error.position) + 1,
                      "a character that no text has", "text") from error
    try:
        node = loader.get_single_node()
    except yaml.MarkedYAMLError as error:
        raise BadFile(_line(error.problem_mark),
                      error.problem or "this is not YAML", "YAML") from error
    except (ValueError, OverflowError) as error:  # of \U and a number that is too large
        raise BadFile(loader.line + 1, "a character that cannot be", "text") from error
    if node is None:
        raise BadFile(1, "the file is empty", "facts: {…}")
    return _value(node, (), lines), lines


class _Mark(Protocol):
    @property
    def line(self) -> int: ...


def _line(mark: _Mark | None) -> int:
    return 1 if mark is None else mark.line + 1


def _value(node: yaml.Node, path: Path, lines: Lines) -> object:
    line = node.start_mark.line + 1
    lines.found.setdefault(path, line)
    kind = str(node.tag).removeprefix("tag:yaml.org,2002:")
    if kind not in PLAIN:
        raise BadFile(line, f"the tag {node.tag}", "a plain value")
    if isinstance(node, yaml.MappingNode):
        return _mapping(node, path, lines)
    if isinstance(node, yaml.SequenceNode):
        return [_value(each, (*path, at), lines) for at, each in enumerate(node.value)]
    if kind != "str" and len(node.value) > LONGEST:
        raise BadFile(line, "a value that is too long", PLAIN[kind])
    try:
        made = yaml.constructor.SafeConstructor().construct_object(node)
    except (yaml.YAMLError, ValueError, LookupError, AttributeError, OverflowError) as error:
        raise BadFile(line, f"{node.value[:60]!r} cannot be read", PLAIN[kind]) from error
    _bounded(made, path, line)
    return made


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
    return f"one of {', '.join(words[:most])}{' …' if len(words) > most else ''}" if words else (
        "nothing here")


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
