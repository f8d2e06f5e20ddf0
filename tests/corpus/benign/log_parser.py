import re
from collections import defaultdict
from datetime import datetime, timedelta

LINE = re.compile(
    r"""
    ^(?P<when>\d{4}-\d\d-\d\d\s\d\d:\d\d:\d\d)\s+
    \[(?P<level>[A-Z]+)\]\s+
    (?P<module>[\w.]+):\s
    (?P<text>.*?)
    (?:\s\((?P<ms>\d+)\s?ms\))?$
    """,
    re.VERBOSE,
)
SECRET = re.compile(r"(token|password)=(\S+)", re.I)


def masked(match: re.Match) -> str:
    return f"{match[1].lower()}={'*' * min(len(match.group(2)), 4)}"


async def workflow(name):
    "use workflow"
    levels, slow, unparsed = defaultdict(int), [], 0
    first = last = None
    for raw in (await steps.read_log(name)).splitlines():
        if not (m := LINE.match(raw)):
            unparsed += bool(raw.strip())
            continue
        when = datetime.strptime(m["when"], "%Y-%m-%d %H:%M:%S")
        first, last = first or when, when
        levels[m["level"]] += 1
        if m["ms"] and int(m["ms"]) > 100:
            slow.append((m["module"].rsplit(".", 1)[-1], SECRET.sub(masked, m["text"]), timedelta(milliseconds=int(m["ms"]))))
    words = re.split(r"\W+", "a,b;c  d")
    return {
        "levels": dict(levels), "slow": [(a, b, t.total_seconds()) for a, b, t in slow], "unparsed": unparsed,
        "span": str(last - first), "groups": LINE.groupindex["level"], "words": words,
        "dates": re.findall(r"(\d+)-(\d+)", "1-2 33-44"), "swap": re.sub(r"(\w+) (\w+)", r"\2 \1", "hello world"),
    }
