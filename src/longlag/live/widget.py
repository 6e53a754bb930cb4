"""The page in a notebook: the same code over the kernel's messages (anywidget)."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import anywidget
import traitlets

from longlag.live.app import CALLS, STATIC
from longlag.live.session import Session


class Widget(anywidget.AnyWidget):
    """A page in a notebook. `close` ends its training and its session.

    Args:
        session: What it shows.
    """

    _esm = STATIC / "play.js"
    _css = STATIC / "play.css"
    height = traitlets.Int(900).tag(sync=True)

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session = session
        self._sent = 0
        self._sending = threading.Lock()
        self.on_msg(self._asked)
        self._unsubscribe = session.subscribe(self._tell)

    def close(self) -> None:
        """End the session, and remove the page."""
        self._unsubscribe()
        self.session.close()
        super().close()

    def _asked(self, _widget: object, content: Any, _buffers: object) -> None:
        """Answer a call in a thread, so that the next cell, or `stop`, need not wait for it."""
        number, name = content.get("id"), content.get("call")
        threading.Thread(
            target=self._answer, args=[number, name, content.get("arguments", {})], daemon=True
        ).start()

    def _answer(self, number: object, name: str, arguments: dict[str, Any]) -> None:
        call: Callable[..., Any] | None = None
        if name == "describe" or name in CALLS:
            call = getattr(self.session, name)
        try:
            answer = {"fault": f"There is no call {name!r}."} if call is None else call(**arguments)
        except Exception as error:  # a user's model may raise anything
            answer = {"fault": " ".join(f"{type(error).__name__}: {error}".split())}
        self.send({"id": number, "answer": answer})

    def _tell(self) -> None:
        """Pass on the messages of the session, each once and in order."""
        with self._sending:
            for message in self.session.messages(self._sent):
                self._sent = message.id
                self.send({"message": message._asdict()})
