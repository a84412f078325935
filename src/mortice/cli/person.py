"""`mortice person`: who has a key to what, as far as this home knows."""

from __future__ import annotations

import time
from typing import Any

import click

from mortice.cli.command import PASS_HERE, Group
from mortice.cli.here import Here
from mortice.cli.judging import revoked_set
from mortice.cli.output import note, say, show_json, table
from mortice.cli.picking import records
from mortice.client.home import slug


@click.group(cls=Group, examples=("mortice person list",))
def person() -> None:
    """Who has a key to what."""


@person.command("list", examples=("mortice person list", "mortice person list --json"))
@PASS_HERE
def list_people(here: Here) -> None:
    """Everybody whose keys lie here, or to whom something was given from here."""
    rows = _people(here)
    if here.json:
        show_json({"people": rows})
    elif not rows:
        note("No people yet: a key takes about 20 seconds. mortice key give NAME --doors …")
    else:
        table([("PERSON", "NAME", "HERE", "DOORS", "KEYS", "PINS"), *(
            (row["person"], row["name"], "yes" if row["here"] else "", ", ".join(row["doors"]),
             str(row["keys"]), str(row["pins"])) for row in rows)])
        say()


def _people(here: Here) -> list[dict[str, Any]]:
    home, now = here.home, int(time.time())
    dead = {name.hex() for name in revoked_set(home).entries} if records(home) else set()
    labels = {door.mapped.id.hex(): door.slug for door in home.known_doors()} \
        if home.read("site.json") is not None else {}
    found: dict[str, dict[str, Any]] = {
        name: {"person": name, "name": home.display_name(name), "here": True, "doors": set(),
               "keys": 0, "pins": 0} for name in home.people()}
    for record in records(home):
        over = record["exp"] is not None and record["exp"] <= now
        name = slug(str(record["label"]))
        row = found.setdefault(name, {
            "person": name, "name": str(record["label"]), "here": False, "doors": set(),
            "keys": 0, "pins": 0})
        if over or dead & {record["id"], *record["parents"]}:
            continue
        row["pins" if record.get("kind") == "pin" else "keys"] += 1
        row["doors"] |= {labels.get(door, door[:6]) for door in record["doors"]}
    return [{**row, "doors": sorted(row["doors"])} for _, row in sorted(found.items())]
