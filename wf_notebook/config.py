"""What can be set, with its defaults; the only reader of the environment."""

from __future__ import annotations

import getpass
import os
from dataclasses import dataclass
from typing import Final, Literal

IsolationMode = Literal["strict", "process", "inline"]
ISOLATION_MODES: Final = ("strict", "process", "inline")
ApprovalPolicy = Literal["off", "drafts", "all"]
APPROVAL_POLICIES: Final[tuple[ApprovalPolicy, ...]] = ("off", "drafts", "all")
VIEWS: Final = ("widget", "card", "text")  # how runs are shown


@dataclass(frozen=True, slots=True)
class Limits:
    """Budgets of a run and of a world.

    Attributes:
        activation_seconds: wall clock that one activation of a guest may take.
        activation_cpu_seconds: CPU time that one activation may take.
        memory_mb: address space of a guest process.
        commands_per_activation: steps, sleeps and hooks that one activation may ask for.
        message_bytes: size of one message between host and guest.
        events_per_run: events of one run.
        concurrent_steps: attempts in flight in one world.
        live_guests: guests kept alive; the rest replay cold.
        owner_seconds: how long the process that owns a world may be silent when it is asked.
    """

    activation_seconds: float = 30.0
    activation_cpu_seconds: int = 10
    memory_mb: int = 512
    commands_per_activation: int = 10_000
    message_bytes: int = 256 << 20
    events_per_run: int = 25_000
    concurrent_steps: int = 64
    live_guests: int = 64
    owner_seconds: float = 10.0


def master_key_from_environment() -> str | None:
    """`WF_NOTEBOOK_KEY`: 32 bytes, as hex or base64."""
    return os.environ.get("WF_NOTEBOOK_KEY") or None


def keyring_first() -> bool:
    """`WF_NOTEBOOK_KEYRING=1`: new keys are kept in the system's keyring, not in key files."""
    return os.environ.get("WF_NOTEBOOK_KEYRING", "") not in ("", "0")


def wait_everywhere() -> bool | None:
    """`WF_NOTEBOOK_WAIT`: whether every `%%workflow` cell waits for its run, as headless runs need.

    None if it isn't set: then what the front end says of itself decides.
    """
    found = os.environ.get("WF_NOTEBOOK_WAIT", "")
    return found != "0" if found else None


def in_voila() -> bool:
    """`VOILA_BASE_URL`, or its like: the cells run before the page is seen, and people come then."""
    return any(name.startswith("VOILA_") for name in os.environ)


def notebook_path() -> str | None:
    """`JPY_SESSION_NAME`: the notebook that this kernel serves, if a front end said so."""
    return os.environ.get("JPY_SESSION_NAME") or None


def notebook_name() -> str:
    """The notebook's file name, by which its runs are found; "" where there is none.

    The name without its folder: a project may be moved, and front ends differ in what they say.
    """
    return os.path.basename(notebook_path() or "")


def headless_answers() -> str | None:
    """`WF_NOTEBOOK_ANSWERS`: what `wf run` answers to hooks, as JSON; None outside `wf run`."""
    return os.environ.get("WF_NOTEBOOK_ANSWERS") or None


def world_path() -> str | None:
    """`WF_NOTEBOOK_WORLD`: the world to use instead of the notebook's own."""
    return os.environ.get("WF_NOTEBOOK_WORLD") or None


def execution() -> str:
    """`WF_NOTEBOOK_EXECUTION`: the id of this run of `wf run`; "" outside it."""
    return os.environ.get("WF_NOTEBOOK_EXECUTION", "")


def continued_run() -> str:
    """`WF_NOTEBOOK_CONTINUES`: a run of the execution that this one continues; "" if it begins anew."""
    return os.environ.get("WF_NOTEBOOK_CONTINUES", "")


def progress_wanted() -> bool:
    """`WF_NOTEBOOK_PROGRESS=1`: `wf run` shows how the runs stand, and wants to be told."""
    return bool(os.environ.get("WF_NOTEBOOK_PROGRESS"))


def headless_environment(
    *,
    notebook: str,
    answers: str,
    world: str | None,
    execution: str,
    continues: str,
    progress: bool,
) -> dict[str, str]:
    """This process's environment, plus what tells a kernel that nobody sits before it."""
    ours = {
        "WF_NOTEBOOK_WAIT": "1",
        "WF_NOTEBOOK_ANSWERS": answers,
        "WF_NOTEBOOK_EXECUTION": execution,
        "WF_NOTEBOOK_CONTINUES": continues,
        "WF_NOTEBOOK_PROGRESS": "1" if progress else "",
        "JPY_SESSION_NAME": notebook,
    }
    chosen = {} if world is None else {"WF_NOTEBOOK_WORLD": os.path.abspath(world)}
    return {**os.environ, **ours, **chosen}


def shell_completes() -> bool:
    """`_WF_COMPLETE`: a shell asks `wf` what may stand at the cursor; click reads the rest."""
    return bool(os.environ.get("_WF_COMPLETE"))


def colourless() -> bool:
    """`NO_COLOR`: whether nothing is to be coloured, whatever the terminal can do."""
    return bool(os.environ.get("NO_COLOR"))


def user_name() -> str:
    """Who works here, as the system knows them; "" if it doesn't."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return ""


def user_config_folder() -> str:
    """The folder of this user's settings: `XDG_CONFIG_HOME` or its like, plus `wf_notebook`."""
    if os.name == "nt":
        base = os.environ.get("APPDATA") or os.path.expanduser("~")
    else:
        base = os.environ.get("XDG_CONFIG_HOME") or os.path.expanduser("~/.config")
    return os.path.join(base, "wf_notebook")
