"""Take the README's pictures: python -m tests.browser.pictures [--out DIR].

Real runs in a real JupyterLab with Chromium; each picture is of one view or card.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tests.chromium import SWITCHES, chromium_path
from tests.conftest import home_variables

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Locator

    from tests.view_lab import LabPage

SIZE = {"width": 1080, "height": 3000}  # tall: a cell out of sight is not drawn

SETUP = '''\
%load_ext wf_notebook
import asyncio
from datetime import date
from enum import StrEnum
from pydantic import BaseModel, Field
from wf_notebook import start, step, step_context

class Decision(StrEnum):
    SHIP = "ship"
    REFUND = "refund"

class Approval(BaseModel):
    decision: Decision
    discount: int = Field(0, ge=0, le=30, description="In percent, for the wait")
    reviewer: str = Field(min_length=2, description="Your name, for the invoice")
    deliver: date = Field(date(2026, 3, 2), description="Not before this day")
    note: str = Field("", max_length=500, description="A sentence for the customer")

@step
async def fetch_order(order: str) -> dict:
    await asyncio.sleep(0.9)
    return {"id": order, "lines": 3, "total": 184}

@step
async def check_stock(order: dict) -> bool:
    await asyncio.sleep(1.6)
    return True

tries = iter([True, True])

@step(retries=3)
async def charge(order: dict, percent: int) -> str:
    await asyncio.sleep(0.6)
    if next(tries, False):
        raise ConnectionError("the bank does not answer")
    return "paid"

@step
async def pack(order: dict) -> int:
    log = step_context().stream("packing")
    for n in range(order["lines"]):
        log.write(f"shelf {n + 4}: line {n + 1} of {order['lines']} packed\\n")
        await asyncio.sleep(0.4)
    return 2

@step
async def begin_shipping(order: dict) -> str:
    await asyncio.sleep(0.2)
    return start(SHIPPING, (order["id"],), steps=[book, deliver]).id

@step
async def book(order: str) -> str:
    await asyncio.sleep(0.3)
    return "parcel"

@step
async def deliver(order: str) -> str:
    await asyncio.sleep(0.3)
    return "delivered"

SHIPPING = """
async def shipping(order):
    "use workflow"
    await steps.book(order)
    return await steps.deliver(order)
"""
'''
ORDER = """\
%%workflow order --schemas Approval --out r -- "A-17"
async def order(number):
    found = await steps.fetch_order(number)
    await steps.check_stock(found)
    reminder = asyncio.create_task(sleep("3 days"))
    approval = await create_hook(schema="Approval", token=number, title="Ship it?")
    reminder.cancel()
    await steps.charge(found, approval.discount)
    await sleep("2s")
    await steps.pack(found)
    parcel = await steps.begin_shipping(found)
    await create_hook(token=f"received-{number}", title="Has the parcel arrived?")
    return parcel
