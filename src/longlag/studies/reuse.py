"""Trials of another budget that ended before it, in place of new ones."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

from longlag.store.store import Store
from longlag.trials import checkpoint, documents, identity
from longlag.trials.fit import same_under
from longlag.trials.identity import Trial
from longlag.trials.outcome import Outcome


def take_over(store: Store, trial: Trial, budgets: Iterable[int], *, keep: bool) -> Outcome | None:
    """Store a trial as a copy of one with another budget, where both are equal to the bit.

    Args:
        store: The store, open for writing.
        trial: A trial that it does not have.
        budgets: The numbers of sequences to look for.
        keep: Whether to store the trained model too, where the store has it.

    Returns:
        The outcome, with the seconds of the trial that ran; None where there is none to take.
    """
    if (found := equal(store, trial, budgets)) is None:
        return None
    other, outcome = found
    content = store.weights(other) if keep else None
    weights = None if content is None else checkpoint.with_setting(content, trial.setting)
    text = identity.canonical(documents.stored(trial.setting))
    store.copy(trial.id, other, setting=(identity.digest(text), text), weights=weights)
    return outcome


def equal(store: Store, trial: Trial, budgets: Iterable[int]) -> tuple[str, Outcome] | None:
    """The name and the outcome of a stored trial that is equal but for its budget."""
    setting = trial.setting
    for budget in budgets:
        recipe = dataclasses.replace(setting.recipe, sequences=budget)
        other = Trial(setting=dataclasses.replace(setting, recipe=recipe), seed=trial.seed)
        outcome = store.outcome(other.id)
        if outcome is not None and same_under(other.setting, setting, outcome):
            return other.id, outcome
    return None
