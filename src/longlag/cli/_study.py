"""What the commands that ask a study share: flags, workers, progress, how it ended."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

from cyclopts import Group, Parameter
from rich.progress import BarColumn, Progress, TextColumn
from rich.table import Column
from rich.text import Text

from longlag.checks.model import require_valid
from longlag.cli._cache import keep_compiled_programs
from longlag.cli._flags import Count, flags
from longlag.cli._output import Refused, command_line, errors, others_aside, refusing
from longlag.events import Event
from longlag.problems import Problem
from longlag.store.records import StoreError
from longlag.store.store import Store
from longlag.studies.conduct import Keep, Listen, Standing, Usage, conduct
from longlag.studies.ladder import LEARNING_RATES
from longlag.studies.study import Study, described, words
from longlag.training import Recipe
from longlag.trials.identity import Trial
from longlag.workers.executor import Executor, ExecutorError
from longlag.workers.local import Local

S = TypeVar("S", bound=Study)

_PLAIN_SECONDS = 5.0
_GROUP = Group("Study")

if TYPE_CHECKING:  # the types are made at run time, out of the table
    StudyRecipe = RatesRecipe = Any
else:
    StudyRecipe = flags("Recipe", {"recipe": Recipe}, without=("epochs", "stop_at"))
    RatesRecipe = flags("Recipe", {"recipe": Recipe}, ("epochs", "stop_at", "learning_rate"))

StorePath = Annotated[
    Path, Parameter(name="--store", group=_GROUP, help="File in which finished trials are kept.")
]
Workers = Annotated[
    Count | None,
    Parameter(
        name="--workers",
        group=_GROUP,
        help="Processes that run trials; by default one for each core, or for each accelerator.",
    ),
]
DaskAddress = Annotated[
    str | None,
    Parameter(
        name="--dask",
        group=_GROUP,
        help="Run on a Dask cluster: the address of its scheduler, or `local` for one started "
        "on this machine.",
    ),
]
Kept = Annotated[
    Keep,
    Parameter(
        name="--keep",
        group=_GROUP,
        help="Trained models to store: those of the first seed, all, or none.",
    ),
]
Budget = Annotated[
    Count, Parameter(name="--budget", group=_GROUP, help="Sequences a trial may train on.")
]
SolveAt = Annotated[
    float,
    Parameter(
        name="--solve-at",
        group=_GROUP,
        help="Skill on fresh sequences from which a trial counts as solved.",
    ),
]
Seeds = Annotated[Count, Parameter(name="--seeds", group=_GROUP, help="Number of seeds.")]
STORE = Path("longlag.db")
RATES = ",".join(f"{rate:g}" for rate in LEARNING_RATES)


def names(listed: str) -> list[str]:
    """Names separated by commas."""
    return [name.strip() for name in listed.split(",") if name.strip()]


def numbers(listed: str) -> list[float]:
    """Learning rates separated by commas."""
    try:
        return [float(text) for text in names(listed)]
    except ValueError:
        raise ValueError(
            f"`learning-rates` must be numbers separated by commas, got {listed}. Use {RATES}."
        ) from None


def unladdered(problems: Sequence[Problem], typed: Mapping[str, Any]) -> None:
    """Refuse the knob that a study moves itself."""
    for problem in problems:
        if (knob := problem.ladder.knob) in typed:
            raise ValueError(
                f"`{knob}` is what the ladder of {problem.title()} moves, so it cannot be set. "
                "Leave it out, or name other problems."
            )


def recipe(typed: dict[str, Any], budget: int) -> Recipe:
    """The recipe of a study's trials; its budget stands for the epochs."""
    if budget < 1:
        raise ValueError(f"`budget` must be at least 1, got {budget}. Use budget=1 or more.")
    return Recipe(epochs=budget, **typed)


def answer(
    ask: Callable[[], S],
    *,
    store: Path,
    workers: int | None,
    dask: str | None,
    keep: Keep,
    quiet: bool,
    until: float | None = None,
) -> tuple[S, Usage]:
    """Put a question together, have its trials run, and say what went wrong.

    Args:
        ask: Makes the study; what it refuses is said in one line.
        store: Where finished trials are kept.
        workers: Trials run at once.
        dask: Address of a scheduler, or `local`.
        keep: Whose trained models are stored.
        quiet: Show no progress.
        until: When to end, by `time.monotonic`.
    """
    if dask is not None and dask != "local" and workers is not None:
        raise Refused("`--workers` is for this machine; a Dask cluster has its own. Leave it out.")
    if workers is not None and workers < 1:
        raise Refused(f"`workers` must be at least 1, got {workers}. Use --workers 1 or more.")
    keep_compiled_programs()
    with contextlib.ExitStack() as stack:
        with refusing(), others_aside():
            study = ask()
            study.whole = False
            require_valid(study.examples())
            kept = stack.enter_context(Store(store, write=True))
        try:
            executor = stack.enter_context(_executor(workers, dask))
            seconds = None if until is None else max(0.0, until - time.monotonic())
            with _following(study.kind, quiet) as follow:
                usage = conduct(
                    study,
                    kept,
                    executor,
                    command=command_line(),
                    keep=keep,
                    seconds=seconds,
                    listen=follow,
                )
        except (StoreError, ExecutorError) as error:
            raise Refused(str(error)) from error
    for trial, why in usage.failed:
        errors.print(f"{trial}: {why.rstrip('.')}.", markup=False, soft_wrap=True)
    if usage.interrupted:
        said = f"Interrupted: {usage.ran + usage.reused} trials are stored in {store}."
        errors.print(f"{said} The same command goes on from there.", markup=False, soft_wrap=True)
    return study, usage


