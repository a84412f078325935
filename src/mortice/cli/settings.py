"""A door's settings: shown, or changed by a signed document that the door confirms."""

from __future__ import annotations

import asyncio
import re
import time
from dataclasses import replace

from mortice.cli.here import Here
from mortice.cli.moments import WEEKLY_EXAMPLE, say_hours, say_seconds, weekly
from mortice.cli.output import facts, plain, say, show_json
from mortice.cli.problems import Problem, usage
from mortice.cli.visiting import Wish, at, deliver, not_taken, status
from mortice.client.home import Home, KnownDoor, whole
from mortice.core.commands import Command
from mortice.core.config import CONFIG, Config, read_config, sign_config
from mortice.core.errors import Malformed
from mortice.core.pin import Entry, PinPolicy, Spent, digits_needed
from mortice.core.schedule import WEEK, Hours, read_hours, spans, write_hours

FILE = "config.json"


def kept_config(home: Home, door: KnownDoor) -> Config | None:
    """The settings that this home has last put on a door."""
    kept = settings_bytes(home, door)
    return read_config(kept, home.site().id) if kept is not None else None


def settings_bytes(home: Home, door: KnownDoor) -> bytes | None:
    """The signed document itself. Raises Malformed (Z2)."""
    with whole(FILE):
        kept = home.read(FILE, {}).get(door.mapped.id.hex())
        return bytes.fromhex(kept) if kept else None


def policy_of(home: Home, door: KnownDoor) -> PinPolicy:
    """A door's rules for PINs, as far as this home knows: the ordinary ones until changed."""
    kept = kept_config(home, door)
    return kept.pins if kept else PinPolicy()


def change_settings(here: Here, door: KnownDoor, wanted: dict[str, str | int]) -> None:
    """Show the settings, or change those that are named and wait for the door's word."""
    answer = asyncio.run(status(here, door))
    version = answer.get("config", 0)
    kept = kept_config(here.home, door)
    present = kept or Config(door.mapped.id)
    if not isinstance(version, int) or version > present.version:
        relock = answer.get("relock_after", 0)
        present = replace(
            present, version=version if isinstance(version, int) else 0,
            relock_after=relock if isinstance(relock, int) else 0, hub=_told(answer.get("hub")),
            opening=told_hours(answer.get("opening")))
        if wanted and not {"pin_entry", "pin_spent", "most_pins"} <= wanted.keys():
            raise Problem(
                "settings_unknown", "That door's settings were changed from another home, so its "
                "rules for PINs are not known here.",
                "Name them all: --pin-entry, --pin-spent and --most-pins.")
    if wanted:
        present = _changed(present, wanted)
        asyncio.run(_put(here, door, present))
    _tell(here, door, present)


def _changed(present: Config, wanted: dict[str, str | int]) -> Config:
    pins = replace(
        present.pins,
        entry=Entry(wanted.get("pin_entry", present.pins.entry.value)),
        spent=Spent(wanted.get("pin_spent", present.pins.spent.value)),
        most=int(wanted.get("most_pins", present.pins.most)))
    return replace(
        present, hub=_hub(present, wanted), pins=pins, opening=_opening(present, wanted),
        version=max(present.version + 1, int(time.time())),
        relock_after=int(wanted.get("relock_after", present.relock_after)))


def _told(hub: object) -> tuple[bytes, str] | None:
    """The hub that the door says it dials."""
    match hub:
        case [str(key), str(address)]:
            return bytes.fromhex(key), address
    return None


def told_hours(value: object) -> Hours:
    """The opening hours that a door says it has. What it says may be nonsense: then none."""
    try:
        return read_hours(value) if value else ()
    except Malformed:
        return ()


def _opening(present: Config, wanted: dict[str, str | int]) -> Hours:
    """The opening hours that a door is to have. Raises Problem (usage)."""
    if "opening_hours" not in wanted:
        return present.opening
    hours = weekly(str(wanted["opening_hours"]))
    if spans(hours) == ((0, WEEK),):
        raise usage("Those hours never end, so the shop would never be shut.", WEEKLY_EXAMPLE)
    return hours


def _hub(present: Config, wanted: dict[str, str | int]) -> tuple[bytes, str] | None:
    """The hub that a door is to dial. Raises Problem (usage) for half of one."""
    address = str(wanted.get("hub", present.hub[1] if present.hub else ""))
    if not address:
        return None
    named = str(wanted.get("hub_key", present.hub[0].hex() if present.hub else ""))
    if not re.fullmatch("[0-9a-f]{64}", named):
        raise usage("A hub is named by its address and by its key of 64 letters.",
                    "Ask the hub for both: mortice hub key")
    return bytes.fromhex(named), address


async def _put(here: Here, door: KnownDoor, config: Config) -> None:
    try:
        document = sign_config(here.home.site().id, config, here.me.key)
    except Malformed as error:
        raise usage(
            f"{error.message[:1].upper()}{error.message[1:]} ({error.check}).",
            "Change both, or choose others: mortice door settings --help") from error
    async with at(here, door, Wish(Command.STATUS)) as call:
        delivered = await deliver(here, door, call, [[CONFIG, document, call.held.wire]])
    if not delivered or delivered[0].refused is not None:
        raise not_taken(delivered[0].refused) if delivered and delivered[0].refused else Problem(
            "unknown", "The door did not say what it did with the settings.", "Try again.")
    here.home.update(FILE, {}, lambda kept: {**kept, door.mapped.id.hex(): document.hex()})


def _tell(here: Here, door: KnownDoor, config: Config) -> None:
    pins = config.pins
    if here.json:
        show_json({
            "door": door.slug, "version": config.version, "relock_after": config.relock_after,
            "pin_entry": pins.entry.value, "pin_spent": pins.spent.value, "most_pins": pins.most,
            "pin_digits": digits_needed(pins), "hub": config.hub and config.hub[1],
            "opening_hours": write_hours(config.opening)})
        return
    say(plain(door.mapped.label))
    relock = f"after {say_seconds(config.relock_after)}" if config.relock_after else "never"
    typed = "two digits that say whose, then the PIN" if pins.entry is Entry.INDEX else "the PIN"
    spent = "that PIN is switched off" if pins.spent is Spent.OFF else "the keypad slows"
    opens = f"{say_hours(config.opening)}, once a keyholder has come" if config.opening else "none"
    facts([
        ("locks itself", relock), ("opening hours", opens),
        ("at the keypad", f"{typed}, then the tick"),
        ("ten wrong tries", spent),
        ("PINs", f"{pins.most} at most, {digits_needed(pins)} digits each"),
        ("hub", plain(config.hub[1]) if config.hub else "none")])
