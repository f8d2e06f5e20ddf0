"""Steps that must never be called: a draft is checked and rehearsed without them."""

from __future__ import annotations

from typing import Any, NoReturn

from pydantic import BaseModel

from wf_notebook.definition.steps import Step, StepOptions

CALLED: list[str] = []


class Order(BaseModel):
    id: str
    total: int


class Approval(BaseModel):
    ok: bool
    amount: int = 0


def called(name: str) -> NoReturn:
    CALLED.append(name)
    raise AssertionError(f"the real step {name} was called")


async def fetch_order(order_id: str) -> Order:
    """Fetch an order of the shop."""
    called("fetch_order")


def charge(order_id: str, amount: int) -> str:
    """Charge a customer for an order; gives the receipt."""
    called("charge")


def notify(who: str, text: str) -> None:
    """Send a message to somebody."""
    called("notify")


def list_orders(day: str) -> list[str]:
    """List the ids of the orders of a day."""
    called("list_orders")


def job_status(job: str) -> dict[str, Any]:
    """Ask how a job stands."""
    called("job_status")


FUNCTIONS = (fetch_order, charge, notify, list_orders, job_status)
STEPS = [Step(function, StepOptions()) for function in FUNCTIONS]  # in no registry
