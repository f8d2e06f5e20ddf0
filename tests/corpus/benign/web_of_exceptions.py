class AppError(Exception):
    status = 500

    def __init__(self, message, **details):
        super().__init__(message)
        self.details = details

    def __str__(self):
        base = super().__str__()
        return f"{base} {self.details}" if self.details else base


class Invalid(AppError):
    status = 422


class Upstream(AppError):
    status = 502

    @classmethod
    def wrap(cls, error):
        return cls("upstream failed", kind=error.type, detail=error.message)


def chain(error):
    while error is not None:
        yield f"{type(error).__name__}({error.args[0] if error.args else ''})"
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


async def handle(request):
    try:
        if not request.get("id"):
            raise Invalid("no id", keys=sorted(request))
        try:
            return {"status": 200, "body": await steps.backend(request["id"])}
        except StepError as error:
            raise Upstream.wrap(error) from error
    except AppError as error:
        return {"status": error.status, "body": str(error), "chain": list(chain(error))}


def careless(value):
    try:
        return 10 // int(value)
    except ValueError:
        return {}["missing"]


async def workflow(requests):
    "use workflow"
    responses = [await handle(r) for r in requests]
    caught = []
    for value in ("x", "0", "3", None):
        try:
            caught.append(careless(value))
        except (KeyError, ZeroDivisionError) as exc:
            caught.append(list(chain(exc)))
        except Exception as exc:
            caught.append(str(exc)[:12])
    try:
        assert responses[0]["status"] == 200, f"got {responses[0]['status']}"
    except AssertionError as exc:
        caught.append(exc.args)
    error = OSError(2, "No such file", "x.txt")
    caught.append([error.errno, error.strerror, isinstance(error, FileNotFoundError), str(error), ConnectionResetError.mro()[1].__name__])
    try:
        raise StopIteration(5)
    except StopIteration as stop:
        caught.append(stop.value)
    return responses, caught
