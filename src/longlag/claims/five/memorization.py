"""Cards of memorization."""

from __future__ import annotations

from collections.abc import Sequence

from longlag.claims.card import FAILS, HOLDS, Card, Finding, Row, Try
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
from longlag.framings import Chunks, Whole
from longlag.models import LSTM, MLP
from longlag.problems import Memorization
from longlag.scores import statistics

# Memorization.

_ONE_BY_ONE = Chunks(timesteps=1, carry=True)

_ONE_STEP = {
    "LSTM": arm_of(Memorization(), _ONE_BY_ONE, LSTM(), sequences=2000, batch_size=1),
    "MLP": arm_of(Memorization(), _ONE_BY_ONE, MLP(), sequences=2000, batch_size=1),
    "LSTM, ten contexts": arm_of(
        Memorization(contexts=10), _ONE_BY_ONE, LSTM(), sequences=2000, batch_size=1
    ),
    "LSTM, length 10": arm_of(
        Memorization(length=10), _ONE_BY_ONE, LSTM(), sequences=2000, batch_size=1
    ),
    "LSTM, length 10, gradient through all steps": arm_of(
        Memorization(length=10), Whole(), LSTM(), sequences=2000, batch_size=1
    ),
}


def _settle_one_step(attempt: Try, _: Sequence[int]) -> Finding:
    runs = {name: attempt(name) for name in _ONE_STEP}
    lstm, mlp, contexts, longer, taught = runs.values()
    last = [evaluation.by_step[-1] for evaluation in mlp.evaluations]
    because = "Two contexts of a sequence of five leave a trace in the state that can be read."
    verdict = HOLDS
    if not is_learned(lstm):
        verdict, because = FAILS, f"The LSTM's skill stays below {LEARNED}."
    elif is_learned(mlp):
        verdict, because = FAILS, "The MLP learns it too."
    else:
        lost = [
            words
            for words, run in (("ten contexts", contexts), ("a length of 10", longer))
            if not is_learned(run)
        ]
        if lost:
            because += (
                f" No gradient ever taught the state to keep it: with {' and with '.join(lost)} "
                "it is lost."
            )
        if not is_learned(longer) and is_learned(taught):
            because += " A gradient through all steps does teach it at that length."
    rows = [evidence(name, run) for name, run in runs.items()]
    shares = statistics.accuracy(last, len(mlp.evaluations[0].inputs))
    rows.insert(2, Row("MLP: last step alone", shares, "the same input, two answers"))
    return finding_of(
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


MEMORIZATION_SEQUENCE = Card(
    id="memorization/sequence",
    document=DOCUMENT,
    source=SOURCE,
    claim="Shown all but the last value as time steps, an LSTM learns to give the last; again an "
    "MLP cannot.",
    arms=beside_mlps(Memorization(ask="last"), Whole(), sequences=2000, batch_size=2),
    settle=an_mlp_cannot(
        "accuracy at the last step, LSTM 50, all but the last value as time steps, 2,000 sequences",
        "Flattened, the sample shows the context to an MLP as well; a single step does not.",
    ),
    recorded=BOTH_FORMS,
)
