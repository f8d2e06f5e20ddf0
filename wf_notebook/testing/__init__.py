"""What authors of workflows test with: a clock that jumps, stubs of steps, saved histories."""

from wf_notebook.testing.clock import VirtualClock
from wf_notebook.testing.histories import (
    ReplayReport,
    load_history,
    replay_history,
    save_history,
)
from wf_notebook.testing.replays import Replay, replay
from wf_notebook.testing.stubs import InTurn, Stubs, in_turn, stub_steps

__all__ = [
    "InTurn",
    "Replay",
    "ReplayReport",
    "Stubs",
    "VirtualClock",
    "in_turn",
    "load_history",
    "replay",
    "replay_history",
    "save_history",
    "stub_steps",
]
