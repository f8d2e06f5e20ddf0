"""How is what a source was offered refused, before the source itself is read?"""

from __future__ import annotations

from wf_notebook.errors import RegistrationError

__all__ = ["bad_alias", "no_steps"]


def no_steps() -> RegistrationError:
    """Return the error of a source that may call nothing."""
    return RegistrationError(
        "The source was given no steps.",
        code="WF151",
        hint="Name at least one: steps=[fetch_order], or --steps fetch_order.",
    )


def bad_alias(alias: object, step: str) -> RegistrationError:
    """Return the error of an alias that cannot be an attribute of `steps`."""
    return RegistrationError(
        f"{alias!r} cannot be the alias of {step}.",
        code="WF154",
        hint="Aliases are ASCII identifiers, no keywords, without a leading underscore; "
        "give another with @step(name=…) or {alias: step}.",
    )
