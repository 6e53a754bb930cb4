"""Studies under load: kills at any moment, the cost of a trial that does nothing, large stores.

    python benchmarks/studies.py kill       # kill -9 at 50 moments of a study of 200 short trials
    python benchmarks/studies.py overhead   # scheduling a trial, on this machine and on Dask
    python benchmarks/studies.py many       # what a study of a million trials would cost
    python benchmarks/studies.py large      # 10,000 finished trials: runs, report

Each takes `--help`. Figures of a run stand in the page of benchmarks.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator
from pathlib import Path
from typing import Any

import longlag as ll
from longlag.events import Event, Finished
from longlag.store.store import Store
from longlag.studies.comparison import Comparison
from longlag.studies.conduct import conduct
from longlag.training import Recipe
from longlag.trials import documents
from longlag.workers.executor import Executor
from longlag.workers.local import Local
from longlag.workers.messages import Job
from longlag.workers.worker import perform, serve

CANNED = "LONGLAG_CANNED_OUTCOME"
"""The variable that names the file with the outcome of a trial that does nothing."""

SHORT = [
    *"compare --models lstm,mlp --problems echo-value,ramp --rungs 2 --values 5".split(),
    *"--hidden-size 8 --budget 1000 --learning-rates 0.001,0.003,0.01,0.03".split(),
    *"--seeds 10 --keep first".split(),
]
"""Two models, two problems, ten seeds; first rungs at four rates, second ones at one: 200."""


def nothing(task: Job) -> Generator[Event]:
    """A trial that does nothing: the outcome of a real one, with its seed in the accuracy."""
    outcome = json.loads(Path(os.environ[CANNED]).read_text())
    for seed in task.seeds:
        accuracy = outcome["accuracy"] * (1 - seed % 1000 / 1e6)
        yield Finished(seed, {**outcome, "accuracy": accuracy}, job=task.id)


def canned(folder: Path) -> None:
    """Train one short trial, whose outcome stands for all."""
    setting = ll.Setting(
        problem=ll.EchoValue(),
        framing=ll.Whole(),
        model=ll.LSTM(),
        recipe=Recipe(sequences=20_000),
    )
    *_, done = perform(Job("canned", documents.document(setting), (0,)))
    assert isinstance(done, Finished)
    path = folder / "outcome.json"
    path.write_text(json.dumps(done.result))
    os.environ[CANNED] = str(path)


def idle(count: int) -> Comparison:
    """A study of so many trials."""
    return Comparison(
        [ll.LSTM()],
        [ll.EchoValue()],
        rungs=1,
        rates=[1e-3],
        seeds=count,
        recipe=Recipe(sequences=100),
    )


def spread(count: int) -> Comparison:
    """A study of so many trials over four models, five problems and three rungs."""
    models = [ll.LSTM(), ll.GRU(), ll.RNN(), ll.MLP()]
    return Comparison(models, rungs=3, rates=[1e-3], seeds=count // 60)


def table(store: Path) -> str:
    """All that a store holds of its trials but when they ran and how long that took."""
    with Store(store) as kept:
        rows = []
        for record in sorted(kept.records()):
            outcome = kept.outcome(record.id)
            assert outcome is not None
            told = outcome.document()
            del told["seconds"]
            row = record._asdict()
            del row["seconds"], row["finished"]
            rows.append(json.dumps([row, told, kept.setting(record.id)], sort_keys=True))
        return "\n".join(rows)


def kill(arguments: argparse.Namespace) -> None:
    """Kill -9 at random moments, resume, compare with the undisturbed table."""
    rng = random.Random(arguments.seed)
    command = [sys.executable, "-m", "longlag", *SHORT, "--json"]
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        began = time.monotonic()
        run = [*command, "--store", str(folder / "undisturbed.db")]
        subprocess.run(run, check=True, stdout=subprocess.DEVNULL)
        whole = time.monotonic() - began
        print(f"undisturbed: {whole:.1f} s", flush=True)
        disturbed = folder / "disturbed.db"
        kills, counts = 0, []
        while kills < arguments.kills:
            process = subprocess.Popen(
                [*command, "--store", str(disturbed)],
                stdout=subprocess.DEVNULL,
                start_new_session=True,
            )
            try:
                process.wait(rng.uniform(0.2, arguments.longest))
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGKILL)
                process.wait()
                kills += 1
            else:
                # It got to its end: begin again, so that all kills fall into a running study.
                assert process.returncode == 0, process.returncode
                assert table(disturbed) == table(folder / "undisturbed.db")
                print(f"finished after {kills} kills; a new store", flush=True)
                for file in folder.glob("disturbed.db*"):
                    file.unlink()
            if disturbed.exists():
                with Store(disturbed) as store:
                    counts.append(store.count())
        subprocess.run([*command, "--store", str(disturbed)], check=True, stdout=subprocess.DEVNULL)
        mine, theirs = table(disturbed), table(folder / "undisturbed.db")
        print(
            f"{kills} kills; finished trials after each: {counts}\n"
            f"after the last resumption {mine.count(chr(10)) + 1} trials, equal to the undisturbed "
            f"table: {mine == theirs}"
        )
        assert mine == theirs


def usage(study: Comparison, store: Path, executor: Executor) -> tuple[float, float]:
    """Seconds of wall clock and of this process's processor for a study."""
    with Store(store, write=True) as kept:
        before, began = time.process_time(), time.perf_counter()
        done = conduct(study, kept, executor)
        assert not done.failed, done.failed[:1]
        return time.perf_counter() - began, time.process_time() - before


