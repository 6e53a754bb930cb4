"""Outcomes that a test of the studies wants, and executors that bring them about at once."""

import dataclasses
import signal
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

import longlag as ll
from longlag.events import Advanced, Event, Finished
from longlag.training import Recipe
from longlag.trials.identity import Trial
from longlag.trials.outcome import Bounds, Curve, Outcome, Seconds
from longlag.trials.seed_score import SeedScore, Tally
from longlag.trials.setting import Setting
from longlag.workers.executor import Executor
from longlag.workers.messages import Job

BUDGET = 1000

SETTING = Setting(
    problem=ll.EchoLag(values=4, length=6),
    framing=ll.Whole(),
    model=ll.LSTM(hidden_size=3),
    recipe=Recipe(sequences=BUDGET),
)


def curve(losses, accuracies=None, stretch=100):
    """A learning curve with a point for each loss."""
    losses = [float(loss) for loss in losses]
    accuracies = [0.5] * len(losses) if accuracies is None else accuracies
    updates = tuple(stretch * (place + 1) for place in range(len(losses)))
    return Curve(updates, tuple(losses), tuple(map(float, accuracies)))


def seed_score(skill=1.0, **fields: Any) -> SeedScore:
    """A score of this skill, on 1,000 sequences with one scored step each."""
    chance, ceiling = fields.get("chance", 0.25), fields.get("ceiling", 1.0)
    accuracy = chance + skill * (ceiling - chance)
    hits = round(1000 * accuracy)
    usual: dict[str, Any] = {
        "accuracy": accuracy,
        "sequence_accuracy": accuracy,
        "error": None,
        "chance": chance,
        "chance_error": None,
        "ceiling": ceiling,
        "in_distribution": True,
        "independent": True,
        "one_sequence": False,
        "tally": Tally(hits, 1000, 1000, float(hits), float(hits)),
        "by_step": (None, accuracy),
        "shortcuts": {"most frequent": chance},
        "examples": (),
    }
    return SeedScore(**(usual | fields))


def outcome(skill=1.0, **fields: Any) -> Outcome:
    """An outcome of this skill; fields of its one score or its own."""
    own = {field.name for field in dataclasses.fields(Outcome)}
    score = seed_score(skill, **{name: each for name, each in fields.items() if name not in own})
    usual: dict[str, Any] = {
        "ended": "finished",
        "diverged_at": None,
        "updates": 2000,
        "sequences": BUDGET,
        "validation": score.accuracy,
        "reachable": score.ceiling,
        "audit": "learnable",
        "bounds": Bounds(score.chance, score.ceiling),
        "curve": curve([1.0] * 20, [score.accuracy] * 20),
        "parameters": 99,
        "seconds": Seconds(1.0, 2.0, 0.5),
        "scores": {"in-distribution": score},
    }
    return Outcome(**(usual | {name: each for name, each in fields.items() if name in own}))


def value_of(trial: Trial) -> int:
    """Where on the ladder of its problem a trial stands."""
    return getattr(trial.setting.problem, trial.setting.problem.ladder.knob)


def drive(study, come_out: Callable[[Trial], Outcome | None], *, choose=lambda _: 0, places=3):
    """Ask a study and tell it, some trials under way at once; the trials in their order.

    Args:
        come_out: What a trial comes to.
        choose: Which of so many trials under way ends next.
        places: Trials under way at once.
    """
    asked, under_way = [], []
    while True:
        while len(under_way) < places and (trial := study.ask()) is not None:
            asked.append(trial)
            under_way.append(trial)
        if not under_way:
            return asked
        trial = under_way.pop(choose(len(under_way)))
        study.tell(trial, come_out(trial))


def moved(task: Job, updates: int, total: int) -> Advanced:
    """That the first seed of a task has made so many updates."""
    return Advanced(task.seeds[0], updates, total, np.ones(1), 0.5, job=task.id)


