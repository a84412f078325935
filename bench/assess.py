"""How fast is a door set judged, and what do its advice, its file and its report cost?

The same drawn door sets are judged in turns by the evaluator and by a plain loop over the same
criteria, written with dicts and numbers alone: no names, no gate, no uses. CPU time of the thread.
The report is a page of the hub, asked for through the whole application; wall clock.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from itertools import cycle
from typing import TypeVar

from starlette.testclient import TestClient

from bench.measure import Figure, Plan, Turns, Work, in_turns, percentile, skipped
from bench.pages import REQUESTS, SHORT, filled, signed_in
from bench.places import NoSuchPlace, disk_folder
from mortice.assess.assessment import as_json, assess
from mortice.assess.doorset import DoorSet, Shown, read_door_sets
from mortice.assess.evaluate import Said, judge
from mortice.assess.model import CONTEXTS, TOP, Model, model
from mortice.assess.report import sealed
from mortice.hub.strength import report_of
from mortice.hub.tables import Door, DoorReport

DAY = date(2026, 11, 25)
SETS = 500  # different ones, so that no branch is learnt by heart
VERDICT_BAR = 100.0  # microseconds: 10,000 in a second
FLOOR_BAR = 8.0
PAGE_BAR = 100.0  # milliseconds, 95th percentile
KNOWN = 0.6  # of all facts
T = TypeVar("T")
Plain = list[list[tuple[int, list[str], frozenset[str]]]]  # layers of criteria


def ask(plan: Plan) -> list[Figure]:
    known = model()
    doors = drawn(known, random.Random(4))
    facts = [{fact: shown.said for fact, shown in door.facts.items()} for door in doors]
    bare = plainly(known)
    check(known, bare, doors, facts)
    turns = in_turns({
        "judged": each(facts, doors, lambda said, door: judge(
            known, said, smart=door.smart, used=door.used)),
        "bare": each(facts, doors, lambda said, _: levels(bare, said)),
        "advised": each(facts, doors, lambda _, door: as_json(known, assess(known, door, DAY))),
        "read": each([*map(written, doors)], doors, lambda text, _: read_door_sets(
            text, "yaml", known)),
    }, plan)
    return [
        micro("a door set's verdict", turns, "judged", VERDICT_BAR),
        turns.figure("the same over a plain loop without gate and names", "judged", "bare",
                     bar=FLOOR_BAR),
        micro("with its advice, its insurer's reading and the law's, as JSON", turns, "advised"),
        micro("a file of it in YAML read, with the line of each word", turns, "read"),
        report_page(plan),
    ]


def report_page(plan: Plan) -> Figure:
    """Milliseconds of a signed report's page."""
    question = "the page of a door's report, 95th percentile"
    try:
        with disk_folder() as folder:
            hub = filled(folder / "hub", SHORT)
            with hub.database.writing() as db:
                door = db.get_one(Door, 1)
                kept = DoorReport(
                    door_id=door.id, content=sealed(report_of(db, door), hub.own.signer))
                db.add(kept)
                db.flush()
                path = f"/p/{door.place.ref}/doors/{door.ref}/strength/report"
            with signed_in(hub) as browser:
                asked(browser, path)  # templates are read
                taken = [asked(browser, path) for _ in range(plan.count(REQUESTS, 3))]
            hub.database.close()
    except NoSuchPlace as error:
        return skipped(question, str(error))
    return Figure(question, percentile(taken, 0.95), "ms", PAGE_BAR)


def asked(browser: TestClient, path: str) -> float:
    began = time.perf_counter()
    answer = browser.get(path)
    took = time.perf_counter() - began
    assert answer.status_code == 200, answer.status_code
    assert "Signed" in answer.text or "signed" in answer.text, "no report is shown"
    return took * 1000


def each(
    inputs: Sequence[T], doors: Sequence[DoorSet], work: Callable[[T, DoorSet], object]) -> Work:
    """Work on the next of them in each call."""
    left = cycle(zip(inputs, doors, strict=True))
    return lambda: work(*next(left))


def micro(question: str, turns: Turns, side: str, bar: float | None = None) -> Figure:
    taken = turns.median(side)
    return Figure(question, taken * 1e6, "µs", bar, note=f"{1 / taken:,.0f} a second")


def drawn(known: Model, chance: random.Random) -> list[DoorSet]:
    """Smart ones, all nine layers, with facts of every kind."""
    kinds: list[Said] = [*known.ranks, False]
    kinds.remove("none")
    return [DoorSet(
        f"door {number}", smart=True, default=False, used=frozenset(chance.sample(CONTEXTS, 1)),
        facts={fact: Shown(chance.choice(kinds)) for fact in known.facts
               if chance.random() < KNOWN}) for number in range(SETS)]


def written(door: DoorSet) -> str:
    return json.dumps({"smart": True, "context": [*door.used],
                       "facts": {fact: shown.said for fact, shown in door.facts.items()}})


def plainly(known: Model) -> Plain:
    return [[(each.level, [*each.any], each.enough) for each in layer.criteria]
            for layer in known.layers]


def levels(bare: Plain, facts: Mapping[str, Said]) -> tuple[int, int]:
    """Both bounds. A fact that counts only together with another counts by itself."""
    least = most = TOP
    for layer in bare:
        for level, wanted, enough in layer:
            met = open_ = False
            for fact in wanted:
                said = facts.get(fact)
                met = met or said in enough
                open_ = open_ or said is not False
            if not met and level <= least:
                least = level - 1
            if not open_ and level <= most:
                most = level - 1
    return least, most


def check(known: Model, bare: Plain, doors: list[DoorSet], facts: list[dict[str, Said]]) -> None:
    """Both sides must come to the same bounds, but for what counts only together."""
    other = {fact for fact in known.facts if known.facts[fact].together}
    for door, said in zip(doors, facts, strict=True):
        if not other & said.keys():
            found = judge(known, said, smart=True, used=door.used)
            assert (found.level, found.could_be) == levels(bare, said)
