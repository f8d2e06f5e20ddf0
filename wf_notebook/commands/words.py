"""How is the line of `%wf` split into words, so that JSON and SQL survive their quotes?"""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

import click

from wf_notebook.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping


def split_words(line: str, commands: Mapping[str, click.Command]) -> list[str]:
    """Split a line as a shell would, but leave the raw tail of a command alone; it may have lines.

    A command with a raw tail (`resume TOKEN {"ok": true}`, `sql select …`) takes its options first,
    then so many words, then the rest of the line as it is.

    Raises:
        UsageError: a quote isn't closed.
    """
    name, rest = _head(line)
    command = commands.get(name)
    count: int | None = getattr(command, "raw_after", None)
    if command is None or count is None:
        return _shell_split(line)
    words, tail = _before_tail(rest, command, count)
    return [name, *words, *(["--", tail] if tail else [])]


def _head(text: str) -> tuple[str, str]:
    """The first word by the shell's rules, and what follows it, untouched."""
    text = text.lstrip()
    end = 0
    quote = ""
    while end < len(text) and (quote or not text[end].isspace()):
        character = text[end]
        if quote:
            quote = "" if character == quote else quote
        elif character in "'\"":
            quote = character
        end += 1
    words = _shell_split(text[:end])
    return (words[0] if words else ""), text[end:].strip()


def _shell_split(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError as problem:
        msg = f"The line cannot be split into words: {problem}."
        raise UsageError(msg, hint="Close the quotes.") from None


def _before_tail(text: str, command: click.Command, count: int) -> tuple[list[str], str]:
    """Options with their values and `count` further words; then the tail."""
    words: list[str] = []
    left = count
    while text and (left or text.startswith("-")):
        word, rest = _head(text)
        option = _is_option(word, command)
        if not left and not option:
            break
        words.append(word)
        if option and _takes_value(word, command):
            value, rest = _head(rest)
            words.append(value)
        left -= not option
        text = rest
    return words, text


def _options(command: click.Command) -> dict[str, click.Option]:
    found = [one for one in command.params if isinstance(one, click.Option)]
    return {text: one for one in found for text in one.opts}


def _is_option(word: str, command: click.Command) -> bool:
    return word.partition("=")[0] in ("--help", *_options(command))


def _takes_value(word: str, command: click.Command) -> bool:
    option = _options(command).get(word)
    return option is not None and not option.is_flag
