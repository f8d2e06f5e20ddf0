"""What a guest's process may still do: little memory, no files, and only the calls of the filter."""

from __future__ import annotations

import ctypes
import os
import platform
import resource
import sys
import time
from typing import Final

from wf_notebook.guest.seccomp import program

__all__ = ["ConfinementError", "allow_cpu", "filtered", "limit_resources"]

_PR_SET_NO_NEW_PRIVS: Final = 38
_PR_SET_SECCOMP: Final = 22
_SECCOMP_MODE_FILTER: Final = 2
_DESCRIPTORS: Final = 3  # messages in, messages out, reports
_LINE_BYTES: Final = 8


class ConfinementError(Exception):
    """The filter could not be put in force; the message says why."""


class _Program(ctypes.Structure):
    """The kernel's struct sock_fprog."""

    _fields_ = (("lines", ctypes.c_ushort), ("first", ctypes.c_void_p))


def cpu_limit(used: float, seconds: int) -> int:
    """Return the limit that leaves a process so many seconds of CPU time, and less than two more.

    >>> cpu_limit(0.3, 10), cpu_limit(4.0, 10)
    (11, 15)
    """
    return int(used) + 1 + seconds


def limit_resources(memory_mb: int, cpu_seconds: int) -> None:
    """Bound memory, CPU time and descriptors; let no file be written and nothing be dumped."""
    _limit(resource.RLIMIT_AS, memory_mb << 20)
    _limit(resource.RLIMIT_FSIZE, 0)
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_NOFILE, _DESCRIPTORS)
    if hasattr(resource, "prlimit"):  # else nobody could raise it for the next activation
        hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
        soft = cpu_limit(time.process_time(), cpu_seconds)
        resource.setrlimit(resource.RLIMIT_CPU, (_within(soft, hard), hard))


def _limit(kind: int, value: int) -> None:
    if kind == resource.RLIMIT_AS and sys.platform == "darwin":
        return  # refused there; the README says so
    hard = resource.getrlimit(kind)[1]
    value = _within(value, hard)
    resource.setrlimit(kind, (value, value))


def _within(value: int, hard: int) -> int:
    return value if hard == resource.RLIM_INFINITY else min(value, hard)


def allow_cpu(pid: int, seconds: int) -> None:
    """Let another process of ours use so many more seconds of CPU time.

    The kernel counts a process's whole life, and the process itself may not raise its limit.

    Raises:
        OSError: it is gone.
    """
    if not hasattr(resource, "prlimit"):
        return  # nor was it limited
    hard = resource.prlimit(pid, resource.RLIMIT_CPU)[1]
    soft = cpu_limit(_cpu_used(pid), seconds)
    resource.prlimit(pid, resource.RLIMIT_CPU, (_within(soft, hard), hard))


def _cpu_used(pid: int) -> float:
    with open(f"/proc/{pid}/stat", "rb") as file:
        fields = file.read().rpartition(b")")[2].split()  # the name before it may hold anything
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def filtered() -> None:
    """Put the filter in force for this process, for good.

    Raises:
        ConfinementError: this system has none, or refuses it.
    """
    lines = program(platform.machine(), pid=os.getpid()) if sys.platform == "linux" else None
    if lines is None:
        msg = f"there is no filter for {sys.platform} on {platform.machine()}"
        raise ConfinementError(msg)
    libc = ctypes.CDLL(None, use_errno=True)
    text = ctypes.create_string_buffer(lines, len(lines))
    found = _Program(len(lines) // _LINE_BYTES, ctypes.cast(text, ctypes.c_void_p))
    # An ordinary user may install a filter only if no program it starts can gain rights.
    _call(libc, _PR_SET_NO_NEW_PRIVS, 1, None)
    _call(libc, _PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.byref(found))


def _call(libc: ctypes.CDLL, option: int, value: int, argument: object) -> None:
    if libc.prctl(option, ctypes.c_ulong(value), argument, None, None):
        number = ctypes.get_errno()
        msg = f"prctl({option}) was refused: {os.strerror(number)}"
        raise ConfinementError(msg)
