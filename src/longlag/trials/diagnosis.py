"""Diagnosis: why a trial fell short, each reason with its evidence."""

from __future__ import annotations

from typing import Literal, NamedTuple, Protocol, runtime_checkable

import numpy as np

from longlag.audit_answer import MEANING
from longlag.knobs import named_arguments, require
from longlag.problems import Series
from longlag.scores import statistics
from longlag.scores.forecast import Forecast
from longlag.scores.statistics import SOLVED
from longlag.trials.outcome import FIRST, Outcome, side_of_chance
from longlag.trials.remedies import remedy
from longlag.trials.setting import Setting

Reason = Literal[
    "unreachable",
    "unstable",
    "does not generalise",
    "overfit",
    "exposure bias",
    "stopped",
    "at chance",
    "below chance",
    "undertrained",
    "stuck",
    "unclear",
]

_FEWEST_POINTS = 8  # points of a curve, for a comparison of its last two quarters

_OVERFIT_MARGIN = 0.05  # of accuracy, by which training must exceed evaluation to count as overfit

_PASSES = 2  # over the training rows of a series, from which on a model may overfit
_SEQUENCES = 1000  # at the end of training, compared with fresh ones, at least

_OVERFIT_ERRORS = 3.1  # standard errors: of a test at the level 0.001

_FALL_SHARE = 0.02  # share by which a loss must have fallen to count as still falling

_FALL_LEVEL = 0.01  # significance level of the test for that fall

_SPIKE = 3.0  # times the lowest loss so far, plus a tenth of the first loss, is a spike


class Diagnosis(NamedTuple):
    """One reason why a trial fell short, its evidence, and, for a run, a remedy."""

    reason: Reason
    evidence: str
    remedy: str = ""

    def __str__(self) -> str:
        return f"{self.reason}: {self.evidence}{self.remedy and f'. {self.remedy}'}"


@runtime_checkable
class Diagnosable(Protocol):
    """A run (`longlag.trials.run.Run`), as far as `diagnose` needs it."""

    @property
    def seeds(self) -> tuple[int, ...]:
        """Its seeds."""
        ...

    @property
    def setting(self) -> Setting:
        """Its setting."""
        ...

    @property
    def forecast(self) -> object:
        """Its forecast of a series; else None."""
        ...

    def place(self, seed: int) -> int:
        """The index of a seed among the seeds."""
        ...

    def outcome(self, place: int = 0) -> Outcome:
        """The outcome of the seed at this index."""
        ...


_FAR = np.errstate(over="ignore", invalid="ignore")  # losses may be near the largest number


@named_arguments
@_FAR
def diagnose(
    of: Outcome | Diagnosable, solve_at: float = SOLVED, *, seed: int | None = None
) -> tuple[Diagnosis, ...]:
    """Why a trial did not solve its problem; empty where it did.

    All reasons that apply, the most important first:

    - `unreachable`: inputs that the targets need do not reach the model, so that the best
      possible score falls short (the audit).
    - `unstable`: the loss diverged, or rose again to a multiple of its lowest value.
    - `does not generalise`: the problem trained on is solved, on the validation stream; the main
      test, which is another problem, is not.
    - `overfit`: accuracy in training is above that on fresh sequences; only where training meets
      sequences again.
    - `exposure bias`: a decoder is more accurate with the right value before each output, as in
      training (teacher forcing), than with its own.
    - `stopped`: it reached the accuracy that was to end it (`stop_at`), below a solved problem's;
      then none of the following.
    - `at chance`, `below chance`: right answers that a guesser could give, or fewer
      (`longlag.scores.statistics.side_of_chance`, as of a run's verdict).
    - `undertrained`: the loss was still falling at the end.
    - `stuck`: above chance, the loss flat, and none of these.
    - `unclear`: above chance, and too few updates to tell whether the loss still falls.

    For a forecast only `unstable`, `overfit` and `undertrained`, whether or not it is good.

    Args:
        of: The outcome of a trial; or a run, of which one seed is diagnosed.
        solve_at: Skill from which it counts as solved.
        seed: Which seed of a run; by default the first that fell short.

    Returns:
        The reasons, each with its evidence; of a run, with a remedy.

    >>> import longlag as ll
    >>> run = ll.train(ll.EchoLag(values=4), ll.Chunks(), ll.LSTM(hidden_size=4), sequences=20)
    >>> print(ll.diagnose(run)[0].reason, "-", ll.diagnose(run)[0].remedy)
    unreachable - Use carry=True and timesteps=2. Timesteps up to 25 work too.
    """
    if not isinstance(of, Outcome) and isinstance(of, Diagnosable):
        return _of_run(of, solve_at, seed)
    require("diagnose", "of", of, Outcome, "a run, of ll.train")
    return _of_outcome(of, solve_at)


