"""A lock on sale, judged from its claims: what is flagged, what was shown, what to ask the seller.

It has no level: a level is a door's. Whatever a seller says is a claim until a certificate, a
register's entry or a laboratory's report is shown.

Spec: spec/assess.md, section 13.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from mortice.assess.claims import flags, named, raised, row, voided
from mortice.assess.codes import BadCode, Code
from mortice.assess.doorset import CLAIM, DoorSet, Marked, as_door_set, as_marked, facts_on
from mortice.assess.evaluate import Met, Said, meets
from mortice.assess.explain import uncovered
from mortice.assess.model import Model
from mortice.assess.standards import Standard
from mortice.assess.text import BadFile, Lines, all_known, as_table, read_text, yes_or_no

KEYS = ("name", "smart", "says", "marks", "facts", "support", "contact", "placed_on_market")
DOOR_KEYS = ("name", "smart", "facts", "support")
DENIED = "RF37"  # the flag of a mark in a line whose fact is known to be missing
COUNTS = ("document", "register", "lab")  # of what a seller shows; anything else is a claim (B31)
USUAL = 2  # the level of a UK home, up to which the seller is asked
SHOWN = "shown"
STANDS = {Met.YES: "claimed", Met.MAYBE: "not said", Met.NO: "absent"}  # if what is said were shown
AT_THE_DOOR = ("P-DOOR", "P-INST")  # no lock on sale brings them
FEW = 3  # facts that are named in a question
LAW = {  # what the PSTI Regulations ask for -> the flag with the question, and the fact
    "passwords": ("RF26", "no_universal_password"), "contact": ("RF06", ""),
    "support": ("RF05", ""), "statement": ("RF36", "statement_of_compliance")}
BY_LAW = ("S1", "S2a", "V1", "V2")  # criteria that these ask for


@dataclass(frozen=True, slots=True)
class Product:
    """What a file says of a lock on sale. None: not said; False: looked for and not there."""

    door: DoorSet  # its facts, marks and support, as they would stand at a door
    says: tuple[str, ...]
    contact: str | bool | None
    support: bool | None  # None where the door has it
    placed: bool  # on the market
    refused: list[dict[str, str]]  # marks that cannot be, and why
    denied: list[tuple[str, str]]  # lines, and the marks in them whose facts are false


def read_product(text: str, form: str, model: Model) -> Product:
    """A product from TOML or YAML. Raises BadFile."""
    raw, lines = read_text(text, form)
    all_known(raw, KEYS, lines, ())
    if not {"says", "marks", "facts"} & raw.keys():
        raise BadFile(1, "nothing is said of this product",
                      "`says`, the seller's own lines, or `marks`, or `facts`")
    says, contact, support = raw.get("says", []), raw.get("contact"), raw.get("support")
    says = says.splitlines() if isinstance(says, str) else says
    if not isinstance(says, list) or not all(isinstance(each, str) for each in says):
        raise BadFile(lines.at(("says",)), "says is not text", "the seller's lines, as they stand")
    if contact is True or not isinstance(contact, str | bool | None) or contact == "":
        raise BadFile(lines.at(("contact",)), "contact is not text",
                      "where flaws are reported; or false, where you looked and found nothing")
    if not isinstance(raw.get("name", ""), str):
        raise BadFile(lines.at(("name",)), "name is not text", "the lock's name, in quotes")
    marks, refused = _marks(raw.get("marks", []), lines, model)
    door = as_door_set({"name": "this lock", "facts": {}, "marks": marks} | {
        key: raw[key] for key in DOOR_KEYS if key in raw and (key, raw[key]) != ("support", False)},
        lines, (), model)
    kept = tuple(line.strip() for line in says if line.strip())
    spoken, impossible, denied = _spoken(kept, door, model)
    return Product(
        replace(door, marks=(*door.marks, *spoken)), kept, contact,
        False if support is False else None,
        yes_or_no(raw.get("placed_on_market", True), lines, ("placed_on_market",)),
        [*refused, *impossible], denied)


def _spoken(
    says: Iterable[str], door: DoorSet, model: Model,
) -> tuple[list[Marked], list[dict[str, str]], list[tuple[str, str]]]:
    """Marks in the seller's lines: claims, those that cannot be, and those that are not there."""
    missing = {fact for fact, shown in door.facts.items() if shown.said is False}
    kept: dict[str, Marked] = {}  # by the mark, which a seller may repeat
    refused, denied = [], []
    for line, mark in dict.fromkeys((said, each) for said in says for known, each in named(said)
                                    if known is None or known.marks):
        try:
            made = as_marked({"mark": mark, "shown": CLAIM}, Lines(), (), model)
        except BadCode as error:
            refused.append({"mark": mark, "why": error.what, "expected": error.expected})
            continue
        if flag := voided(line).get(made.read.standard.id):
            refused.append({"mark": mark, "why": flags()[flag]["why"].removesuffix("."),
                            "expected": "the mark itself"})
        elif missing.isdisjoint(made.read.facts):
            kept[mark] = made
        else:
            denied.append((line, mark))
    return [*kept.values()], refused, denied


