"""Whether the mutation score can be believed: mutants are what they say, and verdicts are right."""

from __future__ import annotations

import faulthandler
from typing import TYPE_CHECKING

import pytest

from tests.mutation.equivalent import EQUIVALENT
from tests.mutation.mutants import Mutant, mutants_of
from tests.mutation.running import BrokenTestsError, Verdict, court
from tests.mutation.scoring import Tried, candidates, chosen, score, share, table
from tests.mutation.targets import GROUPS, PACKAGE, ROOT, stages_of

if TYPE_CHECKING:
    from pathlib import Path

SMALL = '''\
"""How long things are."""

from __future__ import annotations

__all__ = ["total"]


def total(lengths: list[int | None], *, most: int = 9) -> int:
    """Add lengths."""
    found = 0
    while lengths and found < most:
        try:
            found += lengths.pop() or 1
        except TypeError:
            msg = f"not a length: {lengths}"
            raise ValueError(msg) from None
    return found
'''
TESTS = """\
import pytest
from wf_notebook.small import total


def test_total():
    assert total([1, 2, None]) == 4


def test_not_a_length():
    with pytest.raises(ValueError):
        total(["1"])
"""
STAGES = (("tests/test_small.py",),)


def changed(source: str) -> list[str]:
    return [mutant.change for mutant in mutants_of(source, "x.py")]


def small(change: str) -> Mutant:
    return next(m for m in mutants_of(SMALL, "small.py") if m.change == change)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A tree with one module and its tests."""
    for folder, name, text in (("wf_notebook", "small", SMALL), ("tests", "test_small", TESTS)):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "__init__.py").touch()
        (tmp_path / folder / f"{name}.py").write_text(text)
    (tmp_path / "pyproject.toml").write_text('[tool.pytest]\npythonpath = ["."]\n')
    return tmp_path


# ------------------------------------------------------------------------------------- mutants


def test_each_kind_of_mistake_is_made() -> None:
    """Conditions, arithmetic, constants, jumps, handlers, returns, effects: one change each."""
    assert changed(SMALL) == [
        "9 -> 10", "0 -> 1", "negate the condition", "And -> Or", "Lt -> LtE", "Lt -> GtE",
        "drop the statement", "Or -> And", "1 -> 2", "catch nothing", "drop the statement",
        "return None",
    ]  # fmt: skip
    assert changed("for x in y:\n    if not x: break") == [
        "go round no element", "drop Not", "break -> continue",
    ]  # fmt: skip
    assert changed("x = [a for a in b if a]") == ["drop the filter"]
    assert changed("x = a if b else c") == ["negate the condition"]
    assert changed("x = _names('a b')") == ["drop the word a", "drop the word b"]


def test_what_no_test_can_see_is_left_alone() -> None:
    """Annotations, imports, `__all__`, docstrings, type-checking and wording stay as they are."""
    assert changed('"""Text."""\nfrom a import b\n__all__ = ["c"]\n__slots__ = ("d",)') == []
    assert changed('def f(x: "A" = None) -> "B":\n    """Text."""') == []
    assert changed("if TYPE_CHECKING:\n    x = 1") == []
    assert changed("x = cast('int', y)\nz = f'{x + 1}'\nw = 'two words'") == []
    assert changed("@dataclass(frozen=True)\nclass A: ...") == []


def test_a_mutant_is_its_module_but_for_one_place() -> None:
    """What follows the change keeps its line, also after one that spans several."""
    source = "x = (\n    a\n    and\n    b\n)\ny = f(\n    1,\n)\nz = 3\n"
    for mutant in mutants_of(source, "x.py"):
        compile(mutant.text, "x.py", "exec")
        assert mutant.text.count("\n") == source.count("\n")
        assert source.splitlines()[mutant.line - 1].strip() == mutant.at
    changes = [str(mutant) for mutant in mutants_of("x = 1\n", "x.py")]
    assert changes == ["x.py:1: 1 -> 2  in  x = 1"]


def test_every_module_of_a_part_is_there_and_tested() -> None:
    """Parts name modules that exist, each once, and test files that exist."""
    modules = [module for group in GROUPS.values() for module in group]
    assert len(set(modules)) == len(modules)
    for module in modules:
        assert (PACKAGE / module).exists()
        assert [
            test for stage in stages_of(module) for test in stage if not (ROOT / test).exists()
        ] == []


def test_every_equivalent_mutant_is_one() -> None:
    """What is excused is a mutant of today's code, with a reason."""
    for module in {module for module, _, _ in EQUIVALENT}:
        there = {
            (m.module, m.at, m.change)
            for m in mutants_of((PACKAGE / module).read_text("utf-8"), module)
        }
        assert {key for key in EQUIVALENT if key[0] == module} - there == set()
    assert all(reason.strip() for reason in EQUIVALENT.values())


def test_a_seed_names_a_sample() -> None:
    """The same mutants for the same seed, others for another; all if fewer are there."""
    module = "definition/validate.py"
    assert chosen(module, sample=5, seed=1) == chosen(module, sample=5, seed=1)
    assert chosen(module, sample=5, seed=1) != chosen(module, sample=5, seed=2)
    assert chosen(module, sample=10_000, seed=1) == candidates(module)


# ------------------------------------------------------------------------------------ verdicts


def test_a_mistake_is_noticed_survives_or_takes_too_long(tree: Path) -> None:
    """Killed by a test, by the time limit, or not at all; and the copy is whole afterwards."""
    with court(tree, patience=(2, 1)) as here:
        told = {
            change: here.try_mutant(small(change), STAGES)
            for change in ("catch nothing", "9 -> 10")
        }
        endless = small("drop the statement")
        assert "found +=" in endless.at
        told["endless"] = here.try_mutant(endless, STAGES)
        assert (here.folder / "wf_notebook" / "small.py").read_text() == SMALL
    assert told == {
        "catch nothing": Verdict(killed=True, by="tests/test_small.py::test_not_a_length"),
        "9 -> 10": Verdict(killed=False),
        "endless": Verdict(killed=True, by="time"),
    }
    assert (tree / "wf_notebook" / "small.py").read_text() == SMALL
    assert not here.folder.exists()


def test_tests_that_fail_anyway_say_nothing(tree: Path) -> None:
    """They are refused, not counted as if they had noticed a mutant."""
    (tree / "tests" / "test_small.py").write_text("def test_broken():\n    assert False\n")
    with court(tree) as here, pytest.raises(BrokenTestsError, match="test_broken"):
        here.try_mutant(small("0 -> 1"), STAGES)


def test_the_table_counts_and_names_survivors() -> None:
    """A row for each part, and a line for each mutant that no test noticed."""
    one, other = mutants_of(SMALL, "small.py")[:2]
    tried = [
        Tried("state", one, Verdict(killed=True, by="x")),
        Tried("state", other, Verdict(killed=False)),
    ]
    assert share(tried) == 0.5
    assert table(tried).splitlines()[1:] == [
        f"{'state':28}{2:8}{1:8}{1:10}   50.0%", "", str(other),
    ]  # fmt: skip


# ------------------------------------------------------------------------------------- by night


@pytest.mark.nightly
@pytest.mark.parametrize("part", GROUPS)
def test_the_tests_notice_most_mistakes(part: str) -> None:
    """Of a sample of mutants at least 85 % are killed; the survivors are printed."""
    faulthandler.cancel_dump_traceback_later()  # a sample takes longer than any test may
    tried = score([part], sample=60, seed=1)
    print(table(tried))
    assert share(tried) >= 0.85
