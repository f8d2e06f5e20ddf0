"""How a refused payload is told: one sentence, and the errors field by field."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wf_notebook.errors import HookPayloadError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["payload_refused"]


def payload_refused(errors: Sequence[Mapping[str, Any]]) -> HookPayloadError:
    """Return the error of a payload that doesn't fit, from its field errors."""
    parts = [
        f"{'.'.join(str(step) for step in error['path']) or 'payload'}: {error['message']}"
        for error in errors
    ]
    return HookPayloadError(f"The payload was refused: {'; '.join(parts)}.", errors=errors)
