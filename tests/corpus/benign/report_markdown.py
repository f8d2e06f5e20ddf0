import textwrap
from datetime import date, timedelta
from statistics import mean, median, pstdev


def bar(value, maximum, width=10):
    filled = round(width * value / maximum) if maximum else 0
    return "█" * filled + "·" * (width - filled)


def table(headers, rows, align=None):
    align = align or ["<"] * len(headers)
    cells = [headers, *[[str(c) for c in row] for row in rows]]
    widths = [max(len(row[i]) for row in cells) for i in range(len(headers))]
    def line(row):
        return "| " + " | ".join(f"{c:{a}{w}}" for c, a, w in zip(row, align, widths)) + " |"
    rule = "|" + "|".join(("-" * (w + 1) + ":") if a == ">" else ("-" * (w + 2)) for a, w in zip(align, widths)) + "|"
    return "\n".join([line(cells[0]), rule, *map(line, cells[1:])])


async def workflow(team, until="2026-03-08"):
    "use workflow"
    last = date.fromisoformat(until)
    days = [last - timedelta(days=n) for n in range(6, -1, -1)]
    counts = await asyncio.gather(*(steps.count_tickets(team, day) for day in days))
    top = max(counts)
    rows = [(f"{d:%a %d %b}", n, bar(n, top)) for d, n in zip(days, counts)]
    summary = (
        f"mean {mean(counts):.2f}, median {median(counts)}, "
        f"deviation {pstdev(counts):.3f}, trend {'up' if counts[-1] > counts[0] else 'down'}"
    )
    body = "\n\n".join([f"# {team.title()} week {last.isocalendar().week}", table(["day", "n", ""], rows, ["<", ">", "<"]), textwrap.fill(summary, 40)])
    print(body)
    await steps.publish(title=f"{team}-{last:%G-W%V}", body=body)
    return len(body)
