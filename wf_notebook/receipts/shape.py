"""What a receipt holds: a run's history, who approved it, and a chain that a change of it breaks.

The history stands in it as a text: a front end that saves a notebook writes numbers as JavaScript
has them (`1.0` becomes `1`), and sorts keys, whose order a replay depends on.

The chain is SHA-256 over all that a reader sees and the document holds, continued event by event.
It finds out what was changed, and nothing about who has made it: whoever changes a receipt on
purpose can compute the chain anew. The signature cannot be made anew: it is an HMAC of the chain
under a key of the run, which only its world has.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, cast

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from wf_notebook import history
from wf_notebook.clock import iso
from wf_notebook.errors import HistoryError, HistoryVersionError, ReceiptError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wf_notebook.definition.model import Definition
    from wf_notebook.history import History
    from wf_notebook.world.events import Event
    from wf_notebook.world.state import RunState

__all__ = ["FORMAT", "MIME", "VERSION", "Approval", "Receipt", "Visible", "checked", "sealed"]

MIME: Final = "application/vnd.wf-notebook.run+json"
FORMAT: Final = "wf_notebook receipt"
VERSION: Final = 1

_Digest = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
_Time = Annotated[int, Field(ge=0, lt=1 << 53)]  # JavaScript has no larger ones


class _Shape(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class _Approval(_Shape):
    name: str
    revision: int
    by: str | None
    time_us: _Time | None
    note: str | None


class _Document(_Shape):
    """What stands under `MIME`, which `history` repeats in part for other readers."""

    format: Literal["wf_notebook receipt"]
    version: int
    program: str
    run_id: str
    workflow_id: str
    source_hash: str
    status: str
    blocked: str
    approval: _Approval | None
    world_id: str
    exported_us: _Time
    history: str
    chain: _Digest
    signature: _Digest


@dataclass(frozen=True, slots=True)
class Approval:
    """Which approved revision a run executes, and who has approved that.

    Attributes:
        name, revision: the revision.
        by, time_us: who, and when in microseconds UTC; None if the record was erased since.
        note: what they said about it; None where payloads are left out.
    """

    name: str
    revision: int
    by: str | None = None
    time_us: int | None = None
    note: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Return it as a JSON object."""
        return {
            "name": self.name,
            "revision": self.revision,
            "by": self.by,
            "time_us": self.time_us,
            "note": self.note,
        }


@dataclass(frozen=True, slots=True)
class Visible:
    """What a person sees of a receipt.

    Attributes:
        cells: type and text of each cell.
        plain, html: the run under its source, as text and as a card.
    """

    cells: Sequence[tuple[str, str]]
    plain: str
    html: str


@dataclass(frozen=True, slots=True, repr=False)
class Receipt:
    """A run, read back from the notebook that it was exported to.

    Attributes:
        run_id: the run.
        definition: what it executes: source, steps, schemas, hash and id.
        events: its log up to the export; their `data` is None unless there are `payloads`.
        state: what the log comes to.
        payloads: whether arguments, results and hook payloads are in it.
        status: how it stood: one word, as `Run.status`.
        blocked: why it could not go on, or "".
        approval: which approved revision it executes, or None if that is unknown.
        world_id: the world it ran in.
        exported_us: when it was exported, microseconds UTC.
        program: the version of wf_notebook that has exported it.
        chain: hex digits that no other receipt has; noted elsewhere, they tell this one.
        signature: the world's, over the chain; only that world can check it.
    """

    run_id: str
    definition: Definition
    events: Sequence[Event]
    state: RunState
    payloads: bool
    status: str
    blocked: str
    approval: Approval | None
    world_id: str
    exported_us: int
    program: str
    chain: str
    signature: str

    def __repr__(self) -> str:
        as_of = "" if self.state.terminal else f" as of event {self.state.seq}"
        values = "" if self.payloads else ", without payloads"
        return f"<Receipt of {self.definition.name} {self.run_id}, {self.status}{as_of}{values}>"

    @property
    def name(self) -> str:
        """The name in the workflow id."""
        return self.definition.name

    @property
    def exported_at(self) -> str:
        """When it was exported, ISO 8601."""
        return iso(self.exported_us)

    def history(self) -> dict[str, Any]:
        """Return its history, for `testing.replay_history` and `testing.save_history`.

        Raises:
            PayloadsMissingError: it was exported without payloads.
        """
        found = self.as_history().need_payloads()
        return history.write(found.run_id, found.definition, found.events)

    def as_history(self) -> History:
        """Return it as a history, with or without payloads."""
        return history.History(self.run_id, self.definition, self.events, self.state, self.payloads)


