from contextlib import AsyncExitStack, asynccontextmanager


class BookingFailed(Exception):
    pass


@asynccontextmanager
async def compensating(action, undo, *args):
    receipt = await action(*args)
    try:
        yield receipt
    except Exception:
        await undo(receipt)
        raise


async def workflow(trip):
    "use workflow"
    bookings = {}
    try:
        async with AsyncExitStack() as stack:
            bookings["flight"] = await stack.enter_async_context(
                compensating(steps.book_flight, steps.cancel_flight, trip["to"])
            )
            bookings["hotel"] = await stack.enter_async_context(
                compensating(steps.book_hotel, steps.cancel_hotel, trip["to"], trip["nights"])
            )
            stack.callback(print, "leaving the stack")
            if trip["budget"] < sum(b["price"] for b in bookings.values()):
                raise BookingFailed(f"over budget: {trip['budget']}")
    except BookingFailed as error:
        return {"status": "rolled back", "reason": str(error), "had": sorted(bookings)}
    return {"status": "booked", **{k: v["id"] for k, v in bookings.items()}}
