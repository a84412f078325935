"""What a key is to allow, from the options that `key give` and `key pass-on` share.

Nothing is guessed: somebody who gives a key says for how long, or says `--always`.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeVar

import click

from mortice.cli.here import Here
from mortice.cli.moments import Clock, days, hours, seconds, zone_named
from mortice.cli.problems import Problem, usage
from mortice.cli.sentences import factors, rights
from mortice.client.home import KnownDoor
from mortice.client.owner import Terms
from mortice.core.grant import Rights
from mortice.core.schedule import DAY, Hours, Window
from mortice.core.stages import Factors

F = TypeVar("F", bound=Callable[..., object])
ALL_DAY = (0, DAY)
MARK_BYTES = 8  # by which a link differs from any other with the same terms
ORDINARY = Rights.UNLOCK | Rights.LOCK  # what a key may do unless something else is said

OPTIONS = (
    click.option("--doors", required=True, metavar="LIST", help="Doors with commas, or all."),
    click.option("--always", is_flag=True, help="At any time, without an end."),
    click.option("--from", "start", metavar="TIME", help="When it starts; a date is its midnight."),
    click.option("--until", metavar="TIME", help="When it ends; a date is the end of that day."),
    click.option("--days", "weekdays", metavar="LIST", help="Days such as Tue,Thu or Mon-Fri."),
    click.option("--hours", "clock", metavar="LIST", help="Hours such as 10:00-12:00."),
    click.option("--once", is_flag=True, help="It opens one door one time."),
    click.option("--uses", type=click.IntRange(1, 1_000_000), metavar="N",
                 help="It opens one door so many times."),
    click.option("--may", metavar="LIST",
                 help="What its holder may do; unlock,lock unless said."),
    click.option("--needs", metavar="LIST", help="Also asked for: pin, person, touch."),
    click.option("--may-pass-on", metavar="LIST", help="Rights that its holder may hand on."),
    click.option("--pass-on-links", type=click.IntRange(1, 4), metavar="N",
                 help="Over how many steps; 1 unless said."),
    click.option("--pass-on-life", metavar="LENGTH", help="For how long at most, such as 7d."),
    click.option("--quota", type=click.IntRange(1, 10_000), metavar="N",
                 help="How many people a day and door."),
    click.option("--resident", is_flag=True,
                 help="Lives there: never goes stale, opens while the clock is unsure."),
    click.option("--max-staleness", metavar="LENGTH",
                 help="Stops unless refreshed this recently, such as 7d."),
    click.option("--note", "label", metavar="TEXT", help="What the key calls itself."),
)


def terms_options(function: F) -> F:
    """All options that say what a key is to allow."""
    for option in reversed(OPTIONS):
        function = option(function)
    return function


@dataclass(frozen=True)
class Asked:
    """The options as they were typed."""

    doors: str
    always: bool
    start: str | None
    until: str | None
    weekdays: str | None
    clock: str | None
    once: bool
    uses: int | None
    may: str | None
    needs: str | None
    may_pass_on: str | None
    pass_on_links: int | None
    pass_on_life: str | None
    quota: int | None
    resident: bool
    max_staleness: str | None
    label: str | None


def read_terms(here: Here, asked: Asked, name: str) -> Terms:
    """What the options mean. Raises Problem where they say too little or contradict each other."""
    doors = here.doors(asked.doors)
    if not doors:
        raise Problem("unknown_door", "There are no doors yet.", "Add one: mortice door add")
    clock = _clock_of(doors, asked)
    terms = Terms(
        frozenset(door.mapped.id for door in doors),
        ORDINARY if asked.may is None else rights(asked.may),
        label=name if asked.label is None else asked.label, resident=asked.resident,
        mark=secrets.token_bytes(MARK_BYTES),
        uses=1 if asked.once else asked.uses,
        max_staleness=None if asked.max_staleness is None else seconds(asked.max_staleness),
        factors=Factors.NONE if asked.needs is None else factors(asked.needs))
    if terms.factors & Factors.PIN:  # whoever is asked for a PIN must be able to set one
        terms = replace(terms, use=terms.use | Rights.ENROL)
    if terms.uses is not None and len(doors) != 1:
        raise usage(
            "A door counts for itself, so a key that is counted is for one door.",
            "Give a key for each door.")
    return _passing_on(_times(terms, asked, clock), asked)


def _clock_of(doors: list[KnownDoor], asked: Asked) -> Clock:
    zones = {door.mapped.zone for door in doors}
    if len(zones) > 1 and (asked.start or asked.until):
        raise usage(
            f"These doors stand in different time zones: {', '.join(sorted(zones))}.",
            "Give a key for each zone.")
    return Clock(zone_named(doors[0].mapped.zone), int(time.time()))


def _times(terms: Terms, asked: Asked, clock: Clock) -> Terms:
    timed = bool(asked.start or asked.until or asked.weekdays or asked.clock or terms.uses)
    if asked.always == timed:
        raise usage(
            "Say when the key opens." if not timed else "Always, and only at times, is both.",
            "Use --always, or --from and --until, or --days and --hours, or --once.")
    nbf = None if asked.start is None else clock.start(asked.start)
    exp = None if asked.until is None else clock.end(asked.until)
    if exp is not None and exp <= clock.now:
        raise usage("The key would have ended already.", "Choose a later --until.")
    if nbf is not None and exp is not None and exp <= nbf:
        raise usage("The key must end after it starts.", "Choose a later --until.")
    return replace(terms, nbf=nbf, exp=exp, hours=_hours(asked))


def _hours(asked: Asked) -> Hours | None:
    if asked.weekdays is None and asked.clock is None:
        return None
    bits = days(asked.weekdays or "daily")
    return (Window(bits, *ALL_DAY),) if asked.clock is None else hours(bits, asked.clock)


def _passing_on(terms: Terms, asked: Asked) -> Terms:
    if asked.may_pass_on is None:
        if asked.pass_on_links or asked.pass_on_life or asked.quota:
            raise usage(
                "Bounds on passing on were given, but nothing may be passed on.",
                "Add --may-pass-on unlock")
        return terms
    return replace(
        terms, delegable=rights(asked.may_pass_on), depth=asked.pass_on_links or 1,
        max_life=None if asked.pass_on_life is None else seconds(asked.pass_on_life),
        quota=asked.quota)
