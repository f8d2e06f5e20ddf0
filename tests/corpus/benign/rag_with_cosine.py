import math
from dataclasses import dataclass
from heapq import nlargest


@dataclass(slots=True)
class Chunk:
    doc: str
    index: int
    text: str
    vector: list[float]


def split(text: str, size: int = 40, overlap: int = 10):
    start = 0
    while start < len(text):
        yield text[start : start + size].strip()
        start += size - overlap


def cosine(a, b):
    dot = sum(x * y for x, y in zip(a, b))
    norm = math.sqrt(sum(x * x for x in a)) * math.sqrt(sum(y * y for y in b))
    return dot / norm if norm else 0.0


async def index(doc_id):
    text = await steps.load(doc_id)
    pieces = [p for p in split(text) if p]
    vectors = await asyncio.gather(*(steps.embed(p) for p in pieces))
    return [Chunk(doc_id, i, p, v) for i, (p, v) in enumerate(zip(pieces, vectors))]


async def workflow(question, docs, k=2):
    "use workflow"
    chunks = [c for batch in await asyncio.gather(*map(index, docs)) for c in batch]
    query = await steps.embed(question)
    ranked = nlargest(k, chunks, key=lambda c: (cosine(query, c.vector), -c.index))
    context = "\n".join(f"[{c.doc}#{c.index}] {c.text}" for c in ranked)
    prompt = f"""Answer from the context only.

{context}

Question: {question}"""
    reply = await steps.complete(prompt, temperature=0)
    return {"reply": reply, "sources": [(c.doc, c.index, round(cosine(query, c.vector), 4)) for c in ranked], "chunks": len(chunks), "prompt": len(prompt)}
