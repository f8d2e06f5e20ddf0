from functools import cmp_to_key
from itertools import groupby
from operator import itemgetter
import string


def natural(text):
    parts, digits = [], ""
    for ch in text + "\0":
        if ch.isdigit():
            digits += ch
            continue
        if digits:
            parts.append((0, int(digits), ""))
            digits = ""
        if ch != "\0":
            parts.append((1, 0, ch.casefold()))
    return parts


def by_grade(a, b):
    order = "ABCDF"
    return order.index(a["grade"]) - order.index(b["grade"]) or (a["name"] > b["name"]) - (a["name"] < b["name"])


async def workflow():
    "use workflow"
    files = await steps.files()
    students = await steps.students()
    ranked = sorted(students, key=cmp_to_key(by_grade))
    stable = sorted(sorted(students, key=itemgetter("name"), reverse=True), key=itemgetter("grade"))
    matrix = [[3, 1, 2], [6, 5, 4]]
    return {
        "natural": sorted(files, key=natural), "plain": sorted(files), "ranked": [s["name"] for s in ranked], "stable": [s["name"] for s in stable],
        "groups": {g: [s["name"] for s in items] for g, items in groupby(stable, itemgetter("grade"))}, "transposed": [list(r) for r in zip(*matrix)],
        "rows": [sorted(r) for r in matrix], "flat": sum(matrix, []), "arg": max(range(3), key=matrix[0].__getitem__), "any": any(x > 5 for r in matrix for x in r),
        "min": min(files, key=len, default="-"), "case": ["straße".upper(), "ǅ".lower(), "İ".casefold(), "ÀB".swapcase()], "letters": string.ascii_lowercase[::5],
        "reversed": "".join(reversed("abc")), "index": files.index("f2"), "slice": files[::-2], "caps": string.capwords("a-b c"), "split": "a  b c".split(None, 1),
        "partition": "k=v=w".partition("="), "rsplit": "a.b.c".rsplit(".", 1), "strip": "xxhixx".strip("x"), "replace": "aaa".replace("a", "b", 2), "ex": "a\tb".expandtabs(4),
    }
