"""Settings: problem x framing x encoding x model x recipe."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Bool, Num

from longlag.adapters.models import user_model
from longlag.encodings import Encoding, IntegerEncoding, SideBySide, encodings
from longlag.framings import Framing, Layout, Samples
from longlag.knobs import lookup
from longlag.maps import Audit, Reach, audit, check_steps
from longlag.models import AnyModel, Model, ModelFactory, OneHotInput, Seq2Seq, Sizes
from longlag.problems import Channels, Integers, Part, Problem, Reals, Sets, Spec
from longlag.scores import evaluation as evaluations
from longlag.scores.evaluation import Evaluation, single_size
from longlag.scores.score import scored_steps
from longlag.training import AnyLoss, Batches, Loss, Losses, Recipe, loop
from longlag.trials.seed_score import IN_DISTRIBUTION


@dataclasses.dataclass(frozen=True, kw_only=True)
class Setting:
    """All of a trial but its seed.

    Args:
        problem: What is to be learned.
        framing: How its episodes become samples.
        model: A model once the sizes are known: a description, or a function of sizes and seed
            (`longlag.adopt`).
        encoding: How an integer becomes features, one-hot by default. Reals are shown as
            they are.
        recipe: How the model is fitted.
        tests: Problems that the trained model is scored on, by name; a mapping will do. The first
            is the main one. Where none is named it is the problem itself, as "in-distribution".

    Raises:
        TypeError: A part is of another kind.
        ValueError: Parts do not go together.

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
    tests: Mapping[str, Problem] | Sequence[tuple[str, Problem]] = ()  # kept as pairs, a tuple

    def __post_init__(self) -> None:
        object.__setattr__(self, "model", user_model.as_factory(self.model))
        kinds = {"problem": Problem, "framing": Framing, "model": ModelFactory}
        for name, kind in kinds.items():
            if not isinstance(value := getattr(self, name), kind):
                rule = f"must be a {kind.__name__} with its knobs set"
                raise TypeError(f"Setting: `{name}` {rule}, got {value!r}.")
        check_steps("Setting", self.problem)
        chosen = self.encoding
        if chosen is not None:
            if not (isinstance(chosen, type) and issubclass(chosen, IntegerEncoding)):
                raise TypeError(
                    f"Setting: `encoding` must be OneHot or Scaled, the class, got {chosen!r}."
                )
            encodings(self.problem, chosen)
        if self.problem.for_part("training") is not self.problem:
            raise ValueError(
                "Setting: its series must draw what it is trained on from the rows that train. Use "
                "part='training'."
            )
        check_decoder(self.framing, self.model)
        object.__setattr__(self, "tests", _named(self.tests))
        for name, problem in dict(self.tests).items():
            self._check_test(name, problem)

    @functools.cached_property
    def layout(self) -> Layout:
        """How the samples of a block of sequences fill whole batches.

        Raises:
            ValueError: They do not, or there is nothing to learn at what is scored.
        """
        layout = self.layout_for(self.problem, self.recipe.batch_size)
        scored_steps(self.problem, self.framing, layout)  # refuses what cannot be scored
        return layout

    def layout_for(self, problem: Problem, batch_size: int) -> Layout:
        """The layout of another problem of the kind, or of batches of another size."""
        layout = self.framing.layout(problem, batch_size)
        if layout.output == "every" and self.model.causal and not layout.scored[..., :-1].any():
            # Only last steps are scored: spare the outputs that nobody asks for.
            return dataclasses.replace(
                layout, output="last", target_steps=layout.target_steps[..., -1:]
            )
        return layout

    @functools.cached_property
    def input_encoding(self) -> Encoding:
        """The encoding of what this problem shows."""
        return encodings(self.problem, self.encoding)[0]

    @functools.cached_property
    def target_encoding(self) -> Encoding:
        """The encoding of what this problem asks for."""
        return encodings(self.problem, self.encoding)[1]

    @functools.cached_property
    def loss(self) -> AnyLoss:
        """What is minimised, and when an output is right."""
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
        """The timesteps of a sample, where the model reads no others and this problem has others.

        None where the model can be scored on the problem.
        """
        timesteps = self.sizes.timesteps
        other = dataclasses.replace(self, problem=problem, tests=())
        alike = self.model.any_length or other.sizes.timesteps == timesteps
        return None if alike else timesteps

    def _check_test(self, name: str, problem: Problem) -> None:
        """Refuse a test that the trained model cannot be scored on."""
        owner = f"Setting: test `{name}`"
        try:
            on = dataclasses.replace(self, problem=problem, tests=())
            asked = on.sizes
        except ValueError as error:
            raise ValueError(f"{owner}: {error}") from error
        for kind in ("features", "outputs"):
            size, trained = getattr(asked, kind), getattr(self.sizes, kind)
            if size != trained:
                raise ValueError(
                    f"{owner} must have {trained} {kind}, as the problem trained on, got {size} of "
                    f"{problem!r}. Use as many values."
                )
        if (timesteps := self.fixed_timesteps(problem)) is not None:
            raise ValueError(
                f"{type(self.model).__name__} reads samples of exactly {timesteps} timesteps: "
                f"test `{name}` has {asked.timesteps}. Use a recurrent model, or a framing whose "
                "samples keep their timesteps."
            )

    def audit(self) -> Audit:
        """What the problem needs beside what the framing gives this model."""
        reach = Reach(self.model.window, self.model.remembers, not self.model.causal)
        return audit(self.problem, self.framing, batch_size=self.recipe.batch_size, reach=reach)

    @functools.cached_property
    def sizes(self) -> Sizes:
        """What is asked of a model."""
        outputs, shown = self.target_encoding.features, self.input_encoding
        if self.framing.output == "vector":
            outputs *= self.layout.target_steps.shape[-1]
        values = shown.features if shown.as_integers else None
        return Sizes(shown.features, outputs, self.layout.steps.shape[-1], values)

    def create(self, seed: int) -> AnyModel:
        """The freshly initialised model of a seed."""
        model = self.model(self.sizes, seed)
        if self.input_encoding.as_integers and self.framing.marks and isinstance(model, Model):
            return OneHotInput(model, self.input_encoding.features)
        return model

    def evaluate(self, model: AnyModel, seed: int, *, part: Part = "evaluation") -> Evaluation:
        """Score a model on at least 1,000 sequences that never train.

        They are of the problem trained on; `on` gives the setting of a test.
        """
        single = self.layout_for(self.problem, single_size(self.framing, self.recipe.batch_size))
        predict = functools.partial(self._predict, model, self.layout)
        return evaluations.evaluate(self.problem, self.layout, single, part, seed, predict)

    def predict(
        self, model: AnyModel, sequence: Sequence[float] | Sequence[Sequence[float]] | np.ndarray
    ) -> Num[np.ndarray, "prediction *shape"]:
        """The predictions of a model for one sequence, at each step that the framing scores.

        Of a series: from its latest rows as they are, in the unit of the target.
        """
        problem, episodes = self.problem.episode(np.asarray(sequence))
        layout = self.layout_for(problem, single_size(self.framing, self.recipe.batch_size))
        predict = functools.partial(self._predict, model, layout)
        evaluation = evaluations.predictions(problem, layout, episodes, predict)
        return problem.in_unit(evaluation.predicted[0][evaluation.scored[0]])

    def _predict(
        self, model: AnyModel, layout: Layout, samples: Samples, reset: np.ndarray | None
    ) -> np.ndarray:
        """The predictions of a model for samples with a leading update axis."""
        batches = self.arrays(samples, reset, layout)
        return loop.predict(model, batches, loss=self.loss, output=layout.output)[1]

    def arrays(
        self, samples: Samples, reset: np.ndarray | None, layout: Layout | None = None
    ) -> Batches:
        """Samples of a layout, with a leading update axis, as a model gets them."""
        inputs = samples.inputs
        if not self.input_encoding.as_integers:
            inputs = self.input_encoding.encode(inputs)
        elif not self.framing.marks:
            inputs = np.maximum(inputs, 0)
        whole = (layout or self.layout).present.all() and not self.problem.masks
        mask = None if whole else samples.mask
        return Batches(inputs, samples.targets, mask, reset)


