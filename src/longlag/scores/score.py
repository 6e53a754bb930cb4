"""Scores: predictions on fresh sequences, compared with chance, ceiling and shortcuts."""

from __future__ import annotations

import dataclasses
import inspect
import math
from collections.abc import Callable, Collection, Iterable
from typing import Any, ClassVar, SupportsIndex, cast

import numpy as np
from jaxtyping import Bool

from longlag.arrays import unmasked
from longlag.audit_answer import Audit
from longlag.encodings import Encoding, IntegerEncoding, encodings
from longlag.framings import Framing, Layout, Samples
from longlag.knobs import BATCH_SIZE, named_arguments, require
from longlag.problems import Channels, Problem, Series, Spec
from longlag.problems.shares import check_shares
from longlag.scores.evaluation import (
    EVALUATION_SEQUENCES,
    Evaluation,
    evaluate,
    seed_list,
    single_size,
)
from longlag.scores.forecast import best_baseline, check_precision
from longlag.scores.scored import Scored


@dataclasses.dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Score(Scored):
    """The score of a predictor, which may be any function from samples to values.

    Attributes:
        problem: The problem.
        framing: The framing of the samples.
        scored: The scored steps of an episode, `(step,)`.
        seeds: The seeds, in the order of the evaluations.
        evaluations: The predictions on the fresh sequences of each seed.
        diverged: For a trained predictor, the update at which each seed diverged, if it did.
        audit: For a trained predictor, the audit of what it sees.
    """

    problem: Problem
    framing: Framing
    scored: Bool[np.ndarray, " step"]
    seeds: tuple[int, ...]
    evaluations: tuple[Evaluation, ...]
    diverged: tuple[int | None, ...] = ()
    audit: Audit | None = None

    figures: ClassVar = ("steps",)

    @property
    def subject(self) -> str:
        return f"A predictor on {self.problem.words}, {self.framing.words}"

    @property
    def reachable(self) -> float:
        return super().reachable if self.audit is None else self.audit.ceiling

    @property
    def best(self) -> str:
        return super().best if self.audit is None else self.audit.best

    @property
    def diverged_at(self) -> tuple[int | None, ...]:
        return self.diverged or super().diverged_at


def scored_steps(problem: Problem, framing: Framing, layout: Layout) -> np.ndarray:
    """The steps of an episode that a framing scores, as flags `(step,)`.

    Raises:
        ValueError: Chance is at the ceiling there, or almost; one of them is no share from 0 to 1;
            or there is no target.
    """
    scored = np.isin(np.arange(problem.steps), layout.scored_steps)
    if problem.held_out("evaluation", scored) is not None:
        problem.held_out("validation", scored)  # raises if there is no target
        if problem.forecasts:
            best_baseline(cast("Series", problem), scored)  # raises if one cannot be fitted
            check_precision(cast("Series", problem), scored)
        return scored  # the accuracy of a constant on these rows does not hold for others
    check_shares(problem, scored)
    ahead = problem.ceiling(scored) - problem.chance(scored)
    if problem.sequences is None and 1e-9 < ahead < 1 / EVALUATION_SEQUENCES:
        raise ValueError(
            f"{type(framing).__name__}: chance is within {ahead:.1g} of the ceiling for "
            f"{problem!r}, more closely than {EVALUATION_SEQUENCES:,} fresh sequences can tell. "
            "Use a problem that is harder to guess."
        )
    if problem.chance(scored) > 1 - 1e-9:
        wide = getattr(problem, "tolerance", None) is not None
        harder = "a smaller tolerance" if wide else "a harder problem"
        more = "" if scored.all() else "a framing that scores more steps, or "
        raise ValueError(
            f"{type(framing).__name__}: nothing is to be learned of {problem!r} under "
            f"{framing!r}: a constant is right wherever it is scored. Use {more}{harder}."
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
    try:
        parameters: Collection[str] = inspect.signature(predict).parameters
    except ValueError:  # of some functions of Python itself
        parameters = ()
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
    if hasattr(outputs, "block_until_ready"):  # of JAX: raises where there was no memory for it
        outputs.block_until_ready()
    array = unmasked("score: `predict` returned", outputs)
    width, kind = target_encoding.features, array.dtype.kind
    if array.size == math.prod(shape) and (kind in "iu" or isinstance(spec, Channels)):
        return _as_values(array.reshape(shape), spec)
    rows = shape[: len(shape) - len(spec.shape)]
    if array.shape[:1] != shape[:1] or array.size != math.prod(rows) * width or kind not in "biuf":
        raise ValueError(
            f"score: `predict` must give values {shape} or outputs {(*rows, width)}, got "
            f"{array.dtype} {array.shape}."
        )
    if not np.isfinite(array).all():
        row = int(np.argwhere(~np.isfinite(array))[0, 0])
        raise ValueError(f"score: `predict` returned a value that is not finite in row {row}.")
    return target_encoding.decode(array.reshape(*rows, width).astype(np.float32))


def _as_values(array: np.ndarray, spec: Spec) -> np.ndarray:
    """Values in the type of the targets, which are the same there.

    Raises:
        ValueError: A value is no number, or is cut to another in the integers of the targets.
    """
    whole = np.issubdtype(spec.dtype, np.integer)
    with np.errstate(invalid="ignore", over="ignore"):
        values = array.astype(spec.dtype)
    if len(wrong := array[array != values] if whole else array[~np.isfinite(array)]):
        rule = f"integers that {spec.dtype} holds" if whole else "numbers that are finite"
        raise ValueError(f"score: `predict` must give {rule}, got {wrong[0]}.")
    return values
