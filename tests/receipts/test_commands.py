"""`export` and `replay` as they are typed: what they print, and their exit codes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.receipts.shop import SOURCE, ended, started
from wf_notebook import open_world, read_receipt
from wf_notebook.commands import Caller, call, split_words, table
from wf_notebook.errors import ReceiptExistsError, UsageError, WorldKeyError
from wf_notebook.testing import save_history

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from wf_notebook import World

KEY = b"k" * 32
EDITED = SOURCE.replace('sleep("1ms")', 'sleep("2ms")')


@pytest.fixture
def world(world_path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.chdir(tmp_path)
    with open_world(world_path, key=KEY, isolation="inline") as found:
        yield found


@pytest.fixture
def wf(world: World, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str]]:
    """Runs a `%wf` line; returns the exit code that `wf` would have, and what was printed."""

    def run(line: str, *, look: Any = None, named: bool = False) -> tuple[int, str]:
        caller = Caller(
            "%wf", look or (lambda write: world), lambda prompt: "", world_named=lambda: named
        )
        code = call(table, split_words(line, table.commands), caller)
        return code, capsys.readouterr().out

    return run


Wf = "Callable[..., tuple[int, str]]"


# ---------------------------------------------------------------------------------- export


def test_export_names_the_file_itself(world: World, wf: Wf) -> None:
    """Without words: the latest run, under its name and the end of its id."""
    run = ended(world)
    code, out = wf("export")
    (name,) = [n for n in os.listdir() if n.endswith(".ipynb")]
    assert name == f"order-{run.id[-8:]}.ipynb"
    count = len(run.events())
    assert out.startswith(
        f"Wrote {name}: order ({run.id}), completed, {count} events, without payloads."
    )
    assert f"Chain {read_receipt(name).chain}:" in out
    assert code == 0


def test_export_takes_a_run_a_path_or_both(world: World, wf: Wf, tmp_path: Path) -> None:
    """A word that ends in .ipynb is the path; a folder takes the file under its own name."""
    first = started(world)
    first.resume("answer", {"ok": True})
    first.wait_for("terminal", timeout=30)
    last = ended(world, "fail")
    (tmp_path / "out").mkdir()
    wf("export last.ipynb")
    wf(f"export {first.id[5:]} first.ipynb --payloads")
    wf(f"export {first.id} out")
    assert read_receipt("last.ipynb").run_id == last.id
    assert read_receipt("first.ipynb").payloads
    assert os.listdir("out") == [f"order-{first.id[-8:]}.ipynb"]
    with pytest.raises(ReceiptExistsError, match="WF245"):
        wf(f"export {first.id} last.ipynb")
    wf(f"export {first.id} last.ipynb --force")
    assert read_receipt("last.ipynb").run_id == first.id
    with pytest.raises(UsageError, match=r"nowhere/a\.ipynb cannot be written: No such file"):
        wf("export nowhere/a.ipynb")


# ---------------------------------------------------------------------------------- replay


def test_replay_tells_each_target(world: World, wf: Wf) -> None:
    """A line each, as they come; the gravest code; what was passed over."""
    run = ended(world)
    os.mkdir("kept")
    run.to_notebook("kept/full.ipynb", payloads=True)
    save_history(run, "kept/history.json")
    Path("kept/other.json").write_text("{}")
    code, out = wf(f"replay kept {run.id[5:]}")
    count = len(run.events())
    end = f"replays, {count} events, completed"
    assert out.splitlines() == [
        f"✓ kept/full.ipynb order ({run.id}) {end}; this world has signed the receipt",
        f"✓ kept/history.json order ({run.id}) {end}",
        f"✓ order ({run.id}) {end}",
        "1 file was passed over: neither a history nor a receipt.",
    ]
    assert code == 0
    code, out = wf("replay")
    assert out == f"✓ order ({run.id}) {end}\n"


def test_replay_shows_where_a_source_parts(world: World, wf: Wf) -> None:
    """The line, what stands there, what was recorded, what was asked, the events before."""
    run = ended(world, "fail")
    Path("edited.py").write_text(EDITED)
    code, out = wf("replay --source edited.py")
    lines = out.splitlines()
    assert code == 4
    assert lines[0] == f"✕ order ({run.id}) diverged at line 9 of the source"
    assert lines[1] == '       9 |     await sleep("2ms")'
    assert lines[2].split()[:2] == ["recorded", "command"]
    assert lines[3].split()[:2] == ["asked", "for"]
    assert [line.split()[-3] for line in lines[4:]][-1].startswith("hook_received")
    code, out = wf("replay --source edited.py --json")
    assert code == 4
    (told,) = json.loads(out)
    assert (told["outcome"], told["divergence"]["line"]) == ("diverged", 9)


def test_replay_shows_what_comes_next(world: World, wf: Wf) -> None:
    """A source that suits the log and goes on otherwise; and a run that failed."""
    run = started(world)
    more = "\n".join(f"    s{n} = sleep({n + 5})" for n in range(5))
    Path("more.py").write_text(SOURCE.replace("    answer = await", f"{more}\n    answer = await"))
    code, out = wf("replay --source more.py")
    assert code == 0
    assert out.splitlines()[1].startswith("    next it asks for command 3: sleep until ")
    assert out.splitlines()[4] == "    and 2 more"
    run.cancel()
    Path("broken.py").write_text("async def f(): return x\nimport os\n")
    code, out = wf("replay --source broken.py")
    assert code == 1
    assert "cannot be replayed: WF100: the edited source may not run" in out
    assert "    line 1: WF130 " in out


def test_replay_of_a_failed_run_names_its_end(world: World, wf: Wf) -> None:
    """By the error's type, without its text."""
    ended(world, "fail")
    assert ", failed with ValueError\n" in wf("replay")[1]


