"""Training of the echo-lag tutorial's network: longlag beside C, Keras and PyTorch, on a CPU.

    python benchmarks/echo.py

prints Markdown tables, ready for the page of benchmarks; progress goes to standard error. Linux
or macOS. A peer that is not installed is left out and named.

The network: LSTM 50, dense 100, softmax, log loss, Adam. An epoch is a fresh sequence of 25
integers, framed as 20 windows of 5 steps, four batches of 5. Every run is a process of its own
and the rounds go over the peers in turn. The tutorial calls Keras's `fit` for each epoch; one
call for all epochs makes the same updates. Where a choice had to be made it favours the peers:
longlag draws its data and counts hits within the time measured; the peers get data drawn and
one-hot encoded beforehand, and none but Keras with a `fit` an epoch counts hits, as the tutorial
does. PyTorch runs once as it comes and once as is fastest for it here: fused Adam and one thread.

C (`floor.c`, built where there is gcc) is the same network on one thread with sizes fixed and
nothing around it: what an update costs at least. It too gets drawn data and counts no hits.

`--check` alone compares the losses of longlag with those of C and of Keras on JAX, which is also
done before anything is measured. Those of Keras differ by more than rounding, because it adds
Adam's epsilon before the bias correction and longlag, like PyTorch, after it.
"""

from __future__ import annotations

import argparse
import ctypes
import datetime
import functools
import importlib
import itertools
import json
import math
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any, NamedTuple

EPOCHS, WARM_UP = 2000, 20
HIDDEN, VALUES, BATCH, UPDATES_AN_EPOCH = 50, 100, 5, 4
CHECKED_UPDATES, TOLERANCE = 200, 1e-4
STARTS = 9
CPU_ONLY = {"JAX_PLATFORMS": "cpu", "CUDA_VISIBLE_DEVICES": ""}
CLAIMS = ("echo/encode", "echo/current", "echo/lag-without-context", "echo/lag-with-context")
PACKAGES = ("longlag", "jax", "jaxlib", "numpy", "torch", "keras", "tensorflow", "tensorflow-cpu")

Figures = dict[str, float]


# What runs in a process of its own. Imports wait until here, so that the process that
# launches stays small: on Linux the peak memory of a child starts from its parent's.


def tutorial(epochs: int) -> Any:
    """The tutorial's setting."""
    from longlag import LSTM, EchoLag, Recipe, Setting, Window

    return Setting(
        problem=EchoLag(lag=1, length=25, values=VALUES),
        framing=Window(timesteps=5),
        model=LSTM(hidden_size=HIDDEN),
        recipe=Recipe(sequences=epochs, batch_size=BATCH),
    )


def draw(epochs: int) -> tuple[Any, Any]:
    """The tutorial's samples: inputs `(sample, time)` and the last target `(sample,)`."""
    from longlag import streams

    setting = tutorial(epochs)
    inputs, targets, _ = setting.framing.sample(setting.problem, streams.training(0), epochs)
    return inputs, targets[:, -1]


def measure_longlag(seeds: int, epochs: int) -> Figures:
    from longlag.trials.fit import finish, fit

    cold = finish(fit(tutorial(epochs), range(seeds)))
    print(flush=True)  # the process that launched this one takes the time
    warm = finish(fit(tutorial(epochs), range(seeds)))
    return {
        "compile": cold.compile_seconds,
        "seconds": warm.train_seconds,
        "updates": warm.updates * seeds,
    }


def measure_torch(tuned: bool, epochs: int) -> Figures:
    torch = importlib.import_module("torch")
    nn = torch.nn
    if tuned:
        torch.set_num_threads(1)
    lstm, dense = nn.LSTM(VALUES, HIDDEN, batch_first=True), nn.Linear(HIDDEN, VALUES)
    weights = [*lstm.parameters(), *dense.parameters()]
    optimizer = torch.optim.Adam(weights, lr=1e-3, eps=1e-7, fused=tuned or None)
    inputs, targets = map(torch.from_numpy, draw(WARM_UP + epochs))
    inputs = nn.functional.one_hot(inputs.long(), VALUES).float().split(BATCH)
    batches = zip(inputs, targets.long().split(BATCH), strict=True)

    def train(updates: int) -> None:
        for x, y in itertools.islice(batches, updates):
            optimizer.zero_grad()
            nn.functional.cross_entropy(dense(lstm(x)[0][:, -1]), y).backward()
            optimizer.step()

    train(WARM_UP * UPDATES_AN_EPOCH)
    return timed(lambda: train(epochs * UPDATES_AN_EPOCH), epochs)


