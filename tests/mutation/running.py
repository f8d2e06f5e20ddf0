"""Whether the tests notice a mutant: they run in a copy of the tree that holds it.

Each run is a process of its own, forked from one that has imported pytest and the libraries, but
nothing of ours: so it imports the mutant like any module. What a mutant does to its world is done
to the copy.
"""

from __future__ import annotations

import compileall
import contextlib
import multiprocessing
import os
import resource
import shutil
import signal
import sys
import tempfile
import time
from multiprocessing.connection import wait
from pathlib import Path
from py_compile import PycInvalidationMode
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import pytest
from coverage import CoverageData

from tests.mutation.targets import CONFINED, ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from multiprocessing.connection import Connection

    from tests.mutation.mutants import Mutant
    from tests.mutation.targets import Stages

_COPIED: Final = ("wf_notebook", "tests", "notebooks", "README.md", "pyproject.toml")
_PRELOADED: Final = [
    *("asyncio", "click", "coverage", "duckdb", "hypothesis", "jsonschema", "psutil", "pydantic"),
    "pytest",
]
_OPTIONS: Final = [
    *("-q", "-x", "--tb=no", "-p", "no:cacheprovider", "-p", "no:wf_notebook"),
    *("-W", "ignore::pytest.PytestAssertRewriteWarning"),  # of what is imported beforehand
]
_UNFOUND: Final = f"pytest's exit code {pytest.ExitCode.USAGE_ERROR}"
_WATCHED: Final = ("--cov=wf_notebook", "--cov-context=test", "--cov-report=")
_COVERAGE: Final = ".coverage"
_MEMORY_BYTES: Final = 8 << 30  # of address space: one that collects for ever shall fail
_LONG_SECONDS: Final = 600  # for a stage when nothing is wrong
_PATIENCE: Final = (5.0, 30.0)


class Learned(NamedTuple):
    """What is known of a stage of tests from a run without a mutant.

    Attributes:
        seconds: how long it may take.
        reached: module and line, to the tests that executed it in this process.
    """

    seconds: float
    reached: Mapping[tuple[str, int], frozenset[str]]

    def tests(self, mutant: Mutant, stage: tuple[str, ...]) -> tuple[str, ...]:
        """Return the tests of the stage that can notice a mutant; all of them, if that is open.

        What is executed at the import concerns all; so does what tests reach in other processes.
        """
        if mutant.lines is None or not set(CONFINED).isdisjoint(stage):
            return stage
        first, last = mutant.lines
        found = [self.reached.get((mutant.module, n), frozenset()) for n in range(first, last + 1)]
        tests = frozenset[str]().union(*found)
        return stage if "" in tests else tuple(sorted(tests))


Knowledge = dict[tuple[str, ...], Learned]
"""What is known of each stage."""


class Verdict(NamedTuple):
    """What the tests said.

    Attributes:
        killed: whether one of them failed, or took far too long.
        by: which test, or "time"; empty if the mutant survived.
    """

    killed: bool
    by: str = ""


class BrokenTestsError(Exception):
    """The tests fail without a mutant: they can't tell anything about one."""


class Court:
    """A copy of the tree in which mutants are tried, one at a time.

    Attributes:
        folder: the copy.
    """

    def __init__(self, folder: Path, *, known: Knowledge, patience: tuple[float, float]) -> None:
        self.folder = folder
        self._patience = patience
        self._known = known
        self._processes = multiprocessing.get_context("forkserver")
        self._processes.set_forkserver_preload(_PRELOADED)

    def try_mutant(self, mutant: Mutant, stages: Stages) -> Verdict:
        """Return whether a stage of tests notices the mutant.

        Raises:
            BrokenTestsError: the tests fail without it.
        """
        for stage in stages:
            learned = self._learned(stage)
            with self._mistaken(mutant):
                verdict = self._judge(stage, learned.tests(mutant, stage), learned.seconds)
            if verdict.killed:
                return verdict
        return Verdict(killed=False)

    def _judge(self, stage: tuple[str, ...], tests: tuple[str, ...], seconds: float) -> Verdict:
        """Run tests of a stage; where processes have limits, a failure counts if it comes again."""
        if not tests:
            return Verdict(killed=False)
        verdict = self._run(tests, seconds)
        if verdict.by == _UNFOUND:  # a name that can't be said again
            return self._run(stage, seconds)
        again = verdict.killed and not set(CONFINED).isdisjoint(stage)
        return self._run(tests, seconds) if again else verdict

    @contextlib.contextmanager
    def _mistaken(self, mutant: Mutant) -> Iterator[None]:
        place = self.folder / "wf_notebook" / mutant.module
        original = place.read_text("utf-8")
        place.write_text(mutant.text, "utf-8")
        try:
            yield
        finally:
            place.write_text(original, "utf-8")

    def _learned(self, stage: tuple[str, ...]) -> Learned:
        """Run a stage where nothing is wrong, once for all courts of a tree."""
        if stage not in self._known:
            begun = time.monotonic()
            verdict = self._judge(stage, (*_WATCHED, *stage), _LONG_SECONDS)
            if verdict.killed:
                raise BrokenTestsError(verdict.by)
            times, more = self._patience
            seconds = times * (time.monotonic() - begun) + more
            self._known[stage] = Learned(seconds, _reached(self.folder))
        return self._known[stage]

    def _run(self, stage: tuple[str, ...], seconds: float) -> Verdict:
        ours, theirs = self._processes.Pipe(duplex=False)
        process = self._processes.Process(target=_test, args=(self.folder, stage, theirs))
        process.start()
        theirs.close()
        with ours:
            ready = wait([ours, process.sentinel], seconds)
            _end(process)
            if not ready:
                return Verdict(killed=True, by="time")
            with contextlib.suppress(EOFError):
                if ours.poll():
                    code, failed = ours.recv()
                    by = failed or f"pytest's exit code {code}"
                    return Verdict(
                        killed=code != pytest.ExitCode.OK,
                        by="" if code == pytest.ExitCode.OK else by,
                    )
        return Verdict(killed=True, by=f"exit code {process.exitcode}")


