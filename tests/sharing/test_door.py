"""Whoever knocks at the owner's door, and whatever they say, the owner goes on."""

from __future__ import annotations

import json
import os
import socket
import stat
import threading
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from tests.sharing import flows
from tests.worlds import opened
from wf_notebook.api import World
from wf_notebook.definition.steps import StepRegistry
from wf_notebook.engine.loops import LoopThread
from wf_notebook.errors import HookNotFoundError, PayloadError, UsageError
from wf_notebook.sharing import protocol
from wf_notebook.sharing.bounds import Bounds
from wf_notebook.sharing.door import Door
from wf_notebook.sharing.line import Line, NoOwnerError
from wf_notebook.sharing.listener import listen
from wf_notebook.world.store import RejectedError

if TYPE_CHECKING:
    from collections.abc import Iterator

BOUNDS = Bounds(clients=4, questions=2, hello_seconds=0.5, body_seconds=0.5, read_seconds=0.5)


class Owner:
    """A world of this process with a door whose bounds are tight."""

    def __init__(self, path: str) -> None:
        found = listen(path)
        assert found is not None
        self.words = found.words
        self.world = World(opened(path), steps=StepRegistry([flows.work]), isolation="inline")
        self.door = Door(self.world.host, found, BOUNDS)
        self.world.host.submit(self.door.open()).result()

    def knock(self) -> socket.socket:
        """A connection that has said nothing yet."""
        found = socket.socket(socket.AF_UNIX)
        found.settimeout(30)
        found.connect(self.words["socket"])
        return found

    def enter(self) -> socket.socket:
        """A connection that was let in."""
        found = self.knock()
        found.sendall(frame({"version": protocol.VERSION, "token": self.words["token"]}))
        assert b"welcome" in found.recv(1 << 16)
        return found

    def is_well(self) -> bool:
        """Whether a follower is let in and answered, and a run is moved."""
        with closing(Follower(self)) as follower:
            follower.ask(protocol.Ping())
        run = self.world.start(flows.NAP, steps=[flows.work]).wait_for("sleep")
        return run.cancel() > 0

    def close(self) -> None:
        self.world.host.submit(self.door.close()).result()
        self.world.close()


class Follower:
    """A line to the owner, on a loop of its own."""

    def __init__(self, owner: Owner, **words: Any) -> None:
        self.notices: list[protocol.Notice] = []
        self._thread = LoopThread("wf-test")
        self.line = Line(5.0, self.notices.append)
        try:
            self._thread.submit(self.line.connect({**owner.words, **words})).result()
        except BaseException:
            self._thread.close()
            raise

    def ask(self, ask: protocol.Ask) -> Any:
        return self._thread.submit(self.line.ask(ask)).result(timeout=30)

    def close(self) -> None:
        async def close() -> None:
            self.line.close()

        self._thread.submit(close()).result()
        self._thread.close()


@pytest.fixture
def owner(world_path: str) -> Iterator[Owner]:
    """An owner in this process."""
    found = Owner(world_path)
    yield found
    found.close()


@pytest.fixture(scope="module")
def patient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Owner]:
    """An owner that all bad messages are sent to."""
    found = Owner(str(tmp_path_factory.mktemp("door") / "world.duckdb"))
    assert found.is_well()  # its threads have begun before the first test looks for those left
    yield found
    found.close()


def frame(message: Any) -> bytes:
    data = message if isinstance(message, bytes) else json.dumps(message).encode()
    return len(data).to_bytes(4, "little") + data


def dropped(client: socket.socket) -> bool:
    """Whether the owner hangs up; what it said before is read."""
    with closing(client):
        try:
            while client.recv(1 << 16):
                pass
        except ConnectionError:
            pass
    return True