def loss_of(spec: Spec, encoding: Encoding) -> AnyLoss:
    """The loss of targets of this kind in this encoding."""
    match spec, encoding:
        case Channels(), SideBySide():
            pairs = zip(spec.parts, encoding.encodings, strict=True)
            parts = tuple(loss_of(*pair) for pair in pairs)
            return Losses(tuple(part for part in parts if isinstance(part, Loss)), encoding.widths)
        case Reals(), _:
            return Loss(encoding.loss, tolerance=spec.within, size=spec.size)
        case Sets(), _:
            return Loss(encoding.loss, size=spec.values)
        case Integers(), _:
            scaled = encoding.loss == "squared-error"
            return Loss(encoding.loss, values=spec.values if scaled else None)
    raise TypeError(f"Setting: no loss fits {type(spec).__name__}. Use Integers or Reals.")


def _named(
    tests: Mapping[str, Problem] | Sequence[tuple[str, Problem]],
) -> tuple[tuple[str, Problem], ...]:
    """Tests as pairs, each of a name of its own."""
    pairs: Any = tuple(tests.items() if isinstance(tests, Mapping) else tests)
    if not all(isinstance(pair, tuple | list) and len(pair) == 2 for pair in pairs):
        raise TypeError(
            f"Setting: `tests` must be problems by name, got {tests!r}. Use {{'longer': problem}}."
        )
    for name, problem in pairs:
        if not isinstance(name, str) or not name.strip():
            raise ValueError(
                f"Setting: `tests` must have names that are not empty, got {name!r}. Use 'longer', "
                "say."
            )
        if not isinstance(problem, Problem):
            raise TypeError(
                f"Setting: test `{name}` must be a Problem with its knobs set, got {problem!r}. "
                "Use EchoLag(length=100), say."
            )
    names = [name for name, _ in pairs]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise ValueError(f"Setting: `tests` names `{twice}` twice. Use another name.")
    return tuple(map(tuple, pairs))


def check_decoder(framing: Framing, model: ModelFactory) -> None:
    """Refuse a framing and a model of which only one has a decoder."""
    decodes = framing.output == "decoder"
    if decodes != model.decodes:
        names = type(framing).__name__, type(model).__name__
        raise ValueError(
            f"Setting: {names[0]} needs a model with a decoder, got {names[1]}. Use "
            f"{Seq2Seq.__name__}."
            if decodes
            else f"Setting: {names[1]} answers value by value after its input, {names[0]} "
            "asks otherwise. Use framing EncoderDecoder."
        )
