"""A statement as PDF: what happened in words, and how to check it. Text only, nothing that runs.

The font covers Latin, Greek, Cyrillic, Armenian and Georgian. A letter that it lacks is written by
its number, so that no name turns into another without a trace.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from fpdf import FPDF
from fpdf.enums import XPos, YPos

from mortice.core.stages import TimeState
from mortice.hub.access import Here
from mortice.hub.copies import iso, visible
from mortice.hub.found import Coming
from mortice.hub.web import moment

if TYPE_CHECKING:
    from mortice.hub.evidence import Member

FONTS = Path(__file__).parent / "fonts"
FACE = "statement"
SMALL, BODY, TITLE = 7.5, 9.5, 16.0  # points
WIDTHS = (42, 30, 100, 14)  # millimetres of when, door, what, entry
LETTERS = 600  # of one cell: a name of 500 and what it did


class _Paper(FPDF):
    """A4, with the number of each page."""

    def __init__(self) -> None:
        super().__init__(format="A4")
        self.add_font(FACE, "", FONTS / "statement.ttf")
        self.add_font(FACE, "B", FONTS / "statement-bold.ttf")
        self._letters = self.fonts[FACE].cmap  # type: ignore[union-attr]  # a TrueType font's
        self.set_auto_page_break(auto=True, margin=16)
        self.add_page()

    def written(self, words: str) -> str:
        """`words` in letters that the font has."""
        return "".join(letter if ord(letter) in self._letters else f"[U+{ord(letter):04X}]"
                       for letter in visible(words)[:LETTERS])[:LETTERS]

    def footer(self) -> None:
        """At the foot of each page."""
        self.set_y(-12)
        self.set_font(FACE, size=SMALL)
        self.cell(0, 5, f"Page {self.page_no()}", align="R")

    def put(self, words: str, size: float = BODY, *, bold: bool = False, gap: float = 1.5) -> None:
        """One paragraph."""
        self.set_font(FACE, "B" if bold else "", size)
        self.multi_cell(0, size * 0.5, self.written(words), new_x=XPos.LMARGIN, new_y=YPos.NEXT,
                        align="L")
        self.ln(gap)


def statement(
    here: Here, comings: Sequence[Coming], members: Sequence[Member], made: int,
) -> bytes:
    """The whole statement."""
    paper = _Paper()
    paper.set_title("Statement")
    paper.put("What happened, as the locks wrote it down", TITLE, bold=True, gap=3)
    paper.put(f"{here.place.name}. Made {iso(made)} for {here.account.name}.")
    _checked(paper, members)
    _table(paper, comings)
    return bytes(paper.output())


def _checked(paper: _Paper, members: Sequence[Member]) -> None:
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


def _table(paper: _Paper, comings: Sequence[Coming]) -> None:
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
