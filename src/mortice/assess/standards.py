"""Standards, laws and schemes as data: editions, what each covers, its codes and its marks.

Every file of `data/standards` is read and checked once. What is marked `check` is a question for a
person: a file that lets a fact rest on it is refused, so that it cannot judge a door.

Spec: spec/assess.md, section 7.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from importlib.resources import files
from typing import Any

from mortice.assess.model import model

CONFIDENCE = ("certain", "likely", "check")
STATUS = ("current", "superseded", "withdrawn", "unknown")
PARTS = {"cylinder": "cylinder", "hardware": "handle or escutcheon", "lock": "lock",
         "set": "door set"}


@dataclass(frozen=True, slots=True)
class Edition:
    """One edition, by its year or issue, with the days between which it was in force."""

    id: str
    status: str
    confidence: str
    since: date | None = None
    until: date | None = None
    say: str = ""


@dataclass(frozen=True, slots=True)
class Note:
    """Something else that is to be known, or found out where it is marked `check`."""

    say: str
    confidence: str


@dataclass(frozen=True, slots=True)
class Field:
    """One place of a code: what each character means there, and what is said of those not listed.

    `further`: which those may be, as in the brackets of a pattern.
    """

    name: str
    values: Mapping[str, Note]
    open: Note | None
    further: str


@dataclass(frozen=True, slots=True)
class Table:
    """The places of a code in some editions, and which characters there show which fact."""

    editions: tuple[str, ...]
    places: tuple[Field, ...]
    facts: Mapping[str, Mapping[int, str]]  # fact -> place, from 1 -> any of these characters


@dataclass(frozen=True, slots=True)
class Grade:
    """What a mark with one of these grades says, and on which parts it can be."""

    grades: tuple[str, ...]
    parts: tuple[str, ...]
    say: str
    confidence: str
    facts: tuple[str, ...] = ()
    stars: int = 0
    total: str = ""  # the fact shown together with hardware that brings the stars to three


@dataclass(frozen=True, slots=True)
class Standard:
    """One file."""

    id: str
    title: str
    name: str  # its short one, such as EN 1303
    names: tuple[str, ...]
    parts: tuple[str, ...]
    covers: str
    not_covers: str
    source: str
    date: date  # of the facts in it
    confidence: str
    editions: tuple[Edition, ...]
    notes: tuple[Note, ...]
    codes: tuple[Table, ...]
    marks: tuple[Grade, ...]


@lru_cache(maxsize=1)
def standards() -> dict[str, Standard]:
    """Every standard by its file's name. Raises ValueError where a file is wrong."""
    folder = files(__package__) / "data" / "standards"
    found = {path.name.removesuffix(".toml"): path.read_text("utf-8")
             for path in folder.iterdir() if path.name.endswith(".toml")}
    made = {name: read_standard(name, text) for name, text in sorted(found.items())}
    names = [name for each in made.values() for name in each.names]
    if len(set(names)) < len(names):
        raise ValueError(f"two standards of one name among {sorted(names)}")
    return made


def read_standard(name: str, text: str) -> Standard:
    """One file's standard. Raises ValueError, with the file's name and what is wrong."""
    try:
        raw = tomllib.loads(text)
        wrong = list(_words(raw))
        made = _standard(name, raw)
        wrong += _rests(made)
    except (AttributeError, LookupError, TypeError, ValueError) as error:
        raise ValueError(f"{name}.toml: {error!r}") from error
    if wrong:
        raise ValueError(f"{name}.toml: {'; '.join(wrong)}")
    return made


def _standard(name: str, raw: dict[str, Any]) -> Standard:
    own, parts = raw["confidence"], tuple(raw["parts"])
    return Standard(**raw | {
        "id": name, "name": raw["names"][0], "names": tuple(raw["names"]), "parts": parts,
        "editions": tuple(Edition(**{"confidence": own} | each) for each in raw["editions"]),
        "notes": tuple(Note(**{"confidence": own} | each) for each in raw.get("notes", ())),
        "codes": tuple(_table(each, own) for each in raw.get("codes", ())),
        "marks": tuple(_grade(each, own, parts) for each in raw.get("marks", ()))})


def _table(raw: dict[str, Any], own: str) -> Table:
    own = raw.pop("confidence", own)
    return Table(
        tuple(raw.pop("editions")), tuple(_field(each, own) for each in raw.pop("places")),
        {each["fact"]: {int(place): characters for place, characters in each["where"].items()}
         for each in raw.pop("facts", ())}, **raw)


def _field(raw: dict[str, Any], own: str) -> Field:
    if not raw.keys() <= {"name", "confidence", "values", "chars", "say", "open", "further"}:
        raise ValueError(f"a place has {sorted(raw)}")
    own = raw.get("confidence", own)
    listed = {character: Note(raw["say"], own) for character in raw.get("chars", "")} | {
        character: Note(**{"confidence": own} | (
            {"say": meaning} if isinstance(meaning, str) else meaning))
        for character, meaning in raw.get("values", {}).items()}
    return Field(raw["name"], listed, Note(f"not known here: {raw['open']}", "check")
                 if "open" in raw else None, raw.get("further", "A-Z0-9"))


def _grade(raw: dict[str, Any], own: str, parts: tuple[str, ...]) -> Grade:
    raw = {"confidence": own, "parts": parts} | raw
    return Grade(**raw | {key: tuple(raw.get(key, ())) for key in ("grades", "parts", "facts")})


# --- what a file may not say ----------------------------------------------------------------------


def _day(value: object) -> bool:
    return type(value) is date  # a time of day as well is no day


RIGHT: dict[str, Callable[[object], bool]] = {
    "confidence": CONFIDENCE.__contains__, "status": STATUS.__contains__,
    "parts": PARTS.__contains__, "stars": (1, 2, 3).__contains__, "date": _day, "since": _day,
    "until": _day}


def _words(raw: object, at: str = "") -> Iterator[str]:
    """Words and days of a file, wherever they stand, that are not what they should be."""
    if isinstance(raw, dict):
        yield from (wrong for name, each in raw.items() for wrong in _words(each, name))
    elif isinstance(raw, list):
        yield from (wrong for each in raw for wrong in _words(each, at))
    elif not (RIGHT[at](raw) if at in RIGHT else isinstance(raw, str)):
        yield f"{at} is {raw!r}"


def _rests(made: Standard) -> Iterator[str]:
    """Facts that are not known, or that would rest on what is to be checked."""
    rests = [((*grade.facts, *filter(None, [grade.total])), grade.confidence)
             for grade in made.marks]
    coded = {edition for table in made.codes for edition in table.editions}
    if made.codes and coded != {each.id for each in made.editions}:
        yield f"codes of the editions {sorted(coded)}"
    for table in made.codes:
        rests += [((fact,), table.places[place - 1].values[character].confidence)
                  for fact, where in table.facts.items()
                  for place, characters in where.items() for character in characters]
    for facts, confidence in rests:
        if not set(facts) <= model().facts.keys():
            yield f"facts without words among {facts}"
        if facts and "check" in (confidence, made.confidence):
            yield f"{facts} would rest on what is to be checked"


def compact(text: str) -> str:
    """A name or a grade without what people write differently: `TS 007-1` is `TS0071`."""
    return re.sub(r"[^A-Z0-9]", "", text.upper())
