"""Training steps of recurrent layers beside PyTorch's, and cost against sequence length, on a CPU.

    python benchmarks/layer.py

prints Markdown tables for the page of benchmarks; progress goes to standard error. PyTorch is
left out if it is not installed.

A step of a layer is the way forward, the way back, and the gradient of all weights, for a fixed
cotangent of all hidden states. longlag gets inputs with the batch first, as its models do,
PyTorch with time first, as it works. PyTorch has the better of one thread and of as many as it
takes; longlag runs as it comes. The rounds go over the peers in turn.

The cost of an update is that of training on EchoLag, the draws included.
"""

from __future__ import annotations

import argparse
import importlib
import statistics
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import jax
import numpy as np
from echo import conditions, say, table

from longlag import LSTM, EchoLag, Recipe, Setting, Whole
from longlag.models import GRULayer, LSTMLayer, RNNLayer
from longlag.trials.fit import finish, fit

LAYERS: dict[str, Any] = {"LSTM": LSTMLayer, "GRU": GRULayer, "RNN": RNNLayer}
SIZES = (32, 100, 50), (32, 200, 128), (128, 100, 256)
CASES = [("LSTM", size) for size in SIZES] + [("GRU", SIZES[0]), ("RNN", SIZES[0])]
LENGTHS = 25, 50, 100, 200, 400, 800, 1600
STEPS_A_RUN, BATCH = 51_200, 5
SECONDS_A_ROUND, LEAST_CALLS = 0.3, 3

Size = tuple[int, int, int]
Step = Callable[[], object]


def longlag_step(kind: str, size: Size) -> Step:
    batch, steps, width = size
    rng = np.random.default_rng(0)
    layer = LAYERS[kind].create(width, width, rng)
    inputs = jax.numpy.asarray(rng.standard_normal((batch, steps, width)), "float32")
    cotangent = jax.numpy.asarray(rng.standard_normal((steps, batch, width)), "float32")

    @jax.jit
    @jax.value_and_grad
    def step(layer: Any, inputs: Any, cotangent: Any) -> Any:
        hidden, _ = layer(inputs, None, layer.initial_state((batch,)))
        return (jax.numpy.moveaxis(hidden, 0, 1) * cotangent).sum()  # which costs no copy

    return lambda: jax.block_until_ready(step(layer, inputs, cotangent))


def torch_step(kind: str, size: Size, threads: int) -> Step:
    torch = importlib.import_module("torch")
    batch, steps, width = size
    layer = getattr(torch.nn, kind)(width, width)
    inputs, cotangent = torch.randn(2, steps, batch, width).unbind()

    def step() -> None:
        torch.set_num_threads(threads)
        layer.zero_grad()
        layer(inputs)[0].backward(cotangent)

    return step


def torch_threads() -> list[int]:
    """Numbers of threads to try; none where PyTorch is not installed."""
    try:
        most = importlib.import_module("torch").get_num_threads()
    except ModuleNotFoundError:
        return []
    return sorted({1, most})


def milliseconds(step: Step) -> float:
    """Median time of a call, over calls that fill a part of a second."""
    step()  # the peer before may still hold caches and threads
    times: list[float] = []
    while sum(times) < SECONDS_A_ROUND or len(times) < LEAST_CALLS:
        began = time.perf_counter()
        step()
        times.append(time.perf_counter() - began)
    return 1e3 * statistics.median(times)


def layer_rows(rounds: int) -> Iterable[list[str]]:
    for kind, size in CASES:
        steps: dict[int, Step] = {0: longlag_step(kind, size)}  # by threads; 0 is longlag
        for threads in torch_threads():
            steps[threads] = torch_step(kind, size, threads)
        began = time.perf_counter()
        steps[0]()
        compiling = time.perf_counter() - began
        turns = [{key: milliseconds(step) for key, step in steps.items()} for _ in range(rounds)]
        ours, *theirs = (statistics.median(turn[key] for turn in turns) for key in steps)
        say(f"{kind} {size}: longlag {ours:.2f} ms, PyTorch {theirs} ms")
        # Compared within a round: what slows the machine then slows all of it.
        ratios = [
            statistics.median(turn[0] / turn[threads] for turn in turns) for threads in [*steps][1:]
        ]
        compared = (f"{min(theirs):.2f}", f"{max(ratios):.2f}") if theirs else ("", "")
        sizes = " × ".join(map(str, size))
        yield [f"{kind}, {sizes}", f"{ours:.2f}", *compared, f"{compiling:.2f}"]


def length_setting(length: int) -> Setting:
    return Setting(
        problem=EchoLag(lag=1, length=length, values=10),
        framing=Whole(),
        model=LSTM(hidden_size=50),
        recipe=Recipe(sequences=BATCH * STEPS_A_RUN // length, batch_size=BATCH),
    )


def length_rows(rounds: int) -> Iterable[list[str]]:
    """The last row is the exponent of a straight line through the logarithms."""
    settings = {length: length_setting(length) for length in LENGTHS}
    compiling = {
        length: finish(fit(setting, [0])).compile_seconds for length, setting in settings.items()
    }
    times: dict[int, list[float]] = {length: [] for length in LENGTHS}
    for turn in range(rounds):
        say(f"Lengths, round {turn + 1} of {rounds}.")
        for length, setting in settings.items():
            run = finish(fit(setting, [0]))
            times[length].append(1e6 * run.train_seconds / run.updates)
    medians = [statistics.median(times[length]) for length in LENGTHS]
    for length, median in zip(LENGTHS, medians, strict=True):
        figures = f"{median:,.0f}", f"{median / length:.2f}", f"{compiling[length]:.2f}"
        yield [str(length), *figures]
    exponent = np.polyfit(np.log(LENGTHS), np.log(medians), 1)[0]
    yield ["exponent", f"{exponent:.2f}", "", ""]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=7, help="rounds over the peers (default 7)")
    rounds = parser.parse_args().rounds
    parts: list[tuple[Sequence[str], Callable[[int], Iterable[list[str]]]]] = [
        (
            ("layer, batch × steps × width", "longlag, ms", "PyTorch, ms", "ratio", "compiling, s"),
            layer_rows,
        ),
        (("steps in a sequence", "µs an update", "µs a step", "compiling, s"), length_rows),
    ]
    for header, rows in parts:
        print(table(header, rows(rounds)), end="\n\n", flush=True)
    print(conditions(rounds))


if __name__ == "__main__":
    main()
