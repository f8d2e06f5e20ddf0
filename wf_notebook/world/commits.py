"""What happens to a group of appends: checked, sealed, written in one commit, and then answered."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wf_notebook.errors import WorldError
from wf_notebook.world.chain import mark, rows_of
from wf_notebook.world.heads import Advance
from wf_notebook.world.rows import Rows
from wf_notebook.world.schema import insert, parameters

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from wf_notebook.world.chain import Place
    from wf_notebook.world.connection import Connection, Row, Statement
    from wf_notebook.world.head import HeadFile
    from wf_notebook.world.heads import Heads
    from wf_notebook.world.keyring import Keyring
    from wf_notebook.world.recent import Recent
    from wf_notebook.world.rows import Packed, Stored
    from wf_notebook.world.writer import Commit


class Committer:
    """Turns groups of appends into commits: check, seal, write, and only then answer.

    Args:
        recent: told of chunks once they are durable.

    Attributes:
        commits: made since the world was opened.
        place: of the last one in the log of the world.
        broken: why nothing more can be written until the world is opened again, or None.
    """

    def __init__(  # noqa: PLR0913 - everything it acts on comes in through the door
        self,
        connection: Connection,
        heads: Heads,
        keyring: Keyring,
        *,
        place: Place,
        head: HeadFile | None,
        stored: Stored,
        recent: Recent,
    ) -> None:
        self.commits = 0
        self.place = place
        self._head = head
        self._connection = connection
        self._heads = heads
        self._keyring = keyring
        self._stored = stored
        self._recent = recent
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

    def change(self, made: Callable[[int], tuple[Sequence[Statement], Sequence[Row]]]) -> None:
        """Write something else than appends, in a commit of its own.

        Rows that were written may go or change with it: the chain is marked anew where it ends.

        Args:
            made: returns what to run, and the rows of `upkeep` that say what it was, given the
                number of the commit.

        Raises:
            WorldError: it was not written.
        """
        if self.broken is not None:
            raise self.broken
        statements, notes = made(self.place.commit_no + 1)
        place = self.place.after({"upkeep": notes})
        noted = (insert("upkeep", len(notes)), parameters(list(notes)))
        self._run([*statements, noted, mark(place)], place)
        self._count(place)

    def move(self, connection: Connection) -> None:
        """Write through another connection from now on."""
        self._connection = connection

    def _write(self, group: Sequence[Commit]) -> list[Advance | BaseException]:
        if self.broken is not None:
            raise self.broken
        rows = Rows(self.place.commit_no + 1, self._keyring, self._connection.query, self._stored)
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
        for job, answer in zip(group, answers, strict=True):
            if isinstance(answer, Advance):
                self._follow(job.item, answer)
        return answers

    def _follow(self, item: Packed, advance: Advance) -> None:
        """Keep what is known of a run up with an append that is durable."""
        run_id, recent = item.append.run_id, self._recent
        if advance.began:
            recent.begin(run_id)
        if item.chunks:
            found = zip(item.append.chunks, advance.places, item.chunks, strict=True)
            recent.add(run_id, [(c.stream, n, data) for c, n, data in found if n is not None])
        if advance.ended:
            self._heads.forget(run_id)
            self._stored.forget(run_id)
            recent.end(run_id)

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
        place = rows.place(self.place)
        self._run(statements, place)
        rows.written()
        self._count(place)

    def _run(self, statements: Sequence[Statement], place: Place) -> None:
        try:
            self._connection.write(statements)
        except Exception as error:
            if not self._is_written(place, error):
                raise

    def _count(self, place: Place) -> None:
        self.place = place
        self.commits += 1
        if self._head is not None:
            self._head.note(place)

    def _is_written(self, place: Place, error: Exception) -> bool:
        """An exception from a commit does not say that it was not written: read it back.

        Its ids and sealed bytes were made for it: what gives the same place is this commit.
        """
        number = place.commit_no
        try:
            found = rows_of(self._connection.query, number, number)
        except Exception:  # noqa: BLE001 - whatever it was, nobody knows now
            raise self._unknown(error) from error
        if not found:
            return False
        if self.place.after(found[number]) != place:
            raise self._unknown(error) from error
        return True

    def _unknown(self, error: Exception) -> WorldError:
        self.broken = WorldError(
            f"It is not known whether the last commit was written: {error}",
            hint="Close the world and open it again: the file knows.",
        )
        return self.broken
