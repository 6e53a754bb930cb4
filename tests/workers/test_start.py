"""A worker that is lost in any way is replaced or named, and nothing stands in for a library."""

import os
import sys

import pytest
from study_cases import SETTING, ends_of

from longlag.trials import documents
from longlag.workers import local
from longlag.workers.executor import ExecutorError
from longlag.workers.local import Local
from longlag.workers.messages import Job


@pytest.mark.parametrize(
    "content", ["raise SystemExit(3)", "import os; os.write(1, b'hello ' * 9)"]
)
def test_a_file_named_like_a_library_is_not_imported(tmp_path, monkeypatch, content):
    """Neither from the working folder nor from a folder that the coordinator has on its path."""
    for name in ("jax", "queue", "json", "longlag"):
        (tmp_path / f"{name}.py").write_text(f"{content}\nraise ImportError('mine')\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    with Local(workers=1) as executor:
        executor.submit(Job("one", {**documents.document(SETTING), "recipe": {}}, (0,)))
        (end,) = ends_of(executor.wait(60))
    assert end.why == "ValueError: There is no recipe `None`. Known: recipe."


def lose(code):
    with Local(workers=1, command=(sys.executable, "-P", "-c", code)) as executor:
        executor.submit(Job("one", {}, (0,)))
        executor.wait(60)


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("raise SystemExit(7)", "exit code 7"),
        ("print('hello from my folder')", r"it sent an invalid message: b'hello from my f"),
        (
            "import os; os.write(1, b'llag' + b'\\xff' * 12)",
            "it sent an invalid message: a message of .* bytes is too long",
        ),
        (
            "import os; os.write(1, b'llag' + bytes([2] + [0] * 11) + b'[]')",
            "it sent an invalid message",
        ),
    ],
)
def test_workers_that_are_lost_before_they_start_are_an_error_with_the_reason(code, why):
    with pytest.raises(ExecutorError, match=rf"Workers do not start \({why}.*; their output is"):
        lose(code)


def test_a_worker_that_never_answers_is_given_up(monkeypatch):
    monkeypatch.setattr(local, "_START_SECONDS", 0.2)
    monkeypatch.setattr(local, "_CHECK_SECONDS", 0.05)
    with pytest.raises(ExecutorError, match=r"it did not start within 0\.2 seconds"):
        lose("import time; time.sleep(600)")


GARBLED = """
import os, sys
from longlag.workers import messages
from longlag.workers.worker import serve

if os.path.exists(sys.argv[1]):
    serve(lambda job: iter(()))
open(sys.argv[1], "w").close()
messages.send(sys.stdout.buffer, {"type": "ready"})
messages.receive(sys.stdin.buffer)
sys.stdout.write("a print of somebody's")
sys.stdout.flush()
sys.stdin.read()
"""


def test_a_worker_whose_messages_are_garbled_costs_its_job_a_try(tmp_path):
    command = sys.executable, "-c", GARBLED, str(tmp_path / "before")
    with Local(workers=1, command=command) as executor:
        executor.submit(Job("one", {}, (0,)))
        events = executor.wait(60)
        assert executor._tries == {"one": 1}
    assert ends_of(events)[0].why
    assert os.path.exists(command[-1])
