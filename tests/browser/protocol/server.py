"""A page of one origin: files as the hub serves them, and its relay to locks, on one port.

Files come with the hub's strictest policy for content. The relay carries each binary frame of a
WebSocket as one frame of the link over TCP, and back, and can bend what it carries.
"""

from __future__ import annotations

import asyncio
import contextlib
import mimetypes
import threading
from collections.abc import Callable, Coroutine
from http import HTTPStatus
from pathlib import Path
from typing import Any, TypeVar

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

MODULES = Path(__file__).parents[3] / "src/mortice/hub/static"
HERE = Path(__file__).parent
PAGE = b'<!doctype html><title>Keys</title><script type="module" src="/%s.js"></script>'
T = TypeVar("T")
Bend = Callable[[int, bytes], bytes]


def unbent(number: int, frame: bytes) -> bytes:
    """Carry on what the lock said as its frame `number`."""
    return frame


class Room:
    """An event loop in a thread of its own: Playwright keeps the one of this thread."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(30)

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()


class Hub:
    """Where the pages and their relay are. `locks` are the addresses by name."""

    def __init__(self) -> None:
        self.locks: dict[str, tuple[str, int]] = {}
        self.bend: Bend = unbent
        self.connections = 0
        self._server: Server | None = None

    async def start(self) -> None:
        self._server = await serve(
            self._relay, "localhost", 0, process_request=self._file, max_size=1 << 15)

    async def stop(self) -> None:
        assert self._server is not None
        self._server.close()
        await self._server.wait_closed()

    @property
    def origin(self) -> str:
        assert self._server is not None
        port = next(iter(self._server.sockets)).getsockname()[1]
        return f"http://localhost:{port}"

    # --- files ---------------------------------------------------------------------------------

    def _file(self, _: ServerConnection, request: Request) -> Response | None:
        path = request.path.partition("?")[0]
        if path.startswith("/relay/"):
            return None
        if path in {"/readers", "/acts"}:
            return _answer(PAGE % path[1:].encode(), "text/html")
        if path == "/favicon.ico":
            return _answer(b"", "image/svg+xml")
        folder = MODULES if path.startswith("/mortice/") else HERE
        found = (folder / path[1:]).resolve()
        if not found.is_relative_to(folder) or not found.is_file():
            return _answer(b"", "text/plain", HTTPStatus.NOT_FOUND)
        return _answer(found.read_bytes(), mimetypes.guess_type(found)[0] or "text/plain")

    # --- relay ---------------------------------------------------------------------------------

    async def _relay(self, page: ServerConnection) -> None:
        assert page.request is not None
        self.connections += 1
        reader, writer = await asyncio.open_connection(
            *self.locks[page.request.path.removeprefix("/relay/")])
        answering = asyncio.create_task(self._answers(reader, page))
        with contextlib.suppress(ConnectionClosed):
            async for frame in page:
                assert isinstance(frame, bytes)
                writer.write(len(frame).to_bytes(2, "big") + frame)
        answering.cancel()
        writer.close()

    async def _answers(self, reader: asyncio.StreamReader, page: ServerConnection) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            for number in range(1000):
                size = int.from_bytes(await reader.readexactly(2), "big")
                bent = self.bend(number, await reader.readexactly(size))
                if not bent:
                    break
                await page.send(bent)
        await page.close()


def _answer(body: bytes, kind: str, status: HTTPStatus = HTTPStatus.OK) -> Response:
    headers = Headers({
        "Content-Type": f"{kind}; charset=utf-8", "Content-Length": str(len(body)),
        "Content-Security-Policy": "default-src 'self'", "Cache-Control": "no-store"})
    return Response(status.value, status.phrase, headers, body)
