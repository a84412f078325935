"""Idempotency keys: a request that is sent again is not done again.

What was done and the answer to it are kept in one transaction, so a hub that was killed in between
has either both or neither. The same key with another request is a mistake and is told so.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from typing import Annotated, Any

from fastapi import Header, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from sqlalchemy import select
from sqlalchemy.orm import Session

from mortice.hub.access import Here
from mortice.hub.problems import Problem
from mortice.hub.tables import Answered

OTHER_REQUEST = Problem(
    422, "idempotency-key-reused", "That Idempotency-Key was used for another request",
    "Send each new request with a key of its own.")

IdempotencyKey = Annotated[str | None, Header(
    alias="Idempotency-Key", min_length=8, max_length=100,
    description="Send it again with the same key, and it is done once and answered alike.")]


def once(here: Here, request: Request, body: BaseModel, key: str | None,
         act: Callable[[Session], tuple[int, dict[str, Any]]]) -> JSONResponse:
    """Do `act` (it returns status and body) unless `key` has done the same before."""
    with here.hub.database.writing() as db:
        name = f"{here.account.id}/{here.place.id}/{key}"
        asked = _digest(request, body)
        kept = db.scalar(select(Answered).where(Answered.key == name)) if key else None
        if kept is not None:
            if kept.request != asked:
                raise OTHER_REQUEST
            return JSONResponse(json.loads(here.hub.own.unseal(kept.body, asked)), kept.status)
        status, answer = act(db)
        if key:
            sealed = here.hub.own.seal(json.dumps(answer).encode(), asked)  # it may hold a secret
            db.add(Answered(key=name, request=asked, status=status, body=sealed))
    return JSONResponse(answer, status)


def _digest(request: Request, body: BaseModel) -> bytes:
    said = f"{request.method} {request.url.path}\n{body.model_dump_json()}"
    return hashlib.sha256(said.encode()).digest()
