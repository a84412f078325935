"""What a part's classification code or mark says: every place by its edition, and what is refused.

The same character means different things in different editions, so no code is read without one. A
code or mark only says what the part is; how it was shown decides what that counts for.

Spec: spec/assess.md, section 7.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache

from mortice.assess.standards import PARTS, Edition, Standard, Table, compact, standards

DASHES = str.maketrans(dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212", "-"))
GAPS = re.compile(r"[\s.,;|/·]+")
EDITION = re.compile(
    r"[\s:,(]*(?:ISSUE\s*(\d\d?)(?:\.\d)?|((?:19|20)\d\d)(?:-(?:0[1-9]|1[0-2])\b)?)(?![0-9])\)?"
    r"(?:\s*[+/]\s*A[C\d]*(?::\d{4})?)*")
PART = re.compile(r"\b(?:(CYLINDER)|(HANDLE|ESCUTCHEON|HARDWARE|FURNITURE)|(LOCK)|"
                  r"(DOOR[ -]?SET|DOOR))S?\b")
PART_NAMES = tuple(PARTS)  # in the order of the groups above
FEW = 12  # of what can be meant, in a sentence
FILLING = re.compile(r"\b(?:CLASS|GRADE|RATING|KITEMARK)\b")


class BadCode(Exception):
    """A code or mark that cannot be: what is wrong with it, and what was expected."""

    def __init__(self, what: str, expected: str) -> None:
        super().__init__(f"{what}. Expected: {expected}.")
        self.what, self.expected = what, expected


@dataclass(frozen=True, slots=True)
class Place:
    """One place of a code, counted from 1."""

    number: int
    name: str
    character: str
    meaning: str
    confidence: str


@dataclass(frozen=True, slots=True)
class Code:
    """A code that was read, and the facts that it would show."""

    standard: Standard
    edition: Edition
    places: tuple[Place, ...]
    facts: tuple[str, ...]
    cautions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Mark:
    """A mark that was read, and the facts that it would show on that part.

    `total` is the fact that it shows together with hardware that brings `stars` to three.
    """

    standard: Standard
    edition: Edition | None
    grade: str
    part: str
    say: str
    facts: tuple[str, ...]
    cautions: tuple[str, ...]
    stars: int
    total: str


# --- codes ----------------------------------------------------------------------------------------


def read_code(standard: str, code: str, part: str = "") -> Code:
    """A code such as `1 6 - B - C 5 D`, by a standard with its edition. Raises BadCode."""
    known, year, rest = find(standard)
    if rest:
        raise BadCode(f"{_short(standard)} is not a standard with its edition", _editions(known))
    if not known.codes:
        raise BadCode(f"{known.name} has no code of places", "a mark, such as BS 3621:2017")
    _on({part} - {""}, known.parts, known.name, known.covers)
    if not year:
        raise BadCode(f"{known.name} has several editions, and the same character does not mean "
                      "the same in each" if len(known.codes) > 1 else
                      f"the edition of {known.name} is not said", _could_be(known, code))
    edition = _edition(known, year)
    table = next(each for each in known.codes if edition.id in each.editions)
    places = tuple(_place(known, edition, table, number, character)
                   for number, character in enumerate(_split(known, edition, table, code), 1))
    facts = tuple(fact for fact, where in table.facts.items() if edition.confidence != "check"
                  and all(places[at - 1].character in any_ for at, any_ in where.items()))
    return Code(known, edition, places, facts, _cautions(known, edition, *(
        places[at - 1].confidence for fact in facts for at in table.facts[fact])))


def _split(known: Standard, edition: Edition, table: Table, code: str) -> list[str]:
    """A code's characters, one a place: apart, in one word, or with dashes between them."""
    text = GAPS.sub("", code.upper().translate(DASHES))
    patterns = [r"([A-Z0-9-]1?)" if any(len(each) > 1 for each in place.values) else r"([A-Z0-9-])"
                for place in table.places]
    for between in ("", "-"):
        if found := re.fullmatch(between.join(patterns), text):
            return list(found.groups())
    length = len(table.places)
    others = [f"{len(each.places)} belong to the edition of {_either(each.editions)}"
              for each in known.codes if len(each.places) != length]
    raise BadCode(f"{known.name}:{edition.id} has {length} places, and {_short(code)} does not",
                  f"{length} characters, spaces between them or not"
                  + "".join(f"; {other}" for other in others))


def _place(known: Standard, edition: Edition, table: Table, number: int, character: str) -> Place:
    field = table.places[number - 1]
    further = re.fullmatch(f"[{field.further}]", character)
    note = field.values.get(character) or (field.open if further else None)
    if note is None:
        where = [edition for each in known.codes if each is not table
                 and len(each.places) == len(table.places)
                 and character in each.places[number - 1].values for edition in each.editions]
        raise BadCode(f"place {number} of {known.name}:{edition.id} ({field.name}) is not "
                      + _short(character)
                      + f": that belongs to the edition of {_either(where)}" * bool(where),
                      _either([*field.values, f"a grade that is not known here, of {field.further}"
                               * bool(field.open)]))
    return Place(number, field.name, character, note.say, note.confidence)


