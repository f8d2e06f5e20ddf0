"""What may those who ask cost the owner of a world?"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Bounds:
    """Of a connection, and of all of them.

    Attributes:
        clients: connections at once; more are closed.
        questions: of one of them, that are being answered at once; more wait unread.
        hello_seconds: how long it may take to say hello.
        body_seconds: how long the rest of a message may take, once it has begun.
        read_seconds: how long it may take to read what it is told.
    """

    clients: int = 64
    questions: int = 32
    hello_seconds: float = 5.0
    body_seconds: float = 30.0
    read_seconds: float = 10.0
