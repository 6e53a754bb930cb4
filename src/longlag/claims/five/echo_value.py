"""Cards of echo-value."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import special

from longlag.answers.estimate import Estimate
from longlag.claims.card import FAILS, HOLDS, UNSETTLED, Card, Finding, Row, Try
from longlag.claims.five.common import (
    BOTH_FORMS,
    DOCUMENT,
    LEARNED,
    SOURCE,
    an_mlp_cannot,
    arm_of,
    beside_mlps,
    evidence,
    finding_of,
    is_learned,
)
from longlag.encodings import Scaled
from longlag.framings import Whole
from longlag.models import LSTM, MLP
from longlag.problems import EchoValue
from longlag.scores import statistics
from longlag.training import Recipe
from longlag.trials.run import Run
from longlag.trials.setting import Setting
from longlag.trials.tuning import Search

# Echo one value.


def _settle_value_current(attempt: Try, _: Sequence[int]) -> Finding:
    runs = {name: attempt(name) for name in VALUE_CURRENT.arms}
    mlp = runs["MLP, one step"]
    learned = is_learned(mlp)
    because = "The answer is the input: fit for calibration."
    if not learned:
        because = f"The MLP's skill stays below {LEARNED}."
    elif not is_learned(runs["MLP, one step, scaled"]):
        because += " Values scaled into one number are echoed only roughly within that budget."
    rows = (evidence(name, run) for name, run in runs.items())
    return finding_of(
        mlp,
        "accuracy, MLP shown the last step, 20,000 sequences",
        HOLDS if learned else FAILS,
        because,
        *rows,
    )


_VALUE_SEQUENCES = 20_000


def _value(lag: int) -> EchoValue:
    return EchoValue(lag=lag, length=5)


VALUE_CURRENT = Card(
    id="echo-value/current",
    document=DOCUMENT,
    source=SOURCE,
    claim="Echoing the current value can be learned by an MLP.",
    arms={
        **beside_mlps(_value(0), Whole(), sequences=_VALUE_SEQUENCES),
        "MLP, one step, scaled": arm_of(
            _value(0), Whole(), MLP(context=1), sequences=_VALUE_SEQUENCES, encoding=Scaled
        ),
    },
    settle=_settle_value_current,
    recorded=HOLDS,
)


VALUE_PREVIOUS = Card(
    id="echo-value/previous",
    document=DOCUMENT,
    source=SOURCE,
    claim="Echoing the previous value cannot be learned by an MLP; an LSTM can learn it.",
    arms=beside_mlps(_value(1), Whole(), sequences=_VALUE_SEQUENCES),
    settle=an_mlp_cannot(
        "accuracy at the last step, LSTM 50, five values, 20,000 sequences",
        "Flattened, the sample shows the previous value to an MLP as well; a single step does not.",
    ),
    recorded=BOTH_FORMS,
)

LAGS = (0, 1, 2, 4, 8, 12, 16, 19)

_STEPS, _DEEPER_SEQUENCES, _STOP = 20, 50_000, 0.999

_DEEPER: dict[str, Setting | Search] = {
    f"lag {lag}": Setting(
        # One length for all lags, so that only the lag changes.
        problem=EchoValue(lag=lag, length=_STEPS, values=10),
        framing=Whole(),
        model=LSTM(),
        recipe=Recipe(
            sequences=_DEEPER_SEQUENCES, batch_size=10, learning_rate=1e-2, stop_at=_STOP
        ),
    )
    for lag in LAGS
}
for _name, _model in {"MLP, one step": MLP(context=1), "MLP, flattened": MLP()}.items():
    _DEEPER[f"{_name}, lag {LAGS[-1]}"] = arm_of(
        EchoValue(lag=LAGS[-1], length=_STEPS, values=10),
        Whole(),
        _model,
        sequences=_DEEPER_SEQUENCES,
    )


def _sequences_until_stop(run: Run) -> list[float]:
    """Sequences until the stopping criterion, per seed; twice the budget where it is not met."""
    return [
        count if reports[-1].outcome == "stopped" else 2.0 * _DEEPER_SEQUENCES
        for count, reports in zip(run.sequences, run.history, strict=True)
    ]


def _trend(correlations: Sequence[float]) -> Estimate:
    """The mean rank correlation, its interval at least as wide as the noise of random ranks.

    The correlation of random ranks of n lags has a variance of 1 / (n - 1) per seed (Kendall, Rank
    Correlation Methods, 1948), so that seeds that agree by chance have a wide interval.
    """
    mean, tail = float(np.mean(correlations)), (1 - statistics.CONFIDENCE) / 2
    noise = special.ndtri(1 - tail) / (len(correlations) * (len(LAGS) - 1)) ** 0.5
    between = mean, mean
    if np.ptp(correlations) > 0:
        between = statistics.mean_interval(correlations, -1.0, 1.0)
    low, high = float(min(mean - noise, between[0])), float(max(mean + noise, between[1]))
    return Estimate(mean, (max(-1.0, low), min(1.0, high)), tuple(correlations))


def _settle_deeper(attempt: Try, _: Sequence[int]) -> Finding:
    runs = {lag: attempt(f"lag {lag}") for lag in LAGS}
    counts = np.array([_sequences_until_stop(runs[lag]) for lag in LAGS])
    # Spearman's rank correlation of lags and sequences, per seed.
    correlations = [statistics.rank_correlation(LAGS, column) for column in counts.T.tolist()]
    trend = _trend(correlations)
    not_learned = [lag for lag in LAGS if not is_learned(runs[lag])]
    learned = [lag for lag in LAGS if lag < min(not_learned, default=_STEPS)]
    if not learned:
        verdict, because = FAILS, "Not even the current value is learned within the budget."
    else:
        because = (
            f"Within {_DEEPER_SEQUENCES:,} sequences every index tried is learned down to "
            f"{learned[-1]} steps back"
        )
        because += f"; not learned: {not_learned}." if not_learned else "."
        if trend.interval[0] > 0:
            verdict = HOLDS
        elif trend.interval[1] < 0:
            verdict = FAILS
        else:
            verdict = UNSETTLED
        because += f" Rank correlation of lag and sequences needed: {trend!s}; the order is " + (
            "strict." if trend.mean > 1 - 1e-9 else "not strict."
        )
    deepest = runs[learned[-1] if learned else LAGS[0]]
    rows = []
    for lag, run in runs.items():
        median = float(np.median(_sequences_until_stop(run)))
        count = "not met" if median > _DEEPER_SEQUENCES else f"after {median:,.0f} sequences"
        rows.append(evidence(f"lag {lag}", run, f"{_STOP} in training {count} (median)"))
    rows += [evidence(name, attempt(name)) for name in _DEEPER if "MLP" in name]
    rows.append(Row("rank correlation of lag and sequences needed", trend))
    return finding_of(
        deepest,
        f"accuracy at the deepest index down to which all are learned, LSTM 50, ten values, "
        f"{_STEPS} steps, learning rate 0.01, {_DEEPER_SEQUENCES:,} sequences at most",
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
