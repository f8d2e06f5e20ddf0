"""Runs sources on the guest's machine while Python reports what they make the process do.

`python -m tests.property.audited` reads a list of sources and prints a line on what each did: its
status and the audit events that were raised after it had been compiled, with the file that raised
them. A source that would compute for ever ends the process, as it would end its guest.
"""

from __future__ import annotations

import json
import math
import os
import resource
import sys
import time
import warnings
from typing import Any, Final

import click

from tests.oracle import Guest, Script
from wf_notebook.definition.compile import names_used
from wf_notebook.guest.machine import Machine

ANSWERS: Final = json.dumps({
    "args": [1],
    "steps": {
        "double": 2,
        "sync_add": 3,
        "flaky": {"each": [{"raise": "RuntimeError", "message": "first try"}, 5]},
        "fail": {"raise": "FatalError", "message": "no"},
    },
    "hooks": [[{"answer": 1}]] * 40,
})  # fmt: skip
# Python looks at itself: nothing leaves the process.
HARMLESS: Final = frozenset({
    *("sys._getframe", "object.__getattr__", "object.__setattr__", "object.__delattr__"),
    *("builtins.id", "sys.set_asyncgen_hook_firstiter", "sys.set_asyncgen_hook_finalizer"),
})  # fmt: skip
MEMORY: Final = 2 << 30
CPU_SECONDS: Final = 10  # of one source
# Texts of the standard library's own, filled in with checked names, are compiled there.
TEMPLATES: Final = ("dataclasses.py", os.path.join("collections", "__init__.py"), "typing.py")


CODECS: Final = os.path.join("encodings", "__init__.py")


def template(event: str, caller: str) -> bool:
    return event in ("exec", "compile") and caller.endswith(TEMPLATES)


def unknown_codec(event: str, caller: str, module: str) -> bool:
    """Whether Python looks for a codec by a name that a source gave: `urllib.parse.quote("a", "", "b")`.

    If there is one, its file is opened, which is heard; a guest that is confined has no such files.
    """
    return event == "import" and caller.endswith(CODECS) and module.startswith("encodings.")


class Ear:
    """Hears audit events while a source runs."""

    def __init__(self) -> None:
        self.heard: list[list[str]] = []
        self._listening = False
        sys.addaudithook(self._hear)

    def _hear(self, event: str, args: tuple[Any, ...]) -> None:
        if not self._listening or event in HARMLESS:
            return
        self._listening = False  # what is asked for here is not the source's
        caller = sys._getframe(1).f_code.co_filename
        own = event == "exec" and args[0].co_filename == "<cell>"  # the source, once
        if not (own or template(event, caller) or unknown_codec(event, caller, str(args[0]))):
            self.heard.append([event, caller, repr(args)[:200]])
        self._listening = True

    def listen(self, source: str) -> dict[str, Any]:
        self.heard = []
        aliases, schemas = names_used(source)
        guest = Guest(Script(ANSWERS), aliases, schemas)
        told = guest.run(source, "workflow")
        self._listening = False
        return {"status": told.status, "error": told.error, "heard": self.heard}

    def after_compiling(self, compiled: Any) -> Any:
        """Wrap the machine's compiler: what comes after it is the source's."""

        def compiling(source: str, filename: str) -> Any:
            self._listening = False
            code = compiled(source, filename)
            self._listening = True
            return code

        return compiling


def main() -> None:
    """Run what is read."""
    warnings.simplefilter("ignore")
    sys.unraisablehook = lambda _unraisable: None
    ear = Ear()
    module: Any = sys.modules[Machine.__module__]
    module.compile_ordered = ear.after_compiling(module.compile_ordered)
    ear.listen("async def workflow(n):\n    return n\n")  # what is imported once, is imported
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    for source in json.load(sys.stdin):
        allow_cpu(CPU_SECONDS)
        click.echo(json.dumps(ear.listen(source)))
        sys.stdout.flush()


def allow_cpu(seconds: int) -> None:
    """Let the process use that much more; then it is killed, wherever it is."""
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (math.ceil(time.process_time()) + seconds, hard))


if __name__ == "__main__":
    main()
