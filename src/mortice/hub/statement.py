"""A statement as PDF: what happened in words, and how to check it. Text only, nothing that runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from mortice.core.stages import TimeState
from mortice.hub.access import Here
from mortice.hub.copies import iso
from mortice.hub.found import Coming
from mortice.hub.paper import FACE, SMALL, TITLE, Paper
from mortice.hub.web import moment

if TYPE_CHECKING:
    from mortice.hub.evidence import Member

WIDTHS = (42, 30, 100, 14)  # millimetres of when, door, what, entry


def statement(
    here: Here, comings: Sequence[Coming], members: Sequence[Member], made: int,
) -> bytes:
    """The whole statement."""
    paper = Paper()
    paper.set_title("Statement")
    paper.put("What happened, as the locks wrote it down", TITLE, bold=True, gap=3)
    paper.put(f"{here.place.name}. Made {iso(made)} for {here.account.name}.")
    _checked(paper, members)
    _table(paper, comings)
    return bytes(paper.output())


def _checked(paper: Paper, members: Sequence[Member]) -> None:
    for one in members:
        audit = one.audit
        paper.put(one.door, bold=True, gap=0)
        if audit.fault is not None:
            paper.put(f"NOT WHOLE: {audit.fault.message} ({audit.fault.check}).")
        else:
            left = f", of which {audit.absent:,} only as hashes" if audit.absent else ""
            paper.put(f"Unbroken: {audit.size:,} entries under a signed head{left}.", gap=0)
        paper.put(f"{one.name}, SHA-256 {one.sha256}", SMALL, gap=0)
        paper.put(f"Lock's public key {one.key}", SMALL)


def _table(paper: Paper, comings: Sequence[Coming]) -> None:
    paper.set_font(FACE, size=SMALL)
    with paper.table(col_widths=WIDTHS, text_align="LEFT", line_height=4) as table:
        table.row(("When, on the door's clock", "Door", "What", "Entry"))
        for coming in comings:
            table.row(tuple(map(paper.written, _cells(coming))))


def _cells(coming: Coming) -> tuple[str, str, str, str]:
    entry, said = coming.entry, coming.said
    unsure = " (clock unsure)" if entry.time is TimeState.UNSURE else ""
    detail = f" {said.detail}" if said.detail else ""
    return (moment(entry.at, coming.zone, seconds=True) + unsure, coming.door,
            f"{said.word}: {said.sentence}.{detail}", str(entry.index))
