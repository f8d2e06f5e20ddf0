"""What can be set with `%config Workflow`?"""

from __future__ import annotations

from typing import Final

from traitlets import Bool, Enum, Integer, Unicode
from traitlets.config import Configurable

from wf_notebook.config import ISOLATION_MODES, VIEWS

AUTO: Final = "auto"


class Workflow(Configurable):
    """Settings of wf_notebook; those of the world count when it is opened."""

    world: Unicode[str, str | bytes] = Unicode(
        "", help="The world file; empty for the notebook's own, beside it."
    ).tag(config=True)
    view: Enum[str] = Enum(
        (AUTO, *VIEWS),
        AUTO,
        help="How runs are shown: widget, card or text; auto for the best that there is.",
    ).tag(config=True)
    wait: Bool[bool, bool | int] = Bool(
        default_value=False, help="Every %%workflow cell waits for its run."
    ).tag(config=True)
    isolation: Enum[str] = Enum(
        (AUTO, *ISOLATION_MODES),
        AUTO,
        help="Where sources run, unless --isolation says; auto for the best there is.",
    ).tag(config=True)
    max_concurrent_steps: Integer[int, int] = Integer(
        64, min=1, help="How many steps a world runs at once."
    ).tag(config=True)
