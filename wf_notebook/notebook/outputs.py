"""Where do outputs go, and how is one replaced later?"""

from __future__ import annotations

from contextvars import Context
from typing import Any, Protocol


class Outputs(Protocol):
    """IPython's display publisher."""

    def publish(
        self,
        data: dict[str, Any],
        metadata: dict[str, Any] | None = None,
        *,
        transient: dict[str, Any] | None = None,
        update: bool = False,
    ) -> None:
        """Show a mimebundle, or replace the one shown under the same display id."""
        ...


def replace(outputs: Outputs, display_id: str, data: dict[str, Any]) -> None:
    """Replace what is shown under a display id."""
    # In a context of its own: an update then belongs to the cell that runs now, wherever it is
    # sent from, and not to the cell that happened to start what is being reported.
    transient = {"display_id": display_id}
    Context().run(outputs.publish, data, {}, transient=transient, update=True)