TOKEN = "0" * 32
BEFORE: dict[str, bytes] = {
    "nothing of a frame": b"\x00",
    "http": b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "tls": bytes.fromhex("16030100a5010000a1"),
    "ssh": b"SSH-2.0-OpenSSH_9.2\r\n",
    "zeros": bytes(64),
    "ones": b"\xff" * 64,
    "an empty frame": frame(b""),
    "not JSON": frame(b"hello"),
    "half JSON": frame(b'{"version": 1, "tok'),
    "not text": frame(b"\xff\xfe\xfd"),
    "a number": frame(1),
    "null": frame(None),
    "a list": frame([1, TOKEN]),
    "deep": frame(b"[" * 2000),
    "a long number": frame(b"1" * 4000),
    "nan": frame(b'{"version": NaN, "token": ""}'),
    "no token": frame({"version": 1}),
    "an empty token": frame({"version": 1, "token": ""}),
    "another token": frame({"version": 1, "token": TOKEN}),
    "half a character": frame(b'{"version": 1, "token": "\\ud800"}'),
    "a token that is none": frame({"version": 1, "token": 5}),
    "a version that is none": frame({"version": "1", "token": TOKEN}),
    "more than hello": frame({"version": 1, "token": TOKEN, "more": 1}),
    "a long hello": frame({"version": 1, "token": "x" * 5000}),
    "a longer one, announced": (1 << 31).to_bytes(4, "little"),
    "half a frame": (100).to_bytes(4, "little") + b"{",
    "a question": frame({"id": 1, "ask": {"op": "ping"}}),
}
AFTER: dict[str, bytes] = {
    "an unknown question": frame({"id": 1, "ask": {"op": "own"}}),
    "a question without a number": frame({"ask": {"op": "ping"}}),
    "a negative number": frame({"id": -1, "ask": {"op": "ping"}}),
    "a huge number": frame(b'{"id": 1%b, "ask": {"op": "ping"}}' % (b"0" * 400)),
    "nothing asked": frame({"id": 1, "ask": None}),
    "more than asked": frame({"id": 1, "ask": {"op": "ping", "more": 1}}),
    "a run that is none": frame({"id": 1, "ask": {"op": "read", "run": 5}}),
    "before the beginning": frame({"id": 1, "ask": {"op": "read", "run": "r", "after": -1}}),
    "a long id": frame({"id": 1, "ask": {"op": "read", "run": "r" * 20_000}}),
    "a review of no kind": frame(
        {"id": 1, "ask": {"op": "keep", "review": {"kind": "wish", "name": "n"}}}
    ),
    "no item": frame({"id": 1, "ask": {"op": "post", "run": "r", "item": {}}}),
    "an attempt's end": frame(
        {"id": 1, "ask": {"op": "post", "run": "r", "item": {"item": "step_ended"}}}
    ),
    "deep, inside": frame(b'{"id": 1, "ask": ' + b"[" * 5000),
    "too long, announced": (1 << 31).to_bytes(4, "little"),
    "half of it": (1 << 20).to_bytes(4, "little") + b"{}",
    "not JSON, inside": frame(b"\x80"),
}


@pytest.mark.parametrize("name", BEFORE)
def test_who_does_not_know_the_token_is_dropped(patient: Owner, name: str) -> None:
    """Whatever comes first and is not hello with the token: silence, then the end."""
    client = patient.knock()
    client.sendall(BEFORE[name])
    with closing(client):
        assert client.recv(1 << 16) == b""
    assert patient.is_well()


@pytest.mark.parametrize("name", AFTER)
def test_who_says_what_is_no_question_is_dropped(patient: Owner, name: str) -> None:
    """Let in, and then no message of ours: that connection ends, and no other."""
    with closing(Follower(patient)) as other:
        client = patient.enter()
        client.sendall(AFTER[name])
        assert dropped(client)
        other.ask(protocol.Ping())
    assert patient.is_well()


def test_who_says_nothing_is_dropped(owner: Owner) -> None:
    """There are only so many seconds for hello."""
    assert dropped(owner.knock())
    assert owner.is_well()


def test_there_is_room_for_so_many(owner: Owner) -> None:
    """One connection more than the bound is closed; when one ends, there is room again."""
    inside = [owner.enter() for _ in range(BOUNDS.clients)]
    assert dropped(owner.knock())
    for client in inside:
        client.shutdown(socket.SHUT_WR)
        assert dropped(client)  # by then there is room
    assert owner.is_well()


def test_who_does_not_read_is_dropped(owner: Owner) -> None:
    """Answers to one who doesn't read don't pile up: the connection ends, and the owner goes on."""
    run = owner.world.start(flows.ASK, ("t" * 10_000,), steps=[flows.work]).wait_for("hook")
    client = owner.enter()
    ask = frame({"id": 1, "ask": {"op": "read", "run": run.id}})
    sent = threading.Event()

    def flood() -> None:
        with closing(client):
            try:
                while True:
                    client.sendall(ask)
            except OSError:
                sent.set()

    thread = threading.Thread(target=flood)
    thread.start()
    assert sent.wait(60)
    thread.join()
    assert owner.is_well()


