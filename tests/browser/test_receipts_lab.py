"""A receipt in JupyterLab: read untrusted and trusted, saved there, and still what was exported."""

from __future__ import annotations

from typing import TYPE_CHECKING

import nbformat
import pytest

from tests.receipts.shop import ended, started
from wf_notebook import open_world, read_receipt
from wf_notebook.receipts.shape import MIME
from wf_notebook.testing import replay

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Page

    from tests.view_lab import LabPage

pytestmark = pytest.mark.browser
pytest_plugins = ["tests.view_lab"]

HOSTILE = "<img src=x onerror=alert(1)> `$x$` [a](javascript:alert(1))"


def receipts(folder: Path) -> None:
    """One of a run that has ended, with payloads; one of a run that waits, hostile and without."""
    with open_world(":memory:", isolation="inline") as world:
        ended(world).to_notebook(folder / "ended.ipynb", payloads=True)
        run = started(world, attributes={"note": HOSTILE})
        run.to_notebook(folder / "waits.ipynb")


def shown(lab_page: LabPage, name: str) -> Page:
    page = lab_page.page
    page.set_viewport_size({"width": 1280, "height": 1600})  # a cell out of sight is not drawn
    lab_page.open(name)
    page.locator(".jp-RenderedMarkdown h1").get_by_text("Receipt: order").wait_for()
    page.locator(".jp-OutputArea-output table").wait_for()
    return page


def test_read_and_saved_untrusted_and_trusted(lab_page: LabPage) -> None:
    """Facts, source and card are shown; saved with JavaScript's numbers, all of it still holds."""
    receipts(lab_page.folder)
    path = lab_page.folder / "ended.ipynb"
    before = read_receipt(path)
    page = shown(lab_page, "ended.ipynb")
    untrusted = page.locator("[title*='0 of 1 code cells trusted']")
    untrusted.wait_for()
    output = page.locator(".jp-OutputArea-output").first
    assert "receipt_look" not in output.inner_text()
    assert "completed" in output.inner_text()
    assert page.locator(".jp-RenderedHTMLCommon table").first.is_visible()
    lab_page.shot("receipt-1-untrusted")
    lab_page.menu("View", "Collapse All Code")
    lab_page.save()
    saved = nbformat.read(path, as_version=4)
    assert saved.cells[1].metadata["jupyter"] == {
        "source_hidden": True
    }  # JupyterLab has written it
    assert MIME in saved.cells[1].outputs[0].data
    assert read_receipt(path) == before

    lab_page.trust()
    page.locator("[title*='1 of 1 code cells trusted']").wait_for()
    lab_page.menu("View", "Expand All Code")
    lab_page.shot("receipt-2-trusted")
    lab_page.save()
    assert read_receipt(path) == before
    (found,) = replay(path, isolation="inline")
    assert found.outcome == "replays"


def test_markup_in_what_people_chose(lab_page: LabPage) -> None:
    """A label that is HTML, TeX and a link at once is shown as it is, and does nothing."""
    receipts(lab_page.folder)
    alerts: list[str] = []
    lab_page.page.on("dialog", lambda dialog: (alerts.append(dialog.message), dialog.dismiss()))
    page = shown(lab_page, "waits.ipynb")
    facts = page.locator(".jp-RenderedMarkdown")
    facts.get_by_text(f"note={HOSTILE}").wait_for()
    assert facts.locator("img, a[href^=javascript], mjx-container").count() == 0
    assert "as of event" in facts.inner_text()
    lab_page.shot("receipt-3-waits")
    assert alerts == []
