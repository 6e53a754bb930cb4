"""What a run and a score have in common: the figures of predictions on fresh sequences."""

from __future__ import annotations

import abc
import functools
from collections.abc import Iterator, Mapping
from typing import Any, cast

import numpy as np
from jaxtyping import Bool

from longlag.answers.answer import Answer, Level
from longlag.answers.blocks import Block, Table, number_cell, table, text
from longlag.answers.estimate import Estimate, caveats
from longlag.answers.format import counted, later_versions
from longlag.problems import Problem, Series
from longlag.scores import statistics
from longlag.scores.evaluation import (
    Evaluation,
    guesses_of,
)
from longlag.scores.forecast import Forecast, forecast
from longlag.scores.shortcuts import shortcuts
from longlag.scores.statistics import SOLVED
from longlag.version import longlag_version

_RULES = {
    "most frequent": "always the most frequent value",
    "constant per step": "one value for each step",
    "copy current": "copy this input",
    "copy previous": "copy the previous input",
}
_KINDS = {"solved": "good", "better": "good", "partly learned": "part", "not told apart": "part"}


class Scored(Answer):
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
        """Best accuracy that any predictor can reach, of which the skill is a share."""
        return self.problem.ceiling(self.scored)

    @property
    def reachable(self) -> float:
        """Best possible score from the inputs that reach the predictor; of any one the ceiling."""
        return self.ceiling

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
        tallies = [each.tally for each in self.evaluations]
        return guesses_of(tallies, self.problem.independent, self.problem.sequences == 1)

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
        solved = all(self.solved)
        if solved and self.problem.sequences == 1:  # of which guessing may well solve a short one
            return "solved"
        side = statistics.side_of_chance(*self.guesses, self.chance, self.accuracy.per_seed)
        if side != "above":
            return f"{side} chance"
        return "solved" if solved else "partly learned"

    @property
    def reason(self) -> str:
        """The verdict in a sentence with its figures."""
        if self.forecast is not None and self.verdict != "diverged":
            return self.forecast.reason
        solved, seeds = sum(self.solved), counted(len(self.seeds), "seed")
        name = "accuracy" if self.error is None else "within tolerance"
        figures = f"{name} {self.accuracy.mean:.3f}, chance {self.chance:.3g}"
        match self.verdict:
            case "solved":
                return f"skill of {SOLVED:.0%} or more for {solved} of {seeds}; {figures}"
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
                return f"no input in sight lifts it above chance; {figures}"
            case "at chance":
                return (
                    f"not distinguishable from chance ({self.chance:.3g}): "
                    f"p = {self.chance_probability:.2f}"
                )
            case _:
                return f"above chance, {solved} of {seeds} solved it; {figures}"

    @property
    @abc.abstractmethod
    def subject(self) -> str:
        """What was scored: model, problem and framing, as text."""

    @property
    def predictor(self) -> str:
        """The label of what predicts."""
        return "predictor"

    @property
    def best(self) -> str:
        """The best possible score as text."""
        return f"{self.reachable:.3g}"

    @property
    def caption(self) -> str:
        version = later_versions({self.problem.title(): self.problem.version})
        return (
            f"{self.subject}. {self._trained()}{counted(len(self.seeds), 'seed')}, "
            f"{self._where()}.{version} {self._libraries()}."
        )

    def _trained(self) -> str:
        """What was trained and how, as a sentence and a space; empty where nothing was."""
        return ""

    def _libraries(self) -> str:
        """The versions of the libraries that took part."""
        return f"longlag {longlag_version()}"

    def _where(self) -> str:
        """The sequences that the score is of."""
        if (count := self.problem.sequences) is None:
            return f"{len(self.evaluations[0].inputs):,} fresh sequences per seed"
        if count == 1:
            return "the only sequence"
        drawn = len(self.evaluations[0].inputs)
        every = f"all {count} different sequences"
        return every if drawn == count else f"{drawn:,} draws of {count} sequences per seed"

    def blocks(self) -> Iterator[Block]:
        yield text(self.subject, kind="strong")
        yield self.table() if self.forecast else table("", ("", ""), self._figures().items())
        kind = _KINDS.get(self.verdict, "bad")
        yield text(f"{self.verdict}: {self.reason}.", kind=kind)

    def _figures(self) -> dict[str, str]:
        """The figures of the main test, by name."""
        few = self.accuracy.left_out
        interval = (
            f" ({few})" if few else ", interval {:.3f} to {:.3f}".format(*self.accuracy.interval)
        )
        simple = (f"{_RULES.get(name, name)} {share:.3g}" for name, share in self.shortcuts.items())
        figures = {
            "accuracy" if self.error is None else "within tolerance": f"{self.accuracy.mean:.3f}"
            f"{interval}, {self._where()}",
            "per seed": "  ".join(f"{share:.3f}" for share in self.accuracy.per_seed),
            "chance": f"{self.chance:.3g}, best possible score {self.best}",
            "simple rules": ", ".join(simple),
        }
        if note := later_versions({self.problem.title(): self.problem.version}):
            figures["problem"] = note.strip(" .")
        if self.error is not None:
            guessed = f"chance {self.chance_error:.3g}"
            figures["error"] = f"{self.error.mean:.3g} root mean square, {guessed}"
        if self.accuracy.caveat and not few:
            figures["interval"] = caveats([self.accuracy])
        return figures

    def by_test(self) -> Mapping[str, Scored]:
        """The score on each test, by name."""
        return {"": self}

    def table(self) -> Table:
        if self.forecast is not None:
            return self.forecast.table(self.predictor, self.accuracy)
        head = "problem", "model", "test", "accuracy", "chance", "best possible", "verdict"
        return table(
            "",
            head,
            (
                (
                    score.problem.words,
                    self.predictor,
                    name,
                    str(score.accuracy),
                    number_cell(f"{score.chance:.3g}"),
                    number_cell(score.best),
                    score.verdict,
                )
                for name, score in self.by_test().items()
            ),
        )

    def document(self) -> dict[str, Any]:
        return {
            "subject": self.subject,
            "problem_version": self.problem.version,
            "seeds": self.seeds,
            "accuracy": self.accuracy,
            "sequence_accuracy": self.sequence_accuracy.mean,
            "chance": self.chance,
            "ceiling": self.ceiling,
            "reachable": self.reachable,
            "shortcuts": self.shortcuts,
            "verdict": self.verdict,
            "reason": self.reason,
            **self._errors(),
        }

    def _errors(self) -> dict[str, Any]:
        """The errors of a document; those of a forecast are in the unit of its target."""
        if self.forecast is not None:
            return {"error": None, "forecast": self.forecast.document()}
        return {"error": self.error and {"mean": self.error.mean, "chance": self.chance_error}}

    def rows(self, level: Level = "cell") -> list[dict[str, Any]]:
        if self.forecast is not None and level == "cell":
            return self.forecast.as_rows(
                cast("Series", self.problem), self.predictor, self.accuracy
            )
        rows = []
        for name, score in self.by_test().items():
            place = {"problem": score.problem.words, "model": self.predictor, "test": name}
            bounds = {name: getattr(score, name) for name in ("chance", "ceiling", "reachable")}
            version = {"problem_version": score.problem.version}
            if level == "trial":
                figures = {"accuracy": score.accuracy.per_seed, "skill": score.skill}
                if (error := score.forecast.error if score.forecast else score.error) is not None:
                    figures["error"] = error.per_seed
                rows += [
                    {**place, "seed": seed, **dict(zip(figures, each, strict=True))}
                    | {**bounds, **version}
                    for seed, *each in zip(score.seeds, *figures.values(), strict=True)
                ]
                continue
            row = {**place, "accuracy": score.accuracy, **bounds, "verdict": score.verdict}
            if score.error is not None:
                row |= {"error": score.error, "chance_error": score.chance_error}
            rows.append({**row, **version})
        return rows
