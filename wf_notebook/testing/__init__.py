"""What authors of workflows test with: a clock that jumps, stubs of steps, saved histories."""

from wf_notebook.testing.clock import VirtualClock
from wf_notebook.testing.stubs import InTurn, Stubs, in_turn, stub_steps

__all__ = ["InTurn", "Stubs", "VirtualClock", "in_turn", "stub_steps"]
