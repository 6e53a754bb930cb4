"""How long a study still takes, on a clock of its own."""

import numpy as np
import pytest
from study_cases import BUDGET, outcome

import longlag as ll
from longlag.events import Event, Finished
from longlag.store.store import Store
from longlag.studies.comparison import Comparison
from longlag.studies.conduct import conduct
from longlag.studies.cost import Times
from longlag.training import Recipe
from longlag.trials.identity import Trial
from longlag.trials.outcome import Seconds
from longlag.trials.setting import Setting
from longlag.workers.executor import Executor
from longlag.workers.messages import Job

MODELS = [ll.MLP(hidden_size=3), ll.RNN(), ll.LSTM(), ll.GRU()]
COST = {"mlp": 0.5, "rnn": 2.0, "lstm": 10.0, "gru": 4.0}  # seconds
PROBLEMS = [ll.EchoLag(values=4), ll.Ramp(), ll.CumulativeThreshold()]
FACTOR = {"echo-lag": 1.0, "ramp": 0.5, "cumulative-threshold": 3.0}
COMPILE = 1.5


class Clocked(Executor):
    """Jobs take as long as their model and problem do, by a clock that nobody waits for."""

    def __init__(self, workers):
        self.workers, self.capacity = workers, 32 * workers
        self.now, self.rng = 0.0, np.random.default_rng(0)
        self.waiting: list[Job] = []
        self.running: list[tuple[float, int, Job, Seconds]] = []
        self.compiled = set[tuple[str, ...]]()

    def submit(self, job: Job) -> None:
        self.waiting.append(job)

    def wait(self, seconds: float | None = None) -> list[Event]:
        del seconds
        while self.waiting and len(self.running) < self.workers:
            job = self.waiting.pop(0)
            model, problem = (job.setting[part]["kind"] for part in ("model", "problem"))
            program = model, str(job.setting["problem"])
            run = COST[model] * FACTOR[problem] * self.rng.uniform(0.8, 1.2)
            took = Seconds(COMPILE * (program not in self.compiled), run, 0.0)
            self.compiled.add(program)
            self.running.append((self.now + took.total, len(self.running), job, took))
        self.running.sort(key=lambda each: each[0])
        self.now, _, job, took = self.running.pop(0)
        came = outcome(0.5, seconds=took)
        return [Finished(seed, came.document(), job=job.id) for seed in job.seeds]

    def stop(self) -> list[Event]:
        return []

    def close(self) -> None:
        pass


@pytest.mark.parametrize("workers", [1, 2])
def test_from_the_tenth_trial_on_the_time_left_is_right_within_30_per_cent(tmp_path, workers):
    """Models whose trials take twenty times as long as another's."""
    executor = Clocked(workers)
    study = Comparison(
        MODELS, PROBLEMS, recipe=Recipe(sequences=BUDGET), rungs=2, rates=[0.01, 0.1], seeds=3
    )
    heard = []
    with Store(tmp_path / "longlag.db", write=True) as kept:
        conduct(
            study,
            kept,
            executor,
            listen=lambda _, standing: heard.append(
                (standing.ran, executor.now, standing.remaining)
            ),
        )
    longest = max(COST.values()) * max(FACTOR.values())
    judged = [each for each in heard if each[0] >= 10 and executor.now - each[1] > 2 * longest]
    assert len(judged) > 80
    for ran, now, remaining in judged:
        assert remaining == pytest.approx(executor.now - now, rel=0.3), ran


def test_every_model_and_every_problem_is_among_the_first_trials():
    study = Comparison(MODELS, PROBLEMS, recipe=Recipe(sequences=BUDGET), seeds=3)
    first = []
    for _ in range(12):
        trial = study.ask()
        assert isinstance(trial, Trial)
        first.append((trial.setting.model, type(trial.setting.problem)))
    assert {model for model, _ in first[:6]} == set(MODELS)
    assert {problem for _, problem in first[:3]} == set(map(type, PROBLEMS))
    assert len(set(first)) == 12


def test_what_was_not_seen_takes_as_long_as_its_model_and_its_problem_suggest():
    times, made = Times(), {}
    for model in MODELS:
        for problem in PROBLEMS:
            made[model, problem] = Setting(problem=problem, framing=ll.Whole(), model=model)
    unseen = made.pop((MODELS[2], PROBLEMS[2]))
    for (model, problem), setting in made.items():
        run = COST[model.title()] * FACTOR[problem.title()]
        times.note(setting, Seconds(2.0, run, 0.0))
    assert times.of([(unseen, 2)]) == pytest.approx(2 * 10.0 * 3.0 + 2.0, rel=0.1)
