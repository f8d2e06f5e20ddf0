"""Which names a source finds without importing: what it asks the host with, and the present."""

from __future__ import annotations

import builtins
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, cast

from wf_notebook.guest import problems
from wf_notebook.guest.agreed import MAX_TIME_US, PRINT_ROOM, due_in
from wf_notebook.guest.calls import AskedFuture, make_steps, to_tree
from wf_notebook.guest.durations import parse_duration
from wf_notebook.guest.failures import printable
from wf_notebook.guest.hooks import Hook
from wf_notebook.guest.values import Tree, canonical

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wf_notebook.guest.chance import Chance
    from wf_notebook.guest.journal import Journal
    from wf_notebook.guest.loop import DeterministicLoop

__all__ = ["Prints", "Surface"]

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_MAX_TOKEN: Final = 200
_MAX_TITLE: Final = 500
_MAX_METADATA: Final = 64_000  # characters of its canonical text: it is read, not computed with


class Prints:
    """What a body has printed: each `print` has its index in the run."""

    def __init__(self) -> None:
        """Begin at index 0."""
        self._count = 0
        self._room = PRINT_ROOM
        self._full = False
        self._new: list[list[Any]] = []

    def add(self, text: str) -> None:
        """Keep a text; of one activation, at most a million characters."""
        if not self._full:
            self._full = len(text) > self._room
            cut = "\n[the rest of this output was cut]\n" if self._full else ""
            self._new.append([self._count, printable(text[: self._room]) + cut])
            self._room -= len(text) or 1  # or it could go on for ever with nothing
        self._count += 1

    def rest(self) -> None:
        """Begin another activation: it may print as much again."""
        self._room = PRINT_ROOM
        self._full = False

    def take(self) -> list[list[Any]]:
        """Return `[index, text]` of what is new, once."""
        new, self._new = self._new, []
        return new


