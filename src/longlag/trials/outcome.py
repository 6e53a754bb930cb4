"""Outcomes: the results of one trial, as plain values for the store and the report."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
from jaxtyping import Bool, Int

from longlag.answers.blocks import Cell, number_cell
from longlag.answers.estimate import Estimate
from longlag.answers.format import bytes_text, short_time, span
from longlag.framings import Layout
from longlag.knobs import lookup
from longlag.trials import seed_score
from longlag.trials.environment import Environment
from longlag.trials.resources import Resources
from longlag.trials.seed_score import IN_DISTRIBUTION, SeedScore

SCHEMA = 4
"""Version of the document of an outcome; without a version it is 1 (one test, no name)."""

_POINTS = 100  # of a learning curve, at most

_STRETCH = 16  # updates in a point of a curve, at least

FIRST = (1, 2, 4, 8)
"""Last updates of the first points, which are short: a run may diverge in a few updates."""


class Curve(NamedTuple):
    """A learning curve, with a point for each stretch of equally many updates.

    The first few stretches (`FIRST`) and the last may be shorter.

    Attributes:
        updates: Number of updates at the end of the stretch.
        loss: Mean loss in it.
        accuracy: Share of its scored targets that were correct before the update.
    """

    updates: tuple[int, ...]
    loss: tuple[float, ...]
    accuracy: tuple[float, ...]


class Seconds(NamedTuple):
    """The seconds of a trial, by stage."""

    compile: float
    train: float
    evaluate: float

    @property
    def total(self) -> float:
        """The sum."""
        return self.compile + self.train + self.evaluate


class Bounds(NamedTuple):
    """Chance and ceiling of a problem."""

    chance: float
    ceiling: float


def _of_main_test(name: str) -> Any:
    return property(lambda outcome: getattr(outcome.score(), name))


@dataclasses.dataclass(frozen=True, kw_only=True)
class Outcome:
    """The results of a trial. All but `seconds` and `resources` is reproducible.

    The figures of the main test, the first, are also attributes of the outcome: `accuracy`,
    `skill`, `chance` and all others of `SeedScore`.

    Attributes:
        ended: `finished` all updates, `stopped` at the stopping criterion, or `diverged`.
        diverged_at: The update at which it diverged, if it did.
        updates: Number of updates.
        sequences: Number of training sequences.
        validation: Accuracy on the validation stream; None if not measured.
        reachable: Best possible accuracy from the inputs that reach the model, by the audit.
        audit: Verdict of the audit.
        bounds: Chance and ceiling of the training problem, for `validation` and `reachable`.
        curve: The learning curve.
        fresh: Whether each training sequence was new and without teacher forcing, so that the
            model cannot overfit.
        teacher_forcing: Whether a decoder was trained on the right values before each output, and
            scored on its own.
        noise: Noise of the loss from update to update: the standard deviation of its logarithm.
        parameters: Number of trained weights.
        state: Numbers of state that the model hands on for each sequence; None where it keeps
            them to itself, as in earlier documents.
        seconds: The seconds of each stage.
        resources: What it took besides; no part of equality.
        scores: The score on each test, by name, the main test first.
        environment: Where it was trained, if known; no part of equality and of documents.
    """

    ended: Literal["finished", "stopped", "diverged"]
    diverged_at: int | None
    updates: int
    sequences: int
    validation: float | None
    reachable: float
    audit: Literal["learnable", "state-only", "unreachable"]
    bounds: Bounds
    curve: Curve
    parameters: int
    seconds: Seconds
    scores: Mapping[str, SeedScore]
    fresh: bool = True
    teacher_forcing: bool = False
    noise: float = 0.0
    state: int | None = None
    resources: Resources = dataclasses.field(default=Resources(), compare=False)
    environment: Environment | None = dataclasses.field(default=None, compare=False)

    @classmethod
    def read(cls, document: Mapping[str, Any]) -> Outcome:
        """The outcome of a document, of this or an earlier version of longlag.

        Raises:
            ValueError: The document is from a newer longlag, or a field is missing.
        """
        try:
            return cls._read(_migrated(document))
        except KeyError as error:
            raise ValueError(
                f"Outcome: the document has no {error}. Ask the study again, in another store."
            ) from error

    @classmethod
    def _read(cls, document: Mapping[str, Any]) -> Outcome:
        # These came without a new schema.
        later = {"state": None, "resources": (), "teacher_forcing": False}
        document = {**later, **document}
        fields = {name: document[name] for name in _names(cls)}
        updates, *figures = fields["curve"]
        fields["curve"] = Curve(tuple(updates), *(tuple(_from_json(each)) for each in figures))
        fields["bounds"], fields["seconds"] = Bounds(*fields["bounds"]), Seconds(*fields["seconds"])
        fields["resources"] = Resources(*fields["resources"])
        fields["scores"] = {each["test"]: SeedScore.read(each) for each in fields["scores"]}
        return cls(**fields)

    def document(self) -> dict[str, Any]:
        """The outcome as plain JSON values; a loss that is not finite becomes null."""
        document = {"schema": SCHEMA} | {name: getattr(self, name) for name in _names(type(self))}
        document["curve"] = [_to_json(column) for column in self.curve]
        for name in ("bounds", "seconds", "resources"):
            document[name] = list(getattr(self, name))
        # A list, since JSON objects may be stored with sorted keys.
        scores = self.scores.items()
        document["scores"] = [{"test": name, **each.document()} for name, each in scores]
        return document

    def without_details(self) -> Outcome:
        """The outcome without its curve, its steps and its examples, to save memory."""
        scores = {name: score.without_details() for name, score in self.scores.items()}
        return dataclasses.replace(self, curve=Curve((), (), ()), scores=scores)

    def score(self, test: str | None = None) -> SeedScore:
        """The score on a test, the main one by default.

        Raises:
            ValueError: There is no such test.
        """
        if test is None:
            return next(iter(self.scores.values()))
        return lookup("test", test, self.scores)

    accuracy = _of_main_test("accuracy")
    sequence_accuracy = _of_main_test("sequence_accuracy")
    error = _of_main_test("error")
    chance = _of_main_test("chance")
    chance_error = _of_main_test("chance_error")
    ceiling = _of_main_test("ceiling")
    independent = _of_main_test("independent")
    one_sequence = _of_main_test("one_sequence")
    tally = _of_main_test("tally")
    by_step = _of_main_test("by_step")
    shortcuts = _of_main_test("shortcuts")
    examples = _of_main_test("examples")
    measure = _of_main_test("measure")
    skill = _of_main_test("skill")
    chance_probability = _of_main_test("chance_probability")

    @property
    def validation_skill(self) -> float:
        """The skill on the validation stream.

        Raises:
            ValueError: It was not measured.
        """
        if self.validation is None:
            raise ValueError("Outcome: nothing was measured on the validation stream.")
        return self.within(self.validation)

    def within(self, accuracy: float) -> float:
        """An accuracy on the training problem, as a skill."""
        # On a series a constant may be always right: chance is then the ceiling.
        chance, ceiling = self.bounds
        return (accuracy - chance) / (ceiling - chance or np.inf)


def _names(kind: type[Outcome]) -> list[str]:
    """The fields of a document of an outcome."""
    return [field.name for field in dataclasses.fields(kind) if field.name != "environment"]


class ModelSize(NamedTuple):
    """The size of models, each figure a number or the least and the most; empty if not known."""

    weights: str
    state: str

    @classmethod
    def of(cls, outcomes: Iterable[Outcome]) -> ModelSize:
        """That of the models of trials."""
        every = list(outcomes)
        state = [each.state for each in every if each.state is not None]
        weights = [each.parameters for each in every]
        return cls(*(span(each) if each else "" for each in (weights, state)))

    def __str__(self) -> str:
        state = f", state {self.state}" if self.state else ""
        return f"{self.weights} weights{state}" if self.weights else ""


def size_and_speed(outcomes: Iterable[Outcome]) -> dict[str, Any]:
    """The largest numbers of weights and of state, and what trials took; None where not known."""
    every = list(outcomes)
    updates = sum(each.updates for each in every)
    seconds = sum(each.seconds.train for each in every)
    return {
        "parameters": max((each.parameters for each in every), default=None),
        "state": max((each.state for each in every if each.state is not None), default=None),
        "updates_per_second": updates / seconds if seconds > 0 else None,
        **Resources.of(each.resources for each in every)._asdict(),
    }


COST = "FLOPs an update", "updates a second", "memory", "a step predicted in batches"
"""The columns of `cost_cells`."""


def cost_cells(outcomes: Iterable[Outcome]) -> tuple[Cell, ...]:
    """What training and predicting took, as cells of a table (`COST`); empty where not known."""
    found = size_and_speed(outcomes)
    texts = (
        (found["flops_per_update"], "{:,}".format),
        (found["updates_per_second"], "{:,.0f}".format),
        (found["memory"], bytes_text),
        (found["seconds_per_step"], short_time),
    )
    return tuple(number_cell("" if value is None else text(value)) for value, text in texts)


def side_of_chance(
    outcomes: Sequence[Outcome], test: str | None = None
) -> Literal["above", "at", "below"]:
    """Whether accuracy on a test, over all seeds, is above chance, below it, or at chance.

    Args:
        outcomes: The outcome of each seed.
        test: The test; the main one by default.
    """
    return seed_score.side_of_chance([each.score(test) for each in outcomes])


def skill(outcomes: Sequence[Outcome], test: str | None = None) -> Estimate:
    """The skill on a test, the main one by default: mean over seeds, interval, each seed."""
    return seed_score.skill([each.score(test) for each in outcomes])


def _migrated(document: Mapping[str, Any]) -> Mapping[str, Any]:
    """A document of any schema as one of this schema."""
    schema = document.get("schema", 1)
    if schema == SCHEMA:
        return document
    if schema not in (1, 2, 3):
        raise ValueError(
            f"Outcome: the document has schema {schema}, this longlag reads up to {SCHEMA}: it "
            "was written by a newer longlag. Update longlag."
        )
    if schema == 1:
        updates, loss, _, accuracy = document["curve"]  # the third was the largest loss
        score = {"test": IN_DISTRIBUTION, "in_distribution": True, **document}
        bounds = [document["chance"], document["ceiling"]]
        curve = [updates, loss, accuracy]
        document = {**document, "curve": curve, "bounds": bounds, "scores": [score]}
    if schema < 3:
        scores = [{**score, "sequence_accuracy": score["whole"]} for score in document["scores"]]
        document = {**document, "scores": scores}
    return {**document, "fresh": False, "noise": 0.0}  # unknown: overfitting is not ruled out


def scored_updates(layout: Layout) -> Bool[np.ndarray, " update"] | None:
    """Which updates of a block score any target; the loss of the others is 0 and says nothing.

    None where their order is random.
    """
    return None if layout.shuffled else np.asarray(layout.scored.any(axis=(1, 2)))


def updates_with_loss(
    losses: np.ndarray, scored: Sequence[bool] | np.ndarray | None
) -> Int[np.ndarray, " some"]:
    """The indices of the updates that score a target (`scored_updates`)."""
    return np.flatnonzero(losses if scored is None else np.resize(scored, len(losses)))


def learning_curve(
    reports: Sequence[tuple[np.ndarray, np.ndarray | float]],
    scored: Sequence[bool] | np.ndarray | None = (True,),
) -> Curve:
    """The curve of the losses of all updates that score a target.

    Args:
        reports: The losses of updates, and the accuracy of each or over all of them.
        scored: Which updates score a target, of a block that repeats; None for those with a loss.

    >>> learning_curve([(np.array([0.0, 5.0, 0.0, 3.0]), 0.5)], [False, True]).loss
    (5.0, 3.0)
    """
    losses = np.concatenate([losses for losses, _ in reports]) if reports else np.zeros(0)
    accuracy = np.concatenate([np.full(len(part), share) for part, share in reports] or [losses])
    at = updates_with_loss(losses, scored)
    losses, accuracy = losses[at], accuracy[at]
    stretch = max(_STRETCH, -(-len(losses) // _POINTS))
    if not len(losses):
        return Curve((), (), ())
    first = [update for update in FIRST if update < len(losses)]
    starts = np.unique([*first, *range(0, len(losses), stretch)])
    counts = np.diff(starts, append=len(losses))
    figures = (
        np.add.reduceat(losses.astype(np.float64), starts) / counts,
        np.add.reduceat(accuracy, starts) / counts,
    )
    return Curve(
        tuple((at[starts + counts - 1] + 1).tolist()),
        *(tuple(float(f"{figure:.5g}") for figure in column) for column in figures),
    )


def noise(losses: np.ndarray) -> float:
    """The standard deviation of the log loss, from the median difference of neighbours."""
    logs = np.log(np.maximum(losses[np.isfinite(losses)].astype(np.float64), 1e-30))
    if len(logs) < 2:
        return 0.0
    return float(f"{np.median(np.abs(np.diff(logs))) / (0.6745 * 2**0.5):.4g}")


def _to_json(column: Sequence[float]) -> list[float | None]:
    return [None if value != value or abs(value) == np.inf else value for value in column]


def _from_json(column: Sequence[float | None]) -> list[float]:
    return [np.inf if value is None else value for value in column]
