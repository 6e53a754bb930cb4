import dataclasses
import json
import signal
import subprocess
import sys
import tempfile

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from study_cases import SETTING, ends_of

from longlag.events import Advanced, Finished, Scored, Started
from longlag.stop import StopToken
from longlag.training import devices
from longlag.trials import documents
from longlag.trials import fit as fit_module
from longlag.workers import messages
from longlag.workers.messages import Job, receive, send
from longlag.workers.worker import events_of, perform

plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=9,
)
frames = st.tuples(st.dictionaries(st.text(), plain, max_size=4), st.none() | st.binary(min_size=1))


@given(st.lists(frames, max_size=4))
def test_frames_come_out_as_they_went_in(said):
    with tempfile.TemporaryFile() as stream:
        for document, content in said:
            send(stream, document, content)
        stream.seek(0)
        for frame in said:
            assert receive(stream) == frame
        assert receive(stream) is None


@given(frames, st.data())
def test_a_frame_that_is_cut_off_is_none(frame, data):
    with tempfile.TemporaryFile() as stream:
        send(stream, *frame)
        stream.truncate(data.draw(st.integers(0, stream.tell() - 1)))
        stream.seek(0)
        assert receive(stream) is None


def test_a_loss_that_is_no_number_passes():
    with tempfile.TemporaryFile() as stream:
        send(stream, {"loss": float("inf"), "accuracy": float("nan")})
        stream.seek(0)
        frame = receive(stream)
    assert frame is not None
    assert frame[0]["loss"] == float("inf")
    assert frame[0]["accuracy"] != frame[0]["accuracy"]


WORKER = """
import os, subprocess, sys, time
import numpy as np
from longlag.events import Advanced, Finished
from longlag.workers.worker import serve

def work(task):
    print("printed")
    sys.stdout.flush()
    os.write(1, b"written to the descriptor")
    subprocess.run(["echo", "by a child"], check=True)
    assert not sys.stdin.read() and not os.read(0, 9)  # the jobs come elsewhere
    for seed in task.seeds:
        for update in range(task.setting["updates"]):
            yield Advanced(seed, update, task.setting["updates"], np.ones(9), 0.5, job=task.id)
            time.sleep(0.01)
        if task.setting.get("raise") == seed:
            raise RuntimeError("a word of explanation")
        weights = b"weights" if seed in task.keep else None
        yield Finished(seed, {"seed": seed}, weights=weights, job=task.id)

serve(work)
"""


