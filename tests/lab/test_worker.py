import json
import signal
import subprocess
import sys
import tempfile

import pytest
from hypothesis import given
from hypothesis import strategies as st
from study_cases import SETTING

from longlag.trials import documents
from longlag.workers.messages import Task, receive, send
from longlag.workers.worker import perform

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
from longlag.workers.messages import TrialDone, TrialProgress
from longlag.workers.worker import serve

def work(task):
    print("printed")
    sys.stdout.flush()
    os.write(1, b"written to the descriptor")
    subprocess.run(["echo", "by a child"], check=True)
    for update in range(task.setting["updates"]):
        yield TrialProgress(task.id, update, task.setting["updates"], 1.0, 0.5)
        time.sleep(0.01)
    if task.setting.get("raise"):
        raise RuntimeError("a word of explanation")
    return TrialDone(task.id, {"seed": task.seed}, b"weights" if task.keep else None)

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
    return {"id": id, "setting": {"updates": updates, **rest}, "seed": 4, "keep": True}


def heard(process, until=("done", "failed")):
    """What a worker says, up to the end of a task."""
    said = []
    while not said or said[-1][0]["say"] not in until:
        frame = receive(process.stdout)
        assert frame is not None, said
        said.append(frame)
    return said


def test_what_the_work_prints_does_not_come_between_the_frames(process):
    send(process.stdin, made("one"))
    send(process.stdin, made("two", **{"raise": True}))
    send(process.stdin, made("three"))
    ready, *_, done = heard(process)
    assert ready == ({"say": "ready"}, None)
    assert done == ({"say": "done", "id": "one", "outcome": {"seed": 4}}, b"weights")
    why = "RuntimeError: a word of explanation"
    assert heard(process)[-1] == ({"say": "failed", "id": "two", "why": why}, None)
    assert heard(process)[-1][0]["id"] == "three"


def test_progress_is_told_now_and_then(process):
    send(process.stdin, made("one", updates=100))
    moved = [document for document, _ in heard(process) if document["say"] == "moved"]
    assert 1 <= len(moved) < 50
    updates = [document["updates"] for document in moved]
    assert updates == sorted(set(updates))
    assert {(document["id"], document["total"], document["loss"]) for document in moved} == {
        ("one", 100, 1.0)
    }


def test_told_to_stop_a_task_it_ends_it_and_goes_on_with_the_next(process):
    send(process.stdin, made("one", updates=10**6))
    heard(process, until=("moved",))
    send(process.stdin, made("two"))
    send(process.stdin, {"say": "stop", "id": "one"})
    document, content = heard(process)[-1]
    assert document == {"say": "failed", "id": "one", "why": "stop"}
    assert content is None
    document, _ = heard(process)[-1]
    assert (document["say"], document["id"]) == ("done", "two")


@pytest.mark.parametrize("busy", [False, True])
def test_it_ends_once_nobody_can_tell_it_anything(process, busy):
    if busy:
        send(process.stdin, made("one", updates=10**6))
        heard(process, until=("moved",))
    else:
        assert receive(process.stdout) == ({"say": "ready"}, None)
    process.stdin.close()
    assert process.wait(20) == 0


def test_ctrl_c_is_for_the_coordinator(process):
    assert receive(process.stdout) == ({"say": "ready"}, None)
    process.send_signal(signal.SIGINT)
    send(process.stdin, made("one"))
    assert heard(process)[-1][0]["say"] == "done"


def test_it_ends_with_a_coordinator_that_was_killed():
    code = """
import json, os, subprocess, sys, time
from longlag.workers import messages
process = subprocess.Popen([sys.executable, "-c", sys.argv[1]], stdin=subprocess.PIPE)
document = {"id": "one", "setting": {"updates": 10**6}, "seed": 0}
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
    assert frame == ({"say": "ready"}, None)
    coordinator.kill()
    coordinator.communicate(timeout=20)


def test_a_trial_of_other_code_is_refused():
    """Its outcome would stand in the store under a name that says otherwise."""
    task = Task("one", documents.document(SETTING), 0, parts="another")
    with pytest.raises(RuntimeError, match="this worker has another version of longlag"):
        next(perform(task))


def test_a_frame_is_a_length_and_json_and_nothing_else():
    with tempfile.TemporaryFile() as stream:
        send(stream, {"say": "done"}, b"weights")
        stream.seek(0)
        content = stream.read()
    assert json.loads(content[12:-7]) == {"say": "done"}
    assert content[:12] == (15).to_bytes(4, "little") + (7).to_bytes(8, "little")


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
        assert receive(process.stdout) == ({"say": "ready"}, None)
        process.stdout.close()
        send(process.stdin, made("one"))
        assert process.wait(20) == 0
        assert "Error" not in process.stderr.read().decode()
