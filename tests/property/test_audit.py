"""Whatever is accepted makes the guest's process do nothing but compute."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from tests.property.stdlib_calls import calling_programs
from tests.sizes import sized
from wf_notebook.definition.validate import validate

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT = Path(__file__).resolve().parents[2]
STEPS = ("double", "sync_add", "flaky", "fail")


def accepted(count: int) -> list[str]:
    """Random programs, all of which the check accepts."""
    found: list[str] = []

    @settings(
        max_examples=count,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
        database=None,
    )
    @given(calling_programs())
    def collect(source: str) -> None:
        assert validate(source, aliases=STEPS, cell=True).diagnostics == (), source
        found.append(source)

    collect()
    return found


def listened(sources: Sequence[str]) -> list[dict[str, Any]]:
    """What fresh processes heard of each; one that computes for ever ends its process."""
    told: list[dict[str, Any]] = []
    while len(told) < len(sources):
        done = subprocess.run(
            [sys.executable, "-m", "tests.property.audited"],
            cwd=ROOT,
            input=json.dumps(sources[len(told) :]),
            capture_output=True,
            text=True,
            check=False,
        )
        told += [json.loads(line) for line in done.stdout.splitlines()]
        if done.returncode:
            assert done.returncode == -signal.SIGXCPU, done.stderr
            told.append({"status": "endless", "heard": []})
    return told


def assert_silent(sources: Sequence[str]) -> None:
    told = listened(sources)
    for source, one in zip(sources, told, strict=True):
        assert one["heard"] == [], source
    statuses = Counter(one["status"] for one in told)
    assert statuses["completed"] > len(sources) / 2, statuses
    assert statuses["endless"] < len(sources) / 100, statuses


@pytest.mark.parametrize("part", range(sized(1, 40)))
def test_no_accepted_program_touches_the_system(part: int) -> None:
    """500 programs a part, with calls of anything that is offered: no file, import, socket, process.

    By night there are forty parts, of other programs each time.
    """
    assert_silent(accepted(500))


def test_an_endless_one_hides_nothing() -> None:
    """What comes after a source that is killed is listened to as well, and one without memory fails."""
    endless = "import itertools\nasync def workflow(n):\n    sum(itertools.count())\n"
    hungry = "async def workflow(n):\n    return 'x' * (1 << 40)\n"
    loud = "import json\nasync def workflow(n):\n    'x'.encode('cp037')\n"
    told = listened([hungry, endless, loud, endless])
    assert [one["status"] for one in told] == ["failed", "endless", "completed", "endless"]
    assert [bool(one["heard"]) for one in told] == [False, False, True, False]


def test_the_ear_hears() -> None:
    """What is called clean is clean: an import or a file would be heard."""
    named = "import urllib.parse\nasync def workflow(n):\n    urllib.parse.quote('a', '', 'b')\n"
    assert [(t["status"], t["heard"]) for t in listened([named])] == [("failed", [])]
    reached = "json.loads.__globals__['__builtins__']"
    codec = "'x'.encode('cp037')"
    actions = (
        codec,
        f"{reached}['__import__']('colorsys')",
        f"{reached}['open']('/dev/null')",
        f"{reached}['eval']('1')",
    )
    loud = [f"import json\nasync def workflow(n):\n    {action}\n" for action in actions]
    looked_up, imported, opened, evaluated = (
        {event for event, *_ in t["heard"]} for t in listened(loud)
    )
    assert "open" in looked_up
    assert imported >= {"import", "open"}
    assert opened == {"open"}
    assert evaluated == {"compile", "exec"}
