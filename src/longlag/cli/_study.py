"""Running a study: the flags, workers, progress and exit code of all commands that do."""

from __future__ import annotations

import contextlib
import dataclasses
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

from cyclopts import Group, Parameter
from rich.text import Text

from longlag.answers.blocks import Block, text
from longlag.answers.format import counted
from longlag.cli._cache import keep_compiled_programs
from longlag.cli._device import Device, use_device
from longlag.cli._flags import (
    STORE,
    Count,
    StorePath,
    Tracked,
    code_files,
    flag_values,
    flags,
)
from longlag.cli._output import AnswerFlags, command_line, in_flags, stdout_to_stderr
from longlag.cli._setting import SettingFlags, numbers
from longlag.cli._terminal import errors, warn
from longlag.cli.audit import warnings
from longlag.progress import bars
from longlag.scores.statistics import SOLVED
from longlag.stop import StopToken, ctrl_c_stops
from longlag.store.store import Store
from longlag.studies.ask import require_fitting
from longlag.studies.conduct import Keep, Usage, conduct
from longlag.studies.ladder import BUDGET, FIVE, LEARNING_RATES
from longlag.studies.plan import plan_at
from longlag.studies.study import Study, words
from longlag.studies.watch import showing, tracking
from longlag.trackers import Tracking
from longlag.training import Recipe
from longlag.trials.documents import public
from longlag.workers.executor import Executor
from longlag.workers.local import Local

S = TypeVar("S", bound=Study)

_GROUP = Group("Study")

if TYPE_CHECKING:  # the types are created at run time, from the table
    StudyRecipe = RatesRecipe = Any
else:
    StudyRecipe = flags("Recipe", {"recipe": Recipe}, without=("sequences", "stop_at"))
    RatesRecipe = flags("Recipe", {"recipe": Recipe}, ("sequences", "stop_at", "learning_rate"))

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


@Parameter(name="*", group=_GROUP)
@dataclasses.dataclass(frozen=True, kw_only=True)
class RunFlags:
    """The options of every study: when a trial has solved, store, workers."""

    solve_at: Annotated[
        float,
        Parameter(
            help="Skill (0 = chance, 1 = the best possible score) that a trial needs on fresh "
            "sequences to count as solved.",
        ),
    ] = SOLVED
    store: StorePath = STORE
    workers: Annotated[
        Count | None, Parameter(help="Trials to run at the same time. Default: one per core.")
    ] = None
    dask: Annotated[
        str | None,
        Parameter(
            help="Run on a Dask cluster: the address of its scheduler, or `local` for one started "
            "on this machine.",
        ),
    ] = None
    device: Device = None
    dry_run: Annotated[
        bool,
        Parameter(
            name="--dry-run",
            negative="",
            help="Run nothing: tell how many trials it would take, how long and how much memory.",
        ),
    ] = False
    keep: Annotated[
        Keep, Parameter(help="Trained models to save: of the first seed, all, or none.")
    ] = "first"
    track: Tracked = None

    def run(
        self,
        study: Callable[[], S],
        output: AnswerFlags,
        *,
        code: Sequence[str | None] = (),
        until: float | None = None,
        unanswered: Callable[[S], object] = lambda _: False,
    ) -> int:
        """Build a study, run its trials, and write its answer.

        Args:
            study: Returns the study.
            output: Format and file of the answer.
            code: Arguments that may name files of user code, which are not overwritten.
            until: When to end, by `time.monotonic`.
            unanswered: Whether a study has no answer.

        Returns:
            The exit code: 130 after Ctrl-C, 1 if trials failed or there is no answer, else 0.
        """
        output.check({"--store": self.store, **code_files(*code)})
        if self.device is not None and self.dask is not None:
            raise ValueError(
                "`--device` is for this machine; Dask workers have their own. Leave it out."
            )
        use_device(self.device)
        keep_compiled_programs()
        with contextlib.ExitStack() as stack:
            with stdout_to_stderr():
                question = study()
                question.keep_curves = False
            if self.dry_run:
                return self._tell_plan(question, output)
            with stdout_to_stderr():
                found = require_fitting(question, until)
                examples = question.examples()
            store = stack.enter_context(Store(self.store, write=True))
            if notice := store.notice():
                warn(notice)
            problems = [
                on for each in examples for on in (each.problem, *dict(each.tests).values())
            ]
            several = len({each.problem for each in examples}) > 1
            more = (
                line.replace("Warning: ", f"Warning: {words(each.problem)}: ", several)
                for each in examples
                for line in warnings(each.audit(problems), question.kind)
            )
            for line in dict.fromkeys((*found, *more)):
                warn(line)
            trackers = stack.enter_context(Tracking(self.track or (), warn))
            executor = stack.enter_context(self._executor())
            stop = stack.enter_context(ctrl_c_stops(StopToken()))
            seconds = None if until is None else max(0.0, until - time.monotonic())
            with bars(errors, quiet=output.as_json) as show:
                usage = conduct(
                    question,
                    store,
                    executor,
                    command=command_line(),
                    keep=self.keep,
                    seconds=seconds,
                    listen=tracking(question, trackers, showing(question.kind, show)),
                    stop=stop,
                )
            for trial, reason in usage.failed:
                warn(f"{trial}: {reason.rstrip('.')}.")
            if usage.interrupted:
                finished = usage.ran + usage.reused
                warn(
                    f"Interrupted: {counted(finished, 'trial is', 'trials are')} saved in "
                    f"{self.store}. {_AGAIN}"
                )
            answer = question.answer()
            output.write_answer(
                answer,
                [*(in_flags(each, question.kind) for each in answer.blocks()), _usage_line(usage)],
                {
                    "study": question.id,
                    "question": public(question.question()),
                    **answer.to_dict(),
                    "usage": usage.document(),
                },
            )
        if usage.interrupted:
            return 130
        return 1 if usage.failed or unanswered(question) else 0

    def _tell_plan(self, question: Study, output: AnswerFlags) -> int:
        found = plan_at(question, self.store, self._executor().workers)
        if output.kind not in ("text", "JSON"):
            raise ValueError(f"A dry run has no {output.kind}. Use --json, or leave the form out.")
        output.write(found.to_dict, lambda: [Text(str(found))])
        return 0

    def _executor(self) -> Executor:
        if self.workers is not None and not 1 <= self.workers <= _MOST_WORKERS:
            bound = "at least 1" if self.workers < 1 else f"at most {_MOST_WORKERS}"
            raise ValueError(f"`workers` must be {bound}, got {self.workers}. Use --workers 2.")
        if self.dask is None:
            return Local(self.workers)
        if self.dask != "local" and self.workers is not None:
            raise ValueError(
                "`--workers` is for this machine; a Dask cluster has its own. Leave it out."
            )
        from longlag.workers.dask import Dask

        return Dask(None if self.dask == "local" else self.dask, workers=self.workers)


