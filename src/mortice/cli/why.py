"""`mortice why`: why a door said no, from its own log."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping

import click

from mortice.cli.command import PASS_HERE, Command
from mortice.cli.here import Here
from mortice.cli.moments import Clock, iso, zone_named
from mortice.cli.output import facts, note, plain, say, show_json
from mortice.cli.pages import entry_at, last_refusal, people_names
from mortice.cli.problems import Problem
from mortice.client.home import KnownDoor
from mortice.client.words import reason_of, text, who
from mortice.client.words import say as in_words
from mortice.core.log import About, Entry, Kind


@click.command(cls=Command, examples=(
    "mortice why --door front", "mortice why --door front --entry 4812",
    "mortice why --door front --json"))
@click.option("--door", "door_name", required=True, metavar="DOOR", help="Which door.")
@click.option("--last", is_flag=True, help="The newest refusal; the default.")
@click.option("--entry", type=click.IntRange(0), metavar="N", help="One entry of the log.")
@PASS_HERE
def why(here: Here, door_name: str, last: bool, entry: int | None) -> None:  # noqa: FBT001 — click passes flags so
    """Say why a door said no, and what helps. For whoever may read its log."""
    door = here.door(door_name)
    if entry is None or last:
        found = asyncio.run(last_refusal(here, door))
    else:
        found = asyncio.run(entry_at(here, door, entry))
    if found is None:
        _nothing(here, door, entry)
        return
    names = people_names(here.home)
    if here.json:
        show_json(_explained(door, found, names))
    else:
        _say(door, found, names)


def _nothing(here: Here, door: KnownDoor, entry: int | None) -> None:
    if entry is not None:
        raise Problem(
            "no_entry", f"The log of {door.mapped.label} has no entry {entry}.",
            f"See what it has with: mortice log show --door {door.slug}")
    if here.json:
        show_json({"door": door.slug, "entry": None})
    else:
        say(f"{plain(door.mapped.label)} has refused nobody.")


def _explained(door: KnownDoor, entry: Entry, names: Mapping[bytes, str]) -> dict[str, object]:
    refused = entry.kind is Kind.REFUSED
    words = reason_of(entry).words
    return {
        "door": door.slug, "entry": entry.index, "at": iso(entry.at),
        "kind": entry.kind.name.lower(), "who": who(entry, names),
        "reason": reason_of(entry).value if refused else None,
        "check": text(entry, About.CHECK) or None,
        "sentence": words.sentence if refused else in_words(entry, names).sentence,
        "helps": words.helps if refused else None,
        "detail": text(entry, About.DETAIL) or None}


def _say(door: KnownDoor, entry: Entry, names: Mapping[bytes, str]) -> None:
    clock = Clock(zone_named(door.mapped.zone), int(time.time()))
    said = in_words(entry, names)
    if entry.kind is not Kind.REFUSED:
        say(plain(f"Entry {entry.index} is no refusal. {said.word}: {said.sentence}"))
        return
    words = reason_of(entry).words
    say(f"{words.sentence}.")
    detail = text(entry, About.DETAIL)
    facts([
        ("door", door.mapped.label), ("when", clock.say(entry.at)), ("who", who(entry, names)),
        ("check", text(entry, About.CHECK) + (f", {detail}" if detail else "")),
        ("entry", str(entry.index))])
    note(words.helps)
