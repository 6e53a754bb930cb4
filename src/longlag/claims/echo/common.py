"""Common parts of the cards of the echo tutorial."""

from __future__ import annotations

from longlag.claims.card import FAILS, HOLDS, Finding, Row, reaches
from longlag.framings import Framing
from longlag.models import LSTM
from longlag.problems import EchoLag
from longlag.training import Recipe
from longlag.trials.run import Run
from longlag.trials.setting import Setting

SOURCE = "Brownlee (2017), echo random integers"

LEARNED = 0.99
"""Accuracy from which `100 %` counts as reproduced; 1 of 100 values missed costs 0.01."""

RARE = 1e-3  # level of the test against chance, low enough for equal verdicts on all seeds

PREVIOUS = EchoLag(lag=1)


def echo_setting(
    problem: EchoLag,
    framing: Framing,
    *,
    batch_size: int,
    sequences: int = 2000,
    stop_at: float | None = None,
    hidden_size: int = 50,
) -> Setting:
    return Setting(
        problem=problem,
        framing=framing,
        model=LSTM(hidden_size=hidden_size),
        recipe=Recipe(batch_size=batch_size, sequences=sequences, stop_at=stop_at),
    )


def evidence(tried: str, run: Run, note: str = "") -> Row:
    return Row(tried, run.accuracy, note)


def finding_of(run: Run, what: str, because: str, *rows: Row) -> Finding:
    """The finding of a card that tests whether one run learned its problem."""
    learned = reaches(run.accuracy, LEARNED)
    reason = f"The accuracy stays below {LEARNED}."
    return Finding(
        measured=run.accuracy,
        what=what,
        chance=run.chance,
        verdict=HOLDS if learned else FAILS,
        because=because if learned else reason,
        rows=rows,
        shortcuts=run.shortcuts,
    )
