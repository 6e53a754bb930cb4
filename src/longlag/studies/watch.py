"""The progress of a study, as bars."""

from __future__ import annotations

from collections.abc import Sequence

from longlag.events import Event
from longlag.progress import Bar, Show
from longlag.studies.conduct import Listen, StudyProgress
from longlag.studies.study import words


def showing(kind: str, show: Show) -> Listen:
    """A listener that shows the progress of a study and of its running trials.

    Args:
        kind: The kind of study, for the name of its bar.
        show: Draws bars.
    """

    def listen(_: Sequence[Event], progress: StudyProgress) -> None:
        done = progress.ran + progress.reused
        figures = [f"{progress.ran} trials run"]
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