def keras_network(metrics: Sequence[str] = ()) -> Any:
    keras = importlib.import_module("keras")
    dense = keras.layers.Dense(VALUES, activation="softmax")
    network = keras.Sequential([keras.Input((5, VALUES)), keras.layers.LSTM(HIDDEN), dense])
    optimizer = keras.optimizers.Adam(1e-3, epsilon=1e-7)
    network.compile(loss="categorical_crossentropy", optimizer=optimizer, metrics=[*metrics])
    return network


def measure_keras(at_once: bool, epochs: int) -> Figures:
    from longlag import OneHot

    network = keras_network(() if at_once else ("accuracy",))
    encoded = [OneHot(values=VALUES).encode(each) for each in draw(WARM_UP + epochs)]
    samples = BATCH * UPDATES_AN_EPOCH

    def train(begin: int, end: int) -> None:
        step = end - begin if at_once else 1
        for epoch in range(begin, end, step):
            x, y = (each[epoch * samples : (epoch + step) * samples] for each in encoded)
            network.fit(x, y, epochs=1, batch_size=BATCH, shuffle=False, verbose=0)

    train(0, WARM_UP)
    return timed(lambda: train(WARM_UP, WARM_UP + epochs), epochs)


def floor() -> Any:
    """The function `train` of `floor.c`, built for this machine."""
    if (compiler := shutil.which("gcc")) is None:
        raise ModuleNotFoundError(name="gcc")
    sizes = {"BATCH": BATCH, "STEPS": 5, "VALUES": VALUES, "HIDDEN": HIDDEN}
    source = Path(__file__).with_name("floor.c")
    with tempfile.TemporaryDirectory() as folder:
        library = Path(folder) / "floor.so"
        flags = ["-O3", "-march=native", "-ffast-math", "-shared", "-fPIC"]
        flags += [f"-D{name}={size}" for name, size in sizes.items()]
        command = [compiler, *flags, str(source), "-o", str(library), "-lm"]
        subprocess.run(command, check=True)
        return ctypes.CDLL(str(library)).train


def train_floor(train: Any, inputs: Any, targets: Any) -> Any:
    """The losses of C, from the weights of longlag's seed 0, on batches `(update, row, …)`."""
    import numpy as np

    model = tutorial(1).create(0)
    layer, readout = model.layer, model.readout
    parts = layer.kernel, layer.recurrent, layer.bias, readout.weight, readout.bias
    weights = np.concatenate([np.asarray(part, "float32").ravel() for part in parts])
    inputs, targets = (np.ascontiguousarray(each, "int32") for each in (inputs, targets))
    losses = np.empty(len(inputs), "float32")
    pointers = (array.ctypes.data_as(ctypes.c_void_p) for array in (inputs, targets, losses))
    train(weights.ctypes.data_as(ctypes.c_void_p), len(inputs), *pointers)
    return losses


def measure_floor(epochs: int) -> Figures:
    inputs, targets = draw(epochs)
    batches = inputs.reshape(-1, BATCH, 5), targets.reshape(-1, BATCH)
    train = floor()
    train_floor(train, *batches)
    return timed(lambda: train_floor(train, *batches), epochs)


def measure_framing(_: int) -> Figures:
    draw(5000)
    return timed(lambda: draw(5000), 5000)


def compare_losses(c: bool, _: int) -> Figures:
    """Train longlag and C, or Keras, from equal weights on equal batches."""
    import numpy as np

    from longlag import OneHot
    from longlag.events import Advanced
    from longlag.training import loop, program

    network = floor() if c else keras_network()
    epochs = CHECKED_UPDATES // UPDATES_AN_EPOCH
    setting = tutorial(epochs)
    model = setting.create(0)
    inputs, targets = draw(epochs)
    inputs, targets = inputs.reshape(CHECKED_UPDATES, BATCH, -1), targets.reshape(-1, BATCH)
    batches = program.Batches(inputs, targets[..., None], mask=None, reset=None)
    reports = loop.fit(
        [model],
        [itertools.repeat(batches)],
        setting.recipe,
        updates=CHECKED_UPDATES,
        loss=setting.loss,
        output=setting.framing.output,
    )
    ours = np.concatenate([event.losses for event in reports if isinstance(event, Advanced)])
    if c:
        return difference(ours, train_floor(network, inputs, targets))
    layer, readout = model.layer, model.readout
    weights = layer.kernel, layer.recurrent, layer.bias, readout.weight, readout.bias
    network.set_weights([np.asarray(weight) for weight in weights])
    theirs: list[float] = []
    encoded = (OneHot(values=VALUES).encode(each) for each in (inputs, targets))
    for x, y in zip(*encoded, strict=True):
        network.reset_metrics()  # or it would give the mean of all losses so far
        theirs.append(float(network.train_on_batch(x, y)))
    return difference(ours, np.array(theirs))


