"""Strings: bucket sort against a guesser, and the capacity of reverse."""

from __future__ import annotations

from longlag.claims.modern.common import Figure, Learns, StaysBelow, card, setting, tuned
from longlag.models import LSTM
from longlag.problems import Reverse, Sort

_DELETANG = "Delétang et al. (2023), test on 41 to 500 symbols"

_SORT = Sort(length=40)

_LONG_SORT = Sort(length=500, least=41)

_SORT_TESTS = {"as trained": _SORT, "41 to 500 symbols": _LONG_SORT}

_SORT_FIGURES = [Figure(name=name, test=name, tolerance=0.005) for name in _SORT_TESTS]

BUCKET_SORT = card(
    "bucket-sort",
    "An LSTM trained on up to 40 symbols sorts 41 to 500 symbols of 5: .993, where .9 counts as "
    "solved.",
    source=f"{_DELETANG}: LSTM 99.3 %, best of 10 seeds and three rates",
    arms={
        "LSTM": tuned(
            setting(
                _SORT,
                LSTM(hidden_size=128),
                sequences=64_000,
                batch_size=64,
                tests=_SORT_TESTS,
                stop_at=0.999,
            ),
            (1e-3, 3e-3),
        )
    },
    parts=[Learns(figure=_SORT_FIGURES[1], arm="LSTM", published=0.993)],
    figures=_SORT_FIGURES,
    why="The likeliest symbol of each place, of a guesser that knows the length and no symbol, "
    "stands among the shortcuts: the line of .9 says little. Here each symbol counts alike, there "
    "each string. Published is the best of many runs, here is the mean of all seeds; at most "
    "64,000 sequences, there 128 million.",
)

_LENGTHS = (20, 40, 80)

REVERSE = card(
    "reverse-capacity",
    "An LSTM does not learn to reverse strings of 41 to 500 symbols after training on up to 40: "
    ".609. Read as capacity: it recalls as many symbols as the longest training string had.",
    source=f"{_DELETANG}: LSTM 60.9 %; a net that recalls 40 symbols and guesses the rest scores "
    "60.93 %",
    arms={
        f"trained on up to {length}": tuned(
            setting(
                Reverse(length=length),
                LSTM(hidden_size=256),
                sequences=1_000_000,
                batch_size=128,
                tests={
                    "as trained": Reverse(length=length),
                    "41 to 500 symbols": Reverse(length=500, least=41),
                },
                stop_at=0.999,
            ),
            (1e-3, 3e-3),
        )
        for length in _LENGTHS
    },
    parts=[
        StaysBelow(
            figure=Figure(name="41 to 500 symbols", test="41 to 500 symbols"),
            arm="trained on up to 40",
            most=0.65,
            once=Figure(name="as trained", test="as trained"),
        ),
        *(
            Learns(
                figure=Figure(name="as trained", test="as trained"),
                arm=f"trained on up to {length}",
                published=0.99,
            )
            for length in _LENGTHS
        ),
    ],
    figures=[Figure(name="41 to 500 symbols", test="41 to 500 symbols")],
    why="One million strings of each length.",
    long=True,
)
