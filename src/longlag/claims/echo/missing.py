"""Cards of missing steps and of the entire sequence."""

from __future__ import annotations

from collections.abc import Sequence

from longlag.answers.estimate import Estimate
from longlag.claims.card import FAILS, HOLDS, Card, Finding, Row, Try, reaches
from longlag.claims.echo.common import LEARNED, PREVIOUS, SOURCE, echo_setting, evidence, finding_of
from longlag.framings import Prefix, Window
from longlag.scores import statistics
from longlag.trials.run import Run

# Rows that lack data.

_MISSING = {
    "drop": echo_setting(PREVIOUS, Window(timesteps=5), batch_size=5),
    "mark": echo_setting(PREVIOUS, Window(timesteps=5, missing="mark"), batch_size=5),
    "mask": echo_setting(PREVIOUS, Window(timesteps=5, missing="mask"), batch_size=5),
    "mask, 8,000 sequences": echo_setting(
        PREVIOUS, Window(timesteps=5, missing="mask"), batch_size=5, sequences=8000
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
    if not reaches(marked, LEARNED):
        verdict, because = FAILS, f"The accuracy on marked rows stays below {LEARNED}."
    elif reaches(masked, LEARNED):
        verdict = HOLDS
    elif reaches(longer, LEARNED):
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
            evidence("drop: all rows that remain", runs["drop"]),
            evidence("mark: all rows", runs["mark"]),
            Row("mark: rows that lack data", marked),
            evidence("mask: all rows", runs["mask"]),
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
    return finding_of(
        run,
        "accuracy, LSTM 50, everything up to the step as context, padded to 25, masked",
        "A context that grows from 1 to 25 steps always holds the previous value.",
        evidence("growing context, 2,000 sequences", run),
    )


ENTIRE_SEQUENCE = Card(
    document="echo",
    id="echo/entire-sequence",
    source=f"{SOURCE}, extension",
    claim="The whole sequence so far can be the context of each sample, padded and masked.",
    arms={"prefix": echo_setting(PREVIOUS, Prefix(), batch_size=5)},
    settle=_settle_entire,
    recorded=HOLDS,
)
