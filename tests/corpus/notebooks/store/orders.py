from . import total
from .steps import step


@step
def fetch(order: str) -> str:
    return order
