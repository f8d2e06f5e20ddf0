from datetime import datetime, timedelta
from typing import Iterator

FIELDS = (("minute", 0, 59), ("hour", 0, 23), ("day", 1, 31), ("month", 1, 12), ("weekday", 0, 6))


class CronError(ValueError):
    ...


def _expand(text: str, low: int, high: int) -> frozenset:
    values = set()
    for part in text.split(","):
        body, _, step = part.partition("/")
        if body == "*":
            start, stop = low, high
        elif "-" in body:
            start, stop = map(int, body.split("-", 1))
        else:
            start = stop = int(body)
        if not low <= start <= stop <= high:
            raise CronError(f"{part!r} is outside {low}..{high}")
        values.update(range(start, stop + 1, int(step or 1)))
    return frozenset(values)


class Cron:
    def __init__(self, text):
        parts = text.split()
        if len(parts) != len(FIELDS):
            raise CronError(f"{text!r} needs five fields")
        self._allowed = {name: _expand(p, lo, hi) for p, (name, lo, hi) in zip(parts, FIELDS)}

    def _matches(self, moment: datetime) -> bool:
        actual = {"minute": moment.minute, "hour": moment.hour, "day": moment.day, "month": moment.month, "weekday": moment.isoweekday() % 7}
        return all(actual[name] in self._allowed[name] for name in actual)

    def after(self, moment: datetime) -> Iterator[datetime]:
        moment = moment.replace(second=0, microsecond=0)
        while True:
            moment += timedelta(minutes=1)
            if self._matches(moment):
                yield moment


async def workflow(expression, runs=3):
    "use workflow"
    try:
        schedule = Cron(expression)
    except CronError as exc:
        return {"error": str(exc)}
    times = []
    for due in schedule.after(now()):
        await sleep(due)
        times.append(due.strftime("%a %H:%M"))
        await steps.tick(due)
        if len(times) == runs:
            break
    bad = []
    for text in ("* * *", "61 * * * *", "x * * * *"):
        try:
            Cron(text)
        except ValueError as exc:
            bad.append(f"{type(exc).__name__}: {exc}")
    return {"times": times, "late": (now() - due).total_seconds(), "bad": bad}
