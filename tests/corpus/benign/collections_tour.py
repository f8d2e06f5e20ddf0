from collections import ChainMap, Counter, OrderedDict, defaultdict, deque, namedtuple

Task = namedtuple("Task", ["name", "cost", "tags"], defaults=[1, ()])


class LRU(OrderedDict):
    def __init__(self, size):
        super().__init__()
        self.size = size

    def __getitem__(self, key):
        value = super().__getitem__(key)
        self.move_to_end(key)
        return value

    def __setitem__(self, key, value):
        super().__setitem__(key, value)
        if len(self) > self.size:
            self.popitem(last=False)


def tree():
    return defaultdict(tree)


async def workflow():
    "use workflow"
    tasks = [Task(*row) for row in await steps.tasks()]
    cache = LRU(2)
    for t in tasks:
        cache[t.name] = t.cost
        cache.get(tasks[0].name) and cache[tasks[0].name]
    window = deque(maxlen=3)
    averages = []
    for t in tasks:
        window.append(t.cost)
        averages.append(sum(window) / len(window))
    window.rotate(1)
    window.appendleft(0)
    stock = Counter(apple=3, pear=1)
    stock.subtract({"apple": 1, "fig": 2})
    root = tree()
    root["a"]["b"]["c"] = 1
    scopes = ChainMap({}, {"x": 1}, {"x": 2, "y": 3})
    scopes["x"] = 9
    groups = defaultdict(list)
    for t in tasks:
        for tag in t.tags or ["none"]:
            groups[tag].append(t.name)
    return {
        "cache": list(cache.items()), "averages": averages, "window": list(window), "stock": +stock, "less": stock - Counter("a"),
        "root": root["a"]["b"], "scopes": (dict(scopes), scopes.parents["x"], len(scopes.maps)), "groups": groups, "fields": Task._fields,
        "replaced": tasks[0]._replace(cost=99), "asdict": Task("z")._asdict(), "elements": sorted(Counter(b=2, a=1).elements()),
        "union": Counter("aab") | Counter("bbc"), "inter": Counter("aab") & Counter("abb"), "text": repr(Task("q")), "max": max(tasks, key=lambda t: t.cost).name,
    }
