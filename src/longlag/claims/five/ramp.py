"""Cards of the ramp."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from longlag.answers.estimate import Estimate
from longlag.claims.card import FAILS, HOLDS, Card, Finding, Row, Try
from longlag.claims.five.common import (
    DOCUMENT,
    LEARNED,
    SOURCE,
    arm_of,
    beside_mlps,
    evidence,
    finding_of,
    is_learned,
)
from longlag.framings import Chunks, Window
from longlag.models import LSTM, MLP
from longlag.problems import Ramp
from longlag.scores import statistics
from longlag.trials.run import Run

# The ramp.

_RAMP = Ramp()

_STEP = 1 / _RAMP.length

_BETWEEN = np.arange(0.5, 8) * _STEP

_BEYOND = np.arange(10, 18) * _STEP


def _off_the_ramp(run: Run, values: np.ndarray) -> Estimate:
    """The error on untrained values, with the value plus a step of the ramp as target."""
    errors = []
    for seed in run.seeds:
        predictions = run.predict(values.astype(np.float32), seed=seed)
        residuals = predictions - values[-len(predictions) :] - _STEP
        errors.append(float(np.sqrt(np.mean(residuals**2))))
    return statistics.over_seeds(errors, least=0.0)


def _settle_ramp(attempt: Try, names: Sequence[str], what: str) -> Finding:
    runs = {name: attempt(name) for name in names}
    rows, sentences = [evidence(name, run) for name, run in runs.items()], []
    for name, run in runs.items():
        between, beyond = _off_the_ramp(run, _BETWEEN), _off_the_ramp(run, _BEYOND)
        rows.append(Row(f"{name}: error between the values of the ramp", between))
        rows.append(Row(f"{name}: error beyond the ramp, from 1.0 to 1.7", beyond))
        smooth, further = (
            "adds a step" if error.mean <= _RAMP.targets.tolerance else "is lost"
            for error in (between, beyond)
        )
        sentences.append(f"{name}: {smooth} between the values of the ramp, {further} beyond it.")
    learned = all(map(is_learned, runs.values()))
    because = " ".join(sentences) if learned else f"A model's skill stays below {LEARNED}."
    return finding_of(runs["LSTM"], what, HOLDS if learned else FAILS, because, *rows)


def _settle_ramp_one_step(attempt: Try, _: Sequence[int]) -> Finding:
    what = "share within 0.04, LSTM 50, one value a sample, 2,000 sequences"
    return _settle_ramp(attempt, list(RAMP_ONE_STEP.arms), what)


RAMP_ONE_STEP = Card(
    id="ramp/one-step",
    document=DOCUMENT,
    source=SOURCE,
    claim="Shown one value of a ramp, a network can memorise which one comes next.",
    arms={
        "LSTM": arm_of(_RAMP, Chunks(), LSTM(), sequences=2000, batch_size=9),
        "MLP": arm_of(_RAMP, Chunks(), MLP(), sequences=2000, batch_size=9),
    },
    settle=_settle_ramp_one_step,
    recorded=HOLDS,
)


def _settle_ramp_subsequence(attempt: Try, _: Sequence[int]) -> Finding:
    what = "share within 0.04, LSTM 50, windows of 3, 2,000 sequences"
    return _settle_ramp(attempt, list(RAMP_SUBSEQUENCE.arms), what)


RAMP_SUBSEQUENCE = Card(
    id="ramp/subsequence",
    document=DOCUMENT,
    source=SOURCE,
    claim="Shown a few values of a ramp, adding a constant or memorising is easy.",
    arms=beside_mlps(_RAMP, Window(timesteps=3), sequences=2000, batch_size=6),
    settle=_settle_ramp_subsequence,
    recorded=HOLDS,
)
