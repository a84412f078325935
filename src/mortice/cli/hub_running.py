"""Running the hub in the foreground."""

from __future__ import annotations

import asyncio
import json
import socket
import sys

from mortice.cli.here import Here
from mortice.cli.output import note, say
from mortice.cli.problems import Problem
from mortice.hub.accounts import set_up_link
from mortice.hub.hub import Hub
from mortice.hub.running import bound, server_of


def run_hub(here: Here, hub: Hub) -> None:
    """Serve until SIGINT or SIGTERM. Raises Problem where the port is taken."""
    settings = hub.settings
    taken = _taken(settings.host, settings.port, "--listen")
    try:
        _taken(settings.lines_host, settings.lines_port, "--lines").close()  # locks', in a moment
    except Problem:
        taken.close()
        raise
    _say_ready(here, hub)
    with taken:
        asyncio.run(server_of(hub).serve(sockets=[taken]))


def _taken(host: str, port: int, option: str) -> socket.socket:
    """A socket that is bound there. Raises Problem."""
    try:
        return bound(host, port)
    except OSError as error:
        raise Problem(
            "port_taken", f"{host}:{port} cannot be used ({error.strerror}).",
            f"Choose another with {option}.") from error


def _say_ready(here: Here, hub: Hub) -> None:
    if here.json:
        say(json.dumps({"url": hub.settings.origin, "set_up": set_up_link(hub),
                        "key": hub.own.link.public.hex()}))
        return
    say(f"The hub is at {hub.settings.origin}. Ctrl-C stops it.")
    if sys.stdout.isatty():
        _say_how_to_begin(set_up_link(hub))
    else:  # a link that makes somebody its owner does not belong into a journal
        note(f"If nobody owns it yet: mortice hub link --data {hub.settings.folder}")
    sys.stdout.flush()


def _say_how_to_begin(first: str | None) -> None:
    if first is not None:
        say(f"Nobody owns it yet. Set it up at: {first}")
        note("That link works for whoever has it first; keep it to yourself.")
