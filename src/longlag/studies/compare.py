"""Compare models, from Python."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import SupportsIndex

from longlag.encodings import IntegerEncoding
from longlag.framings import Framing
from longlag.knobs import named_arguments
from longlag.problems import Problem
from longlag.scores.statistics import SOLVED
from longlag.store.store import STORE
from longlag.studies.ask import Progress, run_study
from longlag.studies.comparison import RUNGS, Comparison
from longlag.studies.comparison_answer import ComparisonAnswer
from longlag.studies.labels import SeveralModels
from longlag.studies.ladder import BUDGET, LEARNING_RATES
from longlag.studies.match import Match
from longlag.trackers import Track
from longlag.training import Dtype, OptimizerName, Recipe, Schedule
from longlag.workers.executor import Executor


@named_arguments
def compare(
    models: SeveralModels,
    problems: Iterable[Problem] | None = None,
    *,
    framing: Framing | None = None,
    encoding: type[IntegerEncoding] | None = None,
    budget: int = BUDGET,
    batch_size: int = Recipe.batch_size,
    optimizer: OptimizerName = Recipe.optimizer,
    weight_decay: float | None = Recipe.weight_decay,
    clip_norm: float | None = Recipe.clip_norm,
    schedule: Schedule = Recipe.schedule,
    warmup: float = Recipe.warmup,
    dtype: Dtype = Recipe.dtype,
    rungs: int = RUNGS,
    learning_rates: Iterable[float] = LEARNING_RATES,
    widen: bool = True,
    match: Match | None = None,
    seeds: SupportsIndex | Iterable[int] = 5,
    solve_at: float = SOLVED,
    store: str | os.PathLike[str] | None = STORE,
    executor: Executor | None = None,
    progress: Progress = True,
    track: Track = (),
) -> ComparisonAnswer:
    """The skill of several models at each rung of several problems (`Comparison`).

    Args:
        models: The models; or a mapping of names to models, such as `{"ours": make_model}`.
        problems: The problems, each with a ladder; the five by default.
        framing: How episodes become samples, for all problems; `Whole()` by default.
        encoding: `OneHot` or `Scaled`, for problems with integers.
        budget: Largest number of training sequences of a trial.
        batch_size: Samples in a batch.
        optimizer: `adam`, `adamw` or `sgd`.
        weight_decay, clip_norm, schedule, warmup, dtype: As of `Recipe`.
        rungs: Number of rungs of each ladder, from the first on.
        learning_rates: The learning rates to choose from.
        widen: Whether to try rates beyond these, at most two, where the best is at their edge.
        match: `parameters` or `state`: give each model the width at which it has as many weights,
            or numbers of state, as the first.
        seeds: A number of seeds, or the seeds themselves.
        solve_at: Skill on fresh sequences from which a trial counts as solved.
        store: File of the finished trials, none of which runs twice; None keeps none.
        executor: Runs the trials; by default one process for each core.
        progress: Whether to show the progress; or a function of events and progress.
        track: Where each trial is logged: `tensorboard`, `wandb`, `mlflow`, `aim`, or a tracker.

    Returns:
        Skill and sequences to solve, for each model, problem and rung.
    """
    recipe = Recipe(
        sequences=budget,
        batch_size=batch_size,
        optimizer=optimizer,
        weight_decay=weight_decay,
        clip_norm=clip_norm,
        schedule=schedule,
        warmup=warmup,
        dtype=dtype,
    )
    study = Comparison(
        models,
        problems,
        framing=framing,
        encoding=encoding,
        recipe=recipe,
        rungs=rungs,
        rates=learning_rates,
        widen=widen,
        match=match,
        seeds=seeds,
        solve_at=solve_at,
    )
    return run_study(study, store=store, executor=executor, progress=progress, track=track).answer()
