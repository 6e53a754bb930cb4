"""Counters: the number of ones, and the sum of two marked values."""

from __future__ import annotations

from longlag.claims.modern.common import Fails, Figure, Worse, card, setting, tuned
from longlag.claims.modern.fixed_set import FixedSet
from longlag.models import GRU, LSTM, ModelFactory
from longlag.problems import Adding, CountOnes

_ARU = "abderahmane-ai/additive-recurrent-unit (2025), benchmark report, phase"

_BATCH = 128

_SQUARED = Figure(name="mean squared error", squared=True, tolerance=0.1)

_IN_TENS = CountOnes(length=100, density=0.1, scale=10)

_COUNTS = CountOnes(length=100, density=0.1, scale=1)

_MODELS: dict[str, ModelFactory] = {"LSTM": LSTM(hidden_size=64), "GRU": GRU(hidden_size=64)}


def _literal(model: ModelFactory):
    return setting(
        FixedSet(problem=_COUNTS, size=8000), model, sequences=10 * 8000, batch_size=_BATCH
    )


COUNTING = card(
    "aru-counting",
    "An LSTM counts the ones among 100 steps worse than a GRU: squared error .41 against .14, "
    "where the mean has 9.",
    source=f"{_ARU} 3: ARU .0014, GRU .1405, LSTM .4061; one seed, one learning rate",
    arms={
        **{f"{name}, as published": _literal(model) for name, model in _MODELS.items()},
        **{
            f"{name}, tuned": tuned(
                setting(_IN_TENS, model, sequences=80_000, batch_size=32), (1e-3, 3e-3)
            )
            for name, model in _MODELS.items()
        },
    },
    parts=[
        Worse(
            figure=_SQUARED,
            literal=("LSTM, as published", "GRU, as published"),
            tuned=("LSTM, tuned", "GRU, tuned"),
            published=(0.4061, 0.1405),
        )
    ],
    why="As published: 8,000 sequences, in batches of 128, at rate .001; 10 epochs here, 30 there. "
    "Tuned: as many, all fresh, in batches of 32, and the count divided by 10 as target.",
)

_TWO_HUNDRED = Adding(length=200)

ADDING = card(
    "aru-adding",
    "An LSTM of 128 cells does not learn to add two marked values among 200: squared error .163, "
    "where the mean has .167.",
    source=f"{_ARU} 5: GRU .0009, ARU .0013, LSTM .1631; one seed, one learning rate",
    arms={
        "as published": setting(
            FixedSet(problem=_TWO_HUNDRED, size=10_000),
            LSTM(hidden_size=128),
            sequences=50 * 10_000,
            batch_size=_BATCH,
        ),
        "tuned": tuned(
            setting(
                _TWO_HUNDRED, LSTM(hidden_size=128, chrono=200), sequences=100_000, stop_at=0.95
            ),
            (1e-3, 3e-3),
        ),
    },
    parts=[Fails(figure=_SQUARED, published=0.1631, learned=0.0167)],
    why="Learned means a tenth of the error of the mean.",
    long=True,
)
