"""How a model is asked: any function of text to text, or `provider:model` through pydantic-ai."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import sys
from collections.abc import AsyncIterable, Awaitable, Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, Final, TypeAlias, cast

from wf_notebook.errors import DraftError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

__all__ = ["Model", "ask", "chosen_model", "name_of", "set_model"]

Answer: TypeAlias = str | Awaitable[str] | Iterable[str] | AsyncIterable[str]
Model: TypeAlias = str | Callable[[str], Any]
"""`provider:model`, or what takes a prompt and gives an `Answer`; or a model of pydantic-ai."""

MOST_CHARS: Final = 200_000  # of an answer: more than a source may have
_AI: Final = "pydantic_ai.models"
_INSTALL: Final = "pip install 'wf-notebook[ai]', or pass a function that takes and returns text."
_END: Final = object()


class _Choice:
    model: Model | None = None


def set_model(model: Model | None) -> None:
    """Choose the model that `draft()` and `repair()` ask, unless they are told another one.

    Args:
        model: a function that is called with a prompt and returns text, or an awaitable of it, or
            yields it in pieces, sync or async; or "provider:model" as pydantic-ai names it, which
            takes the extra `ai` and that provider's key; or a model of pydantic-ai; None for none.

    Raises:
        DraftError: it is none of these (WF602).

    >>> set_model(lambda prompt: "I can't do that.")
    >>> set_model(None)
    """
    _Choice.model = None if model is None else _checked(model)


def chosen_model(model: Model | None = None) -> Model:
    """Return the model that is asked: the one given, else the one that was set.

    Raises:
        DraftError: there is none (WF601), or it cannot be one (WF602).
    """
    found = _Choice.model if model is None else _checked(model)
    if found is None:
        raise DraftError("No model is set.")
    return found


def name_of(model: Model) -> str:
    """Return what a model is called.

    >>> name_of("openai:gpt-5"), name_of(print)
    ('openai:gpt-5', 'print')
    """
    if isinstance(model, str):
        return model
    if _is_ai(model):
        return str(getattr(model, "model_name", type(model).__name__))
    return str(getattr(model, "__qualname__", type(model).__qualname__))


def _checked(model: Any) -> Model:
    if isinstance(model, str):
        provider, colon, name = model.partition(":")
        if not (provider and colon and name):
            msg = f"{model!r:.100} is not provider:model."
            raise DraftError(msg, code="WF602", hint="Write for example 'anthropic:NAME'.")
        return model
    if callable(model) or _is_ai(model):
        return cast("Model", model)
    msg = f"A {type(model).__name__} cannot be asked."
    raise DraftError(msg, code="WF602", hint="Pass a function that takes a prompt, or a name.")


def _is_ai(model: object) -> bool:
    base = getattr(sys.modules.get(_AI), "Model", None)  # of none that isn't imported
    return isinstance(base, type) and isinstance(model, base)


# -------------------------------------------------------------------------------------- asking


async def ask(model: Model, prompt: str, on_text: Callable[[str], object] | None = None) -> str:
    """Return a model's answer.

    Functions that are not async run on a thread: they may block.

    Args:
        model: as `set_model` takes it.
        prompt: what it is asked.
        on_text: called on this loop with what there is of the answer, each time there is more.

    Raises:
        DraftError: it cannot be used (WF602), raised something, or gave no text (WF603).
    """
    text = ""
    async with contextlib.aclosing(_texts(model, prompt, streamed=on_text is not None)) as texts:
        while True:
            try:
                text = _text(await anext(texts), model)
            except StopAsyncIteration:
                break
            except DraftError:
                raise
            except Exception as error:
                raise _failed(model, error) from error
            if on_text is not None:
                on_text(text)
    if not text.strip():
        raise _no_answer(model, "gave no text")
    return text


def _text(text: object, model: Model) -> str:
    if not isinstance(text, str):
        raise _no_answer(model, f"gave {type(text).__name__}, not text")
    if len(text) > MOST_CHARS:
        raise _no_answer(model, f"gave more than {MOST_CHARS:,} characters")
    return text


def _no_answer(model: Model, what: str) -> DraftError:
    name = name_of(model)
    hint = "Try again, or choose another model."
    return DraftError(f"The model {name} {what}.", model=name, code="WF603", hint=hint)


def _failed(model: Model, error: Exception) -> DraftError:
    name, said = name_of(model), str(error).partition("\n")[0].rstrip(".")
    because = f"{type(error).__name__}: {said}" if said else type(error).__name__
    unusable = isinstance(error, ImportError) or type(error).__name__ == "UserError"
    if unusable and (isinstance(model, str) or _is_ai(model)):
        msg = f"The model {name} cannot be used: {said}."
        hint = "Install what it needs, check its name, and set its key."
        return DraftError(msg, model=name, code="WF602", hint=hint)
    msg = f"The model {name} failed: {because}."
    return DraftError(msg, model=name, code="WF603", hint="Nothing was drafted; try again.")


def _texts(model: Model, prompt: str, *, streamed: bool) -> AsyncGenerator[Any]:
    """Return what yields the answer as it grows."""
    if isinstance(model, str) or _is_ai(model):
        return _from_ai(model, prompt, streamed=streamed)
    return _from_function(model, prompt)


async def _from_function(function: Callable[[str], Any], prompt: str) -> AsyncGenerator[Any]:
    if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
        answer = function(prompt)
    else:
        answer = await asyncio.to_thread(_called, function, prompt)
    if inspect.isawaitable(answer):
        answer = await answer
    if not _comes_in_pieces(answer):
        yield answer
        return
    text = ""
    async for piece in _pieces(answer):
        if not isinstance(piece, str):
            yield piece  # which is refused
            return
        text += piece
        yield text


def _called(function: Callable[[str], Any], prompt: str) -> Any:
    """Call a function on a thread; what ends iterations would never come back from there."""
    try:
        return function(prompt)
    except StopIteration as error:
        msg = "it raised StopIteration"
        raise RuntimeError(msg) from error


def _comes_in_pieces(answer: object) -> bool:
    return isinstance(answer, AsyncIterable | Iterable) and not isinstance(answer, str)


async def _pieces(answer: AsyncIterable[Any] | Iterable[Any]) -> AsyncGenerator[Any]:
    if isinstance(answer, AsyncIterable):
        async for piece in answer:
            yield piece
        return
    iterator: Iterator[Any] = iter(answer)
    while (piece := await asyncio.to_thread(next, iterator, _END)) is not _END:
        yield piece


async def _from_ai(model: Any, prompt: str, *, streamed: bool) -> AsyncGenerator[str]:
    try:
        from pydantic_ai import Agent
    except ImportError:
        msg = f"The model {name_of(model)} takes pydantic-ai, which is not installed."
        raise DraftError(msg, model=name_of(model), code="WF602", hint=_INSTALL) from None
    agent = Agent(model)  # with no tools: all it can do is answer
    if not streamed:
        yield (await agent.run(prompt)).output
        return
    async with agent.run_stream(prompt) as run:
        async for text in run.stream_text():
            yield text
