"""How a tree becomes bytes and comes back: JSON, within limits, in the order it was given.

Keys are not sorted: a body may iterate over a dict, and a replay must see the order that the live
run saw. Reading never runs code: `json.loads` and nothing else.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final, cast

from wf_notebook.errors import PayloadError
from wf_notebook.guest import measure

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wf_notebook.guest.values import Tree

VERSION: Final = 1  # authenticated with everything that is sealed
INLINE_BYTES: Final = 64_000  # what is longer goes to a table of its own
_RAW: Final = b"\x00"  # no JSON begins with it

# Made once: `json.dumps` and `json.loads` take longer to see what is asked of them than they work.
_ENCODER: Final = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False, allow_nan=False)
_DECODER: Final = json.JSONDecoder()


def pack(tree: Tree | Mapping[str, Tree], what: str = "value") -> bytes:
    r"""Return the bytes of a tree: compact JSON, UTF-8, keys in the order given.

    Args:
        tree: what to write.
        what: how to name it in an error.

    Raises:
        PayloadError: it is not a tree, or longer than 64 MiB; `path` says where.

    >>> pack({"b": [1, "é"], "a": None})
    b'{"b":[1,"\xc3\xa9"],"a":null}'
    """
    try:
        data = _dump(tree).encode("utf-8", "surrogatepass")
    except RecursionError:
        raise PayloadError(f"The {what} is nested too deeply.", path=what) from None
    except (TypeError, ValueError) as error:
        path = _culprit(tree, what)
        raise PayloadError(f"{path} cannot be recorded: {error}.", path=path) from None
    if len(data) > measure.MAX_BYTES:
        long = measure.too_long(tree, what, len(data))
        raise PayloadError(f"{long.path}: {long.reason}.", path=long.path, hint=measure.HINT)
    return data


def unpack(data: bytes) -> Tree:
    """Return the tree of these bytes.

    Raises:
        ValueError: they are not what `pack` wrote.

    >>> unpack(pack({"b": 1, "a": [2.5]}))
    {'b': 1, 'a': [2.5]}
    """
    return cast("Tree", _load(data.decode("utf-8", "surrogatepass")))


def pack_chunk(data: Tree | bytes, what: str) -> bytes:
    r"""Return what a chunk of a stream is stored as: bytes as they are, a tree as `pack` writes it.

    Raises:
        PayloadError: as for `pack`.

    >>> pack_chunk(b"\xff", "chunk"), pack_chunk("text", "chunk")
    (b'\x00\xff', b'"text"')
    """
    return _RAW + data if isinstance(data, bytes) else pack(data, what)


def unpack_chunk(data: bytes) -> Tree | bytes:
    """Return what `pack_chunk` was given; before version 4 of the tables it was always a tree.

    Raises:
        ValueError: it is something else.
    """
    return data[1:] if data[:1] == _RAW else unpack(data)


def pack_plain(meta: Mapping[str, Any], what: str) -> str:
    """Return the text of a plain object, fit for a query.

    Raises:
        PayloadError: it is not JSON, or holds half a character (a lone surrogate), which a
            database cannot search.
    """
    try:
        text = _dump(meta)
        text.encode()
    except (TypeError, ValueError) as error:
        path = _culprit(meta, what)
        raise PayloadError(f"{path} cannot be recorded in plain: {error}.", path=path) from None
    return text


def unpack_plain(text: str) -> dict[str, Any]:
    """Return the object of this text.

    Raises:
        ValueError: it is not one.
    """
    found = _load(text)
    if not isinstance(found, dict):
        msg = f"not an object: {text[:40]}"
        raise ValueError(msg)  # noqa: TRY004 - the text is wrong, not its type
    return cast("dict[str, Any]", found)


def copied(tree: Mapping[str, Tree], what: str) -> Any:
    """Return what a reader would get of a tree, which shares nothing with it.

    Raises:
        PayloadError: what comes back is something else (a tuple, a key that is no string).
    """
    back = unpack(pack(tree, what))
    if back != tree:
        path = _culprit(tree, what)
        raise PayloadError(f"{path} is not plain JSON.", path=path)
    return back


def _dump(tree: object) -> str:
    return _ENCODER.encode(tree)


def _load(text: str) -> Any:
    found, end = _DECODER.raw_decode(text)
    if end != len(text):
        msg = f"more than one value, from character {end} on"
        raise ValueError(msg)
    return found


def _culprit(tree: object, what: str) -> str:
    try:
        return _not_json(tree, what) or what
    except RecursionError:  # it contains itself
        return what


def _not_json(tree: object, path: str) -> str | None:
    """Return the path of the first part that is not a tree, or None."""
    if tree is None or isinstance(tree, bool | int | str):
        return None
    if isinstance(tree, float):
        return None if tree - tree == 0 else path  # nan and infinities lack a tag
    if not isinstance(tree, list | dict):
        return path
    if isinstance(tree, dict) and any(
        type(key) is not str for key in cast("dict[object, object]", tree)
    ):
        return path
    found = (_not_json(part, inner) for inner, part in measure.parts(cast("object", tree), path))
    return next((inner for inner in found if inner), None)
