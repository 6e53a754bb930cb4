"""The lab: trials, their runs, and the statistics of what they show."""

from longlag.lab.run import Evaluation, Run
from longlag.lab.statistics import Estimate
from longlag.lab.trial import Setting, train

__all__ = ["Estimate", "Evaluation", "Run", "Setting", "train"]
