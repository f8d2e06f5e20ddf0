"""The parts of a guest's process that can be asked without being one."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from typing import Any

import pytest

from wf_notebook.guest import main, zygote
from wf_notebook.guest.confinement import _cpu_used
from wf_notebook.guest.talk import Conversation

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="there are no such processes")


@pytest.fixture
def parent() -> Any:
    """A zygote without children, and the host's end of its socket."""
    ours, theirs = socket.socketpair()
    made = zygote._Zygote(theirs)
    yield made, ours
    ours.close()
    theirs.close()


def test_the_sample_is_a_run() -> None:
    """What a spare warms up with asks for a step, takes its result, and completes."""
    reply = json.loads(Conversation().answer(main._SAMPLE))
    assert (reply["status"], reply["after"]) == ("completed", 1)
    (command,) = reply["commands"]
    assert (command["alias"], command["args"]) == ("a", {"x": [{"x": 1}]})


def test_a_process_that_cannot_fork_says_why(parent: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The host is told, and what it sent for the child is closed."""
    made, _ = parent

    def fork() -> int:
        raise OSError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(os, "fork", fork)
    messages, reports = os.pipe()
    made._received = [messages, reports]
    answer = made._on_spawn(limits={})
    assert list(answer) == ["error"]
    assert "temporarily unavailable" in answer["error"]
    for descriptor in (messages, reports):
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(descriptor)


def test_a_stranger_is_neither_signalled_nor_given_time(
    parent: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every request is answered with an object, also one about a process that is not its child."""
    made, _ = parent
    told: list[Any] = []
    monkeypatch.setattr(os, "kill", lambda *args: told.append(args))
    monkeypatch.setattr(zygote, "allow_cpu", lambda *args: told.append(args))
    assert made._on_signal(pid=1, signal=signal.SIGTERM) == {}
    assert made._on_allow_cpu(pid=1, seconds=5) == {}
    assert made._on_kill(pid=1) == {"status": None}
    assert told == []


def test_a_child_is_given_time_unless_it_is_gone(
    parent: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A child that is about to be reaped is no error."""
    made, _ = parent
    made._children.add(5)
    told: list[Any] = []

    def gone(pid: int, seconds: int) -> None:
        told.append((pid, seconds))
        raise ProcessLookupError

    monkeypatch.setattr(zygote, "allow_cpu", gone)
    assert made._on_allow_cpu(pid=5, seconds=3) == {}
    assert told == [(5, 3)]


def test_a_child_that_has_ended_is_no_child(parent: Any) -> None:
    """How it ended is told once; nobody is signalled who has its number by then."""
    made, _ = parent
    pid = os.fork()
    if pid == 0:
        os._exit(3)
    made._children.add(pid)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    made._reap()
    made._reap()
    assert made._children == set()
    assert made._on_kill(pid=pid) == {"status": 3 << 8}
    assert made._on_kill(pid=pid) == {"status": None}


def test_the_time_that_was_used_is_the_kernel_s_own_count() -> None:
    """In the process's own code and in the kernel for it, not of its children."""
    while os.times().system < 0.3:
        os.stat("/")
    pid = os.fork()
    if pid == 0:
        while time.process_time() < 0.5:
            pass
        os._exit(0)
    os.waitpid(pid, 0)
    before, used, after = time.process_time(), _cpu_used(os.getpid()), time.process_time()
    assert before - 0.1 <= used <= after + 0.1


def test_local_time_is_that_of_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the machine's, and from then on: not only once somebody asks for it anew."""
    code = (
        "import sys, time; from wf_notebook.guest.zygote import _forget_surroundings;"
        "before = time.timezone; _forget_surroundings(); import os;"
        "os.write(1, f'{before} {time.timezone} {time.localtime(0).tm_hour}'.encode())"
    )
    said = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "TZ": "Asia/Tokyo"},
        capture_output=True,
        check=True,
        timeout=60,
    )
    assert said.stdout.split() == [b"-32400", b"0", b"0"]


def test_a_module_that_is_not_there_yet_is_an_import_error() -> None:
    """No file is looked for; what is compiled into the interpreter can still be had."""
    code = (
        "import sys; from wf_notebook.guest.zygote import _forget_surroundings\n"
        "_forget_surroundings()\n"
        "import xxsubtype\n"
        "try: import colorsys\n"
        "except ImportError: print([getattr(f, '__name__', f) for f in sys.meta_path])\n"
    )
    said = subprocess.run(
        [sys.executable, "-S", "-c", f"import sys; sys.path.insert(0, {ROOT!r})\n{code}"],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert said.stdout.strip() == "['BuiltinImporter', 'FrozenImporter']"
