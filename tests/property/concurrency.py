"""Random sources whose tasks wait for each other: gather, race, timeouts, groups, queues, hooks.

They use what our guest and vercel-workflow's engine both have, and nothing that either of them
promises differently; what that leaves out is listed in `test_differential`.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from hypothesis import strategies as st

if TYPE_CHECKING:
    from collections.abc import Iterator

PRELUDE = """\
def number(value):
    if isinstance(value, list):
        return sum([number(each) for each in value])
    return value if isinstance(value, int) else 1


async def ask(x):
    return await steps.a(x)


async def twice(x):
    first = await steps.a(x)
    return [first, await steps.b(first, y=x)]


async def nap(x):
    await sleep(x)
    return await steps.a(x)


async def turns(x):
    for _ in range(x % 4):
        await asyncio.sleep(0)
    return await steps.a(x)


async def guarded(x):
    try:
        return await steps.a(x)
    except StepError as error:
        return error.args[0]


async def stubborn(x):
    try:
        return await steps.a(x)
    finally:
        await steps.c()


async def noticing(x):
    try:
        return await steps.a(x)
    except asyncio.CancelledError:
        await steps.b(x)
        raise


async def hasty(x):
    try:
        async with asyncio.timeout(x % 3 + 1):
            return await twice(x)
    except TimeoutError:
        return "late"


async def answer(token):
    hook = create_hook(token=token)
    payload = await hook
    return payload["value"]


async def answers(token):
    async with create_hook(token=token) as hook:
        return [(await hook)["value"], (await hook)["value"]]


async def waited(tasks, when):
    done, pending = await asyncio.wait(tasks, return_when=when)
    for task in tasks:
        if task in pending:
            task.cancel()
    return [task.result() for task in tasks if task in done]


def race(*parts):
    tasks = [asyncio.ensure_future(part) for part in parts]
    return waited(tasks, asyncio.FIRST_COMPLETED)


def until_one_fails(*parts):
    tasks = [asyncio.ensure_future(part) for part in parts]
    return waited(tasks, asyncio.FIRST_EXCEPTION)


async def within(gate, x):
    async with gate:
        return await steps.a(x)


async def produce(queue, x):
    await queue.put(await steps.a(x))


async def consume(queue, x):
    got = await queue.get()
    return await steps.b(got, y=x)


async def next_of(hook):
    return (await hook)["value"]


async def nothing():
    return 0


async def through(how):
    if how == "turn":
        await asyncio.sleep(0)
    elif how == "task":
        await asyncio.create_task(nothing())
    elif how == "wait":
        await asyncio.wait([asyncio.create_task(nothing())])
    elif how == "gather":
        await asyncio.gather(nothing(), nothing())
    elif how == "race":
        await race(nothing(), nothing())
    elif how == "shield":
        await asyncio.shield(nothing())
    elif how == "group":
        async with asyncio.TaskGroup() as group:
            group.create_task(nothing())
    elif how == "timeout":
        async with asyncio.timeout(5):
            await asyncio.sleep(0)
    elif how == "completed":
        for each in asyncio.as_completed([asyncio.create_task(nothing())]):
            await each


async def after(event, x, ways):
    await event.wait()
    for how in ways:
        await through(how)
    return await steps.a(x)


async def w():
    "use workflow"
    out = []
