"""What was measured, as a Markdown table and as JSON."""

from __future__ import annotations

import os
import platform
import subprocess
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any, Final

from tests.bench.contestant import BARE, OURS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tests.bench.measuring import Result
    from tests.bench.workloads import Workload

    Results = Mapping[str, Result]

VERSIONS: Final = ("wf-notebook", "duckdb", "pydantic", "cryptography", "vercel-workflow", "dbos")


def machine() -> dict[str, Any]:
    """Return where and with what it is measured."""
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": _commit(),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "cpus": os.cpu_count(),
        "load": os.getloadavg()[0],
        "python": platform.python_version(),
        "versions": {name: _version(name) for name in VERSIONS},
    }


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _commit() -> str | None:
    asked = ["git", "describe", "--always", "--dirty"]
    found = subprocess.run(asked, capture_output=True, text=True, check=False)
    return found.stdout.strip() or None


def to_json(
    about: Mapping[str, Any], limits: Mapping[str, float], rows: Sequence[tuple[Workload, Results]]
) -> dict[str, Any]:
    """Return everything that was measured, in seconds."""
    return {
        **about,
        "limits": dict(limits),
        "workloads": {
            workload.name: {name: result.to_json() for name, result in results.items()}
            for workload, results in rows
        },
        "contestants": _abouts(rows),
    }


def _abouts(rows: Sequence[tuple[Workload, Results]]) -> dict[str, str]:
    return {n: r.about for _, results in rows for n, r in results.items() if r.about}


def markdown(
    about: Mapping[str, Any], limits: Mapping[str, float], rows: Sequence[tuple[Workload, Results]]
) -> Iterator[str]:
    """Give the lines of a report."""
    yield (
        f"{about['date']}, {about['commit']}, {about['system']}, {about['cpus']} cores,"
        f" load {about['load']:.1f}, Python {about['python']}. Medians of {about['rounds']}, in ms."
    )
    yield ""
    yield from (f"- {name}: {seconds * 1e3:.3f}" for name, seconds in limits.items())
    yield from (f"- **{name}**: {said}" for name, said in _abouts(rows).items())
    yield ""
    yield from table(rows)
    yield ""
    yield from _lacks(rows)


def table(rows: Sequence[tuple[Workload, Results]]) -> Iterator[str]:
    """Give the table: ours in ms, and how many times that the others take."""
    others = list(dict.fromkeys(name for _, found in rows for name in found if name != OURS))
    heads = ["workload", OURS, *(f"ours / {n}" if n == BARE else n for n in others)]
    yield f"| {' | '.join(heads)} |"
    yield f"|---|{'--:|' * (len(heads) - 1)}"
    for workload, results in rows:
        cells = [_cell(name, results) for name in others]
        yield f"| {' | '.join([workload.name, _ms(results[OURS].median), *cells])} |"
        if results[OURS].first is not None:
            firsts = [_first(name, results) for name in others]
            yield f"| {' | '.join(['… first chunk', _ms(results[OURS].first), *firsts])} |"


def _cell(name: str, results: Results) -> str:
    theirs, ours = results.get(name), results[OURS].median
    if theirs is None or theirs.median is None or ours is None:
        return "–"
    if name == BARE:
        return f"{ours / theirs.median:.2f}"
    return f"{_ms(theirs.median)} (×{theirs.median / ours:.1f})"


def _first(name: str, results: Results) -> str:
    theirs, ours = results.get(name), results[OURS].first
    if theirs is None or theirs.first is None or ours is None:
        return "–"
    return f"{_ms(theirs.first)} (×{theirs.first / ours:.1f})"


def _ms(seconds: float | None) -> str:
    if seconds is None:
        return "–"
    return f"{seconds * 1e3:.1f}" if seconds < 1 else f"{seconds * 1e3:,.0f}"


def _lacks(rows: Sequence[tuple[Workload, Results]]) -> Iterator[str]:
    for workload, results in rows:
        for name, result in results.items():
            if result.lacks and name != BARE:
                yield f"- {name}, {workload.name}: {result.lacks}"
