"""The lab: trials, their runs, and the statistics of what they show."""

from longlag.lab.run import Evaluation, Run
from longlag.lab.shortcuts import shortcuts
from longlag.lab.statistics import Estimate
from longlag.lab.trial import Setting, train
from longlag.lab.tuning import Search, Tuned, tune

__all__ = [
    "Estimate",
    "Evaluation",
    "Run",
    "Search",
    "Setting",
    "Tuned",
    "shortcuts",
    "train",
    "tune",
]
