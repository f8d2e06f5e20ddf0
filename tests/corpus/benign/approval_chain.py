from datetime import timedelta

LEVELS = [("team lead", 1_000), ("director", 25_000), ("board", float("inf"))]


def required(amount):
    """Everyone up to the first who may decide alone."""
    for index, (_, limit) in enumerate(LEVELS):
        if amount <= limit:
            return [name for name, _ in LEVELS[: index + 1]]
    return []


async def ask(role, request, *, hours=48):
    try:
        return await create_hook(
            token=f"approve-{request['id']}-{role.replace(' ', '-')}",
            title=f"{role.title()}: approve {request['amount']:,} for {request['purpose']}?",
            timeout=timedelta(hours=hours),
        )
    except TimeoutError:
        return None


async def workflow(request):
    "use workflow"
    history = []
    for role in required(request["amount"]):
        decision = await ask(role, request)
        if decision is None:
            await steps.remind(role)
            decision = await ask(f"{role} deputy", request, hours=24)
        history.append({"role": role, "decision": decision and decision["ok"], "note": (decision or {}).get("note", "")})
        if not decision or not decision["ok"]:
            break
    approved = bool(history) and all(entry["decision"] for entry in history)
    await steps.notify(request["id"], approved)
    return {"approved": approved, "history": history}
