"""Steps beside the notebooks."""

from pydantic import BaseModel

from wf_notebook import step

TAX = 0.2


class Receipt(BaseModel):
    total: float


@step
def fetch(order: str) -> str:
    return order


@step(name="bill")
def charge(order: str) -> str:
    return order
