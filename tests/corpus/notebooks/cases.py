"""The notebooks of this folder, cell by cell, with what lint has to find in them.

`python -m tests.corpus.notebooks.make` writes them anew. A finding is its cell, its line in the cell, its
code, and the word at its place; a file that can't be read has cell 0 and its line in the file.
"""

from __future__ import annotations

from typing import NamedTuple


class Case(NamedTuple):
    """A notebook: its code cells, and what is found."""

    cells: tuple[str, ...]
    found: tuple[tuple[int, int, str, str], ...] = ()


LOAD = "%load_ext wf_notebook"
SETUP = f"""{LOAD}
from pydantic import BaseModel
from wf_notebook import step


class Approval(BaseModel):
    ok: bool


@step(retries=1)
async def fetch(order: str) -> str:
    return order


@step
def charge(order: str, amount: int = 1) -> str:
    return order
"""
GOOD = """%%workflow refund --steps fetch,charge --schemas Approval --out r -- "A-17"
async def refund(order):
    found = await steps.fetch(order)
    approval = await create_hook(schema="Approval")
    return await steps.charge(found) if approval.ok else None
"""
NOTE = "WF515"
CALL = "async def refund(order):\n    return await steps.{}(order)\n"


def calls(line: str, name: str = "fetch") -> str:
    """A cell that calls one step."""
    return f"%%workflow{line and ' '}{line}\n{CALL.format(name)}"


EXPECTED = "bb7ba8a68021cc6da66b630f2362cb66faa8c86cdbd54511bd48cd15fb4bb929"
OF_SHOP = "6c4db1d719f7606bf17abfbb1e43ebb6458f38817aa06502c9ea02de4291e885"

