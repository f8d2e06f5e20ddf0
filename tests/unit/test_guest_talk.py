"""What a guest answers to each message of the host, as bytes."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.guest_runs import START_US, start_message
from wf_notebook.guest.talk import Conversation

SOURCE = "async def w():\n    return await steps.a(1)\n"
DONE = {"type": "step_completed", "n": 1, "time_us": START_US, "value": "é"}


def said(talk: Conversation, message: dict[str, Any]) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(talk.answer(json.dumps(message).encode()))
    return answer


def test_a_conversation_from_its_start_to_its_end() -> None:
    """A start, a question where it is, and what it waits for."""
    talk = Conversation()
    assert said(talk, start_message(SOURCE))["status"] == "suspended"
    assert said(talk, {"op": "where"}) == {"lines": [2]}
    reply = said(talk, {"op": "deliver", "events": [DONE]})
    assert (reply["status"], reply["result"]) == ("completed", "é")


@pytest.mark.parametrize("message", [{"op": "deliver", "events": [DONE]}, {"op": "where"}])
def test_nothing_is_answered_before_a_start_or_after_the_end(message: dict[str, Any]) -> None:
    """A run that was thrown away is not gone on with, and may be thrown away again."""
    talk = Conversation()
    with pytest.raises(ValueError, match="not a start"):
        said(talk, message)
    said(talk, start_message(SOURCE))
    talk.close()
    talk.close()
    with pytest.raises(ValueError, match="not a start"):
        said(talk, message)


def test_an_answer_is_short_and_plain() -> None:
    """ASCII without spaces, whatever the run says."""
    talk = Conversation()
    data = talk.answer(json.dumps(start_message("async def w():\n    return 'é'\n")).encode())
    assert data.isascii()
    assert b'", ' not in data
    assert b'": ' not in data
