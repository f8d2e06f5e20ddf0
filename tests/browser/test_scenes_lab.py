"""What a person does with a view in JupyterLab: by keyboard, over a reload, a restart and a save."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import nbformat
import pytest

from tests.lab_orders import DELIVERY, ORDER, SETUP

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

    from tests.view_lab import LabPage

pytestmark = pytest.mark.browser
pytest_plugins = ["tests.view_lab"]

FOCUS = "(document.activeElement.labels?.[0] ?? document.activeElement).textContent.trim()"
DONE = "completed after"
GROUND = "n => getComputedStyle(n).backgroundColor.match(/\\d+/g).map(Number)"


def opened(lab_page: LabPage, *cells: str) -> Page:
    """A notebook whose cells were run."""
    lab_page.write("orders.ipynb", SETUP, *cells)
    lab_page.open("orders.ipynb")
    lab_page.run_all()
    return lab_page.page


def tab_to(page: Page, label: str, key: str = "Tab") -> None:
    """Press a key until the focus is there."""
    for _ in range(40):
        page.keyboard.press(key)
        if page.evaluate(FOCUS) == label:
            return
    pytest.fail(f"{key} does not lead to {label}")


def views(page: Page) -> Locator:
    return page.locator(".wfn")


def answer(form: Locator) -> None:
    form.get_by_label("Decision").select_option(label="pay")
    form.get_by_label("Reviewer").fill("Ada")
    form.get_by_role("button", name="Resume").click()


def test_a_form_is_failed_and_passed_by_keyboard_alone(lab_page: LabPage) -> None:
    """From the cell below, with Shift and Tab; what is refused has the focus, what was typed stays."""
    page = opened(lab_page, ORDER, "r.name")
    form = page.locator("form")
    form.wait_for()
    page.get_by_text("'order'").wait_for()
    press = page.keyboard.press
    tab_to(page, "Decision *", "Shift+Tab")
    press("p")
    press("Tab")
    page.keyboard.insert_text("300")
    press("Tab")
    page.keyboard.type("Adam")
    press("Control+z")
    page.keyboard.type("Ada")
    press("Tab")
    page.keyboard.type("Paid\nin part")
    press("Shift+Tab")
    press("Enter")
    form.get_by_text("less than or equal to 250").wait_for()
    assert page.evaluate(FOCUS) == "Amount"
    assert form.get_by_label("Reviewer").input_value() == "Ada"
    assert form.get_by_label("Note").input_value() == "Paid\nin part"
    lab_page.shot("scene-1-refused")
    press("Control+a")
    page.keyboard.insert_text("120")
    press("Enter")
    page.get_by_text(DONE).wait_for()
    assert views(page).count() == 0
    lab_page.shot("scene-2-card")


def test_two_views_are_woken_and_cancelled_together(lab_page: LabPage) -> None:
    """What is pressed in one view is seen in both; at the end both are cards."""
    page = opened(lab_page, DELIVERY, "d")
    wake = page.get_by_role("button", name="Wake now")
    wake.nth(1).wait_for()
    wake.first.click()
    for view in views(page).all():
        view.get_by_text("woken").wait_for()
        view.get_by_text("wakes in 3 d").or_(view.get_by_text("wakes in 4 d")).wait_for()
    lab_page.shot("scene-3-woken")
    second = views(page).nth(1)
    second.get_by_role("button", name="Cancel", exact=True).click()
    second.get_by_role("button", name="Cancel the run").click()
    cards = page.locator(".jp-OutputArea-output").filter(has_text="cancelled after")
    cards.nth(1).wait_for()
    assert views(page).count() == 0
    lab_page.shot("scene-4-cancelled")


OPENED = """\
import threading
for thread in threading.enumerate():
    if thread.name == "wf-open":
        thread.join()
