"""What a check finds."""

from __future__ import annotations

import dataclasses
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


@dataclasses.dataclass(frozen=True)
class Preflight:
    """What a model was found to do.

    Attributes:
        model: The model, in words.
        checks: All that was looked at; the last one failed where any did that ends the rest.
        parameters: Number of trained weights; None where the model could not be made.
        state: Numbers that a row carries from step to step, as far as can be seen from outside.
    """

    model: str
    checks: tuple[Check, ...]
    parameters: int | None
    state: int | None

    @property
    def passed(self) -> bool:
        """Whether all is as it must be."""
        return all(check.passed for check in self.checks)

    def require_valid(self) -> None:
        """Refuse a model that did not pass.

        Raises:
            ValueError: It did not; the first failure, and what to do.
        """
        for check in self.checks:
            if not check.passed:
                remedy = f" {check.remedy}" if check.remedy else ""
                raise ValueError(f"{self.model}: {check.found}.{remedy}")