def _could_be(known: Standard, code: str) -> str:
    """Which editions a code without one could be of."""
    fits = []
    for edition in known.editions:
        with suppress(BadCode):
            read_code(f"{known.name}:{edition.id}", code)
            fits.append(f"{known.name}:{edition.id}")
    return f"{_either(fits)}, which this code could be" if fits else (
        f"an edition; this code fits none of {_editions(known)}")


# --- marks ----------------------------------------------------------------------------------------


def read_mark(mark: str, part: str = "") -> Mark:
    """A mark such as `TS 007 3 star` on a cylinder, hardware, lock or set. Raises BadCode."""
    known, year, rest = find(mark)
    if not known.marks:
        raise BadCode(f"{known.name} is not a mark of a part",
                      f"a code with its edition, such as {known.name}:{known.editions[-1].id}"
                      if known.codes else "a mark, such as BS 3621:2017")
    said = {PART_NAMES[found.lastindex - 1] for found in PART.finditer(rest) if found.lastindex}
    said |= {part} - {""}
    grade = _grade(FILLING.sub("", PART.sub("", rest)))
    row = next((each for each in known.marks if grade in map(compact, each.grades)), None)
    if row is None:
        every = [grade for each in known.marks for grade in each.grades]
        few = _either(every) if len(every) <= FEW else f"a grade of {known.name}: {known.covers}"
        raise BadCode(f"{known.name} has no grade {_short(rest)}" if grade else
                      f"{known.name} alone does not say which grade",
                      few if any(every) else f"{known.name} alone, which has no grades")
    shown = next(each for each in row.grades if compact(each) == grade)
    _on(said, row.parts, f"{known.name} {shown}".rstrip(), row.say)
    edition = _edition(known, year) if year and known.editions else None
    sure = edition is None or edition.confidence != "check"
    return Mark(
        known, edition, shown, min(said, default=row.parts[0]), row.say, row.facts * sure,
        _cautions(known, edition, row.confidence), row.stars * sure, row.total * sure)


def _grade(text: str) -> str:
    """`three-star`, `3*` and `***` are one grade."""
    for word, digit in (("ONE", "1"), ("TWO", "2"), ("THREE", "3")):
        text = re.sub(rf"\b{word}\b", digit, text)
    text = re.sub(r"(?<=\d)\s*[*★](?![*★])", "STAR", text)
    text = re.sub(r"[*★]+", lambda found: f"{len(found[0])}STAR", text)
    return re.sub(r"STARS$", "STAR", compact(text))


# --- what both need -------------------------------------------------------------------------------


def find(text: str) -> tuple[Standard, str, str]:
    """The standard that `text` begins with, its edition or nothing, and the rest. Raises BadCode.

    Stars without a name are of TS 007: nothing else has them.
    """
    said = text.upper().translate(DASHES).strip()
    for pattern, known in names():
        if found := pattern.match(said):
            rest = said[found.end():]
            year = EDITION.match(rest)
            return (known, year[1] or year[2], rest[year.end():].strip()) if year else (
                known, "", rest.strip())
    if re.search(r"\bSTARS?\b|[*★]", said):
        return standards()["ts007"], "", said
    raise BadCode(f"{_short(text)} names no standard that is known here",
                  _either(each.name for each in standards().values() if each.codes or each.marks))


@lru_cache(maxsize=1)
def names() -> list[tuple[re.Pattern[str], Standard]]:
    """How each standard's name begins a text, the longest first: TS 007-2 is not TS 007."""
    known_as = [(name, known) for known in standards().values() for name in known.names]
    return [(re.compile(r"(?:(?:BS|DIN|NF)\s*)?" * name.startswith("EN ")
                        + r"\s*".join(re.escape(word.upper()) for word in name.split())
                        + r"(?![A-Z0-9]|[ -]?STAR)"), known)
            for name, known in sorted(known_as, key=lambda each: -len(each[0]))]


def _on(said: set[str], parts: tuple[str, ...], name: str, say: str) -> None:
    for part in sorted(said - set(parts)):
        raise BadCode(f"there is no {name} {PARTS[part]}",
                      f"{name} on a {_either(PARTS[each] for each in parts)}: {say}")


def _edition(known: Standard, year: str) -> Edition:
    for edition in known.editions:
        if edition.id == year:
            return edition
    raise BadCode(f"no edition {year} of {known.name} is known here", _editions(known))


def _cautions(known: Standard, edition: Edition | None, *rests: str) -> tuple[str, ...]:
    """What is said of an edition and of how sure this is. It changes nothing (B9)."""
    said, doubts = [], {*rests, edition.confidence if edition else "certain"}
    if edition is not None and edition.status in ("superseded", "withdrawn"):
        said.append(f"{known.name}:{edition.id} is not the current edition: {edition.status}"
                    + f", {edition.say}" * bool(edition.say) + ". That changes nothing here.")
    if "check" in doubts:
        said.append(f"Not known well enough of {known.name} to count: look at the certificate.")
    elif "likely" in doubts:
        said.append(f"What is said here of {known.name} rests on one source, unverified.")
    return tuple(said)


def _editions(known: Standard) -> str:
    return _either(f"{known.name}:{each.id}" for each in known.editions)


def _either(words: Iterable[str]) -> str:
    listed = [word for word in words if word]
    return " or ".join(filter(None, (", ".join(listed[:-1]), listed[-1]))) if listed else "nothing"


def _short(text: str) -> str:
    return repr(text.strip()[:40])
