"""Trials: a setting and a seed, its training, and its outcome."""
