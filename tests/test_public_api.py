"""The public surface: the names other people's notebooks and tests call."""

from __future__ import annotations

import importlib
import inspect

import pytest

import wf_notebook
from wf_notebook import errors

TOP_LEVEL = {
    "Definition",
    "Diagnostic",
    "Draft",
    "DraftError",
    "FatalError",
    "RetryableError",
    "Run",
    "World",
    "WorkflowError",
    "check",
    "current_world",
    "doctor",
    "draft",
    "get_run",
    "open_world",
    "read_receipt",
    "replay",
    "set_model",
    "start",
    "step",
    "step_catalogue",
    "step_context",
}
TESTING = {
    "VirtualClock",
    "in_turn",
    "load_history",
    "replay",
    "replay_history",
    "save_history",
    "stub_steps",
}
RUN = """
    workflow_id source source_hash status result events steps hooks waits resume wake cancel
    form rerun why wait_for history to_notebook stream streams
"""
WORLD = "start resume runs hooks sql close"
KEYWORDS = {
    "open_world": "key isolation clock steps read_only",
    "start": "steps schemas export_name id attributes world isolation cell",
    "check": "steps schemas export_name cell",
    "draft": "steps schemas name model repairs budget on_text rehearse",
    "step_catalogue": "schemas request budget",
}


def test_top_level_names() -> None:
    """Everything that the documentation imports from wf_notebook is there and is exported."""
    assert set(wf_notebook.__all__) >= TOP_LEVEL
    assert [name for name in wf_notebook.__all__ if not hasattr(wf_notebook, name)] == []


def test_errors_are_one_tree() -> None:
    """Every error is a WorkflowError, so one `except` catches them all."""
    classes = [getattr(errors, name) for name in errors.__all__]
    assert all(issubclass(cls, wf_notebook.WorkflowError) for cls in classes)


@pytest.mark.parametrize("name", RUN.split())
def test_run_has(name: str) -> None:
    """A run's handle has the documented attributes and methods."""
    assert hasattr(wf_notebook.Run, name)


def test_run_is_awaitable() -> None:
    """`await run` gives the result."""
    assert hasattr(wf_notebook.Run, "__await__")


@pytest.mark.parametrize("name", WORLD.split())
def test_world_has(name: str) -> None:
    """An open world has the documented methods and closes with its block."""
    assert hasattr(wf_notebook.World, name)
    assert hasattr(wf_notebook.World, "__exit__")


@pytest.mark.parametrize(("name", "keywords"), KEYWORDS.items())
def test_keyword_only_past_the_subject(name: str, keywords: str) -> None:
    """The functions take one subject by position and the rest by name only."""
    parameters = inspect.signature(getattr(wf_notebook, name)).parameters
    for keyword in keywords.split():
        assert parameters[keyword].kind is inspect.Parameter.KEYWORD_ONLY, keyword


def test_testing_names() -> None:
    """What authors of workflows test with is in wf_notebook.testing."""
    assert set(importlib.import_module("wf_notebook.testing").__all__) >= TESTING


def test_extension_entry() -> None:
    """`%load_ext wf_notebook` finds what IPython looks for."""
    assert callable(wf_notebook.load_ipython_extension)
    assert callable(wf_notebook.unload_ipython_extension)
