"""Worlds of this folder: one file, several processes."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import pytest

from tests.sharing import flows
from tests.sharing.other import PATIENCE, Other
from wf_notebook import open_world
from wf_notebook.config import Limits

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from wf_notebook import World


@pytest.fixture
def others(world_path: str) -> Iterator[Callable[..., Other]]:
    """Starts processes that open the test's world; all are gone after the test."""
    with contextlib.ExitStack() as stack:

        def start(**options: Any) -> Other:
            options.setdefault("isolation", "process")
            found = Other(world_path, **options)
            stack.callback(found.close)
            return found

        yield start


@pytest.fixture
def here(world_path: str) -> Iterator[Callable[..., World]]:
    """Opens the test's world in this process; closed after the test."""
    with contextlib.ExitStack() as stack:

        def start(**options: Any) -> World:
            options.setdefault("isolation", "process")
            options.setdefault("limits", Limits(owner_seconds=PATIENCE))
            return stack.enter_context(open_world(world_path, key=flows.KEY, **options))

        yield start
