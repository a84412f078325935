"""Take a key back, or all that somebody holds: what goes with it, a signature, then each door."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Body, Depends, Request
from fastapi.responses import JSONResponse, Response
from sqlalchemy import select

from mortice.core.errors import Malformed
from mortice.hub.access import Here, To, may
from mortice.hub.acts import note
from mortice.hub.giving import own_keys
from mortice.hub.guests import bytes_of, text_of
from mortice.hub.keys import Kept, alive, beneath, links_of, take_back, wire_of
from mortice.hub.pages.people import keys_of, way_of
from mortice.hub.people import person_at
from mortice.hub.problems import Problem
from mortice.hub.standing import standings
from mortice.hub.stays import guest_rows
from mortice.hub.tables import Key, Membership, Person, now
from mortice.hub.web import page

ROUTER = APIRouter(prefix="/p/{place}/people/{person}/take-back", include_in_schema=False)
Takes = Annotated[Here, Depends(may(To.TAKE_BACK))]
NOTHING_LIVE = Problem(409, "nothing-live", "There is nothing to take back",
                       "It has ended, or it was taken back already.")


@ROUTER.get("")
def confirm(request: Request, here: Takes, person: str, key: str = "") -> Response:
    """What would be taken back, and everybody whose key goes with it."""
    found = person_at(here.db, here.place, person)
    targets = _live(here, found, [key] if key else None)
    below = beneath(here.db, targets)
    names = {each.id: each.person.name for each in below}
    groups = signing(here, targets)
    signs = {ref for each in groups for ref in each["keys"]}
    return page(
        request, "take_back.html", here, person=found, targets=targets, below=below, names=names,
        way_of=way_of, stands=standings(here.db, [*targets, *below], now()), whole=not key,
        signing=groups, rest=sum(not key.by_hub and key.ref not in signs for key in targets),
        command="\n".join(f"mortice key take-back {each.leaf.hex()}" for each in targets),
        visits=[row for row in guest_rows(here.db, found) if row.by_hub and row.open],
        account=here.account, has_account=here.db.scalar(select(Membership.id).where(
            Membership.person_id == found.id)) is not None)


@ROUTER.post("")
def taken(here: Takes, person: str, sent: Annotated[dict[str, Any], Body()]) -> JSONResponse:
    """Take in what was signed: items of a bundle, each with the keys that it names."""
    found = person_at(here.db, here.place, person)
    signed = signed_of(sent)
    with here.hub.database.writing() as db:
        for each in signed:
            targets = _live(here, found, [*map(str, each["keys"])])
            wanted = [db.get_one(Key, key.id) for key in targets]
            ended = take_back(db, here.place, wire_of(bytes_of(each.get("item"))), wanted)
            note(db, "took keys back", here.place, here.account, person=found.ref,
                 keys=[key.leaf.hex() for key in ended])
    here.hub.nudge(door.lock_id for door in here.place.doors)
    here.hub.live.tell(here.place.id)
    return JSONResponse({"next": f"/p/{here.place.ref}/people/{found.ref}#taken-back"})


def _live(here: Here, person: Person, refs: Sequence[str] | None) -> list[Key]:
    """The live keys of somebody; of `refs` only, if they are given. Raises Problem."""
    keys = [key for key in keys_of(here, [person]) if alive(key, now())
            and (refs is None or key.ref in refs)]
    if not keys:
        raise NOTHING_LIVE
    return keys


def signed_of(sent: dict[str, Any]) -> list[dict[str, Any]]:
    """What static/take_back.js sends: items, each with the keys that it names. Raises Malformed."""
    signed = sent.get("signed")
    if not isinstance(signed, list) or not signed or not all(
            isinstance(each, dict) and isinstance(each.get("keys"), list) for each in signed):
        raise Malformed("Z3", "nothing signed came with it")
    return signed


def signing(here: Here, targets: Sequence[Kept]) -> list[dict[str, Any]]:
    """Which of the giver's browser keys can take back which keys, as static/take_back.js signs."""
    mine, left = own_keys(here), list(targets)
    groups = []
    for own in mine:
        under = [key for key in left if own.leaf in {link.id for link in links_of(key)[:-1]}]
        left = [key for key in left if key not in under]
        if under:
            groups.append({
                "wire": text_of(own.wire), "keys": [key.ref for key in under],
                "entries": [[text_of(key.leaf), key.ends_at] for key in under]})
    return groups
