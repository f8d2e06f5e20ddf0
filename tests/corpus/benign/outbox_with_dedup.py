import hashlib
import json
from contextlib import suppress
from copy import copy, deepcopy


def fingerprint(message: dict) -> str:
    stable = json.dumps(message, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(stable.encode()).hexdigest()[:12]


class Outbox:
    def __init__(self):
        self._seen: dict[str, int] = {}
        self._queue: list[dict] = []

    def put(self, message, /, **extra):
        entry = deepcopy(message) | extra
        key = fingerprint(entry)
        self._seen[key] = self._seen.get(key, 0) + 1
        if self._seen[key] == 1:
            self._queue.append(entry)
        return key

    def drain(self):
        while self._queue:
            yield self._queue.pop(0)

    __len__ = lambda self: len(self._queue)
    __bool__ = lambda self: True


async def workflow(messages):
    "use workflow"
    outbox = Outbox()
    keys = [outbox.put(m, source="wf") for m in messages]
    messages[0]["tags"].append("mutated")
    shallow = copy(messages[0])
    pending, delivered = len(outbox), []
    for message in outbox.drain():
        with suppress(StepError):
            delivered.append(await steps.deliver(message))
    with suppress(KeyError, IndexError):
        [][0]
    return pending, delivered, len(set(keys)), keys[0], shallow["tags"] is messages[0]["tags"], bool(outbox)
