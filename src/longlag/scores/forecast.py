"""Forecasts: errors on a real series, compared with baselines."""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from longlag.answers.blocks import Table, number_cell, table
from longlag.answers.estimate import Estimate
from longlag.answers.format import counted
from longlag.arrays import RESOLUTION
from longlag.problems import Part, Series
from longlag.problems.rows import forward_fill
from longlag.problems.scaling import EQUAL, root_mean_square
from longlag.scores import statistics

if TYPE_CHECKING:
    from longlag.scores.evaluation import Evaluation


Verdict = Literal["better", "worse", "not told apart"]

FEW = 30
"""Number of targets below which an interval is not reliable."""


def too_few(targets: int) -> str:
    """That so many targets are few; empty if they are enough.

    >>> too_few(1), too_few(FEW)
    ('1 target is few', '')
    """
    return f"{targets} target{' is' if targets == 1 else 's are'} few" if targets < FEW else ""


class Baseline(NamedTuple):
    """The error of another predictor, in the unit of the target, and its share within tolerance."""

    error: float
    within: float


@dataclasses.dataclass(frozen=True, eq=False)
class Forecast:
    """Predictions of a series and naive baselines, on rows that are not for training.

    Attributes:
        target: Name of the target column.
        horizon: Rows that the predictions look ahead.
        error: Root mean square error in the unit of the target, over seeds.
        baselines: The naive predictors on the same targets, by name; with `fitted_baselines` of
            the series AutoETS and AutoARIMA too.
        against: The baseline with the least error on the validation rows.
        ratio: Error of the predictor divided by that of this baseline, with an interval that covers
            the spread between seeds and the noise in time (`statistics.error_ratio`).
        rows: The row of each target.
        expected: The targets, in the unit of the column.
        predicted: The predictions of each seed, in the unit of the column.
        cause: Why the predictions cannot be good, where they show it; else empty.
    """

    target: str
    horizon: int
    error: Estimate
    baselines: Mapping[str, Baseline]
    against: str
    ratio: Estimate
    rows: Int[np.ndarray, " target"]
    expected: Float[np.ndarray, " target"]
    predicted: Float[np.ndarray, "seed target"]
    cause: str = ""

    @property
    def verdict(self) -> Verdict:
        """Whether the whole interval of the ratio lies below 1, above it, or neither."""
        low, high = self.ratio.interval
        return "better" if high < 1 else "worse" if low > 1 else "not told apart"

    @property
    def reason(self) -> str:
        """The verdict in a sentence with its figures."""
        few = f"; {words}" if (words := too_few(len(self.rows))) else ""
        few = few or ("; too few to tell" if self.ratio.interval == (0, np.inf) else "")
        caveat = f"; {self.ratio.caveat}" if self.ratio.caveat else ""
        cause = f"; {self.cause}" if self.cause and self.verdict != "better" else ""
        return (
            f"error {self.error.mean:.4g}, {self.ratio.mean:.3f} "
            f"[{self.ratio.interval[0]:.3f}, {self.ratio.interval[1]:.3f}] of that of "
            f"{self.against}, {self.baselines[self.against].error:.4g}{cause}{caveat}{few}"
        )

    def table(self, predictor: str, within: Estimate) -> Table:
        """The errors of the predictor and of the baselines.

        Args:
            predictor: The label of the predictor.
            within: Its share within tolerance.
        """
        return errors_table(self.baselines, (predictor, self.error, within))

    def document(self) -> dict[str, Any]:
        """The errors as plain values and estimates, in the unit of the target."""
        errors = {name: each.error for name, each in self.baselines.items()}
        own = {"error": self.error, "against": self.against, "ratio": self.ratio}
        return {"target": self.target, "horizon": self.horizon, "baselines": errors, **own}

    def as_rows(self, series: Series, predictor: str, within: Estimate) -> list[dict[str, Any]]:
        """A row for each baseline and for the predictor, in the unit of the target.

        Args:
            series: The series.
            predictor: The label of the predictor.
            within: Its share within tolerance.
        """
        errors = [(name, each.error, each.within) for name, each in self.baselines.items()]
        rows = [
            {
                "problem": series.words,
                "model": name,
                "error": error,
                "within": share,
                "problem_version": series.version,
            }
            for name, error, share in [*errors, (predictor, self.error, within)]
        ]
        rows[-1]["ratio"] = self.ratio
        return rows


def errors_table(
    baselines: Mapping[str, Baseline],
    own: tuple[object, Estimate, Estimate] | None,
    within: str = "within tolerance",
) -> Table:
    """The errors of baselines, and of a predictor: its name, its error and its share within."""
    rows: list[tuple[object, ...]] = [
        (name, number_cell(f"{each.error:.4g}"), "", number_cell(f"{each.within:.3f}"))
        for name, each in baselines.items()
    ]
    if own is not None:
        name, error, share = own
        low, high = error.interval
        between = f"{low:.4g} to {high:.4g}, {counted(len(error.per_seed), 'seed')}"
        between = error.left_out or (between if math.isfinite(high - low) else "")
        figures = number_cell(f"{error.mean:.4g}"), between, number_cell(f"{share.mean:.3f}")
        rows.append((name, *figures))
    return table("", ("predictor", "error", "interval", within), rows)


