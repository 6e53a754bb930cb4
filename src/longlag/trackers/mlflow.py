"""MLflow."""

from __future__ import annotations

import os

from longlag.trackers.tracker import FinishedTrial, Tracker, client

_BATCH = 500  # figures that a server takes at once
_PARAMETERS = 100
_TEXT = 500  # characters of a parameter that every version of a server takes


class MLflow(Tracker):
    """Logs a run for each trial to an experiment of MLflow.

    Args:
        experiment: The experiment; by default `MLFLOW_EXPERIMENT_NAME`, or `longlag`.

    Raises:
        ValueError: mlflow is not installed.
    """

    def __init__(self, experiment: str | None = None) -> None:
        name = experiment or os.environ.get("MLFLOW_EXPERIMENT_NAME") or "longlag"
        self.experiment = name
        self._mlflow = client("mlflow", "mlflow")

    def log(self, trial: FinishedTrial) -> None:
        # The client leaves an active run of the user's own alone.
        entities, server = self._mlflow.entities, self._mlflow.MlflowClient()
        known = server.get_experiment_by_name(self.experiment)
        experiment = known.experiment_id if known else server.create_experiment(self.experiment)
        tags = {**trial.tags, "mlflow.runName": trial.name}
        run = server.create_run(experiment, tags=tags).info.run_id
        when = int(1000 * trial.finished.timestamp())
        metrics = [
            entities.Metric(name, value, when, update)
            for update, figures in [*trial.curve, (trial.outcome.updates, trial.figures)]
            for name, value in figures.items()
        ]
        parameters = [
            entities.Param(name, str(value)[:_TEXT]) for name, value in trial.config.items()
        ]
        server.log_batch(run, params=parameters[:_PARAMETERS])
        for first in range(0, len(metrics), _BATCH):
            server.log_batch(run, metrics=metrics[first : first + _BATCH])
        server.set_terminated(run)
