"""What the commands that ask a study share: flags, workers, progress, how it ended."""

from __future__ import annotations

import contextlib
import dataclasses
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

from cyclopts import Group, Parameter
from rich.console import RenderableType
from rich.progress import Progress
from rich.text import Text

from longlag.checks.model import require_valid
from longlag.cli._cache import keep_compiled_programs
from longlag.cli._flags import STORE, Count, Json, Output, flags, given
from longlag.cli._output import (
    Refused,
    command_line,
    errors,
    others_aside,
    print_rich,
    refusing,
    writable,
    write_json,
)
from longlag.cli._progress import PLAIN_SECONDS, progress_bars
from longlag.cli._setting import names
from longlag.events import Event
from longlag.scores.statistics import SOLVED
from longlag.store.records import StoreError
from longlag.store.store import Store
from longlag.studies.conduct import Keep, Listen, StudyProgress, Usage, conduct
from longlag.studies.ladder import BUDGET, FIVE, LEARNING_RATES
from longlag.studies.study import Study, described, words
from longlag.training import Recipe
from longlag.trials.identity import Trial
from longlag.workers.executor import Executor, ExecutorError
from longlag.workers.local import Local

S = TypeVar("S", bound=Study)

_GROUP = Group("Study")

if TYPE_CHECKING:  # the types are made at run time, out of the table
    StudyRecipe = RatesRecipe = Any
else:
    StudyRecipe = flags("Recipe", {"recipe": Recipe}, without=("epochs", "stop_at"))
    RatesRecipe = flags("Recipe", {"recipe": Recipe}, ("epochs", "stop_at", "learning_rate"))

RATES = ",".join(f"{rate:g}" for rate in LEARNING_RATES)
FIVE_PROBLEMS = ",".join(kind.title() for kind in FIVE)

Seeds = Annotated[Count, Parameter(name="--seeds", group=_GROUP, help="Number of random seeds.")]
Rates = Annotated[
    str,
    Parameter(
        name="--learning-rates", group=_GROUP, help="Learning rates to try, separated by commas."
    ),
]
Problems = Annotated[
    str,
    Parameter(
        name="--problems",
        group=_GROUP,
        help="Names from `longlag problems`, separated by commas.",
    ),
]


@dataclasses.dataclass(frozen=True, kw_only=True)
class StudyFlags:
    """What every study is asked with: budget, store, workers, and how the answer is written."""

    budget: Annotated[
        Count, Parameter(group=_GROUP, help="Training sequences per trial, at most.")
    ] = BUDGET
    solve_at: Annotated[
        float,
        Parameter(
            group=_GROUP,
            help="Skill (0 = guessing, 1 = the best score possible) that a trial needs on fresh "
            "sequences to count as solved.",
        ),
    ] = SOLVED
    store: Annotated[Path, Parameter(group=_GROUP, help="File with the saved trials.")] = STORE
    workers: Annotated[
        Count | None,
        Parameter(group=_GROUP, help="Trials to run at the same time. Default: one per core."),
    ] = None
    dask: Annotated[
        str | None,
        Parameter(
            group=_GROUP,
            help="Run on a Dask cluster: the address of its scheduler, or `local` for one started "
            "on this machine.",
        ),
    ] = None
    keep: Annotated[
        Keep,
        Parameter(group=_GROUP, help="Trained models to save: of the first seed, all, or none."),
    ] = "first"
    json: Json = False
    output: Output = None

    def recipe(self, knobs: Any) -> Recipe:
        """The recipe of a study's trials; its budget stands for the epochs."""
        if self.budget < 1:
            raise ValueError(
                f"`budget` must be at least 1, got {self.budget}. Use budget=1 or more."
            )
        return Recipe(epochs=self.budget, **given(knobs))


StudyParameters = Annotated[StudyFlags, Parameter(name="*")]
SHARED = StudyFlags()


def numbers(listed: str) -> list[float]:
    """Learning rates separated by commas."""
    try:
        return [float(text) for text in names(listed)]
    except ValueError:
        raise ValueError(
            f"`learning-rates` must be numbers separated by commas, got {listed}. Use {RATES}."
        ) from None


