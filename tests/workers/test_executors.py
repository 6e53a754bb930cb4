import dataclasses
import gc
import json
import os
import pathlib
import signal
import sys
import time

import pytest
import study_cases
from study_cases import SETTING

import longlag as ll
from longlag.events import Advanced, Finished
from longlag.training import Recipe, program
from longlag.trials import checkpoint, documents
from longlag.trials.outcome import Outcome
from longlag.workers import local, messages, worker
from longlag.workers.executor import ExecutorError
from longlag.workers.local import Local
from longlag.workers.messages import Job
from longlag.workers.threads import Threads

WORK = """
import os, pathlib, signal, time
import numpy as np
from longlag.events import Advanced, Finished
from longlag.workers.worker import serve

def work(task):
    how = task.setting
    tries = pathlib.Path(os.environ["TRIES"])
    with tries.open("a") as told:
        told.write(f"{task.id} {os.getpid()}\\n")
    begun = tries.read_text().count(task.id + " ")
    while len({line.split()[1] for line in tries.open()}) < int(os.environ.get("TOGETHER", "1")):
        time.sleep(0.01)
    if how.get("fork"):  # as a pool of a model does
        if (child := os.fork()) == 0:
            time.sleep(600)
            os._exit(0)
        pathlib.Path(os.environ["TRIES"] + ".forked").open("a").write(f"{child}\\n")
    for seed in task.seeds:
        for update in range(how.get("updates", 3)):
            yield Advanced(seed, update, how.get("updates", 3), np.ones(9), 0.5, job=task.id)
            time.sleep(0.01)
            if update == 1 and begun <= how.get("deaths", 0) and seed == task.seeds[-1]:
                time.sleep(0.1)  # until what was said has been sent on
                os.kill(os.getpid(), signal.SIGKILL)
        if "raise" in how:
            raise ValueError(how["raise"])
        weights = b"weights" if seed in task.keep else None
        told = {name: os.environ.get(name) for name in how.get("tell", ())}
        yield Finished(seed, {"seed": seed, **told}, weights=weights, job=task.id)

serve(work, device={"platform": os.environ.get("PLATFORM", "cpu"), "count": 2})
"""


@pytest.fixture
def command(tmp_path, monkeypatch):
    """What starts a worker whose tasks say themselves how they go."""
    script = tmp_path / "work.py"
    script.write_text(WORK)
    monkeypatch.setenv("TRIES", str(tmp_path / "tries"))
    (tmp_path / "tries").touch()
    return sys.executable, str(script)


@pytest.fixture
def begun(tmp_path):
    """The tasks that workers have begun, and in which process."""
    return lambda: [line.split() for line in (tmp_path / "tries").read_text().splitlines()]


def ends(executor, count):
    """What so many tasks come to, by name; progress is left out."""
    ended = {}
    while len(ended) < count:
        events = executor.wait(20)
        assert events, "nothing has happened for too long"
        ended |= {event.job: event for event in events if isinstance(event, Finished)}
    return ended


def moved(executor, id):
    """Wait until a task has moved."""
    while True:
        events = executor.wait(20)
        assert events, "nothing has happened for too long"
        of_job = [event for event in events if event.job == id]
        assert all(isinstance(event, Advanced) for event in of_job), "it ended too early"
        if of_job:
            return


def ended(process):
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return True
    return False


def test_results_come_back_and_weights_where_they_are_wanted(command):
    with Local(workers=2, command=command) as executor:
        assert (executor.workers, executor.capacity) == (2, 64)
        for seed in range(6):
            executor.submit(Job(f"t{seed}", {}, (seed,), keep=(4,)))
        found = ends(executor, 6)
        assert executor.wait(0.0) == []
    for seed in range(6):
        weights = b"weights" if seed == 4 else None
        assert found[f"t{seed}"] == Finished(seed, {"seed": seed}, weights=weights, job=f"t{seed}")


def test_progress_comes_while_a_task_runs(command):
    with Local(workers=1, command=command) as executor:
        executor.submit(Job("t", {"updates": 10**6}, (0,)))
        first, second = executor.wait(20), executor.wait(20)
    assert isinstance(first[0], Advanced)
    assert isinstance(second[0], Advanced)
    assert first[0].updates < second[0].updates


