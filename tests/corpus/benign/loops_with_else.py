def first_prime_over(limit):
    candidate = limit
    while True:
        candidate += 1
        for divisor in range(2, int(candidate**0.5) + 1):
            if candidate % divisor == 0:
                break
        else:
            return candidate


async def find_slot(calendars, hours):
    for hour in hours:
        for name, busy in calendars.items():
            if hour in busy:
                print(f"{hour}: {name} is busy")
                break
        else:
            return hour
    else:
        print("no slot")
    return None


async def workflow(names):
    "use workflow"
    calendars = {}
    for name in names:
        calendars[name] = set(await steps.busy(name))
    slot = await find_slot(calendars, range(9, 12))
    attempts = 0
    while attempts < 3:
        attempts += 1
        reply = await steps.propose(slot, attempts)
        if reply == "busy":
            continue
        if reply == "yes":
            break
    else:
        reply = "gave up"
    total = 0
    for i, (a, b) in enumerate(zip(range(5), reversed(range(5)))):
        if i == 4: break
        total += a * b
    return slot, reply, attempts, total, first_prime_over(100), await find_slot(calendars, [9])