@Parameter(name="*", group=_GROUP)
@dataclasses.dataclass(frozen=True, kw_only=True)
class StudyFlags(RunFlags):
    """The options of a study whose trials all have one budget."""

    budget: Annotated[Count, Parameter(help="Training sequences per trial, at most.")] = BUDGET

    def arguments(self, setting: SettingFlags, recipe: Any) -> dict[str, Any]:
        """The arguments of a study of several models."""
        return {
            "framing": setting.framing_object(),
            "encoding": setting.encoding_class(),
            "recipe": self.recipe(recipe),
            "solve_at": self.solve_at,
        }

    def recipe(self, knobs: Any) -> Recipe:
        """The recipe of the trials of a study, with its budget as the number of sequences."""
        if self.budget < 1:
            raise ValueError(
                f"`budget` must be at least 1, got {self.budget}. Use budget=1 or more."
            )
        return Recipe(sequences=self.budget, **flag_values(knobs))


STUDY = StudyFlags()
RUN = RunFlags()
_MOST_WORKERS = 256  # processes of one machine
_AGAIN = "Run the same command again to continue."


def learning_rates(text: str) -> list[float]:
    """Learning rates separated by commas."""
    return numbers(text, "--learning-rates", float, RATES)


def _usage_line(usage: Usage) -> Block:
    """The number of trials and the use of time, in a line."""
    parts = [f"{counted(usage.ran, 'trial')} run in {usage.wall:.1f} s"]
    counts = {
        "was in the store" if usage.reused == 1 else "were in the store": usage.reused,
        "cut short": usage.cut,
        "failed": len(usage.failed),
    }
    parts += [f"{count} {what}" for what, count in counts.items() if count]
    if usage.ran:
        names = {"train": "training", "compile": "compiling", "evaluate": "evaluating"}
        room = max(usage.room, 1e-9)
        shares = (f"{names[name]} {s / room:.0%}" for name, s in usage.spent._asdict().items())
        parts.append(f"of the time of {counted(usage.workers, 'worker')} {', '.join(shares)}")
    return text("; ".join(parts) + ".", kind="quiet")
