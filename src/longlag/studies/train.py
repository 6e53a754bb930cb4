"""Train a model on a problem, from Python."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import SupportsIndex

from longlag.adapters import user_code
from longlag.adapters.models import user_model
from longlag.adapters.models.user_model import MakeModel
from longlag.encodings import IntegerEncoding
from longlag.framings import Framing
from longlag.knobs import named_arguments
from longlag.models import ModelFactory
from longlag.notices import notice
from longlag.problems import Problem
from longlag.scores.evaluation import seed_list
from longlag.stop import ctrl_c_stops
from longlag.trackers import FinishedTrial, Track, Tracking
from longlag.training import Dtype, OptimizerName, Recipe, Schedule
from longlag.trials.fit import finish, fit
from longlag.trials.run import Run
from longlag.trials.setting import Setting


@named_arguments
def train(
    problem: Problem,
    framing: Framing,
    model: ModelFactory | MakeModel | str,
    *,
    encoding: type[IntegerEncoding] | None = None,
    sequences: int = Recipe.sequences,
    batch_size: int = Recipe.batch_size,
    learning_rate: float = Recipe.learning_rate,
    optimizer: OptimizerName = Recipe.optimizer,
    weight_decay: float | None = Recipe.weight_decay,
    clip_norm: float | None = Recipe.clip_norm,
    schedule: Schedule = Recipe.schedule,
    warmup: float = Recipe.warmup,
    dtype: Dtype = Recipe.dtype,
    stop_at: float | None = Recipe.stop_at,
    seeds: SupportsIndex | Iterable[int] = 1,
    tests: Mapping[str, Problem] | None = None,
    track: Track = (),
) -> Run:
    """Train a model on a problem under a framing, and evaluate it on fresh sequences.

    Args:
        problem: The problem.
        framing: How its episodes become samples.
        model: `LSTM(...)`, `GRU(...)`, `MLP(...)` or another of `longlag.models`; or a function
            of sizes and seed that makes a model of your own (`longlag.adopt`).
        encoding: `OneHot` or `Scaled`, for integers; one-hot by default.
        sequences: Fresh sequences to train on, per seed.
        batch_size: Samples in a batch.
        learning_rate: Step size of the optimiser.
        optimizer: `adam`, `adamw` or `sgd`.
        weight_decay, clip_norm, schedule, warmup, dtype: As of `Recipe`.
        stop_at: Accuracy at which a seed stops, confirmed on the validation stream; None for never.
        seeds: A number of seeds, from 0 on, or the seeds themselves.
        tests: Problems to score on, by name, the main one first; by default the problem itself.
        track: Where each seed is logged: `tensorboard`, `wandb`, `mlflow`, `aim`, or a tracker.

    Returns:
        The run: accuracy with its interval, chance, ceiling, verdict, trained models; `scores` by
        the name of each test.

    Raises:
        TypeError: A knob is unknown or of another type.
        ValueError: A knob is out of range, or the framing does not fit.

    >>> from longlag import EchoLag, LSTM, Window
    >>> run = train(EchoLag(values=4), Window(timesteps=2), LSTM(hidden_size=8), sequences=1500)
    >>> run.verdict, run.predict([3, 1]).tolist()
    ('solved', [3])
    """
    from longlag.checks.model import require_valid  # a circular import

    user_code.refuse_while_importing("training")
    recipe = Recipe(
        sequences=sequences,
        batch_size=batch_size,
        learning_rate=learning_rate,
        optimizer=optimizer,
        weight_decay=weight_decay,
        clip_norm=clip_norm,
        schedule=schedule,
        warmup=warmup,
        dtype=dtype,
        stop_at=stop_at,
    )
    setting = Setting(
        problem=problem,
        framing=framing,
        model=user_model.as_factory(model),
        encoding=encoding,
        recipe=recipe,
        tests=() if tests is None else tests,
    )
    for line in require_valid([setting]):
        notice(line)
    with Tracking(track, notice) as trackers:
        with ctrl_c_stops() as stop:
            run = finish(fit(setting, seed_list(seeds), stop=stop))
        for each in FinishedTrial.of_run(run) if trackers else ():
            trackers.log(each)
    return run
