"""How models are asked: functions of every kind, pydantic-ai, and what goes wrong with them."""

from __future__ import annotations

import asyncio
import itertools
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Any

import pytest
from pydantic_ai.messages import ModelMessage, ModelResponse, TextPart
from pydantic_ai.models.function import AgentInfo, FunctionModel

from wf_notebook.drafting.models import MOST_CHARS, ask, chosen_model, name_of, set_model
from wf_notebook.errors import DraftError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator


def plain(prompt: str) -> str:
    return f"{prompt}: one, two"


async def asynchronous(prompt: str) -> str:
    await asyncio.sleep(0)
    return plain(prompt)


def pieces(prompt: str) -> Iterator[str]:
    yield from (f"{prompt}: ", "one, ", "two")


async def async_pieces(prompt: str) -> AsyncIterator[str]:
    for piece in pieces(prompt):
        yield piece


class Client:
    async def __call__(self, prompt: str) -> str:
        return plain(prompt)


def answer(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
    return ModelResponse(parts=[TextPart(plain(asked(messages)))])


async def stream(messages: list[ModelMessage], info: AgentInfo) -> AsyncIterator[str]:
    for piece in pieces(asked(messages)):
        yield piece


def asked(messages: list[ModelMessage]) -> str:
    return str(messages[0].parts[-1].content)  # type: ignore[union-attr]


RECORDED = FunctionModel(answer, stream_function=stream, model_name="recorded")
MODELS = [plain, asynchronous, pieces, async_pieces, Client(), async_pieces.__call__, RECORDED]


@pytest.mark.parametrize("model", MODELS, ids=name_of)
def test_asked(model: Any) -> None:
    """Text, an awaitable, pieces of either kind and a model of pydantic-ai give the same answer."""
    assert asyncio.run(ask(model, "count")) == "count: one, two"


@pytest.mark.parametrize("model", [pieces, async_pieces, plain, RECORDED], ids=name_of)
def test_heard(model: Any) -> None:
    """Progress is the text so far: it only grows, ends whole, and comes on the loop's thread."""
    heard: list[str] = []
    threads: set[int] = set()

    def listen(text: str) -> None:
        heard.append(text)
        threads.add(threading.get_ident())

    assert asyncio.run(ask(model, "count", listen)) == heard[-1] == "count: one, two"
    assert all(b.startswith(a) for a, b in itertools.pairwise(heard))
    assert threads == {threading.get_ident()}
    assert len(heard) > 1 or model in (plain, RECORDED)


def test_sync_model_may_block() -> None:
    """A function that blocks does not hold up the loop."""
    free = threading.Event()

    def blocks(prompt: str) -> str:
        assert free.wait(30)
        return "done"

    async def main() -> str:
        task = asyncio.create_task(ask(blocks, "x"))
        await asyncio.sleep(0)
        free.set()
        return await task

    assert asyncio.run(main()) == "done"


def fails(prompt: str) -> str:
    raise ConnectionError("the line is dead\nsecond line")


def fails_late(prompt: str) -> Iterator[str]:
    yield "some"
    fails(prompt)


BAD = [
    (fails, "WF603 The model fails failed: ConnectionError: the line is dead."),
    (fails_late, "WF603 The model fails_late failed: ConnectionError"),
    (lambda _: next(iter(())), "failed: RuntimeError: it raised StopIteration"),
    (lambda _: "  ", "gave no text"),
    (lambda _: None, "gave NoneType, not text"),
    (lambda _: ["a", 3], "gave int, not text"),
    (lambda _: "x" * (MOST_CHARS + 1), "gave more than 200,000 characters"),
    ("nobody:model", "WF602 The model nobody:model cannot be used: Unknown model"),
]


@pytest.mark.parametrize(("model", "said"), BAD)
def test_fails(model: Any, said: str) -> None:
    """A model that raises or gives no text, or cannot be had, is told by its name and a code."""
    with pytest.raises(DraftError) as caught:
        asyncio.run(ask(model, "x"))
    assert said in str(caught.value)
    assert caught.value.model == name_of(model)


def test_endless_pieces_are_cut() -> None:
    """A model that never stops writing is stopped."""

    def babble(prompt: str) -> Iterator[str]:
        while True:
            yield "x" * 100_000

    with pytest.raises(DraftError, match="gave more than"):
        asyncio.run(ask(babble, "x"))


def test_listener_speaks_for_itself() -> None:
    """What the callback raises is not taken for a failure of the model."""
    with pytest.raises(ZeroDivisionError):
        asyncio.run(ask(plain, "x", lambda _: 1 / 0))


@pytest.mark.parametrize("model", [3, "gpt", ":x", "x:", object()])
def test_no_model(model: Any) -> None:
    """What cannot be asked is refused when it is chosen."""
    with pytest.raises(DraftError, match="WF602"):
        set_model(model)


def test_choice() -> None:
    """A model is chosen once for all, or for one draft; without one there is a way out."""
    with pytest.raises(DraftError, match=r"WF601 No model is set\. Choose one with set_model"):
        chosen_model()
    set_model(plain)
    try:
        assert chosen_model() is plain
        assert chosen_model("a:b") == "a:b"
    finally:
        set_model(None)


def test_without_the_extra() -> None:
    """pydantic-ai is imported only when it is asked for; without it the error says what to do."""
    code = """
import asyncio, sys
import wf_notebook
from wf_notebook import draft, step_catalogue, set_model
assert "pydantic_ai" not in sys.modules
sys.modules["pydantic_ai"] = None
from wf_notebook.drafting.models import ask
set_model("openai:x")
try:
    asyncio.run(ask("openai:x", "hi"))
except wf_notebook.DraftError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "WF602 The model openai:x takes pydantic-ai, which is not installed." in done.stdout
    assert "pip install 'wf-notebook[ai]'" in done.stdout
