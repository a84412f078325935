"""What a guest link amounts to now: its state in words, its doors, its PIN, its calendar entry."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from zoneinfo import ZoneInfo

from icalendar import Calendar, Event
from sqlalchemy import select
from sqlalchemy.orm import Session

from mortice.hub.keys import links_of
from mortice.hub.own import Own
from mortice.hub.tables import Door, Guest, Key, Person, Place, now
from mortice.hub.web import moment

MINUTE, HOUR, DAY = 60, 3600, 86_400
WEEK = 7 * DAY
NAME_MOST = 120  # characters of a name that are shown
PHONE = re.compile(r"(\+?\d[\d ()\u00a0-]{7,18}\d)")


class Stage(StrEnum):
    """How a link stands. Which phone a claimed one is on, only that phone can say."""

    EARLY = "early"
    READY = "ready"  # to be claimed
    CLAIMED = "claimed"
    ENDED = "ended"
    TAKEN = "taken back"


WORDS = {  # for the host: what to say, and its tone
    Stage.EARLY: ("has not started", "blue"), Stage.READY: ("not opened yet", "brass"),
    Stage.CLAIMED: ("on their phone", "good"), Stage.ENDED: ("ended", "grey"),
    Stage.TAKEN: ("taken back", "grey")}


@dataclass(frozen=True, slots=True)
class Stay:
    """A guest link with what stands around it."""

    guest: Guest
    place: Place
    claim: Key  # the claim key's link
    key: Key | None  # on the guest's phone
    doors: list[Door]
    stage: Stage
    claimed: bool

    @property
    def zone(self) -> str:
        """The doors' clock."""
        return self.doors[0].zone if self.doors else self.place.zone

    @property
    def runs(self) -> bool:
        """Has it started, and not ended?"""
        return self.stage in {Stage.READY, Stage.CLAIMED}

    @property
    def title(self) -> str:
        """What the page is called: its only door, or the place."""
        return self.doors[0].label if len(self.doors) == 1 else self.place.name


def stay_of(db: Session, guest: Guest, at: int) -> Stay:
    """The link as it stands at Unix second `at`."""
    claim = db.get_one(Key, guest.claim_id)
    key = db.get(Key, guest.key_id) if guest.key_id is not None else None
    wanted = links_of(claim)[-1].doors
    doors = db.scalars(select(Door).where(
        Door.place_id == guest.place_id, Door.door_id.in_(wanted)).order_by(Door.position))
    return Stay(guest, db.get_one(Place, guest.place_id), claim, key, list(doors),
                _stage(guest, claim, key, at), key is not None)


def _stage(guest: Guest, claim: Key, key: Key | None, at: int) -> Stage:
    if any(kept is not None and kept.taken_back_at is not None for kept in (claim, key)):
        return Stage.TAKEN
    if guest.closed_at is not None or (claim.ends_at is not None and claim.ends_at <= at):
        return Stage.ENDED
    if claim.starts_at is not None and at < claim.starts_at:
        return Stage.EARLY
    return Stage.CLAIMED if key is not None else Stage.READY


# --- in words -------------------------------------------------------------------------------------


def starts(stay: Stay, at: int) -> str:
    """`Friday at 15:00`, or the date where a weekday would not be enough."""
    start = stay.claim.starts_at or at
    local = datetime.fromtimestamp(start, UTC).astimezone(ZoneInfo(stay.zone))
    if start - at < WEEK - DAY:
        today = datetime.fromtimestamp(at, UTC).astimezone(ZoneInfo(stay.zone)).date()
        return f"{'today' if local.date() == today else f'{local:%A}'} at {local:%H:%M}"
    return moment(start, stay.zone)


def wait(seconds: int) -> str:
    """`in 2 days`, `in 3 hours`, `in 12 minutes`."""
    for unit, name in ((DAY, "days"), (HOUR, "hours"), (MINUTE, "minutes")):
        count = seconds // unit
        if count > 1:
            return f"in {count} {name}"
    return "in a moment"


def printable(text: str) -> str:
    """Text without control characters, which a calendar, a terminal or a screen might act on."""
    return "".join(each if each.isprintable() or each == "\n" else " " for each in text)


def short(text: str) -> str:
    """A name on one line, of a length that a page can show."""
    plain = " ".join(printable(text).split())
    return plain if len(plain) <= NAME_MOST else plain[:NAME_MOST] + "…"


