async def tracked(name, log, fail=False):
    log.append(f"enter {name}")
    try:
        value = await steps.work(name)
        if fail:
            raise ValueError(name)
        return value
    except ValueError:
        log.append(f"except {name}")
        raise
    else:
        log.append("never")
    finally:
        log.append(f"finally {name}")


def overridden():
    for i in range(5):
        try:
            if i == 1:
                continue
            if i == 3:
                break
        finally:
            yield i
    else:
        yield "not reached"
    yield "end"


async def workflow():
    "use workflow"
    log = []
    try:
        await tracked("a", log)
        try:
            await tracked("b", log, fail=True)
        finally:
            log.append("inner finally")
            await steps.work("cleanup")
    except ValueError as first:
        try:
            raise KeyError("second") from first
        except KeyError as second:
            log.append([type(second.__cause__).__name__, second.__suppress_context__])
    def early():
        try:
            return "try"
        finally:
            log.append("after return")
    log.append(early())
    return log + list(overridden())
