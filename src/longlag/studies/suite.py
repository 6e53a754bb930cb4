"""The suite, from Python."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Mapping
from typing import Any, SupportsIndex

from longlag.adapters.models import user_model
from longlag.knobs import named_arguments
from longlag.scores.statistics import SOLVED
from longlag.store.store import STORE
from longlag.studies.ask import Progress, run_study
from longlag.studies.labels import SeveralModels
from longlag.studies.match import Match
from longlag.studies.profile import AT_THE_END
from longlag.studies.study import words
from longlag.studies.suite_answer import SuiteAnswer
from longlag.studies.suite_rows import BASELINES, RATES
from longlag.studies.suite_study import Suite
from longlag.trackers import Track
from longlag.workers.executor import Executor


@named_arguments
def suite(
    models: SeveralModels | None = None,
    problems: Iterable[str] | None = None,
    *,
    match: Match = "parameters",
    learning_rates: Iterable[float] = RATES,
    seeds: SupportsIndex | Iterable[int] = 5,
    effort: float = 1.0,
    minutes: float | None = None,
    solve_at: float = SOLVED,
    store: str | os.PathLike[str] | None = STORE,
    executor: Executor | None = None,
    progress: Progress = True,
    track: Track = (),
) -> SuiteAnswer:
    """What models learn of twelve problems, and to which length they go on (`Suite`).

    Args:
        models: The models, each as in `train`, or a mapping of names to models. The text `lstm`,
            `gru` or `rnn` stands for the baseline of that name, in residual blocks as all others.
            By default every baseline.
        problems: Names of problems of the suite; all twelve by default.
        match: `parameters` or `state`: what all models have equally much of.
        learning_rates: The learning rates to choose from.
        seeds: A number of seeds, or the seeds themselves.
        effort: Multiplies the training sequences of every problem: 0.1 for a first look.
        minutes: Time limit; what is finished then is the answer. None for no limit.
        solve_at: Skill on fresh sequences from which a seed counts as having learned a length.
        store: File of the finished trials, none of which runs twice; None keeps none.
        executor: Runs the trials; by default one process for each core.
        progress: Whether to show the progress; or a function of events and progress.
        track: Where each trial is logged: `tensorboard`, `wandb`, `mlflow`, `aim`, or a tracker.

    Returns:
        For each model and problem: whether it learns it, and up to which length it goes on.

    Raises:
        ValueError: A model takes sequences of one length only, or has no width to change.
    """
    if minutes is not None and not 0 < minutes < 1e6:
        raise ValueError(f"suite: `minutes` must be above 0, got {minutes}. Use minutes=10.")
    until = None if minutes is None else time.monotonic() + 60 * minutes - AT_THE_END
    study = Suite(
        baselines(models),
        problems,
        match=match,
        rates=learning_rates,
        seeds=seeds,
        effort=effort,
        solve_at=solve_at,
    )
    return run_study(
        study, store=store, executor=executor, progress=progress, track=track, until=until
    ).answer()


def baselines(models: SeveralModels | None) -> SeveralModels:
    """The models, with the name of a baseline in its place; every baseline for None.

    >>> [each.words for each in baselines(["gru", "min-gru"]).values()]
    ['residual cell=gru', 'min-gru']
    """
    if models is None:
        return dict(BASELINES)
    if isinstance(models, Mapping | str) or not isinstance(models, Iterable):
        return models
    every = list(models)
    if not any(isinstance(each, str) and each in BASELINES for each in every):
        return every
    by_name: dict[str, Any] = {}
    for model in every:
        known = model if isinstance(model, str) and model in BASELINES else ""
        label = known or words(user_model.as_factory(model))
        if label in by_name:
            raise ValueError(f"suite: `models` names {label} twice. Name it once.")
        by_name[label] = BASELINES[known] if known else model
    return by_name
