"""Worlds of this folder that two processes share."""

from __future__ import annotations

from tests.sharing.conftest import here, others

__all__ = ["here", "others"]
