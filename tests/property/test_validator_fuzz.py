"""Whatever the text is, the check answers with diagnostics."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any, Self
from unittest import mock

from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.security.attempts import attempts
from tests.sizes import sized
from wf_notebook.definition.compile import names_used, normalise
from wf_notebook.definition.validate import validate
from wf_notebook.guest.language import MAX_NODES, MAX_PROBLEMS, MAX_WORDS
from wf_notebook.guest.scan import _Scan
from wf_notebook.guest.walk import Walk

CORPUS = Path(__file__).parents[1] / "corpus"
SEEDS = [path.read_text("utf-8") for path in sorted((CORPUS / "benign").glob("*.py"))]
ATTEMPTED = [attempt.source for attempt in attempts()]
REFUSED = (CORPUS / "malicious" / "refusals.txt").read_text("utf-8")
WORDS = [
    *("steps", "sleep", "create_hook", ".x", "._x", "__class__", "eval", "import", "from", "*"),
    *("async ", "await ", "def f", "class A", "lambda", "match x", "case ", "return ", "yield "),
    *("(", ")", "[", "]", "{", "}", ":", ",", ";", "=", ":=", "->", "@", "\n", "\n    ", "\t"),
    *("'", '"', '"""', "f'{", "}'", "\\", "#", "\0", "\ud800", "ｅ", "é", "1", "0x", "9" * 50),
    *("if ", "else", "elif x:", "try:", "except* E as e:", "finally:", "with a as b:", "for x in"),
    *("global x", "nonlocal x", "del x", "not ", "-", "**", "...", "\r", "\f", "\u2028", "\x1a"),
]  # fmt: skip
TEXTS = st.one_of(
    st.text(max_size=300),
    st.lists(st.sampled_from(WORDS), max_size=60).map("".join),
    st.lists(st.sampled_from(WORDS), max_size=60).map(" ".join),
)
OPTIONS = st.fixed_dictionaries({
    "export_name": st.none() | st.sampled_from(["workflow", "f", "", "_x"]),
    "name": st.none() | st.sampled_from(["workflow", "nightly"]),
    "cell": st.booleans(),
})  # fmt: skip


# Whole words of real sources, in any order.
SOUP = st.lists(
    st.sampled_from(sorted({word for seed in SEEDS for word in re.findall(r"\w+|\W", seed)})),
    max_size=120,
)


MANY = settings(max_examples=sized(500, 4_000))  # of each of five suites: by night 20,000 together


class Work:
    """Counts what a check does: the bounds hold whatever the text is, on any machine."""

    def __init__(self) -> None:
        self.nodes = self.words = 0
        self._patches = [
            mock.patch.object(Walk, "_affordable", self._counting(Walk._affordable, "nodes")),
            mock.patch.object(_Scan, "see", self._counting(_Scan.see, "words")),
        ]

    def _counting(self, method: Any, what: str) -> Any:
        def counting(*args: Any) -> Any:
            setattr(self, what, getattr(self, what) + 1)
            return method(*args)

        return counting

    def __enter__(self) -> Self:
        for patch in self._patches:
            patch.start()
        return self

    def __exit__(self, *error: object) -> None:
        for patch in self._patches:
            patch.stop()


def answered(source: str, **options: object) -> None:
    """Check a text; assert that what comes back is well formed and says where to look."""
    with Work() as work:
        well_formed(source, **options)
    assert work.nodes <= 2 * (MAX_NODES + 10)  # it is checked twice: once for the names it uses
    assert work.words <= 2 * (MAX_WORDS + len(source.split("\n")) + 1)


def well_formed(source: str, **options: object) -> None:
    text = normalise(source)
    found = validate(text, aliases=("x", "fetch_order"), schemas=("A",), **options)  # type: ignore[arg-type]
    lines = text.split("\n")
    assert len(found.diagnostics) <= MAX_PROBLEMS + 1
    assert list(found.diagnostics) == sorted(found.diagnostics)
    for problem in found.diagnostics:
        assert 1 <= problem.line <= problem.end_line <= len(lines)
        assert 1 <= problem.column <= len(lines[problem.line - 1]) + 1
        assert (problem.line, problem.column) <= (problem.end_line, problem.end_column)
    if not found.diagnostics:
        assert found.entry is not None
        ast.parse(text)
    names_used(source)


@MANY
@given(TEXTS, OPTIONS)
@example("async def workflow():\n    return 1\n", {})
@example("\x0c\x0c\xa0x\n", {})
@example("f'''é\n{a.b}\n''' + ü.b", {})
def test_any_text_is_answered(source: str, options: dict[str, object]) -> None:
    """No text makes the check raise: it is accepted or refused, with places inside the text."""
    answered(source, **options)


@MANY
@given(SOUP, st.sampled_from(["", " ", "\n"]))
def test_words_in_any_order_are_answered(words: list[str], between: str) -> None:
    """Nor do the words of real sources, mixed."""
    answered(between.join(words))
    answered("async def workflow():\n    " + between.join(words))


@MANY
@given(st.binary(max_size=400), st.sampled_from(["latin-1", "utf-8", "utf-16", "utf-7"]))
def test_any_bytes_are_answered(data: bytes, encoding: str) -> None:
    """Nor does what was read with a wrong encoding."""
    answered(data.decode(encoding, "replace"))
    answered(data.decode("utf-8", "surrogateescape"))


@settings(max_examples=sized(100, 1_000))
@given(st.lists(st.sampled_from(WORDS), min_size=1, max_size=4), st.integers(100, 20_000))
def test_long_repetitions_are_answered(words: list[str], times: int) -> None:
    """Nor does a little, repeated until it is much."""
    answered("".join(words) * times)


@MANY
@given(st.data())
def test_mutated_sources_are_answered(data: st.DataObject) -> None:
    """Nor does a source from which something was cut, doubled or put elsewhere."""
    source = data.draw(st.sampled_from(SEEDS + ATTEMPTED))
    begin = data.draw(st.integers(0, len(source)))
    end = data.draw(st.integers(begin, min(len(source), begin + 200)))
    put = data.draw(st.sampled_from(WORDS) | st.just(source[begin:end] * 2) | st.just(""))
    answered(source[:begin] + put + source[end:])


@MANY
@given(st.data())
def test_mixed_refusals_are_answered(data: st.DataObject) -> None:
    """Nor do pieces of what is refused, put together at random."""
    lines = REFUSED.split("\n")
    chosen = data.draw(st.lists(st.integers(0, len(lines) - 1), max_size=40))
    answered("\n".join(lines[index] for index in chosen))


@given(st.text(alphabet="ab\r\n", max_size=60))
def test_normalising_twice_changes_nothing(source: str) -> None:
    """What is stored is hashed as it is: normalising is idempotent, LF only, one at the end."""
    once = normalise(source)
    assert normalise(once) == once
    assert "\r" not in once
    assert once.endswith("\n")
    assert not once.endswith("\n\n")