def test_replay_without_payloads(world: World, wf: Wf) -> None:
    """From the world; where there is none it is checked only, and that is no success."""
    ended(world).to_notebook("bare.ipynb")
    assert wf("replay bare.ipynb")[0] == 0

    def none(_write: bool) -> World:
        raise UsageError("There is no world here.")

    code, out = wf("replay bare.ipynb", look=none)
    assert code == 1
    assert "is as it was written, and was not replayed: it holds no payloads" in out
    assert "No world was asked: There is no world here." in out
    code, out = wf("replay bare.ipynb --check", look=none)
    assert code == 0
    with pytest.raises(UsageError, match="There is no world here"):
        wf("replay bare.ipynb", look=none, named=True)


def test_replay_of_a_changed_receipt(world: World, wf: Wf) -> None:
    """Its code, and what was changed; the others are replayed all the same."""
    run = ended(world)
    run.to_notebook("a.ipynb", payloads=True)
    text = Path("a.ipynb").read_text("utf-8").replace("# Receipt", "# The receipt")
    Path("b.ipynb").write_text(text, "utf-8")
    code, out = wf("replay b.ipynb a.ipynb")
    assert code == 1
    assert out.splitlines()[0] == (
        "✕ b.ipynb cannot be replayed: WF243: This receipt was changed since it was exported: "
        "its chain does not hold."
    )
    assert out.splitlines()[1].startswith("✓ a.ipynb order (")


def test_replay_in_a_locked_world(world: World, wf: Wf, world_path: str) -> None:
    """Files are replayed, and that the world proves nothing is said; runs have the key's code."""
    run = ended(world)
    run.to_notebook("a.ipynb", payloads=True)
    world.close()
    with open_world(world_path, key=b"o" * 32) as locked:
        code, out = wf("replay a.ipynb", look=lambda write: locked)
        assert (code, "No world was asked: " in out) == (0, True)
        with pytest.raises(WorldKeyError, match="WF305"):
            wf(f"replay {run.id}", look=lambda write: locked)


@pytest.mark.parametrize("word", ["nothing.ipynb", "some/where", "notes.json"])
def test_replay_of_nothing(word: str, wf: Wf) -> None:
    """What looks like a path and is none is not taken for a run."""
    with pytest.raises(UsageError, match=f"There is no {word}"):
        wf(f"replay {word}")


# ----------------------------------------------------------------------------- the executable


def real(*words: str, folder: Path) -> tuple[int, str, str]:
    wf = str(Path(sys.executable).with_name("wf"))
    done = subprocess.run(
        [wf, *words], cwd=folder, capture_output=True, text=True, check=False, timeout=120
    )
    return done.returncode, done.stdout, done.stderr


def test_the_executable(tmp_path: Path) -> None:
    """`wf export` and `wf replay`, with every exit code that they have."""
    folder = tmp_path / "shop"
    with open_world(folder / ".wf_notebook" / "shop.duckdb", isolation="inline") as world:
        run = ended(world)
        started(world).cancel()
    code, out, err = real("export", run.id, "a.ipynb", "--payloads", folder=folder)
    assert (code, err) == (0, "")
    assert out.startswith(f"Wrote a.ipynb: order ({run.id}), completed")
    assert real("export", run.id, "bare.ipynb", folder=folder)[0] == 0
    (folder / "edited.py").write_text(EDITED)
    code, out, _ = real("replay", "a.ipynb", "bare.ipynb", folder=folder)
    assert (code, out.count("replays"), out.count("has signed the receipt")) == (0, 2, 2)
    assert real("replay", "a.ipynb", "--source", "edited.py", folder=folder)[0] == 4
    assert real("replay", run.id, "--source", "edited.py", folder=folder)[0] == 4
    assert real("replay", "--source", "a.ipynb", run.id, folder=folder)[0] == 0
    code, _, err = real("replay", "nothing.ipynb", folder=folder)
    assert (code, err[:5]) == (2, "WF500")
    code, _, err = real("replay", "a.ipynb", "--world", "nothing.duckdb", folder=folder)
    assert (code, err[:5]) == (2, "WF500")
    (folder / "empty.duckdb").write_bytes(b"")
    code, _, err = real("replay", "a.ipynb", "--world", "empty.duckdb", folder=folder)
    assert (code, err[:5]) == (5, "WF302")
    code, _, err = real("export", "nobody", folder=folder)
    assert (code, err[:5]) == (1, "WF212")
    code, _, err = real("export", "nobody", "a.ipynb", folder=folder)
    assert (code, err[:5]) == (1, "WF212")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    for name in ("a.ipynb", "bare.ipynb"):
        (elsewhere / name).write_bytes((folder / name).read_bytes())
    assert real("replay", "a.ipynb", folder=elsewhere)[0] == 0
    code, out, _ = real("replay", "bare.ipynb", folder=elsewhere)
    assert (code, "No world was asked: There is no world in" in out) == (1, True)
    assert real("replay", "bare.ipynb", "--check", folder=elsewhere)[0] == 0
