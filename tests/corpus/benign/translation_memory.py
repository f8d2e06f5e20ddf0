from difflib import SequenceMatcher
from string import Formatter, Template
from types import MappingProxyType

GLOSSARY = MappingProxyType({"invoice": "Rechnung", "order": "Bestellung"})


class SafeFormatter(Formatter):
    def get_value(self, key, args, kwargs):
        if isinstance(key, str):
            return kwargs.get(key, "{" + key + "}")
        return super().get_value(key, args, kwargs)

    def convert_field(self, value, conversion):
        if conversion == "s" and isinstance(value, str):
            return value.upper()
        return super().convert_field(value, conversion)


class Dashed(Template):
    delimiter = "#"


def similar(a, b):
    return SequenceMatcher(a=a.lower(), b=b.lower()).ratio()


async def translate(text, memory, cutoff=0.8):
    best = max(memory, key=lambda known: similar(text, known), default=None)
    if best is not None and similar(text, best) >= cutoff:
        return memory[best], "memory"
    for word, known in GLOSSARY.items():
        text = text.replace(word, f"<{known}>")
    result = memory[text] = await steps.translate(text, to="de")
    return result, "model"


async def workflow(texts):
    "use workflow"
    memory = dict(await steps.memory())
    out = [await translate(t, memory) for t in texts]
    try:
        GLOSSARY["new"] = "neu"
    except TypeError as exc:
        frozen = type(exc).__name__
    fmt = SafeFormatter()
    names = [field for _, field, _, _ in fmt.parse("a {b} c {0!r:>{w}}") if field]
    return out, frozen, fmt.format("{0} {who} {missing} {x!s:>5}", 1, who="me", x="ab"), names, Dashed("#a $b #{c}").safe_substitute(a=1), Template("$x ${y}z $$").safe_substitute(x=1), len(memory)
