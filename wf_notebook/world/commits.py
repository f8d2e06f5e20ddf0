"""What happens to a group of appends: checked, sealed, written in one commit, and then answered."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wf_notebook.errors import WorldError
from wf_notebook.world.reader import is_written
from wf_notebook.world.rows import Rows

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from wf_notebook.world.connection import Connection, Statement
    from wf_notebook.world.heads import Advance, Heads
    from wf_notebook.world.keyring import Keyring
    from wf_notebook.world.rows import Packed
    from wf_notebook.world.writer import Commit


class Committer:
    """Turns groups of appends into commits: check, seal, write, and only then answer.

    Attributes:
        commits: made since the world was opened.
        commit_no: of the last one, counted from the world's beginning.
        broken: why nothing more can be written until the world is opened again, or None.
    """

    def __init__(
        self,
        connection: Connection,
        heads: Heads,
        keyring: Keyring,
        *,
        commit_no: int,
        blobs: dict[str, set[str]],
    ) -> None:
        self.commits = 0
        self.commit_no = commit_no
        self._connection = connection
        self._heads = heads
        self._keyring = keyring
        self._blobs = blobs
        self.broken: WorldError | None = None

    def commit(self, group: Sequence[Commit]) -> None:
        """Write what of a group may be written, in one commit; resolve all its futures."""
        try:
            answers = self._write(group)
        except BaseException as error:  # noqa: BLE001 - each append hears of it
            answers = [error] * len(group)
        for job, answer in zip(group, answers, strict=True):
            if isinstance(answer, BaseException):
                job.future.set_exception(answer)
            else:
                job.future.set_result(answer.events)

    def change(self, statements: Callable[[int], Sequence[Statement]]) -> None:
        """Write something else than appends, in a commit of its own.

        Args:
            statements: returns them, given the commit's number, which one of them records.

        Raises:
            WorldError: it was not written.
        """
        if self.broken is not None:
            raise self.broken
        commit_no = self.commit_no + 1
        self._run(statements(commit_no), commit_no)
        self._count(commit_no)

    def move(self, connection: Connection) -> None:
        """Write through another connection from now on."""
        self._connection = connection

    def _write(self, group: Sequence[Commit]) -> list[Advance | BaseException]:
        if self.broken is not None:
            raise self.broken
        rows = Rows(self.commit_no + 1, self._keyring, self._connection.query, self._blobs)
        answers = [self._accept(job.item, rows) for job in group]
        accepted = [answer for answer in answers if not isinstance(answer, BaseException)]
        try:
            self._commit(rows)
        except BaseException:
            # Those that were refused may have been refused for what is not written now; they hear
            # of the failure, too, and may ask again.
            for advance in reversed(accepted):
                advance.undo()
            raise
        for advance in accepted:
            if advance.ended:
                self._heads.forget(advance.events[-1].run_id)
                self._blobs.pop(advance.events[-1].run_id, None)
        return answers

    def _accept(self, item: Packed, rows: Rows) -> Advance | BaseException:
        try:
            advance = self._heads.advance(item.append)
        except Exception as error:  # noqa: BLE001 - it is the answer to this append alone
            return error
        try:
            rows.add(item, advance)
        except Exception as error:  # noqa: BLE001 - the same
            advance.undo()
            return error
        return advance

    def _commit(self, rows: Rows) -> None:
        statements = rows.statements()
        if not statements:
            return
        self._run(statements, rows.commit_no)
        rows.written()
        self._count(rows.commit_no)

    def _run(self, statements: Sequence[Statement], commit_no: int) -> None:
        try:
            self._connection.write(statements)
        except Exception as error:
            if not self._is_written(commit_no, error):
                raise

    def _count(self, commit_no: int) -> None:
        self.commit_no = commit_no
        self.commits += 1

    def _is_written(self, commit_no: int, error: Exception) -> bool:
        """An exception from a commit does not say that it was not written: look."""
        try:
            return is_written(commit_no, self._connection.query)
        except Exception:  # noqa: BLE001 - whatever it was, nobody knows now
            self.broken = WorldError(
                f"It is not known whether the last commit was written: {error}",
                hint="Close the world and open it again: the file knows.",
            )
            raise self.broken from error
