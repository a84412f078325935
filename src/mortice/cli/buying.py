"""Before one buys: a lock judged from its seller's claims, a standard explained, and the guide."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from mortice.assess.choosing import choosing
from mortice.assess.codes import BadCode, Code, Mark, find, read_code, read_mark
from mortice.assess.model import model
from mortice.assess.product import judge_product, read_product
from mortice.assess.standards import PARTS, Standard
from mortice.cli.command import PASS_HERE, Command
from mortice.cli.factfile import ON, day_of, read_file
from mortice.cli.here import Here
from mortice.cli.output import plain, say, show_json, table
from mortice.cli.problems import Problem

STANDS = {"shown": "shown", "claimed": "only claimed", "absent": "not there"}


# --- a product ------------------------------------------------------------------------------------


@click.command(cls=Command, examples=("mortice assess product lock.toml",
                                      "mortice assess product lock.yaml --on 2027-01-31 --json"))
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@ON
@PASS_HERE
def product(here: Here, file: Path, on: datetime | None) -> None:
    """Judge a lock on sale from its claims, in TOML or YAML (docs/guides/assess.md)."""
    known = model()
    day = day_of(on)
    made = judge_product(
        known, read_file(file, lambda text, form: read_product(text, form, known)), day)
    if here.json:
        show_json(made)
        return
    say(plain(made["name"]))
    say(_headline(made))
    _listed("Red flags", (_flag(each) for each in made["flags"] if not each["doubt"]))
    _listed("Read these lines: each may say the opposite of a red flag",
            (_flag(each) for each in made["flags"] if each["doubt"]))
    _listed("Cannot be", (f"{each['mark']}: {each['why']}. Expected: {each['expected']}."
                          for each in made["refused"]))
    _listed("Marks", map(_mark, made["marks"]))
    _layers(made["layers"])
    _listed("What the marks do not cover", (
        *(f"{each['say']} [{each['rule']}]" for each in made["uncovered"]),
        *(f"{each['name']}: {each['not_covers']}. [{name}]"
          for name, each in made["standards"].items())))
    _listed(f"UK PSTI Regulations: {made['psti']['reading']}", (
        f"{line}: {how}" for line, how in made["psti"]["lines"].items()))
    _listed("Ask the seller", (f"{each['ask']} [{each['rule']}]" for each in made["questions"]))
    _listed("Nothing we know is said in", made["unknown"])


def _headline(made: dict[str, Any]) -> str:
    shown = sum(how == "shown" for layer in made["layers"].values()
                for how in layer["criteria"].values())
    refused, doubts = len(made["refused"]), sum(each["doubt"] for each in made["flags"])
    return (f"Red flags: {len(made['flags']) - doubts}. Lines that may say the opposite of one: "
            f"{doubts}. Said to be a mark, and cannot be: {refused}. Criteria that "
            f"what was shown could carry: {shown}. Everything else is a claim. A level is a "
            "door's: mortice assess door.")


def _flag(each: dict[str, Any]) -> str:
    where = f' In: "{each["line"]}".' if each["line"] else " You looked, and found none."
    sure = " (unverified)" if each["confidence"] == "likely" else ""
    return f"{each['name']}.{where} {each['why']} [{each['rule']}{sure}: {each['source']}]"


def _mark(each: dict[str, Any]) -> str:
    how = f"by {each['shown']}" if each["counts"] else f"by {each['shown']}: it counts as a claim"
    return " ".join([f"{each['mark']}, {how}.", *each["cautions"]])


def _layers(layers: dict[str, Any]) -> None:
    rows = [(f"  {layer['name']}", "; ".join(
        f"{word}: {', '.join(ids)}" for how, word in STANDS.items()
        if (ids := [name for name, found in layer["criteria"].items() if found == how])))
        for layer in layers.values()]
    said = [row for row in rows if row[1]]
    if said:
        say()
        say("What it could carry at a door (criteria of spec/assess.md)")
        table(said)


def _listed(title: str, lines: Iterable[str]) -> None:
    found = list(lines)
    if found:
        say()
        say(title)
    for line in found:
        say(f"  {plain(line)}")


# --- a standard -----------------------------------------------------------------------------------


@click.command(cls=Command, examples=(
    "mortice assess explain 'PAS 24'", "mortice assess explain 'TS 007 3 star'",
    "mortice assess explain 'EN 1303:2015' '1 6 - B - C 5 D' --json"))
@click.argument("standard")
@click.argument("code", required=False, default="")
@PASS_HERE
def explain(here: Here, standard: str, code: str) -> None:
    """Explain a standard: its editions, what it covers and what not; and a code or mark of it."""
    try:
        known, read = _read(standard, code)
    except BadCode as error:
        raise Problem("bad_code", f"{error.what[:1].upper()}{error.what[1:]}.",
                      f"Expected: {error.expected}.") from error
    if here.json:
        show_json(_standard_json(known) | {"read": _read_json(read)})
        return
    sure = "; unverified" * (known.confidence == "likely")
    say(f"{known.name}: {known.title}")
    say(f"It covers {known.covers}.")
    say(f"Not: {known.not_covers}.")
    _listed("Editions", (_edition(each) for each in _standard_json(known)["editions"]))
    if read is None:
        _listed("Marks", (f"{' or '.join(filter(None, row.grades)) or known.name}: {row.say}"
                          for row in known.marks))
    _listed("Also", (f"{NOTES[each.confidence]}{each.say}" for each in known.notes))
    if read is not None:
        _say_read(read)
    say()
    say(f"From {known.source}; looked up on {known.date}{sure}.")


NOTES = {"certain": "", "likely": "Unverified: ", "check": "To be found out: "}


def _read(standard: str, code: str) -> tuple[Standard, Code | Mark | None]:
    known, year, rest = find(standard)
    name = f"{known.name}:{year}" if year else known.name
    if year and known.editions and year not in [each.id for each in known.editions]:
        raise BadCode(f"no edition {year} of {known.name} is known here",
                      ", ".join(f"{known.name}:{each.id}" for each in known.editions))
    mark = f"{rest} {code}".strip()
    if not mark:
        return known, None
    return known, read_code(name, mark) if known.codes else read_mark(f"{name} {mark}")


def _edition(each: dict[str, Any]) -> str:
    days = [f"{word} {each[word]}" for word in ("since", "until") if each[word]]
    said = ", ".join(filter(None, [each["status"], *days, each["say"]]))
    return f"{each['id']}: {NOTES[each['confidence']]}{said}"


def _say_read(read: Code | Mark) -> None:
    say()
    if isinstance(read, Code):
        say(f"The code, by {read.standard.name}:{read.edition.id}")
        table((f"  {each.number}", each.name, each.character,
               f"{NOTES[each.confidence]}{each.meaning}") for each in read.places)
    else:
        say(f"The mark {read.standard.name} {read.grade}".rstrip() + f", on a {PARTS[read.part]}")
        say(f"  {read.say}")
    for caution in read.cautions:
        say(f"  {caution}")
    say(f"  It would show: {'; '.join(model().facts[fact].say for fact in read.facts)}."
        if read.facts else "  It shows nothing that a verdict rests on by itself.")


def _standard_json(known: Standard) -> dict[str, Any]:
    return {
        "standard": known.id, "name": known.name, "title": known.title, "covers": known.covers,
        "not_covers": known.not_covers, "parts": list(known.parts), "source": known.source,
        "date": known.date.isoformat(), "confidence": known.confidence,
        "editions": [{
            "id": each.id, "status": each.status, "confidence": each.confidence, "say": each.say,
            "since": each.since.isoformat() if each.since else None,
            "until": each.until.isoformat() if each.until else None} for each in known.editions],
        "notes": [{"say": each.say, "confidence": each.confidence} for each in known.notes],
        "marks": [{"grades": list(row.grades), "parts": list(row.parts), "say": row.say,
                   "facts": list(row.facts), "stars": row.stars, "confidence": row.confidence}
                  for row in known.marks]}


def _read_json(read: Code | Mark | None) -> dict[str, Any] | None:
    if read is None:
        return None
    made: dict[str, Any] = {
        "edition": read.edition.id if read.edition else None, "facts": list(read.facts),
        "cautions": list(read.cautions)}
    if isinstance(read, Code):
        return made | {"places": [{
            "place": each.number, "name": each.name, "character": each.character,
            "meaning": each.meaning, "confidence": each.confidence} for each in read.places]}
    return made | {"grade": read.grade, "part": read.part, "say": read.say, "stars": read.stars}


# --- the guide ------------------------------------------------------------------------------------


@click.command(cls=Command, examples=("mortice assess guide", "mortice assess guide --json"))
@PASS_HERE
def guide(here: Here) -> None:
    """Print the guide to choosing a lock, from the facts that doors are judged by."""
    text = choosing()
    if here.json:
        show_json({"guide": text})
    else:
        say(text.rstrip("\n"))
