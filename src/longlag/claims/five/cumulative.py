"""Cards of cumulative-threshold."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from longlag.answers.estimate import Estimate
from longlag.claims.card import FAILS, HOLDS, Card, Finding, Row, Try, reaches
from longlag.claims.five.common import (
    BOTH_FORMS,
    DOCUMENT,
    SOURCE,
    arm_of,
    beside_mlps,
    evidence,
    finding_of,
    is_learned,
)
from longlag.framings import Whole
from longlag.models import Bidirectional
from longlag.problems import CumulativeThreshold
from longlag.scores import statistics
from longlag.trials.run import Run

# The cumulative threshold.

_SUM = CumulativeThreshold()

_SUM_SEQUENCES = 30_000


def _at_flip(run: Run) -> Estimate:
    """Share of the flips with a correct prediction at the flip and at the step before it."""
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
        rows.append(evidence(name, run, f"by step {steps}"))
        note = f"counting alone finds {_SUM.chance_at_flip():.3f}"
        rows.append(Row(f"{name}: flips found", _at_flip(run), note))
    return rows


_SUM_LEARNED = 0.8
"""Skill from which the threshold counts as learned: sums close to it need full precision."""


def _settle_labels(attempt: Try, _: Sequence[int]) -> Finding:
    runs = {name: attempt(name) for name in CUMULATIVE_LABELS.arms}
    lstm, step, window = runs.values()
    flips, by_counting = _at_flip(lstm), _SUM.chance_at_flip()
    if not is_learned(lstm, _SUM_LEARNED):
        verdict, because = FAILS, f"The LSTM's skill stays below {_SUM_LEARNED}."
    elif not reaches(flips, by_counting):
        verdict, because = FAILS, "The LSTM finds no more flips than counting steps does."
    elif step.accuracy.interval[0] > step.chance:
        verdict, because = FAILS, "A model without state does better than counting steps."
    else:
        verdict = HOLDS
        because = (
            "The LSTM finds flips that a model that counts steps misses; shown one value and no "
            "state, an MLP does no better than counting."
        )
        if is_learned(window, _SUM_LEARNED):
            verdict = BOTH_FORMS
            because += " Flattened, the sample shows an MLP all values so far: it needs no state."
    return finding_of(
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
    arms=beside_mlps(_SUM, Whole(), sequences=_SUM_SEQUENCES),
    settle=_settle_labels,
    recorded=BOTH_FORMS,
)


def _settle_bidirectional(attempt: Try, _: Sequence[int]) -> Finding:
    runs = {name: attempt(name) for name in CUMULATIVE_BIDIRECTIONAL.arms}
    both, one = runs["bidirectional LSTM"], runs["LSTM"]
    count = len(both.evaluations[0].inputs)
    difference = statistics.difference(both.accuracy.per_seed, one.accuracy.per_seed, count)
    learned = is_learned(both, _SUM_LEARNED)
    because = f"The bidirectional LSTM's skill stays below {_SUM_LEARNED}."
    if learned:
        low, high = difference.interval
        than = "better than" if low > 0 else "worse than" if high < 0 else "not told apart from"
        because = (
            f"{both.setting.audit().ahead:.0%} of its labels are given with later values in sight, "
            f"which no label needs. With twice the cells it comes out {than} the LSTM."
        )
    rows = [*_sum_rows(runs), Row("bidirectional less LSTM", difference, "paired by seed")]
    return finding_of(
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
        "bidirectional LSTM": arm_of(_SUM, Whole(), Bidirectional(), sequences=_SUM_SEQUENCES),
        **CUMULATIVE_LABELS.arms,
    },
    settle=_settle_bidirectional,
    recorded=HOLDS,
)
