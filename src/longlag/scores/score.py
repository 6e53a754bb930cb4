"""Scores: predictions on fresh sequences, compared with chance, ceiling and shortcuts."""

from __future__ import annotations

import abc
import dataclasses
import functools
import inspect
import math
from collections.abc import Callable, Iterable
from typing import Any, SupportsIndex, cast

import numpy as np
from jaxtyping import Bool

from longlag.encodings import Encoding, IntegerEncoding, encodings
from longlag.framings import Framing, Layout, Samples
from longlag.knobs import BATCH_SIZE, named_arguments, require
from longlag.problems import Channels, Problem, Series, Spec
from longlag.scores import statistics
from longlag.scores.evaluation import (
    EVALUATION_SEQUENCES,
    Evaluation,
    evaluate,
    guesses_of,
    seed_list,
    single_size,
)
from longlag.scores.forecast import Forecast, best_baseline, forecast
from longlag.scores.shortcuts import shortcuts
from longlag.scores.statistics import SOLVED, Estimate


class Scored(abc.ABC):
    """The scores of predictions on fresh sequences, per seed.

    Attributes:
        problem: The problem.
        scored: The scored steps of an episode.
        seeds: The seeds, in the order of the evaluations.
        evaluations: The predictions on the fresh sequences of each seed.
    """

    problem: Problem
    scored: Bool[np.ndarray, " step"]
    seeds: tuple[int, ...]
    evaluations: tuple[Evaluation, ...]

    @property
    def diverged_at(self) -> tuple[int | None, ...]:
        """The update at which each seed diverged, None for a seed that did not."""
        return (None,) * len(self.seeds)

    @functools.cached_property
    def accuracy(self) -> Estimate:
        """Accuracy on fresh sequences: mean over seeds, interval, each seed."""
        return self._share([evaluation.accuracy for evaluation in self.evaluations])

    @functools.cached_property
    def sequence_accuracy(self) -> Estimate:
        """Share of fresh sequences with every scored step correct."""
        return self._share([evaluation.sequence_accuracy for evaluation in self.evaluations])

    def _share(self, shares: list[float]) -> Estimate:
        # An exhaustive evaluation has no sampling noise.
        count = None if self.problem.exhaustive else len(self.evaluations[0].inputs)
        return statistics.accuracy(shares, count)

    @functools.cached_property
    def error(self) -> Estimate | None:
        """For real targets: the root mean square error, over seeds; else None."""
        if not self.problem.targets.has_error:
            return None
        return statistics.over_seeds([each.error for each in self.evaluations], least=0.0)

    @functools.cached_property
    def chance(self) -> float:
        """Accuracy of the best prediction that ignores the inputs: one constant per step."""
        return self.problem.chance(self.scored)

    @functools.cached_property
    def chance_error(self) -> float | None:
        """For real targets: the error of the best prediction that ignores the inputs."""
        if self.error is None:
            return None
        return self.problem.chance_error(self.scored)

    @property
    def ceiling(self) -> float:
        """Best accuracy that any predictor can reach."""
        return self.problem.ceiling(self.scored)

    @functools.cached_property
    def shortcuts(self) -> dict[str, float]:
        """Accuracy of the shortcuts on the same fresh sequences (`longlag.scores.shortcuts`).

        For a series: of the naive baselines.
        """
        if self.forecast is not None:
            return {name: each.within for name, each in self.forecast.baselines.items()}
        return shortcuts(self.problem, Evaluation.join(self.evaluations))

    @functools.cached_property
    def forecast(self) -> Forecast | None:
        """For a series: errors compared with the naive baselines; else None."""
        if not self.problem.forecasts:
            return None
        return forecast(cast("Series", self.problem), self.scored, self.evaluations)

    @property
    def skill(self) -> tuple[float, ...]:
        """(accuracy - chance) / (ceiling - chance) of each seed."""
        # On a series a constant may be always right: chance is then the ceiling.
        span = self.ceiling - self.chance or np.inf
        return tuple((share - self.chance) / span for share in self.accuracy.per_seed)

    @property
    def solved(self) -> tuple[bool, ...]:
        """Whether each seed reached a skill of 0.99."""
        return tuple(skill >= SOLVED for skill in self.skill)

    @functools.cached_property
    def guesses(self) -> tuple[float, float]:
        """Correct predictions and independent trials, over all seeds (`guesses_of`)."""
        return guesses_of([each.tally for each in self.evaluations], self.problem.independent)

    @property
    def chance_probability(self) -> float:
        """Probability of at least this accuracy by guessing (exact binomial test)."""
        return statistics.chance_probability(*self.guesses, self.chance)

    @property
    def verdict(self) -> str:
        """The first that applies.

        `diverged`; for a series, the verdict of its forecast (`longlag.scores.forecast`); `below
        chance` or `at chance` (`longlag.scores.statistics.side_of_chance`); `solved`, else
        `partly learned`.
        """
        if any(at is not None for at in self.diverged_at):
            return "diverged"
        if self.forecast is not None:
            return self.forecast.verdict
        side = statistics.side_of_chance(*self.guesses, self.chance, self.accuracy.per_seed)
        if side != "above":
            return f"{side} chance"
        return "solved" if all(self.solved) else "partly learned"

    @property
    def reason(self) -> str:
        """The verdict in a sentence with its figures."""
        if self.forecast is not None and self.verdict != "diverged":
            return self.forecast.reason
        solved, count = sum(self.solved), len(self.seeds)
        name = "accuracy" if self.error is None else "within tolerance"
        figures = f"{name} {self.accuracy.mean:.3f}, chance {self.chance:.3g}"
        match self.verdict:
            case "solved":
                return f"skill of {SOLVED:.0%} or more for {solved} of {count} seeds; {figures}"
            case "diverged":
                at = [
                    f"seed {seed} at update {update}"
                    for seed, update in zip(self.seeds, self.diverged_at, strict=True)
                    if update is not None
                ]
                return f"the loss exploded: {' and '.join(at)}; {figures}"
            case "below chance":
                return f"a constant for each step does better; {figures}"
            case "at chance" if self.chance_probability <= 1 - statistics.CONFIDENCE:
                return f"no input in sight tells more than guessing; {figures}"
            case "at chance":
                return (
                    f"not distinguishable from chance ({self.chance:.3g}): "
                    f"p = {self.chance_probability:.2f}"
                )
            case _:
                return f"better than guessing, {solved} of {count} seeds solved it; {figures}"

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.verdict}: {self.reason})"


