"""Cards: a statement of a source, the settings of its trials, and the test that settles it."""

from __future__ import annotations

import contextvars
import dataclasses
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Literal, NamedTuple, get_args

from longlag.answers.estimate import Estimate
from longlag.events import Event
from longlag.stop import ctrl_c_stops
from longlag.trials.criterion import UntilMet
from longlag.trials.fit import finish, fit
from longlag.trials.run import Run
from longlag.trials.setting import Setting
from longlag.trials.tuning import Search, tune

_Side = Literal["mean", "low", "high"]

_SIDE: contextvars.ContextVar[_Side] = contextvars.ContextVar("side", default="mean")

_TOO_WIDE = "The intervals are too wide to tell: take more seeds."

HOLDS, FAILS, UNSETTLED = "holds", "does not hold", "not settled"
"""Verdicts; a fourth kind names its condition: `holds only if …`."""

REPRODUCED, BETTER, REFUTED = "reproduced", "better", "refuted"
"""Verdicts on a published figure."""

Arm = Setting | Search | UntilMet
"""How a run is made: a setting, one that is tuned first, or one that ends at a criterion."""

Try = Callable[[str], Run]
"""The run of the arm with this name; each arm runs once."""


def reaches(figure: Estimate, bar: float) -> bool:
    """Whether a figure reaches a bar: its mean, or the end of its interval that `settle` tests.

    Several equal seeds count with their mean: the exact interval for unseen failures would not
    reach a bar for any number of seeds, and the caveat names such failures.
    """
    low, high = figure.interval
    if len(figure.per_seed) > 1 and len(set(figure.per_seed)) == 1:
        low = high = figure.mean
    return {"mean": figure.mean, "low": low, "high": high}[_SIDE.get()] >= bar


class Row(NamedTuple):
    """One row of evidence: the setting, its figure, and a note."""

    tried: str
    measured: Estimate
    note: str = ""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Finding:
    """The result of the test of a card.

    Attributes:
        measured: The figure that the verdict is based on.
        what: The name of that figure.
        chance: The figure that ignores the inputs; None where there is none.
        verdict: `holds`, `does not hold`, `not settled` or `holds only if …`.
        because: The reason, in a few sentences.
        rows: The evidence, one row per setting.
        shortcuts: The score of each shortcut on the same sequences, by name.
    """

    measured: Estimate
    what: str
    chance: float | None
    verdict: str
    because: str
    rows: tuple[Row, ...] = ()
    shortcuts: Mapping[str, float] = dataclasses.field(default_factory=dict)

    def show(self, figure: Estimate | None = None) -> str:
        """A figure, by default the measured one: a share, or without a chance a count."""
        return (figure or self.measured).text(",.0f" if self.chance is None else ".3f")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Card:
    """A claim and the test that settles it.

    Attributes:
        id: Name on the command line, `source/claim`.
        document: Short name of its document: `echo`, `five`, `lstm-1997`; `modern` for several.
        source: Author, year and title.
        claim: The claim, paraphrased.
        arms: The settings of the test, by name.
        settle: The test: a function of a `Try` and the seeds to the finding.
        recorded: The verdict on record; another one is reported.
        long: Whether it takes more than about ten minutes.
    """

    id: str
    document: str
    source: str
    claim: str
    arms: Mapping[str, Arm]
    settle: Callable[[Try, Sequence[int]], Finding]
    recorded: str
    long: bool = False


@dataclasses.dataclass(frozen=True, kw_only=True)
class Result:
    """A card with its finding."""

    card: Card
    finding: Finding
    seconds: float

    @property
    def holds(self) -> bool:
        """Whether the claim holds, possibly under the condition in the verdict."""
        return self.finding.verdict.startswith((HOLDS, REPRODUCED, BETTER))

    @property
    def as_recorded(self) -> bool:
        """Whether the verdict is the one on record, or one of both is `not settled`."""
        return UNSETTLED in (self.card.recorded, self.finding.verdict) or (
            self.finding.verdict == self.card.recorded
        )


def settle(
    card: Card,
    seeds: Sequence[int],
    listen: Callable[[str, Setting, int, Event], object] = lambda *_: None,
    done: dict[tuple[Arm, tuple[int, ...]], Run] | None = None,
) -> Result:
    """Test a card three times: with the means and with both ends of the intervals.

    Where the three verdicts differ some interval contains its bar, and the claim is not settled.

    Args:
        card: The claim.
        seeds: The seeds of every run.
        listen: Called with every event of an arm: name, setting, number of seeds, event.
        done: Finished runs, by setting and seeds; new ones are added.

    Returns:
        The card with its finding.

    Raises:
        KeyboardInterrupt: The user stopped a run.
    """
    start = time.perf_counter()
    runs = {} if done is None else done

    def tuning(name: str, setting: Setting, event: Event) -> None:
        width, rate = getattr(setting.model, "hidden_size", ""), setting.recipe.learning_rate
        listen(f"{name}, tuning: width {width}, learning rate {rate:g}", setting, 1, event)

    def attempt(name: str) -> Run:
        arm = card.arms[name]
        key = arm, tuple(seeds)
        if key not in runs:
            remarks, ending = (), {}
            if isinstance(arm, Search):
                result = tune(arm, lambda *event: tuning(name, *event))
                setting, remarks = result.setting, (str(result),)
            elif isinstance(arm, UntilMet):
                setting, criterion = arm.setting, arm.criterion
                # A sequence an update: several seeds in one program take half the time.
                ending = {"until": criterion.until(setting), "every": criterion.every}
                ending["vectorise"] = True
            else:
                setting = arm
            with ctrl_c_stops() as stop:
                fitting = fit(setting, seeds, stop=stop, **ending)
                run = finish(fitting, lambda event: listen(name, setting, len(seeds), event))
            if run.interrupted:
                raise KeyboardInterrupt
            runs[key] = dataclasses.replace(run, remarks=remarks)
        return runs[key]

    def finding(side: _Side) -> Finding:
        context = contextvars.copy_context()
        context.run(_SIDE.set, side)
        return context.run(card.settle, attempt, seeds)

    mean, *ends = map(finding, get_args(_Side))
    if any(end.verdict != mean.verdict for end in ends):
        mean = dataclasses.replace(mean, verdict=UNSETTLED, because=f"{mean.because} {_TOO_WIDE}")
    return Result(card=card, finding=mean, seconds=time.perf_counter() - start)
