"""`mortice assess`: how strong a door really is, from facts that somebody wrote down."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import click

from mortice.assess.assessment import Assessment, as_json
from mortice.assess.assessment import assess as judge_door
from mortice.assess.doorset import read_door_sets
from mortice.assess.explain import headline
from mortice.assess.model import Model, model
from mortice.cli import buying, checking, reporting
from mortice.cli.command import PASS_HERE, Group
from mortice.cli.factfile import ON, day_of, read_file
from mortice.cli.here import Here
from mortice.cli.output import plain, say, show_json, table

TITLES = {
    "life": "People first", "show": "Show us", "change": "Change it",
    "wasted": "Leave it", "caution": "Know this", "uncovered": "Not tested by the marks it has"}


@click.group(cls=Group, examples=(
    "mortice assess door front.toml", "mortice assess product lock.toml",
    "mortice assess explain 'EN 1303:2015' '1 6 - B - C 5 D'"))
def assess() -> None:
    """How strong a door really is: what is proved, what it could be, and what to do."""


assess.add_command(buying.product)
assess.add_command(buying.explain)
assess.add_command(buying.guide)
assess.add_command(reporting.report)
assess.add_command(checking.blank)
assess.add_command(checking.commission)
assess.add_command(checking.commissioned)


@assess.command(examples=("mortice assess door front.toml",
                          "mortice assess door doors.yaml --on 2027-01-31 --json"))
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@ON
@PASS_HERE
def door(here: Here, file: Path, on: datetime | None) -> None:
    """Judge a door set from a file of facts, in TOML or YAML (docs/guides/assess.md)."""
    known = model()
    day = day_of(on)
    made = [judge_door(known, each, day) for each in read_file(
        file, lambda text, form: read_door_sets(text, form, known))]
    if here.json:
        found = [as_json(known, each) for each in made]
        show_json(found[0] if len(found) == 1 else {"doors": found})
        return
    for at, each in enumerate(made):
        if at:
            say()
        _say(known, each)


def _say(known: Model, made: Assessment) -> None:
    say(plain(made.door.name))
    say(headline(known, made.verdict))
    say()
    table([("", "proved", "could be"), *(
        (f"  {layer.name}", str(bounds.level), str(bounds.could_be)) for layer in known.layers
        if (bounds := made.verdict.layers.get(layer.id)) is not None)])
    say()
    say(f"Life safety: {made.verdict.life.value}")
    say(f"Insurer: {made.insurer.reading.value}. {made.insurer.say}")
    _say_law(made)
    for kind, title in TITLES.items():
        of_kind = [each for each in made.advice if each.kind == kind]
        if of_kind:
            say()
            say(title)
        for each in of_kind:
            say(f"  {each.say} [{each.rule}]")


def _say_law(made: Assessment) -> None:
    """Each line of the law with its clause. It is apart from the level and from the insurer."""
    if made.legal:
        say()
        say("What the law asks (no legal advice)")
    for each in made.legal:
        note = f"; {each.note}" if each.note else ""
        say(f"  {each.reading.value}: {each.say}. {each.clause}; {each.where}{note} "
            f"[{each.rule}]")
