"""Seed scores: the score of one seed on one test, as plain values with chance and ceiling."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np

from longlag.answers.estimate import Estimate
from longlag.problems import Problem, Spec
from longlag.scores import statistics
from longlag.scores.evaluation import Evaluation, Tally, guesses_of
from longlag.scores.scored import Scored

IN_DISTRIBUTION = "in-distribution"
"""The name of the test of a setting without named tests: the training problem."""

_EXAMPLES = 3  # sequences for the report

_EXAMPLE_STEPS = 60  # longer sequences are not readable


class Example(NamedTuple):
    """One fresh sequence, value by value; None where there is no input or no score.

    `shown` is the inputs, `expected` the targets; `right` says which predictions are correct. A
    value that is not a single number is text, as its spec prints it.
    """

    shown: tuple[float | str | None, ...]
    expected: tuple[float | str | None, ...]
    predicted: tuple[float | str | None, ...]
    right: tuple[bool | None, ...] = ()


@dataclasses.dataclass(frozen=True, kw_only=True)
class SeedScore:
    """The score of one seed on the fresh sequences of one test.

    Attributes:
        accuracy: Share of scored targets that were predicted correctly.
        sequence_accuracy: Share of sequences with every scored step correct.
        error: For real targets, the root mean square error; else None.
        chance: Accuracy of the best prediction that ignores the inputs.
        chance_error: For real targets, its error.
        ceiling: Best accuracy that any predictor can reach.
        in_distribution: Whether the test is the training problem.
        independent: Whether the targets are independent, or one per sequence.
        one_sequence: Whether there is only one sequence, so that sampling adds no noise.
        tally: Counts of correct predictions.
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
        """The score of one seed.

        Args:
            scored: The score of all seeds on the test.
            place: The index of the seed.
            in_distribution: Whether the test is the training problem.
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
    def read(cls, document: Mapping[str, Any]) -> SeedScore:
        """The score of a document; other fields are ignored.

        Raises:
            KeyError: A figure is missing.
        """
        fields = {field.name: document[field.name] for field in dataclasses.fields(cls)}
        fields["tally"] = Tally(*fields["tally"])
        fields["by_step"] = tuple(fields["by_step"])
        fields["examples"] = tuple(Example(*map(tuple, each)) for each in fields["examples"])
        return cls(**fields)

    def document(self) -> dict[str, Any]:
        """The score as plain JSON values."""
        document = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        document["tally"], document["by_step"] = list(self.tally), list(self.by_step)
        document["examples"] = [list(map(list, each)) for each in self.examples]
        document["shortcuts"] = dict(self.shortcuts)
        return document

    def without_details(self) -> SeedScore:
        """The score without its steps and its examples."""
        return dataclasses.replace(self, by_step=(), examples=())

    @property
    def measure(self) -> str:
        """What `accuracy` is a share of, in a word: of reals those within tolerance."""
        return "accuracy" if self.chance_error is None else "within tolerance"

    @property
    def skill(self) -> float:
        """(accuracy - chance) / (ceiling - chance)."""
        return self.skill_of(self.accuracy)

    def skill_of(self, accuracy: float) -> float:
        """An accuracy as a skill; 0 where chance is the ceiling, as for some series."""
        return (accuracy - self.chance) / (self.ceiling - self.chance or np.inf)

    @property
    def chance_probability(self) -> float:
        """Probability of at least this accuracy by guessing (as in `Score`)."""
        return statistics.chance_probability(*_guesses([self]), self.chance)


def side_of_chance(scores: Sequence[SeedScore]) -> Literal["above", "at", "below"]:
    """Whether accuracy, over all seeds, is above chance, below it, or at chance."""
    if scores[0].one_sequence and all(each.skill >= statistics.SOLVED for each in scores):
        return "above"  # though guessing may well solve a short one
    per_seed = [score.accuracy for score in scores]
    return statistics.side_of_chance(*_guesses(scores), scores[0].chance, per_seed)


def _guesses(scores: Sequence[SeedScore]) -> tuple[float, float]:
    first = scores[0]
    return guesses_of([each.tally for each in scores], first.independent, first.one_sequence)


def skill(scores: Sequence[SeedScore]) -> Estimate:
    """The skill: mean over seeds, interval, each seed."""
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
        right=tuple(correct if counts else None for correct, counts in right),
    )


def _plain(spec: Spec, values: np.ndarray, where: np.ndarray) -> tuple[float | str | None, ...]:
    """Values of a sequence as plain numbers or text; None where `where` is false."""

    def one(value: Any) -> float | str | None:
        if spec.shape:
            return spec.format(value)
        plain = value.item()
        if isinstance(plain, float):
            return float(f"{plain:.4g}") if np.isfinite(plain) else None
        return plain

    return tuple(one(value) if keep else None for value, keep in zip(values, where, strict=True))
