"""How is a proposal shown under a cell, and approved there?

Two outputs: a static card, and a form with a button, which holds no text of the proposal. Once it is
approved, here or by a `%wf` line of this notebook, the card says so and the form is gone.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from wf_notebook import approving, config
from wf_notebook.clock import iso
from wf_notebook.errors import WorldClosedError
from wf_notebook.ids import SystemIds
from wf_notebook.notebook.outputs import replace as in_place
from wf_notebook.reviewing import proposal_view
from wf_notebook.views.card import WIDGET_MIME
from wf_notebook.views.drafted import draft_card, draft_text

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future

    from wf_notebook.api import World
    from wf_notebook.approving import Proposal, Revision
    from wf_notebook.notebook.outputs import Outputs
    from wf_notebook.views.approveform import ApproveForm
    from wf_notebook.views.drafted import DraftView
    from wf_notebook.world.store import Review

LIVE: Final = 8  # forms of one session; each is looked at after every cell


class Reviews:
    """The proposals that one session shows.

    Args:
        outputs: where they go.
    """

    def __init__(self, outputs: Outputs) -> None:
        self._outputs = outputs
        self._shown: list[_Shown] = []
        self._lock = threading.Lock()  # a button's thread, and the cell's

    def show(self, world: World, source_hash: str) -> None:
        """Show what was proposed under that hash, and a button that approves it."""
        host = world.host
        review, proposal = host.wait(host.submit(approving.proposed(host, source_hash)))
        compared = host.wait(host.submit(approving.compared(host, proposal)))
        view = proposal_view(proposal, compared)
        found = _Shown(self._outputs, world, review, proposal, view, self.end_cell)
        found.show()
        with self._lock:
            self._shown.append(found)
            while len(self._shown) > LIVE:
                self._shown.pop(0).give_up()

    def end_cell(self) -> None:
        """Let go of what was approved meanwhile, by whichever button or line."""
        with self._lock:
            self._shown = [found for found in self._shown if not found.look()]

    def close(self) -> None:
        """Leave the cards, and nothing alive."""
        for found in self._shown:
            found.give_up()
        self._shown.clear()


@dataclass(eq=False)
class _Shown:
    """One proposal, its card and its form."""

    outputs: Outputs
    world: World
    review: Review
    proposal: Proposal
    view: DraftView
    approved: Callable[[], None]
    form: ApproveForm | None = None

    def show(self) -> None:
        from wf_notebook.views.approveform import ApproveForm

        ids = SystemIds()
        self.card_id, self.form_id = f"wf-card-{ids.event_id()}", f"wf-form-{ids.event_id()}"
        self.form = ApproveForm(self._approve, self.approved)
        self._publish(self.card_id, _card(self.view), update=False)
        hint = f"Approve it: %wf approve {self.review.source_hash[:12]}"
        model = {"version_major": 2, "version_minor": 0, "model_id": self.form.model_id}
        self._publish(self.form_id, {"text/plain": hint, WIDGET_MIME: model}, update=False)

    def look(self) -> bool:
        """Whether it is approved by now, or nobody can say any more; then it says so."""
        host = self.world.host
        try:
            found = host.wait(host.submit(approving.covering(host, self.proposal)))
        except WorldClosedError:
            self.close("The world was closed.")
            return True
        if found is None:
            return False
        view = replace(self.view, status="approved", reasons=(), approved="", changes="")
        self._publish(self.card_id, _card(view), update=True)
        when = iso(found.approved_us)
        self.close(f"✓ {found} approved by {found.approved_by}, {when}. Run its cell now.")
        return True

    def give_up(self) -> None:
        """Leave the card and a line that says how it can be approved."""
        self.close(f"Not approved yet: %wf approve {self.review.source_hash[:12]}")

    def close(self, said: str) -> None:
        """Leave a line in place of the form."""
        if self.form is not None:
            self._publish(self.form_id, {"text/plain": said}, update=True)
            self.form.close()
            self.form = None

    def _approve(self, note: str) -> Future[Revision]:
        host = self.world.host
        by = config.user_name()
        return host.submit(approving.approve(host, self.review, by=by, note=note))

    def _publish(self, display_id: str, data: dict[str, Any], *, update: bool) -> None:
        if update:
            in_place(self.outputs, display_id, data)
        else:
            self.outputs.publish(data, {}, transient={"display_id": display_id})


def _card(view: DraftView) -> dict[str, Any]:
    return {"text/plain": draft_text(view), "text/html": draft_card(view)}
