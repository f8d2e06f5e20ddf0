#!/usr/bin/env python3
# -*- coding: utf-8 -*-
"""Legacy-looking script that somebody pasted into a cell."""

import asyncio
import json
import random
import time
from typing import Dict, List, Optional, Tuple, Union

__version__ = "1.2.0"
__all__ = ["main"]

DEBUG = False
_CACHE = {}  # type: Dict[str, int]


def _log(msg, *args, **kwargs):
    # type: (str, *object, **object) -> None
    level = kwargs.pop("level", "INFO")
    if level != "DEBUG" or DEBUG:
        print("[%s] %s" % (level, msg % args if args else msg))


class Client(object):
    def __init__(self, base, timeout=30, *args, **kwargs):
        super(Client, self).__init__(*args, **kwargs)
        self.base = base
        self.__timeout = timeout

    @staticmethod
    def _key(*parts):
        return "/".join(str(p) for p in parts)

    @classmethod
    def default(cls):
        return cls("https://example.org")

    async def get(self, path):
        key = self._key(self.base, path)
        if not key in _CACHE:
            _CACHE[key] = await steps.http_get(key, timeout=self.__timeout)
        else:
            _log("cache hit for %s", path)
        return _CACHE[key]


async def main(paths):
    "use workflow"
    t0 = time.time()
    client = Client.default()
    total = 0
    for p in paths:
        total += await client.get(p)
        _log("debugging %r", p, level="DEBUG")
        await asyncio.sleep(0.5)
    elapsed = time.time() - t0
    _log("done in %.1fs", elapsed)
    return dict(total=total, cached=len(_CACHE), version=__version__, day=time.strftime("%Y-%m-%d", time.gmtime(t0)))


if __name__ == "__main__":
    import sys
    asyncio.run(main(sys.argv[1:]))