def forecast(
    series: Series, scored: Bool[np.ndarray, " step"], evaluations: Sequence[Evaluation]
) -> Forecast:
    """The forecast of a series from evaluations of it.

    Args:
        series: The series.
        scored: The scored steps of an episode.
        evaluations: The evaluation of each seed on the test rows.
    """
    where = evaluations[0].scored
    rows = series.target_rows("evaluation", scored)[where]
    order = np.argsort(rows)
    expected = evaluations[0].targets[where][order]
    predicted = np.stack([each.predicted[each.scored][order] for each in evaluations])
    against = best_baseline(series, scored)
    baseline = _predictions(series, scored, "evaluation")[against][where][order]
    # In single precision, as the predictions are: who repeats a baseline is as good as it.
    baseline = series.scaled(baseline).astype(np.float32)
    squares, naive = ((each - expected).astype(np.float64) ** 2 for each in (predicted, baseline))
    errors = np.sqrt(squares.mean(axis=1)) * series.unit
    return Forecast(
        target=str(series.target),
        horizon=series.horizon,
        error=statistics.over_seeds(errors.tolist(), least=0.0),
        baselines=baselines(series, scored, "evaluation"),
        against=against,
        # Errors are correlated over a horizon and over a season, at least.
        ratio=statistics.error_ratio(squares, naive, max(series.horizon, series.period or 1)),
        rows=rows[order],
        expected=series.column[rows[order]],
        predicted=series.in_unit(predicted),
        cause=_cause(series, predicted, expected),
    )


_BOUNDED = {
    "between 0 and 1, as those of a sigmoid": (0.0, 1.0),
    "between -1 and 1, as those of a tanh": (-1.0, 1.0),
    "at 0 or above, as those of a ReLU": (0.0, math.inf),
}


def _cause(
    series: Series,
    predicted: Float[np.ndarray, "seed target"],
    expected: Float[np.ndarray, " target"],
) -> str:
    """Why scaled predictions cannot be good: a bounded activation, or targets out of range."""
    for words, (low, high) in _BOUNDED.items():
        inside = low <= predicted.min() and predicted.max() <= high
        # Predictions close to a bound are saturated.
        near = 0.02 * (high - low if math.isfinite(high) else 1.0)
        saturated = np.mean(np.minimum(predicted - low, high - predicted) < near)
        outside = np.mean((expected < low) | (expected > high))
        if inside and saturated > 0.05 and outside > 0.1:
            return (
                f"its outputs all lie {words}, but {outside:.0%} of the scaled targets do not: "
                "leave that activation out, or scale to the range of the rows that train"
            )
    training, targets = series.column[: series.span("training").end], series.in_unit(expected)
    beyond = np.mean((targets < np.nanmin(training)) | (targets > np.nanmax(training)))
    if beyond > 0.2:
        return f"{beyond:.0%} of the targets lie beyond all values of the rows that train"
    return ""


def best_baseline(series: Series, scored: Bool[np.ndarray, " step"]) -> str:
    """The name of the baseline with the least error on the validation rows."""
    errors = baselines(series, scored, "validation")
    return min(errors, key=lambda name: errors[name].error)


def baselines(series: Series, scored: Bool[np.ndarray, " step"], part: Part) -> dict[str, Baseline]:
    """Error and share within tolerance of each baseline on a part, by name."""
    where = series.held_out(part, scored).scored
    targets = series.column[series.target_rows(part, scored)[where]]
    return {
        name: Baseline(
            root_mean_square(values[where] - targets),
            float(series.is_near(values[where], targets).mean()),
        )
        for name, values in _predictions(series, scored, part).items()
    }


def count_targets(series: Series, scored: Bool[np.ndarray, " step"], part: Part) -> int:
    """The number of targets that the errors of a part are of: those that are not missing."""
    return int(series.held_out(part, scored).scored.sum())


def check_precision(series: Series, scored: Bool[np.ndarray, " step"]) -> None:
    """Raise if single precision, that of a model, cannot tell the rows that are scored apart.

    Raises:
        ValueError: It cannot.
    """
    if fault := too_close(series, scored):
        raise ValueError(f"Series: {fault}")


def too_close(series: Series, scored: Bool[np.ndarray, " step"]) -> str:
    """Why a model cannot tell the rows that are scored apart, with a remedy; empty if it can."""
    rows = series.target_rows("evaluation", scored)
    where = series.held_out("evaluation", scored).scored
    targets = series.column[rows[where]]
    last = series.baselines("evaluation", scored)["last value"][where]
    change, size = root_mean_square(last - targets), np.abs(targets).max()
    steps = RESOLUTION * series.unit * np.abs(series.scaled(targets)).max()
    # Those that are equal but for rounding need not be told apart.
    if not EQUAL * size < change <= steps:
        return ""
    remedy = "use scale='standard'" if series.scale == "none" else "leave out earlier rows"
    return (
        f"the scored rows of {series.target} change by {change:.3g}, too little for the single "
        f"precision of a model, of {steps:.3g} there. Use the changes from row to row as the "
        f"column, or {remedy}."
    )


def _predictions(series: Series, scored: Bool[np.ndarray, " step"], part: Part) -> dict[str, Any]:
    """What each baseline says about `Series.held_out`, in the unit of the column, by name."""
    naive = series.baselines(part, scored)
    if not series.fitted_baselines:
        return naive
    rows = series.target_rows(part, scored)
    every = _fitted(series.for_part("evaluation")).items()
    return naive | {name: values[rows] for name, values in every}


@functools.lru_cache(maxsize=4)
def _fitted(series: Series) -> dict[str, Float[np.ndarray, " row"]]:
    """What the fitted baselines say about the rows that do not train, by name."""
    from longlag.adapters import statsforecast

    trains = series.span("training").end
    # In the unit of the deviation, but not centred: values that are all positive stay so.
    values = series.column / series.unit
    values = forward_fill(values, float(np.nanmean(values[:trains])))
    found = statsforecast.rolling(values, trains, series.period or 1, series.horizon)
    return {name: each * series.unit for name, each in found.items()}
