"""The published tables of the paper of 1997, a row a card.

Weight counts are as published (`tests/models/test_lstm1997.py`). Of experiment 3 errors are counted
over the last sequences of training, before each is learned from; the source has 256 beside it.
Experiments 1, 2a and 2b have no card: their networks are trained on every symbol, by another
criterion than that of what is predicted.
"""

from __future__ import annotations

from longlag.claims.card import Card
from longlag.claims.lstm1997.common import card
from longlag.claims.lstm1997.outputs import AsOutputs
from longlag.models import LSTM1997
from longlag.problems import (
    Adding,
    Multiplication,
    NoiseAndSignal,
    RandomLags,
    TemporalOrder,
)
from longlag.trials.criterion import Criterion

_TWO_CELLS = LSTM1997(cells=1, biases="no", logistic=True, initial_range=0.2)
_THREE_CELLS = LSTM1997(
    blocks=3,
    cells=1,
    biases="units",
    logistic=True,
    input_bias=-1,
    input_bias_step=-2,
    output_bias=-2,
    output_bias_step=-2,
)
_PAIRS = LSTM1997(logistic=True, input_bias=-3, input_bias_step=-3)


def _order(blocks: int) -> LSTM1997:
    return LSTM1997(blocks=blocks, logistic=True, input_bias=-2, input_bias_step=-2)


def _random_lags(q: int, p: int, published: int) -> Card:
    return card(
        f"2c-{q}-{p}",
        f"Two cells keep a bit for {q} steps and more, among {p} distractors.",
        problem=AsOutputs(problem=RandomLags(length=q, distractors=p), tolerance=0.2),
        model=_TWO_CELLS,
        rate=0.01,
        published=published,
        criterion=Criterion(sequences=10_000, counted=False),
        long=q > 100,
    )


def _signal(kind: str, length: int, signal: int, published: int, wrong: int = 0) -> Card:
    noise = {"3a": "after", "3b": "everywhere", "3c": "targets"}[kind]
    problem = NoiseAndSignal(length=length, signal=signal, noise=noise)  # pyright: ignore[reportArgumentType]
    first = "first input tells" if signal == 1 else f"first {signal} inputs tell"
    return card(
        f"{kind}-{length}-{signal}",
        f"Three cells learn which class the {first}, through {length} steps of noise.",
        problem=problem,
        model=_THREE_CELLS,
        rate=0.1 if kind == "3c" else 1.0,
        published=published,
        criterion=Criterion(sequences=256, wrong=wrong),
        long=length > 100 or kind == "3c",
    )


def _adding(length: int, published: int) -> Card:
    return card(
        f"4-{length}",
        f"Four cells add two marked values among {length}, to within 0.04.",
        problem=Adding(variant="1997", length=length),
        model=_PAIRS,
        rate=0.5,
        published=published,
        criterion=Criterion(sequences=2000),
        long=length > 100,
    )


def _multiplication(wrong: int, published: int) -> Card:
    return card(
        f"5-{wrong}",
        f"Four cells multiply two marked values among 100: fewer than {wrong} of 2,000 wrong.",
        problem=Multiplication(variant="1997", length=100),
        model=_PAIRS,
        rate=0.1,
        published=published,
        criterion=Criterion(sequences=2000, wrong=wrong - 1),
        long=True,
    )


def _temporal_order(marks: int, published: int) -> Card:
    cells = 2 * marks
    return card(
        f"6{'a' if marks == 2 else 'b'}",
        f"{cells} cells tell the order of {marks} marks among 100 to 110 symbols.",
        problem=AsOutputs(problem=TemporalOrder(length=100, marks=marks), tolerance=0.3),
        model=_order(marks),
        rate=0.5 if marks == 2 else 0.1,
        published=published,
        criterion=Criterion(sequences=2000, loss=0.1),
        long=marks == 3,
    )


_RANDOM_LAGS = {
    (50, 50): 30_000,
    (100, 100): 31_000,
    (200, 200): 33_000,
    (500, 500): 38_000,
    (1000, 1000): 49_000,
    (1000, 500): 49_000,
    (1000, 200): 75_000,
    (1000, 100): 135_000,
    (1000, 50): 203_000,
}

CARDS = (
    *(_random_lags(q, p, published) for (q, p), published in _RANDOM_LAGS.items()),
    _signal("3a", 100, 3, 27_380),
    _signal("3a", 100, 1, 58_370),
    _signal("3a", 1000, 3, 446_850),
    _signal("3b", 100, 3, 41_740, wrong=5),
    _signal("3b", 100, 1, 74_950, wrong=5),
    _signal("3b", 1000, 1, 481_060, wrong=5),
    _signal("3c", 100, 3, 269_650),
    _signal("3c", 100, 1, 565_640),
    _adding(100, 74_000),
    _adding(500, 209_000),
    _adding(1000, 853_000),
    _multiplication(140, 482_000),
    _multiplication(13, 1_273_000),
    _temporal_order(2, 31_390),
    _temporal_order(3, 571_100),
)
