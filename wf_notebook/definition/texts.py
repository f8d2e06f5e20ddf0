"""Which text can be a source, and which can be the name of one?"""

from __future__ import annotations

import re
from typing import Final

from wf_notebook.errors import RegistrationError

__all__ = ["checked_name", "checked_text", "normalise"]

_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,63}")


def normalise(source: str) -> str:
    r"""Return a source as it is stored and hashed: LF only, exactly one newline at its end.

    >>> normalise("a = 1\r\nb = 2\n\n")
    'a = 1\nb = 2\n'
    """
    return source.replace("\r\n", "\n").replace("\r", "\n").rstrip("\n") + "\n"


def checked_text(source: object) -> str:
    """Return a source, normalised.

    Raises:
        RegistrationError: it isn't text (WF157).
    """
    if isinstance(source, str):
        return normalise(source)
    raise RegistrationError(
        f"A source is text, not {type(source).__name__}.",
        code="WF157",
        hint="Pass the text of the cell as a str; decode bytes first.",
    )


def checked_name(name: str | None) -> None:
    """Refuse the name of a workflow that an id can't hold.

    Raises:
        RegistrationError: it is such a name (WF156).
    """
    if name is not None and not _NAME.fullmatch(name):
        raise RegistrationError(
            f"{name!r:.100} cannot be the name of a workflow.",
            code="WF156",
            hint="Use up to 64 of A-Z, a-z, 0-9, _ and -, beginning with a letter or _.",
        )
