"""Mutants that behave as the code they are made of: no test can notice them, and here is why."""

from __future__ import annotations

from typing import Final

EQUIVALENT: Final[dict[tuple[str, str, str], str]] = {}
"""Module, line of the source and change: to why it makes no difference."""
