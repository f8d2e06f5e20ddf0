async def workflow(trip):
    "use workflow"
    undo = []
    try:
        flight = await steps.book_flight(trip.flight)
        undo.append((steps.cancel_flight, flight))
        hotel = await steps.book_hotel(trip.hotel, nights=trip.nights)
        undo.append((steps.cancel_hotel, hotel))
        car = await steps.book_car(trip.car) if trip.car else None
    except StepError as error:
        while undo:
            compensate, booking = undo.pop()
            await compensate(booking)
        return {"ok": False, "reason": str(error)}
    return {"ok": True, "bookings": [b for b in (flight, hotel, car) if b is not None]}
