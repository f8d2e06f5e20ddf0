"""The way to a browser, kept instead of gone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


class PretendComm:
    """Keeps what would go to the browser."""

    kernel = "a kernel"

    def __init__(self, **opened: Any) -> None:
        self.opened = opened
        self.comm_id = opened.get("comm_id") or "made-up"
        self.sent: list[dict[str, Any]] = []
        self.callback: Callable[[dict[str, Any]], None] = lambda _: None

    def on_msg(self, callback: Callable[[dict[str, Any]], None]) -> None:
        self.callback = callback

    def send(self, data: dict[str, Any], **_: Any) -> None:
        self.sent.append(data)

    def close(self, *_: Any, **__: Any) -> None:
        self.sent.append({"method": "closed"})

    def receive(self, content: object) -> None:
        """A custom message from the browser."""
        data = {"method": "custom", "content": content}
        self.callback({"content": {"data": data}, "buffers": []})

    @property
    def custom(self) -> list[dict[str, Any]]:
        return [data["content"] for data in self.sent if data["method"] == "custom"]

    @property
    def updates(self) -> list[dict[str, Any]]:
        return [data["state"] for data in self.sent if data["method"] == "update"]
