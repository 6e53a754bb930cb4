"""Warnings that point at the line of the caller."""

from __future__ import annotations

import contextlib
import os
import sys
import warnings

_OURS = os.path.dirname(__file__) + os.sep, contextlib.__file__


def notice(text: str) -> None:
    """Warn at the line outside of longlag that called it."""
    level, frame = 1, sys._getframe()
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_OURS):
        level, frame = level + 1, frame.f_back
    warnings.warn(text, stacklevel=level)
