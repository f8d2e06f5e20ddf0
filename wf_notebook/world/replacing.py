"""How is a file written whole, or not at all?"""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

from wf_notebook.ids import SystemIds

if TYPE_CHECKING:
    from collections.abc import Generator

__all__ = ["replacing"]


@contextlib.contextmanager
def replacing(path: str) -> Generator[str]:
    """Give a place beside a path; what is written there takes the path's place at the end.

    A link stays one: what it leads to is replaced. Whatever is raised, nothing is left beside.

    Raises:
        OSError: it cannot be put there.
    """
    place = os.path.realpath(path)
    folder, name = os.path.split(place)
    beside = os.path.join(folder, f".{name}.{SystemIds().event_id()}.new")
    try:
        yield beside
        with open(beside, "rb+") as file:
            os.fsync(file.fileno())
        os.replace(beside, place)
    except BaseException:
        with contextlib.suppress(OSError):
            os.remove(beside)
        raise
