"""Cards of encoding and of echoing the current value."""

from __future__ import annotations

from collections.abc import Sequence

from longlag import streams
from longlag.claims.card import FAILS, HOLDS, Card, Finding, Try
from longlag.claims.echo.common import PREVIOUS, SOURCE, echo_setting, evidence, finding_of
from longlag.encodings import OneHot
from longlag.framings import Chunks
from longlag.problems import EchoLag
from longlag.scores import statistics
from longlag.trials.setting import Setting

# Draw, encode, decode.

_SEQUENCES = 1000


def _settle_encode(_: Try, seeds: Sequence[int]) -> Finding:
    code = OneHot(values=PREVIOUS.values)
    shares = []
    for seed in seeds:
        values = PREVIOUS.draw(streams.evaluation(seed), _SEQUENCES).inputs
        shares.append(float((code.decode(code.encode(values)) == values).all(axis=1).mean()))
    measured = statistics.accuracy(shares, _SEQUENCES)
    return Finding(
        measured=measured,
        what=f"share of {_SEQUENCES:,} sequences a seed that come back whole",
        chance=PREVIOUS.chance() ** PREVIOUS.length,
        verdict=HOLDS if measured.mean == 1 else FAILS,
        because="One-hot vectors decode by their largest entry to the integers they came from.",
    )


ENCODE = Card(
    document="echo",
    id="echo/encode",
    source=SOURCE,
    claim="A random sequence survives one-hot encoding and decoding by argmax.",
    arms={},
    settle=_settle_encode,
    recorded=HOLDS,
)

# Echo the current value.


def _settle_current(attempt: Try, _: Sequence[int]) -> Finding:
    run, fewer = attempt("batch 5"), attempt("batch 25")
    return finding_of(
        run,
        "accuracy, LSTM 15, one step a sample, 500 sequences, batch 5",
        "No memory is needed, only a map from a value to itself.",
        evidence("batch 5", run),
        evidence("batch 25, a fifth of the updates", fewer),
    )


def _current(batch_size: int) -> Setting:
    return echo_setting(
        EchoLag(lag=0), Chunks(timesteps=1), batch_size=batch_size, sequences=500, hidden_size=15
    )


CURRENT = Card(
    document="echo",
    id="echo/current",
    source=SOURCE,
    claim="An LSTM of 15 units learns to echo the current value within 500 sequences: 100 %.",
    arms={"batch 5": _current(5), "batch 25": _current(25)},
    settle=_settle_current,
    recorded=HOLDS,
)
