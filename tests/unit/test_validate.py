"""Which sources are refused, where, and with which way out."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from wf_notebook.definition import validate as validation
from wf_notebook.definition.compile import names_used, normalise
from wf_notebook.definition.validate import Findings, validate
from wf_notebook.guest import language, walk

if TYPE_CHECKING:
    from collections.abc import Callable

    from wf_notebook.definition.model import Diagnostic

CORPUS = Path(__file__).parents[1] / "corpus"
BENIGN = sorted((CORPUS / "benign").glob("*.py"))
REFUSALS = CORPUS / "malicious" / "refusals.txt"
ALIASES = ("fetch_order", "charge", "notify")
SCHEMAS = ("Approval", "Payment")
EXPECTED = re.compile(r"--> (WF\d{3}) (\d+):(\d+|\*) ?(.*)")


class Expected(NamedTuple):
    code: str
    line: int
    column: int | None
    words: str


class Case(NamedTuple):
    name: str
    source: str
    expected: list[Expected]


def cases() -> list[Case]:
    """Read the table of refusals."""
    found: list[Case] = []
    for part in REFUSALS.read_text("utf-8").split("\n=== ")[1:]:
        name, _, rest = part.partition("\n")
        lines = rest.rstrip("\n").split("\n")
        matches = [EXPECTED.fullmatch(line) for line in lines if line.startswith("--> ")]
        source = "\n".join(line for line in lines if not line.startswith("--> "))
        wanted = [expectation(m) for m in matches if m is not None]
        assert len(wanted) == len(matches) > 0, name
        found.append(Case(name, source.replace("{hex}", "f" * 5000), wanted))
    return found


def expectation(match: re.Match[str]) -> Expected:
    code, line, column, words = match.groups()
    return Expected(code, int(line), None if column == "*" else int(column), words)


def place(problem: Diagnostic) -> tuple[str, int, int]:
    return problem.code, problem.line, problem.column


def check(source: str, **options: Any) -> Findings:
    defaults = {"aliases": ALIASES, "schemas": SCHEMAS, "cell": True}
    return validate(normalise(source), **(defaults | options))


def codes(source: str, **options: Any) -> list[str]:
    return [d.code for d in check(source, **options).diagnostics]


def body(*lines: str) -> str:
    return "async def workflow(x):\n" + "".join(f"    {line}\n" for line in lines)


# ------------------------------------------------------------------------------- the two corpora


@pytest.mark.parametrize("path", BENIGN, ids=lambda path: path.stem)
def test_what_people_write_is_accepted(path: Path) -> None:
    """A source of the kind that an analyst or a model writes has no problems, directive and all."""
    with path.open(encoding="utf-8", newline="") as file:
        source = normalise(file.read())
    aliases, schemas = names_used(source)
    found = validate(source, aliases=aliases, schemas=schemas)
    assert found.diagnostics == ()
    assert found.steps_used == aliases
    assert aliases, "it uses no step at all"


def test_the_corpora_are_not_thin() -> None:
    """There are enough sources on both sides for the claim to mean something."""
    assert len(BENIGN) >= 100
    assert sum(len(case.expected) for case in cases()) >= 60


@pytest.mark.parametrize("case", cases(), ids=lambda case: case.name)
def test_refusals(case: Case) -> None:
    """All problems are reported at once, in source order, each with code, place and a way out."""
    found = check(case.source).diagnostics
    assert len(found) == len(case.expected)
    for problem, expected in zip(found, case.expected, strict=True):
        column = problem.column if expected.column is None else expected.column
        assert place(problem) == (expected.code, expected.line, column)
        assert expected.words in f"{problem.message} {problem.hint}"
        assert problem.message.endswith(".")
        assert problem.hint, "a problem without a way out"


def test_every_code_has_a_case() -> None:
    """No refusal is untested: all codes of the language stand in the table or in this file."""
    here = Path(__file__).read_text("utf-8") + REFUSALS.read_text("utf-8")
    sources = [*Path(language.__file__).parent.glob("*.py"), Path(validation.__file__)]
    used = {code for path in sources for code in re.findall(r"WF1[0-4]\d", path.read_text("utf-8"))}
    assert used - set(re.findall(r"WF1[0-4]\d", here)) == set()


# ----------------------------------------------------------------------------------- the entry


def entry_of(source: str, **options: Any) -> str | None:
    found = check(source, **options)
    assert found.diagnostics == ()
    return found.entry


def test_the_entry_is_workflow_if_there_is_one() -> None:
    """Of several async functions the one called "workflow" runs."""
    assert entry_of("async def a(): ...\nasync def workflow(): ...\n") == "workflow"


def test_the_entry_is_the_only_async_function() -> None:
    """Helpers beside it don't make it ambiguous as long as they aren't async."""
    assert entry_of("def helper(): ...\nasync def refund(): ...\n") == "refund"


def test_a_name_chooses_the_entry_if_it_fits() -> None:
    """The cell's NAME is the entry if there is such an async function, else only a name."""
    source = "async def refund(): ...\nasync def workflow(): ...\n"
    assert entry_of(source, name="refund") == "refund"
    assert entry_of(source, name="monthly") == "workflow"


