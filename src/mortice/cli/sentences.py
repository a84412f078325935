"""Keys in words: what one may do, where, when, under which conditions, and what it may pass on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from mortice.cli.moments import Clock, iso, say_hours, say_seconds, zone_named
from mortice.cli.problems import usage
from mortice.client.home import Home
from mortice.core.grant import Grant, KeyClass, Rights
from mortice.core.keys import ED25519, PublicKey
from mortice.core.schedule import write_hours
from mortice.core.site import MappedDoor
from mortice.core.stages import Factors

RIGHTS = {
    "unlock": (Rights.UNLOCK, "open"), "lock": (Rights.LOCK, "lock"),
    "hold": (Rights.HOLD_OPEN, "hold open"), "log": (Rights.VIEW_LOG, "read the log of"),
    "enrol": (Rights.ENROL, "put PINs on"), "configure": (Rights.CONFIGURE, "change settings of"),
    "time": (Rights.SET_TIME, "set the clock of"), "refresh": (Rights.REFRESH, "refresh keys for"),
    "restore": (Rights.RESTORE, "end a keypad's rest at"), "update": (Rights.UPDATE, "update"),
}
FACTORS = {
    "pin": (Factors.PIN, "the PIN that goes with it"),
    "person": (Factors.PERSON, "a second person with a key of their own"),
    "touch": (Factors.TOUCH, "a touch on the keypad at the door"),
    "finger": (Factors.FINGER, "a finger at the door"),
    "passkey": (Factors.PASSKEY, "a passkey"),
}
CLASSES = {
    KeyClass.DEVICE: "made on its own device",
    KeyClass.WEB: "in a browser",
    KeyClass.FILE: "made by somebody else, to be exchanged once",
    KeyClass.BRIDGE: "held by a program",
}
ALL = "everything"


def rights(text: str) -> Rights:
    """Rights such as `unlock,lock`, or `all`. Raises Problem."""
    if text.strip().lower() == "all":
        return Rights(1023)
    found = Rights.NONE
    for word in filter(None, map(str.strip, text.lower().split(","))):
        if word not in RIGHTS:
            raise usage(f"No right is called {word!r}.", f"There are: all, {', '.join(RIGHTS)}")
        found |= RIGHTS[word][0]
    return found


def factors(text: str) -> Factors:
    """Second checks such as `pin,person`. Raises Problem."""
    found = Factors.NONE
    for word in filter(None, map(str.strip, text.lower().split(","))):
        if word not in ("pin", "person", "touch"):
            raise usage(
                f"A key from here cannot ask for {word!r}.", "It can ask for: pin, person, touch")
        found |= FACTORS[word][0]
    return found


def say_names(value: Rights) -> str:
    """Rights for a table."""
    return ALL if value == Rights(1023) else ", ".join(right_names(value)) or "nothing"


def right_names(value: Rights) -> list[str]:
    """The names of rights, as they are typed."""
    return [name for name, (right, _) in RIGHTS.items() if right & value]


def factor_names(value: Factors) -> list[str]:
    """The names of second checks, as they are typed."""
    return [name for name, (factor, _) in FACTORS.items() if factor & value]


def listed(words: list[str], last: str = "and") -> str:
    """`a, b and c`."""
    return f" {last} ".join(filter(None, [", ".join(words[:-1]), *words[-1:]]))


def say_rights(value: Rights) -> str:
    """Rights in words: `open and lock`."""
    if value == Rights(1023):
        return "do everything at"
    return listed([words for right, words in RIGHTS.values() if right & value]) or "open nothing at"


def key_letters(key: PublicKey) -> str:
    """An algorithm and the first letters of a key's id."""
    return f"{'ed25519' if key.alg == ED25519 else 'p256'} {key.id.hex()[:8]}"


@dataclass(frozen=True)
class Describer:
    """Words for keys of one home at one moment."""

    home: Home
    now: int

    def _mapped(self, grant: Grant) -> list[MappedDoor]:
        doors = self.home.doors()
        return [door for door in (doors.doors if doors else ()) if door.id in grant.doors]

    def clock(self, grant: Grant) -> Clock:
        """The clock of the key's doors: of the first one, where they differ."""
        mapped = self._mapped(grant)
        return Clock(zone_named(mapped[0].zone if mapped else "UTC"), self.now)

    def doors(self, grant: Grant) -> str:
        """The doors by their signed names; one that is not on the map is called by its id."""
        mapped = self._mapped(grant)
        unknown = grant.doors - {door.id for door in mapped}
        return listed([door.label for door in mapped] + [f"door {d.hex()[:6]}" for d in unknown])

    def door_names(self, grant: Grant) -> list[str]:
        """The doors as they are typed."""
        known = {door.mapped.id: door.slug for door in self.home.known_doors()}
        return [known.get(door, door.hex()) for door in sorted(grant.doors)]

    def when(self, grant: Grant) -> str:
        """Start, hours and end in words."""
        clock = self.clock(grant)
        parts = [
            "" if grant.nbf is None else f"from {clock.say(grant.nbf)}",
            "" if grant.hours is None else say_hours(grant.hours),
            "" if grant.exp is None else f"until {clock.say_end(grant.exp)}",
            "" if grant.uses is None else (
                "once" if grant.uses == 1 else f"{grant.uses} times at most"),
        ]
        return ", ".join(filter(None, parts)) or "always"

    def needs(self, grant: Grant) -> str:
        """What must be shown beside the key."""
        wanted = [words for factor, words in FACTORS.values() if factor & grant.factors]
        return listed(wanted) or "nothing else"

    def offline(self, grant: Grant) -> str:
        """Whether it works with no network at all."""
        if grant.max_staleness is None:
            return "yes, the door decides by itself"
        return f"for {say_seconds(grant.max_staleness)} after each refresh"

    def passing_on(self, grant: Grant) -> str:
        """What the holder may hand on."""
        if not grant.depth or not grant.delegable:
            return "nothing"
        links = "to one more person each" if grant.depth == 1 else f"over {grant.depth} steps"
        life = "" if grant.max_life is None else f", for {say_seconds(grant.max_life)} at most"
        quota = "" if grant.quota is None else f", {grant.quota} people a day and door"
        return f"{say_names(grant.delegable)}, {links}{life}{quota}"

    def sentence(self, name: str, grant: Grant) -> str:
        """One sentence that says back what was given."""
        beside = "" if not grant.factors else f", with {self.needs(grant)}"
        offline = "" if grant.max_staleness is None else (
            f" It opens {self.offline(grant)}.")
        may = say_rights(grant.use)
        return f"{name} can {may} {self.doors(grant)}, {self.when(grant)}{beside}.{offline}"


def grant_json(grant: Grant, doors: list[str], names: Mapping[bytes, str]) -> dict[str, object]:
    """One link for scripts (docs/cli.md, "A key")."""
    return {
        "id": grant.id.hex(), "label": grant.label or None, "for": names.get(grant.id),
        "holder": grant.holder.id.hex(), "class": grant.klass.name.lower(),
        "doors": doors, "use": right_names(grant.use),
        "from": grant.nbf and iso(grant.nbf), "until": grant.exp and iso(grant.exp),
        "hours": grant.hours and write_hours(grant.hours), "needs": factor_names(grant.factors),
        "uses": grant.uses, "max_staleness": grant.max_staleness, "resident": grant.resident,
        "may_pass_on": {
            "rights": right_names(grant.delegable), "links": grant.depth,
            "life": grant.max_life, "quota": grant.quota} if grant.depth else None,
    }
