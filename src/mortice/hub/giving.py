"""From what somebody asked for to the exact link that their browser signs, and back.

The hub works out the link and shows it; the browser signs it with a key that the hub never has; the
hub then takes in only what it asked for. A link below a browser's key is bounded by that key, so
what was left open is filled in from it, and what is wider is refused before anybody signs.

Spec: spec/grant.md, sections 6 to 9.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from mortice.client.home import slug
from mortice.client.owner import Terms, narrowed, unsigned
from mortice.core import cbor
from mortice.core.chain import has_right, narrower
from mortice.core.enrolment import ENROLLABLE
from mortice.core.grant import Grant, KeyClass, Rights
from mortice.core.schedule import DAY, Hours, write_hours
from mortice.core.stages import Factors
from mortice.hub import mine
from mortice.hub.access import Here
from mortice.hub.guests import bytes_of, text_of
from mortice.hub.keys import free_slot, links_of, wire_of
from mortice.hub.places import signing_key
from mortice.hub.problems import Problem
from mortice.hub.tables import Door, HubGrant, Key, now
from mortice.hub.tickets import ended
from mortice.hub.wanted import Wanted

ORDINARY = Rights.UNLOCK | Rights.LOCK
PASSED_ON = 2  # links: the one that is sent, and the key on the phone that opens it
SIGNING_SECONDS = 900  # from working out a link to its signature
BEHIND_SECONDS = 60  # a key that begins at once begins a little earlier: a lock's clock may be late
DAY_LETTERS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


@dataclass(frozen=True, slots=True)
class Offer:
    """A browser's key of the giver's, and the link that it would sign, if it may."""

    key: Key
    grant: Grant | None
    problem: str = ""
    also: tuple[Grant, ...] = ()  # what is signed with it


def own_keys(here: Here) -> list[Key]:
    """The browser keys of whoever asks that may give keys, newest first."""
    return [key for key in mine.own_keys(here.db, here)
            if key.klass == KeyClass.WEB and links_of(key)[-1].depth]


def is_refreshed(db: Session, place_id: int) -> bool:
    """Does anybody refresh keys here? If not, a key that asks for it would soon open nothing."""
    return db.scalar(select(HubGrant.id).where(
        HubGrant.place_id == place_id, HubGrant.what == "refresh", HubGrant.ended_at.is_(None),
        HubGrant.ends_at.is_(None) | (HubGrant.ends_at > now())).limit(1)) is not None


def offers(here: Here, wanted: Wanted, at: int) -> list[Offer]:
    """What each of the giver's browser keys would sign; those that may come first."""
    found = [_offer(key, wanted, at, strict=here.place.strict) for key in own_keys(here)]
    return sorted(found, key=lambda offer: offer.grant is None)


def _offer(key: Key, wanted: Wanted, at: int, *, strict: bool) -> Offer:
    links = links_of(key)
    if strict:
        return Offer(key, None, "at this place, only keys that were made on a device give keys")
    if links[-1].max_life is None:  # C20, which a lock would say after the touch
        return Offer(key, None, "your key does not say how long what it gives may last")
    if wanted.how == "pin" and not has_right(links, Rights.ENROL):
        return Offer(key, None, "your key may not put PINs on doors")
    grant, *also = grants(wanted, links[-1], at)
    problem = next(filter(None, (narrower(links[-1], each) for each in (grant, *also))), None)
    return Offer(key, *(None, problem[1]) if problem else (grant, "", tuple(also)))


# --- the link -------------------------------------------------------------------------------------


def grants(wanted: Wanted, above: Grant, at: int) -> list[Grant]:
    """All that is to be signed below `above`, but for PINs, of which each door has its own.

    For a browser, opening and giving are two keys: opening asks for its passkey's touch, and what
    stands below a key needs every second check of that key (C14), for which a guest has no passkey.
    """
    two = wanted.passes and wanted.passkey is not None
    return [link(each, above, at) for each in (
        (replace(wanted, passes=False), wanted) if two else (wanted,))]


