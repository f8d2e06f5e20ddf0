"""What every test may count on: a home of its own, nothing left behind, and honest skips."""

from __future__ import annotations

import ctypes
import importlib.util
import os
import shutil
import sys
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest
from hypothesis import HealthCheck, settings

from tests.chromium import chromium_path
from tests.sizes import by_night

if TYPE_CHECKING:
    from collections.abc import Iterator

pytest.register_assert_rewrite("wf_notebook.testing.conformance")

ROOT = Path(__file__).resolve().parents[1]
GRACE_SECONDS = 10
OURS = ("WF_NOTEBOOK_KEY", "WF_NOTEBOOK_WAIT", "JPY_SESSION_NAME")
PR_SET_CHILD_SUBREAPER = 36
# Python's own, started once per process and on purpose never ended.
LONG_LIVED = ("multiprocessing.resource_tracker", "multiprocessing.forkserver")


# ----------------------------------------------------------------------------------- switches


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--nightly", action="store_true", help="run the long suites as well")


def pytest_configure(config: pytest.Config) -> None:
    load_hypothesis_profile(nightly=by_night(bool(config.getoption("--nightly"))))
    # For doctests and for fixtures that outlive a test; each test gets a home of its own below.
    folder = tempfile.mkdtemp(prefix="wf-tests-")
    config.add_cleanup(lambda: shutil.rmtree(folder, ignore_errors=True))
    os.environ.update(home_variables(Path(folder)))
    for name in OURS:
        os.environ.pop(name, None)
    adopt_orphans()
    # Workers take files as they come: xdist would keep those of few tests for last, and the longest
    # are among them; whoever has one of those then works alone.
    config.option.loadscopereorder = False


def load_hypothesis_profile(*, nightly: bool) -> None:
    """Per change the same examples each time; by night new ones, twenty times as many."""
    quiet = [HealthCheck.too_slow, HealthCheck.data_too_large]
    settings.register_profile(
        "ci", derandomize=True, deadline=None, print_blob=True, suppress_health_check=quiet
    )
    settings.register_profile(
        "nightly", settings.get_profile("ci"), derandomize=False, max_examples=2_000
    )
    settings.load_profile("nightly" if nightly else "ci")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--nightly"):
        return
    for item in items:
        if item.get_closest_marker("nightly"):
            item.add_marker(pytest.mark.skip(reason="long: run with --nightly"))


# ------------------------------------------------------------------------- what the machine has


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Without its kernel or browser a test is skipped; under CI that would hide a hole: it fails."""
    lacks: str | None = None
    if item.get_closest_marker("kernel"):
        lacks = lacks_kernel()
    if item.get_closest_marker("browser"):
        lacks = lacks_kernel() or lacks_browser()
    if lacks is None:
        return
    if os.environ.get("CI"):
        pytest.fail(f"{lacks}; under CI it must be there", pytrace=False)
    pytest.skip(lacks)


def lacks_kernel() -> str | None:
    for name in ("ipykernel", "jupyter_client", "nbclient"):
        if importlib.util.find_spec(name) is None:
            return f"{name} is not installed (pip install -e '.[dev]')"
    return None


def lacks_browser() -> str | None:
    for name in ("jupyterlab", "playwright"):
        if importlib.util.find_spec(name) is None:
            return f"{name} is not installed (pip install -e '.[dev]')"
    if chromium_path() is None:
        return "no Chromium (apt-get install chromium)"
    return None


@pytest.fixture(scope="session")
def chromium() -> str:
    """The browser's path; the marker `browser` has made sure that there is one."""
    path = chromium_path()
    assert path is not None, "mark the test with @pytest.mark.browser"
    return path


# ------------------------------------------------------------------------------- a home each


def home_variables(folder: Path) -> dict[str, str]:
    return {
        "HOME": str(folder),
        "XDG_CONFIG_HOME": str(folder / "config"),
        "XDG_DATA_HOME": str(folder / "data"),
        "XDG_CACHE_HOME": str(folder / "cache"),
        "IPYTHONDIR": str(folder / "ipython"),
        "JUPYTER_CONFIG_DIR": str(folder / "jupyter-config"),
        "JUPYTER_DATA_DIR": str(folder / "jupyter-data"),
        "JUPYTER_RUNTIME_DIR": str(folder / "jupyter-runtime"),
        "JUPYTER_PLATFORM_DIRS": "1",
    }


@pytest.fixture(autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home and config folder of the test's own: no key file reaches the real one."""
    folder = tmp_path_factory.mktemp("home")
    for name, value in home_variables(folder).items():
        monkeypatch.setenv(name, value)
    for name in OURS:
        monkeypatch.delenv(name, raising=False)
    return folder


@pytest.fixture
def world_path(tmp_path: Path) -> str:
    """Where a test's world may lie; nothing is there yet."""
    return str(tmp_path / "world.duckdb")


# -------------------------------------------------------------------------- nothing is left


def adopt_orphans() -> None:
    """Let a guest whose parent died become our child, so that the check below sees it."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


@pytest.fixture(autouse=True)
def nothing_left() -> Iterator[None]:
    """After a test: no thread of ours, no child process, no world beside the code."""
    threads, children = set(our_threads()), set(our_children())
    yield
    left = [
        *(f"thread {t.name}" for t in threads_left(set(our_threads()) - threads)),
        *(f"process {describe(p)}" for p in children_left(set(our_children()) - children)),
        *(f"folder {p}" for p in [Path.cwd() / ".wf_notebook"] if p.exists()),
    ]
    if left:
        pytest.fail("the test left behind: " + "; ".join(left), pytrace=False)


def our_threads() -> list[threading.Thread]:
    return [t for t in threading.enumerate() if t.name.startswith("wf-")]


def threads_left(started: set[threading.Thread]) -> list[threading.Thread]:
    for thread in started:
        thread.join(GRACE_SECONDS)
    return [thread for thread in started if thread.is_alive()]


def our_children() -> list[psutil.Process]:
    return [p for p in psutil.Process().children() if not is_long_lived(p)]


def is_long_lived(process: psutil.Process) -> bool:
    return any(name in describe(process) for name in LONG_LIVED)


def children_left(started: set[psutil.Process]) -> list[psutil.Process]:
    _, alive = psutil.wait_procs(started, timeout=GRACE_SECONDS)
    for process in alive:
        process.kill()  # the test has failed; the next one begins clean
    return alive


def describe(process: psutil.Process) -> str:
    try:
        return f"{process.pid} {' '.join(process.cmdline())[:200]}"
    except psutil.Error:
        return str(process.pid)
