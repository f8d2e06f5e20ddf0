import calendar
from datetime import date, datetime, time, timedelta, timezone

CET = timezone(timedelta(hours=1), "CET")
HOLIDAYS = {date(2026, 1, 1), date(2026, 1, 6)}


def business_days(start: date, count: int):
    day = start
    while count:
        day += timedelta(days=1)
        if day.weekday() < 5 and day not in HOLIDAYS:
            yield day
            count -= 1


def month_ends(year):
    return [date(year, m, calendar.monthrange(year, m)[1]) for m in (1, 2, 4)]


async def workflow(start):
    "use workflow"
    begin = datetime.fromisoformat(start)
    days = list(business_days(begin.date(), 4))
    slots = [datetime.combine(day, time(9, 30), tzinfo=CET) for day in days]
    booked = [await steps.book(slot) for slot in slots]
    delta = slots[-1] - begin
    age = date.today() - now().date()
    return {
        "days": [d.isoformat() for d in days], "booked": booked, "delta": str(delta), "hours": delta // timedelta(hours=1),
        "utc": slots[0].astimezone(timezone.utc).isoformat(), "stamp": slots[0].timestamp(), "tz": slots[0].tzname(),
        "ends": month_ends(2028), "leap": calendar.isleap(2100), "same": age == timedelta(0),
        "parsed": datetime.strptime("03 Feb 2026 14:05", "%d %b %Y %H:%M"), "week": date(2026, 12, 31).isocalendar()[1],
        "replace": begin.replace(month=2, day=28, hour=0).strftime("%A %d %B %Y, %I%p"), "ordinal": date.fromordinal(739000),
        "div": timedelta(days=1) / timedelta(minutes=90), "neg": repr(timedelta(seconds=-1)), "max": max(slots).date(),
    }