@dataclass(frozen=True, slots=True)
class Said:
    """What people wrote, without what a screen might act on."""

    title: str
    where: str  # the place, unless it is the title
    address: str
    times: str
    welcome: list[tuple[str, str]]  # text, and what to dial for it
    help: list[tuple[str, str]]


def said_of(stay: Stay) -> Said:
    """The words of the page."""
    title, place = short(stay.title), short(stay.place.name)
    address = short(stay.place.address)
    return Said(title, "" if place == title else place, "" if address == place else address,
                times(stay), with_phones(stay.guest.welcome), with_phones(stay.guest.help))


def times(stay: Stay) -> str:
    """`Fri 27 Nov, 15:00`, a dash and `Mon 30 Nov, 11:00`, as far as the key begins and ends."""
    begin, end = (moment(at, stay.zone) if at is not None else "" for at in (
        stay.claim.starts_at, stay.claim.ends_at))
    if begin and end:
        return f"{begin} \N{EN DASH} {end}"
    return f"from {begin}" if begin else f"until {end}" if end else ""


def with_phones(text: str) -> list[tuple[str, str]]:
    """`text` in parts; one that looks like a number to ring comes with what a phone is to dial."""
    return [(part, re.sub(r"[^+\d]", "", part) if at % 2 else "")
            for at, part in enumerate(PHONE.split(printable(text))) if part]


# --- the spare PIN --------------------------------------------------------------------------------


def seal_pin(own: Own, guest: Guest, digits: str) -> bytes:
    """A PIN that the hub made for this guest, to be kept in `Guest.pin`."""
    return own.seal(digits.encode(), _about(guest))


def pin_of(own: Own, stay: Stay) -> str:
    """The PIN, within the stay; nothing if there is none. Raises Malformed if it was tampered with.

    Whoever calls has made sure that the guest may see it.
    """
    if stay.guest.pin is None or not stay.runs:
        return ""
    return own.unseal(stay.guest.pin, _about(stay.guest)).decode()


def _about(guest: Guest) -> bytes:
    return b"guest-pin/" + guest.ref.encode()


# --- for a calendar, and for the host -------------------------------------------------------------


def calendar(stay: Stay, origin: str, start: int, end: int) -> bytes:
    """The stay as an iCalendar file (RFC 5545), on the doors' own clock. It holds no secret."""
    zone = ZoneInfo(stay.zone)
    entry = Event()
    entry.add("uid", f"{stay.guest.ref}@{origin.partition('://')[2]}")
    entry.add("dtstamp", datetime.fromtimestamp(stay.guest.made_at, UTC))
    entry.add("dtstart", datetime.fromtimestamp(start, zone))
    entry.add("dtend", datetime.fromtimestamp(end, zone))
    entry.add("summary", short(stay.title))
    entry.add("location", short(stay.place.address or stay.place.name))
    entry.add("description", "To open the door, open the link that you were sent, on the phone "
              "that has the key.")
    made = Calendar()
    made.add("prodid", "-//Mortice//Guest//EN")
    made.add("version", "2.0")
    made.add_component(entry)
    made.add_missing_timezones()
    return bytes(made.to_ical())


@dataclass(frozen=True, slots=True)
class Row:
    """A guest link as its host sees it."""

    ref: str
    words: str
    tone: str
    made_at: int
    claimed_at: int | None
    doors: str
    digits: str  # what is to be said of the digits
    open: bool  # can it still be closed?
    by_hub: bool  # the hub gave it, and takes it back


def guest_rows(db: Session, person: Person) -> list[Row]:
    """Every link that `person` was sent, the newest first."""
    guests = db.scalars(select(Guest).where(
        Guest.person_id == person.id).order_by(Guest.id.desc()))
    return [_row(stay_of(db, guest, now())) for guest in guests]


def _row(stay: Stay) -> Row:
    guest, (words, tone) = stay.guest, WORDS[stay.stage]
    if stay.stage is Stage.EARLY and stay.claimed:
        words = f"{words}, on their phone"
    digits = ""
    if guest.check is not None and not stay.claimed:
        digits = f"{guest.tries_left} tries at the digits left" if guest.tries_left else (
            "The digits were tried too often. Give a new link.")
    return Row(guest.ref, words, tone, guest.made_at, guest.claimed_at,
               ", ".join(short(door.label) for door in stay.doors), digits,
               stay.stage in {Stage.EARLY, Stage.READY, Stage.CLAIMED}, stay.claim.by_hub)
