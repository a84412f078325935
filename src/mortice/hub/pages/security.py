"""Security: how strong each door is, by which evidence of which day, and what changed."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse

from mortice.assess.explain import KINDS, headline, missing
from mortice.assess.model import model
from mortice.hub.access import Here, To, may
from mortice.hub.drift import changes, judged
from mortice.hub.web import page

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
    made = [(door, judged(here.db, door)) for door in here.place.doors]
    return page(
        request, "security.html", here, model=model(), missing=missing, headline=headline,
        kinds=KINDS | {None: "not known", False: "not so", "claim": "only a claim"},
        cards=[(door, each, changes(here.db, door, each)) for door, each in made],
        fix={fact: path for fact, (path, to) in FIX.items() if here.may(to)})
