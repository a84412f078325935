"""Keys that the hub itself issues to visitors, below the bounded link that its owner gave it.

Whatever the hub can issue, a thief of the hub can: so each key stays within the link's doors,
hours, longest stay and number a day, which every lock checks again. A visitor's PIN stands below a
link of the hub's own, because only who holds a key can put a PIN below it; that link opens nothing.

Spec: spec/grant.md; design rule 8.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from mortice.client.owner import Terms, draw_pin, enrol_pin, narrowed, unsigned
from mortice.client.wallet import HeldKey, held
from mortice.core import cbor
from mortice.core.chain import narrower
from mortice.core.grant import Grant, KeyClass, Rights, sign_grant
from mortice.core.keys import ED25519, PublicKey, SoftwareKey
from mortice.core.pin import PinPolicy
from mortice.core.revocation import REVOKE, Revoked, sign_revocation
from mortice.hub.acts import note
from mortice.hub.guests import Invitation, close, invite, text_of
from mortice.hub.hub import Hub
from mortice.hub.keys import CLAIM, KEY, free_slot, links_of, register, register_pin, take_back
from mortice.hub.places import map_of
from mortice.hub.powers import VISITORS, live
from mortice.hub.problems import Problem, not_found
from mortice.hub.saying import seconds
from mortice.hub.stays import DAY, seal_pin
from mortice.hub.tables import Account, Door, Guest, HubGrant, Key, Person, Place, now

SEED_BYTES = 32
OPENS = Rights.UNLOCK | Rights.LOCK
NO_POWER = Problem(409, "hub-may-not", "This hub may not issue keys to visitors for those doors",
                   "The owner can let it, under Settings, What a thief of this hub could do.")


@dataclass(frozen=True, slots=True)
class Stay:
    """What a visitor is to have. Times are Unix seconds."""

    doors: Sequence[Door]
    starts: int
    ends: int
    holder: PublicKey | None = None  # of the visitor's phone; None: a PIN alone, or a link
    klass: KeyClass = KeyClass.WEB
    pin: bool = True


@dataclass(frozen=True, slots=True)
class Issued:
    """What was issued. `digits` is shown to the visitor; the doors have it once they say so."""

    key: Key | None
    pins: list[Key]
    digits: str


def issue(  # noqa: PLR0913 - where, to whom, what, and who asked for it
    db: Session, hub: Hub, place: Place, person: Person, stay: Stay, *, by: Account | None = None,
) -> Issued:
    """Sign what `stay` asks for, and send PINs to their doors. Raises Problem."""
    grant, stay = _grant_for(db, place, stay)
    above = held(grant.wire)
    key = None if stay.holder is None else register(
        db, place, person, _link(hub, above, stay, stay.holder), made_by=by,
        what=CLAIM if stay.klass is KeyClass.FILE else KEY)
    pins, digits = _pins(db, hub, place, person, above, stay, by) if stay.pin else ([], "")
    note(db, "issued a key to a visitor", place, by, person=person.ref,
         keys=[each.leaf.hex() for each in ([key] if key else []) + pins])
    return Issued(key, pins, digits)


def host(  # noqa: PLR0913 - as issue, and what the visitor's page says
    db: Session, hub: Hub, place: Place, person: Person, stay: Stay, *, by: Account,
    welcome: str = "", help_: str = "",
) -> tuple[Guest, str, Issued]:
    """A visitor's page, the address that puts the key on their phone, and what was issued.

    What stands behind its # is drawn here, so the hub has had it: it counts as the hub's power.
    Raises Problem.
    """
    seed = secrets.token_bytes(SEED_BYTES)
    claim = SoftwareKey.from_seed(ED25519, seed).public
    issued = issue(db, hub, place, person, replace(
        stay, holder=claim, klass=KeyClass.FILE), by=by)
    assert issued.key is not None, "the claim key is its holder"
    guest = invite(db, place, person, Invitation(
        issued.key.wire, welcome=welcome, help=help_), by)
    if issued.pins:
        guest.pin, guest.pin_key_id = seal_pin(hub.own, guest, issued.digits), issued.pins[0].id
    link = f"{hub.settings.origin.rstrip('/')}/k/{guest.ref}#{text_of(seed)}"
    return guest, link, issued


def reach(db: Session, place: Place) -> list[Door]:
    """The doors for which this hub may issue keys now."""
    grants = live(db, place, VISITORS, now()) if place.root is not None else []
    ids = {door for grant in grants for door in links_of(grant)[-1].doors}
    return [door for door in place.doors if door.door_id in ids]


def end_visit(db: Session, hub: Hub, place: Place, guest: Guest, by: Account) -> list[Key]:
    """Take back all that this hub issued for one visit, and close its page. Raises Problem."""
    claim, pin = db.get_one(Key, guest.claim_id), db.get(Key, guest.pin_key_id or 0)
    if not claim.by_hub:
        raise not_found("visit of this hub")
    tops = {claim.leaf, links_of(pin)[-1].parent if pin else None}
    keys = [key for key in db.scalars(select(Key).where(
        Key.person_id == guest.person_id, Key.taken_back_at.is_(None)))
        if tops & {link.id for link in links_of(key)}]
    if keys:
        take_visit_back(db, hub, place, keys, by)
    close(db, place, guest.ref, by)
    return keys


def take_visit_back(
    db: Session, hub: Hub, place: Place, keys: Sequence[Key], by: Account | None = None,
) -> None:
    """End what this hub issued, by its own signature, and tell the doors. Raises Problem."""
    for grant in {each.leaf: each for key in keys for each in _above(db, key)}.values():
        ours = [key for key in keys if grant in _above(db, key)]
        entries = [Revoked(key.leaf, key.ends_at) for key in ours]
        assert place.site_id is not None, "a place with keys has a root"
        document = sign_revocation(place.site_id, entries, hub.own.signer)
        take_back(db, place, [REVOKE, document, held(grant.wire).wire], ours)
    note(db, "took a visitor's key back", place, by, keys=[key.leaf.hex() for key in keys])


def _above(db: Session, key: Key) -> list[HubGrant]:
    ids = [link.id for link in links_of(key)]
    return list(db.scalars(select(HubGrant).where(HubGrant.leaf.in_(ids))))


# --- the bounds -----------------------------------------------------------------------------------


def _grant_for(db: Session, place: Place, stay: Stay) -> tuple[HubGrant, Stay]:
    """The widest link of the hub's that allows it, and as it begins below that. Raises Problem."""
    wanted, problem = {door.door_id for door in stay.doors}, None
    for grant in sorted(live(db, place, VISITORS, now()), key=_width, reverse=True):
        above = links_of(grant)[-1]
        if wanted and wanted <= above.doors:
            begun = replace(stay, starts=max(stay.starts, above.nbf or 0))  # perhaps today
            try:
                _must_be_within(above, begun)
                _must_have_room(db, grant, above, begun)
            except Problem as refused:
                problem = problem or refused  # of the widest
            else:
                return grant, begun
    raise problem or NO_POWER


