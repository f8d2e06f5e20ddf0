import csv
import io
import re
from collections import Counter
from datetime import date, datetime
from decimal import Decimal, InvalidOperation

DATE_FORMATS = ("%Y-%m-%d", "%d.%m.%Y", "%m/%d/%Y")


def parse_date(text):
    for fmt in DATE_FORMATS:
        try:
            return datetime.strptime(text.strip(), fmt).date()
        except ValueError:
            continue
    raise ValueError(f"unknown date {text!r}")


def parse_amount(text):
    cleaned = re.sub(r"[^\d,.\-()]", "", text)
    negative = cleaned.startswith("(") and cleaned.endswith(")")
    cleaned = cleaned.strip("()")
    if re.search(r",\d{1,2}$", cleaned):
        cleaned = cleaned.replace(".", "").replace(",", ".")
    value = Decimal(cleaned.replace(",", ""))
    return -value if negative else value


COLUMNS = {"date": parse_date, "amount": parse_amount, "who": lambda t: t.strip().title() or None}


async def workflow(name):
    "use workflow"
    text = await steps.read(name)
    dialect = {"delimiter": ";" if text.count(";") > text.count(",") else ","}
    good, problems = [], Counter()
    for line, row in enumerate(csv.DictReader(io.StringIO(text), **dialect), start=2):
        record = {}
        for column, convert in COLUMNS.items():
            try:
                record[column] = convert(row[column])
            except (ValueError, InvalidOperation, TypeError) as exc:
                problems[f"{column}:{type(exc).__name__}"] += 1
                print(f"line {line}: {column}")
                break
        else:
            good.append(record)
    good.sort(key=lambda r: (r["date"], -r["amount"]))
    months = {}
    for r in good:
        months.setdefault(r["date"].strftime("%Y-%m"), []).append(r["amount"])
    written = await steps.write(f"clean-{name}", [tuple(r.values()) for r in good])
    return {"months": {m: sum(v) for m, v in months.items()}, "problems": problems, "written": written, "who": {r["who"] for r in good}, "first": min((r["date"] for r in good), default=date.max)}
