from functools import total_ordering


@total_ordering
class Version:
    __slots__ = ("major", "minor", "patch", "_tag")

    def __init__(self, text):
        core, _, self._tag = text.partition("-")
        self.major, self.minor, self.patch = (int(p) for p in core.split("."))

    @property
    def _key(self):
        return (self.major, self.minor, self.patch, self._tag == "", self._tag)

    def __eq__(self, other):
        if not isinstance(other, Version):
            return NotImplemented
        return self._key == other._key

    def __lt__(self, other):
        if not isinstance(other, Version):
            return NotImplemented
        return self._key < other._key

    def __hash__(self):
        return hash(self._key)

    def __str__(self):
        return f"{self.major}.{self.minor}.{self.patch}" + (f"-{self._tag}" if self._tag else "")

    def __repr__(self):
        return f"Version({str(self)!r})"

    def bump(self, part="patch"):
        new = Version(str(self))
        new._tag = ""
        if part == "major":
            new.major, new.minor, new.patch = self.major + 1, 0, 0
        elif part == "minor":
            new.minor, new.patch = self.minor + 1, 0
        else:
            new.patch += 1
        return new


async def workflow(package):
    "use workflow"
    versions = [Version(v) for v in await steps.released(package)]
    unique = {v: None for v in versions}
    latest = max(v for v in versions if not v._tag)
    nxt = latest.bump("minor")
    try:
        latest.build = 3
    except AttributeError:
        frozen = True
    await steps.release(package, str(nxt))
    return [str(v) for v in sorted(unique)], latest >= Version("1.10.0"), str(nxt), frozen, len(set(versions)), Version("1.2.0") != "1.2.0"
