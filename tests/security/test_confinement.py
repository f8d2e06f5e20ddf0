"""Arbitrary Python in a guest can only ask and answer: the filter holds, and without it nothing does.

Each attempt has its control: the same code in the same child without the filter ends otherwise, so
that "refused" means the filter and not a broken attempt.
"""

from __future__ import annotations

import asyncio
import errno
import json
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from tests.guest_runs import start_message
from tests.security.hostile import ATTEMPTS, REACH, attempts, hostile_world, run_alone
from wf_notebook.config import Limits
from wf_notebook.errors import IsolationUnavailable, RunFailedError
from wf_notebook.guest import seccomp
from wf_notebook.guest.probe import _attempts as probes
from wf_notebook.isolation.process import ProcessIsolation

if TYPE_CHECKING:
    from wf_notebook.isolation.proof import Proof

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the filter is Linux's")

CANARY = "canary-9d24-of-another-run"


def proof(*, strict: bool) -> Proof:
    async def run() -> Proof:
        isolation = ProcessIsolation(Limits(), strict=strict)
        try:
            return await isolation.prove()
        finally:
            await isolation.close()

    return asyncio.run(run())


@pytest.fixture(scope="module")
def confined() -> Proof:
    return proof(strict=True)


@pytest.fixture(scope="module")
def free() -> Proof:
    return proof(strict=False)


# What comes of each probe without the filter: it gets through ("done"), or gets as far as the kernel
# lets a process without descriptors go, on nothing that is there. "ENOSYS": an older kernel.
UNFILTERED = {
    **dict.fromkeys(
        ["open a file", "openat2", "list a folder", "memory as a file", "pidfd_open", "connect",
         "a pair of sockets", "a pipe", "a copy of a descriptor"],
        "EMFILE",
    ),
    **dict.fromkeys(
        ["look at a file", "read a link", "ask for the folder", "fork", "signal a process",
         "read another's memory", "write another's memory", "shared memory", "executable memory",
         "make memory executable", "set a limit", "prctl", "personality", "sleep", "randomness",
         "ask for the machine", "ask for processors", "change the priority", "fcntl",
         "read elsewhere"],
        "done",
    ),
    **dict.fromkeys(
        ["change the folder", "make a folder", "delete a file", "rename a file", "change rights",
         "make a link", "run a program"],
        "ENOENT",
    ),
    **dict.fromkeys(["pidfd_getfd", "pidfd_send_signal", "write elsewhere", "close"], "EBADF"),
    "fsopen": "ENODEV", "clone3": "EINVAL", "trace a process": "ESRCH", "io_uring": "EFAULT",
    "ioctl": "ENOTTY", "receive": "EAGAIN",
}  # fmt: skip


@pytest.mark.parametrize("name", list(probes()))
def test_a_probe_is_refused(name: str, confined: Proof, free: Proof) -> None:
    """What `wf doctor` tries: refused by the filter, and by nothing else."""
    assert confined.attempts[name] == "EPERM"
    assert free.attempts[name] in (UNFILTERED[name], "ENOSYS")


@pytest.fixture(scope="module")
def escapes() -> dict[bool, dict[str, Any]]:
    """What came of each attempt of a hostile source, with and without the filter."""
    source = attempts()
    found: dict[bool, dict[str, Any]] = {}
    for strict in (True, False):
        reply = run_alone(source, strict=strict)
        assert reply.status == "completed", reply.error
        found[strict] = reply.result
    return found


@pytest.mark.parametrize("name", list(ATTEMPTS))
def test_an_escape_is_refused(name: str, escapes: dict[bool, dict[str, Any]]) -> None:
    """A source that reaches every module of its process gets EPERM where it reaches further."""
    assert escapes[True][name] == ["OSError", errno.EPERM]
    assert escapes[False][name] != ["OSError", errno.EPERM]


def test_a_thread_cannot_be_started() -> None:
    """Nothing goes on beside the one thread that answers; without the filter it could."""
    source = REACH + (
        "async def w():\n"
        "    lock = thread.allocate_lock()\n"
        "    return outcome(lambda: thread.start_new_thread(print, ()))\n"
    )
    assert run_alone(source, strict=True).result == ["RuntimeError", "can't start new thread"]
    assert run_alone(source, strict=False).result[0] == "done"


