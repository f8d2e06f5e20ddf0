"""Which revision of a workflow does a word mean?"""

from __future__ import annotations

import re
from typing import Final

from wf_notebook.errors import UsageError

__all__ = ["revision_named"]

_NAMED: Final = re.compile(r"([A-Za-z_][A-Za-z0-9_-]*)(?:@(\d{1,18}))?")


def revision_named(word: str) -> tuple[str, int | None]:
    """Return name and number of what `NAME` or `NAME@3` means; None for the newest.

    Raises:
        UsageError: it is neither.

    >>> revision_named("refund@3"), revision_named("refund")
    (('refund', 3), ('refund', None))
    """
    found = _NAMED.fullmatch(word)
    if found is None:
        raise UsageError(f"{word!r} is not NAME or NAME@NUMBER.", hint="Write refund@3.")
    return found[1], None if found[2] is None else int(found[2])
