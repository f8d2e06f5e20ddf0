"""A table of runs that another process moves: it is kept up to date all the same."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import comm

from tests.sharing import flows
from tests.view_room import Room, Shown

if TYPE_CHECKING:
    import pytest

Here = "Callable[..., World]"
Others = "Callable[..., Other]"


def test_a_follower_s_table_lives(
    here: Here, others: Others, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Runs of the owner come and change in it, can be cancelled from it, and a takeover is survived."""
    owner: Any = others()
    before = owner.ask('world.start(ASK, ("old",), steps=[work]).wait_for("hook").id')
    world: Any = here()
    room = Room(world)
    monkeypatch.setattr(comm, "create_comm", room.comm)
    shown = Shown(room)
    assert shown.statuses == {before: "suspended"}
    run_id = owner.ask('world.start(ASK, ("t",), steps=[work]).wait_for("hook").id')
    room.until(lambda: shown.statuses.get(run_id) == "suspended")
    assert shown.ask("cancel", runs=[run_id])["done"] == [run_id]
    room.until(lambda: shown.statuses[run_id] == "cancelled")
    assert owner.ask(f"get_run({run_id!r}).status") == "cancelled"
    owner.ask(f"get_run({before!r}).resume('old', 1)")
    owner.close()
    world.get(before).resume("old", 2)
    room.until(lambda: shown.statuses[before] == "completed")
    mine = world.start(flows.ASK, ("mine",), steps=[flows.work])
    room.until(lambda: shown.statuses.get(mine.id) == "suspended")
    room.displays.close()
