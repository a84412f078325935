"""Serving the hub until it is told to stop."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Iterator

import uvicorn

from mortice.hub.app import make_app
from mortice.hub.hub import Hub

GRACE_SECONDS = 3  # a stopping server waits this long for what it is answering


def bound(host: str, port: int) -> socket.socket:
    """A socket that listens there. Raises OSError if something else does."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    taken = socket.socket(family)
    taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        taken.bind((host, port))
    except OSError:
        taken.close()
        raise
    return taken


class Beside(uvicorn.Server):
    """A server inside a program that has signals and doors of its own."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.up = asyncio.Event()  # it answers, or could not start

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """As usual, and tell who waits."""
        try:
            await super().startup(sockets)
        finally:
            self.up.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave them to the program."""
        yield


def server_of(hub: Hub) -> uvicorn.Server:
    """A server for `hub`; `await server.serve(sockets=[bound(…)])` runs it until a signal."""
    return uvicorn.Server(_config(hub))


def beside(hub: Hub) -> Beside:
    """The same within another program, until `should_exit` is set."""
    return Beside(_config(hub))


def _config(hub: Hub) -> uvicorn.Config:
    return uvicorn.Config(
        make_app(hub, serving=True), log_level="warning",
        access_log=False,  # an address may hold a guest's ref
        timeout_graceful_shutdown=GRACE_SECONDS, server_header=False, date_header=False,
        ws_max_size=128 * 1024)
