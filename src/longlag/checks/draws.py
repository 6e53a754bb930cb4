"""Checks of a problem's episodes: shapes, types, ranges, determinism."""

from __future__ import annotations

import dataclasses
import importlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Literal

import numpy as np

from longlag.adapters import leaving, user_code
from longlag.checks.check import CheckFailed
from longlag.checks.episodes import (
    EPISODES,
    digest_of,
    draw_episodes,
    sample_episodes,
    scored_of,
)
from longlag.problems import Episodes, Integers, Problem, Spec

# Draws.


def check_draws(problem: Problem) -> str:
    episodes = sample_episodes(problem)
    inputs, targets, scored = episodes
    present = episodes.present
    for name, array, dtype in (
        ("inputs", inputs, problem.inputs.dtype),
        ("targets", targets, problem.targets.dtype),
        ("scored", scored, np.dtype(bool)),
    ):
        if array.dtype != dtype:
            raise CheckFailed(
                f"`draw` gives {name} of type {array.dtype}, expected {dtype}",
                f"Give `dtype=np.{dtype}` where `draw` makes {name}.",
            )
    expected = scored_of(problem)
    if not expected.any():
        raise CheckFailed("no step is scored", "Let `scored` be true where there is a target.")
    wrong = scored & ~expected if problem.varies else scored != expected
    if (wrong := np.argwhere(wrong)).size:
        raise CheckFailed(
            f"`draw` and `scored` differ at step {wrong[:, 1].min()}",
            "Let `draw` give `np.broadcast_to(self.scored(), inputs.shape)`; where episodes differ "
            "in length let `varies` be true.",
        )
    present = np.ones_like(scored) if present is None else present
    _lengths(problem, episodes, present)
    shows = present & ~_answering(problem, episodes)
    _in_range(problem.inputs, inputs, shows, "inputs")
    _in_range(problem.targets, targets, scored, "targets")
    _blank(problem, episodes, shows)
    return f"{len(inputs)} episodes of {problem.steps} steps, {expected.sum()} scored, all in range"


def _lengths(problem: Problem, episodes: Episodes, present: np.ndarray) -> None:
    """Check `masks` against absent steps, and `answer_length` against episodes."""
    if not present.all() and not problem.masks:
        raise CheckFailed(
            f"step {(~present).any(axis=0).argmax()} is absent in an episode, yet `masks` is false",
            "Let `masks` be true, so that models skip absent steps.",
        )
    if not problem.varies or episodes.answer is None:
        return
    counts = episodes.scored.sum(axis=1)
    for length, count in zip(episodes.answer.tolist(), counts.tolist(), strict=True):
        if problem.answer_length(length) != count:
            raise CheckFailed(
                f"after {length} values {count} steps are scored, `answer_length({length})` is "
                f"{problem.answer_length(length)}",
                "Let `answer_length` be the steps of the answer to an input of that length.",
            )


def _answering(problem: Problem, episodes: Episodes) -> np.ndarray:
    """The steps of the answer, without inputs, `(episode, step)`."""
    steps = np.arange(problem.steps)
    if episodes.answer is not None:
        return steps >= episodes.answer[:, None]
    return np.broadcast_to(steps >= problem.steps - problem.answers, episodes.scored.shape)


def _in_range(
    spec: Spec, values: np.ndarray, where: np.ndarray, name: Literal["inputs", "targets"]
) -> None:
    wrong = np.argwhere(~spec.allows(values) & where)
    if wrong.size:
        episode, step = wrong[wrong[:, 1].argmin()]
        raise CheckFailed(
            f"at step {step} `{name}` has {spec.format(values[episode, step])}, which is not "
            f"{spec.rule}",
            f"Mend `draw` at step {step}, or the values of `{name}`.",
        )


