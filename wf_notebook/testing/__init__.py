"""What authors of workflows test with: a clock that jumps, stubs of steps, saved histories."""

from wf_notebook.testing.clock import VirtualClock

__all__ = ["VirtualClock"]
