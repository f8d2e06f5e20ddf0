from decimal import Decimal


async def workflow(invoice_id, amount):
    "use workflow"
    due = Decimal(amount)
    paid = Decimal(0)
    async with create_hook(token=f"payments:{invoice_id}", schema="Payment") as payments:
        if (owner := await payments.conflict()) is not None:
            return f"already collected by {owner}"
        async for payment in payments:
            paid += payment.amount
            await steps.record_payment(invoice_id, payment)
            if paid >= due:
                break
    return {"invoice": invoice_id, "paid": paid, "over": max(paid - due, Decimal(0))}
