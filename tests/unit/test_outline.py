"""The outline of a source: what it may ask for, under which conditions, as data, text and HTML."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wf_notebook.definition.compile import names_used
from wf_notebook.definition.outline import outline_of
from wf_notebook.views.outline import outline_html, outline_text

BENIGN = sorted((Path(__file__).parents[1] / "corpus" / "benign").glob("*.py"))
SOURCE = '''
def pure(x):
    return x

async def helper(item):
    await steps.fetch(item)
    return 1

async def workflow(items, *, limit: int = 3):
    """use workflow"""
    async with asyncio.timeout(60):
        await helper(pure(1))
    await asyncio.gather(*(helper(i) for i in items))
    match items:
        case [first, *_]:
            await (steps.pay if first else steps.notify)(first)
        case _:
            raise ValueError("none")
    try:
        await sleep("1h")
    except (StepError, ValueError) as error:
        raise FatalError("no") from error
    finally:
        answer = await create_hook(title=f"Go on with {items}?", schema="Approval")
    while answer.ok:
        if await steps.check():
            break
        elif limit:
            await asyncio.sleep(3)
        else:
            return await getattr(steps, "stop")()
    return 2
'''
TEXT = """\
workflow(items, *, limit: int=3)
  within asyncio.timeout(60)  line 11
    helper(…)  line 12
      ● fetch  line 6
  ≡ together  line 13
    ↻ for i in items  line 13
      helper(…)  line 13
  case [first, *_]  line 16
    if first  line 16
      ● pay  line 16
    else  line 16
      ● notify  line 16
  case _  line 18
    raise ValueError  line 18
  ◷ sleep '1h'  line 20
  except (StepError, ValueError)  line 22
    raise FatalError  line 22
  finally  line 24
    ? hook Go on with {items}?  line 24
  ↻ while answer.ok  line 25
    ● check  line 26
    if await steps.check()  line 26
      break  line 27
    elif limit  line 28
      ◷ sleep 3  line 29
    else  line 31
      ● stop  line 31
      return  line 31"""


def test_outline() -> None:
    """Steps, sleeps and hooks stand in order, under conditions, loops, helpers and side by side."""
    found = outline_of(SOURCE)
    assert found is not None
    lines = outline_text(found).split("\n")
    assert lines[0] == TEXT.split("\n", maxsplit=1)[0]
    assert [line.removeprefix("  ") for line in lines[1:]] == [
        line.removeprefix("  ") for line in TEXT.split("\n")[1:]
    ]


@pytest.mark.parametrize("path", BENIGN, ids=lambda path: path.stem)
def test_every_step_is_in_the_outline(path: Path) -> None:
    """Each step that a function of a source names and calls is in its outline, and no other."""
    source = path.read_text("utf-8")
    found = outline_of(source)
    if found is None:
        pytest.skip("it has no entry of its own")
    shown = {node.label for _, node in found.rows() if node.kind == "step"}
    assert shown <= set(names_used(source)[0])


@given(st.text())
def test_any_text(text: str) -> None:
    """Any text has an outline or none; it never raises."""
    outline_of(text)
    outline_of(f"async def workflow():\n    {text}")


@pytest.mark.parametrize(
    "source",
    [
        "",
        "def workflow(): pass",
        "async def workflow(:",
        "async def workflow():\n    return " + "(" * 90 + "1" + ")" * 90,
        "async def workflow():\n    x = 1" + "\n    x = -x" * 2_000,
    ],
)
def test_little_to_outline(source: str) -> None:
    """What has no entry has no outline; what asks for nothing has an empty one."""
    found = outline_of(source)
    assert found is None or found.nodes == ()


def test_doubling_helpers() -> None:
    """Helpers that call each other twice don't make an outline that doubles each time."""
    helpers = [
        f"async def f{n}():\n    await f{n + 1}()\n    await f{n + 1}()\n" for n in range(40)
    ]
    source = "".join(helpers) + "async def f40():\n    await steps.x()\n    await f0()\n"
    found = outline_of(source + "async def workflow():\n    await f0()\n")
    assert found is not None
    assert sum(node.kind == "step" for _, node in found.rows()) == 1


def test_long_source_is_cut() -> None:
    """An outline has a bound, whatever the source."""
    found = outline_of("async def workflow():\n" + "    await steps.x()\n" * 2_000)
    assert found is not None
    assert len(list(found.rows())) <= 400


def test_record() -> None:
    """As data it is nested maps."""
    found = outline_of("async def f():\n    if x:\n        await steps.pay()\n")
    assert found is not None
    assert found.to_record() == {
        "entry": "f()",
        "nodes": [
            {
                "kind": "branch",
                "label": "if x",
                "line": 2,
                "inside": [{"kind": "step", "label": "pay", "line": 3, "inside": []}],
            }
        ],
    }


def test_reached_is_marked() -> None:
    """What a rehearsal came to is marked, in text and in HTML; nothing else is."""
    found = outline_of("async def f():\n    await steps.a()\n    await steps.b()\n")
    assert found is not None
    assert outline_text(found, {2}) == "f()\n✓ ● a  line 2\n  ● b  line 3"
    assert outline_html(found, {2}).count("✓") == 1


def test_html_is_escaped_and_static() -> None:
    """Titles and conditions are text: no tag, script or attribute comes out of them."""
    title = "<script>alert(1)</script><img src=x onerror=y>\" style='x"
    source = f"async def f():\n    await create_hook(title={title!r})\n"
    found = outline_of(source)
    assert found is not None
    html = outline_html(found)
    assert "<script" not in html
    assert "<img" not in html
    assert "&lt;script&gt;" in html