class Surface:
    """The predefined names of one run."""

    def __init__(
        self,
        *,
        loop: DeterministicLoop,
        journal: Journal,
        chance: Chance,
        prints: Prints,
        schemas: Sequence[str],
    ):
        """Serve one run; `schemas` are the names that `create_hook` may be given."""
        self._loop = loop
        self._journal = journal
        self._chance = chance
        self._prints = prints
        self._schemas = tuple(schemas)

    def names(
        self, offered: Mapping[str, Sequence[tuple[str, str, bool]]], modules: Mapping[str, Any]
    ) -> dict[str, object]:
        """Return every predefined name; `offered` are the steps' parameters by alias."""
        return {
            "steps": make_steps(offered, loop=self._loop, journal=self._journal),
            "sleep": self.sleep,
            "create_hook": self.create_hook,
            "now": self.now,
            "uuid4": self._chance.uuid4,
            "print": self.print,
            "asyncio": modules["asyncio"],
            "random": modules["random"],
            "FatalError": problems.FatalError,
            "RetryableError": problems.RetryableError,
            "StepError": problems.StepError,
            "HookConflictError": problems.HookConflictError,
        }

    # --------------------------------------------------------------------- time

    def now(self) -> datetime:
        """Return the time of the last event, aware, UTC."""
        return _EPOCH + self._journal.now_us * _MICROSECOND

    def sleep(self, duration: str | float | timedelta | datetime) -> AskedFuture:
        """Begin to sleep; await what is returned.

        Args:
            duration: "1h 30m", seconds, a timedelta, or an aware datetime to wake at.

        Raises:
            ValueError: the text cannot be read, or the datetime has no time zone.
            TypeError: it is something else.
        """
        return self._sleep_until(self._due(duration), self._journal.line())

    def sleep_seconds(self, seconds: float, line: int | None) -> AskedFuture:
        """Begin to sleep on behalf of a line: what asyncio.sleep does."""
        return self._sleep_until(due_in(seconds, self._journal.now_us), line)

    def _sleep_until(self, due_us: int, line: int | None) -> AskedFuture:
        command = {"op": "wait", "kind": "sleep", "due_us": due_us, "line": line}
        return AskedFuture.begin(self._loop, self._journal, command, "sleep")

    def _due(self, duration: str | float | timedelta | datetime) -> int:
        if not isinstance(duration, datetime):
            return due_in(parse_duration(duration), self._journal.now_us)
        if duration.utcoffset() is None:
            msg = "sleep() takes a datetime with a time zone; add tzinfo=datetime.timezone.utc"
            raise ValueError(msg)
        return min(max((duration - _EPOCH) // _MICROSECOND, 0), MAX_TIME_US)

    # -------------------------------------------------------------------- hooks

    def create_hook(
        self,
        token: str | None = None,
        schema: str | None = None,
        timeout: str | float | timedelta | None = None,
        title: str | None = None,
        *,
        metadata: object = None,
    ) -> Hook:
        """Open a hook; await it, or iterate over it, for payloads.

        Args:
            token: by which it is resumed, 1 to 200 characters; one that cannot be guessed, if None.
            schema: the name of the model that a payload must fit.
            timeout: how long to wait for the first payload before TimeoutError.
            title: what people read above the form, up to 500 characters.
            metadata: what whoever answers should know: any value that can be recorded.

        Raises:
            ValueError: no such schema, or a text or the metadata is too long.
            TypeError: an argument is of another type, or the metadata cannot be recorded.
        """
        seconds = None if timeout is None else parse_duration(timeout)
        command = {
            "op": "hook",
            "token": _text("token", token or self._chance.token(), _MAX_TOKEN),
            "schema": self._known_schema(schema),
            "title": None if title is None else _text("title", title, _MAX_TITLE),
            "metadata": _metadata(metadata),
            "line": self._journal.line(),
        }
        if token == "":
            msg = "create_hook(token=...) cannot be empty; leave it out for one that is drawn"
            raise ValueError(msg)
        hook = Hook(command, self._journal)
        if seconds is not None:
            hook.expire_in(seconds, self._loop)
        return hook

    def _known_schema(self, schema: Any) -> str | None:
        if schema is None or schema in self._schemas:
            return cast("str | None", schema)
        offered = ", ".join(map(repr, self._schemas)) or "none"
        if not isinstance(schema, str):
            msg = f"create_hook(schema=...) takes the name of a model; this run has: {offered}"
            raise TypeError(msg)
        msg = f"this run has no schema {schema!r}; it has: {offered}"
        raise ValueError(msg)

    # ------------------------------------------------------------------- prints

    def print(
        self,
        *values: object,
        sep: Any = " ",
        end: Any = "\n",
        file: Any = None,
        flush: bool = False,  # noqa: ARG002 - as in Python's print
    ) -> None:
        """Keep a line of output with the run, or write it to an object such as io.StringIO.

        Raises:
            TypeError: `sep` or `end` is not a text.
        """
        for name, text in (("sep", sep), ("end", end)):
            if text is not None and not isinstance(text, str):
                msg = f"{name} must be None or a string, not {type(text).__name__}"
                raise TypeError(msg)
        joined = (" " if sep is None else sep).join(map(str, values))
        write = self._prints.add if file is None else file.write
        write(joined + ("\n" if end is None else end))


def _metadata(value: object) -> Tree:
    tree = to_tree(value, "metadata")
    if (size := len(canonical(tree))) > _MAX_METADATA:
        msg = f"create_hook(metadata=...) takes up to {_MAX_METADATA} characters, not {size}"
        raise ValueError(msg)
    return tree


def _text(name: str, value: Any, limit: int) -> str:
    if not isinstance(value, str):
        msg = f"create_hook({name}=...) takes a text, not {type(value).__name__}"
        raise TypeError(msg)
    if len(value) > limit:
        msg = f"create_hook({name}=...) takes up to {limit} characters, not {len(value)}"
        raise ValueError(msg)
    if printable(value) != value:
        msg = f"create_hook({name}=...) has a lone surrogate in it"
        raise ValueError(msg)
    return builtins.str(value)
