import json
from dataclasses import asdict, dataclass, is_dataclass
from datetime import date, datetime, timezone
from decimal import Decimal


@dataclass
class Payment:
    id: int
    amount: Decimal
    due: date


class Encoder(json.JSONEncoder):
    def default(self, o):
        if isinstance(o, Decimal):
            return {"__decimal__": str(o)}
        if isinstance(o, (date, datetime)):
            return o.isoformat()
        if is_dataclass(o):
            return asdict(o)
        if isinstance(o, (set, frozenset)):
            return sorted(o)
        return super().default(o)


def revive(obj):
    if "__decimal__" in obj:
        return Decimal(obj["__decimal__"])
    return obj


async def workflow(amounts):
    "use workflow"
    payments = [Payment(i, Decimal(a), date(2026, 1, 1 + i)) for i, a in enumerate(amounts)]
    text = json.dumps({"payments": payments, "tags": {"b", "a"}, "at": datetime(2026, 1, 1, tzinfo=timezone.utc)}, cls=Encoder, indent=2)
    stored = await steps.echo(text)
    back = json.loads(stored, object_hook=revive)
    problems = []
    for broken in ('{"a": }', "[1, 2", "nope", '"\\x"'):
        try:
            json.loads(broken)
        except json.JSONDecodeError as exc:
            problems.append((exc.pos, exc.lineno, exc.msg.split(":")[0]))
    try:
        json.dumps({"f": object})
    except TypeError as exc:
        problems.append(str(exc))
    print(json.dumps(back["payments"][0], default=str, separators=(",", ":"), sort_keys=True))
    return back["payments"][1]["amount"], back["tags"], problems, json.dumps("é€", ensure_ascii=False), json.loads("[NaN, 1e3]")[1]
