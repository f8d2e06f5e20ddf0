from typing import Sequence

FAN_IN = 3


async def summarise(texts: Sequence[str], depth: int = 0) -> tuple[str, int]:
    if len(texts) == 1:
        return texts[0], depth
    groups = [texts[i : i + FAN_IN] for i in range(0, len(texts), FAN_IN)]
    async with asyncio.TaskGroup() as tg:
        tasks = [tg.create_task(one(group)) for group in groups]
    return await summarise([t.result() for t in tasks], depth + 1)


async def one(group):
    joined = " | ".join(group)
    if len(group) == 1:
        return joined
    summary = await steps.summarise(joined, max_words=20)
    return f"({summary['text']}:{len(group)})"


async def workflow(chapters):
    "use workflow"
    texts = [await steps.chapter(c) for c in range(chapters)]
    text, depth = await summarise(texts)
    return {"text": text, "depth": depth, "longest": max(texts, key=len), "by_len": sorted(texts, key=lambda t: (-len(t), t))}
