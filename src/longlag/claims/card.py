"""Cards: a sentence of a source, the settings that try it, the test that settles it."""

from __future__ import annotations

import contextvars
import dataclasses
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Literal, NamedTuple, get_args

from longlag.events import Event, ctrl_c_stops
from longlag.scores.statistics import Estimate
from longlag.trials.fit import finish, fit
from longlag.trials.run import Run
from longlag.trials.setting import Setting
from longlag.trials.tuning import Search, tune

_Side = Literal["mean", "low", "high"]

_SIDE: contextvars.ContextVar[_Side] = contextvars.ContextVar("side", default="mean")

_TOO_WIDE = "The intervals are too wide to tell: take more seeds."

HOLDS, FAILS, UNSETTLED = "holds", "does not hold", "not settled"
"""Verdicts; a fourth kind names its condition: `holds only if …`."""

Try = Callable[[str], Run]
"""Runs the arm of that name, once, and gives its run."""


def reaches(figure: Estimate, bar: float) -> bool:
    """Whether a figure reaches a bar: its mean, or the end of its interval that is looked at.

    Several seeds that agree to the last digit decide by their figure: no number of them would bring
    the exact interval for unseen failures near a bar, and the caveat names those.
    """
    low, high = figure.interval
    if len(figure.per_seed) > 1 and len(set(figure.per_seed)) == 1:
        low = high = figure.mean
    return {"mean": figure.mean, "low": low, "high": high}[_SIDE.get()] >= bar


class Row(NamedTuple):
    """One line of evidence: what was tried, what came out, what to note."""

    tried: str
    measured: Estimate
    note: str = ""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Finding:
    """What a card's test makes of its runs.

    Attributes:
        measured: The figure that the verdict rests on.
        what: What that figure is.
        chance: What it would be by guessing.
        verdict: `holds`, `does not hold`, `not settled` or `holds only if …`.
        because: Why, in a few sentences.
        rows: The evidence, a line for each setting tried.
        shortcuts: The score of each shortcut on the same sequences, by name.
    """

    measured: Estimate
    what: str
    chance: float
    verdict: str
    because: str
    rows: tuple[Row, ...] = ()
    shortcuts: Mapping[str, float] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Card:
    """A claim and how it is settled.

    Attributes:
        id: Name on the command line, `source/claim`.
        document: Short name of the document it stands in: `echo` or `five`.
        source: Where the claim stands.
        claim: The claim, in our words.
        arms: The settings that may be tried, by name; a search is tuned first.
        settle: The test: tries arms and gives the finding.
        recorded: The verdict that came out when the card was written; another one is news.
    """

    id: str
    document: str
    source: str
    claim: str
    arms: Mapping[str, Setting | Search]
    settle: Callable[[Try, Sequence[int]], Finding]
    recorded: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class Result:
    """A settled card."""

    card: Card
    finding: Finding
    seconds: float

    @property
    def holds(self) -> bool:
        """Whether the claim holds, if need be under the condition that the verdict names."""
        return self.finding.verdict.startswith(HOLDS)

    @property
    def as_recorded(self) -> bool:
        """Whether the verdict is the one on record, or too few seeds were tried to tell."""
        return self.finding.verdict in (self.card.recorded, UNSETTLED)


def settle(
    card: Card,
    seeds: Sequence[int],
    listen: Callable[[str, Setting, int, Event], object] = lambda *_: None,
    done: dict[tuple[Setting | Search, tuple[int, ...]], Run] | None = None,
) -> Result:
    """Try a card: at the means, and again at both ends of the intervals.

    Where the three verdicts differ some interval straddles its bar, and the claim is not settled.

    Args:
        card: The claim.
        seeds: The seeds of every run.
        listen: Told of the events of every arm: its name, its setting, how many seeds
            run side by side, what became of one of them.
        done: Runs already made, by setting and seeds; those made here are added.

    Raises:
        KeyboardInterrupt: A run was cut short, so there is nothing to conclude.
    """
    began = time.perf_counter()
    runs = {} if done is None else done

    def tuning(name: str, setting: Setting, event: Event) -> None:
        width, rate = getattr(setting.model, "hidden_size", ""), setting.recipe.learning_rate
        listen(f"{name}, tuning: width {width}, learning rate {rate:g}", setting, 1, event)

    def attempt(name: str) -> Run:
        arm = card.arms[name]
        trials = arm, tuple(seeds)
        if trials not in runs:
            if isinstance(arm, Search):
                tuned = tune(arm, lambda *made: tuning(name, *made))
                setting, remarks = tuned.setting, (str(tuned),)
            else:
                setting, remarks = arm, ()
            with ctrl_c_stops() as stop:
                fitting = fit(setting, seeds, stop=stop)
                run = finish(fitting, lambda event: listen(name, setting, len(seeds), event))
            if run.interrupted:
                raise KeyboardInterrupt
            runs[trials] = dataclasses.replace(run, remarks=remarks)
        return runs[trials]

    def finding(side: _Side) -> Finding:
        context = contextvars.copy_context()
        context.run(_SIDE.set, side)
        return context.run(card.settle, attempt, seeds)

    mean, *ends = map(finding, get_args(_Side))
    if any(end.verdict != mean.verdict for end in ends):
        mean = dataclasses.replace(mean, verdict=UNSETTLED, because=f"{mean.because} {_TOO_WIDE}")
    return Result(card=card, finding=mean, seconds=time.perf_counter() - began)
