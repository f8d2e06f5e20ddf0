"""What a guest's process can do beyond computing: it tries, and says what became of each attempt.

Every attempt is harmless where it succeeds, and would fail otherwise than with EPERM where nothing
forbids it: so "EPERM" everywhere means the filter, and the same attempts without it show that the
filter is what they met.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import mmap
import os
import resource
import socket
import sys
import time
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["DONE", "probe"]

DONE: Final = "done"

_NOWHERE: Final = "/nonexistent/wf_notebook"
_NOBODY: Final = 0x7FFF_FFFF  # a process id that nobody has
_PEEK: Final = 2  # PTRACE_PEEKDATA
_ANY_PROTECTION: Final = 7
_PAGE: Final = mmap.PAGESIZE
_AT_CWD: Final = -100
_PEEK_AT: Final = 0x42  # MSG_PEEK | MSG_DONTWAIT
# Calls that the C library has no name for; these numbers are the same on every architecture.
_PIDFD_SEND_SIGNAL, _IO_URING_SETUP, _FSOPEN, _PIDFD_OPEN, _CLONE3, _OPENAT2, _PIDFD_GETFD = (
    424, 425, 430, 434, 435, 437, 438,
)  # fmt: skip


def probe() -> dict[str, str]:
    """Make every attempt; return by name "done", or what the system said ("EPERM", "ENOENT", …).

    Nothing is tried where there is no filter to be tried.
    """
    if sys.platform != "linux":
        return {}
    return {name: _outcome(attempt) for name, attempt in _attempts().items()}


def _outcome(attempt: Callable[[], object]) -> str:
    try:
        attempt()
    except OSError as error:
        return errno.errorcode.get(error.errno or 0, str(error.errno))
    except Exception as error:  # noqa: BLE001 - whatever it was, it is not EPERM
        return type(error).__name__
    return DONE


def _attempts() -> Mapping[str, Callable[[], object]]:
    return {**_files(), **_others(), **_powers(), **_descriptors()}


def _files() -> dict[str, Callable[[], object]]:
    how = ctypes.create_string_buffer(24)
    return {
        "open a file": lambda: os.open("/dev/null", os.O_RDONLY),
        "openat2": lambda: _call(_OPENAT2, _AT_CWD, b"/dev/null", how, len(how)),
        "look at a file": lambda: os.stat("/"),
        "list a folder": lambda: os.listdir("/"),
        "read a link": lambda: os.readlink("/proc/self/exe"),
        "ask for the folder": os.getcwd,
        "change the folder": lambda: os.chdir(_NOWHERE),
        "make a folder": lambda: os.mkdir(_NOWHERE),
        "delete a file": lambda: os.unlink(_NOWHERE),
        "rename a file": lambda: os.rename(_NOWHERE, _NOWHERE),
        "change rights": lambda: os.chmod(_NOWHERE, 0o600),
        "make a link": lambda: os.symlink(_NOWHERE, _NOWHERE),
        "memory as a file": lambda: os.memfd_create("wf"),
        "fsopen": lambda: _call(_FSOPEN, b"nothing", 0),
    }


def _others() -> dict[str, Callable[[], object]]:
    return {
        "fork": _fork,
        "clone3": lambda: _call(_CLONE3, None, 0),
        "run a program": lambda: os.execve(_NOWHERE, ["x"], {}),  # noqa: S606 - nothing is there
        "signal a process": lambda: os.kill(os.getpid(), 0),
        "trace a process": lambda: _libc("ptrace", _PEEK, _NOBODY, None, None),
        "read another's memory": lambda: _libc("process_vm_readv", _NOBODY, None, 0, None, 0, 0),
        "write another's memory": lambda: _libc("process_vm_writev", _NOBODY, None, 0, None, 0, 0),
        "pidfd_open": lambda: _call(_PIDFD_OPEN, os.getpid(), 0),
        "pidfd_getfd": lambda: _call(_PIDFD_GETFD, 0, 0, 0),
        "pidfd_send_signal": lambda: _call(_PIDFD_SEND_SIGNAL, 0, 0, None, 0),
        "connect": socket.socket,
        "a pair of sockets": socket.socketpair,
        "shared memory": lambda: _libc("shmget", 0, _PAGE, 0o1600),
    }


def _powers() -> dict[str, Callable[[], object]]:
    return {
        "executable memory": lambda: mmap.mmap(-1, _PAGE, prot=_ANY_PROTECTION),
        "make memory executable": _make_executable,
        "set a limit": lambda: _libc("setrlimit", resource.RLIMIT_CORE, bytes(16)),
        "prctl": lambda: _libc("prctl", 3, 0, 0, 0, 0),  # PR_GET_DUMPABLE
        "personality": lambda: _libc("personality", 0xFFFF_FFFF),
        "io_uring": lambda: _call(_IO_URING_SETUP, 0, None),
        "sleep": lambda: time.sleep(0.000_001),
        "randomness": lambda: os.getrandom(1),
        "ask for the machine": os.uname,
        "ask for processors": lambda: os.sched_getaffinity(0),
        "change the priority": lambda: os.nice(0),
    }


def _descriptors() -> dict[str, Callable[[], object]]:
    one = ctypes.create_string_buffer(1)
    return {
        "a pipe": os.pipe,
        "a copy of a descriptor": lambda: os.dup(0),
        "fcntl": lambda: fcntl.fcntl(0, fcntl.F_GETFD),
        "ioctl": lambda: fcntl.ioctl(0, 0x5413, b"\0" * 8),  # TIOCGWINSZ
        "receive": lambda: _libc("recv", 0, one, 1, _PEEK_AT),
        "read elsewhere": lambda: os.read(2, 0),
        "write elsewhere": lambda: os.write(3, b""),
        "close": lambda: os.close(_NOBODY),
    }


def _fork() -> None:
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)


def _make_executable() -> None:
    memory = mmap.mmap(-1, _PAGE)
    place = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    _libc("mprotect", ctypes.c_void_p(place), ctypes.c_size_t(_PAGE), _ANY_PROTECTION)


def _call(number: int, *arguments: Any) -> None:
    _libc("syscall", ctypes.c_long(number), *arguments)


def _libc(name: str, *arguments: Any) -> None:
    function = getattr(ctypes.CDLL(None, use_errno=True), name)
    function.restype = ctypes.c_long if name == "syscall" else ctypes.c_int
    ctypes.set_errno(0)
    if function(*arguments) == -1 and (number := ctypes.get_errno()):
        raise OSError(number, os.strerror(number))