def _width(grant: HubGrant) -> tuple[bool, int, int]:
    above = links_of(grant)[-1]
    return above.hours is None, above.max_life or 0, above.exp or 0


def _must_be_within(above: Grant, stay: Stay) -> None:
    """The bounds of the link in words, before anything is signed."""
    assert above.exp is not None, "powers.py takes in none without"
    assert above.max_life is not None, "as above"
    if stay.ends <= max(stay.starts, now()):
        raise _refused("The stay must end after it starts, and after now", "Choose other times.")
    if stay.ends - stay.starts > above.max_life:
        raise _refused(f"This hub may issue for {seconds(above.max_life)} at most",
                       "Make the stay shorter, or let somebody with a key of their own give it.")
    if stay.ends > above.exp:
        raise _refused(f"This hub may issue only until {_day(above.exp, stay.doors[0])}",
                       "The owner can let it go on, under Settings.")


def _must_have_room(db: Session, grant: HubGrant, above: Grant, stay: Stay) -> None:
    """As many different keys a day and door as the link allows: each lock counts them by itself."""
    assert above.quota is not None, "powers.py takes in none without"
    db.execute(select(HubGrant.id).where(HubGrant.id == grant.id).with_for_update())
    issued = [key for key in db.scalars(select(Key).where(
        Key.place_id == grant.place_id, Key.by_hub.is_(True), Key.ends_at > stay.starts - 2 * DAY))
        if above.id in {link.id for link in links_of(key)}]
    claimed = {key.parent_id for key in issued}  # a link and the key on the phone are one
    issued = [key for key in issued if key.id not in claimed]
    more = (not stay.pin or stay.holder is not None) + stay.pin
    for door in stay.doors:
        there = [(key.starts_at or 0, _counts_until(key, door)) for key in issued
                 if door.door_id in links_of(key)[-1].doors]
        for start, end in _days(stay, ZoneInfo(door.zone)):
            that_day = sum(starts < end and max(starts, start) < ends for starts, ends in there)
            if that_day + more > above.quota:
                raise _refused(
                    f"This hub may let {above.quota} keys a day open {door.label}, and "
                    f"{that_day} are issued for {_day(start, door)}, taken back or not",
                    "Somebody with a key of their own can give one more.")


