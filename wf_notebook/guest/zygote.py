"""Where guests come from: a small parent that has imported everything and forks one for each run.

It is started by spawn, in a session of its own, and never forked from the kernel. The host asks
over a control socket, one JSON line at a time, and gets one line back:

    {"op": "spawn", "limits": {...}}  and two descriptors  ->  {"pid": 12}
    {"op": "signal", "pid": 12, "signal": 10}              ->  {}
    {"op": "allow_cpu", "pid": 12, "seconds": 10}          ->  {}
    {"op": "kill", "pid": 12}                              ->  {"status": 9}, as waitpid gives it

It signals only children that it has not reaped: a pid cannot have become somebody else's. When the
control socket closes, it kills them all and leaves.
"""

from __future__ import annotations

import codecs
import contextlib
import gc
import importlib
import json
import os
import platform
import select
import signal
import socket
import sys
import time
from importlib.machinery import PathFinder
from typing import TYPE_CHECKING, Any, Final, NoReturn

from wf_notebook.guest.agreed import EXIT_BROKEN
from wf_notebook.guest.confinement import allow_cpu
from wf_notebook.guest.main import become_guest

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["main"]

# A guest can open no file: what the standard library imports lazily must be there before. Loading
# every codec would take longer than all the rest; a rare one is unknown in a guest.
_LAZY: Final = ("_strptime", "calendar", "locale", "stringprep", "struct", "unicodedata")
_CODECS: Final = (
    "ascii", "base64", "big5", "charmap", "cp1250", "cp1251", "cp1252", "cp437", "cp850",
    "euc-jp", "euc-kr", "gb18030", "gbk", "hex", "idna", "iso8859-1", "iso8859-15", "iso8859-2",
    "koi8-r", "latin-1", "mac-roman", "punycode", "quopri", "raw-unicode-escape", "rot13",
    "shift-jis", "unicode-escape", "utf-16", "utf-16-be", "utf-16-le", "utf-32", "utf-32-be",
    "utf-32-le", "utf-7", "utf-8", "utf-8-sig", "zlib",
)  # fmt: skip
_CHUNK: Final = 1 << 16
_DESCRIPTORS: Final = 2  # of a guest: its messages, its reports


def main(control: int) -> NoReturn:
    """Serve the host on a descriptor until it closes; then leave with every child."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for name in _LAZY:
        importlib.import_module(name)
    for name in _CODECS:
        codecs.lookup(name)
    _forget_surroundings()
    gc.collect()
    gc.freeze()
    _Zygote(socket.socket(fileno=control)).serve()
    os._exit(0)  # nothing needs tidying up, and whoever closes a world waits for it


def _forget_surroundings() -> None:
    """Keep neither environment nor paths; local time is UTC, whatever the machine's.

    A module that is not there yet is an ImportError then, not a file that cannot be opened.
    """
    os.environ.clear()  # noqa: TID251 - nothing is read from it
    os.environ["TZ"] = "UTC0"  # noqa: TID251
    time.tzset()
    sys.argv[:] = [""]
    sys.path.clear()
    sys.meta_path[:] = [finder for finder in sys.meta_path if finder is not PathFinder]
    for package in ("wf_notebook", "wf_notebook.guest"):
        sys.modules[package].__path__ = []


class _Zygote:
    """The parent's state: its children, and how those that are gone ended."""

    def __init__(self, control: socket.socket):
        self._control = control
        self._children: set[int] = set()
        self._ended: dict[int, int] = {}
        self._pending = b""
        self._received: list[int] = []
        self._wake, self._woken = os.pipe()
        os.set_blocking(self._woken, False)
        os.set_blocking(self._wake, False)

    def serve(self) -> None:
        """Answer requests until the control socket closes; then kill every child."""
        signal.set_wakeup_fd(self._woken, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
        try:
            self._say({"ready": platform.python_version()})
            while self._turn():
                pass
        except ConnectionError:
            pass  # the host is gone
        finally:
            for pid in tuple(self._children):
                self._on_kill(pid=pid)

    def _turn(self) -> bool:
        """Wait for something to happen and see to it; return False when the host has hung up."""
        control = self._control.fileno()
        readable, _, _ = select.select([control, self._wake], [], [])
        if self._wake in readable:
            os.read(self._wake, _CHUNK)
            self._reap()
        return control not in readable or self._hear()

    def _hear(self) -> bool:
        data, descriptors, _, _ = socket.recv_fds(self._control, _CHUNK, _DESCRIPTORS)
        self._pending += data
        self._received += descriptors
        while b"\n" in self._pending:
            line, self._pending = self._pending.split(b"\n", 1)
            request = json.loads(line)
            answer: Callable[..., dict[str, Any]] = getattr(self, f"_on_{request.pop('op')}")
            self._say(answer(**request))
        return bool(data)

    def _say(self, answer: dict[str, Any]) -> None:
        self._control.sendall(json.dumps(answer).encode() + b"\n")

    # ----------------------------------------------------------------- requests

    def _on_spawn(self, *, limits: dict[str, Any]) -> dict[str, Any]:
        messages, reports, *self._received = self._received
        try:
            pid = os.fork()
        except OSError as error:
            return {"error": str(error)}
        else:
            if pid == 0:
                self._be_child(messages, reports, limits)
            self._children.add(pid)
            return {"pid": pid}
        finally:
            os.close(messages)
            os.close(reports)

    def _be_child(self, messages: int, reports: int, limits: dict[str, Any]) -> NoReturn:
        try:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            os.dup2(messages, 0)
            os.dup2(messages, 1)
            os.dup2(reports, 2)
            self._control.detach()
            os.closerange(3, 1024)  # the zygote holds a dozen
            become_guest(limits)
        finally:
            os._exit(EXIT_BROKEN)

    def _on_signal(self, *, pid: int, signal: int) -> dict[str, Any]:  # the message's own word
        if pid in self._children:
            os.kill(pid, signal)
        return {}

    def _on_allow_cpu(self, *, pid: int, seconds: int) -> dict[str, Any]:
        if pid in self._children:
            with contextlib.suppress(OSError):  # a zombie, about to be reaped
                allow_cpu(pid, seconds)
        return {}

    def _on_kill(self, *, pid: int) -> dict[str, Any]:
        if pid in self._children:
            os.kill(pid, signal.SIGKILL)
            self._ended[pid] = os.waitpid(pid, 0)[1]
            self._children.discard(pid)
        return {"status": self._ended.pop(pid, None)}

    def _reap(self) -> None:
        """Note how children ended that have ended by themselves."""
        for pid in tuple(self._children):
            found, status = os.waitpid(pid, os.WNOHANG)
            if found:
                self._ended[pid] = status
                self._children.discard(pid)