def ends_of(events: Iterable[Event]) -> list[Finished]:
    """Those events that say what came of a seed."""
    return [event for event in events if isinstance(event, Finished)]


class Scripted(Executor):
    """Tasks come out at once, as a function says: an outcome, why it failed, or an error.

    Args:
        come_out: What a task comes to.
        choose: Which of so many tasks given ends next.
        strike_after: Trials ended after which Ctrl-C is pressed, if ever.
        late: Trials that still end when all is stopped.
        job_size: Trials that a job may have.
    """

    workers, capacity = 2, 5

    def __init__(
        self,
        come_out: Callable[[Job], Outcome | str],
        *,
        choose: Callable[[int], int] = lambda _: 0,
        strike_after: int | None = None,
        late: int = 0,
        job_size: int | None = 1,
    ):
        self.come_out, self.choose = come_out, choose
        self.strike_after, self.late, self.job_size = strike_after, late, job_size
        self.waiting: list[Job] = []
        self.given: list[Job] = []
        self.ended = 0
        self.closed = False

    def submit(self, job: Job) -> None:
        self.given.append(job)
        self.waiting += (job._replace(seeds=(seed,)) for seed in job.seeds)

    def wait(self, seconds: float | None = None) -> list[Event]:
        del seconds
        if self.ended == self.strike_after:
            signal.raise_signal(signal.SIGINT)
            return [moved(task, 1, 9) for task in self.waiting]
        return [self._end(self.waiting.pop(self.choose(len(self.waiting))))]

    def stop(self) -> list[Event]:
        rest = self.waiting[: self.late]
        self.waiting.clear()
        return [self._end(task) for task in rest]

    def close(self) -> None:
        self.closed = True

    def _end(self, task: Job) -> Event:
        self.ended += 1
        came, (seed,) = self.come_out(task), task.seeds
        if isinstance(came, str):
            return Finished(seed, why=came, job=task.id)
        weights = b"weights" if seed in task.keep else None
        where = came.environment and came.environment.document()
        return Finished(seed, came.document(), weights=weights, environment=where, job=task.id)


def made_run(
    setting: Setting, accuracies, losses: Any = (1.0, 0.5), ended: Any = "finished", at=None
):
    """A run whose seeds are each right so often, by chance, on 1,000 fresh sequences."""
    from longlag.problems import Integers
    from longlag.scores.evaluation import Evaluation
    from longlag.trials.run import Run

    rng = np.random.default_rng(0)
    kind = setting.problem.targets
    evaluations = []
    for accuracy in accuracies:
        inputs, targets, _ = setting.problem.draw(rng, 1000)
        wrong = (targets + 1) % kind.values if isinstance(kind, Integers) else targets + 1
        right = rng.random(targets.shape) < accuracy
        if setting.problem.sequences == 1:
            right[:] = right[0]
        evaluations.append(
            Evaluation(
                inputs=inputs,
                targets=targets,
                scored=np.broadcast_to(setting.scored, targets.shape),
                predicted=np.where(right, targets, wrong).astype(targets.dtype),
                spec=kind,
            )
        )
    reports: list[Advanced] = []
    updates = 0
    parts = [np.full(10, loss) if np.isscalar(loss) else np.asarray(loss) for loss in losses]
    for place, part in enumerate(parts):
        last = place == len(parts) - 1
        updates += len(part)
        reports.append(
            Advanced(
                seed=0,
                updates=updates,
                total=sum(map(len, parts)),
                losses=part.astype(np.float32),
                accuracy=0.5,
                outcome=ended if last else "running",
                diverged_at=at if last else None,
            )
        )
    return Run(
        setting=setting,
        seeds=tuple(range(len(evaluations))),
        models=(setting.create(0),) * len(evaluations),
        history=(tuple(reports),) * len(evaluations),
        evaluations=tuple(evaluations),
        interrupted=False,
        compile_seconds=1.0,
        train_seconds=2.0,
        total_seconds=3.5,
    )
