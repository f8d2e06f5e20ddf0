"""Mutants that behave as the code they are made of: no test can notice them, and here is why."""

from __future__ import annotations

from typing import Final

_LATER = "Python 3.11 has no such node; tests/behaviour/test_pythons.py replays on later ones"
_ANY = "any number of that size does: it only ends what would not end"

EQUIVALENT: Final[dict[tuple[str, str, str], str]] = {
    **dict.fromkeys(
        [
            ("guest/walk.py", 'return _children(node, scope.inner("annotation"))', "return None"),
            (
                "guest/walk.py",
                'return _children(node, scope.inner("annotation"))',
                "'annotation' -> 'XXannotation'",
            ),
            (
                "guest/walk.py",
                'inner = scope.inner("annotation")',
                "'annotation' -> 'XXannotation'",
            ),
            (
                "guest/walk.py",
                "return [(node.name, scope), *parameters, (node.value, inner)]",
                "return None",
            ),
            *(
                ("guest/walk.py", f'"{name}": Walk.{visit},', f"'{name}' -> 'XX{name}'")
                for name, visit in (
                    ("TypeVar", "type_parameter"),
                    ("ParamSpec", "type_parameter"),
                    ("TypeVarTuple", "type_parameter"),
                    ("TypeAlias", "type_alias"),
                )
            ),
            ("guest/walk.py", "for _name, _visit in _SINCE_3_12.items():", "go round no element"),
            ("guest/walk.py", "_VISITORS[getattr(ast, _name)] = _visit", "drop the statement"),
        ],
        _LATER,
    ),
    (
        "guest/calls.py",
        "close = difflib.get_close_matches(alias, offered, 1)",
        "1 -> 2",
    ): "only the first of them is told",
    (
        "guest/hooks.py",
        "waiter.cancel()",
        "drop the statement",
    ): "one that is woken without a payload waits again",
    (
        "guest/probe.py",
        "_AT_CWD: Final = -100",
        "drop USub",
    ): "the path of the attempt is absolute",
    (
        "guest/probe.py",
        '"run a program": lambda: os.execve(_NOWHERE, ["x"], {}),  # noqa: S606 - nothing is there',
        "'x' -> 'XXx'",
    ): "nothing is there to be run",
    (
        "guest/probe.py",
        '"randomness": lambda: os.getrandom(1),',
        "1 -> 2",
    ): "refused or done, however many bytes are asked for",
    (
        "guest/probe.py",
        '"change the priority": lambda: os.nice(0),',
        "0 -> 1",
    ): "refused, or done to a process that ends at once",
    (
        "guest/probe.py",
        'function.restype = ctypes.c_long if name == "syscall" else ctypes.c_int',
        "'syscall' -> 'XXsyscall'",
    ): "of its answer only -1 is looked for, which both types have",
    (
        "guest/zygote.py",
        "_DESCRIPTORS: Final = 2  # of a guest: its messages, its reports",
        "2 -> 3",
    ): "two are sent, however many might be received",
    (
        "guest/zygote.py",
        "importlib.import_module(name)",
        "drop the statement",
    ): "the guest's own modules and the codecs import each of them today",
    (
        "guest/main.py",
        "conversation.answer(_SAMPLE)",
        "drop the statement",
    ): "it makes the first run quicker, and changes nothing else",
    (
        "guest/main.py",
        '"steps": {"a": [["x", "POSITIONAL_OR_KEYWORD", True]]},',
        "True -> False",
    ): "the sample gives the argument",
    (
        "guest/seccomp.py",
        'return struct.pack("=HBBI", _LOAD, 0, 0, offset)',
        "0 -> 1",
    ): "a line that loads skips nothing, whatever it says",
    (
        "guest/machine.py",
        "_MAX_CLOSES: Final = 1000  # of one task: one that catches everything never ends",
        "1000 -> 1001",
    ): _ANY,
}
"""Module, line of the source and change: to why it makes no difference."""