def test_a_task_that_fails_stops_no_other(command):
    with Local(workers=1, command=command) as executor:
        for id, setting in (("a", {}), ("b", {"raise": "no such thing"}), ("c", {})):
            executor.submit(Job(id, setting, (0,)))
        found = ends(executor, 3)
    assert found["b"] == Finished(0, why="ValueError: no such thing", job="b")
    assert found["a"].result
    assert found["c"].result


def test_a_task_whose_process_was_killed_is_run_again(command, begun):
    with Local(workers=2, command=command) as executor:
        executor.submit(Job("a", {"updates": 60}, (7,)))
        executor.submit(Job("b", {"updates": 60}, (8,)))
        moved(executor, "a")
        (victim,) = {int(process) for task, process in begun() if task == "a"}
        os.kill(victim, signal.SIGKILL)
        found = ends(executor, 2)
    assert found == {"a": Finished(7, {"seed": 7}, job="a"), "b": Finished(8, {"seed": 8}, job="b")}
    assert [task for task, _ in begun()].count("a") == 2
    assert [task for task, _ in begun()].count("b") == 1


def test_a_child_that_holds_the_pipe_of_a_killed_worker_is_not_waited_for(
    command, begun, tmp_path, monkeypatch
):
    monkeypatch.setattr(local, "_CHECK_SECONDS", 0.1)
    with Local(workers=1, command=command) as executor:
        executor.submit(Job("a", {"updates": 60, "fork": True, "deaths": 1}, (7,)))
        assert ends(executor, 1)["a"] == Finished(7, {"seed": 7}, job="a")
    assert [task for task, _ in begun()] == ["a", "a"]
    forked = [int(line) for line in (tmp_path / "tries.forked").read_text().split()]
    assert len(forked) == 2
    until = time.monotonic() + 20  # whose parent is gone, and who must be reaped
    while not all(map(ended_or_reaped, forked)) and time.monotonic() < until:
        time.sleep(0.05)
    assert all(map(ended_or_reaped, forked))


def ended_or_reaped(process):
    try:
        state = pathlib.Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return True
    return state == "Z"


def finished(executor, count):
    """What comes of so many seeds, in the order in which it does."""
    found = []
    while len(found) < count:
        found += study_cases.ends_of(executor.wait(20))
    return found


def test_a_job_that_was_killed_loses_only_the_seeds_that_were_not_finished(command, begun):
    with Local(workers=1, command=command) as executor:
        executor.submit(Job("a", {"deaths": 1}, (5, 6, 7), keep=(6,)))
        found = finished(executor, 3)
        assert executor.wait(0.1) == []
    assert [event.result["seed"] for event in found] == [5, 6, 7]
    assert [event.weights for event in found] == [None, b"weights", None]
    assert [task for task, _ in begun()] == ["a"] * 2


def test_a_job_that_fails_fails_for_the_seeds_that_were_not_finished(command):
    with Local(workers=1, command=command) as executor:
        executor.submit(Job("a", {"deaths": 99}, (5, 6)))
        five, six = finished(executor, 2)
    assert five.result == {"seed": 5}
    assert (six.seed, six.result) == (6, None)
    assert "its process died 3 times" in six.why


@pytest.mark.parametrize("own", [None, "6,3"])
def test_each_accelerator_has_one_worker(command, begun, monkeypatch, own):
    """Not run on an accelerator: the workers only say that they have one."""
    monkeypatch.setattr(local, "_may_have_accelerator", lambda: True)
    monkeypatch.setenv("PLATFORM", "gpu")
    monkeypatch.setenv("TOGETHER", "2")
    if own:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", own)
    tell = ["CUDA_VISIBLE_DEVICES", "XLA_PYTHON_CLIENT_PREALLOCATE"]
    with Local(command=command) as executor:
        assert executor.job_size is None
        while executor.job_size is None:
            assert executor.wait(20) == []
        assert (executor.workers, executor.capacity) == (2, 64)
        assert executor.job_size > 100
        for id in ("a", "b"):
            executor.submit(Job(id, {"tell": tell}, (0,)))
        told = [event.result for event in finished(executor, 2)]
    assert len({process for _, process in begun()}) == 2
    assert {each[tell[0]] for each in told} == ({own, "3"} if own else {None, "1"})
    assert {each[tell[1]] for each in told} == {"false"}


