"""Real series: one column of numbers or several, split by time."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import math
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from longlag.arrays import RESOLUTION_DOUBLE, near
from longlag.knobs import knob, unknown_name
from longlag.problems._base import Episodes, Ladder, Part, Problem, Steps, Values
from longlag.problems.rows import (
    PARTS,
    Span,
    any_from,
    check_changes,
    check_shares,
    column_names,
    columns_of,
    covering_starts,
    first_targets,
    forward_fill,
    numbers,
    rows_to_predict,
    spans,
    to_inputs,
    with_lags,
)
from longlag.problems.scaling import LARGEST_SCALED, Scale, check_scale, check_sizes, typical_change
from longlag.problems.seasons import check_season, check_seasons, season
from longlag.problems.specs import Reals
from longlag.problems.too_few import no_target_message, too_few_message


@dataclasses.dataclass(frozen=True, kw_only=True)
class Series(Problem):
    """What will a column be `horizon` rows later, given the rows so far?

    An episode is `length` consecutive rows, in order of time. The first rows are for training, the
    next ones for validation, the last ones for the test. A step belongs to the part of its target
    row, so that parts share no target, and training targets are earlier than test targets. Inputs
    may be rows of an earlier part. Scaling is fitted on the training rows.

    Args:
        values: Numbers `(row,)` or `(row, column)`, in order of time; NaN where one is missing.
            Also a Series or DataFrame of pandas or polars, with its names.
        names: Names of the columns; by default 1, 2, ….
        target: Name of the target column, the first by default; all columns are inputs.
        length: Rows in an episode: as many as a window has timesteps.
        horizon: Rows to look ahead, at least 1.
        lags: Latest rows in the features of each step: 1 is one row per step.
        scale: `standard`: mean 0, deviation 1 over the training rows; `range`: from 0 to 1 over
            them; `none`: unscaled.
        missing: The treatment of missing inputs. `drop` drops episodes with one; `mark` replaces
            them by 0 and adds a feature for each, 1 where the value is missing; `mask` skips the
            steps with one. Missing targets are never scored.
        season: Rows after which the series repeats, for the seasonal baseline, at most the number
            of training rows; detected in the training rows by default.
        seasons: Rows in a day, a week, a year, from the times of the rows: each has its own
            baseline, and is preferred in the detection of a season.
        fitted_baselines: Whether AutoETS and AutoARIMA are baselines too, fitted on the training
            rows (`pip install 'longlag[baselines]'`). A file of a trained model has it off.
        tolerance: Distance, in the column's own unit, within which a prediction is right; by
            default the root mean square error of the last value as prediction.
        chosen_on, scored_on: Share of validation rows, and of test rows.
        part: The part of the episodes of `draw`.
        path: The file of the values, from which a stored trial reads them again.

    Shapes: inputs `(count, length)`, or `(count, length, feature)` with several features: those
        of the latest row last. Targets `(count, length)`.

    Scores: error (root mean square) and share within tolerance, over every target of a part once.
        Chance is that of the mean of the training rows. The ceiling is unknown.

    Raises:
        TypeError: Values are not numbers.
        ValueError: Too few rows, a column that is missing or constant, or too large a value.

    >>> import numpy as np
    >>> series = Series(np.arange(100.0), length=3, scale="none")
    >>> inputs, targets, _ = series.draw(np.random.default_rng(0), 1)
    >>> (targets[0] - inputs[0]).tolist()
    [1.0, 1.0, 1.0]
    """

    source: ClassVar[str] = "your own"
    forecasts: ClassVar[bool] = True
    ladder: ClassVar[Ladder] = Ladder("horizon", (1, 2, 4, 8, 16, 32))

    values: Any = dataclasses.field(kw_only=False, repr=False, compare=False)
    names: tuple[str, ...] = ()
    target: str | None = None
    path: str | None = dataclasses.field(default=None, repr=False, compare=False)
    seasons: tuple[int, ...] = ()
    fitted_baselines: bool = dataclasses.field(default=False, repr=False)
    digest: str = dataclasses.field(init=False, repr=False)

    length: int = knob(12, "Rows per sample.", at_least=1)
    horizon: int = knob(1, "Rows to look ahead.", at_least=1)
    lags: int = knob(1, "Past rows that each step gets as features.", at_least=1)
    scale: Literal["standard", "range", "none"] = knob("standard", "How columns are scaled.")
    missing: Literal["drop", "mark", "mask"] = knob(
        "drop", "Samples with a missing value: drop them, mark it, or mask its step."
    )
    season: int | None = knob(None, "Rows per season. Default: detected.", at_least=2)
    tolerance: float | None = knob(
        None,
        "Error that still counts as right. Default: that of repeating the last value.",
        above=0,
    )
    chosen_on: float = knob(0.15, "Share of rows for validation.", at_least=0.01, at_most=0.5)
    scored_on: float = knob(0.15, "Share of rows for the test.", at_least=0.01, at_most=0.5)
    part: Part = knob("training", "Which rows samples come from.")

    def __post_init__(self) -> None:
        super().__post_init__()
        check_seasons(self.seasons)
        values, own_names = columns_of(self.values)
        rows = numbers("Series: `values`", values)
        names = column_names(self.names or own_names, rows.shape[1])
        target = names[0] if self.target is None else self.target
        if target not in names:
            raise ValueError(unknown_name("Series: there is no column", str(target), names))
        digest = hashlib.sha256(f"{rows.shape} {names} {target}".encode() + rows.tobytes())
        fields = {"values": rows, "names": names, "target": target}
        for name, value in {**fields, "digest": digest.hexdigest()[:16]}.items():
            object.__setattr__(self, name, value)
        check_shares(self.chosen_on, self.scored_on)
        check_sizes(rows, names)
        self._check_rows()

    def _check_rows(self) -> None:
        count, needed = len(self.values), self.length + self.lags - 1 + self.horizon
        training = self.span("training").end
        if training < needed:
            rows = count, max(0, training), needed, self.chosen_on + self.scored_on
            raise ValueError(too_few_message(*rows, max(self.length, self.lags), self.horizon))
        check_changes(self.column[:training], str(self.target))
        check_scale(self.scale, self._scaled, self.values, self.names)
        if self.season is not None:
            check_season(self.season, self._back_to(self.season), training)
        for part in PARTS:
            if not len(self._starts(part)):
                raise ValueError(self._no_target_message(part))

    def _no_target_message(self, part: Part) -> str:
        parts = spans(len(self.values), self.chosen_on, self.scored_on)
        target = self._column, str(self.target)
        return no_target_message(part, parts, self.values, target, self.horizon, self.missing)

    @property
    def features(self) -> int:
        """Number of features of a step."""
        return self.values.shape[1] * self.lags * (2 if self.missing == "mark" else 1)

    @property
    def inputs(self) -> Reals:
        return Reals(size=None if self.features == 1 else self.features)

    @property
    def targets(self) -> Reals:
        return Reals(self.within / self.unit)

    @property
    def unit(self) -> float:
        """A scaled error of 1, in the unit of the target."""
        return float(self._scale.by[self._column])

    def in_unit(self, predicted: Values) -> NDArray[np.float64]:
        """Scaled values of the target in its own unit."""
        off, by = self._scale
        return predicted.astype(np.float64) * by[self._column] + off[self._column]

    @property
    def column(self) -> NDArray[np.float64]:
        """The values of the target in all rows, in its unit."""
        return self.values[:, self._column]

    def scaled(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Values of the target as a model predicts them: the reverse of `in_unit`."""
        off, by = self._scale
        return (values - off[self._column]) / by[self._column]

    def is_near(self, predicted: Any, targets: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Which predictions are within the tolerance, all in the unit of the target."""
        return near(predicted, targets, self.within, RESOLUTION_DOUBLE)

    @functools.cached_property
    def within(self) -> float:
        """The tolerance, in the unit of the target."""
        training = self.column[: self.span("training").end]
        return typical_change(training, self.horizon) if self.tolerance is None else self.tolerance

    @property
    def masks(self) -> bool:
        return self.missing == "mask"

    def span(self, part: Part) -> Span:
        """The rows of the targets of a part."""
        return spans(len(self.values), self.chosen_on, self.scored_on)[part]

    @property
    def exhaustive(self) -> bool:
        return True

    def document(self) -> dict[str, Any]:
        rest = {name: getattr(self, name) for name in ("target", "path", "digest")}
        rest |= {"seasons": list(self.seasons)} if self.seasons else {}
        return {"names": list(self.names), **rest}

    def arrays(self) -> dict[str, Values]:
        return {"values": self.values}

    def for_part(self, part: Part) -> Series:
        return self if part == self.part else dataclasses.replace(self, part=part)

    def draw(self, rng: np.random.Generator, count: int) -> Episodes:
        valid = self._starts(self.part)
        starts = valid[rng.integers(len(valid), size=count)]
        episodes = self._episodes(starts)
        inside = self.span(self.part).holds(self._rows_of(starts))
        return dataclasses.replace(episodes, scored=episodes.scored & inside)

    def episodes(self, part: Part) -> int:
        """Number of different episodes of a part."""
        return len(self._starts(part))

    def held_out(self, part: Part, scored: Steps) -> Episodes:
        starts, fresh = self._cover(part, scored)
        episodes = self._episodes(starts)
        return dataclasses.replace(episodes, scored=episodes.scored & fresh)

    def target_rows(self, part: Part, scored: Steps) -> NDArray[np.int64]:
        """The row that each target of `held_out` is, `(count, step)`."""
        return self._rows_of(self._cover(part, scored)[0])

    def baselines(self, part: Part, scored: Steps) -> dict[str, Values]:
        """The predictions of naive predictors for `held_out`, in the unit of the column, by name.

        `mean` of the training rows; `last value`; and `seasonal`: the latest known value that is
        whole seasons before the target, or the last value where the rows do not go back so far.
        The seasons of `seasons` are there by their number of rows. A missing value is replaced by
        the last one before it.
        """
        rows = self.target_rows(part, scored)
        values = self._filled
        last = values[rows - self.horizon]
        naive = {"mean": np.full(rows.shape, self._mean), "last value": last}
        for name, period in self._seasonal().items():
            back = self._back_to(period)
            naive[name] = np.where(rows < back, last, values[np.maximum(rows - back, 0)])
        return naive

    @functools.cached_property
    def period(self) -> int | None:
        """Rows per season: `season`, or by default as detected in the training rows; or None."""
        training = slice(self.span("training").end)
        return self.season or season(self.scaled(self._filled[training]), self.seasons)

    def chance_by_step(self) -> NDArray[np.float64]:
        span = self.span("evaluation")
        targets = self.column[span.begin : span.end]
        right = self.is_near(self._mean, targets[~np.isnan(targets)])
        return np.full(self.length, right.mean() if len(right) else 0.0)

    def chance_error(self, steps: Steps | None = None) -> float:  # noqa: ARG002
        """The error of the mean of the training rows, scaled as the targets."""
        span = self.span("evaluation")
        residuals = (self.column[span.begin : span.end] - self._mean) / self.unit
        return float(np.sqrt(np.nanmean(residuals**2)))

    def scored(self) -> Steps:
        return np.ones(self.length, dtype=bool)

    def needs(self) -> NDArray[np.bool_]:
        """The needs of the baselines: other dependencies of a real series are unknown."""
        needs = np.eye(self.length, dtype=bool)
        if self._back is not None:
            steps = max(0, self._back - self.horizon - (self.lags - 1))
            needs |= np.eye(self.length, k=-steps, dtype=bool)
        return needs

    def oracle(self, inputs: Values) -> Values:
        """The last value: a prediction, but not the best one, which is unknown."""
        latest = (self.lags - 1) * self.values.shape[1] + self._column
        return (inputs if inputs.ndim == 2 else inputs[..., latest]).astype(np.float32)

    @property
    def season_needs(self) -> int:
        """Rows of a sequence that contains the prediction of the seasonal baseline."""
        return 1 if self._back is None else self._back - self.horizon + 1

    def episode(self, inputs: Any) -> tuple[Problem, Episodes]:
        """The episode with these rows as inputs.

        Args:
            inputs: The rows of one episode, `(row,)` or `(row, column)`, in their unit.

        Raises:
            TypeError: They are not numbers.
            ValueError: They have another shape, or lack a value where `missing` is `drop`.
        """
        rows = self.length + self.lags - 1
        scaled = self._scale.of(rows_to_predict(inputs, rows, self.names, self.missing))
        if (np.abs(scaled) > LARGEST_SCALED).any():
            raise ValueError("predict: `sequence` must hold finite numbers in the data's unit.")
        steps = with_lags(scaled, self.lags)[None, self.lags - 1 :]
        features, present = to_inputs(steps, self.missing)
        targets = np.zeros((1, self.steps), np.float32)
        return self, Episodes(features, targets, self.scored()[None], present)

    # Rows.

    @property
    def _back(self) -> int | None:
        """Rows from a target back to the value that the seasonal baseline predicts."""
        return None if self.period is None else self._back_to(self.period)

    def _back_to(self, period: int) -> int:
        return period * math.ceil(self.horizon / period)

    def _seasonal(self) -> dict[str, int]:
        """The seasons with a baseline, by its name."""
        detected = {} if self.period is None else {"seasonal": self.period}
        longest = self.span("training").end
        others = (each for each in self.seasons if self._back_to(each) <= longest)
        return detected | {f"seasonal {each}": each for each in others if each != self.period}

    @property
    def _column(self) -> int:
        return self.names.index(self.target or self.names[0])

    @functools.cached_property
    def _scale(self) -> Scale:
        return Scale.fitted(self.scale, self.values[: self.span("training").end])

    @functools.cached_property
    def _scaled(self) -> NDArray[np.float64]:
        return self._scale.of(self.values)

    @functools.cached_property
    def _mean(self) -> float:
        return float(np.nanmean(self.column[: self.span("training").end]))

    @functools.cached_property
    def _filled(self) -> NDArray[np.float64]:
        """The target, each missing value replaced by the last one before it."""
        return forward_fill(self.column, self._mean)

    @functools.cached_property
    def _features(self) -> NDArray[np.float32]:
        """The features of each row as a step, `(row, feature)`."""
        return with_lags(self._scaled, self.lags)

    def _starts(self, part: Part) -> NDArray[np.int64]:
        """First rows of the episodes that have a target of a part."""
        rows = np.arange(len(self.values))
        starts = self._valid_starts(self.lags - 1, self.span(part).end - self.length - self.horizon)
        is_target = ~np.isnan(self.column) & self.span(part).holds(rows)
        return starts[any_from(is_target, starts + self.horizon, self.length)]

    def _valid_starts(self, first: int, last: int) -> NDArray[np.int64]:
        """First rows of episodes, from `first` to `last`, without missing inputs for `drop`."""
        starts = np.arange(first, last + 1)
        if self.missing != "drop":
            return starts
        return starts[~any_from(np.isnan(self._features).any(axis=1), starts, self.length)]

    def _cover(self, part: Part, scored: Steps) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Starts of episodes that cover every target of a part, and which steps are new targets."""
        span, first = self.span(part), int(np.flatnonzero(scored)[0])
        earliest = max(self.lags - 1, span.begin - self.horizon - self.length + 1)
        starts = self._valid_starts(earliest, span.end - self.length - self.horizon)
        if scored[first:].all():
            target_starts, last = starts + self.horizon, len(self.values) + self.horizon
            starts = (
                covering_starts(target_starts, span.begin, first, self.length, last) - self.horizon
            )
        rows = self._rows_of(starts)
        counts = self.span(part).holds(rows) & scored & ~np.isnan(self.column[rows])
        fresh = first_targets(rows, counts)
        some = fresh.any(axis=1)
        if not some.any():
            raise ValueError(self._no_target_message(part))
        return starts[some], fresh[some]

    def _rows_of(self, starts: NDArray[np.int64]) -> NDArray[np.int64]:
        return starts[:, None] + np.arange(self.length) + self.horizon

    def _episodes(self, starts: NDArray[np.int64]) -> Episodes:
        rows = starts[:, None] + np.arange(self.length)
        targets = self._scaled[rows + self.horizon, self._column]
        scored = ~np.isnan(targets)
        inputs, present = to_inputs(self._features[rows], self.missing)
        return Episodes(inputs, np.where(scored, targets, 0).astype(np.float32), scored, present)
