"""What a page with a live view is made of, and a loopback server that has it."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING

from wf_notebook.views.runs_widget import RUNS_MODULES, RUNS_STYLES
from wf_notebook.views.widget import browser_module, browser_styles

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

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
