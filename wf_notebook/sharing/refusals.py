"""How an error crosses from one process to another: as data, and out as an error of the same class."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, cast

from wf_notebook import errors
from wf_notebook.errors import WorkflowError
from wf_notebook.guest.values import Unencodable, decode, encode
from wf_notebook.world.store import RejectedError

if TYPE_CHECKING:
    from collections.abc import Mapping

_OWN: Final = frozenset({"message", "code", "hint"})


def told(error: BaseException) -> dict[str, Any]:
    """Return an error as data.

    >>> told(errors.RunNotFoundError("There is no run 'x'."))["kind"]
    'RunNotFoundError'
    """
    if isinstance(error, RejectedError):
        return {"kind": "rejected", "reason": error.reason, "detail": error.detail}
    if not isinstance(error, WorkflowError):
        error = WorkflowError(f"The owner of the world failed: {type(error).__name__}: {error}.")
    more = {name: value for name, value in vars(error).items() if name not in _OWN}
    return {
        "kind": type(error).__name__,
        "message": error.message,
        "code": error.code,
        "hint": error.hint,
        "more": {name: tree for name, value in more.items() for tree in _crossing(value)},
    }


def _crossing(value: object) -> list[Any]:
    """The tree of an attribute, or nothing if it has none."""
    try:
        return [encode(value)]
    except Unencodable:
        return []


def raised(found: Mapping[str, Any]) -> Exception:
    """Return the error of that data; of a class that this version doesn't know, a `WorkflowError`.

    >>> str(raised(told(errors.WorldFullError("The disk is full."))))
    'WF303 The disk is full. Free some space; the run then goes on.'
    """
    if found.get("kind") == "rejected":
        detail = cast("dict[str, Any]", found.get("detail") or {})
        return RejectedError(found.get("reason", "run_unknown"), **detail)
    named: Any = getattr(errors, str(found.get("kind")), None)
    known = isinstance(named, type) and issubclass(named, WorkflowError)
    kind = cast("type[WorkflowError]", named if known else WorkflowError)
    error = kind.__new__(kind)
    # each class takes other arguments: what its constructor makes of them has crossed instead
    WorkflowError.__init__(
        error, str(found.get("message")), code=str(found.get("code")), hint=str(found.get("hint"))
    )
    for name, tree in cast("dict[str, Any]", found.get("more") or {}).items():
        if not name.startswith("_"):
            setattr(error, name, decode(tree))
    return error
