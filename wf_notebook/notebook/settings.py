"""What can be set with `%config Workflow`?"""

from __future__ import annotations

from typing import Final

from traitlets import Bool, Enum, Integer, Unicode
from traitlets.config import Configurable

from wf_notebook.config import APPROVAL_POLICIES, ISOLATION_MODES, VIEWS

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
    approval: Enum[str] = Enum(
        [str(policy) for policy in APPROVAL_POLICIES],
        "off",
        help="Which sources must be approved before they run: off, drafts (of models) or all.",
    ).tag(config=True)
    model: Unicode[str, str | bytes] = Unicode(
        "", help="Who drafts, as provider:model; empty for the one that set_model() chose."
    ).tag(config=True)
    max_repairs: Integer[int, int] = Integer(
        3, min=0, help="How often a model may mend its draft."
    ).tag(config=True)
    max_concurrent_steps: Integer[int, int] = Integer(
        64, min=1, help="How many steps a world runs at once."
    ).tag(config=True)


def choices(name: str, quote: str) -> list[str]:
    """Return what may be written as the value of a setting, where there is a choice.

    >>> choices("view", "'")[:2], choices("wait", '"'), choices("world", '"')
    (["'auto'", "'widget'"], ['False', 'True'], [])
    """
    trait = Workflow.class_traits(config=True).get(name)
    if isinstance(trait, Bool):
        return ["False", "True"]
    values = (trait.values or ()) if isinstance(trait, Enum) else ()
    return [f"{quote}{one}{quote}" for one in values]