def sealed(facts: Mapping[str, Any], saved: Mapping[str, Any], visible: Visible) -> dict[str, Any]:
    """Return the document of a receipt, but for its signature.

    Args:
        facts: `status`, `blocked`, `approval`, `world_id`, `exported_us`, `program`.
        saved: the run's history, as `history.write` gives it.
        visible: what stands beside it.
    """
    definition = saved["definition"]
    document = {
        "format": FORMAT,
        "version": VERSION,
        "run_id": saved["run_id"],
        "workflow_id": definition["workflow_id"],
        "source_hash": definition["source_hash"],
        **facts,
        "history": _dump(saved),
    }
    return {**document, "chain": _chain(document, saved, visible)}


def checked(document: object, visible: Visible) -> Receipt:
    """Return what a document holds, if it is what was exported, with what is seen of it.

    Raises:
        ReceiptError: it is not; what differs is said.
        HistoryVersionError: another version wrote it.
    """
    whole = _shaped(document)
    found, saved = _history(whole["history"])
    named = (found.run_id, found.definition.workflow_id, found.definition.source_hash)
    if named != (whole["run_id"], whole["workflow_id"], whole["source_hash"]):
        raise ReceiptError("The ids of this receipt are not those of the run in it.")
    approval = None if whole["approval"] is None else Approval(**whole["approval"])
    _check_approval(approval, found)
    if _chain(whole, saved, visible) != whole["chain"]:
        msg = "This receipt was changed since it was exported: its chain does not hold."
        raise ReceiptError(msg)
    return Receipt(
        run_id=found.run_id,
        definition=found.definition,
        events=found.events,
        state=found.state,
        payloads=found.payloads,
        status=whole["status"],
        blocked=whole["blocked"],
        approval=approval,
        world_id=whole["world_id"],
        exported_us=whole["exported_us"],
        program=whole["program"],
        chain=whole["chain"],
        signature=whole["signature"],
    )


def _shaped(document: object) -> Mapping[str, Any]:
    whole = cast("Mapping[str, Any]", document if isinstance(document, dict) else {})
    if whole.get("format") != FORMAT:
        raise ReceiptError("What stands in this notebook is not the receipt of a run.")
    version = whole.get("version")
    if version != VERSION:
        msg = f"This receipt has version {version!r:.20}; this version of wf_notebook reads {VERSION}."
        raise HistoryVersionError(msg)
    try:
        _Document.model_validate(whole)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ReceiptError(f"This receipt is damaged ({where}: {first['msg']}).") from None
    return whole


def _history(text: str) -> tuple[History, Mapping[str, Any]]:
    saved: Any = None
    try:
        saved = json.loads(text)
        whole = _dump(saved) == text
    except (ValueError, RecursionError):
        whole = False
    if not whole:
        raise ReceiptError("The log of this receipt is not as it was written.")
    try:
        return history.read(saved), saved
    except HistoryVersionError:
        raise
    except HistoryError as error:
        raise ReceiptError(error.message.replace("this history", "this receipt")) from None


def _check_approval(approval: Approval | None, found: History) -> None:
    recorded = found.state.created.get("approval")
    said = approval and {"name": approval.name, "revision": approval.revision}
    if said != recorded:
        raise ReceiptError("The approval in this receipt is not the one that its log names.")


def _chain(document: Mapping[str, Any], saved: Mapping[str, Any], visible: Visible) -> str:
    """Return the chain over a document, what is seen beside it, and its history."""
    head = {k: v for k, v in document.items() if k not in ("history", "chain", "signature")}
    run = {k: v for k, v in saved.items() if k != "events"}
    seen = [list(visible.cells), visible.plain, visible.html]
    # front ends and nbformat sort the keys of the document, but leave its texts alone
    begin = f"{json.dumps(head, sort_keys=True)}\n{json.dumps(seen)}\n{_dump(run)}"
    place = hashlib.sha256(begin.encode()).digest()
    for event in saved["events"]:
        place = hashlib.sha256(place + _dump(event).encode()).digest()
    return place.hex()


def _dump(tree: object) -> str:
    """Return the one text of a tree: ASCII, keys in the order given."""
    return json.dumps(tree, separators=(",", ":"), allow_nan=False)
