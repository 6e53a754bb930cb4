"""The progress of a study, as bars and to trackers."""

from __future__ import annotations

from collections.abc import Sequence

from longlag.answers.format import counted
from longlag.events import Event
from longlag.progress import Bar, Show
from longlag.studies.conduct import Listen, StudyProgress
from longlag.studies.study import Study, words
from longlag.trackers import FinishedTrial, Tracking


def showing(kind: str, show: Show) -> Listen:
    """A listener that shows the progress of a study and of its running trials.

    Args:
        kind: The kind of study, for the name of its bar.
        show: Draws bars.
    """

    def listen(_: Sequence[Event], progress: StudyProgress) -> None:
        done = progress.ran + progress.reused
        figures = [f"{counted(progress.ran, 'trial')} run"]
        if progress.reused:
            figures.append(f"{progress.reused} from the store")
        if progress.left:
            figures.append(f"at most {progress.left} left")
        if progress.remaining:
            figures.append(f"about {progress.remaining:.0f} s left")
        total = None if progress.left is None else done + progress.left
        running = [
            Bar(
                f"{words(trial.setting.problem)}, {words(trial.setting.model)}, seed {trial.seed}",
                report.updates,
                report.total,
                f"loss {report.loss:.3f}  accuracy {report.accuracy:.3f}",
            )
            for trial, report in progress.running.values()
            if report is not None
        ]
        show([Bar(kind, done, total, ", ".join(figures)), *running])

    return listen


def tracking(study: Study, trackers: Tracking, listen: Listen) -> Listen:
    """A listener that logs the finished trials too.

    Args:
        study: The study.
        trackers: Where.
        listen: The listener that shows the progress.
    """
    name = f"{study.kind} {study.id[:8]}"

    def both(events: Sequence[Event], progress: StudyProgress) -> None:
        listen(events, progress)
        for trial, outcome in progress.finished:
            trackers.log(FinishedTrial.of(trial, outcome, study=name, solve_at=study.solve_at))

    return both if trackers else listen