@dataclasses.dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Score(Scored):
    """The score of a predictor, which may be any function from samples to values.

    Attributes:
        diverged: For a trained predictor, the update at which each seed diverged, if it did.
    """

    problem: Problem
    framing: Framing
    scored: Bool[np.ndarray, " step"]
    seeds: tuple[int, ...]
    evaluations: tuple[Evaluation, ...]
    diverged: tuple[int | None, ...] = ()

    @property
    def diverged_at(self) -> tuple[int | None, ...]:
        return self.diverged or super().diverged_at


def scored_steps(problem: Problem, framing: Framing, layout: Layout) -> np.ndarray:
    """The steps of an episode that a framing scores, as flags `(step,)`.

    Raises:
        ValueError: Chance is at the ceiling there, or almost; or there is no target.
    """
    scored = np.isin(np.arange(problem.steps), layout.scored_steps)
    if problem.held_out("evaluation", scored) is not None:
        problem.held_out("validation", scored)  # raises if there is no target
        if problem.forecasts:
            best_baseline(cast("Series", problem), scored)  # raises if one cannot be fitted
        return scored  # the accuracy of a constant on these rows does not hold for others
    ahead = problem.ceiling(scored) - problem.chance(scored)
    if problem.sequences is None and 1e-9 < ahead < 1 / EVALUATION_SEQUENCES:
        raise ValueError(
            f"{type(framing).__name__}: chance is within {ahead:.1g} of the ceiling for "
            f"{problem!r}, more closely than {EVALUATION_SEQUENCES:,} fresh sequences can tell. "
            "Use a problem that is harder to guess."
        )
    if problem.chance(scored) > 1 - 1e-9:
        raise ValueError(
            f"{type(framing).__name__}: nothing is to be learned of {problem!r} under "
            f"{framing!r}: a constant is right wherever it is scored. Use a framing that scores "
            "more steps, or a harder problem."
        )
    return scored


