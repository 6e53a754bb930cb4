"""Runs that came out as a test of the claims wants them."""

import numpy as np

from longlag.claims import CARDS
from longlag.events import Advanced
from longlag.problems import Integers
from longlag.scores.evaluation import Evaluation
from longlag.trials.run import Run
from longlag.trials.tuning import Search


def came_out(arm, accuracy, sequences=1000, *, stopped=True):
    """A run of three seeds that reached this accuracy at every step, after so many sequences."""
    setting = arm.setting if isinstance(arm, Search) else arm
    problem, rows = setting.problem, 1000
    inputs, targets, _ = problem.draw(np.random.default_rng(0), rows)
    kind = problem.targets
    wrong = (targets + 1) % kind.values if isinstance(kind, Integers) else targets + 1
    missed = (np.arange(rows) >= accuracy * rows)[:, None]
    evaluation = Evaluation(
        inputs=inputs,
        targets=targets,
        scored=np.broadcast_to(setting.scored, targets.shape),
        predicted=np.where(missed, wrong, targets).astype(targets.dtype),
        spec=kind,
    )
    updates = sequences * len(setting.layout.steps) // setting.layout.sequences
    outcome = "stopped" if stopped else "finished"
    report = Advanced(0, updates, updates, np.zeros(1), accuracy, outcome)
    return Run(
        setting=setting,
        seeds=(0, 1, 2),
        models=(setting.create(0),) * 3,
        history=((report,),) * 3,
        evaluations=(evaluation,) * 3,
        interrupted=False,
        compile_seconds=1.0,
        train_seconds=1.0,
        total_seconds=2.0,
    )


def settled(id, accuracies, usual=1.0):
    """What a card's test makes of runs that came out as given."""
    card = CARDS[id]
    for name in accuracies:
        assert name in card.arms

    def attempt(name):
        return came_out(card.arms[name], accuracies.get(name, usual))

    return card.settle(attempt, (0, 1, 2))
