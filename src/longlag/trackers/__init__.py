"""Trackers: finished trials as runs of TensorBoard, Weights & Biases, MLflow or Aim."""

from __future__ import annotations

from longlag.trackers.aim import Aim
from longlag.trackers.mlflow import MLflow
from longlag.trackers.tensorboard import TensorBoard
from longlag.trackers.tracker import FinishedTrial, Tracker
from longlag.trackers.tracking import TRACKERS, Track, Tracking
from longlag.trackers.wandb import WandB

__all__ = [
    "TRACKERS",
    "Aim",
    "FinishedTrial",
    "MLflow",
    "TensorBoard",
    "Track",
    "Tracker",
    "Tracking",
    "WandB",
]
