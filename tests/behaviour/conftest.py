"""Worlds of the tests of this folder that are no behaviours."""

from __future__ import annotations

from tests.engine.conftest import make_world, registry, world

__all__ = ["make_world", "registry", "world"]
