"""Progress: a live line in a terminal or a notebook, plain lines elsewhere."""

from __future__ import annotations

import importlib.util
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn
from rich.table import Column

PLAIN_SECONDS = 5.0
"""Seconds between plain lines."""


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
def bars(console: Console, *, quiet: bool = False) -> Iterator[Show]:
    """Show bars in a terminal or a notebook, elsewhere a line about all of them now and then.

    Args:
        console: Where, such as standard error.
        quiet: Show nothing.
    """
    notebook = console.is_jupyter and importlib.util.find_spec("ipywidgets") is not None
    if not quiet and (notebook or (console.is_terminal and not console.is_jupyter)):
        # A narrow terminal truncates the name, not the figures.
        name = Column(ratio=1, no_wrap=True, overflow="ellipsis")
        columns = (
            TextColumn("{task.description}", table_column=name, markup=False),
            BarColumn(bar_width=12),
            TextColumn("{task.fields[figures]}", table_column=Column(no_wrap=True), markup=False),
        )
        with Progress(*columns, console=console, transient=True, expand=True) as progress:
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
            console.print("; ".join(map(str, bars)), markup=False, highlight=False, soft_wrap=True)

    yield print_line
