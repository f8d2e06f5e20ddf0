"""What an exception is as data, whether a step raised it or the source did; and back, in words."""

from __future__ import annotations

import os
import traceback
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wf_notebook.guest.values import Tree
    from wf_notebook.world.state import RunState, Step

MESSAGE_CHARS: Final = 4_000
TRACEBACK_CHARS: Final = 16_000
CAUSES: Final = 10  # of an exception's chain, and parts of a group, that travel as data
_TOLD: Final = 3  # parts of a group that are named in a sentence
_PACKAGE: Final = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep


def as_data(error: BaseException, depth: int = 0) -> dict[str, Tree]:
    """Return an exception as data: type name, message, cause chain, parts of a group, traceback."""
    data: dict[str, Tree] = {
        "type": type(error).__name__,
        "message": _message(error),
        "cause": None,
        "parts": [],
    }
    if depth == 0:
        data["traceback"] = _own_frames(error)
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if cause is not None and depth < CAUSES:
        data["cause"] = as_data(cause, depth + 1)
    if isinstance(error, BaseExceptionGroup) and depth < CAUSES:
        # isinstance() leaves open what the group is a group of
        parts = _parts(error)  # pyright: ignore[reportUnknownArgumentType]
        data["parts"] = [as_data(part, depth + 1) for part in parts]
    return data


def _own_frames(error: BaseException) -> str:
    """Return the traceback as text, from the first frame that isn't ours on."""
    frames = traceback.extract_tb(error.__traceback__)
    while frames and frames[0].filename.startswith(_PACKAGE):
        del frames[0]
    return "".join(frames.format())[-TRACEBACK_CHARS:]


def failure_of(error: Exception) -> dict[str, Any]:
    """Return an error of ours as error data, without our traceback."""
    data = as_data(error)
    data.pop("traceback", None)
    return data


def _parts(group: BaseExceptionGroup[BaseException]) -> Sequence[BaseException]:
    return group.exceptions[:CAUSES]


def _message(error: BaseException) -> str:
    try:
        return str(error)[:MESSAGE_CHARS]
    except Exception as bad:  # noqa: BLE001 - a broken __str__ must not lose the error
        return f"<its message could not be read: {type(bad).__name__}>"


def headline(error: Mapping[str, Any]) -> str:
    """Return the type and the message of a failure.

    >>> headline({"type": "ValueError", "message": "no such order"})
    'ValueError: no such order'
    """
    return f"{error.get('type', 'Error')}: {error.get('message', '')}".rstrip(": ")


def told(error: Mapping[str, Any]) -> str:
    """Return a failure in one line; of a group, its parts as well.

    >>> told({"type": "ExceptionGroup", "message": "two", "parts": [{"type": "KeyError"}]})
    'ExceptionGroup: two: KeyError'
    """
    said = headline(error)
    parts: Sequence[Mapping[str, Any]] = error.get("parts") or ()
    if not parts:
        return said
    more = [f"{len(parts) - _TOLD} more"] if len(parts) > _TOLD else []
    return f"{said}: {'; '.join([*map(told, parts[:_TOLD]), *more])}"


def with_steps(error: Mapping[str, Any], state: RunState) -> dict[str, Any]:
    """Return a failure with alias, line and traceback of each step whose failure is part of it."""
    return _with_steps(error, {step.n: _of_step(step) for step in state.steps.values()})


def _with_steps(error: Mapping[str, Any], steps: Mapping[int, Mapping[str, Any]]) -> dict[str, Any]:
    cause: Mapping[str, Any] | None = error.get("cause")
    parts: Sequence[Mapping[str, Any]] = error.get("parts") or ()
    return {
        **error,
        **steps.get(error.get("step") or 0, {}),
        "cause": None if cause is None else _with_steps(cause, steps),
        "parts": [_with_steps(part, steps) for part in parts],
    }


def _of_step(step: Step) -> dict[str, Any]:
    recorded = (step.error or {}).get("traceback")
    return {"alias": step.alias, "line": step.line, "traceback": recorded}