def test_who_hangs_up_in_the_middle_harms_nothing(owner: Owner) -> None:
    """What a client has asked is done or not, never half; asked again by its id, it is done once."""
    run = owner.world.start(flows.ASK, ("t",), steps=[flows.work]).wait_for("hook")
    (hook,) = run.hooks
    item = {"item": "resume", "hook": hook.id, "token": "t", "payload": 1, "resume_id": "a"}
    for _ in range(20):
        client = owner.enter()
        client.sendall(frame({"id": 1, "ask": {"op": "post", "run": run.id, "item": item}}))
        client.close()
    with closing(Follower(owner)) as follower:
        post = protocol.Post.model_validate({"run": run.id, "item": item})
        follower.ask(post)
    assert [h.received for h in run.hooks] == [1]
    assert owner.is_well()


def test_another_version_is_told_so(owner: Owner) -> None:
    """With the right token, and only then: which versions there are, and what to do."""
    client = owner.knock()
    client.sendall(frame({"version": 999, "token": owner.words["token"]}))
    said = client.recv(1 << 16)
    assert b"WF301" in said
    assert b"version 999" in said
    assert dropped(client)


def test_a_wrong_token_is_no_owner(owner: Owner) -> None:
    """A follower with another token finds nobody there."""
    with pytest.raises(NoOwnerError):
        Follower(owner, token=TOKEN)
    assert owner.is_well()


# -------------------------------------------------------------------------- what may be asked


def test_what_would_break_a_run_is_refused(owner: Owner) -> None:
    """Values that are none, definitions that aren't what their hash says, runs that exist."""
    created = owner.world.start(flows.ASK, ("t",), steps=[flows.work]).wait_for("hook")
    record = dict(owner.world.host.store.definition(created.id).result())
    data = {"args": ["t"], "kwargs": {}, "seed": "00" * 16, "digests": {}}
    meta = dict(created.events()[0].meta)

    def create(run: str = "wrun_new", **change: Any) -> protocol.Create:
        found = {"definition": record, "meta": meta, "data": data, **change}
        return protocol.Create(run=run, **found)

    with closing(Follower(owner)) as follower:
        with pytest.raises(UsageError, match="hash"):
            follower.ask(create(definition={**record, "source": "async def x(): ..."}))
        with pytest.raises(UsageError, match="definition"):
            follower.ask(create(definition={}))
        with pytest.raises(UsageError, match="beginning"):
            follower.ask(create(data={}))
        with pytest.raises(UsageError, match="beginning"):
            follower.ask(create(data={**data, "args": [{"$t": "nothing of ours"}]}))
        with pytest.raises(RejectedError, match="run_exists"):
            follower.ask(create(created.id))
        (hook,) = created.hooks
        item = protocol.Resume(hook=hook.id, token="t", payload={"$t": "nothing"}, resume_id="a")
        with pytest.raises(PayloadError, match="no value"):
            follower.ask(protocol.Post(run=created.id, item=item))
        unknown = item.model_copy(update={"hook": "hook_x", "payload": 1})
        with pytest.raises(HookNotFoundError):
            follower.ask(protocol.Post(run=created.id, item=unknown))
        assert follower.ask(protocol.Post(run="wrun_x", item=protocol.Cancel())).value == 0
    assert created.status == "suspended"
    assert owner.is_well()


def test_notices_say_how_a_run_stands(owner: Owner) -> None:
    """Everybody who was let in hears of each run that has changed, until it has ended."""
    with closing(Follower(owner)) as follower:
        run = owner.world.start(flows.NAP, steps=[flows.work]).wait_for("sleep")
        status = protocol.notice(follower.ask(protocol.Status(run=run.id)).value)
        assert status is not None
        assert (status.run, status.blocked, status.busy) == (run.id, None, False)
        run.cancel()
        follower.ask(protocol.Ping())
        assert follower.ask(protocol.Status(run=run.id)).value is None
        assert {notice.run for notice in follower.notices} == {run.id}


def test_the_socket_is_this_users_only(owner: Owner) -> None:
    """Mode 0600, as the lock file's."""
    place = owner.words["socket"]
    assert stat.S_IMODE(os.stat(place).st_mode) == 0o600
    assert len(owner.words["token"]) == 32
