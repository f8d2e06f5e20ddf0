from wf_notebook import step


@step
def total(order: str) -> int:
    return len(order)
