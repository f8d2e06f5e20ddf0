"""What the messages of a live table of runs ask for; `views.answers` takes and answers them.

Messages from the browser; `id` comes back in the answer:
    {"op": "hello", "id"}                 -> {"op": "hello", "id", "now_us"}
    {"op": "older", "id", "status", "text", "before": [time, run id] or null}
        -> {"op": "older", "id", "rows", "left"}: a page of the runs that are not in the snapshot;
        "" for any status or text, `before` is the last one of the page before
    {"op": "cancel", "id", "runs": [run id]}
        -> {"op": "cancelled", "id", "done", "late": ids of runs that had ended, "refused": {id: why}}
    {"op": "open", "id", "run_id"}        -> {"op": "opened", "id", "run_id", "model_id"}
    {"op": "shut", "id", "run_id"}        -> {"op": "shut", "id"}
Any of them may be refused.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final, cast

from wf_notebook.errors import UsageError
from wf_notebook.views.answers import said

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from concurrent.futures import Future

    from wf_notebook.views.answers import Answers, Told
    from wf_notebook.views.asking import Opens
    from wf_notebook.views.roster import Key, Roster

CANCELS: Final = 1000  # runs that one message may cancel


class RunsAsking:
    """Does what messages ask for, on the engine's loop.

    Args:
        roster: the runs of the table.
        cancel: cancels a run by its id; gives 0 if it had ended.
        opens: shows runs below the table.
        now_us: what time it is.
        answers: the way back to the browser.
    """

    def __init__(
        self,
        *,
        roster: Roster,
        cancel: Callable[[str], Future[int]],
        opens: Opens,
        now_us: Callable[[], int],
        answers: Answers,
    ) -> None:
        self._roster = roster
        self._cancel = cancel
        self._opens = opens
        self._now_us = now_us
        self._answers = answers

    def take(self, content: object) -> None:
        """Take a message, on whatever thread it arrives."""
        self._answers.take(content, self._handle)

    def _handle(self, content: Mapping[str, object], key: object) -> bool:
        answers = self._answers
        match content:
            case {"op": "hello"}:
                answers.tell({"op": "hello", "id": key, "now_us": self._now_us()})
            case {"op": "older", "status": str(status), "text": str(text), "before": before}:
                found = self._roster.older(status, text, _key(before))
                answers.tell({"op": "older", "id": key, **found})
            case {"op": "cancel", "runs": runs}:
                answers.ask(self._cancel_all(_ids(runs)), key, "cancelled")
            case {"op": "open", "run_id": str(run_id)}:
                answers.ask(self._opens.open(run_id), key, "opened")
            case {"op": "shut", "run_id": str(run_id)}:
                answers.ask(self._opens.shut(run_id), key, "shut")
            case _:
                return False
        return True

    async def _cancel_all(self, run_ids: list[str]) -> Told:
        """Cancel runs at once; one that can't be is named, and keeps no other from it."""
        found = await asyncio.gather(*map(self._cancelled, run_ids))
        told: dict[str, Any] = {"done": [], "late": [], "refused": {}}
        for run_id, outcome in zip(run_ids, found, strict=True):
            if isinstance(outcome, str):
                told["refused"][run_id] = outcome
            else:
                told["done" if outcome else "late"].append(run_id)
        return told

    async def _cancelled(self, run_id: str) -> int | str:
        try:
            return await asyncio.wrap_future(self._cancel(run_id))
        except Exception as error:  # noqa: BLE001 - whatever it is, the user must see it
            return said(error)


def _ids(found: object) -> list[str]:
    """The runs that a message names."""
    named = cast("list[object]", found) if isinstance(found, list) else []
    chosen = [run_id for run_id in named if isinstance(run_id, str)]
    if not chosen or len(chosen) < len(named):
        raise UsageError("No run was named to be cancelled.", hint="Select runs in the table.")
    if len(chosen) > CANCELS:
        msg = f"{len(chosen)} runs are too many to be cancelled at once."
        raise UsageError(msg, hint=f"Select up to {CANCELS}.")
    return list(dict.fromkeys(chosen))


def _key(found: object) -> Key | None:
    match found:
        case [int(created_us), str(run_id)]:
            return created_us, run_id
        case None:
            return None
        case _:
            msg = "The view did not say after which run to go on."
            raise UsageError(msg, hint="Show the table again: %wf runs.")
