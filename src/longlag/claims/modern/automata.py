"""Automata: the flip-flop language, parity, A5, modular arithmetic."""

from __future__ import annotations

import dataclasses

from longlag.claims.modern.common import Figure, Learns, StaysBelow, card, setting, tuned
from longlag.models import LSTM, RNN, SLSTM, DeltaNet, Mamba, MinGRU, ModelFactory
from longlag.problems import FlipFlop, ModularArithmetic, Parity, WordProblem

# The flip-flop language.

_TRAINED = FlipFlop(length=512, ignore=0.8)

_FLIP_TESTS = {
    "as trained": _TRAINED,
    "sparse, .98": FlipFlop(length=512, ignore=0.98),
    "dense, .1": FlipFlop(length=512, ignore=0.1),
}

_IGNORED = {
    f"{pairs:,} pairs ignored": FlipFlop(length=2 * pairs + 4, ignore=1.0)
    for pairs in (256, 1000, 4000)
}

_FLIP_FIGURES = [Figure(name=name, test=name) for name in (*_FLIP_TESTS, *_IGNORED)]

_LIU = "Liu et al. (2023), Exposing Attention Glitches"


def _flip_flop(model: ModelFactory, sequences: int):
    return tuned(
        setting(
            _TRAINED,
            model,
            sequences=sequences,
            batch_size=16,
            tests={**_FLIP_TESTS, **_IGNORED},
            stop_at=1.0,
        ),
        (1e-3, 3e-3),
    )


FLIP_FLOP_LSTM = card(
    "flip-flop-lstm",
    "An LSTM of 128 cells learns the flip-flop language without an error, and keeps it where 98 % "
    "or 10 % are ignored.",
    source=f"{_LIU}: 100 % on all three sets in 100 of 100 runs, 160,000 sequences each",
    arms={"LSTM": _flip_flop(LSTM(hidden_size=128), 32_000)},
    parts=[
        Learns(figure=dataclasses.replace(figure, tolerance=0.0), arm="LSTM", published=1.0)
        for figure in _FLIP_FIGURES[:3]
    ],
    figures=_FLIP_FIGURES,
    why="At most 32,000 sequences here. Published 1 means no error in any run: here none in "
    "1,000 sequences of each seed.",
    long=True,
)

FLIP_FLOP_MAMBA = card(
    "flip-flop-mamba",
    "A Mamba of one block that makes no error on all three sets of the flip-flop language forgets "
    "its bit when about 1,000 pairs are ignored.",
    source="Sarrof et al. (2024): one block has errors near zero; the long ignore is of later work "
    "on contracting state spaces",
    arms={"Mamba": _flip_flop(Mamba(hidden_size=32), 12_000)},
    parts=[
        *(
            Learns(figure=dataclasses.replace(figure, tolerance=0.001), arm="Mamba", published=1.0)
            for figure in _FLIP_FIGURES[:3]
        ),
        StaysBelow(figure=_FLIP_FIGURES[4], arm="Mamba", most=0.99, once=_FLIP_FIGURES[0]),
    ],
    figures=_FLIP_FIGURES,
    why="Forgotten means .99 or less with one write, 1,000 ignored pairs and one read; chance .5. "
    "At most 12,000 sequences. `modern/flip-flop-lstm` has the same tests of an LSTM.",
    long=True,
)

# The sign of eigenvalues.

_PARITY = Parity(length=40)

_PARITY_TESTS = {"as trained": _PARITY, "256 steps": Parity(length=256)}

_PARITY_FIGURES = [Figure(name=name, test=name) for name in _PARITY_TESTS]

_SIGNED: dict[str, ModelFactory] = {
    "Mamba, 0 to 1": Mamba(hidden_size=32, layers=2),
    "Mamba, -1 to 1": Mamba(hidden_size=32, layers=2, negative=True),
    "DeltaNet, 0 to 1": DeltaNet(hidden_size=32, layers=2, heads=2),
    "DeltaNet, -1 to 1": DeltaNet(hidden_size=32, layers=2, heads=2, negative=True),
    "minGRU, 0 to 1": MinGRU(hidden_size=64, layers=2),
}

