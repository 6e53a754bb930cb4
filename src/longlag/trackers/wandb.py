"""Weights & Biases."""

from __future__ import annotations

import os

from longlag.trackers.tracker import FinishedTrial, Tracker, client

_SECONDS = 30  # for an answer of the server


class WandB(Tracker):
    """Logs a run for each trial to a project of Weights & Biases.

    Args:
        project: The project; by default `WANDB_PROJECT`, or `longlag`.

    Raises:
        ValueError: wandb is not installed.
    """

    def __init__(self, project: str | None = None) -> None:
        self.project = project or os.environ.get("WANDB_PROJECT") or "longlag"
        self._wandb = client("wandb", "wandb")

    def log(self, trial: FinishedTrial) -> None:
        quiet = self._wandb.Settings(
            console="off", silent=True, init_timeout=_SECONDS, login_timeout=_SECONDS
        )
        with self._wandb.init(
            project=self.project,
            name=trial.name,
            group=trial.study,
            config={**trial.config, **trial.tags},
            tags=[f"{name}: {value}"[:64] for name, value in trial.tags.items()],
            reinit="create_new",  # a run of the user's own goes on
            settings=quiet,
        ) as run:
            for update, figures in trial.curve:
                run.log(figures, step=update)
            run.summary.update({**trial.figures, "verdict": trial.verdict})
