"""Paper that the hub writes on: A4 as PDF, text only, nothing that runs.

The font covers Latin, Greek, Cyrillic, Armenian and Georgian. A letter that it lacks is written by
its number, so that no name turns into another without a trace.
"""

from __future__ import annotations

from pathlib import Path

from fpdf import FPDF
from fpdf.enums import XPos, YPos

from mortice.hub.copies import visible

FONTS = Path(__file__).parent / "fonts"
FACE = "statement"
SMALL, BODY, TITLE = 7.5, 9.5, 16.0  # points
LETTERS = 600  # of one cell: a name of 500 and what it did


class Paper(FPDF):
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