def difference(ours: Any, theirs: Any) -> Figures:
    """The largest relative difference of two series of losses, and where they begin and end."""
    largest = (abs(ours - theirs) / abs(theirs)).max()
    ends = {"first": theirs[0], "last": theirs[-1]}
    return {name: float(each) for name, each in {"difference": largest, **ends}.items()}


def timed(act: Callable[[], object], epochs: int) -> Figures:
    began = time.perf_counter()
    act()
    return {"seconds": time.perf_counter() - began, "updates": epochs * UPDATES_AN_EPOCH}


class Job(NamedTuple):
    measure: Callable[[int], Figures]
    epochs: int = EPOCHS
    keras: str = "jax"


REFERENCE = "longlag, 1 seed"
# The slow measure fewer epochs: what counts is the time of an update.
PEERS = {
    REFERENCE: Job(functools.partial(measure_longlag, 1)),
    "longlag, 8 seeds": Job(functools.partial(measure_longlag, 8)),
    "C, one thread": Job(measure_floor),
    "PyTorch, plain loop": Job(functools.partial(measure_torch, False), 500),
    "PyTorch, fused Adam, one thread": Job(functools.partial(measure_torch, True), 500),
    "Keras on JAX, one `fit` for all": Job(functools.partial(measure_keras, True), 500),
    "Keras on JAX, a `fit` an epoch": Job(functools.partial(measure_keras, False), 200),
    "Keras on TensorFlow, one `fit` for all": Job(
        functools.partial(measure_keras, True), 200, "tensorflow"
    ),
    "Keras on TensorFlow, a `fit` an epoch": Job(
        functools.partial(measure_keras, False), 40, "tensorflow"
    ),
}
CHECKS = {"C": True, "Keras on JAX": False}
JOBS = PEERS | {"framing": Job(measure_framing)}
JOBS |= {f"check {name}": Job(functools.partial(compare_losses, c)) for name, c in CHECKS.items()}


# What launches them.


class Launched(NamedTuple):
    lines: list[tuple[float, str]]
    seconds: float
    peak_bytes: int
    code: int


def launch(*arguments: str, **environment: str) -> Launched:
    """Run Python; each line that it prints comes with the seconds until then."""
    with tempfile.TemporaryFile("w+") as errors:
        began = time.perf_counter()
        with subprocess.Popen(
            [sys.executable, *arguments],
            env=os.environ | CPU_ONLY | environment,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        ) as process:
            assert process.stdout
            lines = [(time.perf_counter() - began, line) for line in process.stdout]
            _, status, usage = os.wait4(process.pid, 0)
            seconds = time.perf_counter() - began
            process.returncode = code = os.waitstatus_to_exitcode(status)
        if code:
            errors.seek(0)
            say(f"{errors.read()[-2000:]}\n{' '.join(arguments)}: exit code {code}")
    unit = 1 if sys.platform == "darwin" else 1024
    return Launched(lines, seconds, usage.ru_maxrss * unit, code)


def longlag(*arguments: str, **environment: str) -> Launched:
    say(f"longlag {' '.join(arguments)}")
    launched = launch("-m", "longlag", *arguments, **environment)
    if launched.code not in (0, 1) or not launched.lines:  # 1 is a verdict against the record
        raise SystemExit(launched.code)
    return launched


def run(name: str, epochs: int = EPOCHS) -> Figures:
    """Do a job in a process of its own; `cold` is when its first line came."""
    job = JOBS[name]
    arguments = __file__, "--job", name, "--epochs", str(min(epochs, job.epochs))
    launched = launch(*arguments, KERAS_BACKEND=job.keras)
    if launched.code:
        raise SystemExit(launched.code)
    figures = json.loads(launched.lines[-1][1])
    say(f"{name}: {figures}")
    if isinstance(figures, str):
        raise ModuleNotFoundError(figures)
    return figures | {"cold": launched.lines[0][0]}


def check(name: str) -> str:
    try:
        figures = run(f"check {name}")
    except ModuleNotFoundError as error:
        return f"longlag and {name} were not compared: {error}."
    found = (
        f"Same weights, same draws, {CHECKED_UPDATES} updates: the losses of longlag and of {name} "
        f"go from {figures['first']:.3f} to {figures['last']:.3f} and differ by at most "
        f"{figures['difference']:.1e} of their value."
    )
    if not figures["difference"] <= TOLERANCE:
        raise SystemExit(f"{found} That is more than {TOLERANCE:.0e}.")
    return found


