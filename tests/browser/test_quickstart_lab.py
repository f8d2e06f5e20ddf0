"""The quickstart in JupyterLab, as a person uses it: run all cells, fill the form, press Resume."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

    from tests.view_lab import Lab, LabPage

pytestmark = pytest.mark.browser
pytest_plugins = ["tests.view_lab"]


@pytest.fixture
def page(lab_page: LabPage) -> Page:
    lab_page.open("quickstart.ipynb")
    return lab_page.page


def fill_form(page: Page, reviewer: str) -> Locator:
    form = page.locator("form").filter(has_text="Approve the refunds").first
    form.wait_for()
    form.scroll_into_view_if_needed()
    form.get_by_label("Decision").select_option(label="pay")
    form.get_by_label("Reviewer").fill(reviewer)
    return form


def test_fill_and_resume(lab_page: LabPage, page: Page) -> None:
    """The form is checked by the server, what was typed stays, and Resume finishes the run."""
    lab_page.run_all()
    form = fill_form(page, "A")  # too short: the model wants two letters
    lab_page.shot("1-form")
    form.get_by_role("button", name="Resume").click()
    form.get_by_text("String should have at least 2 characters").wait_for()
    assert form.get_by_label("Reviewer").input_value() == "A"
    lab_page.shot("2-refused")
    form.get_by_label("Reviewer").fill("Ada")
    form.get_by_role("button", name="Resume").click()
    page.get_by_text("Ada decided: pay").first.wait_for()
    page.get_by_text("'requested': 28").first.wait_for()
    assert "Ada decided" in (lab_page.folder / "output" / "refunds.md").read_text("utf-8")
    lab_page.shot("3-report")
    page.locator(".jp-OutputArea").filter(
        has_text="completed after"
    ).first.scroll_into_view_if_needed()
    lab_page.shot("4-card")


def test_restart_while_it_waits(lab: Lab, lab_page: LabPage, page: Page) -> None:
    """A kernel restarted while the run waits, and Run All: the same run, nothing done twice."""
    lab_page.run_all()
    fill_form(page, "Grace")
    lab.restart_kernel()
    page.reload()
    lab_page.run_all()
    form = fill_form(page, "Grace")
    lab_page.shot("5-after-restart")
    form.get_by_role("button", name="Resume").click()
    page.get_by_text("Grace decided: pay").first.wait_for()
    rows = page.locator(".jp-OutputArea-output").filter(has_text="review_region").last
    rows.scroll_into_view_if_needed()
    lab_page.shot("6-second")
    told = rows.inner_text()
    assert told.count("review_region") == 5
    assert len(set(re.findall(r"wrun_\w+", told))) == 1  # all steps are of one run
