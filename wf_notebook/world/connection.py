"""What a world asks of the database under it: a few calls on a connection, for one thread each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from wf_notebook.world.tables import Table

Row: TypeAlias = tuple[Any, ...]
Statement: TypeAlias = tuple[str, list[object]]
# Opens the sealed part of an event: run, event, bytes, and the run's key as it stands in the world.
Opener: TypeAlias = "Callable[[str, str, bytes, str, bytes], str]"
Query: TypeAlias = "Callable[[str, list[object]], list[Row]]"

# How each connection is locked down; nothing of it can be changed by a query.
CONFIG: Final[dict[str, str | bool | int | float | list[str]]] = {
    "storage_compatibility_version": "v1.2.0",  # 1.5 and 2.0 read each other's files
    "enable_external_access": "false",
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "allow_community_extensions": "false",
    "allow_persistent_secrets": "false",
    "python_enable_replacements": "false",  # a query names tables, not variables of ours
    # Each thread that asks is one of its own; to wake others for a commit of a few rows takes longer
    # than the rows, and a kernel on many cores would get as many threads.
    "threads": "1",
    "wal_autocheckpoint": "1TB",  # one that fails on a full disk would take commits with it
}


ROWS: Final = 1_000_000  # that one query may give


@dataclass(frozen=True, slots=True)
class Question:
    """Somebody's query.

    Attributes:
        text: one SELECT or EXPLAIN.
        parameters: the values of its `?`, in order, or of its `$name`s.
        most: how many rows it may give.
        name: by which it can be stopped.
    """

    text: str
    parameters: Sequence[object] | Mapping[str, object] = ()
    most: int = ROWS
    name: str = ""


class Connection(Protocol):
    """A connection to a database file; used by one thread."""

    statements: int

    def query(self, sql: str, parameters: list[object]) -> list[tuple[Any, ...]]:
        """Run one statement and return its rows; raises WorldError."""
        ...

    def equip(self, opener: Opener) -> None:
        """Make temporary views on it, and the function that opens payloads."""
        ...

    def select(self, question: Question, stopped: Callable[[], bool]) -> Table:
        """Answer somebody's query; raises WorldQueryError."""
        ...

    def inside(self, sql: str, parameters: list[object]) -> list[tuple[Any, ...]]:
        """Run one statement for a query that runs on another connection; raises WorldError."""
        ...

    def write(self, statements: Sequence[Statement]) -> None:
        """Run statements in one transaction; raises WorldError, and then it was rolled back."""
        ...

    def checkpoint(self) -> None:
        """Move the log into the file; raises WorldError."""
        ...

    def cursor(self) -> Connection:
        """Return another connection to the same file, for another thread."""
        ...

    def interrupt(self) -> None:
        """Stop what another thread is running on it."""
        ...

    def close(self) -> None:
        """Let go of it."""
        ...


class Copy(Protocol):
    """Copies a database into a new file."""

    def __call__(self, path: str, target: str, /) -> None:
        """Copy the database at one path, which nobody has open, to another; raises WorldError."""
        ...


class Connect(Protocol):
    """Opens a database file, or makes it."""

    def __call__(self, path: str, *, read_only: bool = False) -> Connection:
        """Return a connection; raises WorldError."""
        ...
