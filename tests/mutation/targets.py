"""What is mutated, and which tests should notice: the quick ones first."""

from __future__ import annotations

from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
PACKAGE: Final = ROOT / "wf_notebook"

Stages = tuple[tuple[str, ...], ...]
"""Test files, in the order in which they are asked; a later stage only if no earlier one failed."""

_LANGUAGE: Final = (
    "check", "compiling", "imports", "language", "names", "places", "rules", "scan", "walk",
)  # fmt: skip
_PROCESS: Final = ("confinement", "main", "probe", "seccomp", "zygote")

GROUPS: Final[dict[str, tuple[str, ...]]] = {
    "language": tuple(f"guest/{name}.py" for name in _LANGUAGE),
    "runtime": tuple(
        f"guest/{path.name}"
        for path in sorted((PACKAGE / "guest").glob("*.py"))
        if path.stat().st_size and path.stem not in (*_LANGUAGE, *_PROCESS)
    ),
    "process": tuple(f"guest/{name}.py" for name in _PROCESS),
    "replay": ("engine/replay.py",),
    "state": ("world/state.py",),
    "validate": ("definition/validate.py",),
}
"""The parts that are scored, each with its modules. The guest is three: its language, what runs a
source, and the process around that."""

CONFINED: Final = (
    "tests/unit/test_isolation_zygote.py",
    "tests/security/test_confinement.py",
    "tests/unit/test_isolation_process.py",
    "tests/security/test_limits.py",
)
"""Tests of processes and their limits: on a machine that others use, one may fail by itself."""

_OWN: Final[dict[str, tuple[str, ...]]] = {
    "guest/aio.py": ("tests/unit/test_guest_asyncio.py",),
    "guest/calendar.py": ("tests/unit/test_guest_modules.py", "tests/unit/test_guest_surface.py"),
    "guest/calls.py": ("tests/unit/test_guest_machine.py", "tests/unit/test_guest_values.py"),
    "guest/chance.py": ("tests/unit/test_guest_surface.py", "tests/unit/test_guest_modules.py"),
    "guest/durations.py": ("tests/unit/test_guest_durations.py",),
    "guest/failures.py": ("tests/unit/test_guest_failures.py",),
    "guest/hinted.py": ("tests/unit/test_guest_named.py",),
    "guest/hooks.py": ("tests/unit/test_guest_surface.py",),
    "guest/journal.py": ("tests/unit/test_guest_machine.py", "tests/unit/test_guest_schedule.py"),
    "guest/loop.py": ("tests/unit/test_guest_schedule.py", "tests/unit/test_guest_machine.py"),
    "guest/machine.py": ("tests/unit/test_guest_machine.py",),
    "guest/measure.py": ("tests/unit/test_measure.py", "tests/unit/test_codec.py"),
    "guest/modules.py": ("tests/unit/test_guest_modules.py",),
    "guest/named.py": ("tests/unit/test_guest_named.py",),
    "guest/opaque.py": ("tests/unit/test_frames.py", "tests/engine/test_frames.py"),
    "guest/ordered.py": ("tests/unit/test_guest_sets.py",),
    "guest/main.py": ("tests/unit/test_guest_process.py",),
    "guest/confinement.py": ("tests/unit/test_guest_process.py",),
    "guest/seccomp.py": ("tests/unit/test_seccomp.py",),
    "guest/zygote.py": ("tests/unit/test_guest_process.py",),
    "guest/problems.py": ("tests/unit/test_guest_machine.py", "tests/unit/test_guest_surface.py"),
    "guest/records.py": ("tests/unit/test_guest_values.py",),
    "guest/surface.py": ("tests/unit/test_guest_surface.py",),
    "guest/talk.py": ("tests/unit/test_guest_talk.py", "tests/unit/test_isolation_inline.py"),
    "guest/transform.py": ("tests/unit/test_guest_sets.py", "tests/unit/test_guest_named.py"),
    "guest/values.py": ("tests/unit/test_guest_values.py", "tests/unit/test_values_host.py"),
}

_TESTS: Final[dict[str, Stages]] = {
    "language": (
        (
            "tests/unit/test_language.py",
            "tests/unit/test_validate.py",
            "tests/unit/test_compiling.py",
            "tests/unit/test_walk.py",
        ),
        (
            "tests/unit/test_compile.py",
            "tests/unit/test_guest_modules.py",
            "tests/unit/test_guest_surface.py",
            "tests/unit/test_corpus_runs.py",
            "tests/security/test_attempts.py",
        ),
    ),
    "runtime": (
        (
            "tests/unit/test_guest_failures.py",
            "tests/unit/test_guest_machine.py",
            "tests/unit/test_guest_schedule.py",
            "tests/unit/test_guest_named.py",
            "tests/unit/test_guest_surface.py",
            "tests/unit/test_guest_asyncio.py",
            "tests/unit/test_guest_values.py",
            "tests/unit/test_guest_modules.py",
            "tests/unit/test_guest_sets.py",
        ),
        (
            "tests/unit/test_traceback.py",
            "tests/unit/test_isolation_inline.py",
            "tests/unit/test_corpus_runs.py",
            "tests/unit/test_values_host.py",
            "tests/unit/test_codec.py",
            "tests/replay/test_golden.py",
        ),
        ("tests/engine/test_values.py", "tests/engine/test_steps.py"),
        ("tests/unit/test_isolation_zygote.py", "tests/security/test_confinement.py"),
    ),
    "process": (CONFINED[:2], CONFINED[2:3], CONFINED[3:]),
    "replay": (
        ("tests/engine/test_replay.py", "tests/engine/test_pure.py"),
        ("tests/unit/test_testing_histories.py",),
        ("tests/replay/test_golden.py", "tests/unit/test_history.py"),
        ("tests/engine/test_again.py", "tests/engine/test_runs.py", "tests/engine/test_hooks.py"),
    ),
    "state": (
        ("tests/unit/test_state.py",),
        ("tests/unit/test_view_model.py", "tests/unit/test_view_why.py"),
        ("tests/unit/test_history.py", "tests/unit/test_memory_store.py"),
        ("tests/engine/test_runs.py", "tests/engine/test_hooks.py", "tests/engine/test_steps.py"),
    ),
    "validate": (
        ("tests/unit/test_validate.py", "tests/unit/test_compile.py"),
        ("tests/security/test_attempts.py",),
    ),
}


def stages_of(module: str) -> Stages:
    """Return the tests of a module: its own and its doctests first."""
    group = next(name for name, modules in GROUPS.items() if module in modules)
    doctests = ">>>" in (PACKAGE / module).read_text("utf-8")
    own = (*_OWN.get(module, ()), *([f"wf_notebook/{module}"] if doctests else []))
    rest = [tuple(test for test in stage if test not in own) for stage in _TESTS[group]]
    return tuple(stage for stage in (own, *rest) if stage)
