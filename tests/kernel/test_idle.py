"""A kernel whose runs wait costs nothing, however many of them are shown."""

from __future__ import annotations

import ast
import sys
from typing import TYPE_CHECKING, Final

import pytest

from tests.kernel.conftest import SETUP

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.kernel.conftest import Kernel

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the kernel counts for each thread")

VIEWS: Final = 100
SHOW: Final = '''
from ipywidgets.widgets.widget import _instances
from wf_notebook import current_world
from wf_notebook.views.widget import widget_id

FLOW = """%%workflow refund -o r --new -- 'a{n}'
async def refund(order):
    await create_hook(schema="Approval")
"""

def show(n):
    get_ipython().run_cell(FLOW.replace("{n}", str(n)), store_history=False).raise_error()
    r.wait_for("hook", timeout=60)
    data = {"method": "custom", "content": {"id": str(n), "op": "hello"}}
    _instances[widget_id(r.id)].comm.handle_msg({"content": {"data": data}, "buffers": []})
'''
# How often each of our threads was woken while nothing happened, and what it was doing if it was.
WATCH: Final = '''
import threading, time

def woken():
    found = {}
    for thread in threading.enumerate():
        if thread.name.startswith("wf-"):
            with open(f"/proc/self/task/{thread.native_id}/status") as status:
                told = dict(line.split(":", 1) for line in status)
            found[thread.name] = int(told["voluntary_ctxt_switches"])
    return found

def settled(seconds=2, least=60):
    """Wait until nobody of ours is woken for a while; how often somebody was in the end."""
    last = time.monotonic() + least
    while True:
        before = woken()
        time.sleep(seconds)
        grown = {name: n - before.get(name, 0) for name, n in woken().items()}
        if not any(grown.values()) or time.monotonic() > last:
            return grown
'''


def test_views_of_waiting_runs_wake_nobody(kernels: Callable[..., Kernel]) -> None:
    """With 100 open views of runs that wait for people, no thread of ours is woken in two seconds.

    Until it is quiet a minute may pass: the sweep for lost timers comes once a minute.
    """
    kernel = kernels()
    kernel.ok(SETUP)
    kernel.ok(SHOW)
    kernel.ok(WATCH)
    for first in range(0, VIEWS, 10):
        kernel.ok(f"for n in range({first}, {first + 10}): show(n)")
    assert (
        int(
            kernel.value_of("sum(type(one).__name__ == 'RunWidget' for one in _instances.values())")
        )
        == VIEWS
    )
    grown = ast.literal_eval(kernel.value_of("settled()"))
    assert {"wf-loop", "wf-world"} <= grown.keys()
    assert {name: n for name, n in grown.items() if n} == {}
