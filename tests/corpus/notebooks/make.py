"""Write the notebooks of this folder: `python -m tests.corpus.notebooks.make`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.corpus.notebooks.cases import CASES, GOOD, LOAD, SETUP, calls

FOLDER = Path(__file__).parent
WRONG = calls("-- 1", "fetsh")
PLACE = (2, 3, "WF140", "fetsh")


def cell(text: object, kind: str = "code", number: int = 0) -> dict[str, Any]:
    """A cell of nbformat 4."""
    found: dict[str, Any] = {"cell_type": kind, "id": f"c{number}", "metadata": {}}
    found["source"] = text.splitlines(keepends=True) if isinstance(text, str) else text
    return found | ({"outputs": [], "execution_count": None} if kind == "code" else {})


def notebook(*cells: object, **more: object) -> dict[str, Any]:
    """A notebook of nbformat 4."""
    made = [
        one | ({"id": f"c{n}"} if "id" in one else {})
        if isinstance(one, dict)
        else cell(one, number=n)
        for n, one in enumerate(cells)
    ]
    return {"cells": made, "metadata": {}, "nbformat": 4, "nbformat_minor": 5, **more}


def written(content: object, **options: Any) -> bytes:
    """JSON as Jupyter writes it."""
    text = json.dumps(content, indent=1, **options)
    return f"{text}\n".encode("utf-8", "surrogatepass")


def old(version: int, *texts: str) -> dict[str, Any]:
    """A notebook of an older nbformat."""
    if version == 1:
        return {"cells": [{"cell_type": "code", "code": text} for text in texts]}
    cells = [{"cell_type": "code", "language": "python", "outputs": [], "input": t} for t in texts]
    if version == 3:  # split without line ends, as early ones were
        for one in cells:
            one["input"] = str(one["input"]).splitlines()
    return {
        "nbformat": version,
        "nbformat_minor": 0,
        "metadata": {},
        "worksheets": [{"cells": cells}],
    }


def odd() -> dict[str, tuple[bytes, list[tuple[int, int, str, str]]]]:
    """Files whose form matters, with what is found in them."""
    whole = written(notebook(SETUP, WRONG))
    text = notebook(SETUP, WRONG)
    for one in text["cells"]:
        one["source"] = "".join(one["source"])
    no_source = notebook(SETUP, WRONG)
    no_source["cells"].insert(1, {"cell_type": "code", "id": "x", "metadata": {}, "outputs": []})
    failing = notebook(SETUP, cell(WRONG) | {"metadata": {"tags": ["raises-exception"]}}, WRONG)
    mixed = notebook(cell(GOOD, "markdown"), cell(GOOD, "raw"), SETUP, cell(WRONG, "raw"), GOOD)
    unreadable = {
        "bom": (b"\xef\xbb\xbf" + whole, 1),
        "latin1": (written(notebook("x = 'ü'"), ensure_ascii=False).decode().encode("latin-1"), 8),
        "utf16": (whole.decode().encode("utf-16"), 1),
        "empty": (b"", 0),
        "blank": (b" \n\n", 0),
        "truncated": (whole[: len(whole) // 2], whole[: len(whole) // 2].count(b"\n") + 1),
        "text": (b"# a script\n", 1),
        "list": (b"[1, 2]\n", 0),
        "no_version": (b'{"cells": []}\n', 0),
        "version_5": (written(notebook(nbformat=5)), 0),
        "version_text": (written(notebook(nbformat="4")), 0),
        "no_cells": (b'{"nbformat": 4, "metadata": {}}\n', 0),
        "no_object": (b'{"nbformat": 4, "cells": ["x"]}\n', 0),
        "source_number": (written(notebook(cell([1]))), 0),
        "source_null": (written(notebook(cell(None))), 0),
        "deep": (b'{"nbformat": 4, "cells": ' + b"[" * 50_000, 0),
        "long_number": (b'{"nbformat": 4, "cells": [], "n": ' + b"9" * 5_000 + b"}", 0),
    }
    return {
        **{name: (data, [(0, line, "WF510", "")]) for name, (data, line) in unreadable.items()},
        "source_as_text": (written(text), [PLACE]),
        "no_source": (written(no_source), [(3, 3, "WF140", "fetsh")]),
        "meant_to_fail": (written(failing), [(3, 3, "WF140", "fetsh")]),
        "cells_of_all_kinds": (written(mixed), []),
        "crlf_file": (whole.replace(b"\n", b"\r\n"), [PLACE]),
        "crlf_source": (written(notebook(SETUP, WRONG.replace("\n", "\r\n"))), [PLACE]),
        "cr_source": (written(notebook(SETUP, WRONG.replace("\n", "\r"))), [PLACE]),
        "one_line": (json.dumps(notebook(SETUP, WRONG)).encode(), [PLACE]),
        "not_ascii": (
            written(notebook(SETUP, "%%workflow\nasync def a():\n    'ü \U0001f600'; eval('1')"), ensure_ascii=False),
            [(2, 3, "WF131", "eval")],
        ),
        "keys_twice": (
            b'{"nbformat": 4, "metadata": {}, "cells": [{"cell_type": "code", "source": "1"}], "cells": ['
            + json.dumps(cell(LOAD)).encode() + b",\n" + json.dumps(cell(calls("-- 1"))).encode() + b"]}",
            [(2, 1, "WF151", "%%workflow")],
        ),
        "odd_breaks": (
            written(notebook(SETUP, "%%workflow -s fetch\nasync def a():\n    'a\u2028b\x0cc'\n    eval('1')")),
            [(2, 4, "WF131", "eval")],
        ),
        **{f"nbformat_{v}": (written(old(v, SETUP, WRONG)), [PLACE]) for v in (1, 2, 3)},
    }  # fmt: skip


def contents() -> dict[str, bytes]:
    """Every file of the folder that is made, by name."""
    cases = {name: written(notebook(*case.cells)) for name, case in CASES.items()}
    files = {**cases, **{name: data for name, (data, _) in odd().items()}}
    found = {
        **{name: [list(one) for one in case.found] for name, case in CASES.items()},
        **{name: [list(one) for one in expected] for name, (_, expected) in odd().items()},
    }
    lines = (f"{json.dumps(name)}: {json.dumps(expected)}" for name, expected in found.items())
    expected = "{\n" + ",\n".join(lines) + "\n}\n"
    return {
        **{f"{name}.ipynb": data for name, data in files.items()},
        "expected.json": expected.encode(),
    }


if __name__ == "__main__":
    for name, data in contents().items():
        (FOLDER / name).write_bytes(data)
