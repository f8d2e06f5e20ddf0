"""What stands ready for the first run once `%load_ext` is over, and what is left if none comes."""

from __future__ import annotations

import ast
import sys
from typing import TYPE_CHECKING, Final

import psutil
import pytest

from tests.kernel.conftest import SETUP

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.kernel.conftest import Kernel

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="processes are counted")

LOAD: Final = "%load_ext wf_notebook"
READY: Final = """
import sys, threading
[thread.join() for thread in threading.enumerate() if thread.name == "wf-open"]
before = set(sys.modules)
"""
FIRST: Final = """%%workflow one -o r -w
async def one():
    return await steps.fetch("a1")
"""
NEW: Final = "sorted(name for name in set(sys.modules) - before if '.' in name)"


def children(kernel: Kernel) -> list[psutil.Process]:
    return psutil.Process(kernel.pid).children(recursive=True)


def test_the_first_run_finds_everything_there(kernels: Callable[..., Kernel]) -> None:
    """No module is imported any more when a cell starts a run and shows it; its guest's parent runs."""
    kernel = kernels()
    kernel.ok(SETUP)
    kernel.ok(READY)
    (zygote,) = children(kernel)
    shown = kernel.ok(FIRST)
    assert shown.displays
    assert zygote.children(), "the guests came from another process"
    assert zygote in children(kernel)
    found = ast.literal_eval(kernel.value_of(NEW))
    assert [name for name in found if name.startswith(("wf_notebook.", "ipywidgets."))] == []


@pytest.mark.parametrize("how", ["unload", "shut down", "kill"])
def test_without_a_run_nothing_is_left(kernels: Callable[..., Kernel], how: str) -> None:
    """The process that guests would have come from ends with the session, however that ends."""
    kernel = kernels()
    kernel.ok(LOAD)
    kernel.ok(READY)
    begun = children(kernel)
    assert len(begun) == 1
    match how:
        case "unload":
            kernel.ok("%unload_ext wf_notebook")
            assert children(kernel) == []
        case "shut down":
            kernel.shut_down()
        case _:
            kernel.kill()
    assert psutil.wait_procs(begun, timeout=30)[1] == []


def test_who_follows_starts_no_guests(kernels: Callable[..., Kernel]) -> None:
    """The owner of the world runs them; this kernel has no process beside it."""
    first, second = kernels(), kernels()
    first.ok(SETUP)
    first.ok(FIRST)
    second.ok(SETUP)
    second.ok(READY)
    assert children(second) == []


def test_trusted_sources_need_none(kernels: Callable[..., Kernel]) -> None:
    """Nor does a session whose sources run in the kernel itself."""
    kernel = kernels()
    kernel.ok("get_ipython().config.Workflow.isolation = 'inline'")
    kernel.ok(LOAD)
    kernel.ok(READY)
    assert children(kernel) == []
