"""Which system calls a confined guest may make: a filter in the Linux kernel's own language.

A guest computes, reads its messages and writes its answers; nothing else is needed, and nothing
else is allowed. What isn't listed fails with EPERM; a call by another architecture's numbers, by
which a list could be got round, ends the process. No memory can be made executable, so that the
code that runs is the code that was there before the filter.

The filter is written for x86-64, where the claim of README.md is tested, and for aarch64. It is put
in force by the guest's own process (`guest.confinement`), before it reads its first message.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["ARCHITECTURES", "program"]

# What the kernel hands to a filter (struct seccomp_data): number, architecture, six arguments.
_NUMBER: Final = 0
_ARCHITECTURE: Final = 4
_ARGUMENTS: Final = 16
_HIGH: Final = 4  # where the upper half of an argument lies, little-endian

# Classic BPF.
_LOAD: Final = 0x20
_IF_EQUAL: Final = 0x15
_IF_AT_LEAST: Final = 0x35
_IF_ANY_BIT: Final = 0x45
_RETURN: Final = 0x06

_ALLOW: Final = 0x7FFF0000
_REFUSE: Final = 0x00050000 | 1  # EPERM
_KILL: Final = 0x80000000

_PROT_EXEC: Final = 0x4
_X32: Final = 0x40000000  # x86-64's third calling convention, with numbers of its own


@dataclass(frozen=True, slots=True)
class Architecture:
    """The numbers of one architecture.

    Attributes:
        audit: what the kernel calls it.
        free: calls that may be made with any arguments.
        read, write: the calls that take a descriptor first.
        no_exec: calls whose third argument is a protection, which must not be executable.
        own: calls whose first argument must be the guest's own process id.
        first_foreign: numbers from here on are another convention's; None if there is none.
    """

    audit: int
    free: Mapping[str, int]
    read: int
    write: int
    no_exec: Mapping[str, int]
    own: Mapping[str, int]
    first_foreign: int | None = field(default=None)


ARCHITECTURES: Final[Mapping[str, Architecture]] = {
    "x86_64": Architecture(
        audit=0xC000003E,
        free={
            "munmap": 11, "brk": 12, "mremap": 25, "madvise": 28, "futex": 202,
            "rt_sigaction": 13, "rt_sigprocmask": 14, "rt_sigreturn": 15, "sigaltstack": 131,
            "getpid": 39, "gettid": 186, "clock_gettime": 228, "clock_getres": 229,
            "restart_syscall": 219, "exit": 60, "exit_group": 231,
        },
        read=0,
        write=1,
        no_exec={"mmap": 9, "mprotect": 10},
        own={"tgkill": 234},
        first_foreign=_X32,
    ),
    "aarch64": Architecture(
        audit=0xC00000B7,
        free={
            "munmap": 215, "brk": 214, "mremap": 216, "madvise": 233, "futex": 98,
            "rt_sigaction": 134, "rt_sigprocmask": 135, "rt_sigreturn": 139, "sigaltstack": 132,
            "getpid": 172, "gettid": 178, "clock_gettime": 113, "clock_getres": 114,
            "restart_syscall": 128, "exit": 93, "exit_group": 94,
        },
        read=63,
        write=64,
        no_exec={"mmap": 222, "mprotect": 226},
        own={"tgkill": 131},
    ),
}  # fmt: skip


def program(machine: str, *, pid: int) -> bytes | None:
    """Return the filter for a guest, as the kernel takes it; None for an unknown architecture.

    Args:
        machine: as `platform.machine()` names it.
        pid: the guest's own process id, the only one it may signal.

    >>> len(program("x86_64", pid=1)) % 8, program("vax", pid=1)
    (0, None)
    """
    known = ARCHITECTURES.get(machine)
    return None if known is None else b"".join(_lines(known, pid))


def _lines(known: Architecture, pid: int) -> list[bytes]:
    lines = [_load(_ARCHITECTURE), *_unless_equal(known.audit, _KILL), _load(_NUMBER)]
    if known.first_foreign is not None:
        lines += [_jump(_IF_AT_LEAST, known.first_foreign, 0, 1), _return(_KILL)]
    for number in known.free.values():
        lines += [_jump(_IF_EQUAL, number, 0, 1), _return(_ALLOW)]
    lines += _call(known.read, _argument_is(0, (0,)))
    lines += _call(known.write, _argument_is(0, (1, 2)))
    for number in known.own.values():
        lines += _call(number, _argument_is(0, (pid,)))
    for number in known.no_exec.values():
        lines += _call(number, _not_executable())
    return [*lines, _return(_REFUSE)]


def _call(number: int, conditions: Sequence[bytes]) -> list[bytes]:
    """Return lines that end in a verdict if the call has that number, else go on behind it."""
    return [_jump(_IF_EQUAL, number, 0, len(conditions)), *conditions]


def _argument_is(index: int, values: Sequence[int]) -> list[bytes]:
    """Allow the call if an argument, all 64 bits of it, is one of these."""
    low = _ARGUMENTS + 8 * index
    lines = [_load(low + _HIGH), *_unless_equal(0, _REFUSE), _load(low)]
    for value in values:
        lines += [_jump(_IF_EQUAL, value, 0, 1), _return(_ALLOW)]
    return [*lines, _return(_REFUSE)]


def _not_executable() -> list[bytes]:
    protection = _ARGUMENTS + 8 * 2
    return [
        _load(protection),
        _jump(_IF_ANY_BIT, _PROT_EXEC, 0, 1),
        _return(_REFUSE),
        _return(_ALLOW),
    ]


def _unless_equal(value: int, verdict: int) -> list[bytes]:
    return [_jump(_IF_EQUAL, value, 1, 0), _return(verdict)]


def _load(offset: int) -> bytes:
    return struct.pack("=HBBI", _LOAD, 0, 0, offset)


def _return(verdict: int) -> bytes:
    return struct.pack("=HBBI", _RETURN, 0, 0, verdict)


def _jump(code: int, value: int, if_true: int, if_false: int) -> bytes:
    """Compare what was loaded; skip so many lines in either case."""
    return struct.pack("=HBBI", code, if_true, if_false, value)
