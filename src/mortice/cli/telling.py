"""Telling a door something now: one document carried there, and what became of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from mortice.cli.here import Here
from mortice.cli.problems import Problem
from mortice.cli.visiting import Wish, at
from mortice.client.home import KnownDoor, NotThere
from mortice.client.line import Unreachable
from mortice.core import cbor
from mortice.core.commands import Command
from mortice.core.document import id_of
from mortice.core.errors import Theirs
from mortice.core.log import accept_receipt


@dataclass(frozen=True)
class Told:
    """Whether one door knows: `on_door`, `refused`, or `waiting` for the next visit."""

    door: KnownDoor
    state: str
    entry: int | None = None
    why: str = ""


async def tell(here: Here, door: KnownDoor, item: list[cbor.Value]) -> Told:
    """Carry one document to a door now, and say what became of it."""
    name = item[1]
    assert isinstance(name, bytes), "an item is a kind, a document and perhaps a chain"
    try:
        async with at(here, door, Wish(Command.DELIVER, bundle=[item])) as call:
            for one in call.visited.delivered:
                if one.document == id_of(name):
                    return _told(door, one.refused and one.refused.words.sentence, one.receipt)
    except (Unreachable, NotThere, Problem, Theirs) as error:
        return Told(door, "waiting", why=str(error))
    return Told(door, "waiting", why="the door did not say")


def _told(door: KnownDoor, refused: str | None, receipt: bytes | None) -> Told:
    entry = accept_receipt(receipt, door.mapped.lock.signing).index if receipt else None
    return Told(door, "refused" if refused else "on_door", entry, refused or "")


def told_json(told: Told) -> dict[str, Any]:
    """One door's answer, for `--json`."""
    return {"door": told.door.slug, "state": told.state, "entry": told.entry,
            "why": told.why or None}
