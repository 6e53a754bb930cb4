"""The lab: trials, their runs, studies of many trials, the store, and the statistics.

Imported on first use, so that reading a store never waits for jax.
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from longlag.lab.checkpoint import Trained, load
    from longlag.lab.identity import Trial
    from longlag.lab.outcome import Outcome
    from longlag.lab.run import Run
    from longlag.lab.scoring import Evaluation, Score, score
    from longlag.lab.statistics import Estimate
    from longlag.lab.store import Store
    from longlag.lab.trial import Setting, train
    from longlag.lab.tuning import Search, Tuned, tune

_HOMES = {
    "checkpoint": ["Trained", "load"],
    "identity": ["Trial"],
    "outcome": ["Outcome"],
    "run": ["Run"],
    "scoring": ["Evaluation", "Score", "score"],
    "statistics": ["Estimate"],
    "store": ["Store"],
    "trial": ["Setting", "train"],
    "tuning": ["Search", "Tuned", "tune"],
}

__all__ = [
    "Estimate",
    "Evaluation",
    "Outcome",
    "Run",
    "Score",
    "Search",
    "Setting",
    "Store",
    "Trained",
    "Trial",
    "Tuned",
    "load",
    "score",
    "train",
    "tune",
]


def __getattr__(name: str) -> object:
    for module, names in _HOMES.items():
        if name in names:
            return getattr(importlib.import_module(f"longlag.lab.{module}"), name)
    raise AttributeError(f"module 'longlag.lab' has no attribute {name!r}")