def test_export_name_decides() -> None:
    """An entry that is named is taken whatever else there is."""
    source = "async def a(): ...\nasync def workflow(): ...\n"
    assert entry_of(source, export_name="a", name="workflow") == "a"


def test_an_entry_that_is_not_there() -> None:
    """A named entry that doesn't exist is a problem that lists what does."""
    (problem,) = check("async def a(): ...\n", export_name="b").diagnostics
    assert problem.code == "WF115"
    assert problem.hint == "Top-level async functions are: a."


def test_a_named_entry_must_be_async() -> None:
    """Naming a plain function as the entry says that it isn't async."""
    assert codes("def a(): ...\nasync def b(): ...\n", export_name="a") == ["WF112"]


def test_a_helper_may_yield() -> None:
    """Only the entry must not be a generator; what is nested in it may be."""
    source = body("def rows():", "    yield 1", "return list(rows())")
    assert codes(source) == []


# ------------------------------------------------------------------------------- the directive


@pytest.mark.parametrize(
    "first",
    ["pass", '"""Docs."""', '"use  workflow"', 'f"use workflow"', 'x = "use workflow"'],
)
def test_the_directive_is_required(first: str) -> None:
    """Outside of a cell the entry's first statement must be the directive, exactly."""
    (problem,) = check(body(first, '"use workflow"'), cell=False).diagnostics
    assert place(problem) == ("WF114", 2, 5)


def test_the_directive_in_a_cell() -> None:
    """In a cell the %%workflow line is the directive; writing it too does no harm."""
    assert codes(body("pass")) == []
    assert codes(body('"use workflow"'), cell=False) == codes(body('"use workflow"')) == []


# ----------------------------------------------------------------------------------- allowances


@pytest.mark.parametrize(
    "lines",
    [
        ["_, (_, *_) = x, (x, x)", "for _ in x: pass"],
        ["f = steps.fetch_order", "return await f(x)"],
        ['return getattr(x, "ok", None), hasattr(x, "ok")'],
        ["import random, asyncio", "return random.random()"],
        ["from uuid import uuid4", "return uuid4()"],
        ["def late(due, now): return due < now", "return late(x, now())"],
        ["return {print: 1, random: 2}[print]"],
        ["return dict(steps=1, sleep=2, now=3)"],
        ["return x.steps, x.sleep, x.id, x.hash, x.open()"],
        ["class A:", "    now: int = 3", "    def print(self): return self.now"],
        ["id = x.id", "return (lambda: id)()"],
        ["order: Order = x", "def f(a: DataFrame) -> np.ndarray: ..."],
        ["return __name__ == '__main__'"],
        ["return '{0.__class__}'.format(x)"],
        ["return type(x).__name__, x.__cause__"],
        ["return re_compile(x)", "import re", "re_compile = re.compile"],
        ["await asyncio.sleep(3)", "await sleep(3)", "await sleep(x)"],
        ["await create_hook(schema=None)", "await create_hook(x, x, x)"],
        ["def eval(text): return text", "return eval(x)"],
        ["x.a.b[0].c = 1", "x[0]._asdict()"],
    ],
    ids=lambda lines: lines[0],
)
def test_what_harms_nobody_is_accepted(lines: list[str]) -> None:
    """Fidelity is what people feel: nothing is refused for the sake of a boundary."""
    assert codes(body(*lines)) == []