def test_where_there_is_none_each_core_has_a_worker(command, monkeypatch):
    monkeypatch.setattr(local, "_may_have_accelerator", lambda: True)
    monkeypatch.setattr(local, "_cores", lambda: 3)
    with Local(command=command) as executor:
        while executor.job_size is None:
            assert executor.wait(20) == []
        assert (executor.workers, executor.job_size) == (3, 1)


def test_without_a_job_no_worker_starts(command):
    """As where all trials are in the store, or are only counted."""
    with Local(workers=2, command=command) as executor:
        assert (executor.workers, executor._processes) == (2, [])
        executor.submit(Job("a", {}, (0,)))
        assert len(executor._processes) == 2
        finished(executor, 1)


def test_a_task_that_kills_its_process_is_given_up_and_others_go_on(command, begun):
    with Local(workers=1, command=command) as executor:
        for id, deaths in (("a", 99), ("b", 2), ("c", 0)):
            executor.submit(Job(id, {"deaths": deaths}, (0,)))
        found = ends(executor, 3)
    assert found["a"].result is None
    assert "died 3 times (exit code -9, SIGKILL). Perhaps it needs more" in found["a"].why
    assert found["b"].result
    assert found["c"].result
    assert [task for task, _ in begun()] == ["a"] * 3 + ["b"] * 3 + ["c"]


def test_stopped_it_ends_what_runs_and_drops_the_rest(command, begun):
    with Local(workers=2, command=command) as executor:
        for id in ("a", "b", "c"):
            executor.submit(Job(id, {"updates": 10**6}, (0,)))
        moved(executor, "a")
        moved(executor, "b")
        assert executor.stop() == []
        assert {task for task, _ in begun()} == {"a", "b"}


def test_what_was_finished_when_it_was_stopped_still_comes_in(command, begun):
    with Local(workers=1, command=command) as executor:
        executor.submit(Job("a", {"updates": 15}, (5,)))
        while not begun():
            assert executor.wait(0.02) == []
        time.sleep(0.6)
        assert executor.stop() == [Finished(5, {"seed": 5}, job="a")]


def test_a_task_that_does_not_end_is_no_reason_to_wait_for_ever(command, begun, monkeypatch):
    monkeypatch.setattr(Local, "patience", 0.3)
    script = command[1]
    with open(script) as opened:
        stuck = opened.read().replace("time.sleep(0.01)", "time.sleep(1000)")
    with open(script, "w") as opened:
        opened.write(stuck)
    with Local(workers=1, command=command) as executor:
        executor.submit(Job("a", {}, (0,)))
        while not begun():
            executor.wait(0.02)
        assert executor.stop() == []
        ((_, process),) = begun()
    assert ended(int(process))


def test_closed_it_leaves_no_process(command, begun):
    with Local(workers=2, command=command) as executor:
        executor.submit(Job("a", {"updates": 10**6}, (0,)))
        executor.submit(Job("b", {"updates": 1}, (0,)))
        ends(executor, 1)
        moved(executor, "a")
    assert all(ended(int(process)) for _, process in begun())
    executor.close()


def test_closed_it_waits_for_no_worker_that_is_starting(monkeypatch):
    steps = []
    kill, end = local._Worker.kill, local._Worker.end
    monkeypatch.setattr(local._Worker, "kill", lambda self: steps.append("kill") or kill(self))
    monkeypatch.setattr(local._Worker, "end", lambda self: steps.append("end") or end(self))
    with Local(
        workers=3, command=(sys.executable, "-c", "import time; time.sleep(60)")
    ) as executor:
        executor.submit(Job("a", {}, seeds=(0,)))
    assert steps[:3] == ["kill"] * 3


