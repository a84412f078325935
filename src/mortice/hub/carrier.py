"""A lock's WebSocket as a line of whole messages (lines.py)."""

from __future__ import annotations

from starlette.websockets import WebSocket, WebSocketDisconnect

from mortice.hub.lines import LINE_BYTES

LOCKS_PATH = "/locks"  # what stands in a door's settings: wss://hub.example/locks


class Carrier:
    """A MessageLine over a WebSocket that was accepted."""

    def __init__(self, socket: WebSocket) -> None:
        self._socket = socket

    async def receive(self) -> bytes:
        """The next message. Raises EOFError at the end, or for what is no message."""
        try:
            event = await self._socket.receive()
        except RuntimeError as error:
            raise EOFError from error
        message: bytes | None = event.get("bytes")
        if message is None or len(message) > LINE_BYTES:
            raise EOFError
        return message

    async def send(self, message: bytes) -> None:
        """Send one. Raises EOFError at the end."""
        try:
            await self._socket.send_bytes(message)
        except (WebSocketDisconnect, RuntimeError) as error:
            raise EOFError from error

    async def close(self) -> None:
        """End it."""
        await self._socket.close()
