"""What is a command of the table, and what does it know of its caller?"""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from wf_notebook.commands.twins import TWINS
from wf_notebook.commands.words import split_words
from wf_notebook.errors import UsageError
from wf_notebook.views.drafted import draft_text

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from wf_notebook.api import World
    from wf_notebook.drafting.drafts import Draft
    from wf_notebook.views.listing import Chosen


def _as_text(_world: World, _chosen: Chosen, view: str | None) -> bool:
    """Show no table: there is nothing here to show it in."""
    if view not in (None, "text"):
        msg = f"A terminal cannot show a {view}."
        raise UsageError(msg, hint="Leave --view out here, or use %wf runs in a notebook.")
    return False


class Command(click.Command):
    """A command with examples, and perhaps a tail of the line that is taken as it is.

    Attributes:
        examples: lines without their first word, which is the caller's (`%wf` or `wf`).
        raw_after: after so many words the rest of a `%wf` line is one raw word; None for never.
        world: whether it works on a world.
    """

    def __init__(
        self,
        *args: Any,
        examples: Sequence[str] = (),
        raw_after: int | None = None,
        world: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.examples = tuple(examples)
        self.raw_after = raw_after
        self.world = world

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the function twin, and examples with the caller's own first word and quotes."""
        if twin := TWINS.get(str(self.name)):
            with formatter.section("From Python"):
                formatter.write(f"  {twin}\n")
        if self.examples:
            word = ctx.find_root().info_name or ""
            with formatter.section("Examples"):
                for example in self.examples:
                    shown = example if word.startswith("%") else self._for_a_shell(example)
                    formatter.write(f"  {word} {shown}\n")

    def _for_a_shell(self, example: str) -> str:
        if self.raw_after is None:
            return example
        words = split_words(example, {str(self.name): self})
        return shlex.join(word for word in words if word != "--")


def _printed(made: Draft, _source_hash: str) -> None:
    """Show a draft where there is no next cell: as text, and the cell itself."""
    click.echo(draft_text(made.view()))
    if made.ok:
        click.echo(f"\n{made.cell()}", nl=False)


def _kept_nowhere(_value: object, _name: str | None) -> bool:
    return False


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls a command.

    Attributes:
        word: `%wf` or `wf`: the first word of the hints.
        open_world: opens or returns the world; its argument says whether something will be written.
        ask: asks a person one question and returns the line typed.
        notebook: the notebook whose latest run a missing RUN means; None for any.
        width: columns of the terminal that tables have to fit; None for as many as they take.
        saved: whether what is printed may be saved in a notebook: then titles stay out of it.
        drafter: the model that is set for drafts, or "".
        land: shows a draft, under its hash if it may be approved, and hands its cell over.
        world_named: says whether the caller has named the world, so that no other will do.
        shows: shows a table of runs, in that view if one is named; False where they are printed.
        gives: keeps a value as that of the line, or under a name; False where nothing is kept.
    """

    word: str
    open_world: Callable[[bool], World]
    ask: Callable[[str], str]
    notebook: str | None = None
    width: int | None = None
    saved: bool = False
    drafter: str = ""
    land: Callable[[Draft, str], None] = _printed
    world_named: Callable[[], bool] = bool
    shows: Callable[[World, Chosen, str | None], bool] = _as_text
    gives: Callable[[object, str | None], bool] = _kept_nowhere

    def look(self) -> World:
        """Return the world, to read from."""
        return self.open_world(False)  # noqa: FBT003 - the parameter's name is just above

    def change(self) -> World:
        """Return the world, to write to."""
        return self.open_world(True)  # noqa: FBT003 - as above
