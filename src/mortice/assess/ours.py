"""What this project says of its own software, and what comes of it beside what an owner says.

It is believed as far as its evidence goes, as anybody else is.

Spec: spec/assess.md, rules B40, B41, B47 and B48.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, timedelta
from functools import lru_cache

from mortice.assess.doorset import DoorSet, Shown, Support, counts
from mortice.assess.model import model, read_data

YEAR = timedelta(days=365)  # how long a trial counts
TRIALS = frozenset({
    "escape_without_key_or_power", "inside_release_without_power", "full_local_operation_tested",
    "low_battery_warning", "self_closes_and_latches", "bolt_throws_fully"})


@lru_cache(maxsize=1)
def published() -> Mapping[str, Shown]:
    """Each fact that `data/ours.toml` speaks of; its note says what, and names the evidence."""
    raw = read_data("ours")
    notes = {fact: "; ".join([each["say"], *each.get("published", ())])
             for fact, each in raw["facts"].items()}
    return {fact: Shown(None, note=notes[fact]) if each["shown"] == "unknown"
            else Shown(each["shown"], raw["on"], note=notes[fact])
            for fact, each in raw["facts"].items()}


def support(since: date) -> Support:
    """Until when fixes are promised, for a door that has run this since then."""
    raw = read_data("ours")["support"]
    return Support(raw["until"], raw["shown"], since)


def better(said: Mapping[str, Shown], ours: Mapping[str, Shown], door: DoorSet, day: date,
           ) -> dict[str, Shown]:
    """Of what two say of a door, any *false*, else what counts for more on `day` (B47, B48)."""
    kinds, both = [None, *model().ranks, False], _since_then(ours, door, day)
    for fact, each in said.items():
        ends = each.on + YEAR if fact in TRIALS and each.on else None
        both[fact] = max(  # of two that count alike, the first
            replace(each, until=each.until or ends), both.get(fact, Shown(None)), key=lambda one: (
                kinds.index(counts(door, model(), fact, one, day)), kinds.index(one.said)))
    return both


def _since_then(
    ours: Mapping[str, Shown], door: DoorSet, day: date) -> dict[str, Shown]:
    """What is published of the software holds of electronics that were fitted later as well."""
    fitted = door.changed.get("actuator")
    return {fact: replace(each, on=fitted) if (
        fitted and each == published().get(fact) and each.on and each.on < fitted <= day)
        else each for fact, each in ours.items()}
