"""The installer's list: what was found at a door, judged by what each item asks for.

Decides whether a filled list may be signed, which facts it shows, and until when. A pass whose
value is outside its limits is no pass, and neither is one without what shows it. The list itself is
`data/checklist.toml`, which says what its words mean.

Spec: spec/assess.md, section 11, and spec/checked.md, section 2.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from hashlib import sha256
from math import inf, isfinite
from typing import Any, TypeAlias

from mortice.assess.doorset import Shown, months_on
from mortice.assess.model import read_data
from mortice.assess.text import BadFile, Lines, Path, all_known, as_day, as_table, one_of
from mortice.core.errors import Untrusted
from mortice.core.freshness import Checked, read_checked

Table: TypeAlias = dict[str, Any]
SIGNED = "of a list that an installer signed"  # and not who: notes go into reports
LIST, KEPT = "mortice-checklist/1", "mortice-commissioned/1"
PASS, FAIL, SKIPPED = "pass", "fail", "not_applicable"
HEAD = ("list", "name", "by", "on", "conditions", "site", "door", "items")
KEYS = ("result", "found", "values", "photos", "note")
HASH = re.compile("[0-9a-f]{64}")
LETTERS = 200  # of a name or a note
HEX = re.compile("([0-9a-f]{2})*")
COUNTED = re.compile("tries|cycles")  # in the unit of what is a whole number
LARGEST = 1_000_000  # of a value
DAY, EARLIEST, MOST_DAYS = 86_400, 14 * 3600, 31  # a day begins 14 hours before it does in UTC
EPOCH = 719_163  # 1970-01-01, as days are numbered


@lru_cache(maxsize=1)
def checklist() -> Table:
    """The list of this release: its `items`, its `conditions` in words, and the `facts`."""
    return read_data("checklist")


@dataclass(frozen=True, slots=True)
class Report:
    """A filled list that holds. `raw` is what is written down, in plain values."""

    raw: Table
    on: date

    def results(self) -> dict[str, str]:
        """How each item ended of which something is said."""
        return {name: each["result"] for name, each in self.raw["items"].items()}

    def musts(self) -> list[str]:
        """What has to pass at this door (B51)."""
        return [name for name in checklist()["items"] if asked(name, self.raw["conditions"])]

    def missing(self) -> list[str]:
        """Musts of which nothing is said."""
        return [name for name in self.musts() if name not in self.raw["items"]]

    def due(self) -> dict[str, date]:
        """The day on which each passed item is due again, where time alone makes it so (B56)."""
        return {name: months_on(self.on, min([item["months"], *(
            months for where, months in item.get("often", {}).items()
            if where in self.raw["conditions"])]))
            for name, item in checklist()["items"].items()
            if "months" in item and self.results().get(name) == PASS}

    def facts(self) -> dict[str, Shown]:
        """What it shows of the door once it is signed; `false` where an item failed (B55)."""
        results, due, made = self.results(), self.due(), {}
        for fact, each in checklist()["facts"].items():
            names = [name for name in each.get("items") or self.musts()
                     if name in self.musts() or name in results]
            found, of = {results.get(name) for name in names} - {SKIPPED}, each.get("items", [])
            note = f"{' and '.join(of) or 'every must'} {SIGNED}"
            if FAIL in found:
                made[fact] = Shown(said=False, on=self.on, note=note)
            elif found == {PASS}:
                ends = [due[name] for name in of if name in due]
                made[fact] = Shown(each["kind"], self.on, min(ends, default=None), note)
        for name, each in self.raw["items"].items():
            if each["result"] == PASS and "found" in each:
                kind = checklist()["items"][name]["found"][each["found"]]
                made[each["found"]] = Shown(kind, self.on, note=f"{name} {SIGNED}")
        return made

    def canonical(self) -> bytes:
        """JSON in UTF-8, names in order, no blanks (B57)."""
        return json.dumps(
            self.raw, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()

    def record(self, at: int) -> Checked:
        """What is signed of it at Unix second `at`. The door must be named."""
        ended = [*self.results().values()]
        return Checked(bytes.fromhex(self.raw["door"]), at, sha256(self.canonical()).digest(),
                       ended.count(PASS), ended.count(FAIL))


def asked(name: str, conditions: list[str]) -> bool:
    """Is the item a must where these conditions hold?"""
    item = checklist()["items"][name]
    return not {"always", *conditions}.isdisjoint(item["must"]) and (
        {*conditions}.isdisjoint(item.get("unless", [])))


def as_report(raw: Table, lines: Lines, at: int | None = None) -> Report:
    """A filled list from plain values, signed at Unix second `at` where it is.

    Raises BadFile with the line and what was expected.
    """
    all_known(raw, HEAD, lines, ())
    one_of(raw.get("list"), [LIST], lines, ("list",))
    on, conditions = as_day(raw.get("on"), lines, ("on",)), raw.get("conditions", [])
    if on is None or not raw.get("name") or not raw.get("by"):
        raise BadFile(1, "it does not say which door, who checked it and when", "name, by and on")
    ago = 0 if at is None else (at + EARLIEST) // DAY - on.toordinal() + EPOCH
    if not 0 <= ago <= MOST_DAYS:
        raise BadFile(lines.at(("on",)), f"{on} is not when it was checked",
                      f"the day of the signature, or one of the {MOST_DAYS} before it")
    for word in ("site", "door"):
        if not (isinstance(raw.get(word, ""), str) and HEX.fullmatch(raw.get(word, ""))):
            raise BadFile(lines.at((word,)), f"{word} is no id", "hexadecimal; or leave it out")
    if not isinstance(conditions, list):
        raise BadFile(lines.at(("conditions",)), "conditions is not a list", "a list of words")
    for each in conditions:
        one_of(each, checklist()["conditions"], lines, ("conditions",))
    said = as_table(raw.get("items", {}), lines, ("items",))
    all_known(said, checklist()["items"], lines, ("items",))
    items = {name: _item(name, each, conditions, lines) for name, each in said.items()}
    if not any(items.values()):
        raise BadFile(lines.at(("items",)), "nothing has been looked at yet",
                      "a result of one item at least")
    words = {word: _words(raw[word], lines, (word,)) for word in ("name", "by")}
    return Report(raw | words | {
        "on": on.isoformat(), "conditions": conditions,
        "items": {k: each for k, each in items.items() if each}}, on)


def _words(said: object, lines: Lines, at: Path) -> str:
    if len(str(said)) > LETTERS:
        raise BadFile(lines.at(at), f"{at[-1]} is longer than {LETTERS} letters", "fewer words")
    return str(said)


def _item(name: str, said: object, conditions: list[str], lines: Lines) -> Table:
    """One item, or nothing where no result is said: it was left blank (B50, B52, B54)."""
    at: Path = ("items", name)
    given = {key: _words(value, lines, (*at, key)) if key == "note" else value
             for key, value in as_table(said, lines, at).items()
             if value not in ("", [], {}) and str(value).strip()}
    all_known(given, KEYS, lines, at)
    if "result" not in given:
        return {}
    one_of(given["result"], (PASS, FAIL, SKIPPED), lines, (*at, "result"))
    if given["result"] == SKIPPED and asked(name, conditions):
        raise BadFile(lines.at((*at, "result")), f"{name} does apply at this door", "pass or fail")
    if given["result"] == FAIL and "note" not in given:
        raise BadFile(lines.at(at), f"{name} does not say what is wrong", "a note")
    _parts(name, given, lines)
    if given["result"] == PASS:
        _pass(name, given, lines)
    return given


def _parts(name: str, given: Table, lines: Lines) -> None:
    """Is whatever is said of it what it should be, however it ended (B53)?"""
    at, item = ("items", name), checklist()["items"][name]
    if "found" in given:
        one_of(given["found"], item.get("found", {}), lines, (*at, "found"))
    values = as_table(given.get("values", {}), lines, (*at, "values"))
    all_known(values, item.get("values", {}), lines, (*at, "values"))
    for each, found in values.items():
        whole = COUNTED.search(item["values"][each]["unit"])
        kinds = (int,) if whole else (int, float)
        if type(found) not in kinds or not 0 <= found <= LARGEST:
            raise BadFile(lines.at((*at, "values", each)), f"{name}: {each} is {str(found)[:20]}",
                          f"a {'whole ' if whole else ''}number from 0 to {LARGEST:,}")
    photos = given.get("photos", [])
    if not isinstance(photos, list) or not all(
            isinstance(each, str) and HASH.fullmatch(each) for each in photos):
        raise BadFile(lines.at((*at, "photos")), f"{name} names no photos by their hash",
                      "photos: a list of SHA-256 sums in hexadecimal")


def _pass(name: str, given: Table, lines: Lines) -> None:
    """Has a pass all that its item asks for (B53)?"""
    at, item = ("items", name), checklist()["items"][name]
    if "found" in item:
        one_of(given.get("found"), item["found"], lines, (*at, "found"))
    values = given.get("values", {})
    for each, limits in item.get("values", {}).items():
        least, most = ((values.get(limits["as"], inf),) * 2 if "as" in limits else (
            limits.get("least", -inf), limits.get("most", inf)))
        found: Any = values.get(each, "missing")
        good = found != "missing" and least <= found <= most
        if not good and limits.get("for") in (None, given.get("found")):
            ends = " and ".join(f"{word} {end}" for word, end in (
                ("at least", least), ("at most", most)) if isfinite(end))
            raise BadFile(lines.at((*at, "values", each)), f"{name}: {each} is {found}",
                          f"{ends} {limits['unit']}, or `fail`")
    if "photo" in item["evidence"] and "photos" not in given:
        raise BadFile(lines.at(at), f"{name} passes by photos, named by their hash",
                      "photos: a list of SHA-256 sums in hexadecimal")
    if "document" in item["evidence"] and "note" not in given:
        raise BadFile(lines.at(at), f"{name} does not name its paper", "a note that says which")


def read_kept(body: bytes) -> tuple[Report, bytes, bytes]:
    """Report, record and receipt of a kept file; the record is the report's (B58).

    Whether a lock took it is for its receipt to say, or its log. Raises BadFile, Malformed,
    Untrusted.
    """
    try:
        kept = json.loads(body)
        one_of(kept["format"], [KEPT], Lines(), ())
        raw = as_table(kept["report"], Lines(), ())
        record, receipt = bytes.fromhex(kept["record"]), bytes.fromhex(kept["receipt"])
        checked = read_checked(record, bytes.fromhex(raw["site"]))
        report = as_report(raw, Lines(), checked.at)
        same = checked == report.record(checked.at)
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise BadFile(1, "this is no signed report", "what assess commission wrote") from error
    if not same:
        raise Untrusted("B58", "checked: the report is not the one that was signed")
    return report, record, receipt
