"""The claims of the echo tutorial (Brownlee 2017, echo random integers), nine cards.

Integers from 0 to 99, 25 a sequence, one-hot, log loss, Adam, a fresh sequence each epoch.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from longlag import streams
from longlag.claims._card import FAILS, HOLDS, UNSETTLED, Card, Finding, Row, Try
from longlag.encodings import OneHot
from longlag.framings import Chunks, Framing, Prefix, Whole, Window
from longlag.lab import Estimate, Run, Setting, statistics
from longlag.models import LSTM
from longlag.problems import EchoLag
from longlag.training import Recipe

SOURCE = "Brownlee (2017), echo random integers"
LEARNED = 0.99
"""Accuracy from which `100 %` counts as reproduced; 1 of 100 values missed costs 0.01."""

_RARE = 1e-3  # level of the test against chance; none of its outcomes may turn on a draw

_PREVIOUS = EchoLag(lag=1)


def _setting(
    problem: EchoLag,
    framing: Framing,
    *,
    batch_size: int,
    epochs: int = 2000,
    stop_at: float | None = None,
    hidden_size: int = 50,
) -> Setting:
    return Setting(
        problem=problem,
        framing=framing,
        model=LSTM(hidden_size=hidden_size),
        recipe=Recipe(batch_size=batch_size, epochs=epochs, stop_at=stop_at),
    )


def _row(tried: str, run: Run, note: str = "") -> Row:
    return Row(tried, run.accuracy, note)


def _learned(run: Run, what: str, because: str, *rows: Row) -> Finding:
    """The finding of a card that asks whether one run learned its problem."""
    learned = run.accuracy.mean >= LEARNED
    short = f"The accuracy stays below {LEARNED}."
    return Finding(
        measured=run.accuracy,
        what=what,
        chance=run.chance,
        verdict=HOLDS if learned else FAILS,
        because=because if learned else short,
        rows=rows,
        shortcuts=run.shortcuts,
    )


# Draw, encode, decode.

_ENCODED = 1000


def _settle_encode(_: Try, seeds: Sequence[int]) -> Finding:
    code = OneHot(values=_PREVIOUS.values)
    shares = []
    for seed in seeds:
        drawn = _PREVIOUS.draw(streams.evaluation(seed), _ENCODED).inputs
        shares.append(float((code.decode(code.encode(drawn)) == drawn).all(axis=1).mean()))
    measured = statistics.accuracy(shares, _ENCODED)
    return Finding(
        measured=measured,
        what=f"share of {_ENCODED:,} sequences a seed that come back whole",
        chance=_PREVIOUS.chance() ** _PREVIOUS.length,
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
    return _learned(
        run,
        "accuracy, LSTM 15, one step a sample, 500 sequences, batch 5",
        "No memory is needed, only a map from a value to itself.",
        _row("batch 5", run),
        _row("batch 25, a fifth of the updates", fewer),
    )


def _current(batch_size: int) -> Setting:
    return _setting(
        EchoLag(lag=0), Chunks(timesteps=1), batch_size=batch_size, epochs=500, hidden_size=15
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


# Echo the previous value, one step a sample: the beginner's mistake.

_ONE_STEP = Chunks(timesteps=1, carry=True)
_WITHOUT_CONTEXT = {
    "consecutive rows, one step": _setting(
        _PREVIOUS, dataclasses.replace(_ONE_STEP, rows="consecutive"), batch_size=6
    ),
    "six sequences, one step": _setting(_PREVIOUS, _ONE_STEP, batch_size=6),
    "six sequences, two steps": _setting(
        _PREVIOUS, Chunks(timesteps=2, carry=True), batch_size=6, epochs=8000
    ),
}


_CAUSES = {
    "unreachable": (
        "With six consecutive rows in a batch, state enters a row from six steps earlier: the "
        "previous value never reaches the prediction. The source does not name this cause."
    ),
    "state-only": (
        "Laid out so that state does flow from step to step it reaches it, and accuracy is above "
        "chance; but a gradient of one step does not teach the state to keep it."
    ),
    "learnable": "A gradient of two steps does.",
}


def _settle_without_context(attempt: Try, _: Sequence[int]) -> Finding:
    runs = {name: attempt(name) for name in _WITHOUT_CONTEXT}
    source, one, two = runs.values()
    shown = {
        "unreachable": source.chance_probability > _RARE,
        "state-only": one.chance_probability < _RARE and one.accuracy.mean < LEARNED,
        "learnable": two.accuracy.mean >= LEARNED,
    }
    if not shown["unreachable"]:
        verdict = FAILS
    elif one.accuracy.mean < LEARNED:
        verdict = HOLDS
    else:
        verdict = "holds only if the rows of a batch are consecutive"
    audits = {name: setting.audit().verdict for name, setting in _WITHOUT_CONTEXT.items()}
    return Finding(
        measured=source.accuracy,
        what="accuracy, LSTM 50, one step a sample, rows of a batch consecutive, batch 6",
        chance=source.chance,
        verdict=verdict,
        because=" ".join(_CAUSES[audit] for audit in audits.values() if shown[audit]),
        rows=tuple(_row(name, run, f"audit: {audits[name]}") for name, run in runs.items()),
    )


WITHOUT_CONTEXT = Card(
    document="echo",
    id="echo/lag-without-context",
    source=SOURCE,
    claim="Shown one step a sample, a stateful LSTM cannot learn to echo the previous value: 0 %.",
    arms=_WITHOUT_CONTEXT,
    settle=_settle_without_context,
    recorded=HOLDS,
)


# Echo the previous value, with context.

_CONTEXT = {
    "state carried": _setting(_PREVIOUS, Window(timesteps=5, carry=True), batch_size=5),
    "state reset": _setting(_PREVIOUS, Window(timesteps=5), batch_size=5),
    "state carried, 500 sequences": _setting(
        _PREVIOUS, Window(timesteps=5, carry=True), batch_size=5, epochs=500
    ),
    "state reset, 500 sequences": _setting(
        _PREVIOUS, Window(timesteps=5), batch_size=5, epochs=500
    ),
}


def _settle_with_context(attempt: Try, _: Sequence[int]) -> Finding:
    run = attempt("state carried")
    return _learned(
        run,
        "accuracy, LSTM 50, the last 5 steps as context, 20 pairs, batch 5",
        "The previous value lies within every sample, so a gradient reaches it.",
        _row("state carried between batches, as in the source", run),
    )


WITH_CONTEXT = Card(
    document="echo",
    id="echo/lag-with-context",
    source=SOURCE,
    claim="Given the last five values as time steps, the same LSTM learns it: 100 %.",
    arms=_CONTEXT,
    settle=_settle_with_context,
    recorded=HOLDS,
)


_MARGIN = 0.01  # a difference in accuracy that is worth naming


def _settle_ignore_state(attempt: Try, _: Sequence[int]) -> Finding:
    runs = {name: attempt(name) for name in _CONTEXT}
    carried, reset, carried_early, reset_early = runs.values()
    late = statistics.difference(carried.accuracy.per_seed, reset.accuracy.per_seed)
    early = statistics.difference(carried_early.accuracy.per_seed, reset_early.accuracy.per_seed)
    if max(late.interval[0], early.interval[0]) > _MARGIN:
        verdict, because = HOLDS, f"It adds more than {_MARGIN}."
    elif max(late.interval[1], early.interval[1]) < _MARGIN:
        verdict = FAILS
        because = (
            f"Early or late it adds less than {_MARGIN}: the context lies within each sample, and "
            "what is carried comes from five windows earlier."
        )
        if early.interval[1] < -_MARGIN:
            because += " It slows learning down."
    else:
        verdict, because = UNSETTLED, "The intervals are too wide to tell: take more seeds."
    return Finding(
        measured=late,
        what="accuracy with carried state less accuracy with reset state, after 2,000 sequences",
        chance=0.0,
        verdict=verdict,
        because=because,
        rows=(
            *(_row(name, run) for name, run in runs.items()),
            Row("carried less reset, 2,000 sequences", late, "paired by seed"),
            Row("carried less reset, 500 sequences", early, "paired by seed"),
        ),
    )


IGNORE_STATE = Card(
    document="echo",
    id="echo/ignore-state",
    source=f"{SOURCE}, extension",
    claim="State carried across samples adds skill where the context is already in the samples.",
    arms=_CONTEXT,
    settle=_settle_ignore_state,
    recorded=FAILS,
)


# Rows that lack data.

_MISSING = {
    "drop": _setting(_PREVIOUS, Window(timesteps=5), batch_size=5),
    "mark": _setting(_PREVIOUS, Window(timesteps=5, missing="mark"), batch_size=5),
    "mask": _setting(_PREVIOUS, Window(timesteps=5, missing="mask"), batch_size=5),
    "mask, 8,000 sequences": _setting(
        _PREVIOUS, Window(timesteps=5, missing="mask"), batch_size=5, epochs=8000
    ),
}


def _settle_mask_missing(attempt: Try, _: Sequence[int]) -> Finding:
    runs = {name: attempt(name) for name in _MISSING}
    lacking = slice(1, 4)  # steps with a target whose window of 5 reaches back before step 0

    def on_lacking(run: Run) -> Estimate:
        shares = [float(each.by_step[lacking].mean()) for each in run.evaluations]
        return statistics.accuracy(shares, len(run.evaluations[0].inputs))

    marked, masked, longer = (on_lacking(runs[name]) for name in list(_MISSING)[1:])
    because = "Marked rows have as many steps as all others and are learned with them."
    if marked.mean < LEARNED:
        verdict, because = FAILS, f"The accuracy on marked rows stays below {LEARNED}."
    elif masked.mean >= LEARNED:
        verdict = HOLDS
    elif longer.mean >= LEARNED:
        verdict = "holds only if masked rows are trained for longer"
        because += (
            " A masked row is a shorter sequence that starts from the zero state; in the time in "
            "which full rows are learned those few rows are not."
        )
    else:
        verdict, because = FAILS, f"The accuracy on masked rows stays below {LEARNED}."
    return Finding(
        measured=marked,
        what="accuracy on the rows that lack data, marked with -1, 2,000 sequences",
        chance=runs["mark"].chance,
        verdict=verdict,
        because=because,
        rows=(
            _row("drop: all rows that remain", runs["drop"]),
            _row("mark: all rows", runs["mark"]),
            Row("mark: rows that lack data", marked),
            _row("mask: all rows", runs["mask"]),
            Row("mask: rows that lack data", masked),
            Row("mask: rows that lack data, 8,000 sequences", longer),
        ),
    )


MASK_MISSING = Card(
    document="echo",
    id="echo/mask-missing",
    source=f"{SOURCE}, extension",
    claim="An LSTM can learn from rows that lack data, marked with -1 or masked.",
    arms=_MISSING,
    settle=_settle_mask_missing,
    recorded="holds only if masked rows are trained for longer",
)


# The whole history as context.


def _settle_entire(attempt: Try, _: Sequence[int]) -> Finding:
    run = attempt("prefix")
    return _learned(
        run,
        "accuracy, LSTM 50, everything up to the step as context, padded to 25, masked",
        "A context that grows from 1 to 25 steps always holds the previous value.",
        _row("growing context, 2,000 sequences", run),
    )


ENTIRE_SEQUENCE = Card(
    document="echo",
    id="echo/entire-sequence",
    source=f"{SOURCE}, extension",
    claim="The whole sequence so far can be the context of each sample, padded and masked.",
    arms={"prefix": _setting(_PREVIOUS, Prefix(), batch_size=5)},
    settle=_settle_entire,
    recorded=HOLDS,
)


# Other lags.

LAGS = range(1, 11)
SIZES = (50, 20, 10, 5)
_BUDGET, _SOURCE_BUDGET, _STOP = 8000, 2000, 0.995


def _lag_setting(lag: int, hidden_size: int) -> Setting:
    return _setting(
        # 31 steps leave 20 pairs at a context of 11, as 25 steps do at the source's of 5.
        EchoLag(lag=lag, length=31),
        Window(timesteps=11),
        batch_size=5,
        epochs=_BUDGET,
        stop_at=_STOP,
        hidden_size=hidden_size,
    )


def _longest(attempt: Try, size: int) -> int:
    """The longest lag that a size solves, taken to solve all shorter ones; 0 for none."""

    def solves(lag: int) -> bool:
        return attempt(f"lag {lag}, {size} units").accuracy.mean >= LEARNED

    return next(filter(solves, reversed(LAGS))) if solves(LAGS[0]) else 0


def _settle_other_lags(attempt: Try, _: Sequence[int]) -> Finding:
    largest, *others = SIZES
    runs = [attempt(f"lag {lag}, {largest} units") for lag in LAGS]
    longest: dict[int, int] = {}
    for size in others:
        longest[size] = _longest(attempt, size)
        if not longest[size]:
            break  # a smaller one is taken to solve nothing either
    rows, slow = [], []
    for lag, run in zip(LAGS, runs, strict=True):
        solvers = [size for size, reach in longest.items() if lag <= reach]
        if run.accuracy.mean >= LEARNED:
            solvers.append(largest)
        if max(run.sequences) > _SOURCE_BUDGET:
            slow.append(lag)
        stopped = [reports[-1].outcome == "stopped" for reports in run.history]
        note = (
            f"{sum(stopped)} of {len(stopped)} seeds reach {_STOP} in training, after "
            f"{np.median(run.sequences):,.0f} sequences (median), {run.train_seconds:.1f} s; "
            f"smallest size {min(solvers, default='none')}"
        )
        rows.append(_row(f"lag {lag}, {largest} units", run, note))
    hardest = min(runs, key=lambda run: run.accuracy.mean)
    failed = [lag for lag, run in zip(LAGS, runs, strict=True) if run.accuracy.mean < LEARNED]
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
    return _learned(
        run,
        "accuracy, LSTM 50, 25 steps a sample, an output at every step, 4,000 sequences",
        "One dense layer shared by all steps echoes the whole sequence one step late.",
        _row("2,000 sequences", early),
        _row("4,000 sequences", run),
    )


LAG_SEQUENCE = Card(
    document="echo",
    id="echo/lag-sequence",
    source=f"{SOURCE}, extension",
    claim="A lagged sequence can be echoed whole, with an output at every time step.",
    arms={
        f"{epochs:,} sequences": _setting(_PREVIOUS, Whole(), batch_size=1, epochs=epochs)
        for epochs in (2000, 4000)
    },
    settle=_settle_lag_sequence,
    recorded=HOLDS,
)

CARDS = (
    ENCODE,
    CURRENT,
    WITHOUT_CONTEXT,
    WITH_CONTEXT,
    IGNORE_STATE,
    MASK_MISSING,
    ENTIRE_SEQUENCE,
    OTHER_LAGS,
    LAG_SEQUENCE,
)
