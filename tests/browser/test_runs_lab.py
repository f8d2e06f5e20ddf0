"""In JupyterLab: the table of runs lives, opens a run below, cancels others, and leaves a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.view_lab import LabPage

pytestmark = pytest.mark.browser
pytest_plugins = ["tests.view_lab"]

SETUP = """\
%load_ext wf_notebook
from wf_notebook import start, step

ORDER = '''
async def order(name):
    "use workflow"
    return await create_hook(token=f"pay-{name}", title="Pay it?")
'''

@step
def never() -> None: ...

for name in ("A", "B", "C"):
    start(ORDER, (name,), steps=[never], attributes={"customer": name})
"""


def test_runs_are_opened_and_cancelled_in_the_table(lab_page: LabPage) -> None:
    """A click opens a run, answers it, cancels two others; the session leaves a static table."""
    page = lab_page.page
    lab_page.write("orders.ipynb", SETUP, "%wf runs", "await __import__('asyncio').sleep(0)")
    lab_page.open("orders.ipynb")
    lab_page.run_all()
    table = page.get_by_role("table", name="Runs")
    table.get_by_text("hook pay-C (open for").wait_for()
    lab_page.shot("runs-lab-1-table")
    table.get_by_role("button", name="Open order").last.click()
    opened = page.locator(".wfn-embed")
    opened.get_by_role("button", name="Resume").click()
    table.get_by_text("completed").wait_for()
    lab_page.shot("runs-lab-2-opened")
    page.get_by_label("Select all that are shown and have not ended").check()
    page.get_by_role("button", name="Cancel 2 runs…").click()
    page.get_by_role("button", name="Cancel 2 runs", exact=True).click()
    table.get_by_text("cancelled").nth(1).wait_for()
    assert page.get_by_label("Select order").locator("visible=true").count() == 0
    page.locator(".jp-CodeCell").last.locator(".cm-content").fill("%unload_ext wf_notebook")
    page.keyboard.press("Shift+Enter")
    page.locator(".wfn-runs").wait_for(state="detached")
    left = page.locator(".jp-OutputArea-output").filter(has_text="shown as of")
    left.first.wait_for()
    lab_page.shot("runs-lab-3-left")
    assert left.first.inner_text().count("cancelled") == 2
