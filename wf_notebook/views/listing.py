"""What a list of runs says of each: a row, from its state or from its plain line in the world.

Everything here is fit to be saved in a notebook, as the card of a run is: names, states, times and
tokens.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from wf_notebook.views.model import failure_of, status_of
from wf_notebook.views.rows import GLYPHS
from wf_notebook.views.why import Moment, Sentence, sentence
from wf_notebook.views.words import visible

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wf_notebook.world.state import RunState
    from wf_notebook.world.store import RunRow

_WAITS: Final = "waits for "


@dataclass(frozen=True, slots=True)
class Chosen:
    """Which runs are to be listed.

    Attributes:
        status: only those that stand so, by any word of `Run.status`; None for all.
        labels: only those that are labelled so, among other things.
        limit: how many are printed, or shown at first; None for what is usual there.
    """

    status: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict[str, str])
    limit: int | None = None


@dataclass(frozen=True, slots=True)
class Listed:
    """A run in a list.

    Attributes:
        status: a key of `GLYPHS`.
        created_us, last_us, ended_us: microseconds UTC; `last_us` is when it last had an event, or
            None where only its plain line is known, and it has not ended.
        said: what moves it, or of a run that has failed type and line of its error; may be empty.
        labels: its attributes.
    """

    run_id: str
    name: str
    status: str
    created_us: int
    last_us: int | None
    ended_us: int | None
    said: Sentence = ()
    labels: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def glyph(self) -> str:
        """The glyph that goes with the status word."""
        return GLYPHS.get(self.status, GLYPHS["pending"])

    @property
    def waits(self) -> Sentence:
        """What stands in the column "Waits for": what is said, without those words."""
        if not self.said or not isinstance(self.said[0], str):
            return self.said
        first = self.said[0].removeprefix(_WAITS).removeprefix(f"is {self.status}: ")
        return (first, *self.said[1:]) if first else self.said[1:]

    @property
    def labelled(self) -> str:
        """Its labels as a text."""
        return ", ".join(visible(f"{name}={text}") for name, text in self.labels.items())

    @property
    def words(self) -> str:
        """What a text is looked for in: all but the times, in small letters."""
        said = "".join(part for part in self.waits if isinstance(part, str))
        return f"{self.name}\n{self.run_id}\n{self.status}\n{said}\n{self.labelled}".casefold()

    def to_json(self) -> dict[str, Any]:
        """Return it for the browser: equal for equal states, whatever the time is."""
        return {
            "run_id": self.run_id, "name": self.name, "status": self.status, "glyph": self.glyph,
            "created_us": self.created_us, "last_us": self.last_us, "ended_us": self.ended_us,
            "waits": [part if isinstance(part, str) else part.to_json() for part in self.waits],
            "labels": self.labelled,
        }  # fmt: skip


def listed(state: RunState, blocked: str | None) -> Listed:
    """Return a run as its state says it; `blocked` is why it cannot go on, or None."""
    return Listed(
        run_id=state.run_id,
        name=visible(str(state.created.get("name", ""))),
        status=status_of(state, blocked),
        created_us=state.created_us,
        last_us=state.time_us or None,  # nothing is known of a log that cannot be read
        ended_us=state.ended_us,
        said=_failed(state) if state.terminal else sentence(state, blocked),
        labels=dict(state.attributes),
    )


def _failed(state: RunState) -> tuple[str | Moment, ...]:
    found = failure_of(state)
    return (found,) if found else ()


def stored(row: RunRow) -> Listed:
    """Return a run as its plain line says it: all that is known of one that has ended.

    >>> from wf_notebook.world.listing import run_row
    >>> row = stored(run_row("wrun_1", {"name": "refund", "attributes": {"order": "A-17"}}, 0))
    >>> row.glyph, row.status, row.name, row.labelled
    ('◷', 'pending', 'refund', 'order=A-17')
    """
    return Listed(
        run_id=row.run_id,
        name=visible(row.name),
        status=row.status,
        created_us=row.created_us,
        last_us=row.ended_us,
        ended_us=row.ended_us,
        labels=dict(row.attributes),
    )


def forgotten(row: Listed, now_us: int) -> Listed:
    """Return what is left in a list of a run that was forgotten."""
    ended = row.ended_us or now_us
    return replace(row, status="forgotten", ended_us=ended, last_us=ended, said=(), labels={})
