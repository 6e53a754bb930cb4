"""Time to solve each of the five problems: longlag beside Keras on JAX and PyTorch, on a CPU.

    python benchmarks/five.py

prints Markdown tables, ready for the page of benchmarks; progress goes to standard error. Linux
or macOS. A peer that is not installed is left out and named.

The network: LSTM 50 and a dense layer, from the same weights everywhere; Adam at 0.01; log loss,
squared error for the ramp. longlag trains seed 0 until the accuracy over a chunk of updates is
0.99 (cumulative: 0.98); that gives the number of updates to solve the problem. Then all make this
many updates on the same draws. Every run is a process of its own and the rounds go over the peers
in turn. Compiling and warming up are told apart. Where a choice had to be made it favours the
peers: longlag draws its data and counts hits within the time measured; the peers get data drawn
and one-hot encoded beforehand, count no hits, and have no dense layer at steps that nobody reads.
The source calls Keras's `fit` for each epoch, here a block of sequences that fills whole batches;
one call for all batches makes the same updates. PyTorch has the better of one thread and of as
many as it takes, with Adam as it comes and fused.

`--check` alone compares the losses of all three, which is also done before anything is measured.
They differ by more than rounding, because Keras adds Adam's epsilon before the bias correction.
"""

from __future__ import annotations

import argparse
import functools
import importlib
import json
import statistics
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from echo import Figures, conditions, launch, say, table

PROBLEMS = ("ramp", "memorization", "echo-value", "subsequence", "cumulative")
HIDDEN, LEARNING_RATE, SEQUENCES = 50, 0.01, 60_000
WARM_UP, REPEATS = 20, 3
SAMPLED = 300  # updates of Keras with a `fit` an epoch: what counts is the time of an update
CHECKED_UPDATES = 50
TOLERANCES = {"PyTorch": 1e-4, "Keras on JAX": 2e-2}

# What runs in a process of its own.


def problem_setting(name: str) -> Any:
    """The setting of a problem, stopped when it is solved."""
    import longlag

    echo, memorization = longlag.EchoValue(lag=1, length=5), longlag.Memorization(ask="last")
    problem, framing, batch_size = {
        "ramp": (longlag.Ramp(), longlag.Window(timesteps=3), 6),
        "memorization": (memorization, longlag.Whole(), 2),
        "echo-value": (echo, longlag.Whole(), 10),
        "subsequence": (longlag.EchoSubsequence(), longlag.Vector(), 10),
        "cumulative": (longlag.CumulativeThreshold(), longlag.Whole(), 10),
    }[name]
    return longlag.Setting(
        problem=problem,
        framing=framing,
        model=longlag.LSTM(hidden_size=HIDDEN),
        recipe=longlag.Recipe(
            sequences=SEQUENCES,
            batch_size=batch_size,
            learning_rate=LEARNING_RATE,
            stop_at=0.98 if name == "cumulative" else 0.99,
        ),
    )


class Task(NamedTuple):
    """What the peers are given: encoded samples, sizes and first weights."""

    inputs: Any  # (sample, time, feature)
    targets: Any  # (sample, said), integers, or reals for the ramp
    batch_size: int
    block: int  # samples in a block
    every: bool  # whether every step is answered, or the last alone
    width: int  # of an answer: 1 for a real
    weights: list[Any]  # in the order of Keras

    @property
    def said(self) -> int:
        return self.targets.shape[1]