"""
CHANGED = (
    ORDER.replace("--out r", "--quiet").replace('"A-17"', '"A-18"').replace("3 days", "5 days")
)


class Album:
    """Pictures in a folder."""

    def __init__(self, there: LabPage, folder: Path) -> None:
        self.there = there
        self.folder = folder

    def take(self, name: str, first: Locator, last: Locator | None = None) -> None:
        """Write what is seen from the top of one to the foot of another."""
        self.there.page.mouse.move(1, 1)
        top, foot = first.bounding_box(), (last or first).bounding_box()
        assert top is not None
        assert foot is not None
        height = foot["y"] + foot["height"] - top["y"]
        clip = {
            "x": top["x"] - 3, "y": top["y"] - 3, "width": top["width"] + 6, "height": height + 6,
        }  # fmt: skip
        path = self.folder / f"{name}.png"
        self.there.page.screenshot(path=path, clip=clip)
        print(f"{path.name}: {path.stat().st_size // 1000} kB")

    def theme(self, name: str) -> None:
        self.there.menu("Settings", "Theme", f"JupyterLab {name}")
        light = "true" if name == "Light" else "false"
        self.there.page.locator(f"body[data-jp-theme-light='{light}']").wait_for(state="attached")


def waiting(album: Album, view: Locator) -> None:
    """The form, in both themes, and what is wrong with an answer."""
    form = view.locator("form")
    form.get_by_label("Decision").select_option(label="ship")
    form.get_by_label("Discount").fill("10")
    form.get_by_label("Reviewer").fill("Ada")
    view.locator("h3").focus()
    album.take("waiting-light", view)
    album.theme("Dark")
    album.take("waiting-dark", view)
    album.theme("Light")
    form.get_by_label("Discount").fill("45")
    form.get_by_label("Reviewer").fill("A")
    form.get_by_role("button", name="Resume").click()
    form.get_by_text("at least 2 characters").nth(1).wait_for()
    album.take("errors-light", form)


def code(album: Album, view: Locator) -> None:
    """What runs, where it waits, and what its cell says by now."""
    page = album.there.page
    page.locator(".jp-CodeCell .cm-content").last.click()
    page.keyboard.insert_text(CHANGED)
    page.keyboard.press("Control+Enter")
    page.locator(".jp-InputPrompt").get_by_text("[3]:").wait_for()
    button = view.get_by_role("button", name="Code", exact=True)
    button.click()
    view.get_by_text("the cell has changed").wait_for()
    panel = view.locator(".wfn-panel.wfn-code")
    panel.evaluate("n => { n.style.maxHeight = 'none' }")  # all of what one would scroll through
    album.take("code-light", panel)
    button.click()


def shipped(album: Album, view: Locator) -> None:
    """The timeline with all that a run does, its log, and its past."""
    form = view.locator("form")
    form.get_by_label("Discount").fill("10")
    form.get_by_label("Reviewer").fill("Ada")
    form.get_by_role("button", name="Resume").click()
    view.get_by_role("heading", name="Has the parcel arrived?").wait_for(timeout=60_000)
    album.take("timeline-light", view.locator(".wfn-timeline"), view.locator(".wfn-streams"))
    album.theme("Dark")
    view.get_by_role("button", name="Replay", exact=True).click()
    slider = view.get_by_role("slider", name="Event")
    slider.fill("16")
    view.get_by_text("event 16 of").first.wait_for()
    album.take("replay-dark", view)
    view.get_by_role("button", name="Back to live").click()
    album.theme("Light")
    events = view.get_by_role("button", name="Events", exact=True)
    events.click()
    view.locator(".wfn-event").first.wait_for()
    album.take("events-light", view.locator(".wfn-events"))
    events.click()


def arrived(album: Album, view: Locator) -> None:
    """What stays in the notebook."""
    view.locator("form").get_by_role("button", name="Resume").click()
    card = album.there.page.locator(".jp-OutputArea-output").filter(has_text="completed after")
    card.wait_for()
    album.take("card-light", card.locator("> div").last)


@contextmanager
def laboratory() -> Iterator[LabPage]:
    from playwright.sync_api import sync_playwright

    from tests.view_lab import Lab, LabPage  # here: pytest looks for doctests before it rewrites it

    with tempfile.TemporaryDirectory() as home, sync_playwright() as playwright:
        os.environ.update(home_variables(Path(home)))
        root = Path(home, "lab")
        root.mkdir()
        server = Lab(root)
        try:
            browser = playwright.chromium.launch(executable_path=chromium_path(), args=SWITCHES)
            yield LabPage(server, browser.new_page(viewport=SIZE))
            browser.close()
        finally:
            server.close()


def main() -> None:
    from tests.view_lab import NOTEBOOKS

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=NOTEBOOKS / "images")
    folder = parser.parse_args().out
    folder.mkdir(parents=True, exist_ok=True)
    with laboratory() as there:
        album = Album(there, folder)
        there.write("orders.ipynb", SETUP, ORDER, "")
        there.open("orders.ipynb")
        there.run_all()
        view = there.page.locator(".wfn")
        view.locator("form").wait_for()
        there.page.keyboard.press("Control+b")
        for scene in (waiting, code, shipped, arrived):
            scene(album, view)


if __name__ == "__main__":
    main()
