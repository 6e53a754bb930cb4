"""Checks of a user's model before training."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from longlag.adapters.models import user_model
from longlag.adapters.models.user_model import MakeModel, UserModel
from longlag.checks.check import Preflight
from longlag.checks.positions import read_past_end
from longlag.checks.probe import inspect_model
from longlag.checks.runs import Runs
from longlag.encodings import IntegerEncoding
from longlag.framings import EncoderDecoder, Framing
from longlag.knobs import named_arguments
from longlag.models import AnyModel, ModelFactory
from longlag.problems import Problem
from longlag.problems.drawing import draw
from longlag.training import Recipe
from longlag.trials.setting import Setting


@named_arguments
def preflight(
    problem: Problem,
    framing: Framing,
    model: ModelFactory | MakeModel | str,
    *,
    encoding: type[IntegerEncoding] | None = None,
    batch_size: int = Recipe.batch_size,
) -> Preflight:
    """Check a model before training: does it fit the problem and the framing?

    Shapes and types of outputs; whether they are finite; whether an output depends on later
    steps, on other rows, on masked steps; whether state is carried where the framing carries it;
    whether other numbers of rows work; whether the seed changes the weights; and whether the check
    leaves the weights unchanged.

    Args:
        problem: The problem.
        framing: How its episodes become samples.
        model: The model, as in `train`.
        encoding: `OneHot` or `Scaled`, for integers; one-hot by default.
        batch_size: Rows in a batch.

    Returns:
        The checks with their evidence; `passed` says whether all passed, `cost` what the model
        costs: operations, time and memory.

    Raises:
        ValueError: The framing does not fit, or the model has a decoder.

    >>> import longlag as ll
    >>> result = preflight(ll.EchoLag(), ll.Whole(), ll.Bidirectional(hidden_size=3))
    >>> [check.name for check in result.checks if not check.passed]
    []
    >>> result.parameters
    3196
    """
    factory = user_model.as_factory(model)
    if isinstance(factory, ModelFactory) and factory.decodes:
        raise ValueError(
            f"preflight: {factory.words} has a decoder, which is not checked. Use a model "
            "without a decoder."
        )
    if isinstance(framing, EncoderDecoder):
        raise ValueError(
            "preflight: EncoderDecoder needs a model with a decoder, which is not checked. Use "
            "another framing."
        )
    setting = Setting(
        problem=problem,
        framing=framing,
        model=factory,
        encoding=encoding,
        recipe=Recipe(batch_size=batch_size),
    )
    return inspect_model(setting)


def require_valid(settings: Iterable[Setting]) -> list[str]:
    """Refuse settings whose model is too large, or with a user's own model that fails a check or
    does not run on each test.

    Returns:
        What is no failure, but worth reading: a line each.

    Raises:
        ValueError: A model fails: the first failure, with its remedy.
    """
    lines: dict[str, None] = {}
    for setting in settings:
        if isinstance(setting.model, UserModel):
            found = inspect_model(setting)
            found.require_valid()
            lines |= dict.fromkeys(f"{found.model}: {text}." for text in found.warnings)
            _require_lengths(setting)
        else:
            setting.create(0)  # which refuses what is too large, before there is a study of it
    return list(lines)


def _require_lengths(setting: Setting) -> None:
    """Refuse a model that does not run at the timesteps of each test."""
    model = None
    for name in setting.scored_on:
        on = setting.on(name)
        timesteps, made_for = on.sizes.timesteps, setting.sizes.timesteps
        if timesteps == made_for:
            continue
        model = setting.create(0) if model is None else model
        inputs = draw(on.problem, np.random.default_rng(0), 1).inputs[0]
        failure, why = None, ""
        try:
            on.predict(model, inputs[: on.problem.steps - on.problem.answers])
            if read := read_past_end(_runs(on, model)):
                why = f"row {read.row} of an array {read.shape}"
        except Exception as error:  # any error of a user's model
            failure, why = error, " ".join(f"{type(error).__name__}: {error}".split())
        if why:
            raise ValueError(
                f"{setting.model.words}: made for {made_for} timesteps it cannot read the "
                f"{timesteps} of test `{name}` ({why[:200]}). Use tests of {made_for} timesteps."
            ) from failure


def _runs(setting: Setting, model: AnyModel) -> Runs:
    """The runs of a model that was made for another setting."""
    runs = Runs(setting)
    runs.model = runs.subject = model
    runs.batches = runs.batches_of(setting.layout.steps.shape[1])
    return runs
