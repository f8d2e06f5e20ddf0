"""What a guest's process does: read a message, answer it, read the next; until the host hangs up.

Messages are JSON behind their length in four bytes, little-endian, on descriptors 0 and 1; nothing
else is ever written there. Descriptor 2 takes reports for the host: where a runaway was.
"""

from __future__ import annotations

import contextlib
import faulthandler
import gc
import os
import resource
import signal
import sys
import traceback
import warnings
from typing import TYPE_CHECKING, Any, Final

from wf_notebook.guest.talk import EXIT_BROKEN, EXIT_MEMORY, Conversation

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["become_guest"]

_IN, _OUT, _REPORTS = 0, 1, 2
_CHUNK: Final = 1 << 20
# Garbage in cycles may hold an abandoned generator, whose `finally` then runs. The machine collects
# after fixed numbers of events; this is for a body that holds a million objects meanwhile.
_COLLECT_AT: Final = (1_000_000, 50, 1000)


def become_guest(limits: Mapping[str, Any]) -> None:
    """Serve the host on descriptors 0, 1 and 2; never return.

    Args:
        limits: `memory_mb`, the address space, and `cpu_seconds`, the CPU time of one activation.
    """
    status = EXIT_BROKEN
    try:
        _silence()
        _confine(int(limits["memory_mb"]))
        _serve(int(limits["cpu_seconds"]))
        status = 0
    except MemoryError:
        status = EXIT_MEMORY
    except BaseException:  # noqa: BLE001 - the last words of a process
        with contextlib.suppress(OSError):
            os.write(_REPORTS, traceback.format_exc().encode("utf-8", "backslashreplace"))
    finally:
        os._exit(status)


def _silence() -> None:
    """Let nothing write by itself, and let signals report where the source is."""
    sys.stdin = sys.stdout = sys.stderr = None
    sys.unraisablehook = lambda _unraisable: None
    warnings.simplefilter("ignore")
    gc.set_threshold(*_COLLECT_AT)
    faulthandler.register(signal.SIGUSR1, file=_REPORTS, all_threads=False)
    faulthandler.register(signal.SIGXCPU, file=_REPORTS, all_threads=False, chain=True)


def _confine(memory_mb: int) -> None:
    _limit(resource.RLIMIT_AS, memory_mb << 20)
    _limit(resource.RLIMIT_FSIZE, 0)
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_NOFILE, _REPORTS + 1)


def _limit(kind: int, value: int) -> None:
    # macOS refuses a limit of address space; the wall clock still holds there.
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(kind, (value, value))


def _serve(cpu_seconds: int) -> None:
    conversation = Conversation(collect=gc.collect)
    while (message := _read_message()) is not None:
        _allow_cpu(cpu_seconds)
        reply = conversation.answer(message)
        _write(len(reply).to_bytes(4, "little") + reply)


def _allow_cpu(seconds: int) -> None:
    """Raise the soft limit by one activation's share: the kernel counts a process's whole life."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    soft = int(used.ru_utime + used.ru_stime) + 1 + seconds
    resource.setrlimit(resource.RLIMIT_CPU, (soft, resource.getrlimit(resource.RLIMIT_CPU)[1]))


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
