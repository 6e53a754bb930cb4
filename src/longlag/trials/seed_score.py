"""Seed scores: what one seed scored on one test, as plain values beside chance and ceiling."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np

from longlag.problems import Problem, Spec
from longlag.scores import statistics
from longlag.scores.evaluation import Evaluation, Tally, guesses_of
from longlag.scores.score import Scored
from longlag.scores.statistics import Estimate

IN_DISTRIBUTION = "in-distribution"
"""The name of the one test of a setting that names none: the problem trained on."""

_EXAMPLES = 3  # sequences kept to be looked at

_EXAMPLE_STEPS = 60  # a longer sequence is no example for a reader


class Example(NamedTuple):
    """One fresh sequence, value by value; None where nothing is shown or scored.

    A value that is no single number is text, as its spec prints it. `right` says which predictions
    are.
    """

    shown: tuple[float | str | None, ...]
    expected: tuple[float | str | None, ...]
    predicted: tuple[float | str | None, ...]
    right: tuple[bool | None, ...] = ()


@dataclasses.dataclass(frozen=True, kw_only=True)
class SeedScore:
    """What one seed scored on the fresh sequences of one test.

    Attributes:
        accuracy: Share of scored targets that were right.
        sequence_accuracy: Share of sequences right throughout.
        error: For real targets, the root mean square error; else None.
        chance: Accuracy of the best prediction that ignores the inputs.
        chance_error: For real targets, its error.
        ceiling: Best accuracy that any predictor can reach.
        in_distribution: Whether the test is the problem that was trained on.
        independent: Whether the targets are independent, or one a sequence.
        one_sequence: Whether there is but one sequence, so that draws bring no noise.
        tally: Right answers, counted.
        by_step: Accuracy at each step, None where nothing is scored.
        shortcuts: Accuracy of each shortcut on the same fresh sequences.
        examples: A few fresh sequences.
    """

    accuracy: float
    sequence_accuracy: float
    error: float | None
    chance: float
    chance_error: float | None
    ceiling: float
    in_distribution: bool
    independent: bool
    one_sequence: bool
    tally: Tally
    by_step: tuple[float | None, ...]
    shortcuts: Mapping[str, float]
    examples: tuple[Example, ...]

    @classmethod
    def of(cls, scored: Scored, place: int, *, in_distribution: bool = True) -> SeedScore:
        """The score of one seed, by its place among the seeds.

        Args:
            scored: The score of all seeds on the test.
            place: Which of them.
            in_distribution: Whether the test is the problem that was trained on.
        """
        evaluation, problem = scored.evaluations[place], scored.problem
        error = None if scored.error is None else evaluation.error
        by_step = [None if np.isnan(share) else float(share) for share in evaluation.by_step]
        short = problem.steps <= _EXAMPLE_STEPS
        rows = range(min(_EXAMPLES, len(evaluation.inputs)) if short else 0)
        return cls(
            accuracy=evaluation.accuracy,
            sequence_accuracy=evaluation.sequence_accuracy,
            error=None if error is None or not np.isfinite(error) else error,
            chance=scored.chance,
            chance_error=scored.chance_error,
            ceiling=scored.ceiling,
            in_distribution=in_distribution,
            independent=problem.independent or bool((evaluation.scored.sum(axis=1) == 1).all()),
            one_sequence=problem.sequences == 1,
            tally=evaluation.tally,
            by_step=tuple(by_step),
            shortcuts=scored.shortcuts,
            examples=tuple(_example(problem, evaluation, row) for row in rows),
        )

    @classmethod
    def read(cls, written: Mapping[str, Any]) -> SeedScore:
        """The score that `document` wrote; what else stands there is passed over.

        Raises:
            KeyError: A figure is missing.
        """
        made = {field.name: written[field.name] for field in dataclasses.fields(cls)}
        made["tally"] = Tally(*made["tally"])
        made["by_step"] = tuple(made["by_step"])
        made["examples"] = tuple(Example(*map(tuple, each)) for each in made["examples"])
        return cls(**made)

    def document(self) -> dict[str, Any]:
        """The score as plain values."""
        written = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        written["tally"], written["by_step"] = list(self.tally), list(self.by_step)
        written["examples"] = [list(map(list, each)) for each in self.examples]
        written["shortcuts"] = dict(self.shortcuts)
        return written

    def without_details(self) -> SeedScore:
        """The score without its steps and its examples."""
        return dataclasses.replace(self, by_step=(), examples=())

    @property
    def skill(self) -> float:
        """(accuracy - chance) / (ceiling - chance)."""
        return self.skill_of(self.accuracy)

    def skill_of(self, accuracy: float) -> float:
        """An accuracy as a skill; 0 where chance is the ceiling, as of some series."""
        return (accuracy - self.chance) / (self.ceiling - self.chance or np.inf)

    @property
    def chance_probability(self) -> float:
        """How probable so many right answers are for a guesser at chance (as of a `Score`)."""
        return statistics.chance_probability(*_guesses([self]), self.chance)


def side_of_chance(scores: Sequence[SeedScore]) -> Literal["above", "at", "below"]:
    """Whether right answers, over all seeds, lie above chance, below, or may be guesses."""
    per_seed = [score.accuracy for score in scores]
    return statistics.side_of_chance(*_guesses(scores), scores[0].chance, per_seed)


def _guesses(scores: Sequence[SeedScore]) -> tuple[float, float]:
    return guesses_of([score.tally for score in scores], scores[0].independent)


def skill(scores: Sequence[SeedScore]) -> Estimate:
    """The skill over seeds: mean, interval, each seed."""
    first = scores[0]
    sequences = None if first.one_sequence else first.tally.sequences
    accuracy = statistics.accuracy([each.accuracy for each in scores], sequences)
    mean, low, high = map(first.skill_of, (accuracy.mean, *accuracy.interval))
    return Estimate(mean, (low, high), tuple(each.skill for each in scores), accuracy.caveat)


def _example(problem: Problem, evaluation: Evaluation, row: int) -> Example:
    scored = evaluation.scored[row]
    expected, predicted = (
        _plain(problem.targets, values[row], scored)
        for values in (evaluation.targets, evaluation.predicted)
    )
    inputs = evaluation.inputs[row]
    right = zip(evaluation.right[row].tolist(), scored, strict=True)
    return Example(
        shown=_plain(problem.inputs, inputs, problem.inputs.allows(inputs)),
        expected=expected,
        predicted=predicted,
        right=tuple(good if there else None for good, there in right),
    )


def _plain(spec: Spec, values: np.ndarray, where: np.ndarray) -> tuple[float | str | None, ...]:
    """Values of a sequence as plain ones, None where there is none."""

    def one(value: Any) -> float | str | None:
        if spec.shape:
            return spec.format(value)
        plain = value.item()
        if isinstance(plain, float):
            return float(f"{plain:.4g}") if np.isfinite(plain) else None
        return plain

    return tuple(one(value) if there else None for value, there in zip(values, where, strict=True))
