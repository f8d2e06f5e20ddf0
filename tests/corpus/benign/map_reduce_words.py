import re
from collections import Counter
from functools import reduce
from itertools import islice
from operator import add

STOP = frozenset({"the", "a", "of", "and"})


def chunked(iterable, n):
    it = iter(iterable)
    while chunk := tuple(islice(it, n)):
        yield chunk


async def count(names):
    texts = await asyncio.gather(*map(steps.read, names))
    return Counter(
        word
        for text in texts
        for word in re.findall(r"[a-z']+", text.lower())
        if word not in STOP
    )


async def workflow(names, size=2):
    "use workflow"
    partials = [await count(group) for group in chunked(names, size)]
    total = reduce(add, partials, Counter())
    top = total.most_common(3)
    rare = sorted(w for w, n in total.items() if n == 1)
    return {"top": top, "rare": rare, "vocabulary": len(total), "words": total.total()}