def spent(usage: Usage) -> Text:
    """How a study went, in a line."""
    parts = [f"{usage.ran} trials run in {usage.wall:.1f} s"]
    if usage.reused:
        parts.append(f"{usage.reused} were in the store")
    if usage.cut:
        parts.append(f"{usage.cut} cut short")
    if usage.failed:
        parts.append(f"{len(usage.failed)} came to nothing")
    if usage.ran:
        whole = max(usage.room, 1e-9)
        shares = (
            f"{name} {seconds / whole:.0%}"
            for name, seconds in zip(
                ("training", "compiling", "evaluating"),
                (usage.spent.train, usage.spent.compile, usage.spent.evaluate),
                strict=True,
            )
        )
        parts.append(f"of the time of {usage.workers} workers {', '.join(shares)}")
    return Text("; ".join(parts) + ".", style="dim")


def code(usage: Usage) -> int:
    """The exit code of a study: 130 after Ctrl-C, 1 where trials came to nothing, else 0."""
    if usage.interrupted:
        return 130
    return 1 if usage.failed else 0


def _executor(workers: int | None, dask: str | None) -> Executor:
    if dask is None:
        with refusing():
            return Local(workers)
    from longlag.workers.dask import Dask

    return Dask(None if dask == "local" else dask, workers=workers)


@contextlib.contextmanager
def _following(kind: str, quiet: bool) -> Iterator[Listen]:
    """Show how far a study has come: its trials, and the updates of those under way."""
    if quiet:
        yield lambda *_: None
    elif errors.is_terminal:
        name = Column(ratio=1, no_wrap=True, overflow="ellipsis")
        columns = (
            TextColumn("{task.description}", table_column=name),
            BarColumn(bar_width=12),
            TextColumn("{task.fields[figures]}", table_column=Column(no_wrap=True)),
        )
        with Progress(*columns, console=errors, transient=True, expand=True) as bars:
            yield _Live(bars, kind)
    else:
        yield _Plain(kind)


class _Live:
    def __init__(self, bars: Progress, kind: str):
        self.bars = bars
        self.study = bars.add_task(kind, total=None, figures="starting workers")
        self.trials: dict[str, Any] = {}

    def __call__(self, _: Sequence[Event], standing: Standing) -> None:
        done = standing.ran + standing.reused
        total = None if standing.left is None else done + standing.left
        self.bars.update(self.study, completed=done, total=total, figures=_figures(standing))
        moved = {id: each for id, each in standing.running.items() if each[1] is not None}
        for id in [id for id in self.trials if id not in moved]:
            self.bars.remove_task(self.trials.pop(id))
        for id, (trial, report) in moved.items():
            assert report is not None
            if id not in self.trials:
                self.trials[id] = self.bars.add_task(f"  {_short(trial)}", figures="")
            self.bars.update(
                self.trials[id],
                completed=report.updates,
                total=report.total,
                figures=f"loss {report.loss:.3f}  accuracy {report.accuracy:.3f}",
            )


class _Plain:
    def __init__(self, kind: str):
        self.kind, self.said = kind, time.monotonic()

    def __call__(self, _: Sequence[Event], standing: Standing) -> None:
        if time.monotonic() - self.said > _PLAIN_SECONDS:
            self.said = time.monotonic()
            under_way = [
                f"{described(trial)} {moved.updates / moved.total:.0%}"
                for trial, moved in standing.running.values()
                if moved is not None
            ]
            line = "; ".join([f"{self.kind}: {_figures(standing)}", *under_way])
            errors.print(line, markup=False, soft_wrap=True)


def _short(trial: Trial) -> str:
    """A trial as a narrow terminal has room for."""
    return f"{words(trial.setting.problem)}, {words(trial.setting.model)}, seed {trial.seed}"


def _figures(standing: Standing) -> str:
    parts = [f"{standing.ran} trials run"]
    if standing.reused:
        parts.append(f"{standing.reused} known")
    if standing.left:
        parts.append(f"at most {standing.left} left")
    if standing.remaining:
        parts.append(f"about {standing.remaining:.0f} s left")
    return ", ".join(parts)
