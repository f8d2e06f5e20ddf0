async def refund(order_id):
    "use workflow"
    order = await steps.fetch_order(order_id)
    await sleep("15m")
    approval = await create_hook(token=f"approve-{order_id}", schema="Approval")
    if approval.ok:
        return await steps.charge_back(order, approval.amount)
    return None
