"""Common parts of the cards of the paper of 1997: a published number of sequences, tried twice.

The literal recipe is that of the paper: its cell, plain stochastic gradient descent on the squared
error of one sequence after another, its learning rate and initial weights. The modern one is an
LSTM with forget gates and Adam on the same sequences, until the same criterion: 16 cells, chrono
biases for the longest lag, learning rate 0.01, all chosen on 6a with seeds that no row uses. In
experiment 1, which has short lags, it has no such biases; in 2a and 2b it has more cells.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Iterable, Sequence

import numpy as np

from longlag.answers.estimate import OR_MORE, Estimate
from longlag.claims.card import BETTER, REFUTED, REPRODUCED, UNSETTLED, Card, Finding, Row, Try
from longlag.claims.lstm1997.guessing import Guessing
from longlag.framings import Whole
from longlag.models import LSTM, LSTM1997, ModelFactory
from longlag.problems import NoiseAndSignal, Problem, Reals
from longlag.scores import statistics
from longlag.training import Recipe
from longlag.trials.criterion import Criterion, OnTest, UntilMet
from longlag.trials.run import Run
from longlag.trials.setting import Setting

SOURCE = "Hochreiter and Schmidhuber (1997), Long Short-Term Memory"

DOCUMENT = "lstm-1997"

LITERAL, MODERN, GUESSED = "as published", "modern LSTM", "random weights"

RECORDED = {
    "1-5": UNSETTLED,
    "2a": UNSETTLED,
    "3a-100-3": REPRODUCED,
    "3a-100-1": BETTER,
    "3b-100-3": BETTER,
    "6a": BETTER,
}
"""The verdicts of the rows that were run for the page; of the others none is settled."""

_CAP = 3
"""Times the published number of sequences, after which a run ends without success."""

_WIDEST = 2
"""Times the published number, up to which the end of an interval settles it."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Modern:
    """The modern recipe: an LSTM with forget gates, and Adam.

    Args:
        cells: Its cells.
        chrono: Whether it begins with biases for lags as long as the sequence.
        rate: The learning rate.
    """

    cells: int = 16
    chrono: bool = True
    rate: float = 0.01


def card(
    name: str,
    claim: str,
    *,
    problems: Sequence[Problem],
    model: LSTM1997,
    rate: float,
    published: int,
    criterion: Criterion | OnTest,
    targets: float = 1,
    modern: Modern = Modern(),
    gap: str = "",
    long: bool = False,
) -> Card:
    """A row of the published tables.

    Args:
        name: The last part of its name.
        claim: The claim.
        problems: The problem; classes as `AsOutputs`. Of several each is trained on alone.
        model: The network.
        rate: The published learning rate, of half the squared error, summed over outputs and steps.
        published: The published number of sequences.
        criterion: The published end of training.
        targets: Number of scored steps of a sequence.
        modern: The modern recipe.
        gap: What the source does not say, so that a literal recipe that fails refutes nothing.
        long: Whether it takes more than about ten minutes.
    """
    arms: dict[str, UntilMet] = {}
    several = len(problems) > 1
    for number, problem in enumerate(problems):
        spec, end = problem.targets, f", {number + 1}" if several else ""
        size = (isinstance(spec, Reals) and spec.size) or 1
        # The loss here is a mean over outputs and scored steps of the whole square.
        of_mean = rate * size * targets / 2
        lstm = LSTM(hidden_size=modern.cells, chrono=problem.steps if modern.chrono else None)
        arm = functools.partial(_arm, problem, published=published, criterion=criterion)
        arms[LITERAL + end] = arm(model, "sgd", of_mean)
        arms[MODERN + end] = arm(lstm, "adam", modern.rate)
    return Card(
        id=f"{DOCUMENT}/{name}",
        document=DOCUMENT,
        source=SOURCE,
        claim=claim,
        arms=arms,
        settle=_test(published, criterion, gap, arms),
        recorded=RECORDED.get(name, UNSETTLED),
        long=long,
    )


