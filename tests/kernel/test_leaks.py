"""A kernel that has shown many runs holds no more than one that has shown a few."""

from __future__ import annotations

import ast
import json
from typing import TYPE_CHECKING, Any, Final

from tests.kernel.conftest import SETUP
from tests.sizes import sized

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.kernel.conftest import Kernel

NOISE: Final = 9  # what the last runs of a kernel hold differs; every third of 30 runs is 10
BEGUN: Final = 12  # runs until everything has been imported, and each way to end was taken
LIBRARIES: Final = ("ExtensionMagics", "jupyter.widget", "zmq.")  # theirs, from the first use on
SESSION: Final = {"Session", "SessionFacts", "Workflow", "WorkflowMagics", "Displays", "World"}
# The keyring has the last 1,024 keys, to unwrap them once; a world the last 16 MiB of chunks, until it
# rests; a loop up to 200 cancelled timers; and the user's namespace what was typed in each cell.
KEPT: Final = {
    *("Keyring._keys", "RunKey", "TimerHandle", "_UnixSelectorEventLoop._scheduled"),
    *("Recent._runs", "Recent._line", "_Run", "_Tail"),
    "SessionFacts._names",
}

REGISTERED = """
import collections, gc, json, threading, time, tracemalloc

def registered():
    shell, kernel = get_ipython(), get_ipython().kernel
    from comm import get_comm_manager
    return {
        "matchers": [str(found) for found in shell.Completer.custom_matchers],
        "transformers": [str(found) for found in shell.input_transformers_post],
        "settings": [type(found).__name__ for found in shell.configurables],
        "events": [f"{name} {found}" for name, all in shell.events.callbacks.items() for found in all],
        "magics": [name for names in shell.magics_manager.magics.values() for name in names],
        "classes": list(shell.magics_manager.registry),
        "formats": list(map(str, shell.display_formatter.ipython_display_formatter.deferred_printers)),
        "kernel": list(vars(kernel)),
        "threads": [f"{found.name} {type(found)}" for found in threading.enumerate()],
        "targets": list(get_comm_manager().targets),
        "tracebacks": [str(shell.InteractiveTB.structured_traceback)],
    }

before = registered()
"""

DRIVE = '''
import asyncio, sys
from ipywidgets.widgets.widget import _instances
from wf_notebook import current_world
from wf_notebook.views.widget import widget_id

FLOW = """%%workflow refund -o r -- 'a{n}'
async def refund(order):
    print(order)
    found = await steps.fetch(order)
    approval = await create_hook(schema="Approval")
    return await steps.charge(found, approval.amount)
"""

def cell(code):
    get_ipython().run_cell(code, silent=False, store_history=False).raise_error()

def press(n, **content):
    """What the browser sends from the view of the run."""
    comm = _instances[widget_id(r.id)].comm
    data = {"method": "custom", "content": {"id": str(n), **content}}
    comm.handle_msg({"content": {"data": data}, "buffers": []})

def show(n):
    """One run is shown, looked at, and ends: answered, cancelled, or with another one inside."""
    cell(FLOW.replace("{n}", str(n)))
    r.wait_for("hook", timeout=60)
    press(n, op="hello")
    press(n, op="reveal")
    press(n, op="events", after=0, limit=50, types=None)
    if n % 3 == 1:
        press(n, op="cancel")
    if n % 3 == 2:
        press(f"{n} again", op="rerun")
        until(lambda: len(current_world().unfinished()) == 2)
    if n % 3 != 1:
        for run in current_world().unfinished():
            run.wait_for("hook", timeout=60)
            run.resume(run.hooks[0].token, {"ok": True})
    until(lambda: not current_world().unfinished())
    cell("r")
    until(lambda: not _instances)

def until(holds, end=30):
    last = time.monotonic() + end
    while not holds():
        assert time.monotonic() < last
        time.sleep(0.001)

def counted():
    """How many objects of our classes there are, and how much is in their containers."""
    ours = ("wf_notebook", "ipywidgets", "anywidget", "ipykernel.comm", "asyncio", "_asyncio")
    found = collections.Counter()
    get_ipython().displayhook.flush()  # Out[n] is IPython's to keep
    # A loop keeps timers that were cancelled, and what they hold, until there are a hundred.
    for one in gc.get_objects():
        if isinstance(one, asyncio.TimerHandle) and one.cancelled():
            one._context = None
    gc.collect()
    for one in gc.get_objects():
        if str(type(one).__module__).startswith(ours):
            kind = type(one).__name__
            found[kind] += 1
            for name, value in list(getattr(one, "__dict__", {}).items()):
                if isinstance(value, (dict, list, set, collections.deque)) and "trait" not in name:
                    found[f"{kind}.{name}"] += len(value)
    return found

def held():
    found = counted()
    found["threads"] = threading.active_count()
    found["tasks"] = current_world().host.call(lambda: len(asyncio.all_tasks()))
    return dict(found), tracemalloc.get_traced_memory()[0]

def drive(numbers):
    for n in numbers:
        show(n)

tracemalloc.start()
'''


def test_runs_that_were_shown_leave_nothing(kernels: Callable[..., Kernel]) -> None:
    """No widget, thread, task, subscription or entry in what we hold; after unloading, no hook.

    And less than 8 KiB each of whatever IPython, ipykernel and the keyring keep for a cell and a run.
    """
    count = sized(30, 1_000)
    kernel = kernels()
    kernel.ok(REGISTERED)
    kernel.ok(SETUP)
    kernel.ok(DRIVE)
    before, memory = held_after(kernel, range(BEGUN))
    after, more = held_after(kernel, range(BEGUN, BEGUN + count))
    grown = {name: many - before.get(name, 0) for name, many in after.items()}
    assert {name: by for name, by in grown.items() if by > NOISE and name not in KEPT} == {}
    assert (more - memory) / count < 8 << 10
    assert kernel.value_of("len(_instances)") == "0"

    kernel.ok("%unload_ext wf_notebook\nafter, gone = registered(), counted()")
    assert kernel.value_of(f"gone.keys() & {SESSION}") == "set()"
    new = "{(kind, one) for kind, all in after.items() for one in all if one not in before[kind]}"
    left = ast.literal_eval(kernel.value_of(new))
    assert [one for _, one in left if not any(known in one for known in LIBRARIES)] == []


def held_after(kernel: Kernel, numbers: range) -> tuple[dict[str, int], int]:
    """Show runs, a few in a cell; how much is held then."""
    for begin in numbers[::20]:
        kernel.ok(f"drive({range(begin, min(begin + 20, numbers.stop))})")
    said: Any = json.loads(kernel.ok("print(json.dumps(held()), file=sys.stderr)").printed)
    return said[0], said[1]