40 + 2
"""


def test_a_page_reloaded_and_a_kernel_restarted(lab_page: LabPage) -> None:
    """The view is there again; after a restart, once %load_ext was run, on the page loaded anew."""
    lab_page.page.set_viewport_size(
        {"width": 1280, "height": 1600}
    )  # a cell out of sight is not drawn
    page = opened(lab_page, OPENED, ORDER)
    page.locator("form").wait_for()
    lab_page.save()
    page.reload()
    page.locator("form").wait_for()
    lab_page.shot("scene-5-reloaded")
    page.get_by_text("40 + 2").click()
    lab_page.menu("Kernel", "Restart Kernel and Run up to Selected Cell…")
    page.locator(".jp-Dialog .jp-mod-accept").click()
    told = page.get_by_text("42", exact=True)
    told.wait_for(state="detached")
    told.wait_for()
    lab_page.save()
    page.reload()
    answer(page.locator("form"))
    views(page).locator(".wfn-pill").get_by_text("completed").wait_for()
    assert page.locator("form").count() == 0
    lab_page.shot("scene-6-revived")


def test_in_the_dark_the_past_is_gone_through(lab_page: LabPage) -> None:
    """The view takes the theme's colours; the replay bar shows the run as it stood, and leads back."""
    page = opened(lab_page, ORDER)
    page.locator("form").wait_for()
    lab_page.menu("Settings", "Theme", "JupyterLab Dark")
    page.locator("body[data-jp-theme-light='false']").wait_for(state="attached")
    view = views(page)
    assert max(view.evaluate(GROUND)) < 64
    view.get_by_role("button", name="Replay").click()
    slider = view.get_by_role("slider", name="Event")
    slider.press("Home")
    view.get_by_text(re.compile(r"^event 1 of \d+$")).wait_for()
    assert not page.locator("form").is_visible()
    slider.press("End")
    view.get_by_text(re.compile(r"hook_created")).first.wait_for()
    lab_page.shot("scene-7-dark-past")
    view.get_by_role("button", name="Back to live").click()
    page.locator("form").wait_for()
    lab_page.shot("scene-8-dark")


def test_an_untrusted_notebook_shows_its_cards(lab_page: LabPage) -> None:
    """Saved, closed, and opened by somebody who doesn't trust it: each run as it stood, no widget."""
    page = opened(lab_page, ORDER, DELIVERY)
    answer(page.locator("form"))
    page.get_by_text(DONE).wait_for()
    page.get_by_role("button", name="Wake now").wait_for()
    lab_page.save()
    lab_page.lab.end_kernels()
    saved = nbformat.read(lab_page.folder / "orders.ipynb", as_version=4)
    saved.cells[0].source += "\n# from somebody else"
    nbformat.write(saved, lab_page.folder / "received.ipynb")
    page.set_viewport_size({"width": 1280, "height": 1600})  # a cell out of sight is not drawn
    lab_page.open("received.ipynb")
    shown = page.locator(".jp-NotebookPanel:visible")
    shown.get_by_text(DONE).wait_for()
    shown.get_by_text("shown as of").wait_for()
    lab_page.shot("scene-9-untrusted")
    assert "not found" not in shown.inner_text()
    assert views(page).count() == 0


def test_notebook_7_takes_an_answer(notebook_page: LabPage) -> None:
    """In Jupyter Notebook, too: run all, fill the form, press Resume, and the card is there."""
    page = opened(notebook_page, ORDER)
    answer(page.locator("form"))
    page.get_by_text(DONE).wait_for()
    assert views(page).count() == 0
    notebook_page.shot("scene-notebook-7")


MODEL = '''
from wf_notebook import set_model, step

@step
def count_lamps() -> int:
    """Count the lamps in the warehouse."""
    return 7

set_model(lambda prompt: """```python
async def stocktaking():
    lamps = await steps.count_lamps()
    if lamps > 5:
        return f"{lamps} lamps are enough"
```""")
%config Workflow.approval = "drafts"
'''
DRAFT = "%%workflow_draft stocktaking --steps count_lamps\nCount the lamps. Are they enough?"


def test_a_draft_is_read_approved_and_run(lab_page: LabPage) -> None:
    """It lands in a new cell; that is refused before the button was pressed, and runs after it."""
    page = opened(lab_page, MODEL, DRAFT)
    approve = page.get_by_role("button", name="Approve")
    approve.wait_for()
    for words in ("Count the lamps. Are they enough?", "nothing of that name was approved"):
        page.get_by_text(words).last.wait_for()
    lab_page.shot("scene-9-draft")
    cells = page.locator(".jp-CodeCell")
    drafted = cells.filter(has_text="--expect sha256:").first
    drafted.locator(".cm-content").click()
    page.keyboard.press("Shift+Enter")
    page.get_by_text("WF611 stocktaking was not approved").first.wait_for()
    page.get_by_placeholder("kept with the approval").first.fill("read it")
    approve.first.click()
    page.get_by_text("stocktaking@1 approved by").first.wait_for()
    lab_page.shot("scene-10-approved")
    drafted.locator(".cm-content").click()
    page.keyboard.press("Shift+Enter")
    page.get_by_text(DONE).wait_for()
    lab_page.shot("scene-11-run")