def link(wanted: Wanted, above: Grant, at: int, mark: bytes = b"") -> Grant:
    """The link below `above` that `wanted` amounts to, as if it were signed at `at`.

    A PIN is one link for each door; this is what they have in common.
    """
    terms = wanted.terms or _terms(wanted, mark)
    if wanted.how == "link":
        terms = replace(terms, use=Rights.NONE, delegable=ORDINARY, depth=1, klass=KeyClass.FILE)
    if terms.nbf is not None and (above.nbf or 0) <= at:  # what is over needs no key
        terms = replace(terms, nbf=max(terms.nbf, above.nbf or 0))
    if above.max_life is not None:
        terms = _lasting(terms, above, at)
    terms = narrowed(terms, above)
    if wanted.how == "pin":
        terms = replace(terms, use=terms.use & ENROLLABLE & (above.use | above.delegable))
    return replace(unsigned(terms, wanted.holder or above.holder),
                   parent=above.id if above.document else None)


def _terms(wanted: Wanted, mark: bytes) -> Terms:
    times, gives = wanted.times, wanted.passes and wanted.passkey is not None
    asks = wanted.touch or (wanted.passkey is not None and not gives)
    return Terms(
        frozenset(door.door_id for door in wanted.doors), Rights.NONE if gives else ORDINARY,
        nbf=times.nbf, exp=times.exp, hours=times.hours, uses=times.uses,
        max_staleness=wanted.fresh, label=wanted.name, mark=mark, passkey=wanted.passkey,
        factors=Factors.PASSKEY if asks else Factors.NONE,
        klass=KeyClass.WEB if wanted.passkey else KeyClass.DEVICE,
        delegable=ORDINARY if wanted.passes else Rights.NONE,
        depth=PASSED_ON if wanted.passes else 0)


def _lasting(terms: Terms, above: Grant, at: int) -> Terms:
    """With a start and an end, as a key below a browser's must have them."""
    assert above.max_life is not None, "whoever calls has looked"
    start = max(at - BEHIND_SECONDS, above.nbf or 0) if terms.nbf is None else terms.nbf
    latest = min(start + above.max_life, above.exp or start + above.max_life)
    if terms.nbf is None and terms.exp is not None:  # a minute must not make it too long
        start = max(start, min(at, terms.exp - above.max_life))
    return replace(terms, nbf=start, exp=latest if terms.exp is None else terms.exp)


def opens(grant: Grant) -> Grant:
    """What the guest will have, where `grant` is a link that is still to be claimed."""
    if grant.klass is not KeyClass.FILE:
        return grant
    return replace(grant, use=grant.delegable, delegable=Rights.NONE, depth=0)


def must_be(wanted: Wanted, asked: Grant, signed: Grant) -> None:
    """Was exactly this signed? Whose claim key, which slot and mark are the signer's to choose.

    Raises Problem.
    """
    holder = signed.holder if wanted.how == "request" else asked.holder
    same = replace(signed, holder=holder, credential=None) == asked
    if not same or signed.about.get(1) != asked.about.get(1):
        raise Problem(422, "other-terms", "What was signed is not what you asked for",
                      "Nothing was kept. Open the page again and sign what it shows.")


# --- for the browser ------------------------------------------------------------------------------


def signable(here: Here, wanted: Wanted, at: int) -> dict[str, Any]:
    """The exact terms, for each of the giver's browser keys that may sign them (static/give.js)."""
    return {"at": at, "strict": here.place.strict, "terms": [
        _terms_json(here.db, wanted, offer.key, offer.grant) | {
            "also": [_terms_json(here.db, wanted, offer.key, each) for each in offer.also]}
        for offer in offers(here, wanted, at) if offer.grant is not None]}


def came_back(
    here: Here, sent: Mapping[str, Any], read: Callable[[int], Wanted],
) -> tuple[Wanted, list[Grant], list[list[cbor.Value]]]:
    """What was wanted, what was to be signed, and what was. Raises Problem, Malformed."""
    at = sent.get("at")
    if not isinstance(at, int) or abs(now() - at) > SIGNING_SECONDS:
        raise ended()
    wanted = read(at)
    offer = next((offer for offer in offers(here, wanted, at)
                  if offer.key.leaf.hex() == sent.get("key")), None)
    if offer is None or offer.grant is None:
        raise Problem(409, "not-narrower", "Your key may not give that any more",
                      "Nothing was kept. Open the page again.")
    came = sent.get("signed")
    signed = [wire_of(bytes_of(each)) for each in came] if isinstance(came, list) else []
    return wanted, [offer.grant, *offer.also], signed


