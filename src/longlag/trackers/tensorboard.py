"""TensorBoard: event files, written by tensorboardX."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from longlag import files
from longlag.trackers.tracker import FinishedTrial, Tracker, client


class TensorBoard(Tracker):
    """Writes a run for each trial below a folder, for `tensorboard --logdir`.

    Args:
        folder: The folder.

    Raises:
        ValueError: tensorboardX is not installed.
    """

    def __init__(self, folder: files.Name = "runs") -> None:
        self.folder = Path(folder)
        client("tensorboardX", "tensorboard")

    def log(self, trial: FinishedTrial) -> None:
        # SummaryWriter starts a thread.
        record_writer = client("tensorboardX.record_writer", "tensorboard")
        home = self.folder / trial.name.replace("/", "-")
        home.mkdir(parents=True, exist_ok=True)
        name = f"events.out.tfevents.{trial.finished.timestamp():.0f}.longlag"
        if (home / name).is_file() and not _is_of_events(home / name):
            raise ValueError(
                f"TensorBoard: {home / name} is a file of something else, which would be lost. "
                "Name another folder."
            )
        with files.replacing(home / name) as beside:
            writer = record_writer.RecordWriter(str(beside))
            with contextlib.closing(writer):
                for event in _events(trial):
                    writer.write(event.SerializeToString())


def _is_of_events(path: Path) -> bool:
    with path.open("rb") as file:
        start = file.read(64)
    return not start or b"brain.Event:2" in start


def _events(trial: FinishedTrial) -> Iterator[Any]:
    event_pb2 = client("tensorboardX.proto.event_pb2", "tensorboard")
    summary = client("tensorboardX.summary", "tensorboard")
    when, updates = trial.finished.timestamp(), trial.outcome.updates
    yield event_pb2.Event(wall_time=when, file_version="brain.Event:2")
    for part in summary.hparams({**trial.config, **trial.tags}, trial.figures):
        yield event_pb2.Event(wall_time=when, summary=part)
    for update, figures in [*trial.curve, (updates, trial.figures)]:
        for name, value in figures.items():
            scalar = summary.scalar(name, value)
            yield event_pb2.Event(wall_time=when, step=update, summary=scalar)
