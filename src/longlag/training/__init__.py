"""Training: the compiled loop, losses and recipes. It knows arrays, not problems."""

from longlag.training.engine import Batches, Progress, fit
from longlag.training.recipe import Recipe

__all__ = ["Batches", "Progress", "Recipe", "fit"]