def test_trials_of_one_program_go_to_one_worker(command, begun, monkeypatch):
    """Learning rate, criterion and seed are no part of a program; the problem is."""
    monkeypatch.setenv("TOGETHER", "2")
    other = dataclasses.replace(SETTING, problem=ll.EchoLag(values=5, length=6))
    rates = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6]
    with Local(workers=2, command=command) as executor:
        for place, rate in enumerate(rates):
            for name, setting in (("one", SETTING), ("other", other)):
                recipe = Recipe(learning_rate=rate, stop_at=rate)
                moved = dataclasses.replace(setting, recipe=recipe)
                executor.submit(Job(f"{name}{place}", documents.document(moved), (place,)))
        ends(executor, 12)
    processes = dict(begun())
    first = {processes[f"one{place}"] for place in range(2)}
    second = {processes[f"other{place}"] for place in range(2)}
    assert len(first) == len(second) == 1
    assert first != second


def test_each_program_is_compiled_by_one_worker_as_long_as_there_are_others(
    command, begun, monkeypatch
):
    """Jobs come in the order of their programs, as a comparison asks for them."""
    monkeypatch.setenv("TOGETHER", "2")
    programs, seeds = 6, 9
    with Local(workers=2, command=command) as executor:
        waiting = [
            Job(f"{p}-{s}", {"problem": p}, (s,)) for p in range(programs) for s in range(seeds)
        ]
        under_way = finished = 0
        while finished < programs * seeds:
            while waiting and under_way < executor.capacity:
                executor.submit(waiting.pop(0))
                under_way += 1
            ended = len(study_cases.ends_of(executor.wait(20)))
            finished, under_way = finished + ended, under_way - ended
    compiled = {(job.split("-")[0], process) for job, process in begun()}
    assert len(compiled) <= programs + 1  # the last one is shared out


def test_no_worker_is_refused():
    with pytest.raises(ValueError, match=r"Local: `workers` must be at least 1, got 0\. Use"):
        Local(workers=0)


REAL = dataclasses.replace(
    SETTING,
    problem=ll.EchoLag(lag=1, values=4, length=6),
    recipe=Recipe(sequences=5_000, batch_size=5),
)


def perform(task):
    events = list(worker.perform(task))
    (done,) = study_cases.ends_of(events)
    return done, [event for event in events if isinstance(event, Advanced)]


TALKATIVE = """
import longlag.trials.fit
from longlag.workers import worker

worker._REPORT_SECONDS = 0.0
worker.serve()
"""


def same(done):
    """All of an outcome but where the time went."""
    return json.dumps(
        {**done.result, "seconds": None, "resources": None}, sort_keys=True
    ), done.weights


def test_a_trial_comes_out_the_same_here_in_another_process_and_after_one_was_killed():
    task = Job("here", documents.document(REAL), (3,), keep=(3,))
    here, reports = perform(task)
    assert here.result
    # A trial may take less time than lies between two reports: then it could not be caught moving.
    with Local(workers=1, command=(sys.executable, "-c", TALKATIVE)) as executor:
        executor.submit(task._replace(id="there"))
        there = ends(executor, 1)["there"]
        executor.submit(task._replace(id="killed"))
        assert executor.wait(0.0) == []  # it is given away; whether it moves, who knows
        (process,) = executor._processes
        process.process.kill()
        killed = ends(executor, 1)["killed"]
        assert executor._tries == {"killed": 1}
        nonsense = {**documents.document(REAL), "problem": {"kind": "echo-lagg"}}
        executor.submit(Job("unknown", nonsense, (0,)))
        unknown = ends(executor, 1)["unknown"]
    assert same(here) == same(there) == same(killed)
    assert unknown.result is None
    assert unknown.why == "ValueError: There is no problem `echo-lagg`. Did you mean `echo-lag`?"

    assert [report.job for report in reports] == ["here"] * len(reports)
    assert reports[-1].updates == reports[-1].total == 1000
    outcome = Outcome.read(here.result)
    assert outcome.updates == 1000
    assert outcome.validation is not None
    assert here.weights is not None
    trained = checkpoint.from_bytes(here.weights)
    assert (trained.setting, trained.seed) == (REAL, 3)
    assert trained.evaluate().accuracy == outcome.accuracy
    assert program.parameters(trained.model) == outcome.parameters