def _blank(problem: Problem, episodes: Episodes, shows: np.ndarray) -> None:
    """Check that steps of the answer have blank inputs and targets, and absent steps no target."""
    spec, inputs = problem.inputs, episodes.inputs
    if problem.answers and isinstance(spec, Integers) and not spec.blank:
        raise CheckFailed(
            "there is an answer, but no blank", "Let `inputs` be Integers(values, blank=True)."
        )
    axes = tuple(range(2, inputs.ndim))
    filled = (inputs != spec.blank_value).any(axis=axes) & ~shows & (not problem.masks)
    answering = _answering(problem, episodes)
    present = np.ones_like(shows) if episodes.present is None else episodes.present
    for wrong, evidence in (
        (filled, "is part of the answer, but is not blank"),
        (answering & present & ~episodes.scored, "is part of the answer, but is unscored"),
        (episodes.scored & ~present, "is absent, but is scored"),
    ):
        if wrong.any():
            blank = spec.format(spec.blank_value)
            raise CheckFailed(
                f"step {wrong.any(axis=0).argmax()} {evidence}",
                f"Let inputs be {blank} in the answer (as `with_blank_answer` does); score its "
                "steps, and no absent one.",
            )


# Determinism.


def check_determinism(problem: Problem) -> str:
    once = digest_of(sample_episodes(problem))
    if once != digest_of(sample_episodes(problem)):
        raise CheckFailed(
            "two draws from equal generators differ",
            "Let `draw` take all randomness from `rng`, and change no state of its own.",
        )
    if problem.sequences != 1 and once == digest_of(sample_episodes(problem, seed=1)):
        raise CheckFailed(
            "two seeds give the same episodes",
            "Let `draw` take its randomness from `rng`, or let `sequences` be 1.",
        )
    different = len(np.unique(sample_episodes(problem).inputs, axis=0))
    few = problem.sequences
    if few is not None and (different > few or different < min(few, EPISODES // 50)):
        raise CheckFailed(
            f"{different} different episodes in {EPISODES}, `sequences` says {few}",
            f"Let `sequences` be {different}, or None where few are drawn twice.",
        )
    rng = np.random.default_rng(2)
    parts = [draw_episodes(problem, rng, 2) for _ in range(3)]
    joined = Episodes.join(parts)
    parts_differ = digest_of(sample_episodes(problem, 6, seed=2)) != digest_of(joined)
    remark = "; batches of another size draw other episodes" if parts_differ else ""
    return f"equal seeds give equal bytes, here and {_elsewhere(problem, once)}{remark}"


def _elsewhere(problem: Problem, here: str) -> str:
    """Draw the same episodes in another process, for the evidence."""
    kind = type(problem)
    module = sys.modules.get(kind.__module__)
    if module is None or getattr(module, kind.__name__, None) is not kind:
        return f"nowhere else, since no file has {kind.__name__}"
    file = getattr(module, "__file__", None)
    knobs = {field.name: getattr(problem, field.name) for field in dataclasses.fields(problem)}
    task = json.dumps([module.__name__, file, kind.__name__, knobs], default=np.generic.item)
    # The working folder comes last: a json.py there is no part of Python.
    folders = sorted(sys.path, key=lambda each: each in ("", os.getcwd()))
    call = f"from {__name__} import _draw_elsewhere as draw; draw()"
    process = subprocess.run(
        [sys.executable, "-P", "-c", call, task],
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        check=False,
        stdin=subprocess.DEVNULL,
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join(folders),
            "PYTHONHASHSEED": "1",  # sets of strings have another order there
            "PYTHONIOENCODING": "utf-8",
        },
    )
    if process.returncode:
        message = (process.stderr.strip() or "no message").splitlines()[-1]
        raise CheckFailed(
            f"another process cannot draw: {message}",
            f"Keep {kind.__name__} in a file that can be imported, and `draw` free of "
            "anything that only this process has.",
        )
    if process.stdout.split()[-1] != here:
        raise CheckFailed(
            "another process draws other episodes from an equal generator",
            "Let `draw` use no `hash`, no order of a set, no time and no random state but `rng`.",
        )
    return "in another process"


def _draw_elsewhere() -> None:
    """Draw in this subprocess and print the hash."""
    leaving.ending_with_parent()()
    name, file, kind, knobs = json.loads(sys.argv[1])
    own = name == "__main__" or name.startswith("longlag_source_")
    home = None if own else importlib.import_module(name)
    cls = user_code.imported(Path(file), kind) if home is None else getattr(home, kind)
    problem = cls(**knobs).for_part("evaluation")
    print(f"\n{digest_of(sample_episodes(problem))}")
