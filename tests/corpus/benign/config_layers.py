from collections import ChainMap
from types import SimpleNamespace


class Config:
    """Attribute access over layered dictionaries."""

    def __init__(self, *layers):
        self._values = ChainMap(*layers)

    def __getattr__(self, name):
        try:
            value = self._values[name]
        except KeyError:
            raise AttributeError(f"no setting {name!r}") from None
        return Config(value) if isinstance(value, dict) else value

    def __getitem__(self, path):
        node = self
        for part in path.split("."):
            node = getattr(node, "get")(part)
        return node

    def get(self, name, default=None):
        value = self._values.get(name, default)
        return Config(value) if isinstance(value, dict) else value

    def __iter__(self):
        return iter(sorted(self._values))


DEFAULTS = {"region": "eu", "retries": 3, "limits": {"rows": 100, "bytes": 2**20}}


async def workflow(overrides):
    "use workflow"
    remote = await steps.load_config("prod")
    config = Config(overrides, remote, DEFAULTS)
    missing = None
    try:
        config.colour
    except AttributeError as exc:
        missing = str(exc)
    plan = SimpleNamespace(region=config.region, rows=config.limits.rows, size=config["limits.bytes"])
    plan.total = plan.rows * config.retries
    return [plan.region, plan.rows, plan.size, plan.total, missing, list(config), hasattr(config, "region"), str(plan)]
