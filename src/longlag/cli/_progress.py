"""Progress of training on standard error."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from longlag.cli._terminal import errors
from longlag.events import Advanced, Event
from longlag.progress import Bar, bars

Follow = Callable[[str, int, float, Event], None]
"""A function of the name of a run, its number of seeds, chance, and an event."""


@contextmanager
def training_progress(*, quiet: bool = False) -> Iterator[Follow]:
    """Show the progress of training: loss, accuracy, chance, seconds left."""
    current, began, latest = "", 0.0, dict[int, Advanced]()
    with bars(errors, quiet=quiet) as show:
        show([Bar("compiling", 0, None, "")])

        def follow(name: str, seeds: int, chance: float, event: Event) -> None:
            nonlocal current, began
            if not isinstance(event, Advanced):
                return
            if name != current:
                current, began = name, time.monotonic()
                latest.clear()
            latest[event.seed] = event
            reports = latest.values()
            loss, accuracy = (
                sum(getattr(report, figure) for report in reports) / len(reports)
                for figure in ("loss", "accuracy")
            )
            ended = (report.outcome != "running" for report in reports)
            shares = (report.updates / report.total for report in reports)
            share = sum(1.0 if end else part for end, part in zip(ended, shares, strict=True))
            share /= seeds
            left = (time.monotonic() - began) * (1 - share) / share
            figures = f"loss {loss:.3f}  accuracy {accuracy:.3f}  chance {chance:.3g}"
            show([Bar(name, share, 1.0, f"{figures}  {left:.0f} s left")])

        yield follow
