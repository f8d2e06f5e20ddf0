"""What several of these suites need."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import pytest

from wf_notebook.guest import machine

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def compiled_once() -> Iterator[None]:
    """A source is replayed once for each of its events: compile it once for all of them."""
    with pytest.MonkeyPatch.context() as patch:
        kept = functools.lru_cache(maxsize=8)(machine.compile_ordered)
        patch.setattr(machine, "compile_ordered", kept)
        yield
