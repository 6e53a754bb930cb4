"""Checks of a problem's oracle and of the inputs that its targets need."""

from __future__ import annotations

import numpy as np

from longlag.checks.chance import interval_around
from longlag.checks.check import CheckFailed
from longlag.checks.episodes import (
    input_length,
    is_right,
    needs_of,
    oracle_of,
    sample_episodes,
    scored_of,
)
from longlag.checks.perturbation import differ, moves, moves_of
from longlag.problems import Problem

_EACH = 16  # episodes whose own needs are checked


def check_oracle(problem: Problem) -> str:
    episodes = sample_episodes(problem)
    inputs, targets, scored = episodes.inputs, episodes.targets, episodes.scored
    said = oracle_of(problem, inputs)
    shown = inputs.copy()
    if (problem.oracle(shown) != said)[scored].any():
        raise CheckFailed(
            "`oracle` says two things of the same inputs", "Let `oracle` draw nothing."
        )
    if (shown != inputs).any():
        raise CheckFailed("`oracle` changes its inputs", "Let `oracle` work on a copy.")
    _looks_ahead(problem, inputs, said)
    hits = is_right(problem, said, targets)
    ceiling = problem.ceiling()
    if ceiling == 1 and not hits[scored].all():
        episode, step = np.argwhere(~hits & scored)[0]
        spec = problem.targets
        raise CheckFailed(
            f"at step {step} `oracle` says {spec.format(said[episode, step])}, the target is "
            f"{spec.format(targets[episode, step])}",
            f"Mend `oracle` or the targets of `draw` at step {step}; if no predictor can be right "
            "there, `ceiling` is below 1.",
        )
    hits = (hits & scored).sum(axis=1) / scored.sum(axis=1)
    low, high = interval_around(hits)
    if not low <= ceiling <= high:
        raise CheckFailed(
            f"`oracle` scores {hits.mean():.3f} [{low:.3f}, {high:.3f}], `ceiling` says "
            f"{ceiling:.3f}",
            "Mend `oracle`, or let `ceiling` say what the best predictor reaches.",
        )
    return f"reaches the ceiling {ceiling:.3g} on {len(inputs)} episodes and never looks ahead"


def _looks_ahead(problem: Problem, inputs: np.ndarray, said: np.ndarray) -> None:
    question, scored = input_length(problem), scored_of(problem)
    others = np.roll(inputs, 1, axis=0), np.random.default_rng(3).permuted(inputs, axis=0)
    for step in np.flatnonzero(scored[: question - 1]):
        for other in others:
            changed = np.concatenate([inputs[:, : step + 1], other[:, step + 1 :]], axis=1)
            tried = problem.possible(changed)
            if differ(problem.targets, oracle_of(problem, changed), said)[tried, step].any():
                raise CheckFailed(
                    f"what `oracle` says at step {step} changes with inputs after it",
                    f"Let `oracle` use the inputs up to step {step} alone; where inputs must fit "
                    "together, say in `possible` which an episode may have.",
                )


def check_needs(problem: Problem) -> str:
    claimed, scored = needs_of(problem), scored_of(problem)
    for wrong, found, remedy in (
        (np.triu(claimed, k=1), "which comes later", "clear what lies above the diagonal"),
        (claimed & ~scored[:, None], "but is not scored", "clear the rows that are not scored"),
        (
            claimed & (np.arange(problem.steps) >= input_length(problem)),
            "which is blank",
            "clear the columns of the answer",
        ),
    ):
        if wrong.any():
            target, shown = np.argwhere(wrong)[0]
            raise CheckFailed(
                f"step {target} is said to need the input of step {shown}, {found}",
                f"In `needs`, {remedy}.",
            )
    found = moves(
        problem, lambda inputs: oracle_of(problem, inputs), claimed, np.random.default_rng(4)
    )
    for wrong, word, remedy in (
        (found.likely & ~claimed, "moves the target of step {0}, yet `needs` lacks it", "Set"),
        (claimed & ~found.any, "never moved the target of step {0}, yet `needs` has it", "Clear"),
    ):
        if wrong.any():
            target, shown = np.argwhere(wrong)[0]
            more = f" ({wrong.sum()} such pairs)" if wrong.sum() > 1 else ""
            raise CheckFailed(
                f"the input of step {shown} {word.format(target)}{more}; "
                f"{found.episodes:,} changed episodes",
                f"{remedy} `needs()[{target}, {shown}]`, or mend `oracle` at step {target}.",
            )
    _check_each(problem)
    return (
        f"pairs of target and input, claimed and found alike: {claimed.sum()}; "
        f"{found.episodes:,} changed episodes"
    )


def _check_each(problem: Problem) -> None:
    """What `needs_of` says of some episodes, where it differs from `needs`."""
    if type(problem).needs_of is Problem.needs_of:
        return
    rng, union = np.random.default_rng(6), needs_of(problem)
    episodes = sample_episodes(problem, _EACH, seed=6)
    for inputs, scored in zip(episodes.inputs, episodes.scored, strict=True):
        stated = problem.needs_of(inputs)
        found = moves_of(problem, lambda some: oracle_of(problem, some), inputs, scored, rng)
        for wrong, word in (
            (found & ~stated, "moves the target of step {0}, yet `needs_of` lacks it"),
            (stated & scored[:, None] & ~found, "never moved that of step {0}, yet it has it"),
            (stated & ~union, "is needed by step {0} in an episode, yet `needs` lacks it"),
        ):
            if wrong.any():
                target, shown = np.argwhere(wrong)[0]
                raise CheckFailed(
                    f"in one episode the input of step {shown} {word.format(target)}",
                    "Mend `needs_of`, `needs` or `possible`: what each target depends on.",
                )