# ------------------------------------------------------------------------------------- bounds


@pytest.mark.parametrize(
    ("source", "code"),
    [
        pytest.param("x" * (128 << 10), "WF102", id="one byte too long"),
        pytest.param("ä" * (64 << 10), "WF102", id="too long in bytes, not in characters"),
        pytest.param("a = 1\0\n", "WF103", id="NUL"),
        pytest.param("a = '\0'\n", "WF103", id="NUL in a text"),
        pytest.param("a = '\ud800'\n", "WF106", id="half a character"),
        pytest.param("(" * 101, "WF104", id="brackets"),
        pytest.param("[" * 60_000, "WF104", id="many brackets"),
        pytest.param("x = " + "-" * 1000 + "1", "WF104", id="minus"),
        pytest.param("x = " + "not " * 1000 + "1", "WF104", id="not"),
        pytest.param("x = " + "lambda: " * 1000 + "1", "WF104", id="lambda"),
        pytest.param("x = " + "1 if 1 else " * 1000 + "1", "WF104", id="conditional"),
        pytest.param("x = " + "2**" * 1000 + "1", "WF104", id="power"),
        pytest.param("import " + "a." * 60_000 + "b", "WF104", id="a dotted name"),
        pytest.param("x = 1" + " + 1" * 200, "WF104", id="a long sum"),
        pytest.param("x = 'a'" + ".strip()" * 100, "WF104", id="a long chain of calls"),
        pytest.param("if 1: 1\n" + "elif 1: 1\n" * 200, "WF104", id="a long elif"),
        pytest.param("if 1: 1\n" + "elif 1: 1\n" * 9000, "WF104", id="a very long elif"),
        pytest.param("".join(" " * i + "if 1:\n" for i in range(200)), "WF104", id="indentation"),
        pytest.param("x = " + "9" * 5000, "WF107", id="a long decimal"),
        pytest.param("x = 0x" + "f" * 5000, "WF107", id="a long hexadecimal"),
        pytest.param("1;" * 30_000, "WF105", id="words"),
        pytest.param("1,\n" * 15_000 + "1;" * 5000, "WF105", id="nodes"),
        pytest.param("f'" + "{1}" * 20_000 + "'", "WF105", id="an f-string"),
        pytest.param("lambda: 0\n" * 600, "WF105", id="functions"),
        pytest.param("[0 for x in ()]\n" * 600, "WF105", id="comprehensions"),
        pytest.param(
            "dict(" + ",".join(f"a{i}=1" for i in range(300)) + ")", "WF105", id="keywords"
        ),
    ],
)
def test_bounds(source: str, code: str) -> None:
    """A source that is too much is one problem with a place, whatever the parser would do."""
    found = check(source + "\nasync def workflow(): ...\n").diagnostics
    assert [d.code for d in found] == [code]


@pytest.mark.parametrize(
    ("most", "write", "code"),
    [
        (100, lambda n: f"x = {'(' * n}1{')' * n}", "WF104"),
        (500, lambda n: f"import {'a.' * n}b", "WF104"),
        (148, lambda n: f"x = {'-' * n}1", "WF104"),
        (14_000, lambda n: f"x = {(1 << n) - 1:#x}", "WF107"),
        (250, lambda n: f"dict({','.join(f'a{i}=1' for i in range(n))})", "WF105"),
        (499, lambda n: "lambda: 0\n" * n, "WF105"),
        (12_498, lambda n: "1\n" * n, "WF105"),
        (19_993, lambda n: f"x = [{'1,' * n}]", "WF105"),
        (9_997, lambda n: f"f'{'{1}' * n}'", "WF105"),
        (1_785, lambda n: "async def f(x):\n" + " async with x: 0\n" * n, "WF105"),
        (1_785, lambda n: "async def f(x):\n" + " async for y in x: 0\n" * n, "WF105"),
        (131_045, lambda n: "#" * n, "WF102"),
    ],
    ids=[
        "brackets",
        "dots",
        "depth",
        "bits",
        "keywords",
        "scopes",
        "nodes",
        "words",
        "fields",
        "with",
        "for",
        "bytes",
    ],
)
def test_a_bound_is_where_it_is_said_to_be(
    most: int, write: Callable[[int], str], code: str
) -> None:
    """As much as that is taken, and one more is refused: a source that runs goes on running."""
    rest = "\nasync def workflow(): ...\n"
    assert code not in codes(write(most) + rest)
    assert code in codes(write(most + 1) + rest)


