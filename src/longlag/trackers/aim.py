"""Aim."""

from __future__ import annotations

import contextlib

from longlag.trackers.tracker import FinishedTrial, Tracker, client


class Aim(Tracker):
    """Logs a run for each trial to a repository of Aim.

    Args:
        repo: Its folder or address; by default that of the working folder.
        experiment: The experiment.

    Raises:
        ValueError: aim is not installed.
    """

    def __init__(self, repo: str | None = None, experiment: str = "longlag") -> None:
        self.repo, self.experiment = repo, experiment
        self._aim = client("aim", "aim")

    def log(self, trial: FinishedTrial) -> None:
        run = self._aim.Run(
            repo=self.repo,
            experiment=self.experiment,
            system_tracking_interval=None,
            log_system_params=False,
            capture_terminal_logs=False,
        )
        with contextlib.closing(run):
            run.name = trial.name
            run["setting"] = trial.config
            for name, value in trial.tags.items():
                run[name] = value
                run.add_tag(f"{name}: {value}")
            for update, figures in [*trial.curve, (trial.outcome.updates, trial.figures)]:
                for name, value in figures.items():
                    run.track(value, name=name, step=update)
