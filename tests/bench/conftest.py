"""A peer that is not installed has no doctests to be collected."""

from __future__ import annotations

from importlib.util import find_spec

collect_ignore = [] if find_spec("dbos") else ["dbos_peer.py"]
