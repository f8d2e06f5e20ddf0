from fractions import Fraction

__all__ = ["workflow"]

LIMIT = 10
seen = 0
RATES = {"EUR": Fraction(1), "USD": Fraction(23, 25)}


def note(id, input=None, *, hash="", now=None, type="x"):
    """Parameters may be called what they like."""
    global seen
    seen += 1
    return {"id": id, "input": input, "hash": hash, "when": now, "type": type}


async def workflow(amounts: dict[str, float]):
    "use workflow"
    total = sum((Fraction(str(v)) * RATES[k] for k, v in amounts.items()), Fraction(0))
    for id, value in amounts.items():
        entry = note(id, input=value, now=now())
        await steps.log_entry(entry)
        if seen >= LIMIT:
            break
    return float(total), seen


if __name__ == "__main__":
    print("not here")
