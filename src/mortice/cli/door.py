"""`mortice door`: open, lock and hold doors, look at them, and put new ones on the map."""

from __future__ import annotations

import asyncio
import time

import click

from mortice.cli import adding, testing
from mortice.cli.addresses import host_and_port
from mortice.cli.command import PASS_HERE, Group, passphrase_option
from mortice.cli.confirmed import heard
from mortice.cli.here import Here
from mortice.cli.moments import Clock, iso, say_hours, say_seconds, seconds, zone_named
from mortice.cli.moving import move
from mortice.cli.output import facts, note, say, show_json, table
from mortice.cli.problems import usage
from mortice.cli.settings import change_settings, told_hours
from mortice.cli.texts import given
from mortice.cli.visiting import Answer, number, status, text
from mortice.client.home import KnownDoor
from mortice.client.words import STATES
from mortice.core.commands import Command
from mortice.core.limits import HOLD_SECONDS

NO_DOORS = (
    "No doors yet. Owners put one on the map with: mortice door add CODE --at HOST:PORT --label "
    "NAME. Guests take in a key with: mortice key add TEXT")
KEY_OPTION = click.option(
    "--key", "wanted_key", metavar="KEY", help="Which of your keys; else the one that fits best.")
PIN_OPTION = click.option(
    "--pin", "with_pin", is_flag=True, help="Ask for the PIN that goes with the key.")


@click.group(cls=Group, examples=(
    "mortice door unlock front", "mortice --json door unlock front", "mortice door show front",
    "mortice door hold front --for 2h"))
def door() -> None:
    """Open, lock, look at and add doors. A door is called by the beginning of its name."""


@door.command(examples=(
    "mortice door unlock front", "mortice --as ana door unlock front --pin",
    "mortice --json door unlock front"))
@click.argument("name", metavar="DOOR")
@PIN_OPTION
@KEY_OPTION
@PASS_HERE
def unlock(here: Here, name: str, with_pin: bool, wanted_key: str | None) -> int:  # noqa: FBT001 — click passes flags so
    """Open a door."""
    return move(here, here.door(name), Command.UNLOCK, with_pin=with_pin, wanted_key=wanted_key)


@door.command(examples=("mortice door lock front",))
@click.argument("name", metavar="DOOR")
@PIN_OPTION
@KEY_OPTION
@PASS_HERE
def lock(here: Here, name: str, with_pin: bool, wanted_key: str | None) -> int:  # noqa: FBT001 — as above
    """Lock a door."""
    return move(here, here.door(name), Command.LOCK, with_pin=with_pin, wanted_key=wanted_key)


@door.command(examples=(
    "mortice door hold front --for 2h", "mortice door hold front --until 16:00"))
@click.argument("name", metavar="DOOR")
@click.option("--until", metavar="TIME", help="When it ends, on the door's own clock.")
@click.option("--for", "length", metavar="LENGTH", help="How long, such as 30m or 2h.")
@PIN_OPTION
@KEY_OPTION
@PASS_HERE
def hold(  # noqa: PLR0913, PLR0917 — one for each option
    here: Here, name: str, until: str | None, length: str | None, with_pin: bool,  # noqa: FBT001 — as above
    wanted_key: str | None,
) -> int:
    """Hold a door open until a given end, 12 hours at most."""
    target = here.door(name)
    end = _end_of_hold(target, until, length)
    return move(
        here, target, Command.HOLD_OPEN, until=end, with_pin=with_pin, wanted_key=wanted_key)


def _end_of_hold(target: KnownDoor, until: str | None, length: str | None) -> int:
    now = int(time.time())
    if (until is None) == (length is None):
        raise usage("Holding a door open needs an end.", "Add --until 16:00 or --for 2h")
    if length is not None:
        end = now + seconds(length)
    else:
        end = Clock(zone_named(target.mapped.zone), now).end(str(until))
    if not now < end <= now + HOLD_SECONDS:
        raise usage(
            "A door is held open for 12 hours at most, and the end must lie ahead.",
            "Choose an earlier end; it can be held again then.")
    return end


