"""A door set as somebody wrote it down: read from TOML or YAML, with the line of whatever is wrong.

Nothing is guessed: a word that is not known is an error with the words that could be meant. Dates
are facts as well: what has ended, or was shown before a part was changed, counts as a claim.

Spec: spec/assess.md, section 5.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from mortice.assess.codes import BadCode, Code, Mark, read_code, read_mark
from mortice.assess.evaluate import Said
from mortice.assess.model import CONTEXTS, Model
from mortice.assess.standards import PARTS as MARKED_PARTS
from mortice.assess.text import (
    BadFile,
    Lines,
    Path,
    all_known,
    as_day,
    as_table,
    one_of,
    read_text,
    yes_or_no,
)

CLAIM = "claim"
SMART = "smart"  # every layer of the electronics
KEYS = ("name", "id", "smart", "default", "context", "unsure", "facts", "marks", "support",
        "changes", "expect")
SHOWN_KEYS = ("shown", "on", "until", "withdrawn", "note")
MARK_KEYS = ("mark", "standard", "code", "part", "shown", "on", "until", "note")
SUPPORT_KEYS = ("until", "sold", "shown")
PARTS: dict[str, tuple[str, ...]] = {  # of a change, and the layers of which it unmakes all (B10)
    "cylinder": (), "handle": (), "actuator": (SMART,), "lock": ("P-LOCK", "P-INST"),
    "door": ("P-DOOR", "P-INST")}
MOST_MARKS = 100
STARS = 3  # of TS 007, that a cylinder and its hardware come to
# What a change of any part but the door unmakes as well: these layers' certificates, and these.
UNMADE = ("P-LOCK", "P-DOOR")
UNMADE_FACTS = frozenset({
    "fire_test_evidence_this_doorset", "inside_only_actuator_cert_retained",
    "commissioning_complete", "independent_inspection", "projection_le_3mm"})
DEFAULTS = {"unknown": None, "false": False}


@dataclass(frozen=True, slots=True)
class Shown:
    """One fact: how it was shown, when, and until when that holds."""

    said: Said
    on: date | None = None
    until: date | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Marked:
    """A mark or a code on a part, and how it was shown."""

    read: Mark | Code
    shown: Shown


@dataclass(frozen=True, slots=True)
class Support:
    """Until when the maker promises security updates, and when it was sold."""

    until: date
    shown: str
    sold: date | None = None


@dataclass(frozen=True, slots=True)
class DoorSet:
    """What is said of one door."""

    name: str
    smart: bool
    default: Said  # what a fact counts as that is not listed: not known, or known absent
    used: frozenset[str]
    facts: Mapping[str, Shown]
    support: Support | None = None
    changed: Mapping[str, date | None] = field(default_factory=dict)  # part -> the day
    marks: tuple[Marked, ...] = ()
    unsure: frozenset[str] = frozenset()  # uses that count though nobody knows of them


def read_door_sets(text: str, form: str, model: Model) -> list[DoorSet]:
    """One door set, or those under `cases`. `form` is `toml` or `yaml`. Raises BadFile."""
    raw, lines = read_text(text, form)
    if "cases" not in raw:
        return [as_door_set(raw, lines, (), model)]
    all_known(raw, ("cases",), lines, ())
    cases = raw["cases"]
    if not isinstance(cases, list) or not cases:
        raise BadFile(lines.at(("cases",)), "cases is empty", "a list of door sets")
    return [as_door_set(as_table(each, lines, ("cases", at)), lines, ("cases", at), model)
            for at, each in enumerate(cases)]


def read_table(raw: dict[str, Any], model: Model) -> DoorSet:
    """One door set from what a file would hold. Raises BadFile."""
    return as_door_set(raw, Lines(), (), model)


def as_door_set(raw: dict[str, Any], lines: Lines, at: Path, model: Model) -> DoorSet:
    """One door set from the table at `at` of a file. Raises BadFile."""
    all_known(raw, KEYS, lines, at)
    if not {"facts", "marks"} & raw.keys():
        raise BadFile(lines.at(at), "there are no facts",
                      "a table `facts`, such as facts: {leaf_sound: photo}")
    said = as_table(raw.get("facts", {}), lines, (*at, "facts"))
    all_known(said, model.facts, lines, (*at, "facts"))
    facts = {fact: as_shown(each, lines, (*at, "facts", fact), model)
             for fact, each in said.items()}
    marks = _marks(raw.get("marks", []), lines, (*at, "marks"), model)
    for fact, _ in _by_marks(marks):
        if fact in facts and facts[fact].said is False:
            raise BadFile(lines.at((*at, "facts", fact)), f"{fact} is false, and a mark shows it",
                          "one of the two: leave out the mark if it was withdrawn")
    return DoorSet(
        name=str(raw.get("name") or raw.get("id") or "this door"),
        smart=yes_or_no(raw.get("smart", False), lines, (*at, "smart")),
        default=_default(raw.get("default", "unknown"), lines, (*at, "default")),
        used=_used(raw.get("context", []), lines, (*at, "context")),
        unsure=_used(raw.get("unsure", []), lines, (*at, "unsure")),
        facts=facts, support=_support(raw.get("support"), lines, (*at, "support"), model),
        changed=_changed(raw.get("changes", {}), lines, (*at, "changes")), marks=marks)


def _default(said: object, lines: Lines, at: Path) -> Said:
    word = str(said).lower()
    if word not in DEFAULTS:
        raise BadFile(lines.at(at), f"default is {said!r}",
                      "'unknown', or 'false' where every fact not listed is known to be absent")
    return DEFAULTS[word]


def _used(said: object, lines: Lines, at: Path) -> frozenset[str]:
    if not isinstance(said, list):
        raise BadFile(lines.at(at), f"{at[-1]} is not a list",
                      f"a list of {', '.join(CONTEXTS)}; or [] for a home of one household")
    for word in said:
        one_of(word, CONTEXTS, lines, at)
    return frozenset(said)


def as_shown(said: object, lines: Lines, at: Path, model: Model) -> Shown:
    """How a fact was shown: a kind of evidence, or a table of it. Raises BadFile."""
    if not isinstance(said, dict):
        return Shown(as_said(said, lines, at, model))
    all_known(said, SHOWN_KEYS, lines, at)
    if yes_or_no(said.get("withdrawn", False), lines, (*at, "withdrawn")):
        return Shown(said=False, note=str(said.get("note", "")))
    if "shown" not in said:
        raise BadFile(lines.at(at), "it does not say how this was shown",
                      "`shown`, such as {shown: photo, on: 2026-03-01}")
    return Shown(as_said(said["shown"], lines, (*at, "shown"), model),
                 as_day(said.get("on"), lines, (*at, "on")),
                 as_day(said.get("until"), lines, (*at, "until")), str(said.get("note", "")))


def as_said(said: object, lines: Lines, at: Path, model: Model) -> Said:
    """A kind of evidence, `false` or `unknown`. Raises BadFile."""
    if said is False or said == "false":
        return False
    if said == "unknown" or said is None:
        return None
    if said is True:
        raise BadFile(lines.at(at), "`true` does not say how this is known",
                      f"one of {', '.join(model.ranks)}; or false")
    one_of(said, model.ranks, lines, at)
    return None if said == "none" else str(said)


def _marks(said: object, lines: Lines, at: Path, model: Model) -> tuple[Marked, ...]:
    if not isinstance(said, list):
        raise BadFile(lines.at(at), "marks is not a list",
                      "a list, such as [{mark: TS 007 3 star, part: cylinder, shown: photo}]")
    if len(said) > MOST_MARKS:
        raise BadFile(lines.at(at), f"{len(said)} marks at one door", f"{MOST_MARKS} at most")
    return tuple(_marked(as_table(each, lines, (*at, number)), lines, (*at, number), model)
                 for number, each in enumerate(said))


def _marked(said: dict[str, Any], lines: Lines, at: Path, model: Model) -> Marked:
    try:
        return as_marked(said, lines, at, model)
    except BadCode as error:
        raise BadFile(lines.at((*at, "mark" if "mark" in said else "code")), error.what,
                      error.expected) from error


def as_marked(said: dict[str, Any], lines: Lines, at: Path, model: Model) -> Marked:
    """A mark or a code. Raises BadFile, and BadCode for one that cannot be."""
    all_known(said, MARK_KEYS, lines, at)
    part = said.get("part", "")
    if part:
        one_of(part, MARKED_PARTS, lines, (*at, "part"))
    read = read_mark(str(said["mark"]), part) if "mark" in said else read_code(
        str(said.get("standard", "")), str(said.get("code", "")), part)
    one_of(said.get("shown", CLAIM), model.ranks, lines, (*at, "shown"))
    return Marked(read, as_shown(
        {key: said[key] for key in SHOWN_KEYS if key in said}, lines, at, model))


def _support(said: object, lines: Lines, at: Path, model: Model) -> Support | None:
    if said is None:
        return None
    table = as_table(said, lines, at)
    all_known(table, SUPPORT_KEYS, lines, at)
    until = as_day(table.get("until"), lines, (*at, "until"))
    if until is None:
        raise BadFile(lines.at(at), "support has no end",
                      "`until`, the last day of security updates, such as 2031-05-01")
    shown = as_said(table.get("shown", CLAIM), lines, (*at, "shown"), model)
    return Support(until, shown if isinstance(shown, str) else CLAIM,
                   as_day(table.get("sold"), lines, (*at, "sold")))


def _changed(said: object, lines: Lines, at: Path) -> dict[str, date | None]:
    table = as_table(said, lines, at)
    all_known(table, PARTS, lines, at)
    return {part: as_day(day, lines, (*at, part)) for part, day in table.items()}


# --- what counts on a day -------------------------------------------------------------------------


def facts_on(door: DoorSet, model: Model, today: date) -> dict[str, Said]:
    """What every fact counts as on `today` (B9 to B11)."""
    counted: dict[str, Said] = {} if door.default is None else {
        fact: door.default for fact in model.facts if fact not in model.spoken}
    counted |= {fact: counts(door, model, fact, shown, today)
                for fact, shown in door.facts.items()}
    counted |= _by_support(door, model, today)
    for fact, needs in _by_marks(door.marks):
        weakest = min((counts(door, model, fact, shown, today) for shown in needs),
                      key=lambda said: _rank(model, said))
        counted[fact] = max(counted.get(fact), weakest, key=lambda said: _rank(model, said))
    return counted


def _by_marks(marks: tuple[Marked, ...]) -> Iterator[tuple[str, tuple[Shown, ...]]]:
    """The facts that marks show, each with all that it needs: stars are summed (B19)."""
    for one in marks:
        yield from ((fact, (one.shown,)) for fact in one.read.facts)
        yield from ((one.read.total, (one.shown, two.shown)) for two in marks if (
            isinstance(one.read, Mark) and isinstance(two.read, Mark) and one.read.total
            and two.read.part == "hardware" and one.read.stars + two.read.stars >= STARS))


def _rank(model: Model, said: Said) -> int:
    """Kinds of evidence in the data's order: of two, the later is nowhere worth less (B3)."""
    return [*model.ranks].index(said) if isinstance(said, str) else -1


