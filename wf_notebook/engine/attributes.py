"""What a run may be labelled with: plain texts, few and short, set at its start and by its steps."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Final

from wf_notebook.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

ATTRIBUTES: Final = 32  # of a run
ATTRIBUTE_CHARS: Final = 256  # of a name or a value


def checked(attributes: Mapping[str, str]) -> dict[str, str]:
    """Return the attributes of a run, if they may be that.

    Raises:
        UsageError: they are too many or too long, or no texts.

    >>> checked({"customer": "A-17"})
    {'customer': 'A-17'}
    """
    texts: list[object] = [text for pair in attributes.items() for text in pair]
    fits = len(attributes) <= ATTRIBUTES and all(
        isinstance(text, str) and text.isprintable() and len(text) <= ATTRIBUTE_CHARS
        for text in texts
    )
    if not fits:
        msg = (
            f"attributes take up to {ATTRIBUTES} printable texts of up to"
            f" {ATTRIBUTE_CHARS} characters."
        )
        raise UsageError(msg, hint="Put larger data into arguments or results: those are sealed.")
    return dict(attributes)


def merged(before: Mapping[str, str], changes: Mapping[str, str | None]) -> dict[str, str]:
    """Return attributes after changes; None takes one away.

    >>> merged({"a": "1", "b": "2"}, {"b": None, "c": "3"})
    {'a': '1', 'c': '3'}
    """
    both = {**before, **changes}
    return {name: value for name, value in both.items() if value is not None}


class Attributes:
    """The attributes of a live run, what is about to be recorded included. For any thread."""

    def __init__(self, recorded: Mapping[str, str]) -> None:
        self._known = dict(recorded)
        self._lock = threading.Lock()

    def change(self, changes: Mapping[str, str | None], record: Callable[[], object]) -> None:
        """Note changes, and have them recorded in the order in which they were noted.

        Raises:
            UsageError: there would be too many, or one is too long; nothing has changed.
        """
        with self._lock:
            self._known = checked(merged(self._known, changes))
            record()
