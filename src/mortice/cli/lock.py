"""`mortice lock run`: the daemon of one door."""

from __future__ import annotations

import click

from mortice.cli.addresses import host_and_port
from mortice.cli.command import PASS_HERE, Group
from mortice.cli.here import Here


@click.group(cls=Group, examples=("mortice lock run --data ./front --listen 127.0.0.1:4711",))
def lock() -> None:
    """Run the lock's own side, on the controller at the door."""


@lock.command(examples=(
    "mortice lock run --data ./front --listen 127.0.0.1:4711",
    "mortice lock run --data /var/lib/mortice --listen 0.0.0.0:4711"))
@click.option("--data", required=True, type=click.Path(file_okay=False), metavar="DIR",
              help="Folder of this lock's keys and log; made on the first start.")
@click.option("--listen", default="127.0.0.1:0", show_default=True, metavar="HOST:PORT",
              help="Where phones reach it; port 0 takes a free one.")
@click.option("--driver", default="simulated", show_default=True,
              help="What is wired to the door.")
@PASS_HERE
def run(here: Here, data: str, listen: str, driver: str) -> None:
    """Run one lock until Ctrl-C. A new lock prints the code with which its owner takes it over.

    At a simulated door, type what a hand at the door would do: button, turn, open, close, jam,
    clear, or a PIN.
    """
    from mortice.cli.serving import serve  # noqa: PLC0415 — only whoever runs a lock loads one

    host, port = host_and_port(listen, any_port=True)
    serve(here, data, (host, port), driver)