@pytest.mark.parametrize(
    ("code", "how"),
    [
        ("libc.syscall(0x40000000 | 39)", "SIGSYS"),  # getpid by x32's numbers
        ("os._exit(3)", "exit status 3"),
        ("ctypes.string_at(0)", "SIGSEGV"),
        ("signal.raise_signal(9)", "SIGKILL"),
        ("os.abort()", "SIGABRT"),
    ],
)
def test_a_guest_that_ends_itself_fails_its_run_alone(code: str, how: str) -> None:
    """The wrong architecture, a crash, a suicide: one run fails with a code, others go on."""
    with hostile_world() as start:
        victim = start("async def w():\n    return await create_hook('go')\n")
        with pytest.raises(RunFailedError, match=how) as caught:
            start(REACH + f"async def w():\n    {code}\n").result(timeout=30)
        assert caught.value.code == "GUEST_DIED"
        victim.wait_for("hook").resume("go", "still here")
        assert victim.result(timeout=30) == "still here"


def test_nothing_of_the_host_is_in_a_guest() -> None:
    """No environment, no arguments, no paths, no module of the host, nothing to import from."""
    source = REACH + (
        "async def w():\n"
        "    names = sorted(n for n in sys.modules if n.startswith('wf_notebook'))\n"
        "    missing = outcome(lambda: importlib.import_module('sqlite3'))\n"
        "    return [dict(os.environ), sys.argv, sys.path, names, missing[0]]\n"
    )
    environment, argv, path, names, missing = run_alone(source, strict=True).result
    assert environment == {"TZ": "UTC0"}
    assert (argv, path, missing) == ([""], [], "ModuleNotFoundError")
    assert all(name.startswith("wf_notebook.guest") or name == "wf_notebook" for name in names)


def test_nothing_of_another_run_is_in_a_guest() -> None:
    """A guest is forked from a process that has never seen a source or a value."""
    look = REACH + (
        "async def w():\n"
        "    word = ''.join(['canary-9d24', '-of-another', '-run'])\n"
        "    texts = [o for o in gc.get_objects() if isinstance(o, (dict, list, tuple))]\n"
        "    return [word in repr(list(o.values()) if isinstance(o, dict) else o)[:100000]\n"
        "            for o in texts if o is not texts].count(True)\n"
    )
    with hostile_world() as start:
        keeper = start(
            "async def w(secret):\n    await create_hook('go')\n    return secret\n", CANARY
        )
        keeper.wait_for("hook")
        assert start(look).result(timeout=60) == 0
        keeper.resume("go", None)
        assert keeper.result(timeout=30) == CANARY


@pytest.mark.skipif(shutil.which("unshare") is None, reason="needs unshare (util-linux)")
def test_an_ordinary_user_is_confined_as_well() -> None:
    """The filter needs no rights: here as `nobody`, with no capability left."""
    script = """
import asyncio, json, os
from wf_notebook.config import Limits
from wf_notebook.isolation.choose import prove
found = asyncio.run(prove(Limits()))
print(json.dumps([os.getuid(), found.holds, str(found)]))
"""
    command = ["unshare", "--user", sys.executable, "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    if "unshare" in done.stderr:
        pytest.skip(f"no user namespaces here: {done.stderr.strip()}")
    user, holds, text = json.loads(done.stdout)
    assert user != 0
    assert holds, text


def test_the_filter_needs_to_be_in_force_before_the_first_message(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A child that cannot be confined ends with a word; it reads nothing."""

    async def run() -> None:
        isolation = ProcessIsolation(Limits(), strict=True)
        monkeypatch.setattr("wf_notebook.isolation.nursery._BOOT", NO_FILTER)
        try:
            found = await isolation.prove()
            assert (found.holds, found.trouble) == (False, "there is no filter for linux on vax")
            guest = await isolation.spawn()
            with pytest.raises(
                IsolationUnavailable, match="confined: there is no filter for linux on vax"
            ):
                await guest.activate(start_message("async def w(): pass\n"))
        finally:
            await isolation.close()

    asyncio.run(run())


NO_FILTER = """\
import platform, sys, types
package = types.ModuleType("wf_notebook")
package.__path__ = [sys.argv[1]]
sys.modules["wf_notebook"] = package
platform.machine = lambda: "vax"
from wf_notebook.guest import zygote
zygote.main(int(sys.argv[2]))
"""


@pytest.mark.parametrize("machine", list(seccomp.ARCHITECTURES))
def test_the_filter_is_a_program_that_the_kernel_takes(machine: str) -> None:
    """Every jump leads forward to a line that is there, and the last line refuses."""
    lines = seccomp.program(machine, pid=7)
    assert lines is not None
    count = len(lines) // 8
    assert count < 4096
    for at in range(count):
        code, skip_true, skip_false, _ = (
            int.from_bytes(lines[8 * at : 8 * at + 2], "little"), lines[8 * at + 2],
            lines[8 * at + 3], 0,
        )  # fmt: skip
        if code & 0x07 == 0x05:
            assert at + 1 + max(skip_true, skip_false) < count
    assert lines[-8:] == b"\x06\x00\x00\x00" + (0x00050001).to_bytes(4, "little")
