"""What do the words in the source of a `%%workflow` cell mean, as far as it is typed?

A source that is being typed is rarely whole, so it is read by lines and not parsed.
"""

from __future__ import annotations

import keyword
import re
from typing import Final

from wf_notebook.guest.language import BUILTINS, FORBIDDEN, MODULES, PREDEFINED, PREDEFINED_MODULES

_IMPORT: Final = re.compile(r"^[ \t]*import[ \t]+(.+)$", re.MULTILINE)
_FROM: Final = re.compile(r"^[ \t]*from[ \t]+([\w.]+)[ \t]+import[ \t]+\(?([^)\n]+)", re.MULTILINE)
_NAMED: Final = re.compile(r"^([\w.]+)(?:\s+as\s+(\w+))?$")
_CLOSED: Final = re.compile(r"'[^'\n]*'|\"[^\"\n]*\"")
_COMMENT: Final = re.compile(r"#.*")
_WORD: Final = re.compile(r"(?<![\w.])[^\W\d]\w*")


def imported(source: str) -> dict[str, str]:
    r"""Return what a source has imported: local name to dotted path.

    >>> imported("import math as m, json\nfrom asyncio import gather as all_of")
    {'m': 'math', 'json': 'json', 'all_of': 'asyncio.gather'}
    """
    found: dict[str, str] = {}
    for line in _IMPORT.finditer(source):
        for path, name in _listed(line[1]):
            found[name or path.partition(".")[0]] = path if name else path.partition(".")[0]
    for line in _FROM.finditer(source):
        found.update({name or path: f"{line[1]}.{path}" for path, name in _listed(line[2])})
    return found


def _listed(text: str) -> list[tuple[str, str | None]]:
    items = (_NAMED.match(item.strip()) for item in text.partition("#")[0].split(","))
    return [(item[1], item[2]) for item in items if item]


def path_of(word: str, source: str) -> str | None:
    """Return the path of a dotted word whose first name a source has imported, else None.

    >>> path_of("m.floor", "import math as m"), path_of("asyncio.gather", ""), path_of("x.y", "")
    ('math.floor', 'asyncio.gather', None)
    """
    first, dot, rest = word.partition(".")
    module = {**PREDEFINED_MODULES, **imported(source)}.get(first)
    return None if module is None else module + dot + rest


def modules() -> list[str]:
    """Return the modules that a source can import."""
    return sorted(MODULES)


def members(module: str) -> list[str]:
    """Return what a source finds in a module, modules inside it included.

    >>> members("urllib"), members("os")
    (['parse'], [])
    """
    return sorted(MODULES.get(module, ()))


def binds(source: str, name: str) -> bool:
    """Whether a source gives a name a meaning of its own; a keyword argument may look like it.

    >>> binds("def f(id): ...", "id"), binds("for id in x:", "id"), binds("print(id(x))", "id")
    (True, True, False)
    """
    word = rf"\b{re.escape(name)}\b"
    own = rf"{word}\s*=(?!=)|\b(?:for|as|def|class)\s[^\n:(]*{word}|\b(?:def|lambda)\b[^\n]*{word}[^\n]*:"
    return re.search(own, source) is not None


def words(source: str, typed: str) -> list[str]:
    """Return what a name may be: the source's own names first, then the language's.

    Args:
        source: the source, as far as it is typed.
        typed: the word at the cursor, which is not offered for itself.
    """
    bare = _COMMENT.sub("", _CLOSED.sub("", source))
    own = [found for found in _WORD.findall(bare) if found not in FORBIDDEN]
    if typed in own:
        own.remove(typed)
    plain = sorted(name for name in BUILTINS if not name.startswith("_"))
    return list(dict.fromkeys([*own, *sorted(PREDEFINED), *plain, *keyword.kwlist]))


def in_text(before: str) -> bool:
    """Whether a line's beginning ends inside a text or a comment.

    >>> in_text("x = 'a"), in_text("x = 'a' # b"), in_text("x = 'a'")
    (True, True, False)
    """
    rest = _CLOSED.sub("", before)
    return any(mark in rest for mark in "'\"#")
