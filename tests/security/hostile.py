"""Hostile sources, run with the language's check switched off: arbitrary Python in a guest."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from tests.guest_runs import start_message
from wf_notebook.api import World
from wf_notebook.config import Limits
from wf_notebook.definition.model import Definition
from wf_notebook.engine.host import Launch
from wf_notebook.isolation.process import ProcessIsolation
from wf_notebook.run import Run
from wf_notebook.world.memory import MemoryStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from wf_notebook.definition.steps import Step
    from wf_notebook.isolation.protocol import Reply

# Any module of the process, found by walking objects: no name that the language offers is needed.
REACH = """
def module(name):
    for kind in ().__class__.__mro__[-1].__subclasses__():
        if kind.__name__ == "_wrap_close":
            return kind.__init__.__globals__["sys"].modules[name]

os, sys, ctypes, socket, signal, mmap, io, gc, importlib, thread, resource, fcntl = map(module, (
    "os", "sys", "ctypes", "socket", "signal", "mmap", "io", "gc", "importlib", "_thread",
    "resource", "fcntl",
))
libc = ctypes.CDLL(None, use_errno=True)

def native(name, *args):
    ctypes.set_errno(0)
    if getattr(libc, name)(*args) == -1 and ctypes.get_errno():
        raise OSError(ctypes.get_errno(), name)
    return "done"

def outcome(attempt):
    try:
        return ["done", str(attempt())[:200]]
    except OSError as error:
        return ["OSError", error.errno]
    except BaseException as error:
        return [type(error).__name__, str(error)[:200]]
"""

# Each is an expression; where nothing forbids it, it ends otherwise than with EPERM.
ATTEMPTS = {
    "read a file": 'io.open("/etc/passwd").read()',
    "write a file": 'io.open("/tmp/wf-escape", "w")',
    "open by the C library": 'native("open", b"/etc/passwd", 0)',
    "open its own memory": 'os.open("/proc/self/mem", 2)',
    "read the host's environment": 'os.open(f"/proc/1/environ", 0)',
    "list /proc": 'os.listdir("/proc")',
    "connect to a port": 'socket.create_connection(("127.0.0.1", 9), 0.1)',
    "listen on a port": 'socket.create_server(("127.0.0.1", 0))',
    "a socket by the C library": 'native("socket", 2, 1, 0)',
    "fork": "os.fork() or os._exit(0)",
    "vfork and run": 'os.posix_spawn("/bin/true", ["true"], {})',
    "run a program": 'os.execve("/nonexistent", ["x"], {})',
    "signal another": "os.kill(os.getpid(), 0)",
    "signal its group": "os.killpg(0, 0)",
    "a timer": "signal.setitimer(signal.ITIMER_REAL, 1000)",
    "an alarm by the C library": 'native("nanosleep", bytes(16), None)',
    "receive a descriptor": "socket.socket(fileno=0).recvmsg(1, 64, 0x42)",
    "copy a descriptor": "os.dup2(0, 7)",
    "non-blocking messages": "os.set_blocking(0, True)",
    "look at a descriptor": "os.fstat(0)",
    "seek in a descriptor": "os.lseek(0, 0, 1)",
    "executable memory": "mmap.mmap(-1, 4096, prot=7)",
    "executable memory by the C library":
        'native("mprotect", ctypes.c_void_p(ctypes.addressof(ctypes.create_string_buffer(8192))'
        ' + 4095 & ~4095), 4096, 7)',
    "more processor time": 'native("setrlimit", 0, (ctypes.c_ulong * 2)(1 << 30, 1 << 30))',
    "another user": 'native("setuid", 0)',
    "another root": 'native("chroot", b"/nonexistent")',
    "a new namespace": 'native("unshare", 0)',
    "trace the parent": 'native("ptrace", 3, 0x7fffffff, None, None)',
    "its processor": "os.sched_setaffinity(0, {0})",
    "real randomness": "os.urandom(1)",
    "its machine": "os.uname()",
}  # fmt: skip


def attempts() -> str:
    lines = [f"        {name!r}: outcome(lambda: {code})," for name, code in ATTEMPTS.items()]
    return "\n".join([REACH, "async def w():", "    return {", *lines, "    }", ""])


def run_alone(source: str, *, strict: bool, **limits: Any) -> Reply:
    """Start a source in a guest of its own, and return its first reply."""

    async def run() -> Reply:
        isolation = ProcessIsolation(Limits(**limits), strict=strict)
        try:
            guest = await isolation.spawn()
            return await guest.activate(start_message(source))
        finally:
            await isolation.close()

    return asyncio.run(run())


@contextmanager
def hostile_world(*steps: Step[..., Any], **limits: Any) -> Iterator[Callable[..., Run]]:
    """Give a function that starts a source in a world without checking it."""
    world = World(MemoryStore(), isolation="strict", limits=Limits(**limits))
    for step in steps:
        world.host.runner.steps.register(step)

    def start(source: str, *args: Any) -> Run:
        bindings = tuple(sorted((s.binding(s.name) for s in steps), key=lambda b: b.alias))
        host = world.host
        launch = Launch(
            run_id=host.ids.run_id(host.clock.now_us()),
            definition=Definition(source, "w", "w", bindings),
            args=list(args),
            kwargs={},
            isolation="strict",
        )
        return Run(host, host.wait(host.start(launch)))

    try:
        yield start
    finally:
        world.close()
