"""What a model must know of the language: said from the tables that the check itself uses."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Final

from wf_notebook.guest.language import (
    COMPUTED_ACCESS,
    DIRECTIVE,
    FORBIDDEN,
    MAX_SOURCE_BYTES,
    MEMBER_HINTS,
    MODULE_HINTS,
    MODULES,
    NON_DURABLE_WAITS,
    PREDEFINED,
    SURFACE,
)
from wf_notebook.guest.surface import Surface

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

__all__ = ["language_rules"]

_QUIET: Final = ("__future__",)
_FACED: Final = ("asyncio", "time")  # whose faces lack what people would expect of them


def language_rules() -> tuple[str, ...]:
    """Return the rules of the language, a sentence or two each.

    >>> any("requests" in rule and "in a step" in rule for rule in language_rules())
    True
    """
    return (*_shape(), *_surface(), *_offered(), *_refused(), *_habits())


def _shape() -> tuple[str, ...]:
    return (
        (
            f"A source is one top-level `async def`, the entry, whose first statement is the text "
            f'"{DIRECTIVE}"; helper functions and dataclasses may stand beside it. It has at most '
            f"{MAX_SOURCE_BYTES >> 10} KiB. Nothing is called at the top level."
        ),
        (
            "A source decides and waits; it computes with plain values. Whatever touches the world "
            "outside (network, files, databases, mail, shells, the notebook) is done by steps, and "
            "only by those that are listed: `await steps.NAME(...)`. Never define, decorate, import "
            "or invent a step."
        ),
        (
            "Calling a step starts it and returns a future: await each, at once or later, alone or "
            "through asyncio.gather."
        ),
    )


def _surface() -> tuple[str, ...]:
    signatures = [_signature(method) for method in (Surface.sleep, Surface.create_hook)]
    rest = _listed(PREDEFINED - SURFACE)
    return (
        f"Predefined, never imported or rebound: `steps`, {_ticked(signatures)}, {rest}.",
        (
            '`await sleep("1h 30m")` waits, durably; so do seconds, a timedelta, or an aware datetime '
            "to wake at. `now()` is the time, aware, in UTC."
        ),
        (
            '`await create_hook(title="…", schema="Name")` asks a person and gives the answer; '
            "`schema` names a listed schema, whose answers arrive as records (`answer.field`); "
            "without a schema any JSON may come, as it is. With `timeout`, TimeoutError is raised "
            "when nobody has answered in time."
        ),
    )


def _signature(method: Callable[..., object]) -> str:
    """Write a method of the surface as a source calls it: without self and types."""
    parameters = list(inspect.signature(method).parameters.values())[1:]
    bare = [p.replace(annotation=inspect.Parameter.empty) for p in parameters]
    return f"{method.__name__}{inspect.Signature(bare)}"


def _offered() -> tuple[str, ...]:
    names = [name for name in MODULES if name not in _QUIET]
    faces = "; ".join(f"of {name} only {', '.join(sorted(MODULES[name]))}" for name in _FACED)
    return (f"Imports that are offered, and no others: {_listed(names)}. There is, {faces}.",)


def _refused() -> tuple[str, ...]:
    waits = {name: hint for name, hint in NON_DURABLE_WAITS.items() if name not in MEMBER_HINTS}
    return (
        f"Not available: {_grouped(FORBIDDEN)}",
        f"Modules that are not offered: {_grouped(MODULE_HINTS)}",
        f"Members that are not offered: {_grouped(MEMBER_HINTS)}",
        f"Waits that the run would not know of: {_grouped(waits)}",
        (
            f"{_listed(COMPUTED_ACCESS)} may only be called, and with the attribute's name written "
            "out. Private attributes, frames and code objects are not there."
        ),
    )


def _habits() -> tuple[str, ...]:
    return (
        (
            "Values cross as JSON-like data, dates, Decimal, UUID, bytes and dataclasses. A pydantic "
            "model or dataclass of the host arrives as a read-only record: `order.id` or "
            '`order["id"]`; a dict stays a dict.'
        ),
        (
            "The host retries steps by itself: write no loop for that. A step that has failed for "
            "good raises StepError (`.type`, `.message`); raise FatalError to fail the run."
        ),
        (
            "Every loop ends: bound it by what is given, by a count, or by asyncio.timeout. To poll, "
            "sleep between the calls."
        ),
        "Return what the request asks for, as plain data. Do nothing that was not asked for.",
    )


def _grouped(hints: Mapping[str, str]) -> str:
    """Write names by what to do instead."""
    groups: dict[str, list[str]] = {}
    for name, hint in hints.items():
        groups.setdefault(hint, []).append(name)
    return " ".join(f"{', '.join(names)}: {hint}" for hint, names in groups.items())


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names))


def _ticked(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)
