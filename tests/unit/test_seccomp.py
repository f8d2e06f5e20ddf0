"""The filter of a guest, run call by call in a small model of the kernel's machine for filters."""

from __future__ import annotations

import struct

import pytest
import system_calls

from wf_notebook.guest import seccomp
from wf_notebook.guest.seccomp import ARCHITECTURES, program

ALLOW, REFUSE, KILL = 0x7FFF0000, 0x00050001, 0x80000000
PID = 4711
NAMES = {"x86_64": "x86_64", "aarch64": "arm64"}  # ours, and the table's
AUDIT = {"x86_64": 62 | 1 << 31 | 1 << 30, "aarch64": 183 | 1 << 31 | 1 << 30}  # linux/audit.h
BEYOND = 600  # no architecture has a call with that number
MACHINES = pytest.mark.parametrize("machine", sorted(NAMES))

# What may be called with any arguments.
FREE = {
    "munmap", "brk", "mremap", "madvise", "futex", "rt_sigaction", "rt_sigprocmask",
    "rt_sigreturn", "sigaltstack", "getpid", "gettid", "clock_gettime", "clock_getres",
    "restart_syscall", "exit", "exit_group",
}  # fmt: skip
GIVEN = {"read", "write", "mmap", "mprotect", "tgkill"}  # with some


def number(machine: str, name: str) -> int:
    """A call's number, as a table of the kernel's headers has it."""
    found: int = system_calls.syscalls().get(name, NAMES[machine])
    return found


def verdict(machine: str, call: int, *arguments: int, audit: int | None = None) -> int:
    """What the filter says of a call."""
    lines = program(machine, pid=PID)
    assert lines is not None
    given = [*arguments, *[0] * (6 - len(arguments))]
    data = struct.pack("=IIQ6Q", call, AUDIT[machine] if audit is None else audit, 0, *given)
    loaded = place = 0
    while True:
        code, if_true, if_false, value = struct.unpack_from("=HBBI", lines, 8 * place)
        place += 1
        match code:
            case 0x20:
                (loaded,) = struct.unpack_from("=I", data, value)
            case 0x06:
                return int(value)
            case 0x15:
                place += if_true if loaded == value else if_false
            case 0x35:
                place += if_true if loaded >= value else if_false
            case 0x45:
                place += if_true if loaded & value else if_false
            case _:
                raise AssertionError(f"there is no instruction {code:#x}")


@MACHINES
def test_only_what_is_listed_may_be_called(machine: str) -> None:
    """Of all numbers that there are; with arguments that nothing is said of, no other one either."""
    free = {number(machine, name) for name in FREE}
    allowed = {call for call in range(BEYOND) if verdict(machine, call, 7, 7, 7) == ALLOW}
    assert allowed == free
    some = {number(machine, name) for name in GIVEN}
    rest = {call for call in range(BEYOND) if verdict(machine, call, 7, 7, 7) == REFUSE}
    assert rest == set(range(BEYOND)) - free
    assert some <= rest


@MACHINES
def test_the_numbers_bear_the_kernel_s_names(machine: str) -> None:
    """Who reads the list reads what is allowed."""
    known = ARCHITECTURES[machine]
    named = {**known.free, **known.own, **known.no_exec, "read": known.read, "write": known.write}
    assert named == {name: number(machine, name) for name in FREE | GIVEN}


@MACHINES
def test_another_convention_ends_the_process(machine: str) -> None:
    """Numbers of another architecture, and x86-64's third convention from its first number on."""
    other = AUDIT["aarch64" if machine == "x86_64" else "x86_64"]
    for audit in (other, 3 | 1 << 30, 0):
        assert verdict(machine, number(machine, "getpid"), audit=audit) == KILL
    foreign = 1 << 30
    expected = KILL if machine == "x86_64" else REFUSE
    for call in (foreign, foreign + 39, 0xFFFF_FFFF):
        assert verdict(machine, call) == expected
    assert verdict(machine, foreign - 1) == REFUSE


@MACHINES
def test_messages_come_in_and_go_out_by_their_own_descriptors(machine: str) -> None:
    """0 is read, 1 and 2 are written, and a number that only begins so is another one."""
    read, write = number(machine, "read"), number(machine, "write")
    assert [fd for fd in range(10) if verdict(machine, read, fd) == ALLOW] == [0]
    assert [fd for fd in range(10) if verdict(machine, write, fd) == ALLOW] == [1, 2]
    for call, fd in ((read, 1 << 32), (write, 1 | 1 << 32), (write, 2 | 1 << 63)):
        assert verdict(machine, call, fd) == REFUSE


@MACHINES
def test_a_guest_signals_itself_only(machine: str) -> None:
    """By its process id, all 64 bits of it."""
    tgkill = number(machine, "tgkill")
    assert verdict(machine, tgkill, PID, 1, 2) == ALLOW
    for other in (0, 1, PID + 1, PID | 1 << 32):
        assert verdict(machine, tgkill, other, 1, 2) == REFUSE


@MACHINES
def test_no_memory_can_be_made_executable(machine: str) -> None:
    """Whatever else is asked for, and with whatever other bits."""
    for name in ("mmap", "mprotect"):
        call = number(machine, name)
        for protection in (*range(16), 0x1000007, 0x1000003):
            expected = REFUSE if protection & 4 else ALLOW
            assert verdict(machine, call, 0, 4096, protection) == expected


def test_an_architecture_that_nobody_knows_has_no_filter() -> None:
    """So that strict isolation is refused there."""
    assert [program(machine, pid=1) for machine in ("riscv64", "i686", "")] == [None] * 3
    assert set(seccomp.ARCHITECTURES) == set(NAMES)