def test_syntax_that_is_newer_than_the_language(monkeypatch: pytest.MonkeyPatch) -> None:
    """A statement that a later Python adds is refused until somebody has thought about it."""
    monkeypatch.setattr(walk, "_KNOWN", walk._KNOWN - {ast.Match})
    (problem,) = check(body("match x:", "    case 1: pass")).diagnostics
    assert place(problem) == ("WF118", 2, 5)
    monkeypatch.setattr(walk, "_KNOWN", walk._KNOWN - {ast.withitem})  # which stands nowhere
    (problem,) = check(body("with x: pass")).diagnostics
    assert (*place(problem), problem.end_line, problem.end_column) == ("WF118", 1, 1, 1, 1)


def test_what_annotations_hold_is_not_judged() -> None:
    """They are never evaluated: a step, a wait or an unknown name in one is a text."""
    hints = ["steps['a']", "steps.nothing", "time.sleep(1)", "print(file=sys.stderr)", "df.columns"]
    assert codes(body(*(f"x{n}: {hint} = x" for n, hint in enumerate(hints)))) == []


def test_a_module_that_was_not_imported_says_what_to_do() -> None:
    """An offered one is to be imported, another one has a hint of its own."""
    (found,) = check(body("return os.getcwd()")).diagnostics
    assert (found.code, found.hint) == ("WF130", language.MODULE_HINTS["os"])
    (found,) = check(body("return json.dumps(x)")).diagnostics
    assert (found.code, found.hint) == ("WF130", "Write `import json` first.")


def test_copies_of_finally_are_bounded() -> None:
    """The compiler copies finally blocks for each way out: exponentially, when they are nested."""
    nested = "".join(" " * i + "try: 0\n" + " " * i + "finally:\n" for i in range(18))
    returns = "try:\n" + "  if x: return\n" * 900 + "finally:\n" + "  x; x\n" * 900
    for text in (nested + " " * 18 + "0\n", returns):
        source = "async def workflow(x):\n" + "".join(f" {line}\n" for line in text.splitlines())
        assert codes(source) == ["WF105"]


@pytest.mark.parametrize(
    ("source", "code", "span"),
    [
        ("x = 1\n" * 30_000, "WF102", (1, 1, 1, 1)),
        ("a = 1\nb\0\n", "WF103", (2, 2, 2, 3)),
        ("a = 1\nb = 'é\ud800'\n", "WF106", (2, 7, 2, 8)),
        ("é = 1\n" + "(" * 150, "WF104", (2, 101, 2, 102)),
        ("\nlambda: 0" * 600, "WF105", (502, 1, 502, 10)),
        ("\nx = 1\ny = 0x" + "f" * 4000, "WF107", (3, 5, 3, 4007)),
    ],
    ids=["large", "NUL", "half", "brackets", "scopes", "integer"],
)
def test_a_bound_is_told_where_it_is_passed(source: str, code: str, span: tuple[int, ...]) -> None:
    """At the character or the expression, in characters; a size has no place but the beginning."""
    found = next(d for d in check(source).diagnostics if d.code == code)
    assert (found.line, found.column, found.end_line, found.end_column) == span


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["import json", "return json.nothing"], ["WF121"]),
        (["import json", "import json", "return json.nothing"], ["WF121"]),
        (["json = x", "import json", "return json.nothing"], []),
        (["import json", "json = x", "return json.nothing"], []),
        (["import json", "import math as json", "return json.nothing"], []),
    ],
)
def test_a_name_is_a_module_only_if_it_is_nothing_else(
    lines: list[str], expected: list[str]
) -> None:
    """What may be either is not judged: the run says."""
    assert codes(body(*lines)) == expected


