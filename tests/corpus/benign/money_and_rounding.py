from decimal import ROUND_DOWN, ROUND_HALF_EVEN, Context, Decimal, InvalidOperation, getcontext, localcontext
from fractions import Fraction


def split_evenly(total: Decimal, parts: int) -> list[Decimal]:
    share = (total / parts).quantize(Decimal("0.01"), rounding=ROUND_DOWN)
    shares = [share] * parts
    leftover = int((total - sum(shares)) * 100)
    for i in range(leftover):
        shares[i] += Decimal("0.01")
    return shares


async def workflow(amount, people):
    "use workflow"
    total = Decimal(amount)
    shares = split_evenly(total, len(people))
    assert sum(shares) == total, "cents got lost"
    receipts = await asyncio.gather(*(steps.charge(p, s) for p, s in zip(people, shares, strict=True)))
    with localcontext() as ctx:
        ctx.prec = 6
        third = Decimal(1) / 3
    try:
        Decimal("12,5")
    except InvalidOperation:
        bad = True
    interest = (total * (1 + Decimal("0.035") / 12) ** 12).quantize(Decimal("0.01"), ROUND_HALF_EVEN)
    return {
        "shares": shares, "receipts": receipts, "third": third, "prec": getcontext().prec, "bad": bad, "interest": interest,
        "fraction": str(Fraction(3, 4) + Fraction("1/6")), "limit": str(Fraction(0.333333).limit_denominator(10)),
        "text": f"{total:,.1f} {total:e} {Decimal('-0.5'):+.0%}", "tuple": Decimal("1.50").normalize().as_tuple().digits,
        "compare": Decimal("1.0") == 1.0 == Fraction(1), "ctx": str(Context(prec=3).divide(Decimal(2), Decimal(3))),
    }