def _end(process: Any) -> None:
    """End a run and what it started in its session; it may be gone already."""
    process.join(1)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.join()


@contextlib.contextmanager
def court(
    root: Path = ROOT, *, known: Knowledge | None = None, patience: tuple[float, float] = _PATIENCE
) -> Iterator[Court]:
    """Copy a tree for as long as mutants are tried.

    Args:
        root: the tree.
        known: what is known of the stages; courts of one tree share it.
        patience: how many times as long as without a mutant a stage may take, and how many seconds
            more, on a machine that others use.

    Compiled files are found by the text's hash: the time of a file doesn't tell two mutants of one
    second apart.
    """
    with tempfile.TemporaryDirectory(prefix="wf-mutants-") as name:
        folder = Path(name)
        ignored = shutil.ignore_patterns("__pycache__", ".*", "*.duckdb*")
        for part in _COPIED:
            if (root / part).is_dir():
                shutil.copytree(root / part, folder / part, ignore=ignored)
            elif (root / part).exists():
                shutil.copy(root / part, folder / part)
        mode = PycInvalidationMode.CHECKED_HASH
        compileall.compile_dir(folder / "wf_notebook", quiet=1, invalidation_mode=mode)
        (folder / "tmp").mkdir()
        yield Court(folder, known={} if known is None else known, patience=patience)


def _reached(folder: Path) -> dict[tuple[str, int], frozenset[str]]:
    """Read which tests executed which lines; "" stands for the import."""
    found: dict[tuple[str, int], frozenset[str]] = {}
    data = CoverageData(str(folder / _COVERAGE))
    data.read()
    package = folder.resolve() / "wf_notebook"
    for name in data.measured_files():
        if package in Path(name).parents:
            module = Path(name).relative_to(package).as_posix()
            for line, contexts in data.contexts_by_lineno(name).items():
                tests = frozenset(context.rpartition("|")[0] for context in contexts)
                found[module, line] = tests
    return found


# ---------------------------------------------------------------------------- in the process


class _FirstFailure:
    """A plugin of pytest: which test failed first, or which file could not be read."""

    def __init__(self) -> None:
        self.name = ""

    def pytest_runtest_logreport(self, report: Any) -> None:
        self._note(report)

    def pytest_collectreport(self, report: Any) -> None:
        self._note(report)

    def _note(self, report: Any) -> None:
        if report.failed and not self.name:
            self.name = report.nodeid


def _test(folder: Path, stage: tuple[str, ...], result: Connection) -> None:
    """Run tests in the copy and send their exit code and the first that failed."""
    os.setsid()
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_BYTES, _MEMORY_BYTES))
    sys.dont_write_bytecode = False  # what pytest makes of a test is the same for every mutant
    os.chdir(folder)
    os.environ["TMPDIR"] = tempfile.tempdir = str(folder / "tmp")
    sys.path[:0] = [str(folder)]
    for name in [n for n in sys.modules if n.split(".")[0] in {"tests", "wf_notebook"}]:
        del sys.modules[name]
    with (folder / "tmp" / "log").open("w") as log:
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
    first = _FirstFailure()
    code = pytest.main([*_OPTIONS, *stage], plugins=[first])
    result.send((int(code), first.name))
    result.close()
    os._exit(0)  # whatever a mutant left behind shall not be waited for
