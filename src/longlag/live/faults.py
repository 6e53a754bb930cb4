"""Faults as answers: one line for bad input and for the code of a user."""

from __future__ import annotations

from typing import Any

from longlag.adapters import user_code
from longlag.adapters.models.hints import shortened
from longlag.live.setup import named_knob
from longlag.live.views import applied

FAULTS = Exception, SystemExit
"""Code of a user may raise anything."""


def fault(error: BaseException) -> dict[str, Any]:
    """The answer to bad input, or to a fault in the code of a user; others are longlag's own."""
    if not (message := in_words(error)):
        raise error
    return {"fault": message, "knob": named_knob(message), "apply": applied(message)}


def in_words(error: BaseException) -> str:
    """One line about bad input or about the code of a user; empty for any other error."""
    text = shortened(error)
    if line := user_code.raised_at(error):
        return f"{line} raises {type(error).__name__}: {text}"
    return text if isinstance(error, ValueError | TypeError) else ""