def _arm(
    problem: Problem,
    model: ModelFactory,
    optimizer: str,
    rate: float,
    *,
    published: int,
    criterion: Criterion | OnTest,
) -> UntilMet:
    after = 0 if isinstance(criterion, OnTest) or criterion.counted else criterion.sequences
    recipe = Recipe(
        sequences=_CAP * published + after,
        batch_size=1,
        learning_rate=rate,
        optimizer=optimizer,  # pyright: ignore[reportArgumentType]
    )
    setting = Setting(problem=problem, framing=Whole(), model=model, recipe=recipe)
    return UntilMet(setting=setting, criterion=criterion)


def _test(
    published: int, criterion: Criterion | OnTest, gap: str, arms: Iterable[str]
) -> Callable[[Try, Sequence[int]], Finding]:
    """The test of `no more sequences than published`."""
    names = tuple(arms)
    guessed: dict[tuple[int, ...], list[Row]] = {}  # a card is tested three times with its runs

    def test(attempt: Try, _: Sequence[int]) -> Finding:
        rows, verdicts = [], {}
        for recipe in (LITERAL, MODERN):
            runs = [attempt(name) for name in names if name.startswith(recipe)]
            histories = [history for run in runs for history in run.history]
            counts = [criterion.of_history(history) for history in histories]
            verdicts[recipe] = _verdict(counts, published)
            rows.append(Row(recipe, _estimate(counts, published), _note(runs, criterion, counts)))
        seeds = runs[0].seeds
        if seeds not in guessed:
            guessed[seeds] = _guessed(runs[0], criterion, published)
        rows += guessed[seeds]
        because = f"Published: {published:,} sequences."
        if gap and verdicts[LITERAL] == REFUTED:
            verdicts[LITERAL] = UNSETTLED
            because += f" {gap}"
        if verdicts[MODERN] != verdicts[LITERAL]:
            because += f" The modern LSTM: {verdicts[MODERN]}."
        return Finding(
            measured=rows[0].measured,
            what=f"sequences until {criterion.words}, of the literal recipe; at most "
            f"{_CAP * published:,}",
            chance=None,
            verdict=verdicts[LITERAL],
            because=because,
            rows=tuple(rows),
        )

    return test


def _estimate(counts: Sequence[int | None], published: int) -> Estimate:
    """Sequences of all seeds; of one that never met the criterion those that it had."""
    found = statistics.over_seeds([float(each or _CAP * published) for each in counts], least=0.0)
    return dataclasses.replace(found, caveat=OR_MORE) if None in counts else found


def _verdict(counts: Sequence[int | None], published: int) -> str:
    if None in counts:
        return REFUTED
    low, high = _estimate(counts, published).interval
    if high <= published:
        return BETTER
    if low > published:
        return REFUTED
    return REPRODUCED if high <= _WIDEST * published else UNSETTLED


def _note(runs: Sequence[Run], criterion: Criterion | OnTest, counts: Sequence[int | None]) -> str:
    wrong = np.mean([1 - criterion.right(each).mean() for run in runs for each in run.evaluations])
    return f"{_reached(counts)}; {wrong:.2%} of fresh sequences wrong"


def _reached(counts: Sequence[int | None]) -> str:
    met = sum(each is not None for each in counts)
    median = int(np.median([each or np.inf for each in counts])) if 2 * met > len(counts) else 0
    return f"{met} of {len(counts)} seeds met it" + (f", median {median:,}" if median else "")


def _guessed(run: Run, criterion: Criterion | OnTest, published: int) -> list[Row]:
    """In 3a and 3b: the sequences of its test sets that are shown to random networks."""
    problem = run.setting.problem
    if not isinstance(problem, NoiseAndSignal) or not isinstance(criterion, OnTest):
        return []
    if problem.noise == "targets":
        return []
    guessing = Guessing(problem=problem, criterion=criterion, most=_CAP * published)
    counts: list[int | None] = []
    for seed in run.seeds:
        test_set = criterion.test_set(run.setting, seed)
        counts.append(guessing.sequences(test_set, np.random.default_rng([seed, 1997])))
    return [Row(GUESSED, _estimate(counts, published), f"{_reached(counts)}; {guessing.words}")]
