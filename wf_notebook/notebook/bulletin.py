"""How is `wf run` told, while the cells run, how their runs stand?

Through a comm that this kernel opens: its messages reach whoever listens to the kernel, and leave no
trace in the notebook.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from wf_notebook.commands.outcome import BULLETIN
from wf_notebook.views.listing import listed
from wf_notebook.views.publisher import blocked_words

if TYPE_CHECKING:
    import asyncio

    from wf_notebook.engine.activity import Activity

_EVERY_SECONDS: Final = 0.2


class Bulletin:
    """Tells of each run that has changed, all together a few times a second.

    Args:
        comm: what takes the messages.
    """

    def __init__(self, comm: Any) -> None:
        self._comm = comm
        self._news: dict[str, Activity] = {}

    @classmethod
    def opened(cls) -> Bulletin:
        """Return one whose comm was just opened."""
        import comm

        return cls(comm.create_comm(target_name=BULLETIN, data={}))

    def post(self, act: Activity, loop: asyncio.AbstractEventLoop) -> None:
        """Note that a run has changed; on the engine's loop."""
        if not self._news:
            loop.call_later(_EVERY_SECONDS, self._send)
        self._news[act.run_id] = act

    def _send(self) -> None:
        news, self._news = self._news, {}
        rows = [listed(act.state, blocked_words(act.blocked)).to_json() for act in news.values()]
        self._comm.send({"runs": rows})