def _of_run(run: Diagnosable, solve_at: float, seed: int | None) -> tuple[Diagnosis, ...]:
    for place in range(len(run.seeds)) if seed is None else [run.place(seed)]:
        outcome = run.outcome(place)
        if run.forecast is None:
            reasons = _of_outcome(outcome, solve_at)
        else:  # a forecast is judged by its error, so that only the loss explains a failure
            overfit = _overfit(outcome) if _may_overfit(run, outcome) else ()
            reasons = [*_unstable(outcome), *overfit, *_undertrained(outcome)]
        if reasons:
            return tuple(each._replace(remedy=remedy(each.reason, run.setting)) for each in reasons)
    return ()


def _may_overfit(run: Diagnosable, outcome: Outcome) -> bool:
    """Whether it met each row several times, and targets like those that it is scored on."""
    series, forecast = run.setting.problem, run.forecast
    assert isinstance(series, Series)
    assert isinstance(forecast, Forecast)
    return outcome.sequences > _PASSES * series.episodes("training") and not forecast.cause


def _of_outcome(outcome: Outcome, solve_at: float) -> tuple[Diagnosis, ...]:
    if outcome.skill >= solve_at and outcome.ended != "diverged":
        return ()
    reasons = [
        *_unreachable(outcome, solve_at),
        *_unstable(outcome),
        *_does_not_generalise(outcome, solve_at),
        *_overfit(outcome),
    ]
    if outcome.ended == "stopped":
        evidence = f"training ended at update {outcome.updates}, at the accuracy that was to end it"
        return (*reasons, Diagnosis("stopped", f"{evidence}; skill {outcome.skill:.3f}"))
    reasons += [*_at_chance(outcome), *_undertrained(outcome)]
    if reasons:
        return tuple(reasons)
    if len(losses := _even_losses(outcome)) < _FEWEST_POINTS:
        evidence = f"skill {outcome.skill:.3f}; {_updates(outcome)} too few to tell"
        return (Diagnosis("unclear", f"{evidence} whether the loss still falls"),)
    evidence = f"skill {outcome.skill:.3f}, the loss no longer falls beyond its noise"
    return (Diagnosis("stuck", f"{evidence} (loss {losses[-1]:.3g} at the end)"),)


def _updates(outcome: Outcome) -> str:
    return "1 update is" if outcome.updates == 1 else f"{outcome.updates} updates are"


@_FAR
def falls_short(outcome: Outcome, solve_at: float = SOLVED) -> bool:
    """Whether longer training might solve it: the loss did not diverge and fell to the end.

    It uses only the audit and the training curve, so that a study may choose with it.
    """
    return bool(
        not _unreachable(outcome, solve_at) and not _unstable(outcome) and _undertrained(outcome)
    )


def _unreachable(outcome: Outcome, solve_at: float) -> list[Diagnosis]:
    best = outcome.within(outcome.reachable)
    if best >= solve_at or outcome.reachable >= outcome.bounds.ceiling:
        return []
    evidence = f"{MEANING['unreachable']}; best possible score {outcome.reachable:.3g}"
    return [Diagnosis("unreachable", f"{evidence}, a skill of {round(best, 3) + 0.0:g}")]


def _unstable(outcome: Outcome) -> list[Diagnosis]:
    if outcome.ended == "diverged":
        return [Diagnosis("unstable", f"the loss diverged at update {outcome.diverged_at}")]
    updates, losses = np.array(outcome.curve.updates), np.array(outcome.curve.loss)
    if len(losses) < 4:
        return []
    lowest = np.minimum.accumulate(losses)
    spikes = losses > _spike(updates, losses, lowest, outcome.noise) * lowest
    spikes &= losses - lowest > losses[0] / 10
    if not spikes.any():
        return _lost(outcome, updates, losses, lowest)
    at = int(np.argmax(np.where(spikes, losses, -np.inf)))
    return [
        Diagnosis(
            "unstable",
            f"the loss rose from {lowest[at]:.3g} to {losses[at]:.3g} by update "
            f"{updates[at]}; {spikes.sum()} of {len(losses)} points of the curve are spikes",
        )
    ]


