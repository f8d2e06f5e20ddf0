"""What day it is in a source: that of the last event; and local time is UTC everywhere."""

from __future__ import annotations

import datetime as real
import time
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["calendar_faces", "clock_faces"]

_EPOCH = real.datetime(1970, 1, 1, tzinfo=real.UTC)
_NANOSECONDS = 1_000


class _Face(type):
    """The type of a class that stands for a real one; `isinstance` and `==` don't tell them apart.

    All values are of the real class: only the methods that ask for the present are others. A
    class that a source derives is an ordinary one.
    """

    def _meant(cls) -> type | None:
        return vars(cls).get("_stands_for")

    def __instancecheck__(cls, instance: object) -> bool:
        meant = cls._meant()
        return (
            type.__instancecheck__(cls, instance) if meant is None else isinstance(instance, meant)
        )

    def __subclasscheck__(cls, subclass: type) -> bool:
        meant = cls._meant()
        return (
            type.__subclasscheck__(cls, subclass) if meant is None else issubclass(subclass, meant)
        )

    def __eq__(cls, other: object) -> bool:
        return other is cls or (other is not None and other is cls._meant())

    def __hash__(cls) -> int:
        meant = cls._meant()
        return type.__hash__(cls) if meant is None else hash(meant)


def calendar_faces(now: Callable[[], real.datetime]) -> dict[str, object]:
    """Return `date` and `datetime` as a source finds them.

    Args:
        now: the present, aware, UTC.
    """
    return {"date": _date_face(now), "datetime": _datetime_face(now)}


def clock_faces(now: Callable[[], real.datetime]) -> dict[str, object]:
    """Return the clocks of the module `time`: they all stand still between two events.

    Args:
        now: the present, aware, UTC.
    """

    def seconds() -> float:
        return (now() - _EPOCH).total_seconds()

    def nanoseconds() -> int:
        return (now() - _EPOCH) // real.timedelta(microseconds=1) * _NANOSECONDS

    def moment(secs: float | None = None) -> time.struct_time:
        return time.gmtime(seconds() if secs is None else secs)

    def strftime(format: str, t: Any = None) -> str:  # noqa: A002 - Python's own name
        return time.strftime(format, moment() if t is None else t)

    clocks: dict[str, object] = {"gmtime": moment, "localtime": moment, "strftime": strftime}
    clocks |= dict.fromkeys(("time", "monotonic", "perf_counter"), seconds)
    return clocks | dict.fromkeys(("time_ns", "monotonic_ns", "perf_counter_ns"), nanoseconds)


def _named(face: type, meant: type) -> type:
    face.__module__ = meant.__module__
    face.__name__ = face.__qualname__ = meant.__name__
    return face


def _date_face(now: Callable[[], real.datetime]) -> type:
    class Date(real.date, metaclass=_Face):
        _stands_for = real.date

        def __new__(cls, *args: Any, **kwargs: Any) -> Any:
            if "_stands_for" in vars(cls):
                return real.date(*args, **kwargs)
            return super().__new__(cls, *args, **kwargs)

        @classmethod
        def today(cls) -> Self:
            present = now()
            return cls(present.year, present.month, present.day)

        @classmethod
        def fromtimestamp(cls, timestamp: float, /) -> Self:
            day = real.datetime.fromtimestamp(timestamp, real.UTC)
            return cls(day.year, day.month, day.day)

    return _named(Date, real.date)


def _datetime_face(now: Callable[[], real.datetime]) -> type:  # noqa: C901 - six short methods
    class DateTime(real.datetime, metaclass=_Face):
        _stands_for = real.datetime

        def __new__(cls, *args: Any, **kwargs: Any) -> Any:
            if "_stands_for" in vars(cls):
                return real.datetime(*args, **kwargs)  # noqa: DTZ001 - the source says which
            return super().__new__(cls, *args, **kwargs)

        @classmethod
        def now(cls, tz: real.tzinfo | None = None) -> Self:
            return cls._from(now().astimezone(tz or real.UTC), tz)

        @classmethod
        def today(cls) -> Self:
            return cls._from(now(), None)

        @classmethod
        def utcnow(cls) -> Self:
            return cls._from(now(), None)

        @classmethod
        def fromtimestamp(cls, timestamp: float, tz: real.tzinfo | None = None) -> Self:
            return cls._from(real.datetime.fromtimestamp(timestamp, tz or real.UTC), tz)

        @classmethod
        def utcfromtimestamp(cls, timestamp: float, /) -> Self:
            return cls.fromtimestamp(timestamp)

        @classmethod
        def _from(cls, moment: real.datetime, tz: real.tzinfo | None) -> Self:
            return cls.combine(moment.date(), moment.time(), tz)

    return _named(DateTime, real.datetime)
