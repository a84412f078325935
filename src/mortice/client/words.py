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
UNKNOWN: Mapping[bytes, str] = {}
STATES = {
    "locked": "Locked", "unlocked": "Unlocked", "open": "Open", "jammed": "Jammed",
    "bolt_out_door_open": "Bolt out, door open", "unknown": "Not known"}
VERBS = {1: "Opened", 2: "Locked", 3: "Held open", 4: "Looked at", 8: "Clock set", 10: "Restored"}
PLAIN_KINDS = {
    Kind.STARTED: ("Started", "the door's controller started"),
    Kind.SUPPLY_SEEN: ("Supply", ""),
    Kind.ENROLLED: ("PIN set", "a PIN was put on the door"),
    Kind.REMOVED: ("PIN removed", "a PIN was taken off the door"),
    Kind.REFRESHED: ("PIN refreshed", "somebody vouched that a PIN is still good"),
    Kind.REVOKED: ("Taken back", "the door learnt that a key was taken back"),
    Kind.CONFIGURED: ("Settings", "the owner changed the door's settings"),
    Kind.CHECKED: ("Checked", "against a list"),
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


@dataclass(frozen=True, slots=True)
class Said:
    """One line for people: a word, its tone, a sentence, and more for whoever asks why."""

    word: str
    tone: str
    sentence: str
    detail: str | None = None


def say(entry: Entry, names: Mapping[bytes, str], ways: Mapping[bytes, str] = UNKNOWN) -> Said:
    """`entry` in words; `names` from link ids to people, `ways` to what sort of key each is."""
    match entry.kind:
        case Kind.GRANTED:
            return _granted(entry, names, _way(entry, ways))
        case Kind.REFUSED:
            return _refused(entry, names, _way(entry, ways))
        case Kind.MOVED:
            state = text(entry, About.STATE, "unknown")
            after = f"seen after entry {entry.about.get(About.CAUSE)!r}"
            return Said(STATES.get(state, state), BAD if state == "jammed" else PLAIN, after)
        case Kind.BOLT_SEEN:
            by = text(entry, About.BY, "unknown").replace("_", " ")
            return Said(
                "Moved by hand", PLAIN, f"bolt moved by the {by}; the door is {_state(entry)}")
        case Kind.LEAF_SEEN:
            return Said("Door", PLAIN, f"now {_state(entry)}")
    word, sentence = PLAIN_KINDS.get(entry.kind, (entry.kind.name.capitalize(), ""))
    detail = _supply(entry) if entry.kind is Kind.SUPPLY_SEEN else (
        checked_by(entry, names) if entry.kind is Kind.CHECKED else text(entry, About.DETAIL))
    tone = BAD if entry.kind in (Kind.ALARM, Kind.INCARNATION) else PLAIN
    between = " " if entry.kind is Kind.CHECKED else ": "
    return Said(word, tone, between.join(part for part in (sentence, detail) if part))


def text(entry: Entry, about: About, absent: str = "") -> str:
    """A text of the entry's map."""
    value = entry.about.get(about)
    return value if isinstance(value, str) else absent


def _state(entry: Entry) -> str:
    return text(entry, About.STATE, "unknown").replace("_", " ")


def _supply(entry: Entry) -> str:
    source, millivolts = text(entry, About.BY, "unknown"), entry.about.get(About.COUNT)
    return f"{source}, {millivolts / 1000:.1f} V" if isinstance(millivolts, int) else source


def checked_by(entry: Entry, names: Mapping[bytes, str]) -> str:
    """By whom a door was checked, and how much failed."""
    by = who(entry, names) if About.LEAF in entry.about else "the owner"
    failed = entry.about.get(About.COUNT)
    return f"by {by}; " + (f"failed: {failed}" if isinstance(failed, int) and failed else
                           "nothing that was looked at failed")


def who(entry: Entry, names: Mapping[bytes, str]) -> str:
    """Whose key it was: a name from the home, or the first letters of the link's id."""
    leaf, links = entry.about.get(About.LEAF), entry.about.get(About.LINKS)
    if not isinstance(leaf, bytes):
        return "somebody unknown"
    if leaf in names:
        return names[leaf]
    above = links if isinstance(links, list) else []
    giver = next((names[link] for link in above[::-1] if type(link) is bytes and link in names), "")
    if About.CLASS in entry.about and giver:  # a claim link or key file, exchanged by its receiver
        return giver
    short = leaf.hex()[:8]
    what = "PIN" if About.SLOT in entry.about else "key"
    return f"somebody with a {what} from {giver} ({short})" if giver else f"{what} {short}"


def _way(entry: Entry, ways: Mapping[bytes, str]) -> str:
    number, leaf = entry.about.get(About.READER, 0), entry.about.get(About.LEAF)
    if number == 0 and isinstance(leaf, bytes) and leaf in ways:
        return ways[leaf]
    return WAYS[number] if isinstance(number, int) and 0 <= number < len(WAYS) else "key"


def _granted(entry: Entry, names: Mapping[bytes, str], way: str) -> Said:
    command = entry.about.get(About.COMMAND)
    verb = VERBS.get(command, "Allowed") if isinstance(command, int) else "Allowed"
    marked = ", a key made by somebody else" if About.CLASS in entry.about else ""
    if command == 1 and About.UNTIL in entry.about:  # R17
        marked += ", who opened up: it is held open in its opening hours"
    return Said(
        verb, GOOD, f"for {who(entry, names)}, {way}{marked} · entry {entry.index}, on "
        "disk before the bolt moved")


def _refused(entry: Entry, names: Mapping[bytes, str], way: str) -> Said:
    words = reason_of(entry).words
    known = isinstance(entry.about.get(About.LEAF), bytes)
    whom = f" ({who(entry, names)}, {way})" if known else ""
    check = ", ".join(filter(None, (text(entry, About.CHECK), text(entry, About.DETAIL))))
    return Said("Refused", BAD, f"{words.sentence}{whom}", f"Check {check}. {words.helps}")


def reason_of(entry: Entry) -> Reason:
    """The exact reason of a refusal."""
    number = entry.about.get(About.REASON)
    return BY_NUMBER.get(number, Reason.FAULT) if isinstance(number, int) else Reason.FAULT
