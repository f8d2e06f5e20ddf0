"""Guests in child processes: they answer, they are stopped in time, they see nothing of the host."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from tests.guest_processes import (
    FOREVER,
    SEQUENCE,
    at_work,
    completed,
    deliver,
    started,
    with_isolation,
)
from tests.guest_runs import start_message
from wf_notebook.errors import GuestBudgetError, GuestDiedError, GuestProtocolError
from wf_notebook.isolation.inline import InlineIsolation
from wf_notebook.isolation.process import find_line, parse_lines

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wf_notebook.isolation.process import ProcessIsolation

pytestmark = pytest.mark.skipif(os.name != "posix", reason="there are no such processes")


def test_a_guest_answers_message_after_message() -> None:
    """Start, outcomes, where it waits."""

    async def body(isolation: ProcessIsolation) -> None:
        guest = await isolation.spawn()
        reply = await guest.activate(start_message(SEQUENCE))
        assert [c.n for c in reply.commands] == [1]
        reply = await guest.activate(deliver(completed(1), completed(2)))
        assert ([c.n for c in reply.commands], reply.after) == ([2, 3], 2)
        assert await guest.where() == [3]
        assert isolation.mode == ("strict" if sys.platform == "linux" else "process")

    with_isolation(body)


def test_messages_of_any_size_pass() -> None:
    """Up to the limit: here 8 MB each way."""

    async def body(isolation: ProcessIsolation) -> None:
        guest = await isolation.spawn()
        text = "x" * (8 << 20)
        reply = await guest.activate(start_message("async def w(x):\n    return x\n", args=[text]))
        assert reply.result == text

    with_isolation(body)


SWALLOWING = """
async def w():
    while True:
        try:
            steps.a(1)
        except BaseException:
            continue
"""


@pytest.mark.parametrize(
    ("source", "lines"),
    [
        (FOREVER, (3, 4)),
        ("async def w():\n    return 9**9**9\n", (2,)),
        ("import re\nasync def w():\n    re.match('(a+)+$', 'a' * 40 + 'b')\n", (3,)),
        (SWALLOWING, range(3, 8)),
    ],
    ids=["loop", "power", "regex", "swallowing"],
)  # fmt: skip
def test_a_runaway_is_stopped_with_its_line(source: str, lines: Sequence[int]) -> None:
    """Python loops, C code and bodies that catch everything: the wall clock ends them."""

    async def body(isolation: ProcessIsolation) -> None:
        guest = await isolation.spawn()
        with pytest.raises(GuestBudgetError, match=r"more than 0\.3 s") as caught:
            await guest.activate(start_message(source, commands=5))
        assert caught.value.line in lines
        assert not psutil.pid_exists(guest.pid)
        with pytest.raises(GuestDiedError, match="was closed"):
            await guest.where()

    with_isolation(body, activation_seconds=0.3)


def test_cpu_time_is_limited_for_each_activation_not_for_a_life() -> None:
    """Three activations of most of a second pass a limit of one; a longer one is stopped."""
    source = """
async def w():
    x = 0
    while True:
        n = await steps.a(x)
        for i in range(n):
            x += i
