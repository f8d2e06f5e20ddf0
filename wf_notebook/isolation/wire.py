"""How messages travel: behind their length, over a socket that never blocks the loop."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from wf_notebook.errors import GuestProtocolError

if TYPE_CHECKING:
    import socket

__all__ = ["TooLongError", "receive", "receive_text", "send"]

_HEADER: Final = 4  # bytes of length, little-endian
_CHUNK: Final = 1 << 16


class TooLongError(Exception):
    """A message is longer than it may be; `size` in bytes."""

    def __init__(self, size: int):
        super().__init__(size)
        self.size = size


async def send(channel: socket.socket, payload: bytes) -> None:
    """Send one message.

    Raises:
        OSError: the other side is gone.
    """
    header = len(payload).to_bytes(_HEADER, "little")
    await asyncio.get_running_loop().sock_sendall(channel, header + payload)


async def receive(channel: socket.socket, limit: int) -> bytes:
    """Return the next message: the only one under way, as each answers one of ours.

    Raises:
        EOFError, OSError: the other side is gone.
        TooLongError: it would have more bytes than `limit`.
        GuestProtocolError: more came than one message.
    """
    data = bytearray()
    await _fill(channel, data, _HEADER)
    size = int.from_bytes(data[:_HEADER], "little")
    if size > limit:
        raise TooLongError(size)
    await _fill(channel, data, _HEADER + size)
    if len(data) > _HEADER + size:
        msg = "The guest said more than it was asked for."
        raise GuestProtocolError(msg)
    return bytes(data[_HEADER:])


async def _fill(channel: socket.socket, data: bytearray, size: int) -> None:
    loop = asyncio.get_running_loop()
    while len(data) < size:
        part = await loop.sock_recv(channel, _CHUNK)
        if not part:
            raise EOFError
        data += part


async def receive_text(channel: socket.socket) -> str:
    """Return what can be read now, waiting for something; empty when the other side is gone."""
    data = await asyncio.get_running_loop().sock_recv(channel, _CHUNK)
    return data.decode("utf-8", "replace")
