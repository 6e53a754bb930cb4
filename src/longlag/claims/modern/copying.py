"""Recall by position and by mark: copying memory, selective copying."""

from __future__ import annotations

from longlag.claims.card import BETTER
from longlag.claims.modern.common import Fails, Figure, Learns, StaysBelow, card, setting, tuned
from longlag.claims.modern.fixed_set import FixedSet
from longlag.claims.modern.marked import MarkedCopying
from longlag.models import LSTM, S4D, TCN, Mamba, MinGRU, ModelFactory
from longlag.problems import CopyingMemory, Problem, SelectiveCopying

_COGSCALE = "CogScale (Naowak, 2026), results of the repository"

_ARU = "abderahmane-ai/additive-recurrent-unit (2025), benchmark report, phase 2"

_PATIENCE = (
    "The source ends a run after ten epochs without a better validation score, 1,000 updates, so "
    "that a run on a plateau hardly trains; here all 5,000 updates of 50 epochs are made."
)

_EPOCHS, _TRAINING_SET, _COGSCALE_BATCH = 50, 1000, 10


def _cogscale(problem: Problem, model: ModelFactory):
    return setting(
        FixedSet(problem=problem, size=_TRAINING_SET),
        model,
        sequences=_EPOCHS * _TRAINING_SET,
        batch_size=_COGSCALE_BATCH,
        clip_norm=None,
    )


_FIFTY = CopyingMemory(symbols=50, values=8, delay=11)  # ten empty steps, then the signal

_MARKED = MarkedCopying(length=80, symbols=10, values=8, delay=10)

COGSCALE_COPY = card(
    "cogscale-copy",
    "An LSTM of 10,000 weights does not learn to copy 50 symbols of 8: error .87, which is chance.",
    source=f"{_COGSCALE}: simple copy, medium, 10k: LSTM .87 ± .00 at each of five learning rates",
    arms={
        "as published": _cogscale(_FIFTY, LSTM(hidden_size=44)),
        "tuned": tuned(
            setting(_FIFTY, LSTM(hidden_size=44, chrono=62), sequences=200_000, stop_at=0.99)
        ),
    },
    parts=[Fails(published=0.13)],
    why=_PATIENCE,
)

COGSCALE_SELECTIVE = card(
    "cogscale-selective",
    "An LSTM of 10,000 weights does not learn to give back the 10 marked symbols of 80: error "
    ".87, which is chance.",
    source=f"{_COGSCALE}: selective copy, medium, 10k: LSTM .87 ± .00 at each of five learning "
    "rates",
    arms={
        "as published": _cogscale(_MARKED, LSTM(hidden_size=44)),
        "tuned": tuned(setting(_MARKED, LSTM(hidden_size=44), sequences=200_000, stop_at=0.99)),
    },
    parts=[Fails(published=0.13)],
    why=_PATIENCE,
    recorded=BETTER,
)

_TEN = CopyingMemory(symbols=10, values=8, delay=51)  # 50 empty steps, then the marker

_EVERY = CopyingMemory(symbols=10, values=8, delay=51, ask="every")

_LAST_TEN = Figure(name="accuracy in the answer", last=10)

ARU_COPYING = card(
    "aru-copying",
    "An LSTM of 128 cells does not learn to copy 10 symbols of 8 after 50 steps: .343.",
    source=f"{_ARU}: LSTM 34.3 % of symbols, GRU 50.5, ARU 96.9; one seed, one learning rate",
    arms={
        "as published": setting(
            FixedSet(problem=_EVERY, size=14_000),
            LSTM(hidden_size=128),
            sequences=50 * 14_000,
            batch_size=128,
        ),
        "tuned": tuned(
            setting(_TEN, LSTM(hidden_size=128, chrono=62), sequences=200_000, stop_at=0.99)
        ),
    },
    parts=[Fails(figure=_LAST_TEN, published=0.343)],
    why="The source scores all 71 steps in training, and trains up to 50 epochs of 14,000 "
    "sequences; tuned, the answer alone is scored, in batches of 32.",
    long=True,
)

_SCALED = SelectiveCopying(length=64, symbols=4, values=14)

_SELECTIVE_MODELS: dict[str, ModelFactory] = {
    "LSTM": LSTM(hidden_size=64),
    "Mamba": Mamba(hidden_size=32),
    "minGRU, 3 blocks": MinGRU(hidden_size=64, layers=3),
    "S4D": S4D(hidden_size=32, layers=2),
    "TCN": TCN(hidden_size=32, kernel=3, levels=5),
}

SELECTIVE = card(
    "selective-copying",
    "Selective copying asks for selection: time-invariant state spaces fail, and selective ones "
    "learn it. Here 4 symbols of 14 among 64 steps in place of 16 among 4,096.",
    source="Gu and Dao (2023), Mamba, Table 1: S4 18.3 %, S6 97.0, Mamba 99.8; no LSTM. "
    "cheind/mingru: three minGRU layers 99.6 to 100 at a length of 64",
    arms={
        name: tuned(
            setting(_SCALED, model, sequences=48_000, batch_size=32, stop_at=0.995),
            (3e-3, 1e-2) if name == "LSTM" else (1e-3, 3e-3),
        )
        for name, model in _SELECTIVE_MODELS.items()
    },
    parts=[
        Learns(arm="Mamba", published=0.97),
        Learns(arm="minGRU, 3 blocks", published=0.97),
        StaysBelow(arm="S4D", most=0.9),
        Learns(arm="LSTM", published=0.97),
    ],
    why="A time-invariant layer stands here in blocks with gates after it; the source has 18.3 % "
    "for one without. The LSTM is no part of the source: it stands here as another gated state. "
    "The window of the TCN, 125 steps, holds the whole sequence.",
    long=True,
)