def answer(
    ask: Callable[[], S],
    shared: StudyFlags,
    document: Callable[[S], dict[str, Any]],
    summary: Callable[[S], Iterable[RenderableType]],
    *,
    until: float | None = None,
) -> int:
    """Put a question together, have its trials run, and write what came of them.

    Args:
        ask: Makes the study; what it refuses is said in one line.
        shared: The flags that were typed.
        document: The answer as plain values.
        summary: The answer for a reader.
        until: When to end, by `time.monotonic`.

    Returns:
        The exit code: 130 after Ctrl-C, 1 where trials failed, else 0.
    """
    writable(shared.output)
    study, usage = _run(ask, shared, until)
    with refusing():
        if shared.json:
            asked = {"study": study.id, "question": study.question()}
            write_json({**asked, **document(study), "usage": usage.document()}, shared.output)
        else:
            print_rich(*summary(study), spent(usage), path=shared.output)
    if usage.interrupted:
        return 130
    return 1 if usage.failed else 0


def _run(ask: Callable[[], S], shared: StudyFlags, until: float | None) -> tuple[S, Usage]:
    """Have the trials of a study run, and say what went wrong."""
    workers, dask = shared.workers, shared.dask
    if dask is not None and dask != "local" and workers is not None:
        raise Refused("`--workers` is for this machine; a Dask cluster has its own. Leave it out.")
    if workers is not None and workers < 1:
        raise Refused(f"`workers` must be at least 1, got {workers}. Use --workers 1 or more.")
    keep_compiled_programs()
    with contextlib.ExitStack() as stack:
        with refusing(), others_aside():
            study = ask()
            study.keep_curves = False
            require_valid(study.examples())
            store = stack.enter_context(Store(shared.store, write=True))
            if notice := store.notice():
                errors.print(notice, markup=False, soft_wrap=True)
        try:
            executor = stack.enter_context(_executor(workers, dask))
            seconds = None if until is None else max(0.0, until - time.monotonic())
            with _following(study.kind, shared.json) as follow:
                usage = conduct(
                    study,
                    store,
                    executor,
                    command=command_line(),
                    keep=shared.keep,
                    seconds=seconds,
                    listen=follow,
                )
        except (StoreError, ExecutorError) as error:
            raise Refused(str(error)) from error
    for trial, why in usage.failed:
        errors.print(f"{trial}: {why.rstrip('.')}.", markup=False, soft_wrap=True)
    if usage.interrupted:
        line = f"Interrupted: {usage.ran + usage.reused} trials are saved in {shared.store}."
        line += " Run the same command again to continue."
        errors.print(line, markup=False, soft_wrap=True)
    return study, usage


def spent(usage: Usage) -> Text:
    """How a study went, in a line."""
    parts = [f"{usage.ran} trials run in {usage.wall:.1f} s"]
    if usage.reused:
        parts.append(f"{usage.reused} were in the store")
    if usage.cut:
        parts.append(f"{usage.cut} cut short")
    if usage.failed:
        parts.append(f"{len(usage.failed)} failed")
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
        with progress_bars() as bars:
            yield _Live(bars, kind)
    else:
        yield _Plain(kind)


class _Live:
    def __init__(self, bars: Progress, kind: str):
        self.bars = bars
        self.study = bars.add_task(kind, total=None, figures="starting workers")
        self.trials: dict[str, Any] = {}

    def __call__(self, _: Sequence[Event], standing: StudyProgress) -> None:
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
        self.kind, self.last = kind, time.monotonic()

    def __call__(self, _: Sequence[Event], standing: StudyProgress) -> None:
        if time.monotonic() - self.last > PLAIN_SECONDS:
            self.last = time.monotonic()
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


def _figures(standing: StudyProgress) -> str:
    parts = [f"{standing.ran} trials run"]
    if standing.reused:
        parts.append(f"{standing.reused} known")
    if standing.left:
        parts.append(f"at most {standing.left} left")
    if standing.remaining:
        parts.append(f"about {standing.remaining:.0f} s left")
    return ", ".join(parts)
