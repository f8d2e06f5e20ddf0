"""How pytest replays saved histories: each file in the folders of `wf_histories` is a test.

pytest loads this at its start in every project that has wf_notebook installed, so nothing else of
the package is imported before there is a history to replay.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

_OPTION: Final = "wf_histories"
_AGAINST: Final = " against "
_SUFFIXES: Final = (".json", ".ipynb")
_HELP: Final = (
    "folders of saved histories (.json) and receipts (.ipynb), one a line, each replayed as a test: "
    "FOLDER, or FOLDER against SOURCE, to hold an edited source against them: a .py file, or "
    "notebook.ipynb#NAME"
)
_REPLAYER: Final = pytest.StashKey[Any]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option `wf_histories`."""
    parser.addini(_OPTION, _HELP, type="linelist", default=[])


def pytest_configure(config: pytest.Config) -> None:
    """Refuse a folder that isn't there: what it should hold would be tested by nobody."""
    for folder, _ in _folders(config):
        if not folder.is_dir():
            msg = f"{_OPTION}: there is no folder {folder}"
            raise pytest.UsageError(msg)


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Take a file in one of the folders for a history; of notebooks, those that are receipts."""
    if file_path.suffix not in _SUFFIXES:
        return None
    sources = _sources(parent.config, file_path)
    if sources is None or (file_path.suffix == ".ipynb" and not _is_receipt(file_path)):
        return None
    kind: Any = HistoryFile
    found: HistoryFile = kind.from_parent(parent, path=file_path)
    found.sources = sources
    return found


def pytest_unconfigure(config: pytest.Config) -> None:
    """End what replays were run in."""
    replayer = config.stash.get(_REPLAYER, None)
    if replayer is not None:
        replayer.close()


def _sources(config: pytest.Config, path: Path) -> Sequence[str] | None:
    """Return what a file is replayed with: "" for its own source; None if it lies elsewhere."""
    found = [source for folder, source in _folders(config) if path.is_relative_to(folder)]
    return found or None


def _folders(config: pytest.Config) -> list[tuple[Path, str]]:
    """Return each folder of the option, and the source that is held against it, or ""."""
    lines: Sequence[str] = config.getini(_OPTION)
    parts = [line.partition(_AGAINST) for line in lines]
    return [(config.rootpath / folder.strip(), source.strip()) for folder, _, source in parts]


def _is_receipt(path: Path) -> bool:
    from wf_notebook.testing.targets import says_it_is_one

    return says_it_is_one(str(path))


class HistoryFile(pytest.File):
    """A history or a receipt.

    Attributes:
        sources: what it is replayed with; "" for its own source.
    """

    sources: Sequence[str] = ()

    def collect(self) -> Iterable[pytest.Item]:
        """Give a test for each source."""
        for source in self.sources:
            name = f"replays against {source}" if source else "replays"
            yield _item(self, name, source)


def _item(parent: HistoryFile, name: str, source: str) -> pytest.Item:
    kind: Any = HistoryItem
    item: HistoryItem = kind.from_parent(parent, name=name)
    item.source = source
    return item


class HistoryItem(pytest.Item):
    """Whether a history replays."""

    source: str = ""

    def runtest(self) -> None:
        """Replay it; no step is executed."""
        from wf_notebook.testing.edits import source_text
        from wf_notebook.testing.histories import Replayer
        from wf_notebook.testing.replays import one
        from wf_notebook.testing.told import told

        replayer = self.config.stash.setdefault(_REPLAYER, Replayer())
        root = self.config.rootpath
        text = source_text(str(root / self.source)) if self.source else None
        found = one(str(self.path), replayer, source=text)
        if found.outcome != "replays":
            raise NotReplayedError("\n".join(told(found)))

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """Say where it parted from the log; a traceback would show our code, not the user's."""
        error = excinfo.value
        if isinstance(error, NotReplayedError) or hasattr(error, "hint"):
            return str(error)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """Say where the test is."""
        return self.path, None, f"{self.path.name}: {self.name}"


class NotReplayedError(Exception):
    """A history doesn't replay; the message says why."""