def overhead(arguments: argparse.Namespace) -> None:
    """What it costs to schedule and store a trial that does nothing."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        canned(folder)
        for name in ("local", "dask"):
            with _executor(name) as executor:
                usage(idle(50), folder / f"{name}-warm.db", executor)  # workers have started
                study = idle(arguments.trials)
                study.keep_curves = False
                wall, processor = usage(study, folder / f"{name}.db", executor)
            print(
                f"{name}: {1e3 * wall / arguments.trials:.2f} ms a trial, of which "
                f"{1e3 * processor / arguments.trials:.2f} ms of the coordinator's processor",
                flush=True,
            )


def many(arguments: argparse.Namespace) -> None:
    """How time, memory and the store grow with the number of trials."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        canned(folder)
        for count in arguments.trials:
            with _executor(arguments.on) as executor:
                usage(idle(50), folder / "warm.db", executor)
                study, store = idle(count), folder / f"{count}.db"
                study.keep_curves = False
                wall, processor = usage(study, store, executor)
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            print(
                f"{count:,} trials on {arguments.on}: {1e3 * wall / count:.2f} ms a trial, "
                f"{1e3 * processor / count:.2f} ms of the coordinator's processor, store "
                f"{store.stat().st_size / count / 1024:.2f} KiB a trial, coordinator at most "
                f"{peak:,.0f} MiB",
                flush=True,
            )
            (folder / "warm.db").unlink()


def large(arguments: argparse.Namespace) -> None:
    """Reading a store of many finished trials."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        canned(folder)
        store = arguments.keep or folder / "large.db"
        with _executor("local") as executor:
            usage(spread(arguments.trials), store, executor)
        base = [sys.executable, "-m", "longlag"]
        commands: dict[str, list[str]] = {
            "runs": ["runs", "--store", str(store)],
            "runs --limit 0": ["runs", "--limit", "0", "--store", str(store)],
            "report": ["report", "--store", str(store), "--out", str(folder / "report.html")],
        }
        for name, command in commands.items():
            times = []
            for _ in range(arguments.rounds):
                began = time.perf_counter()
                subprocess.run([*base, *command], check=True, stdout=subprocess.DEVNULL)
                times.append(time.perf_counter() - began)
            print(f"{name}: {sorted(times)[len(times) // 2]:.2f} s", flush=True)
        size = (folder / "report.html").stat().st_size
        print(f"store {store.stat().st_size / 2**20:.1f} MiB, report {size / 2**20:.2f} MiB")


def _executor(name: str) -> Executor:
    if name == "local":
        return Local(command=[sys.executable, __file__, "work"])
    from longlag.workers.dask import Dask

    return Dask(work=nothing)


def main() -> None:
    parser = argparse.ArgumentParser(description="Studies under load.")
    commands = parser.add_subparsers(required=True)

    def command(name: str, run: Any) -> argparse.ArgumentParser:
        made = commands.add_parser(name, help=run.__doc__)
        made.set_defaults(run=run)
        return made

    made = command("kill", kill)
    made.add_argument("--kills", type=int, default=50)
    made.add_argument("--seed", type=int, default=0)
    made.add_argument("--longest", type=float, default=8.0, help="seconds until a kill at most")
    made = command("overhead", overhead)
    made.add_argument("--trials", type=int, default=2000)
    made = command("many", many)
    made.add_argument("--trials", type=int, nargs="+", default=[1000, 10_000, 50_000])
    made.add_argument("--on", choices=["local", "dask"], default="local")
    made = command("large", large)
    made.add_argument("--trials", type=int, default=10_000)
    made.add_argument("--rounds", type=int, default=3)
    made.add_argument("--keep", type=Path, help="keep the store in this file")
    arguments = parser.parse_args()
    arguments.run(arguments)


if __name__ == "__main__":
    if sys.argv[1:] == ["work"]:
        serve(nothing)
    else:
        main()
