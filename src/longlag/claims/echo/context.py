"""Cards of context and of carried state."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from longlag.claims.card import FAILS, HOLDS, UNSETTLED, Card, Finding, Row, Try, reaches
from longlag.claims.echo.common import (
    LEARNED,
    PREVIOUS,
    RARE,
    SOURCE,
    echo_setting,
    evidence,
    finding_of,
)
from longlag.framings import Chunks, Window
from longlag.scores import statistics

# Echo the previous value, one step per sample: the beginner's mistake.

_ONE_STEP = Chunks(timesteps=1, carry=True)

_WITHOUT_CONTEXT = {
    "consecutive rows, one step": echo_setting(
        PREVIOUS, dataclasses.replace(_ONE_STEP, rows="consecutive"), batch_size=6
    ),
    "six sequences, one step": echo_setting(PREVIOUS, _ONE_STEP, batch_size=6),
    "six sequences, two steps": echo_setting(
        PREVIOUS, Chunks(timesteps=2, carry=True), batch_size=6, sequences=8000
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
    confirmed = {
        "unreachable": source.chance_probability > RARE,
        "state-only": one.chance_probability < RARE and not reaches(one.accuracy, LEARNED),
        "learnable": reaches(two.accuracy, LEARNED),
    }
    if not confirmed["unreachable"]:
        verdict = FAILS
    elif not reaches(one.accuracy, LEARNED):
        verdict = HOLDS
    else:
        verdict = "holds only if the rows of a batch are consecutive"
    audits = {name: setting.audit().verdict for name, setting in _WITHOUT_CONTEXT.items()}
    return Finding(
        measured=source.accuracy,
        what="accuracy, LSTM 50, one step a sample, rows of a batch consecutive, batch 6",
        chance=source.chance,
        verdict=verdict,
        because=" ".join(_CAUSES[audit] for audit in audits.values() if confirmed[audit]),
        rows=tuple(evidence(name, run, f"audit: {audits[name]}") for name, run in runs.items()),
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
    "state carried": echo_setting(PREVIOUS, Window(timesteps=5, carry=True), batch_size=5),
    "state reset": echo_setting(PREVIOUS, Window(timesteps=5), batch_size=5),
    "state carried, 500 sequences": echo_setting(
        PREVIOUS, Window(timesteps=5, carry=True), batch_size=5, sequences=500
    ),
    "state reset, 500 sequences": echo_setting(
        PREVIOUS, Window(timesteps=5), batch_size=5, sequences=500
    ),
}


def _settle_with_context(attempt: Try, _: Sequence[int]) -> Finding:
    run = attempt("state carried")
    return finding_of(
        run,
        "accuracy, LSTM 50, the last 5 steps as context, 20 pairs, batch 5",
        "The previous value lies within every sample, so a gradient reaches it.",
        evidence("state carried between batches, as in the source", run),
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

_MARGIN = 0.01  # the smallest relevant difference in accuracy


def _settle_ignore_state(attempt: Try, _: Sequence[int]) -> Finding:
    runs = {name: attempt(name) for name in _CONTEXT}
    carried, reset, carried_early, reset_early = runs.values()
    count = len(carried.evaluations[0].inputs)
    late, early = (
        statistics.difference(ours.accuracy.per_seed, theirs.accuracy.per_seed, count)
        for ours, theirs in ((carried, reset), (carried_early, reset_early))
    )
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
            *(evidence(name, run) for name, run in runs.items()),
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
