"""Security: how strong each door is, by which evidence of which day, and what changed."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import HTMLResponse, Response

from mortice.assess.explain import KINDS, headline, missing
from mortice.assess.model import model
from mortice.assess.questions import OWNER, alone
from mortice.hub.access import Here, To, may
from mortice.hub.acts import note
from mortice.hub.comings import door_of, eyes_of
from mortice.hub.drift import changes
from mortice.hub.posture import TRIALS, TRIED
from mortice.hub.problems import wrong
from mortice.hub.strength import strength_of
from mortice.hub.tables import DoorSaid
from mortice.hub.web import go, page

ROUTER = APIRouter(prefix="/p/{place}/security", include_in_schema=False)
FIX = {  # where something is put right
    "account_2fa": ("/settings/team", To.CHANGE_TEAM),
    "no_cloud_account": ("/settings/hub", To.SEE_SETTINGS),
    "per_user_credentials": ("/people", To.SEE_PEOPLE),
    "mfa_and_expiring_grants": ("/people", To.SEE_PEOPLE),
    "lockout_and_revocation": ("/people", To.SEE_PEOPLE),
    "log_per_credential_trusted_time": ("/activity", To.SEE_ACTIVITY),
    "log_signed_chained_exportable": ("/activity", To.SEE_ACTIVITY)}


@ROUTER.get("")
def security(
    request: Request, here: Annotated[Here, Depends(may(To.SEE_SETTINGS))]) -> HTMLResponse:
    """Every door of the place."""
    made = [(door, strength_of(here.db, door)) for door in here.place.doors]
    return page(
        request, "security.html", here, model=model(), missing=missing, headline=headline,
        kinds=KINDS | {None: "not known", False: "not so", "claim": "only a claim"},
        cards=[(door, each.made, changes(here.db, door, each.made), alone(each.given))
               for door, each in made],
        fix={fact: path for fact, (path, to) in FIX.items() if here.may(to)})


@ROUTER.post("/{door}/tried")
def tried(
    here: Annotated[Here, Depends(may(To.SAY_STRENGTH))], door: str,
    fact: Annotated[str, Form()] = "", worked: Annotated[str, Form()] = "") -> Response:
    """Write down what somebody tried at a door, and whether it worked."""
    found = door_of(here, eyes_of(here), door)
    if fact not in TRIALS or worked not in {"yes", "no"}:
        raise wrong({"fact": "Choose what you tried, and say whether it worked."})
    with here.hub.database.writing() as db:
        db.add(DoorSaid(door_id=found.id, account_id=here.account.id, question=fact, answer=worked,
                        how=OWNER))
        note(db, TRIED, here.place, here.account, door=door, fact=fact, worked=worked == "yes")
    return go(f"/p/{here.place.ref}/security#{found.ref}")
