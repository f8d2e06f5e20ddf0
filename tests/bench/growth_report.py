"""What grows with a world, as a Markdown table and as curves: each measure beside its smallest size."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

MEASURES: Final = ("opening", "list 20", "list 20 completed", "1 step", "one goes on")
CURVES: Final = {
    "opening": "#d9822b",
    "list 20": "#3f8ee0",
    "list 20 completed": "#8a6fd1",
    "1 step": "#2fa36b",
    "memory": "#cf4a6b",
}
GREY: Final = "#808080"  # on white, and on black
PROMISED: Final = 1.2  # what 1 step may cost after 100,000 runs, beside after none
MB: Final = 1e6


def markdown(found: Mapping[str, Any]) -> Iterator[str]:
    """Give the lines of a report."""
    time = "the processor's time in ms" if found["cpu"] else "in ms"
    yield (
        f"{found['date']}, {found['commit']}, {found['system']}, {found['cpus']} cores,"
        f" load {found['load']:.1f}, Python {found['python']}. Medians of {found['rounds']}, {time}."
    )
    yield ""
    heads = [
        "finished",
        "asleep",
        "waiting",
        *MEASURES,
        "memory, MB",
        "+ empty",
        "file, MB",
        "kB/run",
    ]
    yield f"| {' | '.join(heads)} |"
    yield f"|{'--:|' * len(heads)}"
    looks = found["looks"]
    for look in looks:
        yield f"| {' | '.join(_cells(look, looks[0]))} |"
    yield ""
    yield from _singles(found)


def _cells(look: Mapping[str, Any], first: Mapping[str, Any]) -> Iterator[str]:
    runs = [look["finished"], look["asleep"], look["waiting"]]
    memory, size = _median(look, "memory"), _median(look, "file")
    yield from (f"{count:,}" for count in runs)
    for name in MEASURES:
        yield f"{_median(look, name) * 1e3:,.1f}" if name in look["figures"] else "–"
    yield f"{memory / MB:,.0f}"
    yield f"{(memory - _median(first, 'memory')) / MB:+,.0f}"
    yield f"{size / MB:,.1f}"
    yield f"{(size - _median(first, 'file')) / sum(runs) / 1e3:.1f}" if sum(runs) else "–"


def _median(look: Mapping[str, Any], name: str) -> float:
    return statistics.median(look["figures"][name])


def _singles(found: Mapping[str, Any]) -> Iterator[str]:
    scale, singles = found["scale"], found["singles"]
    said = {name: statistics.median(taken) for name, taken in singles["long"].items()}
    crowd = statistics.median(singles["crowd"]["at once"])
    large = statistics.median(singles["large"]["there and back"])
    yield f"- {scale['crowd']:,} runs of one step at once: {crowd:.2f} s"
    yield (
        f"- a run of {said['events']:,.0f} events: made in {said['made']:.1f} s,"
        f" opened in {said['opening'] * 1e3:.0f} ms, replayed in {said['replay'] * 1e3:.0f} ms,"
        f" listed in {said['list 20'] * 1e3:.1f} ms"
    )
    yield f"- {scale['payload'] / (1 << 20):.0f} MiB into a step and back: {large:.2f} s"


def ratios(looks: Sequence[Mapping[str, Any]], name: str) -> list[float]:
    """Return what a measure comes to at each size, beside the smallest."""
    first = _median(looks[0], name)
    return [_median(look, name) / first for look in looks]


def draw(found: Mapping[str, Any], path: Path) -> None:
    """Draw the curves; nothing but lines and grey text, for a light page and a dark one."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    alive = ("asleep", "waiting")
    still = [look for look in found["looks"] if not any(look[name] for name in alive)]
    looks = [look for look in still if look["finished"]] or still  # an empty world lists nothing
    # texts stay texts, and no ids or dates that differ each time
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "growth", "font.size": 10}):
        figure = Figure(figsize=(7, 3.6), layout="constrained")
        axes = figure.add_subplot()
        for name, colour in CURVES.items():
            axes.plot(ratios(looks, name), color=colour, marker="o", markersize=4, label=name)
        axes.axhline(PROMISED, color=GREY, linewidth=1, linestyle=":")
        axes.set_xticks(range(len(looks)), [f"{look['finished']:,}" for look in looks])
        axes.set_ylim(bottom=0)
        axes.set_xlabel("finished runs in the world", color=GREY)
        axes.set_ylabel("times what it is at the left", color=GREY)
        axes.tick_params(colors=GREY)
        axes.spines[["top", "right"]].set_visible(False)
        axes.spines[["left", "bottom"]].set_color(GREY)
        axes.legend(frameon=False, labelcolor=GREY)
        figure.savefig(path, format="svg", transparent=True, metadata={"Date": None})
