"""Addresses on the network, as people type them."""

from __future__ import annotations

import re

from mortice.cli.problems import usage

PORTS = 65_536
FORM = re.compile(r"(?:\[([0-9a-fA-F:.%]+)\]|([^:\s/\[\]]+)):(\d{1,5})")


def host_and_port(text: str, *, any_port: bool = False) -> tuple[str, int]:
    """`HOST:PORT`, with IPv6 addresses in brackets; port 0 only with `any_port`. Raises Problem."""
    found = FORM.fullmatch(text.strip())
    port = int(found[3]) if found else PORTS
    if found is None or not (not any_port) <= port < PORTS:
        raise usage(
            f"{text!r} is no address.", "Write host and port, such as 192.168.1.20:4711")
    return found[1] or found[2], port
