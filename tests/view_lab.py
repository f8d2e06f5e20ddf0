"""JupyterLab, and a page in it over a copy of the notebooks; tests take it with `pytest_plugins`."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.error import HTTPError

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from tests.chromium import SWITCHES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page

NOTEBOOKS = Path(__file__).resolve().parents[1] / "notebooks"
ENDING_SECONDS = 30
FOR_A_KERNEL = 30_000  # milliseconds: two cores, a cold kernel
SHOTS = os.environ.get("WF_TEST_SHOTS")  # a folder for pictures, for whoever looks at them


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


CONNECTED = """async () => {
  const [kernel] = await (await fetch("/api/kernels")).json();
  return kernel?.connections > 0 && kernel.execution_state === "idle";
}"""


class Lab:
    """A server on loopback, with a folder for each page; `app` is the module that serves."""

    def __init__(self, root: Path, app: str = "jupyterlab") -> None:
        self.root = root
        self.app = app
        self._settings("notebook-extension/tracker", autoStartDefaultKernel=True)
        self._settings("apputils-extension/notification", fetchNews="false")
        self._port = free_port()
        self._token = secrets.token_hex(16)
        switches = [
            "--no-browser", "--allow-root", "--ServerApp.ip=127.0.0.1",
            f"--ServerApp.port={self._port}", f"--IdentityProvider.token={self._token}",
            "--ServerApp.port_retries=0", "--LabApp.check_for_updates_class=None",
            "--LabApp.news_url=None", "--LabApp.expose_app_in_browser=True",
        ]  # fmt: skip
        self._process = subprocess.Popen(
            [sys.executable, "-m", app, *switches], cwd=root, stderr=subprocess.PIPE, text=True
        )
        self._until_ready()

    def _settings(self, plugin: str, **values: object) -> None:
        """Answer, in the test's own home, what JupyterLab would ask a person first."""
        place = Path(os.environ["JUPYTER_CONFIG_DIR"], "lab", "user-settings", "@jupyterlab")
        file = place / f"{plugin}.jupyterlab-settings"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(values), encoding="utf-8")

    def _until_ready(self) -> None:
        assert self._process.stderr is not None
        for line in self._process.stderr:
            if "is running at" in line:
                return
        pytest.fail("the server did not start")

    def address(self, path: str) -> str:
        return f"http://127.0.0.1:{self._port}/{path}?token={self._token}"

    def api(self, path: str, method: str = "GET") -> object:
        request = urllib.request.Request(self.address(f"api/{path}"), method=method)
        with urllib.request.urlopen(request) as answer:
            body = answer.read()
        return json.loads(body) if body else None

    def restart_kernel(self) -> None:
        kernels = self.api("kernels")
        assert isinstance(kernels, list)
        self.api(f"kernels/{kernels[0]['id']}/restart", "POST")

    def end_kernels(self) -> None:
        """End them all; over one that is just ending the server may stumble."""
        end = time.monotonic() + ENDING_SECONDS
        while True:
            try:
                self._end_kernels()
            except HTTPError as error:
                if error.code not in (404, 500) or time.monotonic() > end:
                    raise
                time.sleep(0.1)
            else:
                return

    def _end_kernels(self) -> None:
        kernels = self.api("kernels")
        assert isinstance(kernels, list)
        for kernel in kernels:
            self.api(f"kernels/{kernel['id']}", "DELETE")

    def close(self) -> None:
        try:
            self.end_kernels()
        finally:
            self._process.terminate()
            self._process.communicate(timeout=60)


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A JupyterLab; it ends with the module."""
    found = Lab(tmp_path_factory.mktemp("lab"))
    yield found
    found.close()


@pytest.fixture(scope="module")
def lab_browser(chromium: str) -> Iterator[Browser]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=chromium, args=SWITCHES)
        yield found
        found.close()


class LabPage:
    """A page of JupyterLab, as a person uses it, over a copy of the notebooks: a world of its own."""

    def __init__(self, lab: Lab, page: Page) -> None:
        self.lab = lab
        self.page = page
        page.set_default_timeout(FOR_A_KERNEL)
        self.folder = lab.root / secrets.token_hex(4)
        shutil.copytree(
            NOTEBOOKS,
            self.folder,
            ignore=shutil.ignore_patterns(".wf_notebook", "output", "images"),
        )

    def write(self, notebook: str, *cells: str) -> None:
        """Put a notebook of these code cells beside the others."""
        found = new_notebook(cells=[new_code_cell(cell) for cell in cells])
        nbformat.write(found, self.folder / notebook)

    def open(self, notebook: str) -> None:
        name = self.folder.name
        # a workspace of its own: JupyterLab would reopen what another page has left
        place = "notebooks" if self.lab.app == "notebook" else f"lab/workspaces/{name}/tree"
        self.page.goto(self.lab.address(f"{place}/{name}/{notebook}"))

    def menu(self, *items: str) -> None:
        self.page.get_by_role("menuitem", name=items[0], exact=True).first.click()
        for item in items[1:]:
            # by its label: a menu in a menu has no role, and a shortcut belongs to the name
            self.page.locator(".lm-Menu-itemLabel").get_by_text(item, exact=True).last.click()

    def run_all(self) -> None:
        self.page.locator(".jp-NotebookPanel .jp-CodeCell").first.wait_for()
        self.page.get_by_role("button", name="Python 3 (ipykernel)").first.wait_for()
        self.page.wait_for_function(CONNECTED)
        if self.lab.app == "jupyterlab":  # the other has no such line
            self.page.get_by_text("Python 3 (ipykernel) | Idle").wait_for()
        self.menu("Run", "Run All Cells")

    def save(self) -> None:
        with self.page.expect_response(
            lambda answer: answer.request.method == "PUT" and "/api/contents/" in answer.url
        ):
            self.menu("File", "Save Notebook")

    def trust(self) -> None:
        """Trust the notebook, as a person does who has read it."""
        self.page.keyboard.press("Control+Shift+C")
        self.page.locator(".lm-CommandPalette-input").fill("Trust Notebook")
        self.page.locator(".lm-CommandPalette-item").get_by_text("Trust Notebook").click()
        self.page.get_by_role("dialog").get_by_role("button", name="Trust").click()
        self.page.get_by_role("dialog").wait_for(state="detached")

    def shot(self, name: str) -> None:
        if SHOTS:
            self.page.screenshot(path=f"{SHOTS}/{name}.png")


@contextmanager
def page_of(server: Lab, browser: Browser) -> Iterator[LabPage]:
    with browser.new_context(viewport={"width": 1280, "height": 1000}) as context:
        found = LabPage(server, context.new_page())
        yield found
        found.shot("last")
    server.end_kernels()


@pytest.fixture
def lab_page(lab: Lab, lab_browser: Browser) -> Iterator[LabPage]:
    """A page on that server; the test chooses the notebook."""
    with page_of(lab, lab_browser) as found:
        yield found


@pytest.fixture
def notebook_page(
    lab_browser: Browser, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LabPage]:
    """A page of Jupyter Notebook; its server ends with the test."""
    server = Lab(tmp_path_factory.mktemp("notebook"), "notebook")
    with page_of(server, lab_browser) as found:
        yield found
    server.close()
