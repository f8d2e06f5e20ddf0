"""JupyterLab over a copy of the notebooks, and a page in it; tests take it with `pytest_plugins`."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.chromium import SWITCHES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Page

NOTEBOOKS = Path(__file__).resolve().parents[1] / "notebooks"
FOR_A_KERNEL = 30_000  # milliseconds: two cores, a cold kernel
SHOTS = os.environ.get("WF_TEST_SHOTS")  # a folder for pictures, for whoever looks at them


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


class Lab:
    """A JupyterLab server on loopback, over a copy of the notebooks."""

    def __init__(self, folder: Path) -> None:
        shutil.copytree(NOTEBOOKS, folder, ignore=shutil.ignore_patterns(".wf_notebook", "output"))
        self.folder = folder
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
            [sys.executable, "-m", "jupyterlab", *switches],
            cwd=folder,
            stderr=subprocess.PIPE,
            text=True,
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
        pytest.fail("JupyterLab did not start")

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

    def close(self) -> None:
        kernels = self.api("kernels")
        assert isinstance(kernels, list)
        for kernel in kernels:
            self.api(f"kernels/{kernel['id']}", "DELETE")
        self._process.terminate()
        self._process.communicate(timeout=60)


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    found = Lab(tmp_path / "notebooks")
    yield found
    found.close()


class LabPage:
    """A page of JupyterLab, as a person uses it."""

    def __init__(self, lab: Lab, page: Page) -> None:
        self.lab = lab
        self.page = page

    def open(self, notebook: str) -> None:
        self.page.goto(self.lab.address(f"lab/tree/{notebook}"))

    def menu(self, *items: str) -> None:
        self.page.get_by_role("menuitem", name=items[0], exact=True).first.click()
        for item in items[1:]:
            self.page.get_by_role("menuitem", name=item, exact=True).last.click()

    def run_all(self) -> None:
        self.page.locator(".jp-NotebookPanel .jp-CodeCell").first.wait_for()
        self.page.get_by_text("Python 3 (ipykernel) | Idle").wait_for()
        self.menu("Run", "Run All Cells")

    def shot(self, name: str) -> None:
        if SHOTS:
            self.page.screenshot(path=f"{SHOTS}/{name}.png")


@pytest.fixture
def lab_page(chromium: str, lab: Lab) -> Iterator[LabPage]:
    """A page on that server; the test chooses the notebook."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=SWITCHES)
        found = browser.new_page(viewport={"width": 1280, "height": 1000})
        found.set_default_timeout(FOR_A_KERNEL)
        yield LabPage(lab, found)
        browser.close()
