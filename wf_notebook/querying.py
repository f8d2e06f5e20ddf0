"""How does somebody wait for the answer to a query, and give it up?"""

from __future__ import annotations

import contextlib
from concurrent.futures import CancelledError
from typing import TYPE_CHECKING, Final

from wf_notebook.errors import UsageError, WorldQueryError
from wf_notebook.world.queries import NUDGE_SECONDS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from concurrent.futures import Future

    from wf_notebook.engine.host import Host
    from wf_notebook.world.store import Queried
    from wf_notebook.world.tables import Table

__all__ = ["answered"]

_NUDGES: Final = 50  # an owner that does not answer is not waited for


def answered(
    host: Host,
    store: Queried,
    query: str,
    params: Sequence[object] | Mapping[str, object],
    timeout: float | None,
) -> Table:
    """Return the answer to a query; one that is not waited for any more is stopped.

    Raises:
        UsageError: these are no parameters.
        WorldError: see `World.sql`.
    """
    if isinstance(params, str | bytes):
        msg = "The parameters of a query are a list of values, or a dict of names and values."
        raise UsageError(msg, hint="Write world.sql(query, [value]).")
    name = host.ids.event_id()
    found = store.sql(query, params, name=name)
    try:
        return host.wait(found, timeout)
    except TimeoutError:
        _stop(store, name, found)
        raise WorldQueryError(
            f"The query took longer than {timeout:g} s, and was stopped.",
            hint="Give it more time, or ask for less: fewer runs, fewer columns.",
        ) from None
    except BaseException:  # an interrupt
        if not found.done():
            _stop(store, name, found)
        raise


def _stop(store: Queried, name: str, found: Future[Table]) -> None:
    for _ in range(_NUDGES):
        store.stop(name)
        with contextlib.suppress(TimeoutError, CancelledError):
            found.exception(NUDGE_SECONDS)
        if found.done():
            return
