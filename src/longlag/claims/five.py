"""The claims of the five sequence problems (Brownlee 2017), twelve cards.

Every card sets an LSTM of 50 cells beside an MLP in both its forms, shown a single step and
shown the whole sample flattened (they are one where a sample is one step). They are tuned over
the learning rate, the MLPs over their width too, on a stream that is used for nothing else; only
`echo-value/deeper`, which compares lags, keeps one learning rate for all of its LSTMs.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from longlag.claims._card import FAILS, HOLDS, UNSETTLED, Card, Finding, Row, Try
from longlag.encodings import IntegerEncoding, Scaled
from longlag.framings import Chunks, EncoderDecoder, Framing, Vector, Whole, Window
from longlag.lab import Estimate, Run, Search, Setting, statistics
from longlag.models import LSTM, MLP, Bidirectional, ModelFactory, Seq2Seq
from longlag.problems import (
    CumulativeThreshold,
    EchoSubsequence,
    EchoValue,
    Memorization,
    Problem,
    Ramp,
)
from longlag.training import Recipe

SOURCE = "Brownlee (2017), five sequence problems"
DOCUMENT = "five"
LEARNED = 0.99
"""Mean skill from which a problem counts as learned."""

_RATES = (1e-3, 3e-3, 1e-2)


def _arm(
    problem: Problem,
    framing: Framing,
    model: ModelFactory,
    *,
    epochs: int,
    batch_size: int = 10,
    encoding: type[IntegerEncoding] | None = None,
) -> Search:
    widths = (50, 200) if isinstance(model, MLP) else (50,)
    recipe = Recipe(epochs=epochs, batch_size=batch_size)
    setting = Setting(
        problem=problem, framing=framing, model=model, recipe=recipe, encoding=encoding
    )
    return Search(setting=setting, hidden_sizes=widths, learning_rates=_RATES)


def _beside(
    problem: Problem, framing: Framing, *, epochs: int, batch_size: int = 10
) -> dict[str, Search]:
    """The LSTM and both forms of the MLP, on equal terms."""
    models = {"LSTM": LSTM(), "MLP, one step": MLP(context=1), "MLP, flattened": MLP()}
    return {
        name: _arm(problem, framing, model, epochs=epochs, batch_size=batch_size)
        for name, model in models.items()
    }


def _row(tried: str, run: Run, note: str = "") -> Row:
    """A line of evidence: what the audit says, what was tuned, the error of a regression."""
    notes = [f"audit: {run.setting.audit().verdict}", *run.remarks]
    if run.error is not None:
        notes.append(f"error {run.error.mean:.4f}, chance {run.chance_error:.4f}")
    return Row(tried, run.accuracy, "; ".join([*notes, *filter(None, [note])]))


def _skill(run: Run) -> float:
    return float(np.mean(run.skill))


def _learned(run: Run) -> bool:
    return _skill(run) >= LEARNED


def _finding(run: Run, what: str, verdict: str, because: str, *rows: Row) -> Finding:
    return Finding(
        measured=run.accuracy,
        what=what,
        chance=run.chance,
        verdict=verdict,
        because=because,
        rows=rows,
        shortcuts=run.shortcuts,
    )


BOTH_FORMS = "holds for one step; does not hold for the flattened window"


def _an_mlp_cannot(attempt: Try, names: Sequence[str], what: str, because: str) -> Finding:
    """The test of `an LSTM can, an MLP cannot`, both forms of the MLP shown."""
    runs = {name: attempt(name) for name in names}
    lstm, step, window = (_learned(runs[name]) for name in names[:3])
    if not lstm:
        verdict, because = FAILS, f"The LSTM's skill stays below {LEARNED}."
    elif step:
        verdict, because = FAILS, "An MLP that is shown a single step learns it too."
    elif window:
        verdict = BOTH_FORMS
    else:
        verdict = HOLDS
        because = "Neither form of the MLP learns it within the budget of the LSTM."
    rows = (_row(name, run) for name, run in runs.items())
    return _finding(runs[names[0]], what, verdict, because, *rows)


# The ramp.

_RAMP = Ramp()
_STEP = 1 / _RAMP.length
_BETWEEN = np.arange(0.5, 8) * _STEP
_BEYOND = np.arange(10, 18) * _STEP


def _off_the_ramp(run: Run, values: np.ndarray) -> Estimate:
    """The error on values that were never trained on, if a step of the ramp is to be added."""
    errors = []
    for seed in run.seeds:
        said = run.predict(values.astype(np.float32), seed=seed)
        errors.append(float(np.sqrt(np.mean((said - values[-len(said) :] - _STEP) ** 2))))
    return statistics.over_seeds(errors)


def _settle_ramp(attempt: Try, names: Sequence[str], what: str) -> Finding:
    runs = {name: attempt(name) for name in names}
    rows, said = [_row(name, run) for name, run in runs.items()], []
    for name, run in runs.items():
        between, beyond = _off_the_ramp(run, _BETWEEN), _off_the_ramp(run, _BEYOND)
        rows.append(Row(f"{name}: error between the values of the ramp", between))
        rows.append(Row(f"{name}: error beyond the ramp, from 1.0 to 1.7", beyond))
        smooth, further = (
            "adds a step" if error.mean <= _RAMP.targets.tolerance else "is lost"
            for error in (between, beyond)
        )
        said.append(f"{name}: {smooth} between the values of the ramp, {further} beyond it.")
    learned = all(map(_learned, runs.values()))
    because = " ".join(said) if learned else f"A model's skill stays below {LEARNED}."
    return _finding(runs["LSTM"], what, HOLDS if learned else FAILS, because, *rows)


def _settle_ramp_one_step(attempt: Try, _: Sequence[int]) -> Finding:
    what = "share within 0.04, LSTM 50, one value a sample, 2,000 sequences"
    return _settle_ramp(attempt, list(RAMP_ONE_STEP.arms), what)


RAMP_ONE_STEP = Card(
    id="ramp/one-step",
    document=DOCUMENT,
    source=SOURCE,
    claim="Shown one value of a ramp, a network can memorise which one comes next.",
    arms={
        "LSTM": _arm(_RAMP, Chunks(), LSTM(), epochs=2000, batch_size=9),
        "MLP": _arm(_RAMP, Chunks(), MLP(), epochs=2000, batch_size=9),
    },
    settle=_settle_ramp_one_step,
    recorded=HOLDS,
)


def _settle_ramp_subsequence(attempt: Try, _: Sequence[int]) -> Finding:
    what = "share within 0.04, LSTM 50, windows of 3, 2,000 sequences"
    return _settle_ramp(attempt, list(RAMP_SUBSEQUENCE.arms), what)


RAMP_SUBSEQUENCE = Card(
    id="ramp/subsequence",
    document=DOCUMENT,
    source=SOURCE,
    claim="Shown a few values of a ramp, adding a constant or memorising is easy.",
    arms=_beside(_RAMP, Window(timesteps=3), epochs=2000, batch_size=6),
    settle=_settle_ramp_subsequence,
    recorded=HOLDS,
)


# Memorization.

_ONE_BY_ONE = Chunks(timesteps=1, carry=True)
_ONE_STEP = {
    "LSTM": _arm(Memorization(), _ONE_BY_ONE, LSTM(), epochs=2000, batch_size=1),
    "MLP": _arm(Memorization(), _ONE_BY_ONE, MLP(), epochs=2000, batch_size=1),
    "LSTM, ten contexts": _arm(
        Memorization(contexts=10), _ONE_BY_ONE, LSTM(), epochs=2000, batch_size=1
    ),
    "LSTM, length 10": _arm(
        Memorization(length=10), _ONE_BY_ONE, LSTM(), epochs=2000, batch_size=1
    ),
    "LSTM, length 10, gradient through all steps": _arm(
        Memorization(length=10), Whole(), LSTM(), epochs=2000, batch_size=1
    ),
}


def _settle_one_step(attempt: Try, _: Sequence[int]) -> Finding:
    runs = {name: attempt(name) for name in _ONE_STEP}
    lstm, mlp, contexts, longer, taught = runs.values()
    last = [evaluation.by_step[-1] for evaluation in mlp.evaluations]
    because = "Two contexts of a sequence of five leave a trace in the state that can be read."
    verdict = HOLDS
    if not _learned(lstm):
        verdict, because = FAILS, f"The LSTM's skill stays below {LEARNED}."
    elif _learned(mlp):
        verdict, because = FAILS, "The MLP learns it too."
    else:
        lost = [
            words
            for words, run in (("ten contexts", contexts), ("a length of 10", longer))
            if not _learned(run)
        ]
        if lost:
            because += (
                f" No gradient ever taught the state to keep it: with {' and with '.join(lost)} "
                "it is lost."
            )
        if not _learned(longer) and _learned(taught):
            because += " A gradient through all steps does teach it at that length."
    rows = [_row(name, run) for name, run in runs.items()]
    shares = statistics.accuracy(last, len(mlp.evaluations[0].inputs))
    rows.insert(2, Row("MLP: last step alone", shares, "the same input, two answers"))
    return _finding(
        lstm,
        "accuracy over all steps, LSTM 50, one value a sample, state carried, 2,000 sequences",
        verdict,
        because,
        *rows,
    )


MEMORIZATION_ONE_STEP = Card(
    id="memorization/one-step",
    document=DOCUMENT,
    source=f"{SOURCE}; after Hochreiter and Schmidhuber (1997), experiment 2",
    claim="Shown (c, 0, 1, 2, …, c) one value at a time, an LSTM learns both sequences through "
    "its carried state; an MLP cannot.",
    arms=_ONE_STEP,
    settle=_settle_one_step,
    recorded=HOLDS,
)


def _settle_sequence(attempt: Try, _: Sequence[int]) -> Finding:
    return _an_mlp_cannot(
        attempt,
        list(MEMORIZATION_SEQUENCE.arms),
        "accuracy at the last step, LSTM 50, all but the last value as time steps, 2,000 sequences",
        "Flattened, the sample shows the context to an MLP as well; a single step does not.",
    )


MEMORIZATION_SEQUENCE = Card(
    id="memorization/sequence",
    document=DOCUMENT,
    source=SOURCE,
    claim="Shown all but the last value as time steps, an LSTM learns to give the last; again an "
    "MLP cannot.",
    arms=_beside(Memorization(ask="last"), Whole(), epochs=2000, batch_size=2),
    settle=_settle_sequence,
    recorded=BOTH_FORMS,
)


# Echo one value.


def _settle_value_current(attempt: Try, _: Sequence[int]) -> Finding:
    runs = {name: attempt(name) for name in VALUE_CURRENT.arms}
    mlp = runs["MLP, one step"]
    learned = _learned(mlp)
    because = "The answer is the input: fit for calibration."
    if not learned:
        because = f"The MLP's skill stays below {LEARNED}."
    elif not _learned(runs["MLP, one step, scaled"]):
        because += " Values scaled into one number are echoed only roughly within that budget."
    rows = (_row(name, run) for name, run in runs.items())
    return _finding(
        mlp,
        "accuracy, MLP shown the last step, 20,000 sequences",
        HOLDS if learned else FAILS,
        because,
        *rows,
    )


_VALUE_EPOCHS = 20_000


def _value(lag: int) -> EchoValue:
    return EchoValue(lag=lag, length=5)


VALUE_CURRENT = Card(
    id="echo-value/current",
    document=DOCUMENT,
    source=SOURCE,
    claim="Echoing the current value can be learned by an MLP.",
    arms={
        **_beside(_value(0), Whole(), epochs=_VALUE_EPOCHS),
        "MLP, one step, scaled": _arm(
            _value(0), Whole(), MLP(context=1), epochs=_VALUE_EPOCHS, encoding=Scaled
        ),
    },
    settle=_settle_value_current,
    recorded=HOLDS,
)


def _settle_value_previous(attempt: Try, _: Sequence[int]) -> Finding:
    return _an_mlp_cannot(
        attempt,
        list(VALUE_PREVIOUS.arms),
        "accuracy at the last step, LSTM 50, five values, 20,000 sequences",
        "Flattened, the sample shows the previous value to an MLP as well; a single step does not.",
    )


VALUE_PREVIOUS = Card(
    id="echo-value/previous",
    document=DOCUMENT,
    source=SOURCE,
    claim="Echoing the previous value cannot be learned by an MLP; an LSTM can learn it.",
    arms=_beside(_value(1), Whole(), epochs=_VALUE_EPOCHS),
    settle=_settle_value_previous,
    recorded=BOTH_FORMS,
)


LAGS = (0, 1, 2, 4, 8, 12, 16, 19)
_STEPS, _DEEPER_EPOCHS, _STOP = 20, 50_000, 0.999
_DEEPER: dict[str, Setting | Search] = {
    f"lag {lag}": Setting(
        # One length for all lags, so that nothing but the lag changes.
        problem=EchoValue(lag=lag, length=_STEPS, values=10),
        framing=Whole(),
        model=LSTM(),
        recipe=Recipe(epochs=_DEEPER_EPOCHS, batch_size=10, learning_rate=1e-2, stop_at=_STOP),
    )
    for lag in LAGS
}
for _name, _model in {"MLP, one step": MLP(context=1), "MLP, flattened": MLP()}.items():
    _DEEPER[f"{_name}, lag {LAGS[-1]}"] = _arm(
        EchoValue(lag=LAGS[-1], length=_STEPS, values=10), Whole(), _model, epochs=_DEEPER_EPOCHS
    )


def _needed(run: Run) -> list[float]:
    """Sequences until the criterion, a seed; twice the budget where it is not met."""
    return [
        count if reports[-1].outcome == "stopped" else 2.0 * _DEEPER_EPOCHS
        for count, reports in zip(run.sequences, run.history, strict=True)
    ]


def _settle_deeper(attempt: Try, _: Sequence[int]) -> Finding:
    runs = {lag: attempt(f"lag {lag}") for lag in LAGS}
    needed = np.array([_needed(runs[lag]) for lag in LAGS])
    # How well the order of the lags is that of the sequences they need: Spearman, a seed.
    order = [statistics.rank_correlation(LAGS, column) for column in needed.T.tolist()]
    trend = statistics.over_seeds(order)
    missed = [lag for lag in LAGS if not _learned(runs[lag])]
    below = [lag for lag in LAGS if lag < min(missed, default=_STEPS)]
    if not below:
        verdict, because = FAILS, "Not even the current value is learned within the budget."
    else:
        because = (
            f"Within {_DEEPER_EPOCHS:,} sequences every index tried is learned down to "
            f"{below[-1]} steps back"
        )
        because += f"; not learned: {missed}." if missed else "."
        if trend.interval[0] > 0:
            verdict = HOLDS
        elif trend.interval[1] < 0:
            verdict = FAILS
        else:
            verdict = UNSETTLED
        because += f" Rank correlation of lag and sequences needed: {trend!s}; the order is " + (
            "strict." if trend.mean > 1 - 1e-9 else "not strict."
        )
    shown = runs[below[-1] if below else LAGS[0]]
    rows = []
    for lag, run in runs.items():
        median = float(np.median(_needed(run)))
        count = "not met" if median > _DEEPER_EPOCHS else f"after {median:,.0f} sequences"
        rows.append(_row(f"lag {lag}", run, f"{_STOP} in training {count} (median)"))
    rows += [_row(name, attempt(name)) for name in _DEEPER if "MLP" in name]
    rows.append(Row("rank correlation of lag and sequences needed", trend))
    return _finding(
        shown,
        f"accuracy at the deepest index down to which all are learned, LSTM 50, ten values, "
        f"{_STEPS} steps, learning rate 0.01, {_DEEPER_EPOCHS:,} sequences at most",
        verdict,
        because,
        *rows,
    )


VALUE_DEEPER = Card(
    id="echo-value/deeper",
    document=DOCUMENT,
    source=SOURCE,
    claim="The further back the index to echo, the more it asks of the LSTM's memory.",
    arms=_DEEPER,
    settle=_settle_deeper,
    recorded=HOLDS,
)


# Echo a subsequence.

_SUBSEQUENCE_EPOCHS = 30_000


def _settle_whole(attempt: Try, names: Sequence[str], what: str, because: str) -> Finding:
    runs = {name: attempt(name) for name in names}
    lstm = runs["LSTM"]
    learned = _learned(lstm)
    because = because if learned else f"The LSTM's skill stays below {LEARNED}."
    if learned and _learned(runs["MLP, flattened"]):
        because += " A flattened MLP learns it as well."
    return _finding(
        lstm,
        what,
        HOLDS if learned else FAILS,
        because,
        *(_row(name, run, f"whole answer {run.whole.mean:.3f}") for name, run in runs.items()),
    )


def _settle_whole_vector(attempt: Try, _: Sequence[int]) -> Finding:
    return _settle_whole(
        attempt,
        list(WHOLE_VECTOR.arms),
        "accuracy over the answer, LSTM 50, five of ten values, 30,000 sequences",
        "Five values fit into the state, and one wide output layer reads them all.",
    )


WHOLE_VECTOR = Card(
    id="subsequence/whole-vector",
    document=DOCUMENT,
    source=SOURCE,
    claim="The whole input can be given back as one vector when its last value has been shown.",
    arms=_beside(EchoSubsequence(), Vector(), epochs=_SUBSEQUENCE_EPOCHS),
    settle=_settle_whole_vector,
    recorded=HOLDS,
)


def _settle_whole_per_step(attempt: Try, _: Sequence[int]) -> Finding:
    return _settle_whole(
        attempt,
        list(WHOLE_PER_STEP.arms),
        "accuracy over the answer, LSTM 50, five of ten values, 160,000 sequences",
        "The state keeps all values and the place in the answer.",
    )


WHOLE_PER_STEP = Card(
    id="subsequence/whole-per-step",
    document=DOCUMENT,
    source=SOURCE,
    claim="The whole input can be given back one value an output step.",
    arms=_beside(EchoSubsequence(), Whole(), epochs=160_000, batch_size=40),
    settle=_settle_whole_per_step,
    recorded=HOLDS,
)

_PART = EchoSubsequence(count=3)
_PARTIAL = {
    "encoder-decoder": _arm(_PART, EncoderDecoder(), Seq2Seq(), epochs=_SUBSEQUENCE_EPOCHS),
    "encoder-decoder with attention": _arm(
        _PART, EncoderDecoder(), Seq2Seq(attention=True), epochs=_SUBSEQUENCE_EPOCHS
    ),
    "LSTM, one vector": _arm(_PART, Vector(), LSTM(), epochs=_SUBSEQUENCE_EPOCHS),
    "MLP, flattened, one vector": _arm(_PART, Vector(), MLP(), epochs=_SUBSEQUENCE_EPOCHS),
    "MLP, one step, one vector": _arm(_PART, Vector(), MLP(context=1), epochs=_SUBSEQUENCE_EPOCHS),
}


def _settle_partial(attempt: Try, _: Sequence[int]) -> Finding:
    runs = {name: attempt(name) for name in _PARTIAL}
    plain, vector = runs["encoder-decoder"], runs["LSTM, one vector"]
    decoders = [run for run in runs.values() if run.setting.model.decodes]
    best = max(decoders, key=_skill)
    others = [name for name, run in runs.items() if run not in decoders and _learned(run)]
    apart = statistics.difference(plain.accuracy.per_seed, vector.accuracy.per_seed)
    if not _learned(best):
        verdict, because = FAILS, f"The encoder-decoder's skill stays below {LEARNED}."
    elif others:
        verdict = FAILS
        because = f"An encoder-decoder learns it, but so does: {'; '.join(others)}."
    else:
        verdict, because = HOLDS, "No model that gives one vector learns it within that budget."
    rows = [_row(name, run, f"whole answer {run.whole.mean:.3f}") for name, run in runs.items()]
    rows.append(Row("encoder-decoder less LSTM, one vector", apart, "paired by seed"))
    return _finding(
        best,
        "accuracy over the answer, the better encoder-decoder of 50 cells each, the first 3 of 5 "
        "values, 30,000 sequences",
        verdict,
        because,
        *rows,
    )


PARTIAL = Card(
    id="subsequence/partial",
    document=DOCUMENT,
    source=SOURCE,
    claim="Giving back a part, with fewer outputs than inputs, takes an encoder-decoder.",
    arms=_PARTIAL,
    settle=_settle_partial,
    recorded=FAILS,
)


# The cumulative threshold.

_SUM = CumulativeThreshold()
_SUM_EPOCHS = 30_000


def _at_flip(run: Run) -> Estimate:
    """Share of the flips found: right at the step of the flip and at the step before it."""
    shares, flips = [], 0
    for evaluation in run.evaluations:
        flipping = evaluation.targets.any(axis=1)
        right, at = evaluation.right[flipping], evaluation.targets[flipping].argmax(axis=1)
        each = np.arange(len(at))
        shares.append(float((right[each, at] & ((at == 0) | right[each, at - 1])).mean()))
        flips = len(at)
    return statistics.accuracy(shares, flips)


def _sum_rows(runs: dict[str, Run]) -> list[Row]:
    rows = []
    for name, run in runs.items():
        by_step = np.mean([evaluation.by_step for evaluation in run.evaluations], axis=0)
        steps = " ".join(f"{share:.3f}" for share in by_step)
        rows.append(_row(name, run, f"by step {steps}"))
        found = f"counting alone finds {_SUM.chance_at_flip():.3f}"
        rows.append(Row(f"{name}: flips found", _at_flip(run), found))
    return rows


_SUM_LEARNED = 0.8
"""Skill from which the threshold counts as learned: sums next to it ask for all precision."""


def _settle_labels(attempt: Try, _: Sequence[int]) -> Finding:
    runs = {name: attempt(name) for name in CUMULATIVE_LABELS.arms}
    lstm, step, window = runs.values()
    flips, counted = _at_flip(lstm), _SUM.chance_at_flip()
    if _skill(lstm) < _SUM_LEARNED:
        verdict, because = FAILS, f"The LSTM's skill stays below {_SUM_LEARNED}."
    elif flips.mean <= counted:
        verdict, because = FAILS, "The LSTM finds no more flips than counting steps does."
    elif flips.interval[0] <= counted:
        verdict, because = UNSETTLED, "The intervals are too wide to tell: take more seeds."
    elif step.accuracy.interval[0] > step.chance:
        verdict, because = FAILS, "A model without state does better than counting steps."
    else:
        verdict = HOLDS
        because = (
            "The LSTM finds flips that a model that counts steps misses; shown one value and no "
            "state, an MLP does no better than counting."
        )
        if _skill(window) >= _SUM_LEARNED:
            verdict = BOTH_FORMS
            because += " Flattened, the sample shows an MLP all values so far: it needs no state."
    return _finding(
        lstm,
        "accuracy over all steps, LSTM 50, ten reals, 30,000 sequences",
        verdict,
        because,
        *_sum_rows(runs),
    )


CUMULATIVE_LABELS = Card(
    id="cumulative/labels",
    document=DOCUMENT,
    source=SOURCE,
    claim="Whether a running sum has reached a threshold can be labelled step by step; it takes "
    "state.",
    arms=_beside(_SUM, Whole(), epochs=_SUM_EPOCHS),
    settle=_settle_labels,
    recorded=BOTH_FORMS,
)


def _settle_bidirectional(attempt: Try, _: Sequence[int]) -> Finding:
    runs = {name: attempt(name) for name in CUMULATIVE_BIDIRECTIONAL.arms}
    both, one = runs["bidirectional LSTM"], runs["LSTM"]
    apart = statistics.difference(both.accuracy.per_seed, one.accuracy.per_seed)
    learned = _skill(both) >= _SUM_LEARNED
    because = f"The bidirectional LSTM's skill stays below {_SUM_LEARNED}."
    if learned:
        low, high = apart.interval
        than = "better than" if low > 0 else "worse than" if high < 0 else "not told apart from"
        because = (
            f"{both.setting.audit().ahead:.0%} of its labels are given with later values in sight, "
            f"which no label needs. With twice the cells it comes out {than} the LSTM."
        )
    rows = [*_sum_rows(runs), Row("bidirectional less LSTM", apart, "paired by seed")]
    return _finding(
        both,
        "accuracy over all steps, bidirectional LSTM of 50 cells each way, 30,000 sequences",
        HOLDS if learned else FAILS,
        because,
        *rows,
    )


CUMULATIVE_BIDIRECTIONAL = Card(
    id="cumulative/bidirectional",
    document=DOCUMENT,
    source=f"{SOURCE}, further reading",
    claim="A bidirectional LSTM learns the same labels.",
    arms={
        "bidirectional LSTM": _arm(_SUM, Whole(), Bidirectional(), epochs=_SUM_EPOCHS),
        **CUMULATIVE_LABELS.arms,
    },
    settle=_settle_bidirectional,
    recorded=HOLDS,
)

CARDS = (
    RAMP_ONE_STEP,
    RAMP_SUBSEQUENCE,
    MEMORIZATION_ONE_STEP,
    MEMORIZATION_SEQUENCE,
    VALUE_CURRENT,
    VALUE_PREVIOUS,
    VALUE_DEEPER,
    WHOLE_VECTOR,
    WHOLE_PER_STEP,
    PARTIAL,
    CUMULATIVE_LABELS,
    CUMULATIVE_BIDIRECTIONAL,
)
