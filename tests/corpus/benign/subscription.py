async def charge_monthly(customer, months):
    for month in range(months):
        invoice = await steps.charge(customer.id, customer.plan, month=month)
        yield invoice
        await sleep("30 days")


async def workflow(customer, months=12):
    "use workflow"
    cancel = create_hook(token=f"cancel:{customer.id}", title="Cancel the subscription")
    cancelled = asyncio.create_task(cancel.__aiter__().__anext__())
    invoices = []
    async for invoice in charge_monthly(customer, months):
        invoices.append(invoice.number)
        if cancelled.done():
            reason = cancelled.result()
            await steps.goodbye(customer.id, getattr(reason, "comment", None))
            break
    return invoices
