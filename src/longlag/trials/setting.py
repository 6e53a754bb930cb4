"""Settings: problem x framing x encoding x model x recipe."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Bool, Num

from longlag.adapters.models import user_model
from longlag.arguments import plain, short_repr
from longlag.arrays import LARGEST_SINGLE, unmasked
from longlag.audit_answer import Audit
from longlag.encodings import Encoding, IntegerEncoding, SideBySide, encodings
from longlag.framings import Framing, Layout, Samples
from longlag.framings.answering import check_decoder
from longlag.knobs import lookup
from longlag.maps import audit, check_steps
from longlag.models import AnyModel, Model, ModelFactory, OneHotInput, Sizes
from longlag.problems import Channels, Episodes, Integers, Part, Problem, Reals, Series, Sets, Spec
from longlag.scores import evaluation as evaluations
from longlag.scores.evaluation import Evaluation, single_size
from longlag.scores.score import scored_steps
from longlag.training import AnyLoss, Batches, Loss, Losses, Recipe, loop
from longlag.trials.seed_score import IN_DISTRIBUTION
from longlag.visible import Reach


@dataclasses.dataclass(frozen=True, kw_only=True)
class Setting:
    """Everything about a trial except its seed.

    Args:
        problem: The problem to learn.
        framing: How its episodes become samples.
        model: A model description, or a function of sizes and seed (`longlag.adopt`).
        encoding: How an integer becomes features, one-hot by default. Reals are features already.
        recipe: How the model is trained.
        tests: Problems on which the trained model is scored, by name, as a mapping or as pairs. The
            first is the main one. By default the problem itself, as "in-distribution".

    Raises:
        TypeError: A part has the wrong type.
        ValueError: The parts do not fit together.

    >>> from longlag import EchoLag, LSTM, Whole
    >>> tests = {"as trained": EchoLag(length=25), "longer": EchoLag(length=100)}
    >>> setting = Setting(problem=EchoLag(), framing=Whole(), model=LSTM(), tests=tests)
    >>> list(setting.scored_on), setting.on("longer").problem.length
    (['as trained', 'longer'], 100)
    """

    problem: Problem
    framing: Framing
    model: ModelFactory
    encoding: type[IntegerEncoding] | None = None
    recipe: Recipe = dataclasses.field(default_factory=Recipe)
    tests: Mapping[str, Problem] | Sequence[tuple[str, Problem]] = ()  # stored as a tuple of pairs

    def __post_init__(self) -> None:
        object.__setattr__(self, "model", user_model.as_factory(self.model))
        kinds = {
            "problem": (Problem, "a problem, such as EchoLag(lag=3)"),
            "framing": (Framing, "a framing, such as Whole()"),
            "model": (ModelFactory, "a model, such as LSTM(), or a function that makes one"),
        }
        for name, (kind, words) in kinds.items():
            if not isinstance(value := getattr(self, name), kind):
                rule = f"must be {words}"
                raise TypeError(f"Setting: `{name}` {rule}, got {short_repr(value)}.")
        check_steps("Setting", self.problem)
        encoding = self.encoding
        if encoding is not None:
            if not (isinstance(encoding, type) and issubclass(encoding, IntegerEncoding)):
                raise TypeError(
                    "Setting: `encoding` must be OneHot or Scaled, the class, got "
                    f"{short_repr(encoding)}."
                )
            encodings(self.problem, encoding)
        if self.problem.for_part("training") is not self.problem:
            raise ValueError(
                "Setting: the problem must be the training part of its series. Use part='training'."
            )
        check_decoder("Setting", self.problem, self.framing, self.model)
        object.__setattr__(self, "tests", _test_pairs(self.tests))
        for name, problem in dict(self.tests).items():
            self._check_test(name, problem)

    @functools.cached_property
    def layout(self) -> Layout:
        """How the samples of a block of sequences fill whole batches.

        Raises:
            ValueError: They do not, or there is nothing to learn at the scored steps.
        """
        layout = self.layout_for(self.problem, self.recipe.batch_size)
        scored_steps(self.problem, self.framing, layout)  # raises if they cannot be scored
        return layout

    def layout_for(self, problem: Problem, batch_size: int) -> Layout:
        """The layout of a problem of the same kind, in batches of this size."""
        layout = self.framing.layout(problem, batch_size)
        if layout.output == "every" and self.model.causal and not layout.scored[..., :-1].any():
            # Only last steps are scored: compute no other outputs.
            return dataclasses.replace(
                layout, output="last", target_steps=layout.target_steps[..., -1:]
            )
        return layout

    @functools.cached_property
    def input_encoding(self) -> Encoding:
        """The encoding of the inputs of the problem."""
        return encodings(self.problem, self.encoding)[0]

    @functools.cached_property
    def target_encoding(self) -> Encoding:
        """The encoding of the targets of the problem."""
        return encodings(self.problem, self.encoding)[1]

    @functools.cached_property
    def loss(self) -> AnyLoss:
        """The loss, which also decides when a prediction is correct."""
        return loss_of(self.problem.targets, self.target_encoding)

    @functools.cached_property
    def scored(self) -> Bool[np.ndarray, " step"]:
        """The steps of an episode that this framing scores."""
        return np.isin(np.arange(self.problem.steps), self.layout.scored_steps)

    @property
    def scored_on(self) -> dict[str, Problem]:
        """The tests by name, the main one first."""
        return dict(self.tests) or {IN_DISTRIBUTION: self.problem}

    def on(self, test: str | None = None) -> Setting:
        """The setting of a test, the main one by default: with its problem, and no tests.

        Raises:
            ValueError: There is no such test.
        """
        tests = self.scored_on
        problem = lookup("test", next(iter(tests)) if test is None else test, tests)
        if problem == self.problem and not self.tests:
            return self
        return dataclasses.replace(self, problem=problem, tests=())

    def fixed_timesteps(self, problem: Problem) -> int | None:
        """The only number of timesteps that the model takes, where this problem has another.

        None where the model can be scored on the problem.
        """
        timesteps = self.sizes.timesteps
        other = dataclasses.replace(self, problem=problem, tests=())
        alike = self.model.any_length or other.sizes.timesteps == timesteps
        return None if alike else timesteps

    def _check_test(self, name: str, problem: Problem) -> None:
        """Raise if the trained model cannot be scored on this test."""
        owner = f"Setting: test `{name}`"
        try:
            on = dataclasses.replace(self, problem=problem, tests=())
            sizes = on.sizes
        except ValueError as error:
            raise ValueError(f"{owner}: {error}") from error
        for kind in ("features", "outputs"):
            size, trained = getattr(sizes, kind), getattr(self.sizes, kind)
            if size != trained:
                raise ValueError(
                    f"{owner} must have {trained} {kind}, as the problem trained on, got {size} of "
                    f"{problem!r}. Use as many values."
                )
        if (timesteps := self.fixed_timesteps(problem)) is not None:
            raise ValueError(
                f"{type(self.model).__name__} reads samples of exactly {timesteps} timesteps: "
                f"test `{name}` has {sizes.timesteps}. Use LSTM(), or a framing whose "
                "samples keep their timesteps."
            )

    def audit(self, also: Sequence[Problem] = ()) -> Audit:
        """Whether the inputs that the problem needs reach this model.

        Args:
            also: Other problems that a remedy must fit, as those of a study.
        """
        reach = Reach.of(self.model)
        size = self.recipe.batch_size
        return audit(self.problem, self.framing, batch_size=size, reach=reach, also=also)

    @functools.cached_property
    def sizes(self) -> Sizes:
        """The sizes that the model must have."""
        outputs, encoding = self.target_encoding.features, self.input_encoding
        if self.framing.output == "vector":
            outputs *= self.layout.target_steps.shape[-1]
        values = encoding.features if encoding.as_integers else None
        return Sizes(encoding.features, outputs, self.layout.steps.shape[-1], values)

    def create(self, seed: int) -> AnyModel:
        """The freshly initialised model of a seed."""
        model = self.model(self.sizes, seed)
        if self.recipe.dtype != "float32" and isinstance(model, Model) and not model.any_dtype:
            raise ValueError(
                f"Recipe: `dtype` {self.recipe.dtype} is for models of longlag and of PyTorch. "
                "Leave it out and set it in the model: dtype='mixed_bfloat16' in Keras, "
                "dtype=jnp.bfloat16 in Flax, a cast of weights and inputs in Equinox."
            )
        if self.input_encoding.as_integers and self.framing.marks and isinstance(model, Model):
            return OneHotInput(model, self.input_encoding.features)
        return model

    def evaluate(self, model: AnyModel, seed: int, *, part: Part = "evaluation") -> Evaluation:
        """Predictions of a model on at least 1,000 sequences that are not for training.

        They are of the training problem; `on` gives the setting of a test.
        """
        single = self.layout_for(self.problem, single_size(self.framing, self.recipe.batch_size))
        predict = functools.partial(self._predict, model, self.layout)
        return evaluations.evaluate(self.problem, self.layout, single, part, seed, predict)

    def evaluate_on(self, model: AnyModel, episodes: Episodes) -> Evaluation:
        """Predictions of a model on these episodes, whole blocks of them."""
        predict = functools.partial(self._predict, model, self.layout)
        return evaluations.predictions(self.problem, self.layout, episodes, predict)

    def predict(
        self, model: AnyModel, sequence: Sequence[float] | Sequence[Sequence[float]] | np.ndarray
    ) -> Num[np.ndarray, "prediction *shape"]:
        """The predictions of a model for one sequence, `(prediction, *shape)`, one per scored step.

        For a series: from its latest rows, in the unit of the target.

        Raises:
            TypeError: It is no list of values of the problem.
            ValueError: It is too short for the problem or the framing.
        """
        shown = unmasked("predict: `sequence` is", sequence)
        self._check_length(shown.shape[:1])
        problem, episodes = self.problem.episode(shown)
        layout = self.layout_for(problem, single_size(self.framing, self.recipe.batch_size))
        predict = functools.partial(self._predict, model, layout)
        evaluation = evaluations.predictions(problem, layout, episodes, predict)
        return problem.in_unit(evaluation.predicted[0][evaluation.scored[0]])

    def _check_length(self, shape: tuple[int, ...]) -> None:
        """Refuse a sequence that has fewer values than a sample of the framing."""
        fewest = getattr(self.framing, "timesteps", 1) - self.problem.answers
        if isinstance(self.problem, Series) or not shape or not 0 < shape[0] < fewest:
            return  # long enough, or refused by the problem
        try:
            for length in (fewest, fewest + 1):  # not a problem of one length
                self.problem.showing(length)
        except ValueError:
            return
        given = "1 value" if shape[0] == 1 else f"{shape[0]} values"
        raise ValueError(
            f"predict: `sequence` must have at least {fewest} values, as many as a sample of the "
            f"framing {self.framing.title()}, got {given}. Give {fewest} or more."
        )

    def _predict(
        self, model: AnyModel, layout: Layout, samples: Samples, reset: np.ndarray | None
    ) -> np.ndarray:
        """The predictions of a model for samples with a leading update axis."""
        batches = self.arrays(samples, reset, layout)
        return loop.predict(model, batches, loss=self.loss, output=layout.output)[1]

    def arrays(
        self, samples: Samples, reset: np.ndarray | None, layout: Layout | None = None
    ) -> Batches:
        """Samples of a layout, with a leading update axis, as batches for a model."""
        inputs = samples.inputs
        if not self.input_encoding.as_integers:
            inputs = self.input_encoding.encode(inputs)
        elif not self.framing.marks:
            inputs = np.maximum(inputs, 0)
        complete = (layout or self.layout).present.all() and not self.problem.masks
        mask = None if complete else samples.mask
        return Batches(inputs, samples.targets, mask, reset)


def loss_of(spec: Spec, encoding: Encoding) -> AnyLoss:
    """The loss for targets of this spec in this encoding."""
    match spec, encoding:
        case Channels(), SideBySide():
            pairs = zip(spec.parts, encoding.encodings, strict=True)
            parts = tuple(loss_of(*pair) for pair in pairs)
            return Losses(tuple(part for part in parts if isinstance(part, Loss)), encoding.widths)
        case Reals(), _:
            tolerance = min(spec.within, LARGEST_SINGLE)
            return Loss(encoding.loss, tolerance=tolerance, size=spec.size)
        case Sets(), _:
            return Loss(encoding.loss, size=spec.values)
        case Integers(), _:
            scaled = encoding.loss == "squared-error"
            return Loss(encoding.loss, values=spec.values if scaled else None)
    raise TypeError(f"Setting: no loss fits {type(spec).__name__}. Use Integers or Reals.")


def _test_pairs(
    tests: Mapping[str, Problem] | Sequence[tuple[str, Problem]],
) -> tuple[tuple[str, Problem], ...]:
    """Tests as pairs of a name and a problem, with unique names."""
    tests = plain(tests)
    pairs: Any = tests.items() if isinstance(tests, Mapping) else tests
    pairs = tuple(pairs) if isinstance(pairs, Collection) else (pairs,)
    if not all(isinstance(pair, tuple | list) and len(pair) == 2 for pair in pairs):
        raise TypeError(
            f"Setting: `tests` must be problems by name, got {short_repr(tests)}. "
            "Use {'longer': problem}."
        )
    for name, problem in pairs:
        if not isinstance(name, str) or not name.strip():
            raise ValueError(
                f"Setting: `tests` must have names that are not empty, got {short_repr(name)}. "
                "Use 'longer', say."
            )
        if not isinstance(problem, Problem):
            raise TypeError(
                f"Setting: test `{name}` must be a problem, such as EchoLag(length=50), got "
                f"{short_repr(problem)}. Use EchoLag(length=100), say."
            )
    names = [name for name, _ in pairs]
    if repeated := next((name for name in names if names.count(name) > 1), None):
        raise ValueError(f"Setting: `tests` names `{repeated}` twice. Use another name.")
    return tuple(map(tuple, pairs))
