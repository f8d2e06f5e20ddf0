from decimal import Decimal
from typing import Any, Iterable


class ValidationError(ValueError):
    def __init__(self, problems: Iterable[str]):
        self.problems = list(problems)
        super().__init__("; ".join(self.problems))


TYPES = {"string": str, "integer": int, "number": (int, float, Decimal), "boolean": bool, "array": list, "object": dict, "null": type(None)}


def validate(value: Any, schema: dict, path: str = "$"):
    expected = schema.get("type")
    if expected:
        kinds = [expected] if isinstance(expected, str) else expected
        if not any(isinstance(value, TYPES[k]) and not (k in ("integer", "number") and isinstance(value, bool)) for k in kinds):
            yield f"{path}: expected {'|'.join(kinds)}, got {type(value).__name__}"
            return
    if "enum" in schema and value not in schema["enum"]:
        yield f"{path}: {value!r} is not one of {schema['enum']}"
    if isinstance(value, str) and len(value) < schema.get("minLength", 0):
        yield f"{path}: too short"
    if isinstance(value, dict):
        for name in schema.get("required", ()):
            if name not in value:
                yield f"{path}.{name}: missing"
        for name, sub in schema.get("properties", {}).items():
            if name in value:
                yield from validate(value[name], sub, f"{path}.{name}")
        if not schema.get("additionalProperties", True):
            yield from (f"{path}.{n}: unknown" for n in sorted(value.keys() - schema.get("properties", {}).keys()))
    elif isinstance(value, list):
        for i, item in enumerate(value):
            yield from validate(item, schema.get("items", {}), f"{path}[{i}]")


def check(value, schema):
    if problems := [*validate(value, schema)]:
        raise ValidationError(problems)
    return value


async def workflow(payloads):
    "use workflow"
    schema = await steps.schema()
    accepted, rejected = [], {}
    for i, payload in enumerate(payloads):
        try:
            accepted.append(await steps.accept(check(payload, schema)))
        except ValidationError as error:
            rejected[i] = error.problems
    return accepted, rejected
