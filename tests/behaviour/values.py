"""What values are on the other side."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

from tests.behaviour import acts
from tests.behaviour.behaviour import Behaviour

VALUES = [
    Behaviour(
        name="models",
        promise="A model arrives as a record with typed fields; a step gets the model back.",
        source="""
            async def bill():
                found = await steps.invoice()
                total = sum(line.price for line in found.lines)
                return [str(total), found["issued"].year, await steps.check_invoice(found)]
            """,
        steps=[acts.invoice, acts.check_invoice],
        returns=["5.50", 2026, "Invoice 02.01. ['tea'] 5.50"],
        log="""
            run_created | run_started | step_created invoice | step_started invoice 1
            step_completed invoice | step_created check_invoice | step_started check_invoice 1
            step_completed check_invoice | run_completed
            """,
    ),
    Behaviour(
        name="changed_model",
        promise="A record is read-only; a dict made of it is a model again for the step.",
        source="""
            async def bill():
                found = await steps.invoice()
                try:
                    found.lines = []
                except AttributeError as e:
                    said = str(e)
                return [said, await steps.check_invoice({**found, "lines": found.lines[:1]})]
            """,
        steps=[acts.invoice, acts.check_invoice],
        returns=[
            "Invoice is read-only; make a dict of it: {**record, 'lines': ...}",
            "Invoice 02.01. ['tea'] 3.50",
        ],
        log="""
            run_created | run_started | step_created invoice | step_started invoice 1
            step_completed invoice | step_created check_invoice | step_started check_invoice 1
            step_completed check_invoice | run_completed
            """,
    ),
    Behaviour(
        name="dataclasses_and_named_tuples",
        promise="Dataclasses and named tuples arrive as records and go back as what they were.",
        source="""
            async def shapes():
                point = await steps.mirror({"x": 1, "y": 2})
                again = await steps.mirror(point)
                pair = await steps.swap(["a", "b"])
                return [point.x, again.x, pair.left, (await steps.swap(pair)).left]
            """,
        steps=[acts.mirror, acts.swap],
        returns=[2, 1, "b", "a"],
        log="""
            run_created | run_started | step_created mirror#1 | step_started mirror#1 1
            step_completed mirror#1 | step_created mirror#2 | step_started mirror#2 1
            step_completed mirror#2 | step_created swap#1 | step_started swap#1 1
            step_completed swap#1 | step_created swap#2 | step_started swap#2 1
            step_completed swap#2 | run_completed
            """,
    ),
    Behaviour(
        name="classes_of_the_source",
        promise="A dataclass and an enum of the source fit a step's own by their fields and values.",
        source="""
            from dataclasses import dataclass
            from enum import Enum

            class Size(Enum):
                SMALL = "s"

            @dataclass
            class Place:
                x: int
                y: int

            async def workflow():
                moved = await steps.mirror(Place(3, 4))
                return [moved.x, await steps.resize(Size.SMALL)]
            """,
        steps=[acts.mirror, acts.resize],
        returns=[4, "l"],
        log="""
            run_created | run_started | step_created mirror | step_started mirror 1
            step_completed mirror | step_created resize | step_started resize 1
            step_completed resize | run_completed
            """,
    ),
    Behaviour(
        name="plain_values_round_trip",
        promise="What a source may hold comes back from a step equal and of the same type.",
        source="""
            from datetime import date, datetime, timedelta, timezone
            from decimal import Decimal
            from uuid import UUID

            async def mirror():
                things = [
                    None, True, 2**70, 1.5, float("inf"), "ü\\n", b"\\x00\\xff", (1, (2,)), {3, 1, 2},
                    frozenset({1}), {"a": [1], 2: "b"}, date(2026, 1, 2), timedelta(minutes=3),
                    datetime(2026, 1, 2, tzinfo=timezone.utc), Decimal("1.10"), UUID(int=5),
                ]
                back = await steps.same(things)
                assert [type(x) for x in back] == [type(x) for x in things], back
                return [back == things, await steps.kinds(things), back]
            """,
        steps=[acts.same, acts.kinds],
        returns=[
            True,
            [
                "NoneType",
                "bool",
                "int",
                "float",
                "float",
                "str",
                "bytes",
                "tuple",
                "set",
                "frozenset",
                "dict",
                "date",
                "timedelta",
                "datetime",
                "Decimal",
                "UUID",
            ],
            [
                None,
                True,
                2**70,
                1.5,
                float("inf"),
                "ü\n",
                b"\x00\xff",
                (1, (2,)),
                {1, 2, 3},
                frozenset({1}),
                {"a": [1], 2: "b"},
                date(2026, 1, 2),
                timedelta(minutes=3),
                datetime(2026, 1, 2, tzinfo=UTC),
                Decimal("1.10"),
                UUID(int=5),
            ],
        ],
        log="""
            run_created | run_started | step_created same | step_started same 1
            step_completed same | step_created kinds | step_started kinds 1
            step_completed kinds | run_completed
            """,
    ),
    Behaviour(
        name="sets_have_an_order",
        promise="A set iterates in the order of insertion; one that has crossed is sorted.",
        source="""
            async def letters():
                made = {"pear", "apple", "fig"} | {"kiwi"}
                found = await steps.same(made)
                return [list(made), list(found), list({"b": 1, "a": 2}.keys() & {"a", "b"})]
            """,
        steps=[acts.same],
        returns=[
            ["pear", "apple", "fig", "kiwi"],
            ["apple", "fig", "kiwi", "pear"],
            ["b", "a"],
        ],
        log="""
            run_created | run_started | step_created same | step_started same 1
            step_completed same | run_completed
            """,
    ),
    Behaviour(
        name="forgotten_await",
        promise="A step's call that is passed on instead of its result is refused with the remedy.",
        source="""
            async def careless():
                try:
                    steps.same(steps.double(1))
                except TypeError as e:
                    return str(e)
            """,
        steps=[acts.same, acts.double],
        returns="same.thing: <steps.double pending> has not been awaited; write `await` before it",
        log="""
            run_created | run_started | step_created double | step_started double 1
            step_completed double | run_completed
            """,
    ),
]