@named_arguments
def score(
    problem: Problem,
    framing: Framing,
    predict: Callable[..., Any],
    *,
    features: bool = False,
    encoding: type[IntegerEncoding] | None = None,
    batch_size: int = BATCH_SIZE,
    seeds: SupportsIndex | Iterable[int] = 1,
) -> Score:
    """Score any function from inputs to outputs on fresh sequences, beside chance and ceiling.

    Args:
        problem: The problem.
        framing: How its episodes become samples.
        predict: A function from the inputs of some samples, values `(row, time)` or features `(row,
            time, feature)`, to integers `(row, target)` or outputs `(row, target, output)`. The
            axis `target` is that of the targets of `framing.stream`; it may be absent where it is
            1. NumPy arrays or tensors. If it has parameters of these names it gets the `mask`
            `(row, time)`, and, where state is carried from call to call, `reset`: whether the
            rows start from zero state.
        features: Whether `predict` gets features rather than values.
        encoding: `OneHot` or `Scaled`, for integers; one-hot by default.
        batch_size: Rows of a batch in training; it matters where state is carried between
            consecutive rows.
        seeds: A number of seeds, counted from 0, or the seeds themselves: each scores the function
            on its own fresh sequences.

    Returns:
        The score: accuracy with its interval, chance, ceiling, verdict, shortcuts.

    Raises:
        ValueError: The outputs have a wrong shape or are not finite, or the framing does not fit.

    >>> from longlag import EchoLag, Window
    >>> echo = score(EchoLag(lag=1, values=4), Window(timesteps=2), lambda inputs: inputs[:, -2])
    >>> echo.verdict, echo.accuracy.mean, echo.chance
    ('solved', 1.0, 0.25)
    """
    kind: Any = Callable  # which is no type to a type checker
    require("score", "problem", problem, Problem, "a problem, such as EchoLag()")
    require("score", "framing", framing, Framing, "a framing, such as Whole()")
    require("score", "predict", predict, kind, "a function from inputs to outputs")
    layout = framing.layout(problem, batch_size)
    single = framing.layout(problem, single_size(framing, batch_size))
    scored = scored_steps(problem, framing, layout)
    input_encoding, target_encoding = encodings(problem, encoding)
    parameters = inspect.signature(predict).parameters
    if layout.carry and "reset" not in parameters:
        raise ValueError(
            f"score: {framing!r} carries state from call to call, so `predict` must take `reset`, "
            "which says when the rows start anew."
        )

    def values(samples: Samples, reset: np.ndarray | None) -> np.ndarray:
        batches = input_encoding.encode(samples.inputs) if features else samples.inputs
        predicted = []
        for update, inputs in enumerate(batches):
            options = {"mask": samples.mask[update], "reset": reset is None or bool(reset[update])}
            accepted = {name: each for name, each in options.items() if name in parameters}
            outputs = predict(inputs, **accepted)
            shape = samples.targets[update].shape
            predicted.append(_values(outputs, shape, target_encoding, problem.targets))
        return np.stack(predicted)

    seed_values = seed_list(seeds)
    return Score(
        problem=problem,
        framing=framing,
        scored=scored,
        seeds=seed_values,
        evaluations=tuple(
            evaluate(problem, layout, single, "evaluation", seed, values) for seed in seed_values
        ),
    )


def _values(
    outputs: Any, shape: tuple[int, ...], target_encoding: Encoding, spec: Spec
) -> np.ndarray:
    """The values that outputs predict, `(row, target, *shape)`."""
    if hasattr(outputs, "detach"):  # a tensor
        outputs = outputs.detach().cpu().numpy()
    array, width = np.asarray(outputs), target_encoding.features
    integers = np.issubdtype(array.dtype, np.integer)
    if array.size == math.prod(shape) and (integers or isinstance(spec, Channels)):
        return array.reshape(shape).astype(spec.dtype)
    rows = shape[: len(shape) - len(spec.shape)]
    if array.shape[:1] != shape[:1] or array.size != math.prod(rows) * width:
        raise ValueError(
            f"score: `predict` must give values {shape} or outputs {(*rows, width)}, got "
            f"{array.dtype} {array.shape}."
        )
    if not np.isfinite(array).all():
        row = int(np.argwhere(~np.isfinite(array))[0, 0])
        raise ValueError(f"score: `predict` returned a value that is not finite in row {row}.")
    return target_encoding.decode(array.reshape(*rows, width).astype(np.float32))
