"""Every behaviour's log, replayed by each Python on this machine and under other hash seeds."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.behaviour.catalogue import BEHAVIOURS
from tests.behaviour.playing import play
from wf_notebook.definition.model import Definition
from wf_notebook.engine.replay import plan, start_message
from wf_notebook.ids import guest_seed
from wf_notebook.world.memory import MemoryStore

if TYPE_CHECKING:
    from tests.behaviour.playing import Played

ROOT = Path(__file__).parents[2]
# Where a version manager has put others beside this one.
PYTHONS = [sys.executable, *sorted(Path(sys.base_prefix).parent.glob("3.1[1-9].*/bin/python"))]
SEEDS = ("0", "1", "4711")
SCRIPT = '''
import hashlib, json, sys, types
package = types.ModuleType("wf_notebook")
package.__path__ = [sys.argv[1]]
sys.modules["wf_notebook"] = package
from wf_notebook.guest.machine import Machine
def bare(found):
    """Without places: where a frame stands in its line is the compiler's business."""
    if isinstance(found, dict):
        return {key: bare(part) for key, part in found.items() if key != "frames"}
    return [bare(part) for part in found] if isinstance(found, list) else found

told = {}
for name, message in json.load(sys.stdin).items():
    machine = Machine(message)
    machine.advance()
    machine.deliver_all(message["events"])
    reply = json.dumps(bare(machine.reply()), sort_keys=True)
    told[name] = hashlib.sha256(reply.encode()).hexdigest()
    machine.discard()
print(json.dumps(told))
'''


def message_of(played: Played) -> dict[str, Any]:
    """What a guest is told to replay the main run of a performance from the top."""
    first = played.events[0]
    data: Any = first.data
    record = played.copy.definition(first.run_id).result()
    start = start_message(
        Definition.from_record(record),
        args=data["args"],
        kwargs=data["kwargs"],
        seed=guest_seed(bytes.fromhex(data["seed"])),
        now_us=first.time_us,
        commands=10_000,
    )
    return {**start, "events": plan(played.events).deliveries}


@pytest.fixture(scope="module")
def messages() -> str:
    played = ((b.name, play(b, MemoryStore())) for b in BEHAVIOURS if not b.limits)
    return json.dumps({name: message_of(p) for name, p in played})


def told_by(python: str | Path, seed: str, messages: str) -> dict[str, str]:
    done = subprocess.run(
        [python, "-W", "ignore", "-c", SCRIPT, ROOT / "wf_notebook"],
        input=messages,
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONHASHSEED": seed, "PATH": os.defpath},
    )
    found: dict[str, str] = json.loads(done.stdout)
    return found


def test_every_python_asks_and_answers_alike(messages: str) -> None:
    """Commands and results of 130 behaviours have one hash each, whatever Python replays them."""
    first = told_by(sys.executable, "0", messages)
    assert len(first) > 100
    assert len(set(first.values())) > 100
    empty = hashlib.sha256(b"{}").hexdigest()
    assert empty not in first.values()
    for python in PYTHONS:
        for seed in SEEDS:
            assert told_by(python, seed, messages) == first, f"{python}, hash seed {seed}"
