async def workflow(urls: list[str]) -> list[dict]:
    "use workflow"
    found = []
    futures = [steps.download(url) for url in urls]
    for next_done in asyncio.as_completed(futures):
        page = await next_done
        found.append({"url": page.url, "size": len(page.text)})
        if len(found) >= 3:
            break
    found.sort(key=lambda row: (-row["size"], row["url"]))
    return found
