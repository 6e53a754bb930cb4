"""Trials: a setting and a seed, its training, and what came of it."""
