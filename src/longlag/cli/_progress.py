"""Progress on standard error: a live line in a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.progress import BarColumn, Progress, ProgressColumn, TextColumn, TimeRemainingColumn
from rich.table import Column

from longlag.cli._output import errors
from longlag.events import Advanced, Event

PLAIN_SECONDS = 5.0
"""Between plain lines."""


class Follow(Protocol):
    """Told of what becomes of every seed."""

    def __call__(self, name: str, seeds: int, chance: float, event: Event) -> None: ...


def progress_bars(*more: ProgressColumn) -> Progress:
    """Bars of a terminal, each with a name and figures; and further columns."""
    # In a narrow terminal the name gives way, not the figures.
    name = Column(ratio=1, no_wrap=True, overflow="ellipsis")
    columns = (
        TextColumn("{task.description}", table_column=name),
        BarColumn(bar_width=12),
        TextColumn("{task.fields[figures]}", table_column=Column(no_wrap=True)),
    )
    return Progress(*columns, *more, console=errors, transient=True, expand=True)


@contextmanager
def following(*, quiet: bool = False) -> Iterator[Follow]:
    """Show what training is doing: name, bar, loss, accuracy, chance, time left."""
    if quiet:
        yield _quiet
    elif errors.is_terminal:
        left = TimeRemainingColumn(compact=True, table_column=Column(no_wrap=True))
        with progress_bars(left) as bars:
            yield _Live(bars)
    else:
        yield _Plain()


def _quiet(name: str, seeds: int, chance: float, event: Event) -> None:
    """Say nothing."""


class _Tally:
    """What all seeds of one run have done so far."""

    def __init__(self, seeds: int):
        self.seeds, self.latest = seeds, dict[int, Advanced]()

    def figures(self, chance: float) -> str:
        reports = self.latest.values()
        loss = sum(report.loss for report in reports) / len(reports)
        accuracy = sum(report.accuracy for report in reports) / len(reports)
        return f"loss {loss:.3f}  accuracy {accuracy:.3f}  chance {chance:.3g}"

    def share(self) -> float:
        done = (
            1.0 if report.outcome != "running" else report.updates / report.total
            for report in self.latest.values()
        )
        return sum(done) / self.seeds


class _Live:
    def __init__(self, bars: Progress):
        self.bars, self.name, self.tally = bars, "", _Tally(1)
        self.task = bars.add_task("compiling", total=1.0, figures="")

    def __call__(self, name: str, seeds: int, chance: float, event: Event) -> None:
        if not isinstance(event, Advanced):
            return
        if name != self.name:
            self.name, self.tally = name, _Tally(seeds)
            self.bars.reset(self.task, description=name, figures="")
        self.tally.latest[event.seed] = event
        figures = self.tally.figures(chance)
        self.bars.update(self.task, completed=self.tally.share(), figures=figures)


class _Plain:
    def __init__(self) -> None:
        self.name, self.tally, self.last, self.began = "", _Tally(1), 0.0, 0.0

    def __call__(self, name: str, seeds: int, chance: float, event: Event) -> None:
        if not isinstance(event, Advanced):
            return
        now = time.monotonic()
        if name != self.name:
            self.name, self.tally, self.began, self.last = name, _Tally(seeds), now, now
        self.tally.latest[event.seed] = event
        if now - self.last > PLAIN_SECONDS:
            self.last, share = now, self.tally.share()
            left = (now - self.began) * (1 - share) / share
            figures = self.tally.figures(chance)
            line = f"{name}  {share:.0%}  {figures}  {left:.0f} s left"
            errors.print(line, markup=False, soft_wrap=True)
