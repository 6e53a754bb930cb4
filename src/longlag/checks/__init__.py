"""Checks of problems, and of models before training."""
