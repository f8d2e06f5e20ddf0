"""A shop's orders as a notebook: approved by a person, charged, shipped; for pages of JupyterLab."""

from __future__ import annotations

SETUP = """\
%load_ext wf_notebook
from enum import StrEnum
from pydantic import BaseModel, Field
from wf_notebook import step

class Decision(StrEnum):
    PAY = "pay"
    REFUSE = "refuse"

class Approval(BaseModel):
    decision: Decision
    amount: int = Field(80, ge=0, le=250, title="Amount", description="In euros")
    reviewer: str = Field(min_length=2)
    note: str = Field("", max_length=500)

@step
def fetch_order(order: str) -> dict:
    return {"id": order, "total": 80}

@step
def charge(order: dict, amount: int) -> str:
    return f"{order['id']}: {amount} charged"
"""
ORDER = """\
%%workflow order --schemas Approval --out r -- "A-17"
async def order(name):
    found = await steps.fetch_order(name)
    approval = await create_hook(token=f"approve-{name}", schema="Approval", title="Approve the order")
    return await steps.charge(found, approval.amount)
"""
DELIVERY = """\
%%workflow delivery --out d -- "A-17"
async def delivery(name):
    order = await steps.fetch_order(name)
    await sleep("3 days")
    await sleep("4 days")
    return await steps.charge(order, 5)
"""
