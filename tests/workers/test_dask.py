"""A study on a Dask cluster: the same results, also when a worker is killed."""

import contextlib
import dataclasses
import os
import signal
import socket
import subprocess
import sys
import threading
import time

import pytest

pytest.importorskip("distributed", reason="Dask is an extra that is not installed here")

import longlag as ll
from longlag.events import Finished
from longlag.training import Recipe
from longlag.trials import documents
from longlag.workers.dask import Dask
from longlag.workers.executor import ExecutorError
from longlag.workers.messages import Job
from longlag.workers.worker import perform

# Dask's own threads and sockets end a little after it says that it is closed.
pytestmark = [
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]

SETTING = ll.Setting(
    problem=ll.EchoLag(lag=1, length=4, values=3),
    framing=ll.Whole(),
    model=ll.LSTM(hidden_size=4),
    recipe=Recipe(sequences=40_000, batch_size=10),
)


@pytest.fixture(scope="module")
def cluster():
    with Dask(workers=2) as executor:
        yield executor


def task(seed, **changed):
    return Job(f"trial {seed}", documents.document(SETTING), (seed,))._replace(**changed)


def undisturbed(seed):
    *_, done = perform(task(seed))
    return told(done)


def told(done):
    return {
        name: value for name, value in done.result.items() if name not in ("seconds", "resources")
    }


def follow(executor, count, each=lambda _: None):
    ended = {}
    while len(ended) < count:
        for event in executor.wait(0.2):
            each(event)
            if isinstance(event, Finished):
                ended[event.job] = event
    return ended


def test_a_cluster_started_here_listens_on_loopback_alone(cluster):
    known = cluster._client.scheduler_info()
    addresses = [known["address"], *known["workers"]]
    assert all(address.startswith("tcp://127.0.0.1:") for address in addresses)
    assert cluster.workers == 2


def signals_blocked(process):
    with open(f"/proc/{process}/status") as file:
        (mask,) = (line.split()[1] for line in file if line.startswith("SigBlk"))
    return {number for number in signal.Signals if int(mask, 16) >> (number - 1) & 1}


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="signals are read where /proc is")
def test_ctrl_c_in_the_terminal_reaches_no_worker_but_this_process(cluster):
    for worker in cluster._cluster.workers.values():
        assert signal.SIGINT in signals_blocked(worker.pid)
    assert signal.SIGINT not in signals_blocked("thread-self")


def test_a_trial_whose_worker_is_killed_gives_the_same_result_elsewhere(cluster):
    killed = []

    def kill(event):
        if not isinstance(event, Finished) and not killed:
            worker = next(iter(cluster._cluster.workers.values()))
            killed.append(worker.pid)
            os.kill(worker.pid, signal.SIGKILL)

    for seed in range(2):
        cluster.submit(task(seed))
    ended = follow(cluster, 2, kill)
    assert killed
    assert [told(ended[f"trial {seed}"]) for seed in range(2)] == [undisturbed(0), undisturbed(1)]


def test_a_worker_that_is_slow_to_start_again_is_replaced(monkeypatch):
    """Dask takes one that is not back within some seconds from the cluster, for good."""
    from dask import config

    monkeypatch.setattr("longlag.workers.dask._RESTART_SECONDS", 0.2)
    with (
        config.set({"distributed.deploy.lost-worker-timeout": "0.1s"}),
        Dask(workers=1) as one,
    ):
        one.submit(task(3))
        os.kill(next(iter(one._cluster.workers.values())).pid, signal.SIGKILL)
        deadline = time.monotonic() + 120
        while not (ended := [event for event in one.wait(0.2) if isinstance(event, Finished)]):
            assert time.monotonic() < deadline, "it stands"
    assert told(ended[0]) == undisturbed(3)


def test_a_result_without_a_seed_is_asked_for_again(cluster):
    """As where a worker thought that nobody wants it any more."""
    cluster.submit(task(2))
    id = "trial 2"
    job, real = cluster._jobs[id], cluster._futures[id]
    empty = cluster._client.submit(list)
    empty.result()
    real.cancel()
    cluster._futures[id] = empty
    assert cluster._gather([id]) == []
    assert cluster._jobs[id] == job
    assert told(follow(cluster, 1)[id]) == undisturbed(2)
    assert not cluster._tries


def test_the_trained_model_comes_along_where_it_is_wanted(cluster):
    cluster.submit(task(7, keep=(7,)))
    done = follow(cluster, 1)["trial 7"]
    assert not done.why
    assert done.weights is not None
    assert done.weights[8:].startswith(b'{"__metadata__"')


