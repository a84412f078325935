"""Serving the hub until it is told to stop."""

from __future__ import annotations

import socket

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


def server_of(hub: Hub) -> uvicorn.Server:
    """A server for `hub`; `await server.serve(sockets=[bound(…)])` runs it."""
    return uvicorn.Server(uvicorn.Config(
        make_app(hub), log_level="warning", access_log=False,  # an address may hold a guest's ref
        timeout_graceful_shutdown=GRACE_SECONDS, server_header=False, date_header=False,
        ws_max_size=128 * 1024))