def _lost(
    outcome: Outcome, updates: np.ndarray, losses: np.ndarray, lowest: np.ndarray
) -> list[Diagnosis]:
    """Training had solved it, and its last point is a multiple of the lowest loss."""
    skills = np.array([outcome.within(share) for share in outcome.curve.accuracy])
    solved = (skills >= SOLVED) & (updates > FIRST[-1])
    spike = _spike(updates, losses, lowest, outcome.noise)[-1]
    if solved.sum() < 3 or losses[-1] <= spike * lowest[-1] or skills[-1] >= skills[:-1].max():
        return []
    by = f"{updates[np.argmax(solved)]}, and the loss rose from {lowest[-1]:.3g}"
    evidence = f"it was solved in training by update {by} to {losses[-1]:.3g} at the end"
    return [Diagnosis("unstable", evidence)]


def _spike(updates: np.ndarray, losses: np.ndarray, lowest: np.ndarray, noise: float) -> np.ndarray:
    """The multiple of the lowest loss so far that counts as a spike, at each point.

    A mean over few updates is noisy: a spike must be far beyond the noise.
    """
    sizes = np.diff(updates, prepend=0)
    lowest_at = np.maximum.accumulate(np.where(losses <= lowest, np.arange(len(losses)), 0))
    error = 4.5 * noise * np.sqrt(1 / sizes + 1 / sizes[lowest_at])
    return np.exp(np.clip(error, np.log(_SPIKE), 50))


def _even_losses(outcome: Outcome) -> np.ndarray:
    """The losses of the points of the curve that are means over equally many updates."""
    return np.array(outcome.curve.loss)[np.array(outcome.curve.updates) > FIRST[-1]]


def _does_not_generalise(outcome: Outcome, solve_at: float) -> list[Diagnosis]:
    """The main test differs from the training problem, which is solved."""
    if outcome.score().in_distribution or outcome.validation is None:
        return []
    if outcome.validation_skill < solve_at:
        return []
    evidence = f"skill {outcome.validation_skill:.3f} on the problem trained on"
    return [Diagnosis("does not generalise", f"{evidence}, {outcome.skill:.3f} on the main test")]


def _overfit(outcome: Outcome) -> list[Diagnosis]:
    # Accuracy on another problem cannot be compared with training accuracy.
    if outcome.fresh or not outcome.curve.accuracy or not outcome.score().in_distribution:
        return []
    # The end of training, with as many sequences as an evaluation.
    sequences = np.diff(outcome.curve.updates, prepend=0) * (outcome.sequences / outcome.updates)
    last = np.cumsum(sequences[::-1])[::-1] - sequences < _SEQUENCES
    count = sequences[last].sum()
    training = float((np.array(outcome.curve.accuracy)[last] * sequences[last]).sum() / count)
    test, fresh = outcome.accuracy, outcome.tally.sequences
    error = np.sqrt(training * (1 - training) / count + test * (1 - test) / fresh)
    if training - test < max(_OVERFIT_MARGIN, _OVERFIT_ERRORS * float(error)):
        return []
    if outcome.teacher_forcing:
        found = f"{training:.3f} after the right values, in training, {test:.3f} after its own"
        return [Diagnosis("exposure bias", f"{outcome.measure} {found}")]
    evidence = f"{outcome.measure} {training:.3f} in training, {test:.3f} in evaluation"
    return [Diagnosis("overfit", evidence)]


def _at_chance(outcome: Outcome) -> list[Diagnosis]:
    side = side_of_chance([outcome])
    if side == "above":
        return []
    evidence = f"{outcome.measure} {outcome.accuracy:.3f}, chance {outcome.chance:.3g}"
    if side == "below":
        return [Diagnosis("below chance", evidence)]
    return [Diagnosis("at chance", f"{evidence}, p = {outcome.chance_probability:.2f}")]


def _undertrained(outcome: Outcome) -> list[Diagnosis]:
    if outcome.ended == "diverged":
        return []
    losses = _even_losses(outcome)
    if len(losses) < _FEWEST_POINTS:
        return []
    quarter = len(losses) // 4
    before, after = losses[-2 * quarter : -quarter], losses[-quarter:]
    fall = 1 - after.mean() / before.mean()
    if fall < _FALL_SHARE or statistics.larger_probability(before, after) > _FALL_LEVEL:
        return []
    evidence = f"the loss fell by {fall:.0%} over the last quarter, to {after.mean():.3g}"
    return [Diagnosis("undertrained", evidence)]
