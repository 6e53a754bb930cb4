"""The results of checks."""

from __future__ import annotations

import dataclasses
import functools
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NamedTuple

from longlag.answers.answer import Answer, Level
from longlag.answers.blocks import Block, Cell, Table, table, text
from longlag.answers.format import bytes_text, counted, short_time
from longlag.knobs import lookup
from longlag.version import longlag_version

if TYPE_CHECKING:  # keeps `longlag --help` fast
    from longlag.trials.cost import Cost
    from longlag.trials.setting import Setting


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


OF_INPUTS = "An audit is of the inputs that can reach an output, whatever the model does with them."


def conclusion(checks: Sequence[Check], subject: Literal["model", "problem"]) -> str:
    """What checks come to: whether figures of training can be trusted.

    >>> conclusion([Check("rows", True, "any"), Check("mask", False, "…")], "problem")
    '1 of 2 checks failed: no score on this problem can be trusted.'
    """
    if not (failed := sum(not check.passed for check in checks)):
        warned = sum(check.name == "warning" for check in checks)
        with_warnings = f", with {counted(warned, 'warning')}" if warned else ""
        return f"All checks passed{with_warnings}."
    meaning = (
        f"no score of this model can be trusted, so it is not trained. {OF_INPUTS}"
        if subject == "model"
        else "no score on this problem can be trusted."
    )
    return f"{failed} of {len(checks)} checks failed: {meaning}"


class CheckFailed(Exception):  # noqa: N818 - a result, not an error
    def __init__(self, evidence: str, remedy: str) -> None:
        super().__init__(evidence)
        self.remedy = remedy


@dataclasses.dataclass(frozen=True, repr=False)
class Checks(Answer):
    """The results of the checks of a problem, or of a model (`Preflight`).

    Attributes:
        subject: What was checked, as text.
        checks: The checks; of a model up to the first that failed.
    """

    subject: str
    checks: tuple[Check, ...]

    kind: ClassVar[Literal["model", "problem"]] = "problem"

    @property
    def passed(self) -> bool:
        """Whether all checks passed."""
        return all(check.passed for check in self.checks)

    @property
    def conclusion(self) -> str:
        """What the checks come to, as a sentence."""
        return conclusion(self.checks, self.kind)

    @property
    def caption(self) -> str:
        return f"Checks of {self.subject} before training. longlag {longlag_version()}."

    @property
    def failed(self) -> Mapping[str, str]:
        return {check.name: check.found for check in self.checks if not check.passed}

    def blocks(self) -> Iterator[Block]:
        yield text(self.subject, kind="strong")
        yield self.table()
        for check in self.checks:
            if check.remedy:
                yield text(f"{check.name}: {check.remedy}", kind="advice")
        yield text(self.conclusion)

    def table(self) -> Table:
        verdicts = {True: Cell("ok", kind="good"), False: Cell("failed", kind="bad")}
        rows = (
            (check.name, "" if check.name == "warning" else verdicts[check.passed], check.found)
            for check in self.checks
        )
        return table("", ("check", "", "result"), rows)

    def document(self) -> dict[str, Any]:
        return {
            "subject": self.subject,
            "passed": self.passed,
            "conclusion": self.conclusion,
            "checks": [check._asdict() for check in self.checks],
        }

    def rows(self, level: Level = "cell") -> list[dict[str, Any]]:
        lookup("level", level, {"cell": None})
        return [{self.kind: self.subject, **check._asdict()} for check in self.checks]


@dataclasses.dataclass(frozen=True, repr=False)
class Preflight(Checks):
    """The results of the checks of a model.

    Attributes:
        parameters: Number of trained weights; None if the model could not be made.
        state: Number of values in the state of a row; None if unknown.
        setting: The setting of the checks.
    """

    parameters: int | None
    state: int | None
    setting: Setting

    kind: ClassVar[Literal["model", "problem"]] = "model"

    @property
    def model(self) -> str:
        """The label of the model."""
        return self.subject

    @functools.cached_property
    def cost(self) -> Cost | None:
        """What the model costs, measured at the first use; None if a check failed."""
        from longlag.trials.cost import cost  # which brings jax

        if not self.passed:
            return None
        with warnings.catch_warnings(action="ignore"):  # the checks have them
            return cost(self.setting)

    def blocks(self) -> Iterator[Block]:
        *before, conclusion = super().blocks()
        yield from before
        yield self.cost_table()
        yield conclusion

    def cost_table(self) -> Table:
        """The operations, time and memory of the model; empty if a check failed."""
        if (found := self.cost) is None:
            return table("", ("cost",), ())
        rows, steps = self.setting.layout.steps.shape[1:]
        batch = f"an update of {counted(rows, 'sample')} of {counted(steps, 'step')}"
        speed = f"{1 / found.seconds_per_update:,.0f} a second"
        update = f"{short_time(found.seconds_per_update)}, {speed}"
        operations = found.flops_per_step, found.flops_per_update
        return table(
            "",
            (f"cost on {found.device}", "a step to predict", batch),
            (
                ("FLOPs", *map(_known, operations)),
                ("time", short_time(found.seconds_per_step), update),
                ("memory", "", _known(found.memory, bytes_text)),
            ),
        )

    def document(self) -> dict[str, Any]:
        figures = {"parameters": self.parameters, "state": self.state}
        return {**super().document(), **figures, "cost": self.cost and self.cost._asdict()}

    @property
    def warnings(self) -> list[str]:
        """What is no failure, but worth reading."""
        return [check.found.rstrip(".") for check in self.checks if check.name == "warning"]

    def require_valid(self) -> None:
        """Refuse a model that did not pass.

        Raises:
            ValueError: A check failed: the first failure, with its remedy.
        """
        for check in self.checks:
            if not check.passed:
                remedy = f" {check.remedy}" if check.remedy else ""
                stop = "" if check.found.endswith("?") else "."
                raise ValueError(f"{self.model}: {check.found}{stop}{remedy}")


def _known(count: int | None, text: Callable[[int], str] = "{:,}".format) -> str:
    return "not known" if count is None else text(count)