CASES = {
    # --- what is right ---------------------------------------------------------------------------
    "clean": Case((SETUP, GOOD, "await r", "%wf runs")),
    "other_magics": Case(
        (SETUP, "%%bash\nls", "%%html\n<b>%%workflow</b>", "%%writefile x.py\ny = 1", "!ls", GOOD)
    ),
    "draft": Case((SETUP, "%%workflow_draft refund --steps fetch\nFetch the order, then import os.")),
    "revision": Case((SETUP, '%%workflow --revision refund@3 --out r -- "A-17"\n# as approved')),
    "expect_right": Case((SETUP, calls(f"--steps fetch --expect sha256:{EXPECTED} -- 'a'"))),
    "step_forms": Case(
        (
            "%load_ext wf_notebook\nimport wf_notebook as wf\nfrom wf_notebook import step as durable",
            ("@wf.step\ndef one(): ...\n\n@durable(name='second')\ndef two(): ...\n\ndef three(): ...\n"
            "third = durable(three)\nwf.step(name='fourth')(three)"),
            ("%%workflow\nasync def all_of_them():\n    await steps.one()\n    await steps.second()\n"
            "    await steps.third()\n    await steps.three()\n    await steps.fourth()"),
            calls("refund --steps one,x=third,second -- 1", "two"),
        ),
        # One function is one step: made one again under another name, it has only that.
        ((3, 6, "WF140", "three"), (4, 3, "WF140", "two")),
    ),
    "beside": Case(
        (
            f"{LOAD}\nfrom shop import *\nimport shop as s",
            calls("--steps fetch,pay=s.charge --schemas Receipt -- 'a'"),
            calls("again --steps fetch -- 'a'", "charge"),
            calls(f"third --steps fetch --expect sha256:{OF_SHOP} -- 'a'"),
            calls("fourth -- 'a'", "nowhere"),
        ),
        ((3, 3, "WF140", "charge"), (5, 3, "WF140", "nowhere")),
    ),
    "package": Case(
        (
            f"{LOAD}\nfrom store.orders import fetch\nimport store.orders",
            calls("-s fetch -- 1"),
            calls("a -s x=store.orders.total -- 1", "x"),
            calls("b -s x=store.orders.nothing -- 1", "x"),
        ),
        ((4, 1, "WF500", "store.orders.nothing"),),
    ),
    "models": Case(
        (
            SETUP,
            ("from pydantic import RootModel\nfrom shop import Receipt\nimport pydantic, enum\n"
            "class Long(Approval):\n    note: str\nclass Words(RootModel[list[str]]): ...\n"
            "class Other(pydantic.BaseModel): ...\nclass Plain: ...\nclass Kind(enum.Enum): ..."),
            *(
                f'%%workflow w{n} --steps fetch\nasync def w():\n    await create_hook(schema="{name}")'
                for n, name in enumerate(["Long", "Words", "Other", "Receipt", "Plain", "Kind", "No"])
            ),
            calls("x --steps fetch --schemas Approval,Plain,BaseModel -- 1"),
        ),
        (
            *((cell, 3, "WF141", '"') for cell in (7, 8, 9)),
            (10, 1, "WF500", "Plain"),
            (10, 1, "WF500", "BaseModel"),
        ),
    ),
    # --- what is wrong with the source -----------------------------------------------------------
    "unknown_step": Case((SETUP, calls("-- 1", "fetsh")), ((2, 3, "WF140", "fetsh"),)),
    "several": Case(
        (SETUP, "%%workflow\nimport os\nasync def refund(order):\n    x = 1; open(order)\n    eval(order)"),
        ((2, 2, "WF120", "os"), (2, 4, "WF131", "open"), (2, 5, "WF131", "eval")),
    ),
    "not_python": Case((SETUP, "%%workflow -s fetch\nasync def refund(:\n    pass"), ((2, 2, "WF101", ":"),)),
    "two_entries": Case(
        (SETUP, "%%workflow -s fetch\nasync def a(): ...\nasync def b(): ...", calls("refund -s fetch -- 1")),
        ((2, 3, "WF111", "b"),),
    ),
    "nul_and_half": Case(
        (SETUP, "%%workflow -s fetch\nasync def refund():\n    return 'a\0b'",
         "%%workflow b -s fetch\nasync def refund():\n    return '\ud800'"),
        ((2, 3, "WF103", "\0"), (3, 3, "WF106", "\ud800")),
    ),
    "places": Case(
        (
            SETUP,
            "\n  \n   %%workflow  one\n   async def one(order):\n       x = 'ü \U0001f600'; open(x)\n",
            "%%time\n%%workflow two\nasync def two():\n\topen(await steps.fetch('a'))",
            ">>> %%workflow three -s fetch\n... async def three():\n...     eval('1')",
            "%%capture out\n\n%%time\n%%workflow four\nasync def four():\n    'é'; eval('1')",
        ),
        ((2, 5, "WF131", "open"), (3, 4, "WF131", "open"), (4, 3, "WF131", "eval"), (5, 6, "WF131", "eval")),
    ),
    # --- what is wrong with the line -------------------------------------------------------------
    "unknown_option": Case((SETUP, calls("refund --colour red -- 1")), ((2, 1, "WF500", "--colour"),)),
    "open_quote": Case((SETUP, calls("refund --id 'a -- 1")), ((2, 1, "WF500", "%%workflow"),)),
    "listed_unknown": Case((SETUP, calls("-s fetch,nope -- 1", "nope")), ((2, 1, "WF500", "nope"),)),
    "no_steps": Case(
        (SETUP, "%%workflow\nasync def refund():\n    return 1", "%%workflow b -s ''\nasync def b(): ..."),
        ((2, 1, "WF151", "%%workflow"), (3, 1, "WF151", "%%workflow")),
    ),
    "bad_alias": Case((SETUP, calls("-s _x=fetch,fetch -- 1")), ((2, 1, "WF154", "_x"),)),
    "long_name": Case((SETUP, calls(f"{'a' * 65} -s fetch -- 1")), ((2, 1, "WF156", "aaa"),)),
    "timeout": Case((SETUP, calls("-t 5s -s fetch -- 1"), calls("b -t soon -w -s fetch -- 1")),
                    ((2, 1, "WF500", "%%workflow"), (3, 1, "WF500", "soon"))),
    "exclusive": Case(
        (SETUP, calls("-s fetch --new --replace -- 1"), "%%workflow a --revision a@1\n# as approved"),
        ((2, 1, "WF500", "--new"), (3, 1, "WF500", "--revision")),
    ),
    "arguments": Case(
        (
            SETUP,
            calls("a -s fetch -- 1 2"),
            calls("b -s fetch -- 1), (2"),
            calls("c -s fetch -- 1, 2"),
            calls("d -s fetch"),
            calls("e -s fetch -- order=1"),
            calls("f -s fetch -- *everything"),
            calls("g -s fetch --check"),
        ),
        (
            (2, 1, "WF500", "1 2"),
            (3, 1, "WF500", "1), (2"),
            (4, 1, "WF202", "1, 2"),
            (5, 1, "WF202", "%%workflow"),
        ),
    ),
    "expect_wrong": Case(
        (SETUP, calls(f"-s fetch --expect sha256:{'a' * 64} -- 1"), calls("b -s fetch --expect abc -- 1")),
        ((2, 1, "WF514", "aaaa"), (3, 1, "WF500", "--expect")),
    ),
    # --- where the magic stands ------------------------------------------------------------------
    "below_a_comment": Case(
        (SETUP, f"# The refund.\n{GOOD}", "%workflow refund", "%%workflow refund", "%%workflow\trefund\n1"),
        (
            (2, 2, "WF511", "%%workflow"),
            (3, 1, "WF511", "%workflow"),
            (4, 1, "WF511", "%%workflow"),
            (5, 1, "WF511", "%%workflow"),
        ),
    ),
    "no_extension": Case((SETUP.replace(LOAD, ""), GOOD, GOOD.replace("refund", "b")),
                         ((2, 1, "WF512", "%%workflow"),)),
    "extension_below": Case((SETUP.replace(LOAD, ""), "%wf runs", LOAD, GOOD), ((2, 1, "WF512", "%wf"),)),
    "extension_called": Case(
        (SETUP.replace(LOAD, "get_ipython().extension_manager.load_extension('wf_notebook')"), GOOD)
    ),
    "same_name": Case(
        (SETUP, GOOD, GOOD.replace("fetch,", "fetch, "), calls("-s fetch -- 1"), calls("refund --check -s fetch")),
        ((3, 1, "WF500", "%%workflow"), (4, 1, "WF513", "%%workflow")),
    ),
    "loaded_by_hand": Case(
        (
            SETUP.replace(LOAD, "import wf_notebook\nwf_notebook.load_ipython_extension(get_ipython())"),
            "durable = wf_notebook.step\n@durable\ndef pay(order): ...",
            calls("-- 1", "pay"),
            calls("b -- 1", "no"),
        ),
        ((4, 3, "WF140", "no"),),
    ),
    # --- what can't be told ----------------------------------------------------------------------
    "star_import": Case(
        (LOAD, "from acme_orders import *", calls("-- 1", "other"), calls("b -s other,more --schemas A -- 1", "other")),
        ((3, 1, NOTE, "%%workflow"), (4, 1, NOTE, "%%workflow"), (4, 1, NOTE, "%%workflow")),
    ),
    "unread_module": Case(
        (SETUP, "import acme_orders\nfrom acme_orders import pay", calls("-s pay -- 1", "pay"),
         calls("b -s fetch -- 1", "pay"), calls(f"c -s pay --expect sha256:{'a' * 64} -- 1", "pay")),
        (
            (3, 1, NOTE, "%%workflow"),
            (4, 3, "WF140", "pay"),
            (5, 1, NOTE, "%%workflow"),
            (5, 1, NOTE, "aaaa"),
        ),
    ),
    "perhaps": Case(
        (
            SETUP,
            ("import os\nif os.environ.get('DRY'):\n    @step\n    def pay(order): ...\n"
            "def make():\n    @step\n    def inner(order): ...\n    return inner\nmade = make()"),
            calls("a -- 1", "pay"), calls("b -- 1", "inner"), calls("c -s x=made -- 1", "x"),
            calls("d -- 1", "never"),
        ),
        (
            *((cell, 1, NOTE, "%%workflow") for cell in (3, 4, 5)),
            (6, 3, "WF140", "never"),
        ),
    ),
    "made_by_a_loop": Case(
        (SETUP, "def a(order): ...\nfor function in [a]:\n    step(function)", calls("-- 1", "a")),
        ((3, 1, NOTE, "%%workflow"),),
    ),
    "step_as_a_value": Case(
        (SETUP, "def a(order): ...\nmade = list(map(step, [a]))", calls("-- 1", "a")),
        ((3, 1, NOTE, "%%workflow"),),
    ),
    "anything": Case(
        ("%run setup.ipynb", GOOD.replace("--out r ", "")),
        ((2, 1, NOTE, "%%workflow"),),
    ),
    "unknown_magic": Case(
        (SETUP, "%%cool\nx = 1", calls("-- 1", "cooled")), ((3, 1, NOTE, "%%workflow"),)
    ),
    "broken_cell": Case((SETUP, "def f(:", calls("-- 1", "f")), ((3, 1, NOTE, "%%workflow"),)),
    "defined_below": Case((LOAD, calls("-- 1"), SETUP), ((2, 1, "WF151", "%%workflow"),)),
    "decorated": Case(
        (SETUP, ("import functools\n@functools.cache\n@step\ndef a(order): ...\n@step\n@functools.cache\n"
         "def b(order): ..."), calls("-s a -- 1", "a"), calls("two -s b -- 1", "b")),
        ((4, 1, NOTE, "%%workflow"),),
    ),
    "bound_in_a_function": Case(
        (
            SETUP,
            "def setup():\n    global Late\n    class Late(BaseModel): ...\nsetup()",
            '%%workflow -s fetch\nasync def a():\n    await create_hook(schema="Late")',
        ),
        ((3, 1, NOTE, "%%workflow"),),
    ),
    "folder_of_that_name": Case(
        (SETUP, "import pictures\nimport redis", calls("-- 1", "other")),
        ((3, 1, NOTE, "%%workflow"),),
    ),
    "local_step": Case(
        (SETUP, "for step in range(3):\n    print(step)\ndef walk(step):\n    return step", calls("-- 1", "no")),
        ((3, 3, "WF140", "no"),),
    ),
}  # fmt: skip
