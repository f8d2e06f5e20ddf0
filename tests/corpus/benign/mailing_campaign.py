from datetime import datetime, timedelta, timezone
import string

TEMPLATE = string.Template("Hi $first,\n\n$count new articles about ${topic}s.\n-- \n$sender")
QUIET_HOURS = range(22, 24)


def next_slot(moment: datetime) -> datetime:
    if moment.hour in QUIET_HOURS or moment.hour < 7:
        day = moment.date() if moment.hour < 7 else moment.date() + timedelta(days=1)
        return datetime(day.year, day.month, day.day, 7, tzinfo=timezone.utc)
    return moment


async def workflow(campaign):
    "use workflow"
    recipients = await steps.recipients(campaign["segment"])
    stats = {"sent": 0, "bounced": 0, "skipped": []}
    for person in recipients:
        slot = next_slot(now())
        if slot > now():
            await sleep(slot)
        try:
            body = TEMPLATE.substitute(
                first=person["name"].split()[0], count=person.get("unread", 0),
                topic=campaign["topic"], sender=campaign["sender"],
            )
        except (KeyError, ValueError) as exc:
            stats["skipped"].append(repr(exc))
            continue
        result = await steps.send(person["email"], subject=campaign["topic"].capitalize(), body=body)
        stats["sent" if result == "ok" else "bounced"] += 1
        await sleep(timedelta(hours=9))
    stats["finished"] = now().strftime("%Y-%m-%dT%H:%M")
    return stats
