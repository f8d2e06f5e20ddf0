"""What a guest's process does: read a message, answer it, read the next; until the host hangs up.

Messages are JSON behind their length in four bytes, little-endian, on descriptors 0 and 1; nothing
else is ever written there. Descriptor 2 takes reports for the host: where a runaway was.
"""

from __future__ import annotations

import contextlib
import faulthandler
import gc
import json
import os
import signal
import sys
import traceback
import warnings
from typing import TYPE_CHECKING, Any, Final

from wf_notebook.guest.agreed import EXIT_BROKEN, EXIT_MEMORY, EXIT_UNCONFINED
from wf_notebook.guest.confinement import ConfinementError, filtered, limit_resources
from wf_notebook.guest.probe import probe
from wf_notebook.guest.talk import Conversation

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["become_guest"]

_SAMPLE: Final = json.dumps({
    "op": "start",
    "source": "async def w():\n    await steps.a([{'x': 1}])\n",
    "entry": "w",
    "filename": "",
    "steps": {"a": [["x", "POSITIONAL_OR_KEYWORD", True]]},
    "schemas": [],
    "args": [],
    "kwargs": {},
    "seed": "",
    "now_us": 0,
    "commands": 1,
    "events": [{"type": "step_completed", "n": 1, "time_us": 0, "value": {"x": [1]}}],
}).encode()  # fmt: skip

_IN, _OUT, _REPORTS = 0, 1, 2
_CHUNK: Final = 1 << 20
# Garbage in cycles may hold an abandoned generator, whose `finally` then runs. The machine collects
# after fixed numbers of events; this is for a body that holds a million objects meanwhile.
_COLLECT_AT: Final = (1_000_000, 50, 1000)


def become_guest(limits: Mapping[str, Any]) -> None:
    """Serve the host on descriptors 0, 1 and 2; never return.

    Args:
        limits: `memory_mb`, the address space; `cpu_seconds`, the CPU time that the first activation
            may take (the parent raises the limit for later ones); `strict`, whether the filter must
            be in force before the first message is read; `probe`, whether to try out instead what
            the process can do, say so in one message, and leave.
    """
    status = EXIT_BROKEN
    try:
        _silence()
        _warm_up()
        limit_resources(limits["memory_mb"], limits["cpu_seconds"])
        if limits["strict"]:
            filtered()
        if limits["probe"]:
            _say(json.dumps(probe()).encode())
        else:
            _serve()
        status = 0
    except MemoryError:
        status = EXIT_MEMORY
    except ConfinementError as error:
        status = EXIT_UNCONFINED
        os.write(_REPORTS, str(error).encode())
    except BaseException as error:  # noqa: BLE001 - the last words of a process
        with contextlib.suppress(OSError):
            os.write(_REPORTS, _place(error).encode("utf-8", "backslashreplace"))
    finally:
        os._exit(status)


def _place(error: BaseException) -> str:
    """Say what broke and where, without values: they may be secret."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__} in {os.path.basename(frame.filename)}, line {frame.lineno}"


def _silence() -> None:
    """Let nothing write by itself, and let signals report where the source is."""
    sys.stdin = sys.stdout = sys.stderr = None
    sys.unraisablehook = lambda _unraisable: None
    warnings.simplefilter("ignore")
    gc.set_threshold(*_COLLECT_AT)
    faulthandler.register(signal.SIGUSR1, file=_REPORTS, all_threads=False)
    faulthandler.register(signal.SIGXCPU, file=_REPORTS, all_threads=False, chain=True)


def _serve() -> None:
    conversation = Conversation(collect=gc.collect)
    while (message := _read_message()) is not None:
        _say(conversation.answer(message))


def _say(message: bytes) -> None:
    _write(len(message).to_bytes(4, "little") + message)


def _warm_up() -> None:
    """Touch the memory that a run touches: while it is the spare, a child has time to copy it."""
    conversation = Conversation()
    conversation.answer(_SAMPLE)
    conversation.close()


def _read_message() -> bytes | None:
    header = _read(4)
    return None if header is None else _read(int.from_bytes(header, "little"))


def _read(size: int) -> bytes | None:
    """Return that many bytes, or None if the host has hung up."""
    parts: list[bytes] = []
    while size:
        part = os.read(_IN, min(size, _CHUNK))
        if not part:
            return None
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def _write(data: bytes) -> None:
    left = memoryview(data)
    while left:
        left = left[os.write(_OUT, left) :]
