"""`mortice pin`: PINs at the keypad, drawn here, sealed to the lock, confirmed by the door."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from typing import Any

import click

from mortice.cli.command import PASS_HERE, Group, passphrase_option
from mortice.cli.enrolling import NewCode, put_on
from mortice.cli.explaining import states_of
from mortice.cli.here import Here
from mortice.cli.moments import Clock, hours, iso, zone_named
from mortice.cli.moments import days as day_bits
from mortice.cli.output import note, plain, say, show_json, table
from mortice.cli.picking import records, records_of
from mortice.cli.problems import Problem, usage
from mortice.cli.taking import Manner, take_back
from mortice.cli.testing import credential_of
from mortice.client.home import KnownDoor
from mortice.client.owner import Terms
from mortice.core.schedule import DAY, Window


@click.group(cls=Group, examples=(
    "mortice pin give Ana --door front", "mortice pin spare front --day 2026-12-24",
    "mortice pin remove Ana --door front"))
def pin() -> None:
    """PINs for the keypad. A PIN is shown once, when the door has taken it."""


@pin.command(examples=(
    "mortice pin give Ana --door front",
    "mortice pin give Tom --door front --days Tue --hours 10:00-12:00",
    "mortice --as ana pin give Ana --door front      the second check for a key that asks for one"))
@click.argument("name", metavar="PERSON")
@click.option("--door", "door_name", required=True, metavar="DOOR", help="At which door.")
@click.option("--from", "start", metavar="TIME", help="When it starts.")
@click.option("--until", metavar="TIME", help="When it ends; a date is the end of that day.")
@click.option("--days", "weekdays", metavar="LIST", help="Days such as Tue,Thu.")
@click.option("--hours", "clock", metavar="LIST", help="Hours such as 10:00-12:00.")
@click.option("--slot", type=click.IntRange(0, 99), metavar="N",
              help="Which place on the lock; the first free one unless said.")
@PASS_HERE
def give(  # noqa: PLR0913, PLR0917 — one for each option
    here: Here, name: str, door_name: str, start: str | None, until: str | None,
    weekdays: str | None, clock: str | None, slot: int | None,
) -> None:
    """Draw a PIN for somebody and put it on a door. It goes below your own key."""
    door = here.door(door_name)
    at = Clock(zone_named(door.mapped.zone), int(time.time()))
    terms = Terms(
        frozenset({door.mapped.id}), label=name,
        nbf=None if start is None else at.start(start),
        exp=None if until is None else at.end(until))
    if terms.exp is not None and terms.exp <= max(at.now, terms.nbf or 0):
        raise usage("The PIN would have ended before it starts.", "Choose a later --until.")
    if weekdays is not None or clock is not None:
        bits = day_bits(weekdays or "daily")
        windows = (Window(bits, 0, DAY),) if clock is None else hours(bits, clock)
        terms = replace(terms, hours=windows)
    code = asyncio.run(put_on(here, door, name, terms, slot))
    _show(here, door, [(name, None, code)])


@pin.command(examples=(
    "mortice pin spare front --day 2026-12-24",
    "mortice pin spare front --day 2026-12-24 --day 2026-12-25"))
@click.argument("door_name", metavar="DOOR")
@click.option("--day", "wanted", required=True, multiple=True, metavar="DATE",
              help="The day on which it opens; may be given again.")
@PASS_HERE
def spare(here: Here, door_name: str, wanted: tuple[str, ...]) -> None:
    """Load PINs for single days in advance, for when the door cannot be reached then."""
    door = here.door(door_name)
    at = Clock(zone_named(door.mapped.zone), int(time.time()))
    codes: list[tuple[str, str | None, NewCode]] = []
    for day in wanted:
        start, end = at.start(day), at.end(day)
        if end <= at.now or end - start > 2 * 86_400:
            raise usage(f"{day!r} is not a day ahead.", "Name a date such as 2026-12-24.")
        name = f"Spare, {at.say(start).rsplit(' ', 1)[0]}"
        terms = Terms(frozenset({door.mapped.id}), label=name, nbf=start, exp=end)
        codes.append((name, day, asyncio.run(put_on(here, door, name, terms, None))))
    _show(here, door, codes)


def _show(here: Here, door: KnownDoor, codes: list[tuple[str, str | None, NewCode]]) -> None:
    if here.json:
        shown = [{
            "person": name, "door": door.slug, "pin": code.typed, "slot": code.slot,
            "day": day, "opens_alone": code.opens_alone, "entry": code.entry,
            "odds": code.odds} for name, day, code in codes]
        show_json(shown[0] if len(shown) == 1 else {"pins": shown})
        return
    for name, _, code in codes:
        say(f"{plain(name)}: {code.grouped}  then the tick, at {plain(door.mapped.label)}")
        if not code.opens_alone:
            note("It opens nothing alone. It goes with the key: mortice door unlock "
                 f"{door.slug} --pin")
    note("It is shown this once and kept nowhere. The door has confirmed it.")
    note(codes[-1][2].odds)


@pin.command(examples=("mortice pin remove Ana --door front",))
@click.argument("name", metavar="PERSON|ID")
@click.option("--door", "door_name", required=True, metavar="DOOR", help="At which door.")
@passphrase_option
@PASS_HERE
def remove(here: Here, name: str, door_name: str) -> None:
    """Take somebody's PIN off a door; their key stays."""
    door = here.door(door_name)
    mine = [record for record in records_of(here.home, name) if record.get("kind") == "pin"
            and door.mapped.id.hex() in record["doors"]]
    states = states_of(here)
    live = [record for record in mine if states[record["id"]] == "live"]
    if not live:
        raise Problem(
            "no_pin", f"No PIN of {name} that was given from here is on {door.mapped.label}.",
            f"See what is there with: mortice door pins {door.slug}")
    for record in live:
        take_back(here, record["id"], Manner(
            and_reissue=False, device=False, later=False, yes=True))


@pin.command("list", examples=("mortice pin list",))
@PASS_HERE
def list_pins(here: Here) -> None:
    """Every PIN that was given from this home; the digits are kept nowhere."""
    issued, rows = records(here.home), []
    labels = {door.mapped.id.hex(): door.slug for door in here.home.known_doors()}
    states = states_of(here) if issued else {}
    for record in issued:
        if record.get("kind") == "pin":
            credential = credential_of(record)
            rows.append({
                "id": record["id"], "person": record["label"],
                "door": labels.get(record["doors"][0], record["doors"][0]),
                "slot": credential.slot if credential else None,
                "until": record["exp"] and iso(record["exp"]), "state": states[record["id"]]})
    if here.json:
        show_json({"pins": rows})
    elif not rows:
        note("No PINs yet. Give one with: mortice pin give PERSON --door DOOR")
    else:
        table([("ID", "PERSON", "DOOR", "SLOT", "UNTIL", "STATE"), *(_row(row) for row in rows)])


def _row(row: dict[str, Any]) -> tuple[str, ...]:
    return (row["id"][:8], str(row["person"]), str(row["door"]),
            "?" if row["slot"] is None else str(row["slot"]), str(row["until"] or "no end"),
            row["state"])