"""

    async def body(isolation: ProcessIsolation) -> None:
        guest = await started(isolation, source)
        child = psutil.Process(guest.pid)
        n, spent = 1, 0.0
        while spent < 2.2:  # of CPU, over the guest's life
            before = sum(child.cpu_times()[:2])
            await guest.activate(deliver(completed(n, 2_000_000)))
            spent += sum(child.cpu_times()[:2]) - before
            n += 1
        with pytest.raises(GuestBudgetError, match="more than 1 s of CPU") as caught:
            await guest.activate(deliver(completed(n, 10**12)))
        assert caught.value.line in (6, 7)

    with_isolation(body, activation_cpu_seconds=1, activation_seconds=60)


def test_memory_is_limited() -> None:
    """Too much data fails the run with the line; nobody else notices."""
    source = "async def w():\n    x = []\n    while True:\n        x.append('x' * 1_000_000)\n"

    async def body(isolation: ProcessIsolation) -> None:
        guest = await isolation.spawn()
        reply = await guest.activate(start_message(source))
        assert (reply.status, reply.code) == ("failed", "BUDGET_EXCEEDED")
        assert reply.error is not None
        assert (reply.error.type, reply.error.line) == ("MemoryError", 4)

    with_isolation(body, memory_mb=200)


def test_a_guest_without_memory_for_its_answer_is_a_budget_error() -> None:
    """When even the reply does not fit, the child ends and says why by its status."""
    source = "async def w():\n    for _ in range(8):\n        steps.a(['x' * 1_000_000] * 20)\n"

    async def body(isolation: ProcessIsolation) -> None:
        guest = await isolation.spawn()
        with pytest.raises(GuestBudgetError, match="more than 200 MB"):
            await guest.activate(start_message(source))

    with_isolation(body, memory_mb=200)


def test_messages_are_bounded_both_ways() -> None:
    """A message to the guest, and one from it, has at most so many bytes."""

    async def body(isolation: ProcessIsolation) -> None:
        guest = await isolation.spawn()
        with pytest.raises(GuestBudgetError, match="answer of the guest has"):
            await guest.activate(start_message("async def w():\n    return 'x' * 20_000\n"))
        assert guest.closed
        guest = await isolation.spawn()
        with pytest.raises(GuestBudgetError, match="message to the guest has"):
            await guest.activate(start_message("async def w(x): pass\n", args=["x" * 20_000]))
        await guest.activate(start_message("async def w(): pass\n"))

    with_isolation(body, message_bytes=10_000)


def test_a_guest_that_is_killed_is_reported() -> None:
    """In the middle of its work, or between two messages."""

    async def body(isolation: ProcessIsolation) -> None:
        guest = await started(isolation)
        os.kill(guest.pid, signal.SIGKILL)
        with pytest.raises(GuestDiedError, match="SIGKILL"):
            await guest.activate(deliver(completed(1)))
        guest, work = await at_work(isolation)
        os.kill(guest.pid, signal.SIGSEGV)
        with pytest.raises(GuestDiedError, match="SIGSEGV"):
            await work

    with_isolation(body)


@pytest.mark.parametrize("answer", [b"{}", b"[]", b"\xff", b'{"status":"suspended","after":-1}'])
def test_something_else_than_a_reply_stops_the_guest(answer: bytes) -> None:
    """What a guest says is checked; a guest that says nonsense is gone."""

    async def body(isolation: ProcessIsolation) -> None:
        guest = await started(isolation)
        pid = guest.pid
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        guest._child.messages.close()
        guest._child.messages = ours
        theirs.sendall(len(answer).to_bytes(4, "little") + answer)
        with pytest.raises(GuestProtocolError):
            await guest.activate(deliver())
        theirs.close()
        assert not psutil.pid_exists(pid)

    with_isolation(body)


def test_a_guest_that_says_more_than_it_was_asked_is_stopped() -> None:
    """One message, one answer."""

    async def body(isolation: ProcessIsolation) -> None:
        guest = await started(isolation)
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        guest._child.messages.close()
        guest._child.messages = ours
        theirs.sendall(b"\2\0\0\0{}{}")
        with pytest.raises(GuestProtocolError, match="more than it was asked"):
            await guest.where()
        theirs.close()

    with_isolation(body)


def test_a_guest_that_breaks_says_why() -> None:
    """A log that cannot be read ends the child, not the host, and the reason is told."""

    async def body(isolation: ProcessIsolation) -> None:
        guest = await started(isolation)
        with pytest.raises(GuestDiedError, match=r"status 70: \w+Error in values.py, line \d+\)"):
            await guest.activate(deliver(completed(1, {"$t": "nonsense", "v": 1})))

    with_isolation(body)


def test_guests_run_at_the_same_time() -> None:
    """One that computes keeps no other waiting."""

    async def body(isolation: ProcessIsolation) -> None:
        busy = await isolation.spawn()
        work = asyncio.create_task(busy.activate(start_message(FOREVER)))
        others = [await isolation.spawn() for _ in range(5)]
        replies = await asyncio.gather(*(g.activate(start_message(SEQUENCE)) for g in others))
        assert [r.status for r in replies] == ["suspended"] * 5
        assert len({g.pid for g in [busy, *others]}) == 6
        assert not work.done()
        await busy.close()
        with pytest.raises(GuestDiedError, match="closed while it worked"):
            await work

    with_isolation(body)


def test_one_guest_takes_one_message_after_the_other() -> None:
    """Activations that overlap are answered in turn."""

    async def body(isolation: ProcessIsolation) -> None:
        guest = await started(isolation)
        first, second, lines = await asyncio.gather(
            guest.activate(deliver(completed(1))),
            guest.activate(deliver(completed(2))),
            guest.where(),
        )
        assert (first.after, second.after, lines) == (1, 2, [3])

    with_isolation(body)


def test_an_activation_that_is_cancelled_ends_its_guest() -> None:
    """Its state would be unknown; the others go on."""

    async def body(isolation: ProcessIsolation) -> None:
        guest, work = await at_work(isolation)
        work.cancel()
        with pytest.raises(asyncio.CancelledError):
            await work
        assert guest.closed
        assert not psutil.pid_exists(guest.pid)
        assert (await (await isolation.spawn()).activate(start_message(SEQUENCE))).after == 0

    with_isolation(body)


# ------------------------------------------------------------------------- what a child is


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_child_has_nothing_but_its_messages() -> None:
    """Three descriptors, all sockets of ours; another session; the root folder; hard limits."""

    async def body(isolation: ProcessIsolation) -> None:
        guest = await started(isolation)
        folder = f"/proc/{guest.pid}"
        descriptors = {fd: os.readlink(f"{folder}/fd/{fd}") for fd in os.listdir(f"{folder}/fd")}
        assert sorted(descriptors) == ["0", "1", "2"]
        assert all(target.startswith("socket:") for target in descriptors.values())
        assert descriptors["0"] == descriptors["1"]
        assert os.getsid(guest.pid) != os.getsid(0)
        assert os.readlink(f"{folder}/cwd") == "/"
        limits = psutil.Process(guest.pid)
        assert limits.rlimit(psutil.RLIMIT_NOFILE) == (3, 3)
        assert limits.rlimit(psutil.RLIMIT_FSIZE) == (0, 0)
        assert limits.rlimit(psutil.RLIMIT_CORE) == (0, 0)
        assert limits.rlimit(psutil.RLIMIT_AS) == (512 << 20, 512 << 20)

    with_isolation(body)


LOOK_AROUND = """
import collections
async def w():
    modules = collections.namedtuple.__globals__["_sys"].modules
    os, sys = modules["os"], modules["sys"]
    try:
        os.open("/etc/hostname", os.O_RDONLY)
        opened = True
    except OSError as error:
        opened = error.strerror
    return [dict(os.environ), sys.argv, opened, sys.path, sys.flags.hash_randomization,
            modules["wf_notebook"].__path__, sorted(m for m in modules if "pydantic" in m),
            modules["gc"].get_threshold()[0], modules["time"].tzname[0], sys.stdout, sys.stderr]
