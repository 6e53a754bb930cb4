"""Scores: what predictions are worth beside chance, ceiling and baselines, with intervals."""
