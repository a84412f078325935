"""Pages of a list: so many at a time, and a cursor to go on from.

A cursor names the last thing seen, not a number of rows, so what is added meanwhile neither repeats
nor hides anything, and the hundredth page costs what the first does. It is signed by nothing: who
makes one up sees no more than they may see anyway.
"""

from __future__ import annotations

import base64
import binascii
import json
from typing import Annotated, Any, TypeVar

from fastapi import Query
from pydantic import BaseModel, Field

from mortice.hub.problems import Problem

T = TypeVar("T")
MOST, USUAL = 200, 50
CURSOR_LETTERS = 200
BAD_CURSOR = Problem(422, "cursor", "That cursor is not one of this list's",
                     "Begin again without a cursor.")

Limit = Annotated[int, Query(ge=1, le=MOST, description="How many at most.")]
Cursor = Annotated[str, Query(
    max_length=CURSOR_LETTERS, description="`next` of the page before; empty for the first.")]


class Listed(BaseModel):
    """A page of a list."""

    items: list[dict[str, Any]]
    next: str | None = Field(description="The cursor of the next page; null at the end.")


def write_cursor(*parts: int) -> str:
    """The numbers that name the last thing seen."""
    return base64.urlsafe_b64encode(json.dumps(parts).encode()).decode().rstrip("=")


def read_cursor(cursor: str, length: int) -> tuple[int, ...] | None:
    """What `write_cursor` was given; None for the first page. Raises Problem."""
    if not cursor:
        return None
    try:
        parts = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (binascii.Error, ValueError) as error:
        raise BAD_CURSOR from error
    if not isinstance(parts, list) or len(parts) != length or not all(
            type(part) is int and abs(part) < 1 << 62 for part in parts):
        raise BAD_CURSOR
    return tuple(parts)
