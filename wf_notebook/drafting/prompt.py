"""What a model is asked: for a source, for a mended one, or for one that would not fail so."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from wf_notebook.drafting.fences import fenced

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wf_notebook.drafting.catalogue import Catalogue

__all__ = ["failure_prompt", "mending_prompt", "request_prompt"]

_ANSWER: Final = (
    "Answer with one ```python block that holds the whole source, and with nothing else: no "
    "`%%workflow` line, no steps, no explanation."
)
_UNLESS: Final = (
    "WF605 is what a rehearsal with made-up results has come to: if the request wants it so, "
    "answer with the same source again."
)
_MISSING: Final = "If the listed steps cannot do it, say in one sentence which step is missing."


def request_prompt(catalogue: Catalogue, request: str, name: str | None) -> str:
    """Return the prompt that asks for a source.

    Args:
        catalogue: what may be used.
        request: what the workflow shall do, in plain language.
        name: of the entry, if it is given.
    """
    named = f" Call the entry `{name}`." if name else ""
    ask = f"Write the workflow that the request describes.{named} {_ANSWER} {_MISSING}"
    return f"{catalogue}\n# Request\n\n{fenced(request, 'request')}\n\n{ask}\n"


def mending_prompt(first: str, source: str, findings: Sequence[str]) -> str:
    """Return the prompt that asks again.

    Args:
        first: the prompt that was answered first: models keep nothing.
        source: what was found in the last answer; "" if nothing was.
        findings: what is wrong with it, as blocks of text that point at its lines.
    """
    if not source:
        return f"{first}\nYour last answer held no source. {_ANSWER}\n"
    return (
        f"{first}\n# Your last answer\n\n{fenced(source, 'data source')}\n\n"
        f"# What is wrong with it\n\n{fenced(chr(10).join(findings), 'data problems')}\n\n"
        f"Mend all of this and keep the rest as it is. {_UNLESS} {_ANSWER}\n"
    )


def failure_prompt(
    catalogue: Catalogue, source: str, *, failure: str, happened: str, request: str
) -> str:
    """Return the prompt that asks how a source that failed should have been.

    Args:
        catalogue: what may be used.
        source: the one that ran.
        failure: what was raised, and where.
        happened: the steps, sleeps and hooks of the run, a line each.
        request: what the person says of it; may be empty.
    """
    said = f"# What the person says\n\n{fenced(request, 'request')}\n\n" if request else ""
    return (
        f"{catalogue}\n# A source that failed\n\n{fenced(source, 'data source')}\n\n"
        f"# How it failed\n\n{fenced(failure, 'data failure')}\n\n"
        f"# What had happened\n\n{fenced(happened, 'data events')}\n\n{said}"
        "Mend the source so that it does what it was meant to do and does not fail so again; do "
        f"not hide the failure. Keep the rest, and the entry's name, as they are. {_ANSWER}\n"
    )
