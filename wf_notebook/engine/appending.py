"""How a draft gets into the world: in one append, whoever owns the tokens that it asks for."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from wf_notebook.engine.decide import replace_conflicts
from wf_notebook.world.store import Append, RejectedError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wf_notebook.engine.decide import Pen
    from wf_notebook.engine.turn import Draft
    from wf_notebook.world.events import Event
    from wf_notebook.world.store import Chunk, EventStore


async def append(
    store: EventStore, run_id: str, result: Draft, chunks: Sequence[Chunk], pen: Pen
) -> Sequence[Event]:
    """Commit a draft; hooks whose tokens another run owns become conflicts.

    Raises:
        RejectedError: another condition does not hold.
        WorldError, PayloadError: it could not be written.
    """
    conflicts: dict[str, str] = {}
    while result.events or chunks:
        item = Append(run_id, tuple(result.events), result.fence, chunks=tuple(chunks))
        try:
            return await asyncio.wrap_future(store.commit(item))
        except RejectedError as error:
            if error.reason != "token_taken":
                raise
            conflicts[error.detail["entity"]] = error.detail["owner"]
            result.events = replace_conflicts(result.events, conflicts, pen)
    return ()
