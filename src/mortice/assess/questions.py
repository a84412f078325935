"""What somebody is asked who knows nothing of locks, and what their answers come to.

`data/questions.toml` has the questions and which answer gives which fact. Nothing counts as better
shown than it is: a photo that is not there is the owner's own word.

Spec: spec/assess.md, section 9.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from mortice.assess.doorset import Shown
from mortice.assess.evaluate import Said
from mortice.assess.model import Model, read_data

UNKNOWN, OWNER = "unknown", "owner"
OTHER = "other"  # the question whether another maker's electronics are there as well
KINDS = {
    "claim": "a claim, which counts for nothing", "owner": "the owner's own word",
    "photo": "a photo", "measured": "measured, or tried out", "document": "a paper",
    "register": "its issuer's register", "lab": "a laboratory's report"}
NEEDS_PHOTO = frozenset({"photo", "document"})
Table = dict[str, Any]  # as a file has it (section 5)


@dataclass(frozen=True, slots=True)
class Answer:
    """One that can be given, and what it gives."""

    say: str = "I don\N{RIGHT SINGLE QUOTATION MARK}t know"
    yes: tuple[str, ...] = ()
    no: tuple[str, ...] = ()
    used: tuple[str, ...] = ()
    mark: str = ""
    part: str = ""
    standard: str = ""  # of the code that is written beside it
    changed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Question:
    """One question. `when` has other questions, with the answers after which this one is asked."""

    id: str
    group: str
    ask: str
    picture: str
    answers: Mapping[str, Answer]
    hint: str = ""
    how: tuple[str, ...] = ()
    measure: str = ""
    when: Mapping[str, list[str]] = field(default_factory=dict)
    apart: bool = False


@dataclass(frozen=True, slots=True)
class Given:
    """An answer that somebody gave; `photo` is the day of the newest for it. Days as in a file."""

    answer: str
    on: str
    how: str = OWNER
    note: str = ""
    until: str = ""
    photo: str = ""


NOTHING = Given(UNKNOWN, "")


@lru_cache(maxsize=1)
def questions() -> dict[str, Question]:
    """All of them, in the order in which they are asked."""
    return {name: Question(**each | {"id": name, "how": tuple(each.get("how", ())), "answers": {
        key: Answer(**answer) for key, answer in (each["answers"] | {
            UNKNOWN: each["answers"].get(UNKNOWN, {})}).items()}})
        for name, each in read_data("questions").items()}


def asked(given: Mapping[str, Given]) -> list[Question]:
    """Those that apply after what was answered so far. No answer counts as *I don't know*."""
    return [each for each in questions().values() if not each.apart and all(
        (given[name].answer if name in given else UNKNOWN) in those
        for name, those in each.when.items())]


def evidence(question: Question, one: Given) -> str:
    """The kind of evidence that is really there (B23)."""
    there = one.photo if one.how in NEEDS_PHOTO else one.note or one.how == OWNER
    return one.how if there and one.how in question.how else OWNER


def door_table(name: str, given: Mapping[str, Given], model: Model) -> Table:
    """What the answers come to: a file of facts, as section 5 has it (B22 to B25)."""
    said, others = Table(), Table.fromkeys(_of_others())
    marks, used, unsure = list[Table](), set[str](), set[str]()
    for question in asked(given):
        one = given.get(question.id, NOTHING)
        answer = question.answers.get(one.answer, question.answers[UNKNOWN])
        kind = evidence(question, one)
        shown = {key: value for key, value in (
            ("shown", kind), ("on", one.photo if kind in NEEDS_PHOTO else one.on),
            ("until", one.until), ("note", one.note)) if value}
        facts = others if OTHER in question.when else said
        facts |= dict.fromkeys(answer.yes, shown) | dict.fromkeys(answer.no, False)
        marks += [{"mark": answer.mark, "part": answer.part} | shown] * bool(answer.mark)
        marks += [{"standard": answer.standard, "code": one.note} | shown] * bool(answer.standard)
        used.update(answer.used)
        unsure.update(answer.used * (answer is question.answers[UNKNOWN]))
    if not alone(given):
        said |= {fact: _weaker(said.get(fact), each, model) for fact, each in others.items()}
    changed = given.get("changed", NOTHING)
    parts = questions()["changed"].answers[changed.answer].changed
    return {"name": name, "smart": True, "context": sorted(used),
            "unsure": sorted(unsure), "marks": marks,
            "facts": {fact: each for fact, each in said.items() if each is not None},
            "changes": dict.fromkeys(parts, changed.on)}


def _of_others() -> list[str]:
    return [fact for each in questions().values() if OTHER in each.when
            for answer in each.answers.values() for fact in answer.yes]


def alone(given: Mapping[str, Given]) -> bool:
    """Is it known that no other maker's electronics are at this door?"""
    return given.get(OTHER, NOTHING).answer == "no"


def shared(
    proved: Mapping[str, Shown], given: Mapping[str, Given], model: Model) -> dict[str, Shown]:
    """What is proved of one lock, as far as the electronics beside it show the same (B25)."""
    if alone(given):
        return dict(proved)
    others = {fact: Shown(evidence(each, one), note=one.note) for each in asked(given)
              if OTHER in each.when and (one := given.get(each.id, NOTHING)).answer in each.answers
              for fact in each.answers[one.answer].yes}
    mine = {fact for each in questions().values() if OTHER not in each.when
            for answer in each.answers.values() for fact in (*answer.yes, *answer.no)}
    return {fact: each if fact in mine or each.said is False else min(
        each, others.get(fact, Shown(None)), key=lambda one: _rank(one.said, model))
        for fact, each in proved.items()}


def _weaker(one: Any, other: Any, model: Model) -> Any:  # noqa: ANN401 - a table, False or None
    if one is False or other is False:
        return False
    return min(one, other, key=lambda each: _rank(each and each["shown"], model))


def _rank(said: Said, model: Model) -> int:
    return [*model.ranks].index(said) if isinstance(said, str) else -1
