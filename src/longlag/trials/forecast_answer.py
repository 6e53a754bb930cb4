"""The answer about a series: its samples, its baselines, and a model beside them."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from longlag.answers.answer import Answer, Level
from longlag.answers.blocks import Block, Cell, Table, table, text
from longlag.answers.format import counted
from longlag.audit_answer import Audit
from longlag.framings import Framing, Samples
from longlag.knobs import lookup
from longlag.problems import Part, Series
from longlag.problems.rows import PARTS
from longlag.problems.scaling import change_over
from longlag.scores.forecast import Baseline, errors_table, too_few
from longlag.trials.environment import libraries
from longlag.trials.outcome import ModelSize, size_and_speed
from longlag.trials.run import Run

if TYPE_CHECKING:
    import altair as alt

_SCALES = {
    "standard": "to mean 0 and deviation 1 over the rows that train",
    "range": "to 0 to 1 over the rows that train",
    "none": "not at all",
}
_USES: dict[Part, str] = {
    "training": "train",
    "validation": "choose the baseline to compare with",
    "evaluation": "score, each once",
}


@dataclasses.dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class ForecastAnswer(Answer):
    """A series as samples, with the errors of its baselines and of a model.

    Attributes:
        name: The name of its file.
        series: The series.
        framing: How its rows become samples.
        samples: The first samples.
        audit: The audit of the framing.
        baselines: The baselines, by name.
        scored: The number of targets that the errors are of.
        notes: How the file was read.
        run: A model that was trained on it, if there is one.
    """

    name: str
    series: Series
    framing: Framing
    samples: Samples
    audit: Audit
    baselines: Mapping[str, Baseline]
    scored: int
    notes: tuple[str, ...] = ()
    run: Run | None = None

    @property
    def figures(self) -> tuple[str, ...]:  # pyright: ignore[reportIncompatibleVariableOverride]
        """Those of the run; none without one."""
        return () if self.run is None else self.run.figures

    def figure(self, name: str | None = None) -> alt.TopLevelMixin:
        return super().figure(name) if self.run is None else self.run.figure(name)

    @property
    def input_rows(self) -> int:
        """Rows that the inputs of an episode cover."""
        return self.series.length + self.series.lags - 1

    @property
    def missing(self) -> dict[str, int]:
        """The number of missing values of each column."""
        counts = np.isnan(self.series.values).sum(axis=0)
        return dict(zip(self.series.names, map(int, counts), strict=True))

    @property
    def caption(self) -> str:
        run = self.run
        recipe = run and run.setting.recipe.details_with_rate
        trained = run and (
            f" {run.setting.model.words}: {ModelSize.of([run.outcome()])}; trained on "
            f"{counted(max(run.sequences), 'sample')} per seed{f', {recipe}' if recipe else ''}; "
            f"{counted(len(run.seeds), 'seed')}."
        )
        used = libraries([run.environment if run else None])
        ahead = counted(self.series.horizon, "row")
        return (
            f"Errors of {self.series.target} of {self.name}, {ahead} ahead, on the rows "
            f"kept for the test.{trained or ''} {used}."
        )

    def blocks(self) -> Iterator[Block]:
        series = self.series
        sources = "" if len(series.names) == 1 else f", from {', '.join(series.names)}"
        gaps = [f"{count:,} of {name}" for name, count in self.missing.items() if count]
        missing = f"; missing: {', '.join(gaps)}" if gaps else ""
        ahead, length = counted(series.horizon, "row"), counted(len(series.values), "row")
        yield text(f"{series.target} of {self.name}{sources}: {length}, {ahead} ahead{missing}")
        yield text(f"read with: {'; '.join(self.notes)}" if self.notes else "", kind="quiet")
        spans = ((part, series.span(part), use) for part, use in _USES.items())
        rows = (
            (part, f"{span.begin + 1:,} to {span.end:,}", f"their targets {use}")
            for part, span, use in spans
        )
        yield table("", ("", "rows", ""), rows)
        yield text(f"scaled {_SCALES[series.scale]}; season: {self._season()}")
        yield from self._samples()
        yield self.table()
        yield text(_meaning(series, self.scored), kind="quiet")
        if self.run is None:
            few = too_few(self.scored)
            yield text(few and f"{few}: their errors settle nothing.", kind="part")
            yield text("Nothing is trained: add --model lstm to compare a model.", kind="quiet")
            return
        samples = counted(max(self.run.sequences), "sample")
        trained = f"{counted(self.run.updates, 'update')} on {samples} per seed"
        size = ModelSize.of([self.run.outcome()])
        yield text(f"trained: {size}; {trained}", kind="quiet")
        kind = {"better": "good", "worse": "bad"}.get(self.run.verdict, "part")
        cut = " Interrupted: the score so far." if self.run.interrupted else ""
        yield text(f"{self.run.verdict}: {self.run.reason}.{cut}", kind=kind)
        yield text(str(self.run.why or ""), kind="advice")

    def _season(self) -> str:
        series = self.series
        if series.period is None:
            return "none found in the rows that train"
        season = counted(series.period, "row")
        season += " (found in the rows that train)" if series.season is None else ""
        if series.season_needs > self.input_rows:
            season += (
                "; the value one season earlier is not among the inputs: use --timesteps "
                f"{series.season_needs} or more"
            )
        return season

    def _samples(self) -> Iterator[Block]:
        count, steps, features = (*self.samples.inputs.shape, 1)[:3]
        targets = self.samples.targets.shape[1]
        yield text(
            f"inputs (samples, {steps}, {features}): {counted(steps, 'timestep')} of "
            f"{counted(features, 'feature')}; targets (samples, {targets}); "
            f"{counted(count, 'sample')}{'' if self.series.scale == 'none' else ', scaled'}:"
        )
        rows = []
        for x, y, mask in zip(*self.samples, strict=True):
            present = np.broadcast_to(mask.reshape(-1, *(1,) * (x.ndim - 1)), x.shape)
            rows.append((_numbers(np.where(present, x, np.nan)), "→", _numbers(y)))
        yield table("", ("X", "", "y"), rows)

    def table(self) -> Table:
        own = None
        if self.run is not None and self.run.forecast is not None:
            name = Cell(self.run.setting.model.words, kind="strong")
            own = name, self.run.forecast.error, self.run.accuracy
        return errors_table(self.baselines, own, f"within {self.series.within:.4g}")

    def rows(self, level: Level = "cell") -> list[dict[str, Any]]:
        lookup("level", level, {"cell": None})
        place, version = {"problem": self.series.words}, {"problem_version": self.series.version}
        if self.run is not None:
            return self.run.rows()
        return [
            {**place, "model": name, "error": each.error, "within": each.within, **version}
            for name, each in self.baselines.items()
        ]

    def document(self) -> dict[str, Any]:
        series, run = self.series, self.run
        shares = {name: each.within for name, each in self.baselines.items()}
        document: dict[str, Any] = {
            "problem_version": series.version,
            "target": series.target,
            "horizon": series.horizon,
            "file": series.path and Path(series.path).name,
            "columns": series.names,
            "season": series.period,
            "rows": {part: series.span(part) for part in PARTS},
            "missing": self.missing,
            "read_with": self.notes,
            "season_in_sight": series.season_needs <= self.input_rows,
            "inputs": self.samples.inputs.shape[1:],
            "targets": self.samples.targets.shape[1:],
            "audit": {"verdict": self.audit.verdict, "remedy": self.audit.remedy},
            "baselines": {name: each.error for name, each in self.baselines.items()},
            "within": {"distance": series.within, **shares},
            "scored_targets": self.scored,
        }
        if run is None or (forecast := run.forecast) is None:
            return document
        ratio = {"mean": forecast.ratio.mean, "interval": forecast.ratio.interval}
        return {
            **document,
            **{name: getattr(run, name) for name in _OF_RUN},
            "model": run.setting.model.words,
            "sequences": max(run.sequences),
            "error": forecast.error,
            "against": forecast.against,
            "recipe": repr(run.setting.recipe),
            **size_and_speed([run.outcome()]),
            "environments": [run.environment.document()],
            "why": run.why and run.why._asdict(),
            "ratio": ratio,
            "within": {**document["within"], "share": run.accuracy.mean},
        }


_OF_RUN = "seeds", "verdict", "reason", "interrupted", "updates"


def _meaning(series: Series, scored: int) -> str:
    """What the columns of errors are, and of how many targets."""
    column = series.values[: series.span("training").end, series.names.index(series.target)]
    typical = f", the root mean square change over {counted(series.horizon, 'row')}"
    if not change_over(column, series.horizon):
        typical = ", the standard deviation of the rows that train"
    distance = f"{series.within:.4g}{typical if series.tolerance is None else ''}"
    return (
        f"error: root mean square of {counted(scored, 'target')}; within: share of the predictions "
        f"that are off by at most {distance}"
    )


def _numbers(row: np.ndarray) -> str:
    """The numbers of a sample, · where there is none; the first six and the last of many."""
    words = ["·" if np.isnan(value) else f"{value:.2f}" for value in row.ravel()]
    return " ".join(words if len(words) <= 7 else [*words[:6], "…", words[-1]])
