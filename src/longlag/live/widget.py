"""The page in a notebook: the same code over the kernel's messages (anywidget)."""

from __future__ import annotations

import threading
from typing import Any

import anywidget
import traitlets

from longlag.adapters.models.hints import shortened
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
        if isinstance(content, dict) and {"id", "call"} <= content.keys():
            threading.Thread(target=self._answer, args=[content], daemon=True).start()

    def _answer(self, content: dict[str, Any]) -> None:
        name = content["call"]
        try:
            if name not in ("describe", *CALLS):
                raise ValueError(f"There is no call {name!r:.80}.")
            answer = getattr(self.session, name)(**content.get("arguments", {}))
        except ValueError as error:
            answer = {"fault": shortened(error)}
        except Exception as error:  # a user's model may raise anything
            answer = {"fault": f"{type(error).__name__}: {shortened(error)}"}
        self.send({"id": content["id"], "answer": answer})

    def _tell(self) -> None:
        """Pass on the messages of the session, each once and in order."""
        with self._sending:
            for message in self.session.messages(self._sent):
                self._sent = message.id
                self.send({"message": message._asdict()})
