"""What people see: one module for each place of the navigation."""

from __future__ import annotations

from fastapi import APIRouter

from mortice.hub import api
from mortice.hub.pages import (
    activity,
    checked,
    door,
    entrance,
    entry,
    factors,
    founding,
    give,
    guest,
    help,  # noqa: A004 - the word on the page
    join,
    letting,
    mine,
    new_door,
    notice,
    opening,
    people,
    privacy,
    programs,
    prove,
    security,
    settings,
    setup,
    sign_in,
    strength,
    taking,
    team,
    thief,
    visits,
    well_known,
    you,
)

ROUTERS: tuple[APIRouter, ...] = (
    entrance.ROUTER, sign_in.ROUTER, prove.ROUTER, setup.ROUTER, join.ROUTER, you.ROUTER,
    factors.ROUTER, team.ROUTER, founding.ROUTER, new_door.ROUTER, door.ROUTER, help.ROUTER,
    well_known.ROUTER,
    notice.ROUTER, thief.ROUTER, letting.ROUTER, security.ROUTER, strength.ROUTER,
    checked.ROUTER,
    mine.ROUTER, opening.ROUTER, guest.ROUTER, give.ROUTER, people.ROUTER, visits.ROUTER,
    activity.ROUTER, entry.ROUTER, privacy.ROUTER,
    taking.ROUTER, settings.ROUTER, programs.ROUTER, *api.ROUTERS)
