"""One log, and one entry of it: what the lock signed, the proof, and what to do where it lies."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from sqlalchemy import select

from mortice.core.errors import Theirs
from mortice.core.log import About
from mortice.core.merkle import leaf_hash
from mortice.hub.access import Here, To
from mortice.hub.activity import Search, note_look
from mortice.hub.acts import note
from mortice.hub.found import Wanted
from mortice.hub.keys import names
from mortice.hub.logs import set_aside
from mortice.hub.pages import activity
from mortice.hub.problems import not_found
from mortice.hub.records import Proof, prove
from mortice.hub.tables import Log, LogEntry, LogFault
from mortice.hub.web import go, page

ROUTER = APIRouter(prefix="/p/{place}/activity", include_in_schema=False)
PROOF = "mortice-entry-proof/1"  # what `mortice log verify` checks



@ROUTER.get("/{log}")
def one_log(request: Request, here: activity.Takes, log: str) -> Response:
    """What is wrong with a log that stopped, and what to do."""
    found = _log(here, log)
    faults = here.db.scalars(
        select(LogFault).where(LogFault.log_id == found.id).order_by(LogFault.id)).all()
    return page(request, "activity_log.html", here, log=found, faults=faults,
                counted=found in activity.search_of(
                    here, activity.Filter(Wanted(), {})).open_logs(),
                changes=here.may(To.CHANGE_SETTINGS))


@ROUTER.post("/{log}/anew")
def anew(here: activity.Changes, log: str) -> Response:
    """Set a stopped log aside, and take the lock's log from its beginning."""
    found = _log(here, log)
    with here.hub.database.writing() as db:
        set_aside(db.get_one(Log, found.id))
        note(db, "set a log aside, to take it anew", here.place, here.account, door=found.label)
    return go(f"/p/{here.place.ref}/activity/{log}")


@ROUTER.get("/{log}/{number}")
def entry(request: Request, here: activity.Sees, log: str, number: str) -> Response:
    """One entry: what the lock wrote, and the proof that it did."""
    note_look(here)
    search, found, row = _one(here, log, number)
    coming = search.one(found, row.number)
    if coming is None:
        raise not_found("entry")
    above = coming.entry.about.get(About.LINKS)
    leaf = coming.entry.about.get(About.LEAF)
    chain = [each for each in [*(above if isinstance(above, list) else []), leaf]
             if isinstance(each, bytes)]
    shown = prove(here.db, found, row)
    known = names(here.db, here.place)
    return page(
        request, "activity_entry.html", here, coming=coming, log=found, body=row.body.hex(),
        hashed=leaf_hash(row.body).hex(), proof=shown if isinstance(shown, Proof) else None,
        fault=shown if isinstance(shown, Theirs) else None,
        mark=activity.write_mark(search, coming.mark),
        chain=[(known.get(each), each.hex()) for each in chain], size=found.size,
        takes=here.may(To.EXPORT))


@ROUTER.get("/{log}/{number}/proof.json")
def entry_proof(here: activity.Sees, log: str, number: str) -> Response:
    """The proof of one entry, as `mortice log verify` checks it."""
    search, found, row = _one(here, log, number)
    shown = prove(here.db, found, row) if search.one(found, row.number) else None
    if not isinstance(shown, Proof):
        raise not_found("proof")
    return JSONResponse({
        "format": PROOF, "lock": found.lock_id.hex(), "index": row.number, "entry": row.body.hex(),
        "head": shown.encoded.hex(), "proof": [each.hex() for each in shown.hashes]},
        headers=activity.saved_as(f"entry-{row.number}.json"))


def _log(here: Here, ref: str) -> Log:
    found = here.db.scalar(select(Log).where(Log.ref == ref, Log.place_id == here.place.id))
    if found is None:
        raise not_found("log")
    return found


def _one(here: Here, ref: str, number: str) -> tuple[Search, Log, LogEntry]:
    log = _log(here, ref)
    row: Any = here.db.get(LogEntry, (log.id, int(number))) if activity.small(number) else None
    if row is None:
        raise not_found("entry")
    return activity.search_of(here, activity.Filter(Wanted(), {})), log, row
