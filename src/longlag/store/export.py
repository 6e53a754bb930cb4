"""Export: the scores of trials as a table, their learning curves as runs for TensorBoard."""

from __future__ import annotations

import contextlib
import csv
import datetime
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from longlag import files
from longlag.answers import parquet
from longlag.store.records import Record
from longlag.store.store import Store

if TYPE_CHECKING:
    from longlag.trials.outcome import Outcome

FORMATS = ".csv", ".parquet"
"""File endings of `write_table`."""


def write_table(store: Store, records: Sequence[Record], path: Path) -> None:
    """Write trials as a table, one row per trial and test, as CSV or Parquet by the file ending.

    The columns are the fields of `Record`, every knob of the settings (`problem.lag`,
    `recipe.learning_rate`), the name of the test and the knobs of its problem (`test`,
    `test.length`), and the figures of the outcomes. `verdict` is of the main test, the first.

    Args:
        store: The store of the trials.
        records: The trials, from `store.records`.
        path: The file; it ends in `.csv` or `.parquet`.

    Raises:
        ValueError: The ending is another one, or pyarrow is not installed.
    """
    check_format(path)
    rows = [row for record in records for row in _rows(store, record)]
    names = list(dict.fromkeys(name for row in rows for name in row)) or list(Record._fields)
    if path.suffix == ".csv":
        with (
            files.replacing(path) as beside,
            beside.open("w", newline="", encoding="utf-8") as file,
        ):
            writer = csv.DictWriter(file, names, restval="")
            writer.writeheader()
            writer.writerows(rows)
        return
    parquet.write({name: [row.get(name) for row in rows] for name in names}, path)


def check_format(path: Path) -> None:
    """Raise if the ending is none of `FORMATS`, or if its library is not installed."""
    if path.suffix not in FORMATS:
        endings = " or ".join(FORMATS)
        raise ValueError(f"export: `{path}` must end in {endings}. Use trials.csv.")
    if path.suffix == ".parquet":
        parquet.require()


def write_tensorboard(store: Store, records: Sequence[Record], folder: Path) -> None:
    """Write the learning curve and the scores of trials as runs for TensorBoard.

    One run per trial, named by its problem, model, seed and id; the step is the update.

    Args:
        store: The store of the trials.
        records: The trials, from `store.records`.
        folder: The folder, for `tensorboard --logdir`.

    Raises:
        ValueError: tensorboardX is not installed.
        OSError: For example, the disk is full; the previous runs are complete.
    """
    try:
        from tensorboardX.record_writer import RecordWriter  # SummaryWriter starts a thread
    except ImportError:
        raise ValueError(
            "export: tensorboardX is not installed. Use pip install 'longlag[tensorboard]'."
        ) from None
    for record in records:
        outcome = store.outcome(record.id)
        assert outcome is not None
        name = f"{record.problem}, {record.model}, seed {record.seed}, {record.id}"
        when = datetime.datetime.fromisoformat(record.finished).timestamp()
        home = folder / name.replace("/", "-")
        home.mkdir(parents=True, exist_ok=True)
        with files.replacing(home / f"events.out.tfevents.{when:.0f}.longlag") as beside:
            writer = RecordWriter(str(beside))
            with contextlib.closing(writer):
                for event in _tensorboard_events(outcome, when):
                    writer.write(event.SerializeToString())


def _tensorboard_events(outcome: Outcome, when: float) -> Iterator[Any]:
    """The learning curve and the scores of a trial, as events of TensorBoard."""
    from tensorboardX.proto import event_pb2
    from tensorboardX.summary import scalar

    Event: Any = vars(event_pb2)["Event"]  # noqa: N806 - created at run time

    def event(name: str, value: float, update: int) -> Any:
        return Event(wall_time=when, step=update, summary=scalar(name, value))

    yield Event(wall_time=when, file_version="brain.Event:2")
    curve = outcome.curve
    for update, loss, accuracy in zip(curve.updates, curve.loss, curve.accuracy, strict=True):
        yield event("training/loss", loss, update)
        yield event("training/accuracy", accuracy, update)
    for test, score in outcome.scores.items():
        # The main test has the name of the only test in earlier versions.
        main = score is outcome.score()
        prefix = "evaluation" if main else f"evaluation/{re.sub('[^-.0-9A-Za-z_]', '-', test)}"
        for name in ("accuracy", "skill", "chance", "ceiling"):
            yield event(f"{prefix}/{name}", getattr(score, name), outcome.updates)


def _rows(store: Store, record: Record) -> Iterator[dict[str, Any]]:
    """The rows of a trial, one per test, the main test first."""
    outcome, setting = store.outcome(record.id), store.setting(record.id)
    assert outcome is not None
    tests = dict(setting.pop("tests", ()))
    row: dict[str, Any] = record._asdict()
    for part, knobs in setting.items():
        row |= _columns(part, knobs) if isinstance(knobs, dict) else {part: knobs}
    figures = "ended", "diverged_at", "updates", "validation", "reachable", "audit", "parameters"
    row |= {name: getattr(outcome, name) for name in figures}
    row |= _columns("seconds", outcome.seconds._asdict())
    for test, score in outcome.scores.items():
        figures = "skill", "accuracy", "sequence_accuracy", "error", "chance", "ceiling"
        scored = {name: getattr(score, name) for name in figures}
        where = {"test": test, **_columns("test", tests.get(test, setting.get("problem", {})))}
        columns = outcome.environment.columns() if outcome.environment else {}
        yield row | where | scored | {"p_chance": score.chance_probability} | columns


def _columns(part: str, knobs: dict[str, Any]) -> dict[str, Any]:
    return {f"{part}.{name}": value for name, value in knobs.items() if name != "kind"}
