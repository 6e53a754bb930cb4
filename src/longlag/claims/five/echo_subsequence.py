"""Cards of echo-subsequence."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from longlag.claims.card import FAILS, HOLDS, Card, Finding, Row, Try
from longlag.claims.five.common import (
    DOCUMENT,
    LEARNED,
    SOURCE,
    arm_of,
    beside_mlps,
    evidence,
    finding_of,
    is_learned,
)
from longlag.framings import EncoderDecoder, Vector, Whole
from longlag.models import LSTM, MLP, Seq2Seq
from longlag.problems import EchoSubsequence
from longlag.scores import statistics

# Echo a subsequence.

_SUBSEQUENCE_SEQUENCES = 30_000


def _given_back(what: str, because: str) -> Callable[[Try, Sequence[int]], Finding]:
    return lambda attempt, _: _settle_whole(attempt, what, because)


def _settle_whole(attempt: Try, what: str, because: str) -> Finding:
    runs = {name: attempt(name) for name in ("LSTM", "MLP, one step", "MLP, flattened")}
    lstm = runs["LSTM"]
    learned = is_learned(lstm)
    because = because if learned else f"The LSTM's skill stays below {LEARNED}."
    if learned and is_learned(runs["MLP, flattened"]):
        because += " A flattened MLP learns it as well."
    return finding_of(
        lstm,
        what,
        HOLDS if learned else FAILS,
        because,
        *(
            evidence(name, run, f"whole answer {run.sequence_accuracy.mean:.3f}")
            for name, run in runs.items()
        ),
    )


WHOLE_VECTOR = Card(
    id="subsequence/whole-vector",
    document=DOCUMENT,
    source=SOURCE,
    claim="The whole input can be given back as one vector when its last value has been shown.",
    arms=beside_mlps(EchoSubsequence(), Vector(), sequences=_SUBSEQUENCE_SEQUENCES),
    settle=_given_back(
        "accuracy over the answer, LSTM 50, five of ten values, 30,000 sequences",
        "Five values fit into the state, and one wide output layer reads them all.",
    ),
    recorded=HOLDS,
)


WHOLE_PER_STEP = Card(
    id="subsequence/whole-per-step",
    document=DOCUMENT,
    source=SOURCE,
    claim="The whole input can be given back one value an output step.",
    arms=beside_mlps(EchoSubsequence(), Whole(), sequences=160_000, batch_size=40),
    settle=_given_back(
        "accuracy over the answer, LSTM 50, five of ten values, 160,000 sequences",
        "The state keeps all values and the place in the answer.",
    ),
    recorded=HOLDS,
)

_PART = EchoSubsequence(count=3)

_PARTIAL = {
    "encoder-decoder": arm_of(_PART, EncoderDecoder(), Seq2Seq(), sequences=_SUBSEQUENCE_SEQUENCES),
    "encoder-decoder with attention": arm_of(
        _PART, EncoderDecoder(), Seq2Seq(attention=True), sequences=_SUBSEQUENCE_SEQUENCES
    ),
    "LSTM, one vector": arm_of(_PART, Vector(), LSTM(), sequences=_SUBSEQUENCE_SEQUENCES),
    "MLP, flattened, one vector": arm_of(_PART, Vector(), MLP(), sequences=_SUBSEQUENCE_SEQUENCES),
    "MLP, one step, one vector": arm_of(
        _PART, Vector(), MLP(context=1), sequences=_SUBSEQUENCE_SEQUENCES
    ),
}


def _settle_partial(attempt: Try, _: Sequence[int]) -> Finding:
    runs = {name: attempt(name) for name in _PARTIAL}
    plain, vector = runs["encoder-decoder"], runs["LSTM, one vector"]
    decoders = [run for run in runs.values() if run.setting.model.decodes]
    best = max(decoders, key=lambda run: run.accuracy.mean)
    others = [name for name, run in runs.items() if run not in decoders and is_learned(run)]
    count = len(plain.evaluations[0].inputs)
    apart = statistics.difference(plain.accuracy.per_seed, vector.accuracy.per_seed, count)
    if not is_learned(best):
        verdict, because = FAILS, f"The encoder-decoder's skill stays below {LEARNED}."
    elif others:
        verdict = FAILS
        because = f"An encoder-decoder learns it, but so does: {'; '.join(others)}."
    else:
        verdict, because = HOLDS, "No model that gives one vector learns it within that budget."
    rows = [
        evidence(name, run, f"whole answer {run.sequence_accuracy.mean:.3f}")
        for name, run in runs.items()
    ]
    rows.append(Row("encoder-decoder less LSTM, one vector", apart, "paired by seed"))
    return finding_of(
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