def test_the_bound_of_finally_is_where_it_is_said_to_be() -> None:
    """A way out more, and the compiler would write two hundred lines once more: that is refused."""

    def source(ways: int) -> str:
        returns = ["  if x: return"] * ways
        return body("try:", *returns, "finally:", *["  x; x"] * 200)

    assert codes(source(39)) == []
    assert codes(source(40)) == ["WF105"]


def test_a_page_of_finally_is_fine() -> None:
    """Ordinary cleaning up is far from the bound."""
    part = ["try:", "    await steps.charge(x)", "finally:", "    await steps.notify(x)"]
    assert codes(body(*part * 40)) == []


def test_the_largest_source_is_checked() -> None:
    """128 KiB of ordinary statements are within every bound."""
    line = "total_{0} = await steps.charge(x, amount={0}, note='order number {0} of the whole day')"
    lines = [line.format(i) for i in range(10_000)]
    source = body(*lines)[: language.MAX_SOURCE_BYTES - 1]
    source = source[: source.rindex("\n") + 1]
    assert len(source) > language.MAX_SOURCE_BYTES - 200
    assert codes(source) == []


def test_no_more_problems_than_somebody_reads() -> None:
    """A hundred problems are told, the first ones, and that there are more."""
    found = check(body(*["eval(x)", "x._y", "steps.no()"] * 90)).diagnostics
    assert len(found) == language.MAX_PROBLEMS + 1
    assert found[-1].code == "WF108"
    assert [d.line for d in found] == [2 + i for i in range(language.MAX_PROBLEMS + 1)]


def test_as_many_problems_as_are_told_are_all() -> None:
    """With a hundred there are no more; a double is one; the next one's place is told."""
    hundred = check(body(*["eval(x)"] * 100)).diagnostics
    assert [d.code for d in hundred] == ["WF131"] * 100
    more = check(body(*["eval(x)"] * 100, "  # a comment", "xs = eval"))
    last = more.diagnostics[-1]
    assert (*place(last), last.end_line, last.end_column) == ("WF108", 103, 10, 103, 14)


def test_sorted_and_frozen() -> None:
    """Problems come in source order and can be compared and kept in sets."""
    found = check("async def workflow(x):\n    return x._b, eval, x._a\n").diagnostics
    assert list(found) == sorted(set(found))


def test_nobody_is_warned(recwarn: pytest.WarningsRecorder) -> None:
    """A doubtful escape or comparison in a source is no warning of this process."""
    assert codes(body('return "\\d", x is 3, 1 in [1]')) == []
    assert not recwarn.list


def test_spans_cover_what_is_meant() -> None:
    """Begin and end of a problem are those of the word or expression it is about."""
    text = "    return steps.nothing(x), x._y, getattr(x, x)"
    source = f"async def workflow(x):\n{text}\n"
    found = check(source).diagnostics
    spans = [text[d.column - 1 : d.end_column - 1] for d in found]
    assert spans == ["nothing", "_y", "getattr(x, x)"]


def test_a_problem_of_a_function_points_at_its_name() -> None:
    """Not at its whole body."""
    (problem,) = check("x = 1\ndef workflow():\n    pass\n").diagnostics
    assert (problem.line, problem.column, problem.end_line, problem.end_column) == (2, 5, 2, 13)


# --------------------------------------------------------------------------------- names used


