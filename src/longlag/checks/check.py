"""The results of checks."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Literal, NamedTuple


class Check(NamedTuple):
    """The result of one check of a problem or a model.

    Attributes:
        name: The name of the check.
        passed: Whether it passed.
        found: The evidence, one line.
        remedy: How to mend a failure; empty if it passed.
    """

    name: str
    passed: bool
    found: str
    remedy: str = ""


OF_FRAMING = "An audit is of the framing, whatever the model does."


def conclusion(checks: Sequence[Check], subject: Literal["model", "problem"]) -> str:
    """What checks come to: whether figures of training can be trusted.

    >>> conclusion([Check("rows", True, "any"), Check("mask", False, "…")], "problem")
    '1 of 2 checks failed: no score on this problem can be trusted.'
    """
    if not (failed := sum(not check.passed for check in checks)):
        return "All checks passed."
    meaning = (
        f"no score of this model can be trusted, so it is not trained. {OF_FRAMING}"
        if subject == "model"
        else "no score on this problem can be trusted."
    )
    return f"{failed} of {len(checks)} checks failed: {meaning}"


class CheckFailed(Exception):  # noqa: N818 - a result, not an error
    def __init__(self, evidence: str, remedy: str) -> None:
        super().__init__(evidence)
        self.remedy = remedy


@dataclasses.dataclass(frozen=True)
class Preflight:
    """The results of the checks of a model.

    Attributes:
        model: The label of the model.
        checks: The checks, up to the first that failed.
        parameters: Number of trained weights; None if the model could not be made.
        state: Number of values in the state of a row; None if unknown.
    """

    model: str
    checks: tuple[Check, ...]
    parameters: int | None
    state: int | None

    @property
    def passed(self) -> bool:
        """Whether all checks passed."""
        return all(check.passed for check in self.checks)

    @property
    def conclusion(self) -> str:
        """What the checks come to, as a sentence."""
        return conclusion(self.checks, "model")

    def require_valid(self) -> None:
        """Refuse a model that did not pass.

        Raises:
            ValueError: A check failed: the first failure, with its remedy.
        """
        for check in self.checks:
            if not check.passed:
                remedy = f" {check.remedy}" if check.remedy else ""
                raise ValueError(f"{self.model}: {check.found}.{remedy}")
