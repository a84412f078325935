"""The table of docs/performance.md, made of the figures in docs/performance.json.

    python -m bench.page

prints it. A test holds the page against it, so that no number on the page is written by hand.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from bench.__main__ import QUESTIONS, show

KEPT = Path(__file__).resolve().parents[1] / "docs" / "performance.json"
HEADER = """\
| question | figure | quartiles | bar | aim | verdict |
| --- | ---: | ---: | ---: | ---: | --- |
"""


def table(answers: dict[str, Any]) -> str:
    """One part for each question, one line for each figure."""
    lines = []
    for name, answer in answers.items():
        lines.append(f"| **{name}**: {QUESTIONS[name]} | | | | | |")
        lines += [_line(figure) for figure in answer["figures"]]
    return HEADER + "\n".join(lines) + "\n"


def _line(figure: dict[str, Any]) -> str:
    value, unit, spread = figure["value"], figure["unit"], figure["spread"]
    quartiles = f"{show(spread[0])} to {show(spread[1])}" if spread else ""
    bar, aim = (show(figure[which]) for which in ("bar", "aim"))
    cells = (figure["question"], show(value, unit), quartiles, bar, aim, figure["verdict"])
    return "| " + " | ".join(cells) + " |"


if __name__ == "__main__":
    print(table(json.loads(KEPT.read_text("utf-8"))), end="")