def prepare(name: str, updates: int) -> Task:
    """Draw from the stream that longlag trains on, and encode."""
    import numpy as np

    from longlag import streams

    setting = problem_setting(name)
    updates_a_block, batch_size, _ = setting.layout.steps.shape
    blocks = -(-updates // updates_a_block)
    count = blocks * setting.layout.sequences
    samples = setting.layout.gather(setting.problem.draw(streams.training(0), count))
    if not samples.scored.all():
        raise ValueError(f"{name}: not every output is scored.")
    model = setting.create(0)
    layer, readout = model.layer, model.readout
    weights = layer.kernel, layer.recurrent, layer.bias, readout.weight, readout.bias
    return Task(
        inputs=setting.input_encoding.encode(samples.inputs),
        targets=samples.targets,
        batch_size=batch_size,
        block=updates_a_block * batch_size,
        every=setting.layout.output == "every",
        width=setting.target_encoding.features,
        weights=[np.asarray(weight) for weight in weights],
    )


def measure_longlag(name: str, _: int) -> Figures:
    from longlag.trials.fit import finish, fit

    setting = problem_setting(name)
    cold = finish(fit(setting, [0]))
    if cold.history[0][-1].outcome != "stopped":
        raise ValueError(f"{name}: not solved within {SEQUENCES:,} sequences.")
    warm = [finish(fit(setting, [0])).train_seconds for _ in range(REPEATS)]
    return {
        "updates": cold.updates,
        "accuracy": cold.accuracy.mean,
        "warm up, longlag": cold.compile_seconds,
        "longlag": statistics.median(warm) / cold.updates,
    }


def torch_training(task: Task, fused: bool) -> Callable[[int], list[Any]]:
    """A function that makes so many updates on the next batches and gives their losses."""
    torch = importlib.import_module("torch")
    nn = torch.nn
    dense = nn.Linear(HIDDEN, len(task.weights[-1]))
    lstm = nn.LSTM(task.inputs.shape[-1], HIDDEN, batch_first=True)
    kernel, recurrent, bias, weight, shift = (torch.tensor(each) for each in task.weights)
    with torch.no_grad():
        lstm.weight_ih_l0.copy_(kernel.T)
        lstm.weight_hh_l0.copy_(recurrent.T)
        lstm.bias_ih_l0.copy_(bias)
        lstm.bias_hh_l0.zero_().requires_grad_(False)  # a second bias would learn twice as fast
        dense.weight.copy_(weight.T)
        dense.bias.copy_(shift)
    weights = [each for each in (*lstm.parameters(), *dense.parameters()) if each.requires_grad]
    optimizer = torch.optim.Adam(weights, lr=LEARNING_RATE, eps=1e-7, fused=fused or None)
    inputs = torch.from_numpy(task.inputs).split(task.batch_size)
    if task.width == 1:
        targets, measure = torch.from_numpy(task.targets), nn.functional.mse_loss
    else:
        targets, measure = torch.from_numpy(task.targets).long(), nn.functional.cross_entropy
    targets = [
        each if task.width == 1 else each.flatten() for each in targets.split(len(inputs[0]))
    ]
    batches = iter(list(zip(inputs, targets, strict=True)))

    def train(updates: int) -> list[Any]:
        losses = []
        for (x, y), _ in zip(batches, range(updates), strict=False):
            optimizer.zero_grad()
            hidden = lstm(x)[0]
            outputs = dense(hidden if task.every else hidden[:, -1])
            loss = measure(outputs.reshape(-1, task.width), y)
            loss.backward()
            optimizer.step()
            losses.append(loss.detach())
        return losses

    return train


def measure_torch(name: str, updates: int) -> Figures:
    torch = importlib.import_module("torch")
    task = prepare(name, WARM_UP + updates)
    most = torch.get_num_threads()
    figures: Figures = {}
    for fused in (False, True):
        times = []
        for threads in dict.fromkeys((most, 1)):
            torch.set_num_threads(threads)
            train = torch_training(task, fused)
            warming = seconds(functools.partial(train, WARM_UP))
            figures.setdefault("warm up, PyTorch", warming)
            times.append(seconds(functools.partial(train, updates)) / updates)
        figures["PyTorch, fused Adam" if fused else "PyTorch"] = min(times)
    return figures


def keras_network(task: Task) -> Any:
    keras = importlib.import_module("keras")
    network = keras.Sequential(
        [
            keras.Input(task.inputs.shape[1:]),
            keras.layers.LSTM(HIDDEN, return_sequences=task.every),
            keras.layers.Dense(len(task.weights[-1])),
        ]
    )
    if not task.every and task.said > 1:
        network.add(keras.layers.Reshape((task.said, task.width)))
    if task.width > 1:
        network.add(keras.layers.Activation("softmax"))
    network.compile(
        loss="mse" if task.width == 1 else "categorical_crossentropy",
        optimizer=keras.optimizers.Adam(LEARNING_RATE, epsilon=1e-7),
    )
    network.set_weights(task.weights)
    return network


def keras_targets(task: Task) -> Any:
    from longlag import OneHot

    if task.width == 1:
        return task.targets
    encoded = OneHot(values=task.width).encode(task.targets)
    return encoded if task.said > 1 else encoded[:, 0]


def keras_batches(inputs: Any, targets: Any, batch_size: int) -> Any:
    keras = importlib.import_module("keras")

    class Batches(keras.utils.PyDataset):
        def __len__(self) -> int:
            return len(inputs) // batch_size

        def __getitem__(self, index: int) -> tuple[Any, Any]:
            rows = slice(index * batch_size, (index + 1) * batch_size)
            return inputs[rows], targets[rows]

    return Batches()


def measure_keras(name: str, updates: int) -> Figures:
    task = prepare(name, WARM_UP + max(updates, SAMPLED))
    targets = keras_targets(task)
    figures: Figures = {}
    for at_once in (True, False):
        network = keras_network(task)

        def train(begin: int, end: int, network: Any = network, at_once: bool = at_once) -> None:
            step = end - begin if at_once else task.block
            for at in range(begin, end, step):
                x, y = task.inputs[at : at + step], targets[at : at + step]
                if at_once:  # batch by batch is faster here than one array of all
                    network.fit(keras_batches(x, y, task.batch_size), shuffle=False, verbose=0)
                else:
                    network.fit(x, y, batch_size=task.batch_size, shuffle=False, verbose=0)

        first = WARM_UP * task.batch_size
        made = updates if at_once else SAMPLED
        warming = seconds(functools.partial(train, 0, first))
        figures.setdefault("warm up, Keras on JAX", warming)
        taken = seconds(functools.partial(train, first, first + made * task.batch_size))
        figures["Keras, one `fit`" if at_once else "Keras, a `fit` an epoch"] = taken / made
    return figures


def compare_losses(name: str, _: int) -> Figures:
    """The losses of the peers on the first updates, from equal weights, beside longlag's."""
    import numpy as np

    from longlag.events import Advanced
    from longlag.trials.fit import fit

    task = prepare(name, CHECKED_UPDATES)
    events = fit(problem_setting(name), [0])  # on longlag's own draws
    ours = next(each for each in events if isinstance(each, Advanced)).losses[:CHECKED_UPDATES]
    figures: Figures = {"first": float(ours[0]), "last": float(ours[-1])}

    def compare(peer: str, theirs: Iterable[Any]) -> None:
        apart = np.abs(ours - np.array([float(each) for each in theirs]))
        figures[peer] = float(apart.max() / ours[0])

    compare("PyTorch", torch_training(task, fused=False)(CHECKED_UPDATES))
    network, targets, losses = keras_network(task), keras_targets(task), []
    for at in range(0, CHECKED_UPDATES * task.batch_size, task.batch_size):
        network.reset_metrics()  # or it would give the mean of all losses so far
        x, y = (each[at : at + task.batch_size] for each in (task.inputs, targets))
        losses.append(network.train_on_batch(x, y))
    compare("Keras on JAX", losses)
    return figures


def seconds(act: Callable[[], object]) -> float:
    began = time.perf_counter()
    act()
    return time.perf_counter() - began


JOBS: dict[str, Callable[[str, int], Figures]] = {
    "longlag": measure_longlag,
    "torch": measure_torch,
    "keras": measure_keras,
    "check": compare_losses,
}
PEERS = ("Keras, one `fit`", "Keras, a `fit` an epoch", "PyTorch", "PyTorch, fused Adam")
WARMED = ("longlag", "Keras on JAX", "PyTorch")


# What launches them.


def run(job: str, problem: str, updates: int = 0) -> Figures:
    """Do a job in a process of its own."""
    arguments = __file__, "--job", job, "--problem", problem, "--updates", str(updates)
    launched = launch(*arguments, KERAS_BACKEND="jax")
    if launched.code:
        raise SystemExit(launched.code)
    figures = json.loads(launched.lines[-1][1])
    say(f"{problem}, {job}: {figures}")
    if isinstance(figures, str):
        raise ModuleNotFoundError(figures)
    return figures


def check(problems: Sequence[str]) -> str:
    try:
        compared = {problem: run("check", problem) for problem in problems}
    except ModuleNotFoundError as error:
        return f"The losses were not compared: {error}."
    header = "problem", "loss at first", f"at update {CHECKED_UPDATES}", *TOLERANCES
    rows = [
        (
            name,
            f"{each['first']:.4f}",
            f"{each['last']:.4f}",
            *(f"{each[p]:.0e}" for p in TOLERANCES),
        )
        for name, each in compared.items()
    ]
    told = (
        f"Same weights, same draws, {CHECKED_UPDATES} updates: how far the losses of the peers "
        f"are at most from longlag's, in shares of the first.\n\n{table(header, rows)}"
    )
    for figures in compared.values():
        if not all(figures[peer] <= tolerance for peer, tolerance in TOLERANCES.items()):
            raise SystemExit(f"{told}\n\nThat is more than {TOLERANCES}.")
    return told


def measure(
    problems: Sequence[str], rounds: int
) -> tuple[dict[str, list[Figures]], dict[str, str]]:
    """The figures of every round of every problem, and why peers have none."""
    measured: dict[str, list[Figures]] = {problem: [] for problem in problems}
    missing: dict[str, str] = {}
    for turn in range(rounds):
        say(f"Round {turn + 1} of {rounds}.")
        for problem in problems:
            figures = run("longlag", problem)
            for peer in ("torch", "keras"):
                try:
                    if peer not in missing:
                        figures |= run(peer, problem, round(figures["updates"]))
                except ModuleNotFoundError as error:
                    missing[peer] = str(error)
            measured[problem].append(figures)
    return measured, missing


def medians(runs: Sequence[Figures]) -> Figures:
    return {name: statistics.median(run[name] for run in runs) for name in runs[0]}


def ratio_rows(measured: dict[str, list[Figures]], peers: Sequence[str]) -> Iterable[list[str]]:
    for problem, runs in measured.items():
        figures = medians(runs)
        ours, updates = figures["longlag"], figures["updates"]
        # Compared within a round: what slows the machine then slows all of it.
        ratios = [statistics.median(run[peer] / run["longlag"] for run in runs) for peer in peers]
        yield [
            problem,
            f"{updates:,.0f}",
            f"{ours * updates:.3f}",
            f"{1e6 * ours:,.0f}",
            *(f"{ratio:.1f}" for ratio in ratios),
        ]


def microsecond_rows(
    measured: dict[str, list[Figures]], peers: Sequence[str]
) -> Iterable[list[str]]:
    for problem, runs in measured.items():
        figures = medians(runs)
        yield [problem, *(f"{1e6 * figures[name]:,.0f}" for name in ("longlag", *peers))]


def cold_rows(measured: dict[str, list[Figures]], warmed: Sequence[str]) -> Iterable[list[str]]:
    """Seconds of compiling or warming up, and with the updates to solve the problem."""
    best = {"longlag": "longlag", "Keras on JAX": PEERS[0], "PyTorch": PEERS[3]}
    for problem, runs in measured.items():
        figures = medians(runs)
        warming = {name: figures[f"warm up, {name}"] for name in warmed}
        solving = {
            name: warming[name] + figures["updates"] * figures[best[name]] for name in warmed
        }
        yield [problem, *(f"{each[name]:.2f}" for each in (warming, solving) for name in warmed)]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    add = parser.add_argument
    add("--rounds", type=int, default=3, help="runs of each peer (default 3)")
    add("--problem", choices=PROBLEMS, help="this problem only")
    add("--check", action="store_true", help="only compare the losses")
    add("--job", choices=JOBS, help=argparse.SUPPRESS)
    add("--updates", type=int, default=0, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.job:
        try:
            printed = JOBS[options.job](options.problem, options.updates)
        except ModuleNotFoundError as error:
            printed = f"no module named {error.name}"
        return print(json.dumps(printed))
    problems = [options.problem] if options.problem else PROBLEMS
    print(check(problems), end="\n\n", flush=True)
    if options.check:
        return None
    measured, missing = measure(problems, options.rounds)
    some = next(iter(measured.values()))[0]
    peers = [name for name in PEERS if name in some]
    warmed = [name for name in WARMED if f"warm up, {name}" in some]
    header = "problem", "updates", "longlag, s", "µs an update", *(f"{name}, ×" for name in peers)
    print(table(header, ratio_rows(measured, peers)), end="\n\n")
    print("×: time of the peer for the same updates, in times of longlag.", end="\n\n")
    header = "µs an update", "longlag", *peers
    print(table(header, microsecond_rows(measured, peers)), end="\n\n")
    print(
        f"After {WARM_UP} updates (longlag: a whole run) not measured. Keras with a `fit` an epoch "
        f"is measured over {SAMPLED} updates, all others over all updates to solve the problem.",
        end="\n\n",
    )
    header = (
        "s",
        *(f"{name}, warm-up" for name in warmed),
        *(f"{name}, warm-up and solving" for name in warmed),
    )
    print(table(header, cold_rows(measured, warmed)), end="\n\n")
    print(
        f"Warm-up: compiling for longlag, the first {WARM_UP} updates for the peers, compiling "
        "included. Solving: Keras with one `fit`, PyTorch with fused Adam. Imports and draws of "
        "the peers are not counted.",
        end="\n\n",
    )
    for name, reason in missing.items():
        print(f"{name}: not measured, {reason}.", end="\n\n")
    return print(conditions(options.rounds))


if __name__ == "__main__":
    main()
