"""Cards of other lags."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from longlag.claims.card import FAILS, HOLDS, Card, Finding, Try, reaches
from longlag.claims.echo.common import LEARNED, PREVIOUS, SOURCE, echo_setting, evidence, finding_of
from longlag.framings import Whole, Window
from longlag.problems import EchoLag
from longlag.trials.setting import Setting

# Other lags.

LAGS = range(1, 11)

SIZES = (50, 20, 10, 5)

_BUDGET, _SOURCE_BUDGET, _STOP = 8000, 2000, 0.995


def _lag_setting(lag: int, hidden_size: int) -> Setting:
    return echo_setting(
        # 31 steps leave 20 pairs at a context of 11, as 25 steps do at the source's of 5.
        EchoLag(lag=lag, length=31),
        Window(timesteps=11),
        batch_size=5,
        sequences=_BUDGET,
        stop_at=_STOP,
        hidden_size=hidden_size,
    )


def _longest(attempt: Try, size: int) -> int:
    """The longest lag that a size solves; it is assumed to solve all shorter ones. 0 for none."""

    def solves(lag: int) -> bool:
        return reaches(attempt(f"lag {lag}, {size} units").accuracy, LEARNED)

    return next(filter(solves, reversed(LAGS))) if solves(LAGS[0]) else 0


def _settle_other_lags(attempt: Try, _: Sequence[int]) -> Finding:
    largest, *others = SIZES
    runs = [attempt(f"lag {lag}, {largest} units") for lag in LAGS]
    longest: dict[int, int] = {}
    for size in others:
        longest[size] = _longest(attempt, size)
        if not longest[size]:
            break  # a smaller one is assumed to fail too
    rows, slow = [], []
    for lag, run in zip(LAGS, runs, strict=True):
        solvers = [size for size, reach in longest.items() if lag <= reach]
        if reaches(run.accuracy, LEARNED):
            solvers.append(largest)
        if max(run.sequences) > _SOURCE_BUDGET:
            slow.append(lag)
        stopped = [reports[-1].outcome == "stopped" for reports in run.history]
        note = (
            f"{sum(stopped)} of {len(stopped)} seeds reach {_STOP} in training, after "
            f"{np.median(run.sequences):,.0f} sequences (median), {run.train_seconds:.1f} s; "
            f"smallest size {min(solvers, default='none')}"
        )
        rows.append(evidence(f"lag {lag}, {largest} units", run, note))
    hardest = min(runs, key=lambda run: run.accuracy.mean)
    failed = [
        lag for lag, run in zip(LAGS, runs, strict=True) if not reaches(run.accuracy, LEARNED)
    ]
    if failed:
        verdict = FAILS
        because = f"Not learned within {_BUDGET:,} sequences: lags {failed}."
    else:
        because = "Every lag within the context is learned by the same network."
        verdict = HOLDS
        if slow:
            longer = slow == list(LAGS[-len(slow) :])
            verdict = f"holds only if {'longer' if longer else 'some'} lags get more sequences"
            because += f" Some seeds need more than the source's {_SOURCE_BUDGET:,} at lags {slow}."
    because += (
        " The smaller sizes were tried at lag 1, then from lag 10 downwards until one was solved; "
        "a size is taken to solve all lags shorter than one that it solves, and a size below one "
        "that fails at lag 1 to fail too."
    )
    return Finding(
        measured=hardest.accuracy,
        what=f"accuracy at the hardest of lags 1 to 10, LSTM 50, {_BUDGET:,} sequences at most",
        chance=hardest.chance,
        verdict=verdict,
        because=because,
        rows=tuple(rows),
    )


OTHER_LAGS = Card(
    document="echo",
    id="echo/other-lags",
    source=f"{SOURCE}, extension",
    claim="Each lag within the context could be learned with the same structure.",
    arms={f"lag {lag}, {size} units": _lag_setting(lag, size) for lag in LAGS for size in SIZES},
    settle=_settle_other_lags,
    recorded="holds only if longer lags get more sequences",
)

# A whole lagged sequence.


def _settle_lag_sequence(attempt: Try, _: Sequence[int]) -> Finding:
    early, run = attempt("2,000 sequences"), attempt("4,000 sequences")
    return finding_of(
        run,
        "accuracy, LSTM 50, 25 steps a sample, an output at every step, 4,000 sequences",
        "One dense layer shared by all steps echoes the whole sequence one step late.",
        evidence("2,000 sequences", early),
        evidence("4,000 sequences", run),
    )


LAG_SEQUENCE = Card(
    document="echo",
    id="echo/lag-sequence",
    source=f"{SOURCE}, extension",
    claim="A lagged sequence can be echoed whole, with an output at every time step.",
    arms={
        f"{sequences:,} sequences": echo_setting(
            PREVIOUS, Whole(), batch_size=1, sequences=sequences
        )
        for sequences in (2000, 4000)
    },
    settle=_settle_lag_sequence,
    recorded=HOLDS,
)
