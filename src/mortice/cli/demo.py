"""`mortice demo`: a street of simulated doors. The one command that loads a web stack."""

from __future__ import annotations

from pathlib import Path

import click

from mortice.cli.command import PASS_HERE, Command
from mortice.cli.here import Here
from mortice.cli.problems import Problem

SCENES = (
    "wrong-pin, lost-phone, guest-too-early, passed-on, power-cut, tampered-log, clock-change, "
    "internet-down, hub-stolen, leaver")


@click.command(cls=Command, examples=(
    "mortice demo", "mortice demo --no-browser --port 12300", "mortice demo --scene lost-phone",
    "mortice demo --json --data ./street"))
@click.option("--browser/--no-browser", default=True, help="Open the page in your browser.")
@click.option("--port", type=click.IntRange(0, 65_535), default=0,
              help="Port of the page; else the first free one from 12209.")
@click.option("--data", type=click.Path(path_type=Path, file_okay=False), metavar="DIR",
              help="Where the demo's own home lies.")
@click.option("--reset", is_flag=True, help="Begin again with new doors and people.")
@click.option("--history", type=click.IntRange(0, 365), default=60, show_default=True,
              metavar="DAYS", help="How many days have passed at its doors when it is built.")
@click.option("--scene", metavar="NAME", help=f"Play one scene and end: {SCENES}.")
@PASS_HERE
def demo(  # noqa: PLR0913, PLR0917 — one for each option
    here: Here, browser: bool, port: int, data: Path | None, reset: bool, history: int,  # noqa: FBT001 — click passes flags so
    scene: str | None,
) -> int:
    """Play with a street of simulated doors: nothing here touches a real lock."""
    try:
        from mortice.sim.demo import DemoOptions, run  # noqa: PLC0415 — nobody else pays for it
    except ImportError as error:
        raise Problem(
            "no_demo", f"The demo needs {error.name}, which is not installed.",
            "Install it with: pip install 'mortice[demo]'") from error
    return run(DemoOptions(
        browser=browser, port=port, data=data, reset=reset, json=here.json, history=history,
        scene=scene))