PARITY = card(
    "parity-sign",
    "Mamba and DeltaNet do not learn parity with eigenvalues from 0 to 1, and do with eigenvalues "
    "from -1 to 1; trained on 40 steps, tested on 256.",
    source="Grazzi et al. (2025), Table 3, scaled accuracy, best of three seeds: Mamba .000 and "
    "1.000, DeltaNet .017 and 1.000, sLSTM 1.000",
    arms={
        name: tuned(
            setting(
                _PARITY,
                model,
                sequences=30_000,
                batch_size=32,
                tests=_PARITY_TESTS,
                stop_at=0.999,
            ),
            (1e-3, 3e-3),
        )
        for name, model in _SIGNED.items()
    },
    parts=[
        *(
            StaysBelow(figure=_PARITY_FIGURES[1], arm=name, most=0.95)
            for name in _SIGNED
            if name.endswith("0 to 1")
        ),
        *(
            Learns(figure=_PARITY_FIGURES[1], arm=name, published=0.97)
            for name in _SIGNED
            if name.endswith("-1 to 1")
        ),
    ],
    figures=_PARITY_FIGURES,
    why="At most 30,000 sequences of exactly 40 steps, scored at every step; there 5 million of 3 "
    "to 40. minGRU is no part of the source: its theorem holds for it too.",
    long=True,
)

# One block, and a group that is not solvable.

_A5 = WordProblem(length=12, monoid="a5")

_WHOLE = Figure(name="whole sequences right", whole=True)

_ONE_BLOCK: dict[str, ModelFactory] = {
    "RNN": RNN(hidden_size=128),
    "LSTM": LSTM(hidden_size=128),
    "Mamba": Mamba(hidden_size=64),
    "DeltaNet, -1 to 1": DeltaNet(hidden_size=64, heads=4, negative=True),
}

A5 = card(
    "a5-one-layer",
    "One recurrent layer tracks the products of up to 12 elements of A5; one block of Mamba does "
    "not.",
    source="Merrill, Petty and Sabharwal (2024), Figure 3: the RNN with one layer at every length "
    "up to 20, Mamba with more and more layers; more than .9 of sequences right counts",
    arms={
        name: tuned(
            setting(_A5, model, sequences=100_000, batch_size=64, stop_at=0.999), (1e-3, 3e-3)
        )
        for name, model in _ONE_BLOCK.items()
    },
    parts=[
        Learns(figure=_WHOLE, arm="RNN", published=0.92),
        Learns(figure=_WHOLE, arm="LSTM", published=0.92),
        StaysBelow(figure=_WHOLE, arm="Mamba", most=0.9),
    ],
    figures=[Figure()],
    why="The length is 12 alone. LSTM and DeltaNet are no part of the source.",
    long=True,
)

# Two reports of one cell.

_ARITHMETIC = ModularArithmetic(length=39)

SLSTM_ARITHMETIC = card(
    "slstm-arithmetic",
    "An sLSTM learns modular arithmetic without brackets: 1.00 by one report, .787 by another, "
    "trained on up to 40 symbols, tested on up to 256.",
    source="Beck et al. (2024), xLSTM, and Grazzi et al. (2025), Table 3: scaled accuracy 1.00 and "
    ".787, best of three seeds",
    arms={
        "sLSTM, 2 blocks": tuned(
            setting(
                _ARITHMETIC,
                SLSTM(hidden_size=128, layers=2, heads=4),
                sequences=1_000_000,
                batch_size=256,
                tests={"as trained": _ARITHMETIC, "255 symbols": ModularArithmetic(length=255)},
                stop_at=0.999,
            ),
            (1e-3, 3e-3),
        )
    },
    parts=[
        Learns(
            figure=Figure(name="255 symbols", test="255 symbols"),
            arm="sLSTM, 2 blocks",
            published=0.99,
        )
    ],
    figures=[Figure(name="as trained", test="as trained")],
    why="Here one length, 39 symbols, and one million sequences; there 3 to 40 symbols and 5 to 25 "
    "million.",
    long=True,
)
