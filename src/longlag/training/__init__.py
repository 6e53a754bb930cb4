"""Training: the compiled loop, losses and recipes. It knows arrays, not problems."""

from longlag.training.loop import fit
from longlag.training.losses import UNSCORED, Loss
from longlag.training.program import Batches
from longlag.training.recipe import Recipe

__all__ = ["UNSCORED", "Batches", "Loss", "Recipe", "fit"]
