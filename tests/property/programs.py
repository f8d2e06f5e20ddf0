"""Random workflow sources: steps, gather, race, timeouts, sleeps, hooks, tasks, error handling."""

from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import strategies as st

PRELUDE = """\
async def helper(tag, seconds):
    await sleep(seconds)
    return await steps.double(tag)


async def first_of(futures):
    tasks = [asyncio.ensure_future(f) for f in futures]
    done, pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in pending:
        task.cancel()
    return [t.result() for t in tasks if t in done]


async def workflow(n):
    "use workflow"
    out = []
"""


@dataclass
class _Names:
    """Numbers for what must differ within a program."""

    count: int = 0
    lines: list[str] = field(default_factory=list)

    def next(self) -> int:
        self.count += 1
        return self.count


SIMPLE = (
    "out.append(await steps.double({n}))",
    "out.append(await steps.sync_add({n}, b=n))",
    "await sleep({n})",
    "out.append(await create_hook(token='h{n}'))",
    "out.append(random.randint(0, 99))",
    "out.append(str(uuid4())[:8])",
    "out.append(now().isoformat())",
    "print('line', {n})",
    "out.append(await helper({n}, 5))",
    "t{n} = asyncio.create_task(helper({n}, 3)); out.append(await t{n})",
)
FUTURES = (
    "steps.double({n})",
    "steps.sync_add({n}, b=1)",
    "helper({n}, 2)",
    "helper({n}, 1)",
    "asyncio.sleep({n}, {n})",
    "steps.flaky({n})",
)
RISKY = (
    "steps.fail({n})",
    "steps.flaky({n})",
    "helper({n}, 9)",
    "create_hook(token='r{n}', timeout=4)",
    "create_hook(token='q{n}')",
)


DEEPEST = 5  # Python takes 20 blocks inside each other, and a statement here may be three of them


@st.composite
def programs(draw: st.DrawFn) -> str:
    """A source whose entry is `workflow(n)` over the steps double, sync_add, flaky and fail."""
    names = _Names()
    count = draw(st.integers(1, 5))
    body = [line for _ in range(count) for line in draw(_statement(names, 0))]
    return PRELUDE + "\n".join("    " + line for line in [*body, "return out"]) + "\n"


def _fill(names: _Names, template: str) -> str:
    return template.format(n=names.next())


@st.composite
def _statement(draw: st.DrawFn, names: _Names, depth: int) -> list[str]:
    kinds = ["simple", "simple", "gather", "race"]
    if depth < DEEPEST:
        kinds += ["try", "timeout", "semaphore"]
    if depth < 2:
        kinds += ["group", "loop", "finally"]
    kind = draw(st.sampled_from(kinds))
    if kind == "simple":
        return [_fill(names, draw(st.sampled_from(SIMPLE)))]
    if kind in ("gather", "race"):
        picked = draw(st.lists(st.sampled_from(FUTURES), min_size=2, max_size=4))
        listed = ", ".join(_fill(names, f) for f in picked)
        if kind == "gather":
            return [f"out.append(await asyncio.gather({listed}))"]
        return [f"out.append(await first_of([{listed}]))"]
    if kind == "try":
        risky = _fill(names, draw(st.sampled_from(RISKY)))
        return [
            "try:",
            f"    out.append(await {risky})",
            "except (StepError, TimeoutError) as e:",
            "    out.append(type(e).__name__)",
        ]
    if kind == "semaphore":
        a, b = names.next(), names.next()
        return [
            f"gate{a} = asyncio.Semaphore(1)",
            f"async def within{a}(x):",
            f"    async with gate{a}:",
            "        return await steps.double(x)",
            f"out.append(await asyncio.gather(*[within{a}(i) for i in range({b % 3 + 1})]))",
        ]
    inner = draw(_statement(names, depth + 1))
    return _wrapped(kind, inner, names)


def _wrapped(kind: str, inner: list[str], names: _Names) -> list[str]:
    n = names.next()
    if kind == "timeout":
        return [
            "try:",
            f"    async with asyncio.timeout({n % 4 + 1}):",
            *("        " + line for line in inner),
            "except TimeoutError:",
            "    out.append('late')",
        ]
    if kind == "loop":
        unique = [line.replace("token='", f"token=f'{{i{n}}}-") for line in inner]
        return [f"for i{n} in range(2):", *("    " + line for line in unique)]
    if kind == "finally":
        return [
            "try:",
            *("    " + line for line in inner),
            "finally:",
            f"    out.append('f{n}')",
        ]
    return [
        f"async def part{n}():",
        *("    " + line for line in inner),
        "async with asyncio.TaskGroup() as group:",
        f"    group.create_task(part{n}())",
        f"    group.create_task(steps.double({n}))",
    ]
