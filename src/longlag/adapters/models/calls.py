"""Watching the calls that a function of the user's makes."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType
from typing import Any


def watched(run: Callable[[], object], watch: Callable[[FrameType], object]) -> None:
    """Run, and have the frame of each Python call looked at as it begins; this thread only.

    >>> names = []
    >>> watched(lambda: sorted([2, 1], key=lambda each: each), lambda f: names.append(f.f_code))
    >>> [name.co_name for name in names]
    ['<lambda>', '<lambda>', '<lambda>']
    """

    def called(frame: FrameType, event: str, _: Any) -> None:
        if event == "call":
            watch(frame)

    before = sys.getprofile()
    sys.setprofile(called)
    try:
        run()
    finally:
        sys.setprofile(before)
