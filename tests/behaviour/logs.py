"""How a log is written down, short enough to be read and long enough to be told from others."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Any

from wf_notebook.clock import SECOND_US

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from wf_notebook.world.events import Event

DRAWN = re.compile("hook_[0-9a-f]{32}")
_UNITS = (("d", 86_400), ("h", 3_600), ("m", 60))


def lines(log: str) -> list[str]:
    """The events of a log that is written in lines or with `|` between them."""
    return [part.strip() for part in log.replace("\n", "|").split("|") if part.strip()]


def written(events: Sequence[Event], roles: Mapping[str, str]) -> list[str]:
    """One text for each event: its type, whom it is about, and what is telling.

    A step goes by its alias, a hook by its token ("drawn" if nobody chose it), a wait by its kind;
    if there are several, by `name#1`, `name#2`.
    """
    names = _names(events)
    return [
        " ".join([event.type, *_about(event, names), *_details(event, roles)]) for event in events
    ]


def _names(events: Iterable[Event]) -> dict[str, str]:
    plain: dict[str, str] = {}
    for event in events:
        meta = event.meta
        if "n" in meta:
            token = meta.get("token", "")
            shown = "drawn" if DRAWN.fullmatch(token) else token
            plain[str(event.correlation_id)] = meta.get("alias") or shown or meta.get("kind")
    often, seen = Counter(plain.values()), Counter[str]()
    named: dict[str, str] = {}
    for key, name in plain.items():
        seen[name] += 1
        named[key] = f"{name}#{seen[name]}" if often[name] > 1 else name
    return named


def _about(event: Event, names: Mapping[str, str]) -> list[str]:
    return [names[event.correlation_id]] if event.correlation_id else []


def _details(event: Event, roles: Mapping[str, str]) -> list[str]:
    meta, data = event.meta, event.data or {}
    told: list[str | None] = []
    match event.type:
        case "step_started" | "step_retrying" | "step_failed":
            told = _attempt(event)
        case "step_cancelled" | "hook_disposed":
            told = [f"by={meta.get('by')}"]
        case "hook_created" | "hook_conflict":
            owner = roles.get(meta.get("owner", ""))
            told = [meta.get("schema"), data.get("title") and repr(data["title"])]
            told.append(owner and f"owner={owner}")
        case "wait_created":
            told = [span(meta["due_us"] - event.time_us)]
        case "wait_completed":
            told = ["woken" if meta.get("woken") else None]
        case "run_failed":
            told = [meta["code"], f"line={meta['line']}" if meta.get("line") else None]
        case _:
            pass
    return [text for text in told if text]


def _attempt(event: Event) -> list[str | None]:
    meta, error = event.meta, (event.data or {}).get("error")
    retry = meta.get("retry_at_us")
    return [
        str(meta["attempt"]),
        "rerun" if meta.get("rerun") else None,
        None if retry is None else "+" + span(retry - event.time_us),
        str(error["type"]) if isinstance(error, dict) else None,
    ]


def span(microseconds: int) -> str:
    """A duration in the largest units that it fills.

    >>> span(5_400_000_000), span(750_000), span(0)
    ('1h30m', '0.75s', '0s')
    """
    seconds = microseconds / SECOND_US
    found = ""
    for unit, size in _UNITS:
        if abs(seconds) >= size:
            found += f"{int(seconds // size)}{unit}"
            seconds %= size
    return found + (f"{seconds:g}s" if seconds or not found else "")


def failure(error: Mapping[str, Any]) -> str:
    """An error as data, in one line: `Type: message [parts] <- cause`."""
    said = f"{error['type']}: {error['message']}".rstrip(": ")
    if error.get("parts"):
        said += " [" + "; ".join(failure(part) for part in error["parts"]) + "]"
    if error.get("cause"):
        said += " <- " + failure(error["cause"])
    return said
