"""Which isolation a world gets."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING

import pytest

from wf_notebook.config import Limits
from wf_notebook.errors import IsolationUnavailable
from wf_notebook.isolation import choose as choosing
from wf_notebook.isolation.proof import Proof, read_proof

if TYPE_CHECKING:
    from collections.abc import Iterator

HOLED = Proof({"fork": "EPERM", "open a file": "done"})
NO_FILTER = Proof(trouble="there is no filter for darwin on arm64")


@pytest.fixture
def proven() -> Iterator[list[Proof]]:
    """What was proven in this process, as a test wants it."""
    before = list(choosing._proven)
    yield choosing._proven
    choosing._proven[:] = before


def mode_of(mode: str | None) -> str:
    async def run() -> str:
        isolation = await choosing.choose(mode, Limits())
        await isolation.close()
        return isolation.mode

    return asyncio.run(run())


@pytest.mark.skipif(sys.platform != "linux", reason="the filter is Linux's")
def test_the_best_is_strict_where_it_holds(proven: list[Proof]) -> None:
    """On this machine, by trying; what was found is kept."""
    proven.clear()
    assert mode_of(None) == "strict"
    assert len(proven[0].attempts) > 40
    assert mode_of("strict") == "strict"


@pytest.mark.parametrize("found", [HOLED, NO_FILTER])
def test_elsewhere_it_is_a_process(proven: list[Proof], found: Proof) -> None:
    """A hole in the filter, or none at all: no claim, and `strict` is refused with ways out."""
    proven[:] = [found]
    assert mode_of(None) == "process"
    with pytest.raises(IsolationUnavailable, match=r'isolation="process".*as you') as caught:
        mode_of("strict")
    assert caught.value.code == "WF401"
    assert str(found) in caught.value.message


@pytest.mark.parametrize("mode", ["process", "inline"])
def test_what_is_named_is_given(mode: str) -> None:
    """Whatever is best here."""
    assert mode_of(mode) == mode


def test_an_unknown_one_is_refused() -> None:
    """It lists those that there are."""
    with pytest.raises(IsolationUnavailable, match="strict, process, inline"):
        mode_of("procss")


def test_a_proof_names_its_holes() -> None:
    """One attempt that gets through is enough; so is a guest that says nothing of use."""
    assert (HOLED.holds, HOLED.holes) == (False, ["open a file: done"])
    assert str(HOLED) == "1 of 2 attempts got through: open a file: done"
    assert Proof({"fork": "EPERM"}).holds
    for message in (b"[1]", b"no", b"{}"):
        assert not read_proof(message).holds
