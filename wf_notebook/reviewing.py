"""What a person sees of a proposal that is to be approved: its outline, its steps, what has changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from wf_notebook.definition.outline import outline_of
from wf_notebook.views.drafted import DraftView
from wf_notebook.views.words import difference

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wf_notebook.approving import Compared, Proposal

__all__ = ["proposal_view"]


def proposal_view(proposal: Proposal, compared: Compared) -> DraftView:
    """Return a proposal as it is shown to whoever may approve it.

    Args:
        proposal: what is to be approved.
        compared: how it differs from what was approved last under its name.
    """
    definition, draft = proposal.definition, cast("Mapping[str, Any]", proposal.draft or {})
    rehearsal: Mapping[str, Any] = draft.get("rehearsal") or {}
    acts: Sequence[Any] = rehearsal.get("acts") or ()
    base = str(draft.get("base", ""))
    return DraftView(
        name=definition.name,
        status="not approved",
        request=str(draft.get("request", "")),
        model=str(draft.get("model", "")),
        calls=[(b.alias, b.step_id) for b in definition.steps],
        outline=outline_of(definition.source, definition.entry),
        reached={line for _, _, line in acts if line is not None},
        rehearsed=[str(rehearsal["said"])] if rehearsal else (),
        source=definition.source,
        diff=difference(base, definition.source, ("the run", "the draft")) if base else "",
        reasons=compared.reasons,
        approved="" if compared.last is None else str(compared.last),
        changes=compared.diff,
    )
