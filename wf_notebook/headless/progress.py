"""How is it shown, on a terminal, how far a notebook is and what its runs wait on?

On the standard error, so that the outcome can go elsewhere; gone when the notebook is over. Where that
is no terminal, nothing is shown.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Final, Self

from wf_notebook.clock import SECOND_US, SystemClock
from wf_notebook.errors import UsageError
from wf_notebook.views.why import Moment, read
from wf_notebook.views.words import duration, visible

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wf_notebook.clock import Clock

_SHOWN_RUNS: Final = 6
_PER_SECOND: Final = 4
_ENDED: Final = frozenset({"completed", "failed", "cancelled"})


class Progress:
    """Is told how far an execution is; shows nothing."""

    shown = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Leave the terminal as it was."""

    def cell(self, number: int, total: int, source: str) -> None:
        """Say which code cell begins, of how many."""

    def settling(self) -> None:
        """Say that the cells are over and the runs are not."""

    def runs(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Say how runs stand that have changed: rows as `views.listing.Listed` writes them."""


class TerminalProgress(Progress):
    """Shows a line for the cell, and one for each run that has not ended.

    Args:
        notebook: its path.
        console: where, a `rich.console.Console`.
        clock: what time it is.
    """

    shown = True

    def __init__(self, notebook: str, console: Any, clock: Clock) -> None:
        from rich.live import Live
        from rich.spinner import Spinner

        self._notebook = visible(os.path.basename(notebook))
        self._clock = clock
        self._began_us = clock.now_us()
        self._step = "starting a kernel"
        self._rows: dict[str, Mapping[str, Any]] = {}
        self._spinner = Spinner("dots" if console.encoding.startswith("utf") else "line")
        self._live = Live(
            get_renderable=self.render,
            console=console,
            refresh_per_second=_PER_SECOND,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def cell(self, number: int, total: int, source: str) -> None:
        """Say which code cell begins, of how many."""
        first = next((line for line in source.splitlines() if line.strip()), "")
        self._step = f"cell {number} of {total}  {visible(first.strip())}"

    def settling(self) -> None:
        """Say that the cells are over and the runs are not."""
        self._step = "waiting for its runs"

    def runs(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Say how runs stand that have changed."""
        self._rows |= {row["run_id"]: row for row in rows}

    def render(self) -> Any:
        """Return what stands on the terminal now."""
        from rich.console import Group

        now_us = self._clock.now_us()
        turning = str(self._spinner.render(now_us / SECOND_US))
        took = duration(now_us - self._began_us)
        heading = f"{turning} {self._notebook}  {took}  {self._step}"
        return Group(_line(heading), *(_line(f"  {line}") for line in self._lines(now_us)))

    def _lines(self, now_us: int) -> list[str]:
        live = [row for row in list(self._rows.values()) if row["status"] not in _ENDED]
        lines = [
            f"{row['glyph']} {row['name']}  {row['status']}  {read(_said(row), now_us)}".rstrip()
            for row in live[:_SHOWN_RUNS]
        ]
        more = len(live) - len(lines)
        return [*lines, f"… and {more} more"] if more > 0 else lines


def _said(row: Mapping[str, Any]) -> tuple[str | Moment, ...]:
    """What a run waits on, as it came out of the kernel."""
    parts: Sequence[Any] = row["waits"]
    return tuple(
        one if isinstance(one, str) else Moment(one["us"], one["to_come"]) for one in parts
    )


def _line(text: str) -> Any:
    from rich.text import Text

    return Text(text, no_wrap=True, overflow="ellipsis")


def progress_on(notebook: str, stream: Any, *, colour: bool) -> Progress:
    """Return what shows progress on a stream; nothing is shown where that is no terminal.

    Raises:
        UsageError: rich is not installed.
    """
    if not stream.isatty():
        return Progress()
    try:
        from rich.console import Console
    except ImportError:
        msg = "Showing progress needs rich, which is not installed."
        raise UsageError(msg, hint="pip install 'wf-notebook[run]', or --no-progress.") from None
    console = Console(file=stream, no_color=not colour)
    if not console.is_terminal or console.is_dumb_terminal:
        return Progress()
    return TerminalProgress(notebook, console, SystemClock())
