"""What one version of DuckDB writes the other reads, the log of a killed process included."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import duckdb
import pytest

from tests.crash.flow import RESULT
from tests.crash.killing import Ledger, logs, run_until
from tests.worlds import wal

if TYPE_CHECKING:
    from pathlib import Path

ELDER = "1.5.6"  # the least that pyproject.toml allows


@pytest.fixture(scope="session")
def elder(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What makes a process use the elder version: installed once, in a folder of its own."""
    folder = tmp_path_factory.mktemp("elder")
    pip = ["-m", "pip", "install", "--quiet", "--no-deps", "--target", str(folder)]
    found = subprocess.run(
        [sys.executable, *pip, f"duckdb=={ELDER}"],
        capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    if found.returncode:
        lacks = f"duckdb {ELDER} cannot be installed here: {found.stderr.strip()[-200:]}"
        if os.environ.get("CI"):
            pytest.fail(lacks, pytrace=False)
        pytest.skip(lacks)
    return {"PYTHONPATH": str(folder)}


def version_in(environment: dict[str, str]) -> str:
    script = "import duckdb; print(duckdb.__version__)"
    return subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, **environment}, capture_output=True, text=True, check=True,
    ).stdout.strip()  # fmt: skip


@pytest.mark.parametrize("elder_begins", [True, False])
def test_each_goes_on_with_what_the_other_left(
    tmp_path: Path, elder: dict[str, str], *, elder_begins: bool
) -> None:
    """Killed without a checkpoint, again and again, in turns; closed well by the last."""
    assert (version_in(elder), version_in({})) == (ELDER, duckdb.__version__)
    assert int(duckdb.__version__.partition(".")[0]) >= 2
    turns = [elder, {}] if elder_begins else [{}, elder]
    path = tmp_path / "w.duckdb"
    ledger = Ledger()
    for environment in [*turns, *turns]:
        told, killed = run_until(path, 8, environment=environment)
        ledger.hear(told)
        assert killed
        assert wal(path), "the log was moved into the file: it is not what the other reads"
    told, killed = run_until(path, None, environment=turns[0])
    assert ledger.hear(told) == str(RESULT)
    assert not killed
    assert not wal(path)
    again, _ = run_until(path, None, environment=turns[1])
    assert again == [f"result {RESULT}"]
    ((_, events),) = logs(path).items()
    assert {(e.run_id, e.seq, e.event_id) for e in events} >= set(ledger.events)