def test_a_trial_that_cannot_be_run_fails_alone(cluster):
    cluster.submit(task(3, setting={}))
    cluster.submit(task(4, parts="another version"))
    cluster.submit(task(5))
    ended = follow(cluster, 3)
    assert ended["trial 5"].result
    failed = ended["trial 3"], ended["trial 4"]
    assert [each.result for each in failed] == [None, None]
    assert "no part `problem`" in failed[0].why
    assert "another version of longlag" in failed[1].why


def test_what_is_stopped_ends_after_its_chunk(cluster):
    for seed in range(10, 14):
        cluster.submit(task(seed))
    assert all(event.result for event in cluster.stop())
    cluster.submit(task(20))
    assert set(follow(cluster, 1)) == {"trial 20"}


def test_a_scheduler_that_does_not_answer_is_named(monkeypatch):
    monkeypatch.setattr("longlag.workers.dask._TIMEOUT", 0.5)
    with pytest.raises(ExecutorError, match=r"No Dask scheduler answers at tcp://127.0.0.1:9"):
        Dask("tcp://127.0.0.1:9")


def test_an_address_whose_certificates_are_missing_is_one_line():
    with pytest.raises(ExecutorError, match=r"No Dask scheduler answers at tls://127.0.0.1:9"):
        Dask("tls://127.0.0.1:9")


@pytest.mark.parametrize("banner", [b"", b"SSH-2.0-OpenSSH_9.6\r\n"], ids=["silent", "ssh"])
def test_another_program_at_the_address_is_one_line_and_nothing_waits_for_it(banner, monkeypatch):
    monkeypatch.setattr("longlag.workers.dask._TIMEOUT", 1.0)
    kept = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer():
            with contextlib.suppress(OSError):
                while True:
                    kept.append(server.accept()[0])
                    kept[-1].sendall(banner)

        threading.Thread(target=answer, daemon=True).start()
        address = f"tcp://127.0.0.1:{server.getsockname()[1]}"
        with pytest.raises(ExecutorError, match=f"No Dask scheduler answers at {address}: ") as why:
            Dask(address)
    assert "\n" not in str(why.value)


def test_two_coordinators_share_a_cluster_and_no_trial(cluster):
    """One that stops must not end the trial of the other, though it is the same trial."""
    address = cluster._client.scheduler.address
    endless = dataclasses.replace(SETTING, recipe=Recipe(sequences=10**8))
    with Dask(address) as other:
        other.submit(task(3, setting=documents.document(endless)))
        while not other.wait(0.2):
            pass
        cluster.submit(task(3))
        assert other.stop() == []
        (done,) = follow(cluster, 1).values()
    assert not done.why
    assert told(done) == undisturbed(3)


def test_what_has_come_out_is_forgotten(cluster):
    """A study of a million trials must not fill the memory of its coordinator."""
    cluster.submit(task(8))
    follow(cluster, 1)
    cluster.submit(task(9))
    cluster.stop()
    assert not cluster._jobs
    assert not cluster._futures
    assert not cluster._tries


def test_an_error_of_the_cluster_is_not_called_its_end(cluster, monkeypatch):
    def refuse(*_, **__):
        raise ValueError("a word of explanation")

    monkeypatch.setattr(cluster._client, "submit", refuse)
    with pytest.raises(ExecutorError, match=r"failed: ValueError: a word of explanation\. What"):
        cluster.submit(task(6))


def test_a_task_asked_for_again_after_a_stop_comes_out(cluster):
    cluster.submit(task(4))
    cluster.stop()
    cluster.submit(task(4))
    (done,) = follow(cluster, 1).values()
    assert not done.why


def test_a_scheduler_that_is_gone_is_one_line():
    executor = Dask(workers=1)
    executor.submit(task(5))
    executor._cluster.close(timeout=5)
    with pytest.raises(ExecutorError, match=r"is gone\. What is finished is stored"):
        follow(executor, 1)
    executor.close()


def test_nothing_is_logged_of_a_scheduler_that_was_killed():
    """In a process of its own: what Dask logs, with a traceback, goes to standard error."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    script = (
        "import subprocess, sys, time\n"
        "from longlag.workers.dask import Dask\n"
        "command = [sys.executable, '-m', 'distributed.cli.dask_scheduler', '--no-dashboard']\n"
        f"command += ['--host', '127.0.0.1', '--port', '{port}']\n"
        "quiet = {'stdout': subprocess.DEVNULL, 'stderr': subprocess.DEVNULL}\n"
        "scheduler = subprocess.Popen(command, **quiet)\n"
        f"executor = Dask('tcp://127.0.0.1:{port}')\n"
        "scheduler.kill()\n"
        "scheduler.wait()\n"
        "time.sleep(1)\n"
        "executor.close()\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("address", ["nowhere", "", "tcp://"])
def test_what_is_no_address_is_refused_at_once(address):
    with pytest.raises(ExecutorError, match="is not an address of a Dask scheduler"):
        Dask(address)
