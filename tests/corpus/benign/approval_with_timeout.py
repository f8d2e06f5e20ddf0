async def workflow(request):
    "use workflow"
    hook = create_hook(
        token=f"expense:{request.id}",
        schema="Decision",
        timeout="2d",
        title=f"Expense of {request.employee}: {request.amount:,.2f}",
    )
    await steps.notify(request.manager, hook.token)
    try:
        decision = await hook
    except TimeoutError:
        await steps.escalate(request)
        return "escalated"
    match decision.outcome:
        case "approved" | "ok":
            return await steps.pay(request.employee, request.amount)
        case "rejected":
            await steps.notify(request.employee, reason=decision.comment or "no reason given")
            return "rejected"
        case other:
            raise ValueError(f"unknown outcome {other!r}")
