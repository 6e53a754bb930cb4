"""Real series: one column of numbers or several, split by time."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import math
from typing import Any, ClassVar, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from longlag.knobs import knob, unknown
from longlag.problems._base import Episodes, Ladder, Part, Problem, Reals, Steps, Values

_PERIODIC = 0.3  # correlation with the value a season ago from which a season is taken for one


class Span(NamedTuple):
    """Rows from `begin` up to, but without, `end`."""

    begin: int
    end: int


@dataclasses.dataclass(frozen=True, kw_only=True)
class Series(Problem):
    """What will a column be `horizon` rows later, given the rows so far?

    An episode is a stretch of `length` rows, in order of time. The first rows train, the next
    ones choose, the last ones score; a row belongs to the part that its target lies in, so that no
    target of one part is a target of another, and none that trains lies later than one that scores.
    Inputs may reach back into the part before: they are known by then. Scaling is fitted on the
    rows that train.

    Args:
        values: Numbers `(row,)` or `(row, column)`, in order of time; NaN where one is missing.
        names: Names of the columns; by default 1, 2, ….
        target: Name of the column to be predicted, the first by default; all are shown.
        length: Rows in an episode: as many as a window has timesteps.
        horizon: Rows to look ahead, at least 1.
        lags: Rows that each step shows side by side, as features: 1 shows a row a step.
        scale: `standard`: mean 0, deviation 1 over the rows that train; `range`: from 0 to 1 over
            them; `none`: as they are.
        missing: What becomes of missing values. `drop` leaves out the episodes that show one;
            `mark` shows 0 and a further feature for each, which is 1 where the value is missing;
            `mask` passes over the steps that show one. Missing targets are never scored.
        season: Rows after which the series comes round again, for the seasonal baseline; found in
            the rows that train by default.
        tolerance: Distance, in the column's own unit, within which a prediction counts as right; by
            default as far as the last value usually is from the target.
        chosen_on: Share of the rows that choose.
        scored_on: Share of the rows that score.
        part: Which rows episodes are drawn from.

    Shapes: inputs `(count, length)`, or `(count, length, feature)` where there are several
        features: those of the latest row last. Targets `(count, length)`.

    Scores: error (root mean square) and share within tolerance, over every target of a part, each
        once. Chance is that of the mean of the rows that train. What the ceiling is nobody knows.

    Raises:
        TypeError: Values are no numbers.
        ValueError: There are too few rows, a column is not there, or nothing changes.

    >>> import numpy as np
    >>> series = Series(np.arange(100.0), length=3, scale="none")
    >>> inputs, targets, _ = series.draw(np.random.default_rng(0), 1)
    >>> (targets[0] - inputs[0]).tolist()
    [1.0, 1.0, 1.0]
    """

    source: ClassVar[str] = "your own"
    ladder: ClassVar[Ladder] = Ladder("horizon", (1, 2, 4, 8, 16, 32))

    values: Any = dataclasses.field(kw_only=False, repr=False, compare=False)
    names: tuple[str, ...] = ()
    target: str | None = None
    place: str | None = dataclasses.field(default=None, repr=False, compare=False)
    digest: str = dataclasses.field(init=False, repr=False)

    length: int = knob(12, "Rows in an episode.", at_least=1)
    horizon: int = knob(1, "Rows to look ahead.", at_least=1)
    lags: int = knob(1, "Rows that each step shows side by side, as features.", at_least=1)
    scale: Literal["standard", "range", "none"] = knob("standard", "How columns are scaled.")
    missing: Literal["drop", "mark", "mask"] = knob(
        "drop", "Missing values: their episodes left out, marked, or their steps masked."
    )
    season: int | None = knob(
        None, "Rows after which it comes round again; found by default.", at_least=2
    )
    tolerance: float | None = knob(
        None, "Distance that is right; that of the last value by default.", above=0
    )
    chosen_on: float = knob(0.15, "Share of the rows that choose.", at_least=0.01, at_most=0.5)
    scored_on: float = knob(0.15, "Share of the rows that score.", at_least=0.01, at_most=0.5)
    part: Part = knob("training", "Which rows episodes are drawn from.")

    def __post_init__(self) -> None:
        super().__post_init__()
        rows = _numbers(self.values)
        names = tuple(self.names) or tuple(str(place + 1) for place in range(rows.shape[1]))
        if len(names) != rows.shape[1] or len(set(names)) < len(names):
            raise ValueError(
                f"Series: `names` must be different names for {rows.shape[1]} columns, got "
                f"{', '.join(names)}."
            )
        target = names[0] if self.target is None else self.target
        if target not in names:
            raise ValueError(unknown("Series: there is no column", target, names))
        told = hashlib.sha256(f"{rows.shape} {names} {target}".encode() + rows.tobytes())
        values = {"values": rows, "names": names, "target": target}
        for name, value in {**values, "digest": told.hexdigest()[:16]}.items():
            object.__setattr__(self, name, value)
        self._check_rows()

    def _check_rows(self) -> None:
        count = len(self.values)
        for part in ("training", "validation", "evaluation"):
            if not len(self._starts(part)):
                shares = 1 - self.chosen_on - self.scored_on, self.chosen_on, self.scored_on
                wanted = self.length + self.lags - 1 + self.horizon
                least = math.ceil(max(wanted / max(shares[0], 0.01), 2 / min(shares[1:])))
                gaps = "whole " if self.missing == "drop" and np.isnan(self.values).any() else ""
                raise ValueError(
                    f"Series: too few rows: of {count} none are left for {part} episodes of "
                    f"{wanted} {gaps}rows. Use {least} rows or more, or fewer timesteps."
                    + (" Or missing='mask'." if gaps else "")
                )
        trains = self._target[: self.span("training").end]
        if not np.nanmax(trains) > np.nanmin(trains):
            raise ValueError(
                f"Series: {self.target} does not change in the rows that train, so there is "
                "nothing to learn. Use another column."
            )

    @property
    def features(self) -> int:
        """Numbers that a step shows."""
        return self.values.shape[1] * self.lags * (2 if self.missing == "mark" else 1)

    @property
    def inputs(self) -> Reals:
        return Reals(features=self.features)

    @property
    def targets(self) -> Reals:
        return Reals(self.within / self.unit)

    @property
    def unit(self) -> float:
        """What a scaled error of 1 is in the unit of the target."""
        return float(self._scales[1][self._column])

    def in_unit(self, scaled: NDArray[Any]) -> NDArray[np.float64]:
        """Scaled values of the target in its own unit."""
        off, by = self._scales
        return scaled.astype(np.float64) * by[self._column] + off[self._column]

    @functools.cached_property
    def within(self) -> float:
        """The distance that counts as right, in the unit of the target."""
        if self.tolerance is not None:
            return self.tolerance
        trains = self._target[: self.span("training").end]
        apart = trains[self.horizon :] - trains[: -self.horizon]
        usual = float(np.sqrt(np.nanmean(apart**2)))
        return usual if usual > 0 else float(np.nanstd(trains))

    @property
    def masks(self) -> bool:
        return self.missing == "mask"

    def span(self, part: Part) -> Span:
        """The rows that the targets of a part lie in."""
        count = len(self.values)
        scored = max(1, round(count * self.scored_on))
        chosen = max(1, round(count * self.chosen_on))
        bounds = {
            "training": Span(0, count - scored - chosen),
            "validation": Span(count - scored - chosen, count - scored),
            "evaluation": Span(count - scored, count),
        }
        return bounds[part]

    def draw(self, rng: np.random.Generator, count: int) -> Episodes:
        valid = self._starts(self.part)
        return self._episodes(valid[rng.integers(len(valid), size=count)])

    def episodes(self, part: Part) -> int:
        """Number of different episodes of a part."""
        return len(self._starts(part))

    def held_out(self, part: Part, scored: Steps) -> Episodes:
        starts, fresh = self._cover(part, scored)
        episodes = self._episodes(starts)
        return episodes._replace(scored=episodes.scored & fresh)

    def target_rows(self, part: Part, scored: Steps) -> NDArray[np.int64]:
        """The row that each target of `held_out` is, `(count, step)`."""
        return self._rows_of(self._cover(part, scored)[0])

    def baselines(self, part: Part, scored: Steps) -> dict[str, Values]:
        """What naive predictors say about `held_out`, scaled as its targets, by name.

        `mean` of the rows that train; `last value`; and `seasonal`: the latest value known that is
        whole seasons before the target. Where the value is missing the one before it is taken.
        """
        rows = self.target_rows(part, scored)
        known = self._filled
        said = {
            "mean": np.zeros(rows.shape) + self._mean,
            "last value": known[np.maximum(rows - self.horizon, 0)],
        }
        if self.period is not None:
            back = self.period * math.ceil(self.horizon / self.period)
            said["seasonal"] = known[np.maximum(rows - back, 0)]
        return {name: values.astype(np.float32) for name, values in said.items()}

    @functools.cached_property
    def period(self) -> int | None:
        """Rows after which the series comes round again: as said, or as found; None if not.

        It is found where, in the rows that train and from row to row, changes are most like those
        some rows before, more so than at the neighbouring distances.
        """
        if self.season is not None:
            return self.season
        trains = self._filled[: self.span("training").end]
        changes = np.diff(trains) - np.diff(trains).mean()
        most = min(len(changes) // 3, 1000)
        total = float((changes**2).sum())
        if most < 3 or total <= 0:
            return None
        alike = np.array(
            [float((changes[lag:] * changes[:-lag]).sum()) / total for lag in range(1, most + 1)]
        )
        peaks = [
            place
            for place in range(1, most - 1)
            if alike[place - 1] < alike[place] >= alike[place + 1]
        ]
        best = max(peaks, key=lambda place: alike[place], default=None)
        return best + 1 if best is not None and alike[best] >= _PERIODIC else None

    def chance_by_step(self) -> NDArray[np.float64]:
        span = self.span("evaluation")
        asked = self._scaled[span.begin : span.end, self._column]
        asked = asked[~np.isnan(asked)]
        right = np.abs(asked - self._mean) <= self.targets.within
        return np.full(self.length, right.mean() if len(right) else 0.0)

    def chance_error(self, steps: Steps | None = None) -> float:  # noqa: ARG002
        """The error of the mean of the rows that train, scaled as the targets."""
        span = self.span("evaluation")
        apart = self._scaled[span.begin : span.end, self._column] - self._mean
        return float(np.sqrt(np.nanmean(apart**2)))

    def scored(self) -> Steps:
        return np.ones(self.length, dtype=bool)

    def needs(self) -> NDArray[np.bool_]:
        """What the baselines need: nobody knows what else a real series depends on."""
        needs = np.eye(self.length, dtype=bool)
        if self.period is not None:
            back = self.period * math.ceil(self.horizon / self.period) - self.horizon
            steps = max(0, back - (self.lags - 1))
            needs |= np.eye(self.length, k=-steps, dtype=bool)
        return needs

    def oracle(self, inputs: Values) -> Values:
        """The last value: a prediction, not the best one, which nobody knows."""
        features = inputs if inputs.ndim == 2 else inputs[..., self._latest]
        return features.astype(np.float32)

    def seasonal_in_sight(self, timesteps: int) -> bool:
        """Whether so many steps show the value that the seasonal baseline says."""
        if self.period is None:
            return True
        back = self.period * math.ceil(self.horizon / self.period) - self.horizon
        return back <= timesteps - 1 + self.lags - 1

    # Rows.

    @property
    def _column(self) -> int:
        return self.names.index(self.target or self.names[0])

    @property
    def _latest(self) -> int:
        """Which feature is the target column in the latest row."""
        return (self.lags - 1) * self.values.shape[1] + self._column

    @property
    def _target(self) -> NDArray[np.float64]:
        return self.values[:, self._column]

    @functools.cached_property
    def _scales(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """What is taken off each column, and by what it is divided."""
        trains = self.values[: self.span("training").end]
        columns = trains.shape[1]
        if self.scale == "none":
            return np.zeros(columns), np.ones(columns)
        known = [column[~np.isnan(column)] for column in trains.T]
        if self.scale == "standard":
            pairs = [(each.mean(), each.std()) if len(each) else (0.0, 1.0) for each in known]
        else:
            pairs = [(each.min(), np.ptp(each)) if len(each) else (0.0, 1.0) for each in known]
        off, by = np.array(pairs).T
        return off, np.where(by > 0, by, 1.0)

    @functools.cached_property
    def _scaled(self) -> NDArray[np.float64]:
        off, by = self._scales
        return (self.values - off) / by

    @functools.cached_property
    def _mean(self) -> float:
        return float(np.nanmean(self._scaled[: self.span("training").end, self._column]))

    @functools.cached_property
    def _filled(self) -> NDArray[np.float64]:
        """The scaled target, each missing value that of the row before."""
        column = self._scaled[:, self._column]
        known = np.where(np.isnan(column), 0, np.arange(len(column)))
        latest = column[np.maximum.accumulate(known)]
        return np.where(np.isnan(latest), self._mean, latest)

    @functools.cached_property
    def _shown(self) -> NDArray[np.float32]:
        """What each row shows as a step, `(row, feature)`; rows without all their lags show NaN."""
        back = [np.roll(self._scaled, lag, axis=0) for lag in range(self.lags - 1, -1, -1)]
        side_by_side = np.concatenate(back, axis=1)
        side_by_side[: self.lags - 1] = np.nan
        return side_by_side.astype(np.float32)

    def _starts(self, part: Part) -> NDArray[np.int64]:
        """Where episodes of a part may begin."""
        span = self.span(part)
        latest = np.arange(len(self.values)) + self.length - 1 + self.horizon
        fits = (latest < span.end) & (np.arange(len(self.values)) >= self.lags - 1)
        if part != "training":
            fits &= latest >= span.begin
        starts = np.flatnonzero(fits)
        asked = self._any(~np.isnan(self._target), starts + self.horizon)
        if self.missing != "drop":
            return starts[asked]
        return starts[asked & ~self._any(np.isnan(self._shown).any(axis=1), starts)]

    def _any(self, flags: Any, starts: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Whether one of the flags `(row,)` is set within the `length` rows from each start."""
        total = np.concatenate([[0], np.cumsum(flags)])
        return total[starts + self.length] > total[starts]

    def _cover(self, part: Part, scored: Steps) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Episodes that meet every target of a part, and the steps of each that are met first."""
        span = self.span(part)
        first = int(np.flatnonzero(scored)[0])
        stride = self.length - first if scored[first:].all() else 1
        begin = max(span.begin - self.horizon - first, self.lags - 1)
        end = span.end - self.length - self.horizon
        starts = np.arange(begin, end + 1, stride) if begin <= end else np.array([max(end, 0)])
        if starts[-1] < end:
            starts = np.append(starts, end)
        if self.missing == "drop":
            starts = self._without_gaps(starts, stride)
        rows = self._rows_of(starts)
        inside = (rows >= span.begin) & (rows < span.end) & scored
        _, where = np.unique(np.where(inside, rows, -1), return_index=True)
        met = np.zeros(rows.size, dtype=bool)
        met[where] = True
        fresh = met.reshape(rows.shape) & inside
        return starts, fresh

    def _without_gaps(self, starts: NDArray[np.int64], stride: int) -> NDArray[np.int64]:
        """Episodes that show no missing value, moved on row by row past those that would."""
        gaps = np.isnan(self._shown).any(axis=1)
        if not self._any(gaps, starts).any():
            return starts
        every = np.arange(starts[0], starts[-1] + 1)
        whole = ~self._any(gaps, every)
        kept: list[int] = []
        for start in every[whole]:
            if not kept or start >= kept[-1] + stride or start == every[-1]:
                kept.append(int(start))
        if not kept:
            raise ValueError(
                "Series: every episode that scores shows a missing value. Use missing='mask', "
                "missing='mark' or fewer timesteps."
            )
        return np.array(kept)

    def _rows_of(self, starts: NDArray[np.int64]) -> NDArray[np.int64]:
        return starts[:, None] + np.arange(self.length) + self.horizon

    def _episodes(self, starts: NDArray[np.int64]) -> Episodes:
        rows = starts[:, None] + np.arange(self.length)
        shown, targets = self._shown[rows], self._scaled[rows + self.horizon, self._column]
        gone = np.isnan(shown)
        inputs = shown if self.missing == "mask" else np.where(gone, np.float32(0), shown)
        if self.missing == "mark":
            inputs = np.concatenate([inputs, gone.astype(np.float32)], axis=-1)
        scored = ~np.isnan(targets)
        return Episodes(
            inputs=inputs[..., 0] if self.features == 1 else inputs,
            targets=np.where(scored, targets, 0).astype(np.float32),
            scored=scored,
        )


def _numbers(given: Any) -> NDArray[np.float64]:
    """Values `(row, column)`."""
    try:
        rows = np.array(given, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise TypeError(f"Series: `values` must be numbers: {error}.") from error
    rows = rows[:, None] if rows.ndim == 1 else rows
    if rows.ndim != 2 or not rows.size:
        raise ValueError(
            f"Series: `values` must be (row,) or (row, column), got the shape {np.shape(given)}."
        )
    if np.isinf(rows).any():
        row, column = map(int, np.argwhere(np.isinf(rows))[0])
        raise ValueError(
            f"Series: row {row} of column {column + 1} is infinite. Use NaN where one is missing."
        )
    rows.setflags(write=False)
    return rows
