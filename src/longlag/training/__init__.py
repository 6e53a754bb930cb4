"""Training: the compiled loop, losses and recipes. It depends on arrays, not on problems."""

from longlag.training.loop import fit
from longlag.training.losses import AnyLoss, Loss, Losses
from longlag.training.program import Batches
from longlag.training.recipe import Dtype, OptimizerName, Recipe, Schedule

__all__ = [
    "AnyLoss",
    "Batches",
    "Dtype",
    "Loss",
    "Losses",
    "OptimizerName",
    "Recipe",
    "Schedule",
    "fit",
]
