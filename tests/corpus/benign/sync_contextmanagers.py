from contextlib import ExitStack, contextmanager, nullcontext
from io import StringIO


@contextmanager
def indented(out, title):
    print(f"<{title}>", file=out)
    try:
        yield lambda text: print("  " + text, file=out)
    except ValueError as exc:
        print(f"  ! {exc}", file=out)
    finally:
        print(f"</{title}>", file=out)


class Transaction:
    def __init__(self, store):
        self._store = store
        self._changes = {}

    def __enter__(self):
        return self

    def __setitem__(self, key, value):
        self._changes[key] = value

    def __exit__(self, kind, error, tb):
        if kind is None:
            self._store.update(self._changes)
        return kind is not None and issubclass(kind, ArithmeticError)


async def workflow(quiet=False):
    "use workflow"
    out, store = StringIO(), {}
    with indented(out, "a") as write, (nullcontext() if quiet else indented(out, "b")) as inner:
        write(await steps.text("first"))
        if inner:
            inner("nested")
        raise ValueError("caught by b")
    with Transaction(store) as t:
        t["x"] = 1
    with Transaction(store) as t:
        t["y"] = 1 / 0
    with ExitStack() as stack:
        for name in "cd":
            stack.enter_context(indented(out, name))
        stack.callback(out.write, "callback\n")
        kept = stack.pop_all()
    kept.close()
    for line in out.getvalue().splitlines():
        print(line)
    return store, out.getvalue().count("\n")
