"""In JupyterLab: a child is opened inside the view of the run that has started it."""

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

CHILD = '''
async def ship(order):
    "use workflow"
    return await create_hook(token=f"ship-{order}", title="Where to?")
'''

@step
def label(text: str) -> str:
    return text.upper()

@step
def begin(order: str) -> str:
    return start(CHILD, (order,), steps=[label]).id
"""
CELL = """\
%%workflow order -- "A-17"
async def order(name):
    child = await steps.begin(name)
    answer = await create_hook(token=f"pay-{name}", title="Pay it?")
    return child
"""


def test_a_child_is_opened_answered_and_kept(lab_page: LabPage) -> None:
    """Its form works inside its parent's view; at the end both cards stay in the output."""
    page = lab_page.page
    lab_page.write("orders.ipynb", SETUP, CELL)
    lab_page.open("orders.ipynb")
    lab_page.run_all()
    page.get_by_role("button", name="Open the run that begin has started").click()
    child = page.locator(".wfn-embed")
    child.get_by_role("heading", name="ship", exact=True).wait_for()
    lab_page.shot("embed-1-open")
    child.get_by_label("Payload").fill('"Bergen"')
    child.get_by_role("button", name="Resume").click()
    child.get_by_text("completed").first.wait_for()
    child.get_by_role("button", name="Rerun").wait_for()
    lab_page.shot("embed-2-ended")
    form = page.locator("form").filter(has_text="Pay it?")
    form.get_by_role("button", name="Resume").click()
    page.locator(".wfn").first.wait_for(state="detached")
    output = page.locator(".jp-OutputArea-output").filter(has_text="completed after")
    output.first.wait_for()
    lab_page.shot("embed-3-cards")
    text = output.first.inner_text()
    assert "order \N{MIDDLE DOT}" in text
    assert "ship \N{MIDDLE DOT}" in text