def _counts_until(key: Key, door: Door) -> int:
    """Before which second the lock may have counted it. Taken back: until then, or its last use."""
    assert key.ends_at is not None, "the hub issues none without"
    if key.taken_back_at is None:
        return key.ends_at
    used = [each.used_at or 0 for each in key.doors if each.door_id == door.id]
    return min(key.ends_at, max(key.taken_back_at, *used) + 1)


def _days(stay: Stay, zone: ZoneInfo) -> Iterator[tuple[int, int]]:
    """The first and the last second of each of its days, on the door's clock."""
    day = datetime.fromtimestamp(stay.starts, UTC).astimezone(zone).date()
    while True:
        start = datetime(day.year, day.month, day.day, tzinfo=zone)
        following = day + timedelta(days=1)
        end = datetime(following.year, following.month, following.day, tzinfo=zone)
        if start.timestamp() >= stay.ends:
            return
        yield int(start.timestamp()), int(end.timestamp())
        day = following


def _day(at: int, door: Door) -> str:
    local = datetime.fromtimestamp(at, UTC).astimezone(ZoneInfo(door.zone))
    return f"{local:%A} {local.day} {local:%B}"


def _refused(what: str, help_: str) -> Problem:
    return Problem(409, "beyond-the-hub", what, help_)


# --- signing --------------------------------------------------------------------------------------


def _link(hub: Hub, above: HeldKey, stay: Stay, holder: PublicKey) -> list[cbor.Value]:
    """One link to the visitor's own key, or to the claim key that they exchange for it."""
    terms = _terms(stay, above.leaf.delegable & OPENS, stay.klass)
    if stay.klass is KeyClass.FILE:
        terms = replace(terms, use=Rights.NONE, delegable=terms.use, depth=1)
    return _signed(hub, above, terms, holder)


def _terms(stay: Stay, use: Rights, klass: KeyClass = KeyClass.DEVICE) -> Terms:
    return Terms(frozenset(door.door_id for door in stay.doors), use, nbf=stay.starts,
                 exp=stay.ends, klass=klass)


def _signed(hub: Hub, above: HeldKey, terms: Terms, holder: PublicKey) -> list[cbor.Value]:
    """A chain with one more link by this hub's key. Raises Problem, naming the bound."""
    child = replace(unsigned(narrowed(terms, above.leaf), holder), parent=above.leaf.id)
    problem = narrower(above.leaf, child)
    if problem is not None:
        raise _refused(f"This hub may not issue that: {problem[1]}", "Choose something narrower.")
    return [*above.wire, sign_grant(child, hub.own.signer)]


def _pins(  # noqa: PLR0913, PLR0917 - as issue
    db: Session, hub: Hub, place: Place, person: Person, above: HeldKey, stay: Stay,
    by: Account | None,
) -> tuple[list[Key], str]:
    """The same PIN on each door, below one link that lets the hub put it there."""
    opens = above.leaf.delegable & OPENS
    terms = replace(_terms(stay, Rights.ENROL), delegable=opens)
    own = held(cbor.encode(_signed(hub, above, terms, hub.own.signer.public)))
    policy, mapped = PinPolicy(), {door.id: door for door in map_of(place).doors}
    digits, pins = draw_pin(policy), []
    for door in stay.doors:
        made = enrol_pin(own, hub.own.signer, mapped[door.door_id], free_slot(db, door), policy,
                         _terms(stay, opens), digits)
        pins.append(register_pin(db, place, person, made.item, made_by=by))
    return pins, digits
