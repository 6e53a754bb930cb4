"""Training: the compiled loop, losses and recipes. It knows arrays, not problems."""

from longlag.training.engine import Batches, Progress, fit
from longlag.training.losses import UNSCORED, Loss
from longlag.training.recipe import Recipe

__all__ = ["UNSCORED", "Batches", "Loss", "Progress", "Recipe", "fit"]
