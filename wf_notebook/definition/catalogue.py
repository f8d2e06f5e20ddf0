"""What a reviewer was told of a step, as a digest: another one, and the review no longer holds."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wf_notebook.definition.steps import Step

__all__ = ["catalogue_digests", "step_digest"]


def step_digest(step: Step) -> str:
    """Return sha256 over a step's signature, its schemas, its retries and its timeout, hex.

    A field more in a model that it takes changes it, though the step's own code is what it was.

    Raises:
        RegistrationError: an annotation means nothing here.

    >>> from wf_notebook import step
    >>> @step
    ... def pay(amount: int) -> None: ...
    >>> step_digest(pay) == step_digest(step(retries=0)(pay.function))
    False
    """
    told: dict[str, Any] = step.schema()
    del told["doc"], told["step_id"], told["name"]  # code, binding and alias have their own places
    told |= {"retries": step.options.retries, "timeout": step.options.timeout}
    text = json.dumps(told, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def catalogue_digests(steps: Mapping[str, Step]) -> dict[str, str]:
    """Return the digest of each step by its alias, sorted.

    Raises:
        RegistrationError: an annotation means nothing here.
    """
    return {alias: step_digest(step) for alias, step in sorted(steps.items())}
