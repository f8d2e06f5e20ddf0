"""A page with a live view, of a run or of a list, and a pretend model; tests take it with `pytest_plugins`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.chromium import SWITCHES
from tests.view_pages import served
from tests.view_runs import T0

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Browser, Locator, Page

    from tests.view_runs import Log
    from wf_notebook.views.model import RunView


@pytest.fixture(scope="module")
def view_address() -> Iterator[str]:
    with served() as address:
        yield address


@pytest.fixture(scope="module")
def view_browser(chromium: str) -> Iterator[Browser]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=chromium, args=SWITCHES)
        yield found
        found.close()


class Stage:
    """A page with a view; its clock stands still until the test moves it."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.errors: list[str] = []
        page.on("pageerror", lambda error: self.errors.append(str(error)))

    def show(self, log: Log, now: float = 10, **options: Any) -> RunView:
        view = log.view(now, **options)
        self.page.evaluate("([v, n]) => harness.snapshot(v, n)", [view.to_json(), view.now_us])
        return view

    def open(self, log: Log, now: float = 10, **options: Any) -> RunView:
        """Show a first snapshot, and answer the view's greeting."""
        view = self.show(log, now, **options)
        hello = self.sent("hello")
        self.reply("hello", hello["id"], now_us=view.now_us, titles=view.titles, blocked="")
        return view

    def sent(self, op: str | None = None) -> dict[str, Any]:
        """The last message of that kind."""
        return self.all_sent(op)[-1]

    def all_sent(self, op: str | None = None) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.page.evaluate("harness.model.sent")
        return [message for message in found if op in (None, message["op"])]

    def reply(self, op: str, key: str, **content: Any) -> None:
        self.page.evaluate("(c) => harness.reply(c)", {"op": op, "id": key, **content})

    def refuse(self, key: str, message: str = "", errors: list[Any] | None = None) -> None:
        self.reply("refused", key, message=message, errors=errors or [])

    def button(self, name: str) -> Locator:
        return self.page.get_by_role("button", name=name, exact=True)

    def field(self, name: str) -> Locator:
        return self.page.get_by_label(name, exact=True)

    @property
    def focus(self) -> str:
        """What has the focus, in the words of its text, label or name."""
        return self.page.evaluate(
            "(document.activeElement.labels?.[0] ?? document.activeElement).textContent.trim()"
        )

    @property
    def said(self) -> str:
        return self.page.get_by_role("status").inner_text()


@pytest.fixture
def open_page(view_browser: Browser, view_address: str) -> Iterator[Callable[..., Stage]]:
    """Open a page; nothing may have gone wrong in it by the end of the test."""
    stages: list[Stage] = []

    def opened(*, at: float = 10, width: int = 900, path: str = "", **options: Any) -> Stage:
        context = view_browser.new_context(
            viewport={"width": width, "height": 800}, timezone_id="Europe/Berlin", **options
        )
        page = context.new_page()
        page.set_default_timeout(10_000)
        page.clock.install(time=T0 / 1e6 + at)
        page.clock.pause_at(T0 / 1e6 + at + 60)
        stage = Stage(page)
        stages.append(stage)
        page.goto(view_address + path)
        page.wait_for_function("window.harness")
        return stage

    yield opened
    for stage in stages:
        stage.page.context.close()
    assert [stage.errors for stage in stages] == [[] for _ in stages]


@pytest.fixture
def stage(open_page: Callable[..., Stage]) -> Stage:
    return open_page()
