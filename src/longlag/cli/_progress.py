"""Progress on standard error: a live line in a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from rich.progress import BarColumn, Progress, TaskID, TextColumn
from rich.table import Column

from longlag.cli._output import errors, warn
from longlag.events import Advanced, Event

PLAIN_SECONDS = 5.0
"""Seconds between plain lines."""

Follow = Callable[[str, int, float, Event], None]
"""A function of the name of a run, its number of seeds, the score by guessing, and an event."""


class Bar(NamedTuple):
    """A bar: its name, the work done, the total work if known, and figures."""

    name: str
    done: float
    total: float | None
    figures: str

    def __str__(self) -> str:
        share = f" {self.done / self.total:.0%}" if self.total else ""
        return f"{self.name}:{share} {self.figures}"


Show = Callable[[Sequence[Bar]], None]
"""A function that draws these bars in place of the previous ones."""


@contextmanager
def bars(*, quiet: bool) -> Iterator[Show]:
    """Show bars in a terminal, elsewhere a line about all of them every few seconds."""
    if not quiet and errors.is_terminal:
        # A narrow terminal truncates the name, not the figures.
        name = Column(ratio=1, no_wrap=True, overflow="ellipsis")
        columns = (
            TextColumn("{task.description}", table_column=name, markup=False),
            BarColumn(bar_width=12),
            TextColumn("{task.fields[figures]}", table_column=Column(no_wrap=True), markup=False),
        )
        with Progress(*columns, console=errors, transient=True, expand=True) as progress:
            tasks: dict[str, TaskID] = {}

            def draw(bars: Sequence[Bar]) -> None:
                for name in tasks.keys() - {bar.name for bar in bars}:
                    progress.remove_task(tasks.pop(name))
                for bar in bars:
                    if bar.name not in tasks:
                        tasks[bar.name] = progress.add_task(bar.name, figures="")
                    state = {"completed": bar.done, "total": bar.total, "figures": bar.figures}
                    progress.update(tasks[bar.name], **state)

            yield draw
        return
    last = time.monotonic()

    def print_line(bars: Sequence[Bar]) -> None:
        nonlocal last
        if not quiet and time.monotonic() - last > PLAIN_SECONDS:
            last = time.monotonic()
            warn("; ".join(map(str, bars)))

    yield print_line


@contextmanager
def training_progress(*, quiet: bool = False) -> Iterator[Follow]:
    """Show the progress of training: loss, accuracy, score by guessing, seconds left."""
    current, began, latest = "", 0.0, dict[int, Advanced]()
    with bars(quiet=quiet) as show:
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
            figures = f"loss {loss:.3f}  accuracy {accuracy:.3f}  guessing {chance:.3g}"
            show([Bar(name, share, 1.0, f"{figures}  {left:.0f} s left")])

        yield follow