def _marks(
    said: object, lines: Lines, model: Model,
) -> tuple[list[dict[str, Any]], list[dict[str, str]]]:
    """Marks of the file: those that can be, as in a door's file; the others."""
    if not isinstance(said, list):
        raise BadFile(lines.at(("marks",)), "marks is not a list", 'such as ["TS 007 3 star"]')
    kept, refused = [], []
    for number, each in enumerate(said):
        at = ("marks", number)
        said_of = {"shown": CLAIM} | (
            {"mark": each} if isinstance(each, str) else as_table(each, lines, at))
        try:
            as_marked(said_of, lines, at, model)
            kept.append(said_of)
        except BadCode as error:
            refused.append({"mark": str(said_of.get("mark") or said_of.get("code")),
                            "why": error.what, "expected": error.expected})
    return kept, refused


def judge_product(model: Model, product: Product, day: date) -> dict[str, Any]:
    """Everything that can be said of a product as of `day`, in plain values (docs/cli.md)."""
    door, marks = product.door, product.door.marks
    facts = {fact: CLAIM if isinstance(said, str) and said not in COUNTS else said
             for fact, said in facts_on(door, model, day).items()}
    facts |= {fact: False for fact, shown in door.facts.items() if shown.said is False}
    found = [row(DENIED, line, mark) for line, mark in product.denied] + raised(
        product.says, {fact for fact, said in facts.items() if said},
        {fact for fact, said in facts.items() if said is False} | {
            key for key in ("support", "contact") if getattr(product, key) is False})
    best = {fact: "lab" if said else said for fact, said in facts.items()}
    layers = [each for each in model.layers if door.smart or not each.smart]
    stands = {each.id: SHOWN if meets(model, each, facts) is Met.YES else STANDS[
        meets(model, each, best)] for layer in layers for each in layer.criteria}
    law, unmarked = _law(product, facts, day), [
        known for line in product.says for known, _ in named(line) if known and not known.marks]
    asks = [*((each["rule"], each.pop("ask")) for each in found), *_asked(marks, unmarked, law), *(
        (each.id, _gap(model, each.any)) for layer in layers for each in layer.criteria
        if each.level <= USUAL and stands[each.id] == STANDS[Met.MAYBE]
        and each.id not in BY_LAW and layer.id not in AT_THE_DOOR)]
    return {
        "name": door.name, "day": day.isoformat(), "smart": door.smart, "flags": found,
        "marks": [{"mark": _name(each), "part": getattr(each.read, "part", ""),
                   "shown": each.shown.said, "counts": each.shown.said in COUNTS,
                   "facts": list(each.read.facts), "cautions": list(each.read.cautions)}
                  for each in marks],
        "refused": product.refused,
        "layers": {layer.id: {"name": layer.name, "criteria": {
            each.id: stands[each.id] for each in layer.criteria}} for layer in layers},
        "uncovered": [{"rule": each.rule, "say": each.say} for each in uncovered(
            model, {fact: COUNTS[0] for each in marks for fact in each.read.facts})],
        "standards": {each.id: {"name": each.name, "covers": each.covers,
                                "not_covers": each.not_covers}
                      for each in (*unmarked, *(mark.read.standard for mark in marks))},
        "psti": {"reading": _reading(product, law), "lines": law},
        "questions": [{"rule": rule, "ask": ask} for rule, ask in dict.fromkeys(asks)],
        "unknown": [line for line in product.says if not named(line)
                    and line not in {each["line"] for each in found}]}


def _law(product: Product, facts: Mapping[str, Said], day: date) -> dict[str, str]:
    """What the Regulations ask for, and how each stands. A date is published, or it is not."""
    end, words = product.door.support, {False: "not met", None: "not known", CLAIM: "said"}
    made = {line: words.get(facts.get(fact), SHOWN) for line, (_, fact) in LAW.items()}
    return made | {
        "contact": f"published: {product.contact}" if product.contact else words[product.contact],
        "support": words[product.support] if end is None else
        f"published: until {end.until}" + ", which has passed" * (end.until < day)}


def _reading(product: Product, law: Mapping[str, str]) -> str:
    if not (product.placed and product.door.smart):
        return "does not apply" if product.placed else "not placed on the market"
    unsure = law["statement"] == "said" or "not known" in law.values()
    return "not met" if "not met" in law.values() else "not known" if unsure else SHOWN


def _asked(
    marks: Iterable[Marked], standards: Iterable[Standard], law: Mapping[str, str],
) -> Iterator[tuple[str, str]]:
    for each in marks:
        if each.shown.said not in COUNTS:
            yield each.read.standard.id, (
                f"Which certificate stands behind {_name(each)}, of which date, and whose "
                "register has it?")
    for known in standards:
        yield known.id, (f"Which edition of {known.name}, which code or which of its provisions, "
                         "and what shows it?")
    for line, (flag, _) in LAW.items():
        if law[line] in ("not known", "said", "not met"):
            yield flag, flags()[flag]["ask"]


def _gap(model: Model, any_: tuple[str, ...]) -> str:
    few = sorted((model.facts[fact] for fact in any_), key=lambda each: each.show_effort)[:FEW]
    return f"Nothing was said of this: {'; or '.join(each.say for each in few)}. What shows it?"


def _name(each: Marked) -> str:
    read = each.read
    grade = "".join(place.character for place in read.places) if isinstance(read, Code) else (
        read.grade)
    return f"{read.standard.name}{f':{read.edition.id}' if read.edition else ''} {grade}".strip()
