"""Reads tests/corpus/drafts: what models answer, and what comes of it."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

FOLDER = Path(__file__).parents[1] / "corpus" / "drafts"
FILES = sorted(FOLDER.glob("*.txt"))


class Answer(NamedTuple):
    """An answer and the codes of what is found in it."""

    text: str
    codes: tuple[str, ...]


class Case(NamedTuple):
    """A case: `ends` is how its rehearsal ends, or "" if it is not rehearsed."""

    name: str
    answers: tuple[Answer, ...]
    outcome: str
    steps: tuple[str, ...]
    ends: str


def cases() -> list[Case]:
    return [case(part) for path in FILES for part in path.read_text("utf-8").split("\n=== ")[1:]]


def case(part: str) -> Case:
    name, _, rest = part.partition("\n")
    body, _, last = rest.rpartition("\n==> ")
    outcome, *words = last.split()
    steps = tuple(sorted(words[0].split(","))) if words else ()
    return Case(
        name,
        tuple(answer(block) for block in body.split("<<<\n")[1:]),
        outcome,
        steps,
        words[1] if len(words) > 1 else "",
    )


def answer(block: str) -> Answer:
    text, _, codes = block.rpartition("\n--> ")
    found = tuple(codes.split())
    return Answer(text, () if found == ("nothing",) else found)
