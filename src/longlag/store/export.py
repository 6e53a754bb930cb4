"""Export: the scores of trials as a table, and the trials to trackers."""

from __future__ import annotations

import csv
import datetime
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from longlag import files
from longlag.answers import parquet
from longlag.store.records import Record
from longlag.store.store import Store
from longlag.trackers import FinishedTrial, TensorBoard
from longlag.trials.documents import public

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


def tracked(store: Store, record: Record, study: str = "") -> FinishedTrial:
    """A stored trial, for a tracker.

    Args:
        store: The store of the trial.
        record: The trial, from `store.records`.
        study: What asked for it.
    """
    outcome = store.outcome(record.id)
    assert outcome is not None
    names = {name: getattr(record, name) for name in ("id", "problem", "model", "seed", "verdict")}
    when = datetime.datetime.fromisoformat(record.finished)
    setting = public(store.setting(record.id))
    return FinishedTrial(
        **names,
        study=study,
        setting=setting,
        versions=record.parts,
        outcome=outcome,
        finished=when,
    )


def write_tensorboard(store: Store, records: Sequence[Record], folder: Path) -> None:
    """Write trials as runs for TensorBoard (`longlag.trackers`).

    Args:
        store: The store of the trials.
        records: The trials, from `store.records`.
        folder: The folder, for `tensorboard --logdir`.

    Raises:
        ValueError: tensorboardX is not installed.
        OSError: For example, the disk is full; the previous runs are complete.
    """
    tracker = TensorBoard(folder)
    for record in records:
        tracker.log(tracked(store, record))


def _rows(store: Store, record: Record) -> Iterator[dict[str, Any]]:
    """The rows of a trial, one per test, the main test first."""
    outcome, setting = store.outcome(record.id), store.setting(record.id)
    assert outcome is not None
    tests = dict(setting.pop("tests", ()))
    row: dict[str, Any] = record._asdict()
    for part, knobs in setting.items():
        row |= _columns(part, knobs) if isinstance(knobs, dict) else {part: knobs}
    figures = "ended", "diverged_at", "updates", "validation", "reachable", "audit"
    row |= {name: getattr(outcome, name) for name in (*figures, "parameters", "state")}
    row |= _columns("seconds", outcome.seconds._asdict()) | outcome.resources._asdict()
    for test, score in outcome.scores.items():
        figures = "skill", "accuracy", "sequence_accuracy", "error", "chance", "ceiling"
        scored = {name: getattr(score, name) for name in figures}
        where = {"test": test, **_columns("test", tests.get(test, setting.get("problem", {})))}
        columns = outcome.environment.columns() if outcome.environment else {}
        yield row | where | scored | {"p_chance": score.chance_probability} | columns


def _columns(part: str, knobs: dict[str, Any]) -> dict[str, Any]:
    return {f"{part}.{name}": value for name, value in knobs.items() if name != "kind"}
