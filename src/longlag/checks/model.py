"""Checks of a user's model before training."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from longlag.adapters.models import user_model
from longlag.adapters.models.user_model import MakeModel, UserModel
from longlag.checks.check import Preflight
from longlag.checks.probe import inspect_model
from longlag.encodings import IntegerEncoding
from longlag.framings import Framing
from longlag.knobs import named_arguments
from longlag.models import ModelFactory
from longlag.problems import Problem
from longlag.problems.drawing import draw
from longlag.training import Recipe
from longlag.trials.setting import Setting


@named_arguments
def preflight(
    problem: Problem,
    framing: Framing,
    model: ModelFactory | MakeModel,
    *,
    encoding: type[IntegerEncoding] | None = None,
    batch_size: int = Recipe.batch_size,
) -> Preflight:
    """Look at a model before it is trained: is it what the problem and the framing ask for?

    Shapes and types of outputs; whether they are numbers; whether an output depends on later
    steps, on other rows, on steps that are masked; whether state is carried where the framing
    carries it; whether other numbers of rows will do; whether the seed makes a difference; and
    whether the weights are still those that were made.

    Args:
        problem: What is to be learned.
        framing: How its episodes become samples.
        model: What makes the model.
        encoding: `OneHot` or `Scaled`, for integers; one-hot by default.
        batch_size: Rows in a batch.

    Raises:
        ValueError: The framing does not fit, or the model has a decoder.

    >>> import longlag as ll
    >>> found = preflight(ll.EchoLag(), ll.Whole(), ll.Bidirectional(hidden_size=3))
    >>> [check.name for check in found.checks if not check.passed]
    []
    >>> found.parameters
    3196
    """
    setting = Setting(
        problem=problem,
        framing=framing,
        model=user_model.as_factory(model),
        encoding=encoding,
        recipe=Recipe(batch_size=batch_size),
    )
    if setting.model.decodes:
        raise ValueError(
            f"preflight: {setting.model.words} has a decoder, which is not looked at. Use a model "
            "that answers as it reads."
        )
    return inspect_model(setting)


def require_valid(settings: Iterable[Setting]) -> None:
    """Refuse settings whose model is too large, or a user's own and does not pass, or not run on
    each test.

    Raises:
        ValueError: One of them did not; the first failure, and what to do.
    """
    for setting in settings:
        if isinstance(setting.model, UserModel):
            inspect_model(setting).require_valid()
            _require_lengths(setting)
        else:
            setting.create(0)  # which refuses what is too large, before there is a study of it


def _require_lengths(setting: Setting) -> None:
    """Refuse a model that does not run at the timesteps of each test, before it is trained."""
    model = None
    for name in setting.scored_on:
        on = setting.on(name)
        timesteps, trained = on.sizes.timesteps, setting.sizes.timesteps
        if timesteps == trained:
            continue
        model = setting.create(0) if model is None else model
        inputs = draw(on.problem, np.random.default_rng(0), 1).inputs[0]
        try:
            on.predict(model, inputs[: on.problem.steps - on.problem.answers])
        except Exception as error:  # whatever a model of the user's own may do
            why = " ".join(f"{type(error).__name__}: {error}".split())
            raise ValueError(
                f"{setting.model.words}: made for {trained} timesteps it cannot read the "
                f"{timesteps} of test `{name}` ({why[:200]}). Use tests of {trained} timesteps."
            ) from error
