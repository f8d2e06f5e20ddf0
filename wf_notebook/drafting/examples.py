"""Two worked examples, as a prompt shows them: a request, its steps, and the source."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

__all__ = ["EXAMPLES", "Example"]


@dataclass(frozen=True, slots=True)
class Example:
    """A request and what to answer.

    Attributes:
        request: in plain language.
        given: signatures of the steps, and the schemas.
        source: the answer.
        answers: JSON Schemas by name, of the people's answers that it asks for.
    """

    request: str
    given: tuple[str, ...]
    source: str
    answers: tuple[tuple[str, dict[str, object]], ...] = ()

    @property
    def text(self) -> str:
        """The example as a part of a prompt."""
        return (
            f"Request: {self.request}\nGiven: {'; '.join(self.given)}\n"
            f"Answer:\n```python\n{self.source}```"
        )


EXAMPLES: Final = (
    Example(
        request="Refund an order: wait 15 minutes in case the customer writes again, have a "
        "person approve it within 2 days, then pay it back.",
        given=(
            "fetch_order(order_id: str) -> Order with id: str, total: int",
            "pay_back(order_id: str, amount: int) -> str",
            "schema Approval with ok: bool, amount: int",
        ),
        source="""\
async def refund(order_id):
    "use workflow"
    order = await steps.fetch_order(order_id)
    await sleep("15m")
    try:
        approval = await create_hook(
            schema="Approval", title=f"Approve the refund of {order.id}", timeout="2d"
        )
    except TimeoutError:
        return {"order": order.id, "refunded": 0, "why": "nobody approved it in time"}
    if not approval.ok:
        return {"order": order.id, "refunded": 0, "why": "refused"}
    amount = min(approval.amount, order.total)
    receipt = await steps.pay_back(order.id, amount)
    return {"order": order.id, "refunded": amount, "receipt": receipt}
""",
        answers=(
            (
                "Approval",
                {
                    "type": "object",
                    "title": "Approval",
                    "properties": {"ok": {"type": "boolean"}, "amount": {"type": "integer"}},
                    "required": ["ok", "amount"],
                },
            ),
        ),
    ),
    Example(
        request="Check all these pages, four at a time; report those that are down, and mail the "
        "report.",
        given=(
            "check_page(url: str) -> int (the status)",
            "send_mail(subject: str, body: str) -> None",
        ),
        source="""\
async def check_pages(urls):
    "use workflow"
    few = asyncio.Semaphore(4)

    async def check(url):
        async with few:
            try:
                return url, await steps.check_page(url)
            except StepError as error:
                return url, error.type

    found = await asyncio.gather(*(check(url) for url in urls))
    down = {url: status for url, status in found if status != 200}
    if down:
        lines = [f"{url}: {status}" for url, status in down.items()]
        await steps.send_mail(f"{len(down)} pages are down", "\\n".join(lines))
    return down
""",
    ),
)
