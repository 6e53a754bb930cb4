"""What a check finds."""

from __future__ import annotations

from typing import NamedTuple


class Check(NamedTuple):
    """One thing that a problem, or a model, must keep, and whether it does.

    Attributes:
        name: What.
        passed: Whether it is kept.
        found: The evidence, one line.
        remedy: What to do where it is not kept, else empty.
    """

    name: str
    passed: bool
    found: str
    remedy: str = ""


class CheckFailed(Exception):  # noqa: N818 - a finding, not a fault
    def __init__(self, found: str, remedy: str) -> None:
        super().__init__(found)
        self.remedy = remedy
