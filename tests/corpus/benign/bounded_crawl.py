from collections import deque
from urllib.parse import urljoin, urlparse

MAX_PAGES = 6
CONCURRENCY = 2


async def visit(url, gate, seen, frontier):
    async with gate:
        page = await steps.fetch_page(url)
    found = []
    for link in page["links"]:
        absolute = urljoin(url, link)
        if urlparse(absolute).netloc != urlparse(url).netloc:
            continue
        if absolute not in seen:
            seen.add(absolute)
            frontier.append(absolute)
            found.append(absolute)
    return url, page["title"], found


async def workflow(start):
    "use workflow"
    gate = asyncio.Semaphore(CONCURRENCY)
    seen, frontier, titles = {start}, deque([start]), {}
    while frontier and len(titles) < MAX_PAGES:
        batch = [frontier.popleft() for _ in range(min(len(frontier), MAX_PAGES - len(titles)))]
        for url, title, found in await asyncio.gather(*[visit(u, gate, seen, frontier) for u in batch]):
            titles[url] = title
            print(f"{url} -> {len(found)} new")
    return {"titles": titles, "left": list(frontier), "seen": len(seen)}
