"""Which isolation a world uses: what was asked for, or the best that holds on this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wf_notebook.config import ISOLATION_MODES
from wf_notebook.errors import IsolationUnavailable
from wf_notebook.isolation.proof import Proof

if TYPE_CHECKING:
    from wf_notebook.config import Limits
    from wf_notebook.isolation.process import ProcessIsolation
    from wf_notebook.isolation.protocol import Isolation

__all__ = ["choose", "prove"]

_proven: list[Proof] = []  # one, once it was tried: a machine doesn't change under a process


async def choose(mode: str | None, limits: Limits) -> Isolation:
    """Return the isolation of a mode; for None "strict" where it holds, else "process".

    Raises:
        IsolationUnavailable: the mode is not to be had.
    """
    match mode:
        case None | "strict":
            isolation = _processes(limits, strict=True)
            try:
                found = await _proof_of(isolation)
            except BaseException:  # the world is being closed
                await isolation.close()
                raise
            if found.holds:
                return isolation  # the processes that were started to try serve from now on
            await isolation.close()
            if mode == "strict":
                raise _not_strict(found)
            return _processes(limits, strict=False)
        case "process":
            return _processes(limits, strict=False)
        case "inline":
            from wf_notebook.isolation.inline import InlineIsolation

            return InlineIsolation()
        case _:
            msg = f"There is no isolation {mode!r}."
            raise IsolationUnavailable(msg, hint=f"There are {', '.join(ISOLATION_MODES)}.")


async def prove(limits: Limits) -> Proof:
    """Say whether strict isolation holds on this machine: a confined guest tries to break out.

    It is tried once in a process.
    """
    isolation = _processes(limits, strict=True)
    try:
        return await _proof_of(isolation)
    finally:
        await isolation.close()


async def _proof_of(isolation: ProcessIsolation) -> Proof:
    if not _proven:
        try:
            _proven.append(await isolation.prove())
        except IsolationUnavailable as error:
            return Proof(trouble=error.message)
    return _proven[0]


def _processes(limits: Limits, *, strict: bool) -> ProcessIsolation:
    from wf_notebook.isolation.process import ProcessIsolation

    return ProcessIsolation(limits, strict=strict)


def _not_strict(found: Proof) -> IsolationUnavailable:
    msg = f"Strict isolation doesn't hold on this machine: {found}."
    hint = (
        'Run it on Linux, or choose isolation="process" for a source that you have read: it runs in '
        "a child process with an empty environment, no open files and limits of time and memory, "
        "and can only ask for its steps; but nothing keeps code that breaks out of the language "
        "from making system calls as you."
    )
    return IsolationUnavailable(msg, hint=hint)