@pytest.mark.parametrize(
    ("source", "options", "code", "span"),
    [
        ("x = 1\n", {}, "WF110", (1, 1, 1, 1)),
        ("def a(): ...\ndef b(): ...\n", {}, "WF110", (1, 1, 1, 1)),
        ("def a(): ...\ndef workflow(): ...\n", {}, "WF112", (2, 5, 2, 13)),
        ("x = 1\ndef a(): ...\n", {}, "WF112", (2, 5, 2, 6)),
        ("async def a(): ...\nasync def b(): ...\n", {}, "WF111", (2, 11, 2, 12)),
        ("def a(): ...\n", {"export_name": "b"}, "WF115", (1, 1, 1, 1)),
        ("async def a():\n    yield 1\n", {}, "WF113", (1, 11, 1, 12)),
        ("async def a():\n    x = [\n    ]\n", {"cell": False}, "WF114", (2, 5, 2, 10)),
        ("async def a():\n    1\n\n\nasync def a(): 1\n", {}, "WF111", (1, 11, 1, 12)),
    ],
)  # fmt: skip
def test_problems_of_the_entry_point_at_it(
    source: str, options: dict[str, Any], code: str, span: tuple[int, ...]
) -> None:
    """At its name, its first statement, or the beginning where there is none."""
    (found,) = check(source, **options).diagnostics
    assert found.code == code
    assert (found.line, found.column, found.end_line, found.end_column) == span


def test_only_the_entry_must_be_one() -> None:
    """Another function may be defined anew, as Python lets it."""
    assert codes("def a(): ...\ndef a(): ...\n" + body("pass")) == []


def test_the_directive_is_required_unless_told() -> None:
    """Whoever says nothing about a cell has a source that stands alone."""
    (found,) = validate(body("pass"), aliases=()).diagnostics
    assert found.code == "WF114"
    assert (
        "Top-level async functions are: none."
        in check("x = 1\n", export_name="b").diagnostics[0].hint
    )


def test_an_entry_that_is_wrong_is_still_the_entry() -> None:
    """So that whoever shows the problems can say what would run; none is told if it is open."""
    assert check("def workflow(): ...\n").entry == "workflow"
    assert check("async def a(): ...\nasync def b(): ...\n").entry is None
    assert check("def (").entry is None


def test_names_used_before_anything_is_chosen() -> None:
    """Aliases and schemas are found whatever else is wrong with the source."""
    source = body(
        "import os",
        'a = await create_hook(schema="Approval")',
        'b = await create_hook(x, "Payment")',
        "return steps.pay(x), getattr(steps, 'charge'), [steps.notify]",
    )
    assert names_used(source) == (("charge", "notify", "pay"), ("Approval", "Payment"))


def test_names_used_in_what_cannot_be_parsed() -> None:
    """A syntax error doesn't hide which steps a cell means."""
    source = 'async def f(:\n  steps.pay(1)\n  create_hook(schema="Approval")\n'
    assert names_used(source) == (("pay",), ("Approval",))


def test_names_used_are_names_of_the_surface() -> None:
    """`steps` in a text, or as a field of something else, is not the surface."""
    source = body('print("steps.pay(1)")', "return x.steps.pay(1)")
    assert names_used(source) == ((), ())


def test_steps_used_are_those_that_were_given() -> None:
    """The report lists given aliases only; unknown ones are problems."""
    found = check(body("return steps.charge(x), steps.nothing(x)"))
    assert found.steps_used == ("charge",)
    asked = check(body('create_hook(schema="Payment"), create_hook(schema="Other")'))
    assert asked.schemas_used == ("Payment",)


def test_what_is_offered_is_listed_but_not_without_end() -> None:
    """Twenty aliases are named in a hint, and how many more there are."""
    many = [f"step_{n:02}" for n in range(22)]
    for count, tail in ((20, "step_19."), (21, "step_19 and 1 more."), (22, "step_19 and 2 more.")):
        (found,) = check(body("steps.zzz()"), aliases=many[:count]).diagnostics
        assert found.hint.endswith(tail)
    (found,) = check(body("steps.zzz()"), aliases=()).diagnostics
    assert found.hint == "Offered are: none."


def test_guesses_are_made_for_the_first_names_only() -> None:
    """Thirty comparisons with what there is take no time that anybody notices."""
    found = check(body(*["steps.charg()"] * 32)).diagnostics
    guesses = [d.hint.startswith("Did you mean `charge`?") for d in found]
    assert guesses == [True] * 30 + [False] * 2
