"""A study of many seeds on an accelerator: trials a second beside this machine's CPU and PyTorch.

    python benchmarks/accelerator.py

prints Markdown, ready for the page of benchmarks; progress goes to standard error. Where JAX has
no accelerator it says so and measures groups of seeds on the CPU, which shows only that it runs.

Every trial is a seed of a setting. On the accelerator they train in groups, whose seeds stand in
one program (as many as fit into its memory, at most `--group`); on the CPU one after another, one
process a core; in PyTorch one after another on the accelerator, with cuDNN. Compiling and
evaluation are left out everywhere: each peer trains one group, or one trial, before. The CPU and
PyTorch train fewer trials (`--fewer`), since what counts is the rate. Use is the mean of what
`nvidia-smi` says while the groups train. The losses of the first seeds are compared with those of
the CPU.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from echo import conditions, say, table

COMPARED, TOLERANCE = 4, 1e-3


class Study(NamedTuple):
    """The sizes of a study: batch, steps and units, and the sequences of a trial."""

    batch: int
    steps: int
    units: int
    sequences: int


STUDIES = {"tutorial": Study(5, 5, 50, 1000), "64 × 256 × 128": Study(64, 256, 128, 1280)}


def setting(study: Study, sequences: int) -> Any:
    from longlag import LSTM, EchoLag, Recipe, Setting, Whole, Window

    windows = study.steps == 5
    return Setting(
        problem=EchoLag(length=25 if windows else study.steps, values=100 if windows else 10),
        framing=Window(timesteps=5) if windows else Whole(),
        model=LSTM(hidden_size=study.units),
        recipe=Recipe(sequences=sequences, batch_size=study.batch),
    )


def train(what: Any, seeds: range, *, together: bool) -> Any:
    from longlag.trials.fit import finish, fit

    return finish(fit(what, seeds, vectorise=together))


def losses(run: Any) -> list[list[float]]:
    return [np.concatenate([each.losses for each in some]).tolist() for some in run.history]


def one_by_one(study: Study, trials: int, sequences: int) -> dict[str, Any]:
    """Seconds of training trials one after another, and the losses of the first ones."""
    what = setting(study, sequences)
    train(what, range(1), together=False)
    runs = [train(what, range(seed, seed + 1), together=False) for seed in range(trials)]
    first = [losses(run)[0] for run in runs[:COMPARED]]
    return {"seconds": sum(run.train_seconds for run in runs), "losses": first}


def on_cpu(name: str, trials: int, sequences: int) -> tuple[float, list[list[float]]]:
    """Trials a second of one process a core, and the losses of the first seeds."""
    cores = os.cpu_count() or 1
    arguments = [sys.executable, __file__, "--cpu", name, "--fewer", str(trials)]
    environment = os.environ | {"JAX_PLATFORMS": "cpu", "CUDA_VISIBLE_DEVICES": ""}
    with contextlib.ExitStack() as stack:
        processes = [
            stack.enter_context(
                subprocess.Popen(
                    [*arguments, "--sequences", str(sequences)],
                    env=environment,
                    stdout=subprocess.PIPE,
                    text=True,
                )
            )
            for _ in range(cores)
        ]
        found = [json.loads(process.communicate()[0]) for process in processes]
    return sum(trials / each["seconds"] for each in found), found[0]["losses"]


@contextlib.contextmanager
def use() -> Iterator[list[float]]:
    """The use of the GPU in per cent, twice a second; empty without `nvidia-smi`."""
    found, done = list[float](), threading.Event()

    def look() -> None:
        query = ["nvidia-smi", "--query-gpu=utilization.gpu", "--format=csv,noheader,nounits"]
        while not done.wait(0.5):
            shown = subprocess.run(query, capture_output=True, text=True, check=False).stdout
            found.extend(float(line) for line in shown.split()[:1])

    thread = threading.Thread(target=look)
    if shutil.which("nvidia-smi"):
        thread.start()
    try:
        yield found
    finally:
        done.set()
        if thread.ident:
            thread.join()


def in_groups(study: Study, trials: int, group: int, sequences: int) -> dict[str, Any]:
    """Trials a second in groups of seeds, the size of a group, and the losses of the first."""
    import jax

    from longlag.training.devices import seeds_at_once

    what = setting(study, sequences)
    batch = (study.batch, study.steps, what.input_encoding.features)
    fit = seeds_at_once(what.create(0), batch) if jax.default_backend() != "cpu" else group
    size = min(group, fit, trials)
    trials = trials // size * size
    first = losses(train(what, range(size), together=size > 1))
    seconds = 0.0
    with use() as used:
        for begin in range(0, trials, size):
            run = train(what, range(begin, begin + size), together=size > 1)
            seconds += run.train_seconds
            say(f"{begin + size} of {trials} trials")
    return {
        "rate": trials / seconds,
        "group": size,
        "trials": trials,
        "use": f"{sum(used) / len(used):.0f} %" if used else "not known",
        "losses": first[:COMPARED],
    }


def in_torch(study: Study, trials: int, sequences: int) -> float | None:
    """Trials a second of PyTorch with cuDNN; None where it has no GPU."""
    try:
        torch = importlib.import_module("torch")
    except ModuleNotFoundError:
        return None
    if not torch.cuda.is_available():
        return None
    nn, what = torch.nn, setting(study, sequences)
    layout, values = what.layout, what.input_encoding.features
    updates = sequences // layout.sequences * len(layout.steps)

    def trial() -> None:
        lstm = nn.LSTM(values, study.units, batch_first=True).cuda()
        dense = nn.Linear(study.units, values).cuda()
        adam = torch.optim.Adam([*lstm.parameters(), *dense.parameters()], eps=1e-7, fused=True)
        x = torch.randn(study.batch, study.steps, values, device="cuda")
        first = study.steps - 1 if layout.output == "last" else 0  # of the steps that are scored
        y = torch.randint(values, (study.batch * (study.steps - first),), device="cuda")
        for _ in range(updates):
            adam.zero_grad()
            outputs = dense(lstm(x)[0][:, first:]).flatten(0, 1)
            nn.functional.cross_entropy(outputs, y).backward()
            adam.step()
        torch.cuda.synchronize()

    trial()
    began = time.perf_counter()
    for _ in range(trials):
        trial()
    return trials / (time.perf_counter() - began)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    add = parser.add_argument
    add("--trials", type=int, default=1024, help="trials in groups (default 1024)")
    add("--fewer", type=int, default=8, help="trials of each peer (default 8)")
    add("--group", type=int, default=256, help="most seeds in a program (default 256)")
    add("--sequences", type=int, help="sequences of a trial (default: of each study)")
    add("--study", choices=STUDIES, action="append", help="only this study")
    add("--cpu", choices=STUDIES, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.cpu:
        found = one_by_one(STUDIES[options.cpu], options.fewer, options.sequences)
        return print(json.dumps(found))
    import jax

    if jax.default_backend() == "cpu":
        print("No accelerator: groups of seeds on the CPU, to show that this runs.\n")
    rows = []
    for name in options.study or STUDIES:
        study = STUDIES[name]
        sequences = options.sequences or study.sequences
        cpu, expected = on_cpu(name, options.fewer, sequences)
        groups = in_groups(study, options.trials, options.group, sequences)
        torch = in_torch(study, options.fewer, sequences)
        pairs = [*zip(groups["losses"], expected, strict=False)]
        apart = max(float(np.max(np.abs(np.subtract(*p) / np.abs(p[1])))) for p in pairs)
        say(f"{name}: losses apart by {apart:.1e}")
        if apart > TOLERANCE:
            raise SystemExit(f"{name}: losses are {apart:.1e} apart, more than {TOLERANCE:.0e}.")
        rows.append(
            [
                *(name, f"{groups['trials']:,}", str(groups["group"]), f"{groups['rate']:.2f}"),
                *(groups["use"], f"{cpu:.2f}", f"{groups['rate'] / cpu:.2f}"),
                f"{groups['rate'] / torch:.2f}" if torch else "",
                f"{apart:.0e}",
            ]
        )
    header = ("study", "trials", "group", "trials / s", "use", "CPU, trials / s", "of the CPU")
    print(table((*header, "of PyTorch", "losses apart"), rows), end="\n\n")
    print(f"Device: {jax.devices()[0].device_kind}. {conditions(1)}")
    return None


if __name__ == "__main__":
    main()