# --- looking -------------------------------------------------------------------------------


@door.command("list", examples=("mortice door list", "mortice door list --json"))
@PASS_HERE
def list_doors(here: Here) -> None:
    """The doors of the site, and where on the network they were last found."""
    known = here.home.known_doors()
    rows = [{
        "door": d.slug, "label": d.mapped.label, "zone": d.mapped.zone,
        "address": f"{d.host}:{d.port}" if d.port else None, "lock": d.mapped.lock.id.hex(),
        "heard": iso(last.at) if (last := heard(here.home, d)) else None,
    } for d in known]
    if here.json:
        show_json({"doors": rows})
    elif not rows:
        note(NO_DOORS)
    else:
        table([("DOOR", "NAME", "ADDRESS", "LAST HEARD"), *(
            (str(row["door"]), str(row["label"]), str(row["address"] or "not known"),
             str(row["heard"] or "never")) for row in rows)])


@door.command(examples=("mortice door show front",))
@click.argument("name", metavar="DOOR")
@PASS_HERE
def show(here: Here, name: str) -> None:
    """What a door says of itself now."""
    target = here.door(name)
    answer = asyncio.run(status(here, target))
    if here.json:
        show_json({"door": target.slug, "label": target.mapped.label, **{
            str(key): value for key, value in answer.items()}})
        return
    clock = Clock(zone_named(target.mapped.zone), int(time.time()))
    state = text(answer, "state")
    say(f"{target.mapped.label}: {STATES.get(state, state.replace('_', ' '))}")
    facts(_facts(answer, clock))


def _facts(answer: Answer, clock: Clock) -> list[tuple[str, str]]:
    at, held = answer.get("at"), answer.get("held_until")
    volts, relock = answer.get("millivolts"), answer.get("relock_after")
    lines = [
        ("bolt", text(answer, "bolt")), ("leaf", text(answer, "leaf")),
        ("its clock", f"{clock.say(at) if isinstance(at, int) else '?'} ({text(answer, 'time')})"),
        ("log", f"{number(answer, 'entries')} entries"),
    ]
    if isinstance(held, int):
        lines.append(("held open", f"until {clock.say(held)}"))
    if isinstance(volts, int):
        supply = "mains" if answer.get("mains") else "backup battery"
        lines.append(("supply", f"{volts / 1000:.1f} V, {supply}"))
        lines.append(("PINs", f"{number(answer, 'pins')} on the door"))
    if isinstance(relock, int):
        lines.append(("locks itself", f"after {say_seconds(relock)}" if relock else "never"))
    if opening := told_hours(answer.get("opening")):
        lines.append(("opening hours", say_hours(opening)))
    for name, words in ALARMS.items():
        if answer.get(name):
            lines.append(("attention", words))
    return lines


ALARMS = {
    "keypad_rest": "the keypad rests after too many wrong PINs",
    "rolled_back": "its memory was put back to an older state: look at this door",
    "log_full": "its log is full: only owner and residents are served",
}


@door.command(examples=(
    "mortice door key front", "mortice log verify front.log --lock-key $(mortice door key front)"))
@click.argument("name", metavar="DOOR")
@PASS_HERE
def key(here: Here, name: str) -> None:
    """The public key with which a door's lock signs its log and receipts."""
    target = here.door(name)
    hexed = target.mapped.lock.signing.encoded.hex()
    if here.json:
        show_json({"door": target.slug, "lock": target.mapped.lock.id.hex(), "lock_key": hexed})
    else:
        say(hexed)


@door.command(examples=("mortice door where front 192.168.1.20:4711",))
@click.argument("name", metavar="DOOR")
@click.argument("address", metavar="HOST:PORT")
@PASS_HERE
def where(here: Here, name: str, address: str) -> None:
    """Say where on the network a door answers."""
    target = here.door(name)
    host, port = host_and_port(address)
    here.home.keep_address(target.mapped.id, host, port)
    if here.json:
        show_json({"door": target.slug, "address": address})
    else:
        say(f"{target.mapped.label} is looked for at {address} from now on.")


