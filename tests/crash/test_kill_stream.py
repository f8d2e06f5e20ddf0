"""P1 for streams: what a flush acknowledged survives kill -9."""

from __future__ import annotations

import signal
import subprocess
import sys
from contextlib import closing
from pathlib import Path

from wf_notebook.world.duckdb import DuckDBStore
from wf_notebook.world.keys import GivenKey

PROGRAM = Path(__file__).with_name("writing.py")


def write_and_kill(path: Path, lines: int) -> int:
    """Let the step write until so many flushes were acknowledged; return the last number told."""
    command = [sys.executable, str(PROGRAM), str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        told = [child.stdout.readline() for _ in range(lines)]
        child.send_signal(signal.SIGKILL)
        told += child.stdout.readlines()
    return int([line for line in told if line.endswith("\n")][-1])


def test_what_was_flushed_is_kept_and_the_next_attempt_appends(tmp_path: Path) -> None:
    """Killed between commits of chunks: each attempt left a prefix, as long as was acknowledged."""
    path = tmp_path / "w.duckdb"
    told = [write_and_kill(path, lines) for lines in (1, 30, 5)]
    with closing(DuckDBStore.open(path, key_provider=GivenKey(b"k" * 32))) as store:
        (row,) = store.unfinished().result(timeout=60)
        chunks = store.chunks(row.run_id, "numbers").result(timeout=60)
    assert [chunk.index for chunk in chunks] == list(range(len(chunks)))
    begun = [n for n, chunk in enumerate(chunks) if chunk.data == 0]
    assert len(begun) == len(told)
    for start, end, acknowledged in zip(begun, [*begun[1:], len(chunks)], told, strict=True):
        assert [chunk.data for chunk in chunks[start:end]] == list(range(end - start))
        assert end - start > acknowledged
