"""The API for programs, `/api/v1`: JSON, problem details, cursor pages, idempotency keys.

It reads, it files what was signed elsewhere, and it has the hub invite visitors within the link
that its owner gave it. It has no call that opens a door: that is a
conversation between a holder's key and the lock, relayed at `/p/{place}/doors/{door}/line`.
"""

from __future__ import annotations

from fastapi import APIRouter

from mortice.hub.api import doors, people

ROUTERS: tuple[APIRouter, ...] = (doors.ROUTER, people.ROUTER)
