"""How Mortice itself stands beside a standard or a law: what is claimed, and what shows it.

A claim is worth its evidence. One without any counts as not met, and `met` without a test that
shows it counts as partly, whatever the data says.

Spec: spec/assess.md, rules B66 to B68.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any

from mortice.assess.model import read_data

TITLES = {
    "en303645": "Mortice and ETSI EN 303 645",
    "psti": "Mortice and the UK's PSTI Act",
    "gdpr": "Mortice and UK data protection law"}
ROWS = ("provisions", "requirements", "duties")  # what a file calls its rows
MADE = "Made by `mortice conformity {}` from `src/mortice/assess/data/conformity/{}.toml`."
ORDER = "Each row: what is asked, how far it is met, why not, and what shows it."


class Support(StrEnum):
    """How far something is met."""

    MET = "met"
    PARTLY = "partly"
    NOT_MET = "not met"
    NOT_APPLICABLE = "not applicable"


@dataclass(frozen=True, slots=True)
class Row:
    """One provision, requirement or duty. `status` is M or R, where a standard has that."""

    id: str
    say: str
    claimed: Support
    status: str = ""
    clause: str = ""
    deemed: str = ""
    why: str = ""
    evidence: tuple[str, ...] = ()

    @property
    def support(self) -> Support:
        """What the claim comes to with its evidence (B67)."""
        if self.claimed in {Support.NOT_MET, Support.NOT_APPLICABLE}:
            return self.claimed
        if not self.evidence:
            return Support.NOT_MET
        shown = any("::" in each for each in self.evidence)
        return self.claimed if shown else Support.PARTLY


def rows(name: str) -> list[Row]:
    """The rows of `en303645`, `psti` or `gdpr`. Raises ValueError for data that cannot stand."""
    raw = read_data(f"conformity/{name}")
    found = [_row(each, **fields) for kind in ROWS for each, fields in raw.get(kind, {}).items()]
    bare = [each.id for each in found if each.claimed is not Support.MET and not each.why]
    if bare:
        raise ValueError(f"{name}: nothing says why {bare} are not met")
    return found


def _row(name: str, support: str, evidence: tuple[str, ...] = (), **words: str) -> Row:
    return Row(name, claimed=Support(support), evidence=tuple(evidence), **words)


def counted(found: list[Row]) -> dict[str, dict[str, int]]:
    """How many rows are met, partly, not met or not applicable, by their status."""
    groups = {"M": "mandatory", "R": "recommended", "": "all"}
    said = Counter((groups[row.status[:1]], row.support) for row in found)
    return {group: {support.value: said[group, support] for support in Support}
            for group in groups.values() if any(at == group for at, _ in said)}


def conformity_as_json(name: str) -> dict[str, Any]:
    """The whole of it in plain values: the file's own words, the counts, and the rows."""
    found = rows(name)
    words = {key: _plain(value) for key, value in read_data(f"conformity/{name}").items()
             if key not in {*ROWS, "counts"}}
    return {"counts": counted(found), **words, "rows": [
        {"id": row.id, "status": row.status, "clause": row.clause, "deemed": row.deemed,
         "say": row.say, "support": row.support.value, "claimed": row.claimed.value,
         "why": row.why, "evidence": list(row.evidence)} for row in found]}


def conformity_as_text(name: str) -> str:
    """The same as a page of Markdown."""
    whole = conformity_as_json(name)
    tables = {key: value for key, value in whole.items() if isinstance(value, dict)}
    lines = [f"# {TITLES[name]}", "", MADE.format(name, name), ""]
    lines += [f"- {key.replace('_', ' ')}: {_said(value)}" for key, value in whole.items()
              if key not in {*tables, "rows"}]
    for key, table in tables.items():
        lines += ["", f"## {key.replace('_', ' ').capitalize()}", ""]
        lines += [f"- {at.replace('_', ' ')}: {_said(value)}" for at, value in table.items()]
    return "\n".join([*lines, "", "## Row by row", "", ORDER, "", *map(_line, rows(name)), ""])


def _plain(value: Any) -> Any:  # noqa: ANN401 - whatever TOML has
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    return value.isoformat() if isinstance(value, date) else value


def _said(value: Any) -> str:  # noqa: ANN401 - whatever TOML has
    if isinstance(value, dict):
        return ", ".join(f"{number} {word}" for word, number in value.items())
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return {"": "*for the manufacturer to fill in*", "False": "no"}.get(str(value), str(value))


def _line(row: Row) -> str:
    about = "; ".join(filter(None, (row.status, row.clause, row.deemed)))
    shown = ", ".join(f"`{each}`" for each in row.evidence)
    why = row.why or ("no test shows it" if row.support is not row.claimed else "")
    return (f"- **{row.id.replace('_', ' ')}**{f' ({about})' if about else ''} {row.say}: "
            f"**{row.support.value}**.{f' Because {why}.' if why else ''}"
            f"{f' Shown by {shown}.' if shown else ''}")
