"""Random programs that also call what the offered modules have: anything, with anything."""

from __future__ import annotations

from hypothesis import strategies as st

from tests.property.programs import programs
from wf_notebook.guest.language import MODULES

HEAD = (
    "import "
    + ", ".join(name for name in sorted(MODULES) if not name.startswith("_"))
    + """


class Own:
    x: int = 1
    def __init__(self, *args):
        self.args = args


"""
)
ARGUMENTS = (
    *("0", "1", "-3", "7", "2.5", "'a'", "'%Y-%m-%d'", "'2026-01-02'", "'{0.x}'", "''", "b'xy'", "None"),
    *("[1, 2]", "[]", "(1, 'a')", "{'a': 1}", "{1, 2}", "int", "str", "Own", "Own(1)", "lambda *a: 1"),
    *("'utf-16'", "'[1]'", "'(a)'", "range(3)", "iter([1, 2])", "now()", "now().date()", "out", "helper"),
    *("ValueError", "ValueError('x')", "True", "...", "'$a'", "uuid4()", "n"),
)  # fmt: skip
# Called on what comes back: they format, encode, copy, and look things up later.
METHODS = (
    *("", "", "", ".copy()", ".encode('idna')", ".encode('utf-16')", ".encode('punycode')", ".hex()"),
    *(".decode('latin-1')", ".strftime('%a %c %Z')", ".isoformat()", ".format(1, out)", ".items()"),
    *(".substitute(a=1)", ".groups()", ".register(int)", ".hexdigest()", ".getvalue()", ".astimezone()"),
    *(".timestamp()", ".elements()", ".samples(2)", ".today()", ".now()", "(1)", "()", "[0]", ".args"),
)  # fmt: skip
MEMBERS = sorted(
    f"{module}.{member}"
    for module, members in MODULES.items()
    for member in members
    if f"{module}.{member}" not in ("__future__.annotations", "typing.reveal_type")
)
TEXTS = (
    *('f"{%s!r:>20}"', "'%%s' %% (%s,)", "repr(%s)", "str(%s)", "json.dumps(%s, default=str)"),
    *("copy.deepcopy(%s)", "list(%s)", "sorted(%s, key=str)", "len(%s)", "bool(%s)"),
    *("csv.writer(io.StringIO()).writerow(%s)", "type(%s).__name__", "dict(a=%s)", "max(%s, default=1)"),
    *("datetime.datetime.strptime(%s, '%%Y-%%m-%%d')", "uuid.uuid5(uuid.NAMESPACE_DNS, %s)"),
    *("isinstance(%s, collections.abc.Mapping)", "hashlib.sha256(%s).hexdigest()", "print(%s)"),
)  # fmt: skip


@st.composite
def calls(draw: st.DrawFn) -> str:
    """One expression: a member called with up to three arguments, and what is done with it."""
    arguments = ", ".join(draw(st.lists(st.sampled_from(ARGUMENTS), max_size=3)))
    called = f"{draw(st.sampled_from(MEMBERS))}({arguments})"
    if draw(st.integers(0, 3)) == 0:
        called = draw(st.sampled_from(ARGUMENTS))
    called = f"({called}){draw(st.sampled_from(METHODS))}"
    return draw(st.sampled_from(TEXTS)) % called if draw(st.booleans()) else called


@st.composite
def calling_programs(draw: st.DrawFn) -> str:
    """A program whose entry makes random calls before it goes about its steps."""
    lines = []
    for expression in draw(st.lists(calls(), min_size=1, max_size=6)):
        lines += [
            "    try:",
            f"        out.append(repr({expression})[:80])",
            "    except Exception as error:",
            "        out.append(type(error).__name__)",
        ]
    source = draw(programs())
    begin, body = source.split("    out = []\n")
    return HEAD + begin + "    out = []\n" + "\n".join(lines) + "\n" + body
