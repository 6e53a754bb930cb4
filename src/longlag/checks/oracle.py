"""Checks of a problem's oracle and of the inputs that its targets need."""

from __future__ import annotations

import numpy as np

from longlag.checks.chance import interval_around, scores_of
from longlag.checks.check import CheckFailed
from longlag.checks.episodes import (
    input_length,
    is_right,
    needs_of,
    oracle_of,
    possible_to,
    sample_episodes,
    scored_of,
)
from longlag.checks.perturbation import differ, moves, moves_of
from longlag.problems import Problem

_EACH = 16  # episodes whose own needs are checked


def check_oracle(problem: Problem) -> str:
    episodes = sample_episodes(problem)
    inputs, targets, scored = episodes.inputs, episodes.targets, episodes.scored
    predicted = oracle_of(problem, inputs)
    copy = inputs.copy()
    if (problem.oracle(copy) != predicted)[scored].any():
        raise CheckFailed(
            "`oracle` gives two predictions for the same inputs", "Let `oracle` draw nothing."
        )
    if (copy != inputs).any():
        raise CheckFailed("`oracle` changes its inputs", "Let `oracle` work on a copy.")
    _looks_ahead(problem, inputs, predicted)
    hits = is_right(problem, predicted, targets)
    ceiling = problem.ceiling()
    if ceiling == 1 and not hits[scored].all():
        episode, step = np.argwhere(~hits & scored)[0]
        spec = problem.targets
        raise CheckFailed(
            f"at step {step} `oracle` predicts {spec.format(predicted[episode, step])}, the target "
            f"is {spec.format(targets[episode, step])}",
            f"Mend `oracle` or the targets of `draw` at step {step}; if no predictor can be right "
            "there, `ceiling` is below 1.",
        )
    hits = scores_of(np.where(scored, hits, np.nan))
    low, high = interval_around(hits)
    if not low <= ceiling <= high:
        raise CheckFailed(
            f"`oracle` scores {hits.mean():.3f} [{low:.3f}, {high:.3f}], `ceiling` says "
            f"{ceiling:.3f}",
            "Mend `oracle`, or let `ceiling` be the score of the best predictor.",
        )
    return f"reaches the ceiling {ceiling:.3g} on {len(inputs)} episodes and never looks ahead"


def _looks_ahead(problem: Problem, inputs: np.ndarray, predicted: np.ndarray) -> None:
    question, scored = input_length(problem), scored_of(problem)
    others = np.roll(inputs, 1, axis=0), np.random.default_rng(3).permuted(inputs, axis=0)
    for step in np.flatnonzero(scored[: question - 1]):
        for other in others:
            changed = np.concatenate([inputs[:, : step + 1], other[:, step + 1 :]], axis=1)
            possible = possible_to(problem, changed)
            differs = differ(problem.targets, oracle_of(problem, changed), predicted)
            if (differs & possible)[:, step].any():
                raise CheckFailed(
                    f"the prediction of `oracle` at step {step} changes with inputs after it",
                    f"Let `oracle` use only the inputs up to step {step}; if inputs depend on each "
                    "other, let `possible` tell which episodes can occur.",
                )


def check_needs(problem: Problem) -> str:
    stated, scored = needs_of(problem), scored_of(problem)
    for wrong, evidence, remedy in (
        (np.triu(stated, k=1), "which comes later", "clear the entries above the diagonal"),
        (stated & ~scored[:, None], "but is not scored", "clear the rows that are not scored"),
        (
            stated & (np.arange(problem.steps) >= input_length(problem)),
            "which is blank",
            "clear the columns of the answer",
        ),
    ):
        if wrong.any():
            target, step = np.argwhere(wrong)[0]
            raise CheckFailed(
                f"step {target} is stated to need the input of step {step}, {evidence}",
                f"In `needs`, {remedy}.",
            )
    moved = moves(
        problem, lambda inputs: oracle_of(problem, inputs), stated, np.random.default_rng(4)
    )
    unmoved = stated & ~moved.any & moved.met
    for wrong, word, remedy in (
        (moved.likely & ~stated, "moves the target of step {0}, yet `needs` lacks it", "Set"),
        (unmoved, "never moved the target of step {0}, yet `needs` has it", "Clear"),
    ):
        if wrong.any():
            target, step = np.argwhere(wrong)[0]
            more = f" ({wrong.sum()} such pairs)" if wrong.sum() > 1 else ""
            raise CheckFailed(
                f"the input of step {step} {word.format(target)}{more}; "
                f"{moved.episodes:,} changed episodes",
                f"{remedy} `needs()[{target}, {step}]`, or mend `oracle` at step {target}.",
            )
    _check_each(problem)
    found = f"stated and measured: {stated.sum()}"
    if rest := int((stated & ~moved.met).sum()):  # of seldom lengths
        found = f"stated: {stated.sum()}, measured: {stated.sum() - rest}"
    return f"pairs of target and input, {found}; {moved.episodes:,} changed episodes"


def _check_each(problem: Problem) -> None:
    """Check `needs_of` on some episodes, where it differs from `needs`."""
    if type(problem).needs_of is Problem.needs_of:
        return
    rng, union = np.random.default_rng(6), needs_of(problem)
    episodes = sample_episodes(problem, _EACH, seed=6)
    for inputs, scored in zip(episodes.inputs, episodes.scored, strict=True):
        stated = problem.needs_of(inputs)
        moved = moves_of(
            problem, lambda episodes: oracle_of(problem, episodes), inputs, scored, rng
        )
        for wrong, word in (
            (moved & ~stated, "moves the target of step {0}, yet `needs_of` lacks it"),
            (stated & scored[:, None] & ~moved, "never moved that of step {0}, yet it has it"),
            (stated & ~union, "is needed by step {0} in an episode, yet `needs` lacks it"),
        ):
            if wrong.any():
                target, step = np.argwhere(wrong)[0]
                raise CheckFailed(
                    f"in one episode the input of step {step} {word.format(target)}",
                    "Mend `needs_of`, `needs` or `possible`: the inputs of each target.",
                )