def measure_peers(rounds: int, epochs: int) -> tuple[dict[str, list[Figures]], dict[str, str]]:
    """The runs of every peer, and why other peers have none."""
    measured: dict[str, list[Figures]] = {name: [] for name in PEERS}
    missing: dict[str, str] = {}
    for turn in range(rounds):
        say(f"Round {turn + 1} of {rounds}.")
        for name in list(measured):
            try:
                measured[name].append(run(name, epochs))
            except ModuleNotFoundError as error:
                missing[name] = str(error)
                del measured[name]
    return measured, missing


def peer_rows(measured: dict[str, list[Figures]]) -> Iterable[Sequence[str]]:
    ours = math.nan
    for name, runs in measured.items():
        times = [1e6 * run["seconds"] / run["updates"] for run in runs]
        median = statistics.median(times)
        ours = median if name == REFERENCE else ours
        figures = f"{runs[0]['updates']:,}", f"{median:,.0f}", f"{min(times):,.0f}"
        yield name, *figures, f"{median / ours:.2f}"


def seconds_rows(measured: dict[str, list[Figures]], rounds: int) -> Iterable[Sequence[str]]:
    def row(what: str, seconds: Sequence[float]) -> Sequence[str]:
        return what, f"{statistics.median(seconds):.3f}", f"{min(seconds):.3f}", str(len(seconds))

    for name, runs in measured.items():
        if "compile" in runs[0]:
            what = f"{name}: start of Python to trained and evaluated, nothing compiled before"
            yield row(what, [run["cold"] for run in runs])
            yield row(f"{name}: compiling, part of that", [run["compile"] for run in runs])
    for name in ("--help", "problems"):
        yield row(f"`longlag {name}`", [longlag(name).seconds for _ in range(STARTS)])
    framing = [run("framing")["seconds"] for _ in range(rounds)]
    yield row("100,000 windows drawn and framed", framing)
    cold, warm = [], []
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as cache:
            for seconds in (cold, warm):
                seconds.append(longlag("reproduce", *CLAIMS, LONGLAG_CACHE=cache).seconds)
    what = f"`longlag reproduce {' '.join(CLAIMS)}`"
    yield row(f"{what}, nothing compiled before", cold)
    yield row(f"{what}, again", warm)


def reproduce(source: str) -> str:
    with tempfile.TemporaryDirectory() as cache:
        launched = longlag("reproduce", source, LONGLAG_CACHE=cache)
    first = next(at for at, line in launched.lines if line.startswith("echo/"))
    return (
        f"`longlag reproduce {source}`, one run, nothing compiled before: "
        f"{launched.seconds:.1f} s, the first verdict after {first:.1f} s, peak memory "
        f"{launched.peak_bytes / 2**20:.0f} MiB, exit code {launched.code}."
    )


def conditions(rounds: int) -> str:
    installed = {each.name.replace("_", "-"): each.version for each in metadata.distributions()}
    versions = [f"{name} {installed[name]}" for name in PACKAGES if name in installed]
    return (
        f"{datetime.date.today()}; {os.cpu_count()} cores, {platform.system()} "
        f"{platform.machine()}; rounds: {rounds}; Python {platform.python_version()}, "
        f"{', '.join(versions)}."
    )


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [header, ["---", *["---:"] * (len(header) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    add = parser.add_argument
    add("--rounds", type=int, default=5, help="runs of each peer (default 5)")
    add("--epochs", type=int, default=EPOCHS, help="most epochs of a run (default 2000)")
    add("--check", action="store_true", help="only compare longlag's losses with C's and Keras's")
    add("--reproduce", action="store_true", help="also time `longlag reproduce echo`: minutes")
    add("--job", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.job:
        try:
            printed = JOBS[options.job].measure(options.epochs)
        except ModuleNotFoundError as error:
            printed = f"no module named {error.name}"
        return print(json.dumps(printed))
    for name in CHECKS:
        print(check(name), end="\n\n", flush=True)
    if options.check:
        return None
    measured, missing = measure_peers(options.rounds, options.epochs)
    header = "peer", "updates", "µs an update, median", "least", f"median / {REFERENCE}"
    print(table(header, peer_rows(measured)), end="\n\n")
    print(
        f"Updates: those measured in a run, after {WARM_UP} epochs (longlag: all) not measured.",
        end="\n\n",
    )
    for name, reason in missing.items():
        print(f"{name}: not measured, {reason}.", end="\n\n")
    header = "wall time", "s, median", "least", "runs"
    print(table(header, seconds_rows(measured, options.rounds)), end="\n\n", flush=True)
    if options.reproduce:
        print(reproduce("echo"), end="\n\n", flush=True)
    return print(conditions(options.rounds))


if __name__ == "__main__":
    main()