@pytest.fixture
def process():
    with subprocess.Popen(
        [sys.executable, "-c", WORKER],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as process:
        yield process
        process.kill()


def made(id, updates=1, **rest):
    return {"id": id, "setting": {"updates": updates, **rest}, "seeds": [4], "keep": [4]}


def heard(process, until=("finished", "free")):
    """What a worker says, up to the end of a task."""
    said = []
    while not said or said[-1][0]["type"] not in until:
        frame = receive(process.stdout)
        assert frame is not None, said
        said.append(frame)
    return said


def test_what_the_work_prints_does_not_come_between_the_frames(process):
    send(process.stdin, made("one"))
    send(process.stdin, made("two", **{"raise": 4}))
    send(process.stdin, made("three"))
    ready, *_, done = heard(process)
    assert ready == ({"type": "ready"}, None)
    assert messages.to_event(*done) == Finished(4, {"seed": 4}, weights=b"weights", job="one")
    why = "RuntimeError: a word of explanation"
    assert messages.to_event(*heard(process)[-1]) == Finished(4, why=why, job="two")
    assert heard(process)[-1][0]["job"] == "three"


def test_a_job_that_fails_says_so_of_each_seed_that_was_not_finished(process):
    send(process.stdin, made("one", **{"raise": 5}) | {"seeds": [4, 5, 6]})
    ends = []
    while len(ends) < 3:
        ends.append(messages.to_event(*heard(process)[-1]))
    assert [(end.seed, bool(end.result)) for end in ends] == [(4, True), (5, False), (6, False)]


def test_progress_is_told_now_and_then(process):
    send(process.stdin, made("one", updates=100))
    moved = [document for document, _ in heard(process) if document["type"] == "advanced"]
    assert 1 <= len(moved) < 50
    updates = [document["updates"] for document in moved]
    assert updates == sorted(set(updates))
    assert {(each["job"], each["total"], *each["losses"]) for each in moved} == {("one", 100, 1.0)}


def test_told_to_stop_a_task_it_ends_it_and_goes_on_with_the_next(process):
    send(process.stdin, made("one", updates=10**6))
    heard(process, until=("advanced",))
    send(process.stdin, made("two"))
    send(process.stdin, {"type": "stop", "job": "one"})
    document, content = heard(process)[-1]
    assert document == {"type": "free", "job": "one"}
    assert content is None
    document, _ = heard(process)[-1]
    assert (document["type"], document["job"]) == ("finished", "two")


@pytest.mark.parametrize("busy", [False, True])
def test_it_ends_once_nobody_can_tell_it_anything(process, busy):
    if busy:
        send(process.stdin, made("one", updates=10**6))
        heard(process, until=("advanced",))
    else:
        assert receive(process.stdout) == ({"type": "ready"}, None)
    process.stdin.close()
    assert process.wait(20) == 0


def test_ctrl_c_is_for_the_coordinator(process):
    assert receive(process.stdout) == ({"type": "ready"}, None)
    process.send_signal(signal.SIGINT)
    send(process.stdin, made("one"))
    assert heard(process)[-1][0]["type"] == "finished"


def test_it_ends_with_a_coordinator_that_was_killed():
    code = """
import json, os, subprocess, sys, time
from longlag.workers import messages
process = subprocess.Popen([sys.executable, "-c", sys.argv[1]], stdin=subprocess.PIPE)
document = {"id": "one", "setting": {"updates": 10**6}, "seeds": [0]}
messages.send(process.stdin, document)
time.sleep(60)
"""
    coordinator = subprocess.Popen(
        [sys.executable, "-c", code, WORKER],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    # The worker shares this output: it is at an end once both have ended.
    assert coordinator.stdout is not None
    frame = receive(coordinator.stdout)
    assert frame == ({"type": "ready"}, None)
    coordinator.kill()
    coordinator.communicate(timeout=20)


def test_an_error_without_a_text_of_its_own_is_named_by_its_class():
    class MuteError(Exception):
        def __str__(self):
            raise RuntimeError("no text")

    def work(_):
        raise MuteError
        yield

    (end,) = events_of(work, Job("one", documents.document(SETTING), (0,)), StopToken())
    assert isinstance(end, Finished)
    assert end.why.split(" raises ")[-1].startswith("MuteError:")


def test_a_trial_of_other_code_is_refused():
    """Its outcome would stand in the store under a name that says otherwise."""
    task = Job("one", documents.document(SETTING), (0,), parts="another")
    with pytest.raises(RuntimeError, match="this worker has another version of longlag"):
        next(perform(task))


def test_an_event_comes_out_as_it_went_in_but_for_the_losses_of_which_the_mean_is_told():
    events = (
        Started(3, 90, job="a"),
        Advanced(3, 9, 90, np.array([1.0, 3.0]), 0.5, "diverged", 8, np.ones(2), job="a"),
        Scored(3, 0.75, job="a"),
        Finished(3, {"seed": 3}, weights=b"weights", job="a"),
    )
    for event in events:
        written = json.loads(json.dumps(messages.to_document(event)))
        found = messages.to_event(written, b"weights" if isinstance(event, Finished) else None)
        assert type(found) is type(event)
        fields, went_in = dict(vars(found)), dict(vars(event))
        if isinstance(found, Advanced):
            assert (found.loss, found.shares) == (2.0, None)
            for each in (fields, went_in):
                del each["losses"], each["shares"]
        assert fields == went_in


def test_seeds_of_a_job_come_out_as_they_do_alone():
    """To the bit on a CPU, where none is trained in one program with another."""
    document = documents.document(SETTING)
    together = list(perform(Job("all", document, (3, 4, 5), keep=(4,))))
    ends = {event.seed: event for event in ends_of(together)}
    for seed in (3, 4, 5):
        (alone,) = ends_of(perform(Job("one", document, (seed,), keep=(4,))))
        for done in (alone, ends[seed]):
            del done.result["seconds"], done.result["resources"]
        assert ends[seed] == dataclasses.replace(alone, job="all")
    assert {event.job for event in together} == {"all"}
    started = [event.seed for event in together if isinstance(event, Started)]
    assert sorted(started) == [3, 4, 5]


def test_as_many_seeds_are_trained_at_once_as_there_is_room_for(monkeypatch):
    monkeypatch.setattr(devices, "seeds_at_once", lambda *_: 2)
    at_once = []
    real = fit_module.fit
    monkeypatch.setattr(
        fit_module, "fit", lambda setting, seeds: at_once.append(seeds) or real(setting, seeds)
    )
    ends = ends_of(perform(Job("all", documents.document(SETTING), (1, 2, 3))))
    assert at_once == [(1, 2), (3,)]
    assert sorted(end.seed for end in ends) == [1, 2, 3]


def test_a_frame_is_a_length_and_json_and_nothing_else():
    with tempfile.TemporaryFile() as stream:
        send(stream, {"type": "done"}, b"weights")
        stream.seek(0)
        content = stream.read()
    assert json.loads(content[16:-7]) == {"type": "done"}
    assert content[:16] == b"llag" + (16).to_bytes(4, "little") + (7).to_bytes(8, "little")


def test_it_ends_without_a_word_once_nobody_hears_it():
    with subprocess.Popen(
        [sys.executable, "-c", WORKER],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        assert receive(process.stdout) == ({"type": "ready"}, None)
        process.stdout.close()
        send(process.stdin, made("one"))
        assert process.wait(20) == 0
        assert "Error" not in process.stderr.read().decode()
