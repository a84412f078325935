"""A door's newest check by an installer: what its log says, and the report, once it is here."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

from mortice.assess.checklist import checklist
from mortice.hub.access import Here, To, may
from mortice.hub.acts import note
from mortice.hub.checked import in_words, last_check, take
from mortice.hub.comings import eyes_of
from mortice.hub.pages.strength import door_in, file_of
from mortice.hub.web import go, page

ROUTER = APIRouter(prefix="/p/{place}/doors/{door}/checked", include_in_schema=False)


@ROUTER.get("")
def checked(
    request: Request, here: Annotated[Here, Depends(may(To.SEE_STRENGTH))], door: str,
) -> Response:
    """What was found, and what is due again."""
    found = door_in(here, door)
    last = last_check(here.db, found)
    return page(
        request, "checked.html", here, door=found, items=checklist()["items"], last=last,
        said=in_words(here, found, last.entry) if last else "",
        sees=eyes_of(here).see_when(found))


@ROUTER.post("")
def take_report(
    here: Annotated[Here, Depends(may(To.SAY_STRENGTH))], door: str,
    sent: Annotated[bytes, Depends(file_of)],
) -> Response:
    """Keep a report whose record the door's log names."""
    rows = take(here, door_in(here, door), sent)
    with here.hub.database.writing() as db:
        db.add_all(rows)
        if rows:
            note(db, "brought an installer's report", here.place, here.account, door=door)
    return go(f"/p/{here.place.ref}/doors/{door}/checked")
