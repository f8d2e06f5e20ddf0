"""The parts that two processes share a world with: sockets, messages, errors."""

from __future__ import annotations

import asyncio
import json
import os
import stat
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wf_notebook import errors
from wf_notebook.errors import PayloadError, WorkflowError
from wf_notebook.sharing import frames, protocol
from wf_notebook.sharing.bounds import Bounds
from wf_notebook.sharing.client import Client
from wf_notebook.sharing.frames import BrokenFrameError, framed, pack, parts, receive
from wf_notebook.sharing.listener import clean, listen, remove
from wf_notebook.sharing.refusals import raised, told
from wf_notebook.world.events import Event
from wf_notebook.world.lock import owner_of
from wf_notebook.world.store import Chunk, RejectedError, RunRow

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

TREES = st.recursive(
    st.none() | st.booleans() | st.integers(-(1 << 53), 1 << 53) | st.text() | st.just("\ud800"),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


def read(data: bytes, **more: Any) -> Any:
    async def go() -> Any:
        reader = asyncio.StreamReader()
        reader.feed_data(data)
        reader.feed_eof()
        return await receive(reader, **more)

    return asyncio.run(go())


# ------------------------------------------------------------------------------------- messages


@given(TREES)
def test_a_message_comes_out_as_it_went_in(tree: Any) -> None:
    """Half characters included: a log may hold them."""
    assert read(framed(pack({"a": tree}))) == {"a": tree}


@given(st.lists(st.text(max_size=50)), st.integers(1, 200))
def test_a_long_list_goes_in_parts(items: list[str], size: int) -> None:
    """Together they are the list; each is a list of its own, about so long."""
    before, frames.PART_BYTES = frames.PART_BYTES, size  # type: ignore[misc]
    try:
        found = [json.loads(part.decode("utf-8", "surrogatepass")) for part in parts(items)]
    finally:
        frames.PART_BYTES = before  # type: ignore[misc]
    assert [item for part in found for item in part] == items
    assert all(part for part in found)


def test_what_is_too_long_is_refused_on_both_sides(monkeypatch: pytest.MonkeyPatch) -> None:
    """The sender gets a coded error, the receiver reads none of it."""
    monkeypatch.setattr(frames, "FRAME_BYTES", 10)
    with pytest.raises(PayloadError, match="more than may pass"):
        pack("x" * 20)
    with pytest.raises(BrokenFrameError):
        read((11).to_bytes(4, "little") + b"x" * 11, limit=10)


@pytest.mark.parametrize("data", [b"", b"\x01", b"\x05\x00\x00\x00{}"])
def test_half_a_message_is_the_end(data: bytes) -> None:
    """The other side has hung up."""
    with pytest.raises(EOFError):
        read(data)


def test_rows_cross() -> None:
    """Events, lines of lists and chunks come out as the same facts."""
    event = Event("attr_set", "e", 1, None, {"attributes": {}}, None, "r", 2)
    row = RunRow("r", "w", "n", "h", "running", 1, None, "", {"a": "b"})
    chunk = Chunk("s", 3, {"x": [1]})
    assert protocol.events([protocol.event_row(event)]) == [event]
    assert protocol.run_rows([protocol.run_row(row)]) == [row]
    assert protocol.chunks([protocol.chunk_row(chunk)]) == [chunk]
    with pytest.raises(BrokenFrameError):
        protocol.events([{**protocol.event_row(event), "type": "nothing_of_ours"}])


# --------------------------------------------------------------------------------------- errors

MADE: dict[str, Callable[[], WorkflowError]] = {
    "HookNotFoundError": lambda: errors.HookNotFoundError("no", reason="ended"),
    "HookPayloadError": lambda: errors.HookPayloadError("no", errors=[{"path": ["a", 1]}]),
    "RunFailedError": lambda: errors.RunFailedError(
        "no", run_id="r", code="USER_ERROR", error={"type": "E", "frames": [[1, 2, 3, 4, "f"]]}
    ),
    "RunCancelledError": lambda: errors.RunCancelledError("no", run_id="r", reason="why"),
    "RunUnfinishedError": lambda: errors.RunUnfinishedError("no", run_id="r"),
    "RunConflictError": lambda: errors.RunConflictError("no", run_id="r", diff="-a"),
    "WaitingForHook": lambda: errors.WaitingForHook("no", run_id="r", tokens=["a"]),
    "RunBlockedError": lambda: errors.RunBlockedError("no", run_id="r"),
    "DivergenceError": lambda: errors.DivergenceError("no", run_id="r", report={"line": 3}),
    "StepNotRegisteredError": lambda: errors.StepNotRegisteredError("no", run_id="r"),
    "NotApprovedError": lambda: errors.NotApprovedError(
        "no", name="n", source_hash="ab", reasons=["a"], diff="-a"
    ),
    "RevisionChangedError": lambda: errors.RevisionChangedError("no", reasons=["a", "b"]),
    "ReceiptExistsError": lambda: errors.ReceiptExistsError("no", path="a.ipynb"),
    "DefinitionError": lambda: errors.DefinitionError([], source="x"),
}


@pytest.mark.parametrize("name", errors.__all__)
def test_every_error_crosses(name: str) -> None:
    """The same class, code, message, hint and attributes."""
    error = MADE.get(name, lambda: getattr(errors, name)("something is wrong"))()
    back = raised(json.loads(json.dumps(told(error))))
    assert type(back) is type(error)
    assert str(back) == str(error)
    assert vars(back) == vars(error)


def test_what_is_no_error_of_ours_crosses_as_one() -> None:
    """A rejection is one again; anything else is a `WorkflowError` that says what it was."""
    back = raised(told(RejectedError("token_taken", owner="r")))
    assert isinstance(back, RejectedError)
    assert (back.reason, back.detail) == ("token_taken", {"owner": "r"})
    assert "ZeroDivisionError: oh" in str(raised(told(ZeroDivisionError("oh"))))
    newer = raised({"kind": "OfANewerVersion", "message": "m", "code": "WF999", "hint": "h"})
    assert (type(newer), str(newer)) == (WorkflowError, "WF999 m h")
    assert type(raised({"kind": "Mapping", "message": "m"})) is WorkflowError


# -------------------------------------------------------------------------------------- sockets


def test_a_socket_lies_beside_the_world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Private, named in the words for the lock file, and gone when it is closed."""
    monkeypatch.chdir(tmp_path)  # whose own path may be too long
    found = listen("w")
    assert found is not None
    place = found.words["socket"]
    assert place.startswith("w.")
    assert stat.S_IMODE(os.stat(place).st_mode) == 0o600
    found.close()
    found.close()
    assert not os.path.exists(place)


def test_a_long_path_has_its_socket_elsewhere(tmp_path: Path) -> None:
    """Paths of sockets are short: then it lies in a private folder of its own, gone with it."""
    deep = tmp_path / ("d" * 120)
    deep.mkdir()
    found = listen(str(deep / "w.duckdb"))
    assert found is not None
    folder = os.path.dirname(found.words["socket"])
    assert folder != str(deep)
    assert stat.S_IMODE(os.stat(folder).st_mode) == 0o700
    found.close()
    assert not os.path.exists(folder)


def test_only_sockets_of_ours_are_removed(tmp_path: Path) -> None:
    """A lock file may name anything: what is no socket stays."""
    file = tmp_path / "important.sock"
    file.write_text("no socket")
    remove(str(file))
    remove(str(tmp_path))
    remove("127.0.0.1:80")
    assert file.read_text() == "no socket"


def test_what_dead_owners_left_is_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sockets beside the world and the one that the lock file named; never the one that stays."""
    monkeypatch.chdir(tmp_path)
    found = dead, alive, other = listen("w"), listen("w"), listen("w.x")
    assert dead is not None
    assert alive is not None
    assert other is not None
    clean("w", {"socket": 5}, alive)
    assert os.path.exists(alive.words["socket"])
    assert not os.path.exists(dead.words["socket"])
    assert os.path.exists(other.words["socket"])  # of another world, whose name begins alike
    for one in found:
        one.close()


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="needs root to chown")
def test_another_users_lock_file_names_no_socket(tmp_path: Path) -> None:
    """It could name a socket of theirs, which would then be given our values."""
    lock = tmp_path / "w.lock"
    lock.write_text('{"socket": "x", "token": "y"}')
    assert owner_of(str(tmp_path / "w")) == {"socket": "x", "token": "y"}
    os.chown(lock, 12345, 12345)
    assert owner_of(str(tmp_path / "w")) == {}


# ------------------------------------------------------------------------------ cancellations


class SlowWriter:
    """Takes what is said once it is let."""

    def __init__(self) -> None:
        self.may = asyncio.Event()

    def write(self, data: bytes) -> None:
        return

    async def drain(self) -> None:
        await self.may.wait()


@pytest.mark.parametrize("turns", range(6))
def test_no_cancellation_is_lost_as_a_message_is_read(turns: int) -> None:
    """However the end of saying and the cancellation meet: a door that closes waits for nobody."""

    async def scene() -> bool:
        writer: Any = SlowWriter()
        nothing: Any = None
        client = Client(nothing, nothing, writer, Bounds())
        saying = asyncio.ensure_future(client._say(lambda: iter([b"news"])))
        for _ in range(3):
            await asyncio.sleep(0)
        writer.may.set()
        for _ in range(turns):
            await asyncio.sleep(0)
        asked = saying.cancel()
        await asyncio.wait([saying])
        return saying.cancelled() == asked

    assert asyncio.run(scene())
