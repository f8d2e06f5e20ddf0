from collections.abc import AsyncIterator
import csv
import io


async def pages(resource: str, page_size: int = 2) -> AsyncIterator[list]:
    cursor = None
    while True:
        response = await steps.list_page(resource, cursor=cursor, limit=page_size)
        yield response["items"]
        cursor = response.get("next_cursor")
        if cursor is None:
            break


async def flatten(source):
    async for page in source:
        for item in page:
            yield item


def to_csv(rows, fieldnames):
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, fieldnames=fieldnames, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return buffer.getvalue()


async def workflow(resource="users"):
    "use workflow"
    rows = [row async for row in flatten(pages(resource)) if row.get("active", True)]
    text = to_csv(rows, ["id", "name"])
    location = await steps.upload(f"{resource}.csv", text)
    parsed = list(csv.DictReader(io.StringIO(text)))
    assert [r["id"] for r in parsed] == [str(r["id"]) for r in rows]
    return {"rows": len(rows), "location": location, "preview": text.splitlines()[:3]}
