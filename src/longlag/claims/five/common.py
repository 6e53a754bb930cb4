"""Common parts of the cards of the suite of five problems."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from longlag.claims.card import FAILS, HOLDS, Finding, Row, Try, reaches
from longlag.encodings import IntegerEncoding
from longlag.framings import Framing
from longlag.models import LSTM, MLP, ModelFactory
from longlag.problems import Problem
from longlag.training import Recipe
from longlag.trials.run import Run
from longlag.trials.setting import Setting
from longlag.trials.tuning import Search

SOURCE = "Brownlee (2017), five sequence problems"

DOCUMENT = "five"

LEARNED = 0.99
"""Mean skill from which a problem counts as learned."""

_RATES = (1e-3, 3e-3, 1e-2)


def arm_of(
    problem: Problem,
    framing: Framing,
    model: ModelFactory,
    *,
    sequences: int,
    batch_size: int = 10,
    encoding: type[IntegerEncoding] | None = None,
) -> Search:
    widths = (50, 200) if isinstance(model, MLP) else (50,)
    recipe = Recipe(sequences=sequences, batch_size=batch_size)
    setting = Setting(
        problem=problem, framing=framing, model=model, recipe=recipe, encoding=encoding
    )
    return Search(setting=setting, hidden_sizes=widths, learning_rates=_RATES)


def beside_mlps(
    problem: Problem, framing: Framing, *, sequences: int, batch_size: int = 10
) -> dict[str, Search]:
    """The arms of the LSTM and of both forms of the MLP, with equal budgets."""
    models = {"LSTM": LSTM(), "MLP, one step": MLP(context=1), "MLP, flattened": MLP()}
    return {
        name: arm_of(problem, framing, model, sequences=sequences, batch_size=batch_size)
        for name, model in models.items()
    }


def evidence(tried: str, run: Run, note: str = "") -> Row:
    """A row of evidence: verdict of the audit, result of the tuning, error of a regression."""
    notes = [f"audit: {run.setting.audit().verdict}", *run.remarks]
    if run.error is not None:
        notes.append(f"error {run.error.mean:.4f}, chance {run.chance_error:.4f}")
    return Row(tried, run.accuracy, "; ".join([*notes, *filter(None, [note])]))


def is_learned(run: Run, skill: float = LEARNED) -> bool:
    """Whether the mean skill of a run reaches a bar."""
    # A margin for rounding, so that skill and accuracy at the bar agree.
    return reaches(run.accuracy, run.chance + skill * (run.ceiling - run.chance) - 1e-12)


def finding_of(run: Run, what: str, verdict: str, because: str, *rows: Row) -> Finding:
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


def an_mlp_cannot(what: str, because: str) -> Callable[[Try, Sequence[int]], Finding]:
    """The test of `an LSTM can, an MLP cannot`, with both forms of the MLP."""
    return lambda attempt, _: _an_mlp_cannot(attempt, what, because)


def _an_mlp_cannot(attempt: Try, what: str, because: str) -> Finding:
    runs = {name: attempt(name) for name in ("LSTM", "MLP, one step", "MLP, flattened")}
    lstm, step, window = map(is_learned, runs.values())
    if not lstm:
        verdict, because = FAILS, f"The LSTM's skill stays below {LEARNED}."
    elif step:
        verdict, because = FAILS, "An MLP that is shown a single step learns it too."
    elif window:
        verdict = BOTH_FORMS
    else:
        verdict = HOLDS
        because = "Neither form of the MLP learns it within the budget of the LSTM."
    rows = (evidence(name, run) for name, run in runs.items())
    return finding_of(runs["LSTM"], what, verdict, because, *rows)
