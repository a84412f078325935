"""A report on paper, in black and white: nothing but what was frozen in it.

The same report is the same PDF, byte for byte: its date is the report's, nothing is compressed by a
library that may differ, and what stands in it comes from the report alone (B29).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from mortice.assess.questions import KINDS as SHOWN
from mortice.assess.report import LEVELS, TITLES, canonical
from mortice.core.keys import PublicKey
from mortice.hub.paper import BODY, FACE, SMALL, TITLE, Paper

WIDTHS = (96, 40, 24, 26)  # millimetres
SIGNED = (
    "Signed by the key of the hub that made it. The signature says that this hub held these facts "
    "on that day, and how each was shown. It does not say that what its owner wrote is so: whoever "
    "relies on it looks at the evidence.")
Table = dict[str, Any]
Rows = Iterable[tuple[str, ...]]


def report_paper(report: Table, key: PublicKey) -> bytes:
    """The whole report."""
    paper, verdict = Paper(), report["verdict"]
    paper.set_creation_date(datetime.fromisoformat(report["made"]))
    paper.set_producer("Mortice")
    paper.set_compression(False)
    paper.set_title("How strong this door is")
    paper.put(f"How strong this door is: {report['door']}", TITLE, bold=True, gap=3)
    paper.put(f"{report['place']}. {report['address']}".rstrip(". ") + f". As of {report['day']}.")
    paper.put(verdict["headline"], BODY + 2, bold=True, gap=3)
    _part(paper, f"Life safety: {verdict['life_safety']}", (
        f"{report['said'].get(fact, fact)}: {stands}"
        for fact, stands in verdict["gates"].items()))
    _table(paper, ("Layer", "Proved", "Could be", ""), (
        (each["name"],
         LEVELS[each["level"]] if each["level"] or not each["could_be"] else "not known",
         LEVELS[each["could_be"]],
         "holds it down" if layer in verdict["capped_by"] else "")
        for layer, each in verdict["layers"].items()))
    for kind, title in TITLES.items():
        _part(paper, title, (f"{each['say']} [{each['rule']}]" for each in verdict["advice"]
                             if each["kind"] == kind))
    insurer = verdict["insurer"]
    _part(paper, f"Insurer's usual clause: {insurer['reading']}",
          (f"\N{LEFT DOUBLE QUOTATION MARK}{insurer['clause']}\N{RIGHT DOUBLE QUOTATION MARK}",
           insurer["say"]))
    _part(paper, "What the law asks, and no legal advice", (
        f"{each['reading']}: {each['say']}. {each['clause']}; {each['where']}."
        + f" {each['note']}." * bool(each["note"]) for each in verdict["legal"]))
    paper.put("What it rests on", BODY + 2, bold=True)
    _table(paper, ("Mark", "How it was shown", "On", "Until"), (
        (each.get("mark") or f"{each['standard']}, {each['code']}", SHOWN[each["shown"]],
         each.get("on", ""), each.get("until", "")) for each in report["facts"]["marks"]))
    _table(paper, ("Fact", "How it was shown", "On", "Until"), (
        (_noted(report["said"][fact], each.get("note")),
         SHOWN.get(each["shown"], "known not to be so"), each.get("on", ""), each.get("until", ""))
        for fact, each in report["facts"]["facts"].items()))
    _table(paper, ("Asked", "Answer", "Shown by", "On"), (
        (each["ask"], _noted(each["answer"], each["note"]),
         SHOWN.get(each["how"], ""), each["on"]) for each in report["answers"]))
    _part(paper, "What was not looked at", report["not_looked_at"])
    _part(paper, "Photos, by their SHA-256: as kept, and as they were sent", (
        f"{each['of']} {each['on']}: {each['sha256']}, {each['sent_sha256']}"
        for each in report["photos"]))
    _part(paper, "Who says so", (SIGNED, _key(report, key), _made(report)))
    return bytes(paper.output())


def _key(report: Table, key: PublicKey) -> str:
    return (f"Public key {key.encoded.hex()}. SHA-256 of what is signed "
            f"{hashlib.sha256(canonical(report)).hexdigest()}.")


def _made(report: Table) -> str:
    return (f"Made {report['made']} by Mortice {report['release']}, rules {report['data']}. To "
            "check it: mortice assess report FILE, with the file that belongs to this paper.")


def _noted(words: str, note: str | None) -> str:
    return f"{words} ({note})" if note else words


def _part(paper: Paper, title: str, lines: Iterable[str]) -> None:
    said = list(lines)
    if said:
        paper.put(title, BODY + 2, bold=True, gap=0.5)
        for line in said[:-1]:
            paper.put(line, gap=0.8)
        paper.put(said[-1], gap=3)


def _table(paper: Paper, head: tuple[str, ...], rows: Rows) -> None:
    said = list(rows)
    if said:
        paper.set_font(FACE, size=SMALL)
        with paper.table(col_widths=WIDTHS, text_align="LEFT", line_height=4) as table:
            for row in (head, *said):
                table.row(tuple(map(paper.written, row)))
        paper.ln(3)
