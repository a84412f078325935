"""Which addresses the hub dials for a browser: those of its own network, and none beyond.

Only while a door is added. A name is resolved once and what came of it is what is dialled, so no
name can answer differently the second time. Where clouds keep their secrets, where packets go to
many, and all of the public network are refused.
"""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import Awaitable, Callable
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import NamedTuple

from mortice.hub.problems import wrong

LOWEST_PORT = 1024  # no lock listens below, where mail, names and files are
HOST_CHARS = 253
OWN_NETWORKS = tuple(map(ip_network, (
    "127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "::1/128", "fc00::/7")))
NEVER = (ip_network("fd00:ec2::/32"),)  # a cloud's metadata, among the private addresses
A_NUMBER = re.compile(r"(0x[0-9a-f]*|[0-9]+)")  # as which others read the last part of a name
NAME = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?")

Address = IPv4Address | IPv6Address
Resolves = Callable[[str, int], Awaitable[list[str]]]


class Spot(NamedTuple):
    """Where to dial: a number, never a name."""

    host: str
    port: int

    def __str__(self) -> str:
        """As `nearby` reads it."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def refused(sentence: str) -> Exception:
    """An address that is not dialled."""
    return wrong({"address": sentence})


async def resolve(host: str, port: int) -> list[str]:
    """Every address that `host` has now."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(address[0]) for *_, address in found]


async def nearby(text: str, resolves: Resolves = resolve) -> Spot:
    """Where a lock at `text` (host:port) is dialled. Raises Problem."""
    host, port = split(text)
    try:
        found = [ip_address(host)]
    except ValueError:
        found = await _named(host, port, resolves)
    for each in found:
        if not is_near(each):
            raise refused("That is no address of your own network. Mortice dials no others.")
    return Spot(str(found[0]), port)


def is_near(address: Address) -> bool:
    """Is it of this machine or of a private network?"""
    mapped = isinstance(address, IPv6Address) and (
        address.ipv4_mapped is not None or address.scope_id is not None)
    return not mapped and any(_in(address, each) for each in OWN_NETWORKS) and not any(
        _in(address, each) for each in NEVER)


def _in(address: Address, network: object) -> bool:
    return address in network  # type: ignore[operator]  # another version is in none


def split(text: str) -> tuple[str, int]:
    """Host and port. Raises Problem."""
    host, _, port = text.strip().lower().rpartition(":")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    if not host or not (port.isascii() and port.isdigit() and len(port) < 6):
        raise refused("Write the lock\N{RIGHT SINGLE QUOTATION MARK}s address with its port, "
                      "such as 192.168.1.20:4711.")
    if not LOWEST_PORT <= int(port) < 65_536:
        raise refused(f"The port is from {LOWEST_PORT} to 65535.")
    return host, int(port)


async def _named(host: str, port: int, resolves: Resolves) -> list[Address]:
    last = host.rpartition(".")[2]
    if len(host) > HOST_CHARS or not NAME.fullmatch(host) or A_NUMBER.fullmatch(last):
        raise refused("That is no address: write a name, or four numbers with dots.")
    try:
        async with asyncio.timeout(5):
            found = await resolves(host, port)
        return [ip_address(each) for each in found] or _nobody(host)
    except (OSError, TimeoutError, ValueError) as error:
        raise _unknown(host) from error


def _nobody(host: str) -> list[Address]:
    raise _unknown(host)


def _unknown(host: str) -> Exception:
    return refused(f"Nobody on this network is called {host}.")


def own_address(towards: str) -> str:
    """The address of this machine on the way to `towards`. Nothing is sent."""
    family = socket.AF_INET6 if ":" in towards else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as asked:
        asked.connect((towards, 9))
        return str(asked.getsockname()[0])
