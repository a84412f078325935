"""A log entry as a sentence that an owner reads.

The log names links by id and people never; the names come from the owner's own home. What has no
name here is called by the first letters of its id, never left out.

Spec: spec/log.md, section 3.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from mortice.core.log import About, Entry, Kind
from mortice.core.refusal import BY_NUMBER, Reason

GOOD, BAD, PLAIN = "good", "bad", "plain"
WAYS = ("phone key", "PIN", "from inside")
STATES = {
    "locked": "Locked", "unlocked": "Unlocked", "open": "Open", "jammed": "Jammed",
    "bolt_out_door_open": "Bolt out, door open", "unknown": "Not known"}


@dataclass(frozen=True, slots=True)
class Said:
    """One line for people: a word, its tone, a sentence, and more for whoever asks why."""

    word: str
    tone: str
    sentence: str
    detail: str | None = None


def say(entry: Entry, names: Mapping[bytes, str]) -> Said:
    """`entry` in words, with `names` from link ids to people."""
    about = entry.about
    match entry.kind:
        case Kind.GRANTED:
            return _granted(entry, names)
        case Kind.REFUSED:
            return _refused(entry, names)
        case Kind.MOVED:
            state = str(about.get(About.STATE, "unknown"))
            tone = BAD if state == "jammed" else PLAIN
            return Said(STATES.get(state, state), tone, f"seen after entry {about.get(About.CAUSE)}")
        case Kind.BOLT_SEEN:
            by = str(about.get(About.BY, "unknown")).replace("_", " ")
            return Said("Moved by hand", PLAIN, f"bolt moved by the {by}; the door is {_state(entry)}")
        case Kind.LEAF_SEEN:
            return Said("Door", PLAIN, f"the door is now {_state(entry)}")
    word, sentence = PLAIN_KINDS.get(entry.kind, (entry.kind.name.capitalize(), ""))
    detail = about.get(About.DETAIL)
    tone = BAD if entry.kind in (Kind.ALARM, Kind.INCARNATION) else PLAIN
    return Said(word, tone, f"{sentence}{': ' if detail and sentence else ''}{detail or ''}")


PLAIN_KINDS = {
    Kind.STARTED: ("Started", "the door's controller started"),
    Kind.SUPPLY_SEEN: ("Supply", "the supply changed"),
    Kind.ENROLLED: ("PIN set", "a credential was put on the door"),
    Kind.REVOKED: ("Taken back", "the door learnt that a key was taken back"),
    Kind.CONFIGURED: ("Settings", "the owner changed the door's settings"),
    Kind.TIME_SET: ("Clock", "the clock was set"),
    Kind.COMMISSIONED: ("New owner", "the door was taken over by its owner"),
    Kind.SITE_CHANGED: ("Owner's keys", "the owner changed the site's keys"),
    Kind.DOORS_CHANGED: ("Doors", "the owner changed the list of doors"),
    Kind.RELOCKED: ("Locking itself", "the door locks itself"),
    Kind.ALARM: ("Alarm", ""),
    Kind.INCARNATION: ("Alarm", "this door's memory was put back to an older state"),
    Kind.RESET: ("Reset", "everything was wiped from the inside"),
    Kind.RESTORED: ("Restored", "the owner switched PINs on again"),
    Kind.HOLD_ENDED: ("Hold ended", "the door is no longer held open"),
    Kind.LEFT_OFF: ("Gap", "entries could not be written"),
    Kind.INSIDE: ("Inside button", "the button on the inside was pressed"),
}


def _state(entry: Entry) -> str:
    return str(entry.about.get(About.STATE, "unknown")).replace("_", " ")


def who(entry: Entry, names: Mapping[bytes, str]) -> str:
    """Whose key it was: a name from the home, or the first letters of the link's id."""
    leaf = entry.about.get(About.LEAF)
    if not isinstance(leaf, bytes):
        return "somebody unknown"
    if leaf in names:
        return names[leaf]
    links = entry.about.get(About.LINKS)
    for link in reversed(links if isinstance(links, list) else []):
        if isinstance(link, bytes) and link in names:
            return f"somebody with a key from {names[link]} ({leaf.hex()[:8]})"
    return f"key {leaf.hex()[:8]}"


def _way(entry: Entry) -> str:
    number = entry.about.get(About.READER, 0)
    return WAYS[number] if isinstance(number, int) and 0 <= number < len(WAYS) else "key"


VERBS = {1: "Opened", 2: "Locked", 3: "Held open", 4: "Looked at", 8: "Clock set", 10: "Restored"}


def _granted(entry: Entry, names: Mapping[bytes, str]) -> Said:
    command = entry.about.get(About.COMMAND)
    verb = VERBS.get(command, "Allowed") if isinstance(command, int) else "Allowed"
    marked = ", a key file" if About.CLASS in entry.about else ""
    return Said(
        verb, GOOD, f"for {who(entry, names)}, {_way(entry)}{marked} · entry {entry.index}, on disk "
        "before the bolt moved")


def _refused(entry: Entry, names: Mapping[bytes, str]) -> Said:
    reason = reason_of(entry)
    words = reason.words
    known = isinstance(entry.about.get(About.LEAF), bytes)
    whom = f" ({who(entry, names)}, {_way(entry)})" if known else ""
    extra = entry.about.get(About.DETAIL)
    detail = f"Check {entry.about.get(About.CHECK)}{f', {extra}' if extra else ''}. {words.helps}"
    return Said("Refused", BAD, f"{words.sentence}{whom}", detail)


def reason_of(entry: Entry) -> Reason:
    """The exact reason of a refusal."""
    number = entry.about.get(About.REASON)
    return BY_NUMBER.get(number, Reason.FAULT) if isinstance(number, int) else Reason.FAULT
