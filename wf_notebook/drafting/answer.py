"""Which source a model's answer holds: out of fences, JSON, chatter, or nothing around it."""

from __future__ import annotations

import ast
import json
import re
import textwrap
from typing import TYPE_CHECKING, Any, Final, NamedTuple, cast

from wf_notebook.guest.language import DIRECTIVE, parse_source, quietly
from wf_notebook.guest.scan import scan

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["source_in"]

_FENCE: Final = re.compile(r"^[ \t]*(`{3,}|~{3,})[ \t]*([^\n`]*)$")
_THINKING: Final = re.compile(r"<think(?:ing)?>.*?</think(?:ing)?>", re.DOTALL | re.IGNORECASE)
_ENTRY: Final = re.compile(r"^[ \t]*async[ \t]+def[ \t]", re.MULTILINE)
_CODE: Final = re.compile(
    r"^(?:%%workflow\b|async def |def |class |@\w|import \w|from [\w.]+ import |[A-Z_]+ = )"
)
_MAGIC: Final = re.compile(r"\A(?:[ \t]*(?:%%workflow|%load_ext)\b[^\n]*\n|[ \t]*\n)+")
_PYTHON: Final = ("", "python", "python3", "py", "ipython", "ipython3", "jupyter", "notebook")
_FIELDS: Final = ("source", "code", "workflow", "python", "answer", "content", "cell")
_MOST_CUT: Final = 20  # lines of chatter behind a source


def source_in(answer: str) -> str:
    r"""Return the source in an answer, or "".

    A block that has an `async def` goes before one that hasn't, and the last of several counts:
    models correct themselves below. Nothing of the source itself is changed, but for a line
    `%%workflow …` above it and its common indentation.

    >>> source_in("Sure!\n```python\nasync def workflow():\n    return 1\n```\nEnjoy.")
    'async def workflow():\n    return 1\n'
    >>> source_in("I can't do that.")
    ''
    """
    text = _THINKING.sub("", answer.replace("\r\n", "\n")).lstrip("\ufeff")
    found = _in_json(text) or _best(list(_blocks(text))) or _bare(text)
    return _trimmed(found)


class _Block(NamedTuple):
    language: str
    text: str


def _blocks(text: str) -> Iterator[_Block]:
    """Yield fenced blocks as Markdown has them; one that is never closed ends with the text."""
    fence, language = "", ""
    inside: list[str] = []
    for line in text.split("\n"):
        found = _FENCE.match(line)
        if not fence:
            if found:
                fence, language, inside = found[1], found[2].strip().lower(), []
        elif found and found[1].startswith(fence) and not found[2].strip():
            yield _Block(language, "\n".join(inside))
            fence = ""
        else:
            inside.append(line)
    if fence:
        yield _Block(language, "\n".join(inside))


def _best(blocks: list[_Block]) -> str:
    for block in reversed(blocks):
        if block.language == "json" and (found := _in_json(block.text)):
            return found
    python = [b.text for b in blocks if (b.language.split() or [""])[0] in _PYTHON]
    entries = [text for text in python if _ENTRY.search(text)]
    directed = [text for text in entries if DIRECTIVE in text]
    others = [block.text for block in blocks]
    for choice in (directed, entries, python, others):
        if choice:
            return choice[-1]
    return ""


def _in_json(text: str) -> str:
    """Return the source that stands in a JSON object, as some models answer in any case."""
    if not text.lstrip().startswith(("{", '"')):
        return ""
    try:
        value: Any = json.loads(text)
    except (ValueError, RecursionError):
        return ""
    if isinstance(value, str):
        return value if _ENTRY.search(value) else ""
    fields = cast("dict[str, Any]", value) if isinstance(value, dict) else {}
    texts = [fields[name] for name in _FIELDS if isinstance(fields.get(name), str)]
    texts += [field for field in fields.values() if isinstance(field, str)]
    found = next((field for field in texts if _ENTRY.search(field)), "")
    return source_in(found) if found else ""


def _bare(text: str) -> str:
    """Return the lines of code of an answer without fences."""
    lines = text.split("\n")
    first = next((place for place, line in enumerate(lines) if _CODE.match(line)), None)
    if first is None or not _ENTRY.search(text):
        return ""
    code = lines[first:]
    for cut in range(min(_MOST_CUT, len(code))):
        shorter = code[: len(code) - cut]
        if _parses("\n".join(shorter)):
            return "\n".join(shorter)
    return "\n".join(code)


def _parses(text: str) -> bool:
    source = _trimmed(text)
    if scan(source):
        return False
    try:
        with quietly():
            tree = parse_source(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return any(isinstance(node, ast.AsyncFunctionDef) for node in tree.body)


def _trimmed(text: str) -> str:
    source = textwrap.dedent(_MAGIC.sub("", text)).strip("\n")
    return f"{source}\n" if source.strip() else ""
