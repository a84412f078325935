"""Activity: what happened, filtered; one entry with its proof; and copies to take away."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Annotated, Any, BinaryIO, cast
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response, StreamingResponse
from sqlalchemy import select

from mortice.hub.access import Here, To, may
from mortice.hub.activity import Search, note_look
from mortice.hub.acts import note
from mortice.hub.copies import lines, table
from mortice.hub.evidence import check_again, write_pack
from mortice.hub.found import Coming, Mark, Wanted
from mortice.hub.ingest import Sort
from mortice.hub.keys import names
from mortice.hub.records import standing
from mortice.hub.tables import Person
from mortice.hub.web import page

ROUTER = APIRouter(prefix="/p/{place}/activity", include_in_schema=False)
Sees = Annotated[Here, Depends(may(To.SEE_ACTIVITY))]
Takes = Annotated[Here, Depends(may(To.EXPORT))]
Changes = Annotated[Here, Depends(may(To.CHANGE_SETTINGS))]

WORDS = {  # of the filter, as on the page
    Sort.OPENINGS: "Openings", Sort.REFUSED: "Refused", Sort.SAFETY: "Safety",
    Sort.KEYS: "Keys and PINs", Sort.DEVICES: "Devices", Sort.SETTINGS: "Settings"}
TEXT = Query(max_length=100)
IN_MEMORY = 4 << 20  # bytes of a pack; a larger one goes to a file without a name
PIECE = 1 << 16


@dataclass(frozen=True, slots=True)
class Filter:
    """What the address asks for, and what it says on the page."""

    wanted: Wanted
    given: dict[str, str]

    def address(self, **other: str) -> str:
        """The query of a page with something else asked for."""
        return "?" + urlencode({name: value for name, value in (self.given | other).items()
                                if value})


def asked(  # noqa: PLR0913, PLR0917 - one for each field of the form
    here: Sees, sort: Annotated[str, TEXT] = "", door: Annotated[str, TEXT] = "",
    person: Annotated[str, TEXT] = "", text: Annotated[str, TEXT] = "",
    since: Annotated[str, TEXT] = "", until: Annotated[str, TEXT] = "",
) -> Filter:
    """The filter in the address. What it does not understand counts as not said."""
    zone = here.place.zone
    kind = next((each for each in Sort if each.name.lower() == sort), None)
    if not here.may(To.SEE_PEOPLE) and here.role != "auditor":
        person = ""
    given = {"sort": sort if kind else "", "door": door, "person": person, "text": text,
             "since": since, "until": until}
    return Filter(Wanted(
        kind, door, person, text.strip(), _day(since, zone), _day(until, zone, days=1)), given)


Asks = Annotated[Filter, Depends(asked)]


def _day(written: str, zone: str, days: int = 0) -> int | None:
    """The first second of a day, or of a later one."""
    try:
        day = date.fromisoformat(written) + timedelta(days=days)
    except (ValueError, OverflowError):
        return None
    return int(datetime.combine(day, time(), ZoneInfo(zone)).timestamp())


def search_of(here: Here, asks: Filter) -> Search:
    """What they ask for, with names from the place's people."""
    return Search(here, asks.wanted, names(here.db, here.place))


@ROUTER.get("")
def activity(request: Request, here: Sees, asks: Asks, before: Annotated[str, TEXT] = "",
             around: Annotated[str, TEXT] = "") -> Response:
    """What happened, newest first; or what stands around one entry."""
    note_look(here)
    search = search_of(here, asks)
    middle = _read_mark(search, around)
    found = None if middle else search.page(_read_mark(search, before))
    comings = search.around(middle) if middle else found.comings if found else []
    return _shown(
        request, here, search, asks, comings=comings, middle=middle, before=before,
        next=write_mark(search, found.next) if found else "",
        back_to=found.back_to if found else None)


def _shown(request: Request, here: Here, search: Search, asks: Filter, *,
           comings: list[Coming],
           **more: Any) -> Response:  # noqa: ANN401 - what the template shows besides
    people = here.db.scalars(select(Person).where(
        Person.place_id == here.place.id, Person.erased_at.is_(None)).order_by(Person.name)).all()
    return page(
        request, "activity.html", here, asks=asks, sorts=WORDS, comings=comings,
        people=people if here.may(To.SEE_PEOPLE) or here.role == "auditor" else [],
        doors={door.ref: door.label for door in search.doors()}, mark=lambda each: write_mark(
            search, each.mark), standing=standing(here.db, search.open_logs(), (
                search.chosen_logs() if here.may(To.EXPORT) else search.open_logs())),
        takes=here.may(To.EXPORT), **more)


def write_mark(search: Search, mark: Mark | None) -> str:
    """A place among entries, as an address has it."""
    return f"{mark[0]}-{search.logs[mark[1]][0].ref}-{mark[2]}" if mark else ""


def _read_mark(search: Search, written: str) -> Mark | None:
    at, _, rest = written.partition("-")
    ref, _, number = rest.partition("-")
    log = next((log for log, _ in search.logs.values() if log.ref == ref), None)
    if log is None or not (small(at) and small(number)):
        return None
    return int(at), log.id, int(number)


def small(number: str) -> bool:
    """Is it a number that a database holds?"""
    return number.isascii() and number.isdecimal() and len(number) < 16


# --- copies ---------------------------------------------------------------------------------------


@ROUTER.get("/check")
def check(request: Request, here: Takes, asks: Asks) -> Response:
    """Read every entry again from the disk and audit it, as anybody else would."""
    search = search_of(here, asks)
    found = [(log, check_again(here.db, log)) for log in search.chosen_logs() if log.head]
    return page(
        request, "activity_check.html", here, found=found, counted=search.open_logs())


@ROUTER.get("/export.csv")
def export_table(here: Takes, asks: Asks) -> Response:
    """A table for a spreadsheet."""
    return _copy(here, asks, table, "text/csv; charset=utf-8", "activity.csv")


@ROUTER.get("/export.jsonl")
def export_lines(here: Takes, asks: Asks) -> Response:
    """JSON lines for a program."""
    return _copy(here, asks, lines, "application/jsonl", "activity.jsonl")


def _copy(here: Here, asks: Filter, write: Callable[[Iterable[Coming]], Iterator[bytes]],
          kind: str, name: str) -> Response:
    _note_copy(here, asks, name)
    return StreamingResponse(write(search_of(here, asks).all()), 200, saved_as(name), kind)


@ROUTER.get("/evidence.zip")
def evidence(here: Takes, asks: Asks) -> Response:
    """An evidence pack of what the filter finds."""
    _note_copy(here, asks, "evidence.zip")
    out = tempfile.SpooledTemporaryFile(IN_MEMORY)  # noqa: SIM115 - closed when it is sent
    write_pack(cast("BinaryIO", out), here, search_of(here, asks))
    out.seek(0)

    def pieces() -> Iterator[bytes]:
        with out:
            while piece := out.read(PIECE):
                yield piece

    return StreamingResponse(pieces(), 200, saved_as("evidence.zip"), "application/zip")


def saved_as(name: str) -> dict[str, str]:
    """The header that makes a browser keep a file."""
    return {"content-disposition": f'attachment; filename="{name}"'}


def _note_copy(here: Here, asks: Filter, name: str) -> None:
    with here.hub.database.writing() as db:
        note(db, f"took a copy of what happened ({name})", here.place, here.account,
             **{key: value for key, value in asks.given.items() if value})