def _terms_json(db: Session, wanted: Wanted, key: Key, grant: Grant) -> dict[str, Any]:
    return {
        "key": key.leaf.hex(), "wire": text_of(key.wire), "how": wanted.how,
        "holder": text_of(cbor.encode(grant.holder.cose)), "label": grant.about.get(1),
        "doors": [text_of(door) for door in sorted(grant.doors)], "use": int(grant.use),
        "delegable": int(grant.delegable), "depth": grant.depth, "klass": int(grant.klass),
        "nbf": grant.nbf, "exp": grant.exp, "maxLife": grant.max_life,
        "hours": None if grant.hours is None else write_hours(grant.hours),
        "factors": int(grant.factors), "maxStaleness": grant.max_staleness,
        "uses": grant.uses, "quota": grant.quota,
        "passkey": None if grant.passkey is None else {
            "key": text_of(cbor.encode(grant.passkey.key.cose)),
            "rpIdHash": text_of(grant.passkey.rp_id_hash), "origin": grant.passkey.origin},
        "locks": [_lock_json(db, door) for door in wanted.doors] if wanted.how == "pin" else []}


def _lock_json(db: Session, door: Door) -> dict[str, Any]:
    return {"label": door.label, "door": text_of(door.door_id),
            "signing": text_of(cbor.encode(signing_key(door).cose)),
            "sealing": text_of(door.lock_sealing), "slot": free_slot(db, door)}


# --- for the command line -------------------------------------------------------------------------


def command(wanted: Wanted, doors: Sequence[Door], request: str = "") -> str:
    """The commands that give the same from a device of the owner's, one to a line."""
    times = _when(wanted, ZoneInfo(wanted.doors[0].zone))
    hours = _hours(wanted.times.hours or ())
    if wanted.how == "pin":
        head = [["mortice", "pin", "give", wanted.name, "--door", slug(door.label)]
                for door in wanted.doors]
        return "\n".join(shlex.join([*each, *times, *set_]) for each in head for set_ in hours)
    chosen = "all" if len(wanted.doors) == len(doors) else ",".join(
        slug(door.label) for door in wanted.doors)
    head = [["mortice", "key", "give", wanted.name, "--doors", chosen, *times]]
    if not times and not hours[0]:
        head[0].append("--always")
    tail = ["--max-staleness", f"{wanted.fresh}s"] if wanted.fresh else []
    tail += ["--may-pass-on", "unlock,lock", "--pass-on-links", str(PASSED_ON)] * wanted.passes
    tail += ["--resident"] if wanted.kin == "resident" else []
    tail += ["--request", request.strip()] if wanted.how == "request" else ["--link"]
    return "\n".join(shlex.join([*head[0], *set_, *tail]) for set_ in hours)


def _when(wanted: Wanted, zone: ZoneInfo) -> list[str]:
    times, said = wanted.times, []
    for option, at in (("--from", times.nbf), ("--until", times.exp)):
        if at is not None:
            local = datetime.fromtimestamp(at, UTC).astimezone(zone)
            said += [option, f"{local:%Y-%m-%d %H:%M}"]
    return [*said, "--once"] if times.uses == 1 and wanted.how != "pin" else said


def _hours(hours: Hours) -> list[list[str]]:
    """Days and hours as options: a key of its own for each days that share their hours."""
    spans: dict[int, list[str]] = {}
    for window in hours:
        for day in range(7):
            if window.days >> day & 1:
                spans.setdefault(day, []).append(f"{_clock(window.start)}-{_clock(window.end)}")
    shared: dict[str, list[str]] = {}
    for day, said in sorted(spans.items()):
        shared.setdefault(",".join(sorted(said)), []).append(DAY_LETTERS[day])
    return [["--days", ",".join(days), "--hours", said] for said, days in shared.items()] or [[]]


def _clock(minute: int) -> str:
    return f"{minute // 60:02d}:{minute % 60:02d}" if minute <= DAY else _clock(minute - DAY)
