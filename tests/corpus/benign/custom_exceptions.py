class OrderError(ValueError):
    """Something about an order."""

    code = "order"

    def __init__(self, message, *, order_id, cause=None):
        super().__init__(message)
        self.order_id = order_id
        self.__cause__ = cause

    def __str__(self):
        return f"[{self.code}:{self.order_id}] {super().__str__()}"


class OutOfStock(OrderError):
    code = "stock"


async def reserve(order):
    try:
        return await steps.reserve(order.id)
    except StepError as error:
        if error.type == "OutOfStock":
            raise OutOfStock("nothing left", order_id=order.id) from error
        error.add_note(f"while reserving {order.id}")
        raise


async def workflow(orders):
    "use workflow"
    problems = []
    for order in orders:
        try:
            await reserve(order)
        except OutOfStock as problem:
            problems.append(problem)
            print(type(problem).__name__, problem.__cause__, problem.args)
        except (OrderError, KeyError):
            raise
        else:
            continue
        finally:
            await steps.note(order.id)
    if problems:
        raise ExceptionGroup("some orders failed", problems)