"""


def test_a_child_sees_nothing_of_the_host() -> None:
    """Even past the language check: no environment, no paths of ours, no files."""

    async def body(isolation: ProcessIsolation) -> Any:
        guest = await isolation.spawn()
        return await guest.activate(start_message(LOOK_AROUND))

    reply = with_isolation(body)
    assert reply.status == "completed", reply.error
    environment, argv, opened, paths, randomised, packages, heavy, threshold, zone, *streams = (
        reply.result
    )
    assert environment == {"TZ": "UTC0"}
    refused = "Operation not permitted" if sys.platform == "linux" else "Too many open files"
    assert (argv, opened, paths, packages, heavy) == ([""], refused, [], [], [])
    assert (randomised, threshold, zone, streams) == (0, 1_000_000, "UTC", [None, None])


EVERYTHING = """
import dataclasses, datetime, decimal, fractions, functools, json, random, re, statistics, string
import textwrap, typing, uuid
@functools.singledispatch
def kind(x):
    return "other"
@kind.register
def _(x: int):
    return "int"
@typing.runtime_checkable
class Sized(typing.Protocol):
    def size(self): ...
async def w():
    when = datetime.datetime.strptime("2026-01-02 3:04 PM", "%Y-%m-%d %I:%M %p")
    encoded = ["é".encode(c).hex() for c in ("latin-1", "cp1252", "utf-16-le", "utf-7", "idna")]
    try:
        json.loads("[1,")
    except json.JSONDecodeError as error:
        said = str(error)
    try:
        "x".encode("no-such-codec")
    except LookupError as error:
        said += str(error)
    return [
        when, f"{when:%A %d %B %Y %Z}", encoded, "\\N{SNOWMAN}", re.sub(r"\\N{DIGIT ONE}", "x", "1"),
        str(uuid.uuid5(uuid.NAMESPACE_DNS, "x")), kind(1), isinstance(1, Sized), said,
        statistics.quantiles([1, 2, 3]), str(decimal.Decimal("1.5").sqrt()), f"{fractions.Fraction(1, 3)}",
        textwrap.fill("a b c", 3), random.gauss(0, 1), string.capwords("a b"), f"{1234567:n}",
        datetime.datetime.fromtimestamp(0),
    ]
"""


def test_what_works_inline_works_in_a_child() -> None:
    """Nothing of the standard library is missing where no file can be opened."""

    async def body(isolation: ProcessIsolation) -> None:
        inline = InlineIsolation()
        replies = [
            await (await place.spawn()).activate(start_message(EVERYTHING))
            for place in (isolation, inline)
        ]
        await inline.close()
        assert replies[0].status == "completed", replies[0].error
        assert replies[0] == replies[1]

    with_isolation(body)


# ------------------------------------------------------------------------------- reading


@pytest.mark.parametrize(
    "text", [b"", b"{}", b"[]", b'{"lines":[0]}', b'{"lines":["1"]}', b'{"lines":3}', b"[" * 9999]
)
def test_lines_are_checked(text: bytes) -> None:
    """Whatever a guest says, it is lines or a protocol error."""
    with pytest.raises(GuestProtocolError):
        parse_lines(text)


def test_a_report_is_read_innermost_first() -> None:
    """Files of the standard library are passed over; names are written as faulthandler does."""
    report = (
        "Current thread 0x01 (most recent call first):\n"
        '  File "/usr/lib/python3.11/re/__init__.py", line 166 in match\n'
        '  File "<cell \\xe9>", line 7 in f\n  File "<cell \\xe9>", line 9 in w\n'
    )
    assert find_line(report, "<cell é>") == 7
    assert find_line(report[: report.index(" in f")], "<cell é>") is None
    assert find_line("", "x") is None
