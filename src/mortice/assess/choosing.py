"""The guide to choosing a lock, made of the facts by which doors are judged.

It is docs/guides/choosing.md. `data/guide.toml` has its order and what is said nowhere else; the
rest is taken from the rows that the judge itself uses, so that the two cannot differ.
"""

from __future__ import annotations

from typing import Any

from mortice.assess.model import model, read_data
from mortice.assess.standards import standards


def choosing() -> str:
    """The whole guide, as Markdown. Raises LookupError where it names what is not there."""
    raw = read_data("guide")
    parts = [f"# {raw['title']}\n\n{raw['say']}"]
    for section in raw["sections"]:
        parts += [f"## {section['title']}", *([section["say"]] if "say" in section else [])]
        points = [f"- {_point(each)}" for each in section.get("points", ())]
        if points:
            parts.append("\n".join(points))
        if section.get("table") == "attacks":
            parts.append(_attacks())
    return "\n\n".join(parts) + "\n"


def _point(row: dict[str, Any]) -> str:
    kind, _, name = row.get("from", "").partition(".")
    if kind == "caution":
        row = read_data("cautions")[name]
    elif kind == "flag":
        flag = read_data("flags")[name]
        row = flag | {"say": f"**{flag['name'][:1].upper()}{flag['name'][1:]}.** {flag['why']} "
                             f"Ask: *{flag['ask']}*"}
    elif kind == "fact":
        fact = model().facts[name]
        return f"**{fact.say[:1].upper()}{fact.say[1:]}.** To know: {fact.show}. `{name}`"
    elif kind == "standard":
        known = standards()[name]
        row = {"say": f"**{known.name}:** {known.covers}. Not: {known.not_covers}.",
               "source": known.source, "confidence": known.confidence}
    unsure = "; unverified" if row["confidence"] == "likely" else ""
    return f"{row['say']} <sub>{row['source']}{unsure}</sub>"


def _attacks() -> str:
    """Which attack each mark was tested against. What is not known is said so."""
    raw = read_data("attacks")
    marks = list(raw["marks"].values())
    signs = {"T": "yes", "P": "partly", "-": "**no**", "n/a": "cannot apply", "check": "not known"}
    names = [each["name"].rstrip(",") for each in marks]
    rows = [[attack, *(signs[each["tests"][name]] for each in marks)]
            for name, attack in raw["attacks"].items()]
    return "\n".join(f"| {' | '.join(row)} |" for row in (
        ["attack", *names], ["---"] * (len(names) + 1), *rows))