"""

STARTED = ("steps.a({n})", "steps.a({v})", "steps.b({n}, y={v})", "steps.b({n})", "steps.c()")
SLEEPS = ("sleep({n})", "sleep({n})", "sleep(1.5)")
COROUTINES = (
    "ask({n})",
    "ask({v})",
    "twice({n})",
    "nap({n})",
    "turns({n})",
    "guarded({n})",
    "stubborn({n})",
    "noticing({n})",
    "hasty({n})",
    "answer('h{n}')",
    "answers('k{n}')",
)
WAYS = ("turn", "task", "wait", "gather", "race", "shield", "group", "timeout", "completed")
COMBINED = ("asyncio.gather", "asyncio.gather", "race", "until_one_fails", "asyncio.shield")
SIMPLE = (
    "out.append(await {any})",
    "out.append(await {any})",
    "await asyncio.sleep(0)",
    "steps.a({n})",
    "if {v} % 5 == 4: raise ValueError('odd {n}')",
    "if {v} % 7 == 6: return out",
)


def entry_of(source: str) -> str:
    """The lines of a program that are its own."""
    return source.removeprefix(PRELUDE)


@st.composite
def concurrent_programs(draw: st.DrawFn) -> str:
    """A source whose entry is `w()` over the steps a(x), b(x, y=) and c(), ready to be run."""
    return _Program(draw).source()


class _Program:
    """One program while it is drawn; what must differ within it is numbered."""

    def __init__(self, draw: st.DrawFn) -> None:
        self._draw = draw
        self._numbers: Iterator[int] = itertools.count(1)

    def source(self) -> str:
        body = self._block(0, 6)
        return PRELUDE + "\n".join("    " + line for line in [*body, "return out"]) + "\n"

    def _pick(self, *choices: str) -> str:
        return self._draw(st.sampled_from(choices))

    def _count(self, low: int, high: int) -> int:
        return self._draw(st.integers(low, high))

    def _fill(self, template: str) -> str:
        awaitable = self._awaitable(0) if "{any}" in template else ""
        return template.format(n=next(self._numbers), v="number(out)", any=awaitable)

    # ------------------------------------------------------------------ expressions

    def _awaitable(self, depth: int) -> str:
        kinds = ["started", "coroutine", "sleep"] + ["combined"] * (depth < 2) * 2
        kind = self._pick(*kinds)
        if kind != "combined":
            among = {"started": STARTED, "coroutine": COROUTINES, "sleep": SLEEPS}[kind]
            return self._fill(self._pick(*among))
        how = self._pick(*COMBINED)
        count = 1 if how == "asyncio.shield" else self._count(2, 4)
        return f"{how}({', '.join(self._awaitable(depth + 1) for _ in range(count))})"

    def _coroutine(self) -> str:
        return self._fill(self._pick(*COROUTINES))

    # ------------------------------------------------------------------- statements

    def _block(self, depth: int, most: int) -> list[str]:
        return [line for _ in range(self._count(1, most)) for line in self._statement(depth)]

    def _statement(self, depth: int) -> list[str]:
        kinds = ["simple", "simple", "simple", "task", "future", "cancel", "group", "group", "gate"]
        kinds += ["queue", "completed", "wrong", "event", "event", "hook"]
        if depth < 2:
            kinds += ["branch", "loop", "caught", "finally", "timeout", "caught"]
        kind = self._pick(*kinds)
        if kind == "simple":
            return [self._fill(self._pick(*SIMPLE))]
        n = next(self._numbers)
        if kind in ("branch", "loop", "caught", "finally", "timeout"):
            return self._around(kind, n, self._block(depth + 1, 2))
        return getattr(self, f"_{kind}")(n)

    def _around(self, kind: str, n: int, inner: list[str]) -> list[str]:
        inner = ["    " + line for line in inner]
        match kind:
            case "branch":
                return [f"if number(out) % 2 == {n % 2}:", *inner, "else:", f"    steps.b({n})"]
            case "loop":
                # a token belongs to one hook of the run
                inner = [_apart(line, n) for line in inner]
                stop = ["    if number(out) % 5 == 4:", "        break"]
                return [f"for i{n} in range(3):", *inner, *stop]
            case "caught":
                caught = f"except ({self._pick('StepError', 'StepError, ValueError')}) as error:"
                return ["try:", *inner, caught, "    out.append(error.args[0])"]
            case "finally":
                return ["try:", *inner, "finally:", f"    out.append(await steps.a({n}))"]
        deadline = f"async with asyncio.timeout({n % 3 + 1}):"
        inner = ["    " + line for line in inner]
        late = ["except TimeoutError:", "    out.append('late')"]
        return ["try:", f"    {deadline}", *inner, *late]

    def _task(self, n: int) -> list[str]:
        """A task that runs beside what follows; it may be left open at the end."""
        begun = f"task{n} = asyncio.create_task({self._coroutine()})"
        between = self._fill(self._pick(*SIMPLE))
        after = self._pick(f"out.append(await task{n})", f"task{n}.cancel()", "pass")
        return [begun, between, after]

    def _future(self, n: int) -> list[str]:
        begun = f"future{n} = {self._fill(self._pick(*STARTED, *SLEEPS))}"
        between = self._fill(self._pick(*SIMPLE))
        after = self._pick(f"out.append(await future{n})", f"future{n}.cancel()", "pass")
        return [begun, between, after]

    def _cancel(self, n: int) -> list[str]:
        return [
            f"task{n} = asyncio.create_task({self._coroutine()})",
            self._pick("await asyncio.sleep(0)", "await steps.c()", "pass"),
            f"task{n}.cancel()",
            f"await asyncio.wait([task{n}])",
            f"out.append(1 if task{n}.cancelled() else await task{n})",
        ]

    def _group(self, n: int) -> list[str]:
        tasks = [f"group.create_task({self._coroutine()})" for _ in range(self._count(2, 4))]
        body = self._pick("pass", f"out.append(await steps.a({n}))", f"await sleep({n})")
        return [
            "try:",
            "    async with asyncio.TaskGroup() as group:",
            *(f"        {line}" for line in [*tasks, body]),
            "except ExceptionGroup as errors:",
            "    out.append(len(errors.exceptions))",
        ]

    def _gate(self, n: int) -> list[str]:
        gate = self._pick("asyncio.Semaphore(1)", "asyncio.Semaphore(2)", "asyncio.Lock()")
        parts = ", ".join(f"within(gate{n}, {i})" for i in range(self._count(2, 4)))
        how = self._pick("asyncio.gather", "race", "until_one_fails")
        return [f"gate{n} = {gate}", f"out.append(await {how}({parts}))"]

    def _queue(self, n: int) -> list[str]:
        pairs = self._count(1, 3)
        parts = [f"produce(queue{n}, {i})" for i in range(pairs)]
        parts += [f"consume(queue{n}, {i})" for i in range(pairs)]
        parts = self._draw(st.permutations(parts))
        size = self._pick("", "1")
        return [f"queue{n} = asyncio.Queue({size})", f"await asyncio.gather({', '.join(parts)})"]

    def _completed(self, n: int) -> list[str]:
        parts = ", ".join(self._coroutine() for _ in range(self._count(2, 4)))
        return [
            f"tasks{n} = [asyncio.create_task(part) for part in [{parts}]]",
            f"for next{n} in asyncio.as_completed(tasks{n}):",
            f"    out.append(await next{n})",
        ]

    def _event(self, n: int) -> list[str]:
        """Tasks that one outcome wakes at once: who asks first is a matter of loop turns."""
        ways = st.lists(st.sampled_from(WAYS), max_size=3)
        tasks = [
            f"asyncio.create_task(after(event{n}, {i}, {self._draw(ways)}))"
            for i in range(self._count(2, 4))
        ]
        return [
            f"event{n} = asyncio.Event()",
            f"tasks{n} = [{', '.join(tasks)}]",
            "out.append(await steps.c())",
            f"event{n}.set()",
            f"out.append(await asyncio.gather(*tasks{n}))",
        ]

    def _hook(self, n: int) -> list[str]:
        """Two that wait for one hook: the first to come is served first."""
        how = self._pick("asyncio.gather", "race")
        return [
            f"hook{n} = create_hook(token='h{n}')",
            self._fill(self._pick(*SIMPLE)),
            f"out.append(await {how}(next_of(hook{n}), next_of(hook{n})))",
            f"hook{n}.dispose()",
        ]

    def _wrong(self, n: int) -> list[str]:
        call = self._pick(f"steps.b(y={n})", f"steps.c({n})", f"steps.a({n}, z=1)")
        return ["try:", f"    await {call}", "except TypeError:", f"    out.append({n})"]


def _apart(line: str, n: int) -> str:
    """Give each turn of a loop its own tokens."""
    return line.replace("'h", f"f'{{i{n}}}-h").replace("'k", f"f'{{i{n}}}-k")
