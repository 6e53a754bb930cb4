"""Common parts of the cards of the paper of 1997: a published number of sequences, tried twice.

The literal recipe is that of the paper: its cell, plain stochastic gradient descent on the squared
error of one sequence after another, its learning rate and initial weights. The modern one is an
LSTM with forget gates and Adam on the same sequences, until the same criterion: 16 cells, chrono
biases for the longest lag, learning rate 0.01, all chosen on 6a with seeds that no row uses.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from longlag.answers.estimate import Estimate
from longlag.claims.card import BETTER, REFUTED, REPRODUCED, UNSETTLED, Card, Finding, Row, Try
from longlag.claims.lstm1997.outputs import AsOutputs
from longlag.framings import Whole
from longlag.models import LSTM, LSTM1997, ModelFactory
from longlag.problems import Problem
from longlag.scores import statistics
from longlag.training import Recipe
from longlag.trials.criterion import Criterion, UntilMet
from longlag.trials.run import Run
from longlag.trials.setting import Setting

SOURCE = "Hochreiter and Schmidhuber (1997), Long Short-Term Memory"

DOCUMENT = "lstm-1997"

LITERAL, MODERN = "as published", "modern LSTM"

RECORDED = {
    "3a-100-3": BETTER,
    "3a-100-1": BETTER,
    "3b-100-3": BETTER,
    "3b-100-1": BETTER,
    "6a": BETTER,
}
"""The verdicts on record; of the others none is settled."""

_CAP = 3
"""Times the published number of sequences, after which a run ends without success."""

_WIDEST = 2
"""Times the published number, up to which the end of an interval settles it."""


def card(
    name: str,
    claim: str,
    *,
    problem: Problem,
    model: LSTM1997,
    rate: float,
    published: int,
    criterion: Criterion,
    targets: int = 1,
    long: bool = False,
) -> Card:
    """A row of the published tables.

    Args:
        name: The last part of its name.
        claim: The claim.
        problem: The problem; classes as `AsOutputs`.
        model: The network.
        rate: The published learning rate, of half the squared error, summed over outputs and steps.
        published: The published number of sequences.
        criterion: The published end of training.
        targets: Number of scored steps of a sequence.
        long: Whether it takes more than about ten minutes.
    """
    size = problem.classes if isinstance(problem, AsOutputs) else 1
    # The loss here is a mean over outputs and scored steps of the whole square.
    of_mean = rate * size * targets / 2
    literal = _arm(problem, model, "sgd", of_mean, published, criterion)
    modern = LSTM(hidden_size=16, chrono=problem.steps)
    other = _arm(problem, modern, "adam", 0.01, published, criterion)
    return Card(
        id=f"{DOCUMENT}/{name}",
        document=DOCUMENT,
        source=SOURCE,
        claim=claim,
        arms={LITERAL: literal, MODERN: other},
        settle=_test(published, criterion),
        recorded=RECORDED.get(name, UNSETTLED),
        long=long,
    )


def _arm(
    problem: Problem,
    model: ModelFactory,
    optimizer: str,
    rate: float,
    published: int,
    criterion: Criterion,
) -> UntilMet:
    recipe = Recipe(
        sequences=_CAP * published + (0 if criterion.counted else criterion.sequences),
        batch_size=1,
        learning_rate=rate,
        optimizer=optimizer,  # pyright: ignore[reportArgumentType]
    )
    setting = Setting(problem=problem, framing=Whole(), model=model, recipe=recipe)
    return UntilMet(setting=setting, criterion=criterion)


def _test(published: int, criterion: Criterion) -> Callable[[Try, Sequence[int]], Finding]:
    """The test of `no more sequences than published`."""

    def test(attempt: Try, _: Sequence[int]) -> Finding:
        rows, verdicts = [], {}
        for name in (LITERAL, MODERN):
            run = attempt(name)
            counts = [criterion.of_history(history) for history in run.history]
            verdicts[name] = _verdict(counts, published)
            rows.append(Row(name, _estimate(counts, published), _note(run, counts)))
        because = f"Published: {published:,} sequences."
        if verdicts[MODERN] != verdicts[LITERAL]:
            because += f" The modern LSTM: {verdicts[MODERN]}."
        return Finding(
            measured=rows[0].measured,
            what=f"sequences until {_words(criterion)}, of the literal recipe; at most "
            f"{_CAP * published:,}",
            chance=None,
            verdict=verdicts[LITERAL],
            because=because,
            rows=tuple(rows),
        )

    return test


def _words(criterion: Criterion) -> str:
    wrong = f"at most {criterion.wrong}" if criterion.wrong else "none"
    which = "last" if criterion.counted else "next"
    return f"{wrong} of the {which} {criterion.sequences:,} is wrong"


def _estimate(counts: Sequence[int | None], published: int) -> Estimate:
    """Sequences of all seeds; of one that never met the criterion those that it had."""
    return statistics.over_seeds([float(each or _CAP * published) for each in counts], least=0.0)


def _verdict(counts: Sequence[int | None], published: int) -> str:
    if None in counts:
        return REFUTED
    low, high = _estimate(counts, published).interval
    if high <= published:
        return BETTER
    if low > published:
        return REFUTED
    return REPRODUCED if high <= _WIDEST * published else UNSETTLED


def _note(run: Run, counts: Sequence[int | None]) -> str:
    met = sum(each is not None for each in counts)
    wrong = 1 - run.accuracy.mean
    median = int(np.median([each or np.inf for each in counts])) if 2 * met > len(counts) else 0
    reached = f"{met} of {len(counts)} seeds met it" + (f", median {median:,}" if median else "")
    return f"{reached}; {wrong:.2%} of fresh sequences wrong"