def test_one_told_to_stop_when_it_had_ended_is_run_when_it_is_asked_for_again(command):
    """A stop that comes too late must not meet the same task later on."""
    with Local(workers=1, command=command) as executor:
        for _ in range(3):
            executor.submit(Job("a", {"updates": 1}, (5,)))
            ends(executor, 1)
            executor._processes[0].send({"type": messages.STOP, "job": "a"})
            executor.submit(Job("b", {"updates": 1}, (5,)))
            assert ends(executor, 1)["b"].result


def test_what_was_stopped_by_force_says_nothing_to_those_who_come_after(command, monkeypatch):
    monkeypatch.setattr(Local, "patience", 0.0)
    with Local(workers=1, command=command) as executor:
        executor.submit(Job("a", {"updates": 10**6}, (0,)))
        moved(executor, "a")
        assert executor.stop() == []
        executor.submit(Job("b", {"updates": 2}, (7,)))
        found = []
        while not any(isinstance(event, Finished) for event in found):
            found += executor.wait(0.2)
    assert {event.job for event in found} == {"b"}


def test_closed_it_takes_no_task(command):
    with Local(workers=1, command=command) as executor:
        pass
    with pytest.raises(ExecutorError, match="This executor is closed"):
        executor.submit(Job("a", {}, (0,)))


def test_let_go_of_it_leaves_no_process(command, begun):
    executor = Local(workers=1, command=command)
    executor.submit(Job("a", {}, (0,)))
    ends(executor, 1)
    del executor
    gc.collect()
    ((_, process),) = begun()
    assert ended(int(process))


# Threads.


def worked(task):
    for update in range(task.setting.get("updates", 3)):
        yield study_cases.moved(task, update, 3)
        time.sleep(0.01)
    if "raise" in task.setting:
        raise ValueError(task.setting["raise"])
    (seed,) = task.seeds
    weights = b"weights" if seed in task.keep else None
    yield Finished(seed, {"seed": seed}, weights=weights, job=task.id)


def test_threads_give_what_processes_give_and_one_that_fails_stops_no_other():
    with Threads(workers=2, work=worked) as executor:
        executor.submit(Job("bad", {"raise": "no"}, (0,)))
        for seed in range(3):
            executor.submit(Job(f"good {seed}", {}, (seed,), keep=(1,)))
        found = {}
        while len(found) < 4:
            for event in executor.wait(1.0):
                if isinstance(event, Finished):
                    found[event.job] = event
    assert found["bad"] == Finished(0, why="ValueError: no", job="bad")
    assert [found[f"good {seed}"].result for seed in range(3)] == [{"seed": s} for s in range(3)]
    assert [found[f"good {seed}"].weights for seed in range(3)] == [None, b"weights", None]


def test_threads_that_are_stopped_end_what_runs_and_drop_the_rest():
    with Threads(workers=1, work=worked) as executor:
        for seed in range(3):
            executor.submit(Job(f"long {seed}", {"updates": 10**6}, (seed,)))
        while not any(isinstance(event, Advanced) for event in executor.wait(1.0)):
            pass
        assert executor.stop() == []
        executor.submit(Job("short", {}, (5,)))
        ends = []
        while not ends:
            ends = [event for event in executor.wait(1.0) if isinstance(event, Finished)]
        assert [event.job for event in ends] == ["short"]


def test_a_trial_comes_out_the_same_in_a_thread():
    task = Job("trial", documents.document(SETTING), (3,))
    with Threads(workers=1) as executor:
        executor.submit(task)
        done = None
        while done is None:
            done = next((e for e in executor.wait(1.0) if isinstance(e, Finished)), None)
    here, there = (Outcome.read(each.result) for each in (done, perform(task)[0]))
    assert here.accuracy == there.accuracy
    assert here.curve == there.curve


def test_no_thread_is_refused():
    with pytest.raises(ValueError, match="Threads: `workers` must be at least 1, got 0"):
        Threads(workers=0)
