"""A page with a live view, of a run or of a list, and a pretend model; tests take it with `pytest_plugins`."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.chromium import SWITCHES
from tests.view_runs import T0
from wf_notebook.views.runs_widget import RUNS_MODULES, RUNS_STYLES
from wf_notebook.views.widget import browser_module, browser_styles

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from playwright.sync_api import Browser, Locator, Page

    from tests.view_runs import Log
    from wf_notebook.views.model import RunView

HARNESS = Path(__file__).parent / "browser" / "view_harness.html"


def pages() -> Mapping[str, tuple[str, str]]:
    return {
        "/": ("text/html", HARNESS.read_text(encoding="utf-8")),
        "/view.js": ("text/javascript", browser_module()),
        "/view.css": ("text/css", browser_styles()),
        "/runs/": ("text/html", HARNESS.read_text(encoding="utf-8")),
        "/runs/view.js": ("text/javascript", browser_module(RUNS_MODULES)),
        "/runs/view.css": ("text/css", browser_styles(RUNS_STYLES)),
    }


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        kind, text = pages()[self.path]
        body = text.encode()
        self.send_response(200)
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's word
        return


@contextmanager
def served() -> Iterator[str]:
    """A loopback server with the view and its harness: its address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, name="view-harness")
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


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
