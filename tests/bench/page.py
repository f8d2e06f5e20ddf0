"""How many frames a second does the page of a long run get? One of 10,000 steps, in headless Chromium.

`python -m tests.bench.page` prints a table, in about a minute; nothing else should run meanwhile.
The view is the one that notebooks get; the kernel is pretended, in the page, so that what is
measured is the page alone: snapshots come as often as a kernel may send them, and what a reader
scrolls to is answered at once.
"""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import click

from tests.chromium import SWITCHES, chromium_path
from tests.view_pages import served
from tests.view_runs import many
from wf_notebook.views.pace import INTERVAL_SECONDS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from playwright.sync_api import CDPSession, Page

STEPS: Final = 10_000
SNAPSHOTS: Final = 40  # each shows two hundred steps more that are done
FRAME_MS: Final = 1000 / 60
LATE_MS: Final = 1.5 * FRAME_MS  # at least one frame was left out

# The kernel: answers a question about rows, and greets. `rows` are all that there are.
KERNEL: Final = """([rows, view, now]) => {
  const { model } = harness;
  model.send = (message) => setTimeout(() => {
    const { op, id, group, from, to } = message;
    if (op === "hello") harness.reply({ op, id, now_us: now, titles: view.titles ?? {}, blocked: "" });
    if (op === "rows")
      harness.reply({ op, id, group, rows: rows.slice(from, to), total: rows.length });
  });
  harness.snapshot(view, now);
}"""

# Move for so many frames, and show the snapshots meanwhile; the milliseconds from frame to frame.
FRAMES: Final = """async ([count, pixels, snapshots, every]) => {
  const list = document.querySelector(".wfn-scroll");
  let shown = 0;
  const timer = snapshots.length && setInterval(() => {
    if (shown < snapshots.length) harness.snapshot(...snapshots[shown++]);
  }, every);
  const spans = [];
  let last = await new Promise(requestAnimationFrame);
  let ahead = pixels;
  for (let i = 0; i < count; i++) {
    const end = list.scrollHeight - list.clientHeight;
    if (list.scrollTop + ahead > end || list.scrollTop + ahead < 0) ahead = -ahead;
    if (pixels) list.scrollTop += ahead;
    const now = await new Promise(requestAnimationFrame);
    spans.push(now - last);
    last = now;
  }
  clearInterval(timer);
  return spans;
}"""


class Scene(NamedTuple):
    """What goes on while frames are counted: its words, pixels scrolled a frame, a run that goes on."""

    words: str
    pixels: int
    live: bool


SCENES: Final = (
    Scene("nothing moves", 0, False),
    Scene("the run goes on", 0, True),
    Scene("scrolled by a row a frame", 30, False),
    Scene("scrolled by a screen a frame", 400, False),
    Scene("scrolled by a row a frame while the run goes on", 30, True),
)


def opened(page: Page, address: str, steps: int) -> None:
    """Show a run of so many steps, with its one group of rows open."""
    page.goto(address)
    page.wait_for_function("window.harness")
    view = many(steps, done=steps // 10).view(200)
    rows = [row.to_json() for group in view.members.values() for row in group]
    page.evaluate(KERNEL, [rows, view.to_json(), view.now_us])
    page.locator(".wfn-name", has_text="charge ×").click()
    page.locator(".wfn-row").nth(5).wait_for()


def snapshots(steps: int) -> list[list[Any]]:
    """What a kernel would send of it while its steps end."""
    begun = steps // 10
    share = (steps - begun) // SNAPSHOTS
    seen = (many(steps, done=begun + i * share).view(200 + i / 8) for i in range(SNAPSHOTS))
    return [[view.to_json(), view.now_us] for view in seen]


def busy(session: CDPSession) -> float:
    """Seconds that the page's thread has worked."""
    found = {m["name"]: m["value"] for m in session.send("Performance.getMetrics")["metrics"]}
    return float(found["TaskDuration"])


def line(scene: Scene, spans: Sequence[float], worked: float) -> str:
    """Return a row of the table: frames a second, how long a frame took, how many were left out."""
    spans = sorted(spans)
    late = sum(span > LATE_MS for span in spans)
    whole = sum(spans)
    return (
        f"| {scene.words} | {1000 * len(spans) / whole:.1f} | {statistics.median(spans):.1f} | "
        f"{spans[int(0.99 * len(spans))]:.1f} | {spans[-1]:.1f} | {late} of {len(spans)} | "
        f"{100_000 * worked / whole:.0f} % |"
    )


def counted(page: Page, address: str, steps: int, play: list[Any]) -> tuple[list[float], float]:
    """Open the page and play a scene: the milliseconds of each frame, and how long it worked."""
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable")
    opened(page, address, steps)
    before = busy(session)
    spans = page.evaluate(FRAMES, play)
    return spans, busy(session) - before


@click.command()
@click.option("--steps", type=click.IntRange(min=1000), default=STEPS, show_default=True)
@click.option("--frames", type=click.IntRange(min=1), default=300, show_default=True)
@click.option(
    "--chromium",
    default=chromium_path,
    help="The browser; the one that is installed, unless given.",
)
def main(steps: int, frames: int, chromium: str | None) -> None:
    """Count the frames of a page that shows a run of many steps; print a Markdown table."""
    from playwright.sync_api import sync_playwright

    sent = snapshots(steps)
    click.echo("| while | frames/s | p50 ms | p99 ms | longest | late | page's thread busy |")
    click.echo("|---|---|---|---|---|---|---|")
    with served() as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=SWITCHES)
        for scene in SCENES:
            page = browser.new_page(viewport={"width": 900, "height": 800})
            shown = sent if scene.live else []
            play = [frames, scene.pixels, shown, 1000 * INTERVAL_SECONDS]
            click.echo(line(scene, *counted(page, address, steps, play)))
            page.close()
        browser.close()


if __name__ == "__main__":
    main()
