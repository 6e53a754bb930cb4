"""Outcomes: what one trial came to, as plain values that a store keeps and a report reads."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

from longlag.problems import Problem, Spec
from longlag.scores import statistics
from longlag.scores.evaluation import Evaluation
from longlag.scores.statistics import Estimate

if TYPE_CHECKING:
    from longlag.trials.run import Run


_POINTS = 100  # of a learning curve, at most

_STRETCH = 16  # updates in a point of a curve, at least

_EXAMPLES = 3  # sequences kept to be looked at

_EXAMPLE_STEPS = 60  # a longer sequence is no example for a reader


class Curve(NamedTuple):
    """A learning curve, a point for each stretch of equally many updates; the last may be short.

    Attributes:
        updates: Updates made at the end of the stretch.
        loss: Mean loss in it.
        worst: Largest loss in it.
        accuracy: Share of its scored targets that were right before the update.
    """

    updates: tuple[int, ...]
    loss: tuple[float, ...]
    worst: tuple[float, ...]
    accuracy: tuple[float, ...]


class Tally(NamedTuple):
    """Right answers of an evaluation, counted so that seeds can be put together.

    Attributes:
        hits: Scored steps that were right.
        scored: Scored steps.
        sequences: Sequences.
        shares: Sum over sequences of the share of scored steps that were right.
        squares: Sum over sequences of the square of that share.
    """

    hits: int
    scored: int
    sequences: int
    shares: float
    squares: float


class Seconds(NamedTuple):
    """Where the time of a trial went."""

    compile: float
    train: float
    evaluate: float

    @property
    def total(self) -> float:
        """All of it."""
        return self.compile + self.train + self.evaluate


class Example(NamedTuple):
    """One fresh sequence, value by value; None where nothing is shown or scored.

    A value that is no single number is text, as its spec prints it.
    """

    shown: tuple[float | str | None, ...]
    expected: tuple[float | str | None, ...]
    predicted: tuple[float | str | None, ...]
    right: tuple[bool | None, ...] = ()


@dataclasses.dataclass(frozen=True, kw_only=True)
class Outcome:
    """What a trial came to. All but `seconds` is the same whenever and wherever it is run.

    Attributes:
        ended: `finished` all updates, `stopped` at the criterion, or `diverged`.
        diverged_at: The update at which it diverged, if it did.
        updates: Updates made.
        sequences: Sequences trained on.
        accuracy: Share of scored targets of fresh sequences that were right.
        validation: The same on the stream that settings are chosen on; None if not measured.
        whole: Share of fresh sequences right throughout.
        error: For real targets, the root mean square error; else None.
        chance: Accuracy of the best prediction that ignores the inputs.
        chance_error: For real targets, its error.
        ceiling: Best accuracy that any predictor can reach.
        reachable: Best accuracy that the inputs in sight allow, by the audit.
        audit: Verdict of the audit.
        independent: Whether the targets are independent, or one a sequence.
        one_sequence: Whether there is but one sequence, so that draws bring no noise.
        tally: Right answers, counted.
        by_step: Accuracy at each step, None where nothing is scored.
        shortcuts: Accuracy of each shortcut on the same fresh sequences.
        curve: The learning curve.
        parameters: Trained weights.
        examples: A few fresh sequences.
        seconds: Where the time went.
    """

    ended: Literal["finished", "stopped", "diverged"]
    diverged_at: int | None
    updates: int
    sequences: int
    accuracy: float
    validation: float | None
    whole: float
    error: float | None
    chance: float
    chance_error: float | None
    ceiling: float
    reachable: float
    audit: Literal["learnable", "state-only", "unreachable"]
    independent: bool
    one_sequence: bool
    tally: Tally
    by_step: tuple[float | None, ...]
    shortcuts: Mapping[str, float]
    curve: Curve
    parameters: int
    examples: tuple[Example, ...]
    seconds: Seconds

    @classmethod
    def of(
        cls, run: Run, *, validation: float | None = None, parameters: int, place: int = 0
    ) -> Outcome:
        """The outcome of one seed of a run, by its place among the seeds."""
        evaluation, history = run.evaluations[place], run.history[place]
        problem, found = run.setting.problem, run.setting.audit()
        right, scored = evaluation.right.sum(axis=1), evaluation.scored.sum(axis=1)
        shares = right / scored
        last = history[-1] if history else None
        ended = "finished" if last is None or last.outcome == "running" else last.outcome
        error = None if run.error is None else evaluation.error
        by_step = [None if np.isnan(share) else float(share) for share in evaluation.by_step]
        return cls(
            ended=ended,
            diverged_at=run.diverged_at[place],
            updates=0 if last is None else last.updates,
            sequences=run.sequences[place],
            accuracy=evaluation.accuracy,
            validation=validation,
            whole=evaluation.whole,
            error=None if error is None or not np.isfinite(error) else error,
            chance=run.chance,
            chance_error=run.chance_error,
            ceiling=run.ceiling,
            reachable=found.ceiling,
            audit=found.verdict,
            independent=problem.independent or bool((scored == 1).all()),
            one_sequence=problem.sequences == 1,
            tally=Tally(
                int(right.sum()),
                int(scored.sum()),
                len(scored),
                float(shares.sum()),
                float((shares**2).sum()),
            ),
            by_step=tuple(by_step),
            shortcuts=run.shortcuts,
            curve=_curve([(each.losses, each.accuracy) for each in history]),
            parameters=parameters,
            examples=tuple(
                _example(problem, evaluation, row)
                for row in range(min(_EXAMPLES, len(evaluation.inputs)))
            )
            if problem.steps <= _EXAMPLE_STEPS and evaluation.spec == problem.targets
            else (),
            seconds=Seconds(
                run.compile_seconds,
                run.train_seconds,
                run.total_seconds - run.compile_seconds - run.train_seconds,
            ),
        )

    @classmethod
    def read(cls, written: Mapping[str, Any]) -> Outcome:
        """The outcome that `document` wrote."""
        made = dict(written)
        made["tally"] = Tally(*made["tally"])
        updates, *figures = made["curve"]
        made["curve"] = Curve(tuple(updates), *(tuple(_unwritten(each)) for each in figures))
        made["seconds"] = Seconds(*made["seconds"])
        made["by_step"] = tuple(made["by_step"])
        made["examples"] = tuple(Example(*map(tuple, each)) for each in made["examples"])
        return cls(**made)

    def document(self) -> dict[str, Any]:
        """The outcome as plain values; a loss that is no number is written as null."""
        fields = dataclasses.fields(self)
        written = {field.name: getattr(self, field.name) for field in fields}
        written["curve"] = [_written(column) for column in self.curve]
        written["tally"], written["seconds"] = list(self.tally), list(self.seconds)
        written["by_step"] = list(self.by_step)
        written["examples"] = [list(map(list, each)) for each in self.examples]
        written["shortcuts"] = dict(self.shortcuts)
        return written

    def light(self) -> Outcome:
        """The outcome without its curve, its steps and its examples, for those who hold many."""
        return dataclasses.replace(self, curve=Curve((), (), (), ()), by_step=(), examples=())

    @property
    def skill(self) -> float:
        """(accuracy - chance) / (ceiling - chance), on fresh sequences."""
        return self._skill(self.accuracy)

    @property
    def validation_skill(self) -> float:
        """The skill on the stream that settings are chosen on.

        Raises:
            ValueError: It was not measured.
        """
        if self.validation is None:
            raise ValueError("Outcome: nothing was measured on the validation stream.")
        return self._skill(self.validation)

    def _skill(self, accuracy: float) -> float:
        # Of a series a constant may be right throughout.
        return (accuracy - self.chance) / (self.ceiling - self.chance or np.inf)

    @functools.cached_property
    def chance_probability(self) -> float:
        """How probable so many right answers are for a guesser at chance."""
        return chance_probability([self])

    @property
    def guessing(self) -> bool:
        """Whether it cannot be told from chance."""
        return self.chance_probability > 1 - statistics.CONFIDENCE


def chance_probability(outcomes: Sequence[Outcome]) -> float:
    """How probable so many right answers are, over all seeds, for a guesser at chance.

    The exact binomial test where targets are independent or one a sequence, else a test on
    the shares of right answers of whole sequences (as `Run.chance_probability`).
    """
    tallies, chance = [outcome.tally for outcome in outcomes], outcomes[0].chance
    if outcomes[0].independent:
        hits, scored = (sum(tally[place] for tally in tallies) for place in (0, 1))
        return statistics.chance_probability(int(hits), int(scored), chance)
    count, shares, squares = (sum(tally[place] for tally in tallies) for place in (2, 3, 4))
    return statistics.above_probability_of_sums(int(count), shares, squares, chance)


def standing(outcomes: Sequence[Outcome]) -> Literal["above", "at", "below"]:
    """How right answers compare, over all seeds, with those of a guesser at chance."""
    if chance_probability(outcomes) <= 1 - statistics.CONFIDENCE:
        return "above"
    # The test looks upward only: what lies far below is no guesser's either.
    return "below" if skill(outcomes).interval[1] < -1e-9 else "at"


def skill(outcomes: Sequence[Outcome]) -> Estimate:
    """The skill over seeds: mean, interval, each seed."""
    first = outcomes[0]
    sequences = None if first.one_sequence else first.tally.sequences
    found = statistics.accuracy([each.accuracy for each in outcomes], sequences)
    span = first.ceiling - first.chance or np.inf
    low, high = ((bound - first.chance) / span for bound in found.interval)
    mean = (found.mean - first.chance) / span
    return Estimate(mean, (low, high), tuple(each.skill for each in outcomes))


def _example(problem: Problem, evaluation: Evaluation, row: int) -> Example:
    scored = evaluation.scored[row]
    expected, predicted = (
        tuple(_plain(problem.targets, value) if there else None for value, there in pairs)
        for pairs in (
            zip(values, scored, strict=True)
            for values in (evaluation.targets[row], evaluation.predicted[row])
        )
    )
    inputs, spec = evaluation.inputs[row], problem.inputs
    visible = zip(inputs, spec.allows(inputs), strict=True)
    shown = tuple(_plain(spec, value) if there else None for value, there in visible)
    pairs = zip(evaluation.right[row].tolist(), scored, strict=True)
    return Example(shown, expected, predicted, tuple(r if there else None for r, there in pairs))


def _plain(spec: Spec, value: Any) -> float | int | str | None:
    if spec.shape:
        return spec.format(value)
    plain = value.item()
    if isinstance(plain, float):
        return float(f"{plain:.4g}") if np.isfinite(plain) else None
    return plain


def _curve(reports: Sequence[tuple[np.ndarray, float]]) -> Curve:
    """Stretches of equal numbers of updates; accuracy is known of whole reports alone."""
    losses = np.concatenate([losses for losses, _ in reports]) if reports else np.zeros(0)
    accuracy = np.concatenate([np.full(len(part), share) for part, share in reports] or [losses])
    stretch = max(_STRETCH, -(-len(losses) // _POINTS))
    starts = np.arange(0, len(losses), stretch)
    if not len(starts):
        return Curve((), (), (), ())
    counts = np.diff(starts, append=len(losses))
    figures = (
        np.add.reduceat(losses.astype(np.float64), starts) / counts,
        np.maximum.reduceat(losses, starts),
        np.add.reduceat(accuracy, starts) / counts,
    )
    return Curve(
        tuple(map(int, starts + counts)),
        *(tuple(float(f"{figure:.5g}") for figure in column) for column in figures),
    )


def _written(column: Sequence[float]) -> list[float | None]:
    return [None if value != value or abs(value) == np.inf else value for value in column]


def _unwritten(column: Sequence[float | None]) -> list[float]:
    return [np.inf if value is None else value for value in column]
