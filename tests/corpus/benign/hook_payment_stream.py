from decimal import Decimal


async def workflow(invoice):
    "use workflow"
    due = Decimal(invoice["due"])
    paid, receipts = Decimal(0), []
    hook = create_hook(token=f"payments-{invoice['id']}", title="Incoming payments")
    async with hook:
        async for payment in hook:
            match payment:
                case {"amount": amount, "reference": ref} if ref == invoice["id"]:
                    paid += Decimal(amount)
                    receipts.append(await steps.receipt(ref, amount))
                case {"reference": other}:
                    await steps.forward(other, payment)
                case _:
                    print("ignored", sorted(payment))
            if paid >= due:
                break
    change = paid - due
    return {"paid": paid, "change": change, "receipts": receipts, "owner": await hook.conflict(), "token": hook.token}