@door.command(examples=("mortice door pins front",))
@click.argument("name", metavar="DOOR")
@PASS_HERE
def pins(here: Here, name: str) -> None:
    """The PINs that are on a door now, and whose they are."""
    target = here.door(name)
    rows = testing.pins_on(here, target)
    if here.json:
        show_json({"door": target.slug, "pins": rows})
    elif not rows:
        note(f"No PIN is on {target.mapped.label}.")
    else:
        table([("SLOT", "WHOSE", "STATE"), *(
            (str(row["slot"]), str(row["person"] or "not given from here"),
             "switched off" if row["off"] else "on") for row in rows)])


@door.command(examples=("mortice door test front", "mortice door test"))
@click.argument("name", metavar="[DOOR]", required=False)
@PASS_HERE
def test(here: Here, name: str | None) -> int:
    """Check a door, or all of them, without moving anything."""
    return testing.test_doors(here, [here.door(name)] if name else here.home.known_doors())


# --- the owner's acts ------------------------------------------------------------------------


@door.command(examples=(
    "mortice door add MORTICE1-ABCDE-… --at 192.168.1.20:4711 --label 'Front door'",
    "mortice door add code.txt --at 192.168.1.20:4711 --label 'Front door'",
    "mortice door add - --at [fd00::20]:4711 --label 'Front door' --zone Europe/London"))
@click.argument("code", metavar="CODE")
@click.option("--at", "address", required=True, metavar="HOST:PORT", help="Where the lock answers.")
@click.option("--label", required=True, metavar="NAME", help="What people call the door.")
@click.option(
    "--zone", default="Europe/London", show_default=True, help="The time zone that it stands in.")
@passphrase_option
@PASS_HERE
def add(here: Here, code: str, address: str, label: str, zone: str) -> None:
    """Take over a new lock with the code on its inside, after pressing its inside button.

    CODE is the text itself, a file that holds it, or - for stdin.
    """
    adding.add(here, adding.NewDoor(given(code), host_and_port(address), label, zone))


@door.command(examples=("mortice door remove shed",))
@click.argument("name", metavar="DOOR")
@passphrase_option
@PASS_HERE
def remove(here: Here, name: str) -> None:
    """Take a door off the map. Its lock keeps its owner until it is reset from the inside."""
    adding.remove(here, here.door(name))


@door.command(examples=(
    "mortice door settings front", "mortice door settings front --relock-after 30",
    "mortice door settings front --pin-entry index --pin-spent off --most-pins 40",
    'mortice door settings shop --opening-hours "mon-fri 09:00-17:30; sat 10:00-16:00"'))
@click.argument("name", metavar="DOOR")
@click.option("--relock-after", type=click.IntRange(0, 3600), metavar="SECONDS",
              help="Lock by itself so long after the leaf was closed; 0 for never.")
@click.option("--pin-entry", type=click.Choice(["plain", "index"]),
              help="PINs alone, or two digits that say whose and then the PIN.")
@click.option("--pin-spent", type=click.Choice(["rest", "off"]),
              help="After ten wrong tries: the keypad slows, or that PIN is switched off.")
@click.option("--most-pins", type=click.IntRange(1, 100), metavar="N",
              help="How many PINs at once; more PINs make longer ones.")
@click.option("--hub", metavar="ADDRESS", help="The hub that the lock dials; an empty text: none.")
@click.option("--hub-key", metavar="KEY", help="That hub's key, as: mortice hub key")
@click.option("--opening-hours", metavar="HOURS", help=(
    "In these the first keyholder who comes holds it open until they end; an empty text: none."))
@PASS_HERE
def settings(here: Here, /, name: str, **wanted: str | int | None) -> None:
    """Show a door's settings, or change those that are named."""
    change_settings(here, here.door(name), {
        option: value for option, value in wanted.items() if value is not None})
