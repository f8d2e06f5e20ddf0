"""How messages travel between processes: JSON behind its length, and never more than fits."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any, Final

from wf_notebook.errors import PayloadError, WorldError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["FRAME_BYTES", "BrokenFrameError", "framed", "pack", "parts", "receive"]

FRAME_BYTES: Final = 80 << 20  # a value may have 64 MiB, and stands in a message with its run
PART_BYTES: Final = 1 << 20  # of a long list, sent at once
_HEADER: Final = 4  # bytes of length, little-endian


class BrokenFrameError(WorldError):
    """What came is no message of ours."""


def pack(message: Any) -> bytes:
    r"""Return a message as bytes.

    Raises:
        PayloadError: it is longer than a message may be.

    >>> pack({"a": [1, "é"]})
    b'{"a":[1,"\xc3\xa9"]}'
    """
    text = json.dumps(message, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    data = text.encode("utf-8", "surrogatepass")
    if len(data) > FRAME_BYTES:
        msg = f"{len(data)} bytes are more than may pass between two processes."
        raise PayloadError(msg, hint=f"At most {FRAME_BYTES} bytes pass at once.")
    return data


def framed(data: bytes) -> bytes:
    r"""Return what is sent for a message.

    >>> framed(b"{}")
    b'\x02\x00\x00\x00{}'
    """
    return len(data).to_bytes(_HEADER, "little") + data


def parts(items: Iterable[Any]) -> Iterator[bytes]:
    """Yield JSON lists that together hold these items, each about as long as may be sent at once.

    Raises:
        PayloadError: one item is longer than a message may be.

    >>> list(parts([1, 2]))
    [b'[1,2]']
    """
    held: list[bytes] = []
    size = 0
    for item in items:
        held.append(pack(item))
        size += len(held[-1])
        if size >= PART_BYTES:
            yield b"[" + b",".join(held) + b"]"
            held, size = [], 0
    if held:
        yield b"[" + b",".join(held) + b"]"


async def receive(
    reader: asyncio.StreamReader, *, limit: int = FRAME_BYTES, seconds: float | None = None
) -> Any:
    """Return the next message.

    Args:
        reader: where from.
        limit: how many bytes it may have.
        seconds: how long it may take, once it has begun; None for as long as it takes.

    Raises:
        EOFError, OSError: the other side is gone.
        BrokenFrameError: it is too long, took too long, or is not JSON.
    """
    size = int.from_bytes(await reader.readexactly(_HEADER), "little")
    if size > limit:
        raise BrokenFrameError(f"{size} bytes")
    try:
        async with asyncio.timeout(seconds):
            data = await reader.readexactly(size)
        return json.loads(data.decode("utf-8", "surrogatepass"))
    except TimeoutError:
        raise BrokenFrameError("half a message") from None
    except (ValueError, RecursionError) as error:
        raise BrokenFrameError(str(error)) from None