def counts(door: DoorSet, model: Model, fact: str, shown: Shown, today: date) -> Said:
    """What one counts as on `today` (B9, B10)."""
    ended = shown.until is not None and shown.until < today
    later = shown.on is not None and shown.on > today
    lost = ended or later or any(
        (shown.on is None or day is None or shown.on < day) and fact in of_parts(model, part)
        for part, day in door.changed.items() if day is None or day <= today)
    return CLAIM if isinstance(shown.said, str) and lost else shown.said


def of_parts(model: Model, *parts: str) -> set[str]:
    """The facts that a change of these parts unmakes until they are shown again (B10)."""
    every, inside = {layer for part in parts for layer in PARTS[part]}, {*parts} - {"door"}
    return {gate.fact for gate in model.gates} | (UNMADE_FACTS if inside else set()) | {
        fact for layer in model.layers for criterion in layer.criteria
        if layer.id in every or (layer.smart and SMART in every)
        or (inside and layer.id in UNMADE and criterion.accept == "cert")
        for fact in criterion.any}


YEARS = {"support_ge_2y_left": 2, "support_ge_5y_at_sale": 5, "support_ge_10y": 10}
FROM_TODAY = "support_ge_2y_left"  # the others are counted from the sale


def _by_support(door: DoorSet, model: Model, today: date) -> dict[str, Said]:
    """What the end of support says of the facts about it. A claim makes none of them false."""
    if door.support is None:
        return {}
    until, sold, found = door.support.until, door.support.sold, dict[str, Said]()
    for fact, years in YEARS.items():
        said = counts(door, model, fact, Shown(door.support.shown, sold), today)
        since = today if fact == FROM_TODAY else sold
        short = False if since and said != CLAIM else None
        found[fact] = said if months_on(since or today, 12 * years) <= until else short
    return found


def months_on(day: date, months: int) -> date:
    """So many months later; the last day of a month that is shorter."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))
