"""`python -m bench [name …] [--json FILE] [--quick]`: ask each question and print a table."""

from __future__ import annotations

import argparse
import importlib
import json
import os
import platform
import sys
import time
import traceback
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import cryptography

from bench.measure import Figure, Plan

QUESTIONS = {  # module → what it asks
    "opening": "the lock's CPU for one opening, against the bare primitives it needs",
    "wire": "bytes and round trips of one opening",
    "loopback": "client's start to the bolt's command, against HAP-python and aiohomekit",
    "scale": "what 100,000 keys given and 10,000 taken back cost the lock",
    "pins": "a PIN's verdict, against one bare Argon2id hash",
    "strangers": "refusing strangers, and opening while they flood the lock",
    "handshake": "our Noise, against its primitives and against noiseprotocol",
    "log": "appending, proving and auditing the log",
    "ingest": "the hub takes locks' entries, against bare rows in the same databases",
    "pages": "the hub's pages with five million entries, against the same with few",
    "uplink": "what a connected lock costs the hub, and how fast a word reaches all of them",
    "assess": "how fast a door set is judged, and what stands around the verdict",
    "start": "process start to first opening, memory, and what is not imported",
}
WIDTHS = (62, 11, 7, 7, 8)  # columns of the table


def main() -> None:
    options = read_options()
    answers: dict[str, Answer] = {}
    failed = []
    for name in options.names or QUESTIONS:
        print(f"\n{name}: {QUESTIONS[name]}", flush=True)
        started = time.monotonic()
        try:
            answers[name] = median_run(
                [ask(name, Plan(options.quick)) for _ in range(options.runs)])
        except Exception:  # noqa: BLE001 — one that fails leaves the others their turn
            traceback.print_exc()
            failed.append(name)
            continue
        print_table(answers[name].figures)
        print(f"  ({time.monotonic() - started:.0f} s)", flush=True)
    print(f"\n{summary(answers)}")
    if options.json:
        write_json(options.json, answers, quick=options.quick)
    if failed:
        print("could not be measured: " + ", ".join(failed))
        sys.exit(1)


def read_options() -> argparse.Namespace:
    lines = "\n".join(f"  {name:10} {what}" for name, what in QUESTIONS.items())
    parser = argparse.ArgumentParser(
        prog="bench", formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Ratios against a floor or a peer, taken in turns in the same run.",
        epilog=f"names:\n{lines}")
    parser.add_argument("names", nargs="*", metavar="name", choices=[[], *QUESTIONS])
    parser.add_argument("--json", type=Path, metavar="FILE",
                        help="put the figures there as well, beside those of other questions")
    parser.add_argument("--quick", action="store_true", help="few rounds, small sizes")
    parser.add_argument("--runs", type=int, default=1, metavar="N",
                        help="ask each question N times and keep the median run")
    return parser.parse_args()


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of one question, and the leading figure of each of its runs."""

    figures: list[Figure]
    leading: list[float | None]


def median_run(runs: list[list[Figure]]) -> Answer:
    """A run's first figure leads. The median run, as a whole, is the answer."""
    runs = sorted(runs, key=lambda figures: figures[0].value or 0.0)
    return Answer(runs[len(runs) // 2], [figures[0].value for figures in runs])


def ask(name: str, plan: Plan) -> list[Figure]:
    module = importlib.import_module(f"bench.{name}")
    answer: list[Figure] = module.ask(plan)
    return answer


def print_table(figures: Sequence[Figure]) -> None:
    print_row("question", "figure", "bar", "aim", "")
    for figure in figures:
        print_row(
            figure.question, show(figure.value, figure.unit), show(figure.bar), show(figure.aim),
            figure.verdict)
        if figure.note:
            print(f"    {figure.note}")


def print_row(*cells: str) -> None:
    first, *rest = zip(cells, WIDTHS, strict=True)
    columns = [f"  {first[0]:{first[1]}}", *(f"{cell:>{width}}" for cell, width in rest)]
    print(" ".join(columns).rstrip())


def show(value: float | None, unit: str = "") -> str:
    if value is None:
        return "-"
    number = f"{value:,.0f}" if value == int(value) or value >= 1000 else f"{value:.3g}"
    return number + (unit if unit == "x" else f" {unit}" if unit else "")


def summary(answers: dict[str, Answer]) -> str:
    figures = [figure for answer in answers.values() for figure in answer.figures]
    verdicts = [figure.verdict for figure in figures]
    missed = [figure.question for figure in figures if figure.verdict == "NOT MET"]
    line = f"{verdicts.count('MET')} bars MET, {len(missed)} NOT MET"
    skips = verdicts.count("SKIPPED")
    line += f", {skips} skipped" if skips else ""
    return "\n  NOT MET: ".join([line, *missed])


def write_json(file: Path, answers: dict[str, Answer], *, quick: bool) -> None:
    """Answers of other questions that stand in the file are left there."""
    kept = json.loads(file.read_text("utf-8")) if file.exists() else {}
    for name, answer in answers.items():
        kept[name] = {
            "machine": machine(), "quick": quick, "leading figure of each run": answer.leading,
            "figures": [
                {**asdict(figure), "verdict": figure.verdict} for figure in answer.figures]}
    ordered = {name: kept[name] for name in QUESTIONS if name in kept}
    file.write_text(json.dumps(ordered, indent=1, ensure_ascii=False) + "\n", "utf-8")


def machine() -> dict[str, Any]:
    return {
        "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "python": platform.python_version(),
        "cryptography": cryptography.__version__,
        "system": f"{platform.system()} {platform.machine()}",
        "processors": os.cpu_count(),
        "load": os.getloadavg(),
    }


if __name__ == "__main__":
    main()
