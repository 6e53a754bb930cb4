"""Recordings: a lesson with all answers about its training, for pages without a server.

A recording is one JSON document with the answers of a session: `describe`; `audits`, a list of
`knobs` and `answer`; `runs`; `views` by `run:snapshot:seed`; and `uses` likewise.
"""

from __future__ import annotations

import threading
from typing import Any

import numpy as np

from longlag.live.session import Session
from longlag.stop import StopToken

MOMENTS = 12
"""Snapshots of each run whose sequence and gates are recorded, the first and the last included."""


def record(session: Session, stop: StopToken | None = None) -> dict[str, Any]:
    """Train both sides of the lesson that a session begins with, or its first setup.

    Args:
        session: A new session.
        stop: A token that ends it early.

    Returns:
        The recording.

    Raises:
        ValueError: A setup cannot be trained.
    """
    stop = stop or StopToken()
    described = session.describe()
    lesson = session.lesson
    sides = [described["start"]["knobs"]]
    sides = sides if lesson is None else [lesson.breaks.knobs, lesson.works.knobs]
    recording: dict[str, Any] = {"audits": [], "views": {}, "uses": {}}
    for knobs in sides:
        recording["audits"].append({"knobs": knobs, "answer": _answer(session.audit(knobs))})
        number = _answer(session.train(knobs))["run"]
        _wait(session, stop)
        if stop.stopped:
            break
        run = session.describe()["runs"][-1]
        _answer(run)
        last = len(run["snapshots"]) - 1
        kept = np.unique(np.linspace(0, last, MOMENTS).round().astype(int)).tolist()
        for snapshot in kept:
            view = _answer(session.view(number, snapshot, 0, None))
            recording["views"][f"{number}:{snapshot}:0"] = view
        recording["uses"][f"{number}:{last}:0"] = session.uses(number, last, 0)
    runs = [_kept(run, recording["views"]) for run in session.describe()["runs"]]
    return {"describe": {**described, "runs": [], "training": None}, **recording, "runs": runs}


def _kept(run: dict[str, Any], views: dict[str, Any]) -> dict[str, Any]:
    """A run with those snapshots and that seed whose views are recorded."""
    indices = {int(key.split(":")[1]) for key in views if key.startswith(f"{run['run']}:")}
    snapshots = [each for each in run["snapshots"] if each["index"] in indices]
    return {**run, "snapshots": snapshots}


def _answer(answer: dict[str, Any]) -> dict[str, Any]:
    if fault := answer.get("fault"):
        raise ValueError(fault)
    return answer


def _wait(session: Session, stop: StopToken) -> None:
    """Until the training has ended."""
    heard = threading.Event()
    end = session.subscribe(heard.set)
    try:
        while session.describe()["training"] is not None:
            if stop.stopped:
                session.stop()
            heard.wait(0.2)
            heard.clear()
    finally:
        end()
