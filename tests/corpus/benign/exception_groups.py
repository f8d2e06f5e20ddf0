class Transient(Exception):
    pass


class Permanent(Exception):
    def __init__(self, what, *, code):
        super().__init__(what, code)
        self.code = code


async def attempt(n):
    status = await steps.attempt(n)
    if status >= 500:
        raise Transient(f"{n}: {status}")
    if status >= 400:
        error = Permanent(f"{n} refused", code=status)
        error.add_note(f"request {n}")
        raise error
    return n


def leaves(group):
    for exc in group.exceptions:
        if isinstance(exc, BaseExceptionGroup):
            yield from leaves(exc)
        else:
            yield exc


async def workflow(numbers):
    "use workflow"
    results = await asyncio.gather(*map(attempt, numbers), return_exceptions=True)
    failures = [r for r in results if isinstance(r, Exception)]
    log = []
    try:
        if failures:
            raise ExceptionGroup("some failed", [ExceptionGroup("inner", failures[:1]), *failures[1:]])
    except* Transient as group:
        log.append(("transient", sorted(str(e) for e in leaves(group))))
    except* Permanent as group:
        log.append(("permanent", sorted((e.code, e.__notes__[0]) for e in leaves(group))))
    group = ExceptionGroup("all", failures)
    match, rest = group.split(lambda e: isinstance(e, Permanent))
    log.append((str(match), len(rest.exceptions), repr(group.subgroup(KeyError))))
    return [r for r in results if isinstance(r, int)], log
