"""What adopting a model costs, and what it saves: `python benchmarks/adapters.py`.

Needs torch and keras beside longlag. Prints Markdown for the page of benchmarks. Network and data
are the echo tutorial's (`benchmarks/echo.py`): windows of 5 of 25 steps, 100 values, LSTM 50,
dense 100, batches of 5, four updates an epoch, Adam. Rounds alternate between the two of a pair, in
one process; the hand-written loops get data drawn and encoded beforehand and count no hits, the
adopted models' times include drawing, encoding and counting.
"""

from __future__ import annotations

import argparse
import itertools
import os
import statistics
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "jax")

import numpy as np

import longlag as ll
from longlag import streams
from longlag.adapters import weights
from longlag.trials.fit import finish, fit

HIDDEN, BATCH, AN_EPOCH = 50, 5, 4
PROBLEM, FRAMING = ll.EchoLag(lag=1, length=25, values=100), ll.Window(timesteps=5)
CARRIED = ll.Window(timesteps=5, carry=True)


def setting(make: Any, epochs: int, framing: ll.Window = FRAMING) -> ll.Setting:
    recipe = ll.Recipe(sequences=epochs, batch_size=BATCH)
    return ll.Setting(problem=PROBLEM, framing=framing, model=ll.adopt(make), recipe=recipe)


def drawn(epochs: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """One-hot inputs and integer targets, as updates of a batch."""
    samples = FRAMING.sample(PROBLEM, streams.training(seed), epochs)
    inputs = ll.OneHot(values=100).encode(samples.inputs)
    shape = epochs * AN_EPOCH, BATCH
    return inputs.reshape(*shape, 5, 100), samples.targets.reshape(shape)


def seconds(act: Callable[[], object]) -> float:
    began = time.perf_counter()
    act()
    return time.perf_counter() - began


# Keras.


def tutorial(sizes: ll.Sizes, seed: int) -> Any:
    """The tutorial's: its state goes on from batch to batch, and is reset after each epoch."""
    return keras_model(sizes, seed, stateful=True)


def stateless(sizes: ll.Sizes, seed: int) -> Any:
    return keras_model(sizes, seed, stateful=False)


def keras_model(sizes: ll.Sizes, seed: int, stateful: bool) -> Any:
    import keras  # pyright: ignore[reportMissingImports]

    rows = BATCH if stateful else None
    model: Any = keras.Sequential(
        [
            keras.Input(batch_shape=(rows, sizes.timesteps, sizes.features)),
            keras.layers.LSTM(HIDDEN, stateful=stateful),
            keras.layers.Dense(sizes.outputs, activation="softmax"),
        ]
    )
    layer, readout = weights.to_keras(ll.LSTM(hidden_size=HIDDEN)(sizes, seed))
    model.layers[0].set_weights(layer)
    model.layers[1].set_weights(readout)
    model.compile(
        optimizer=keras.optimizers.Adam(1e-3, epsilon=1e-7),
        loss="categorical_crossentropy",
        metrics=["accuracy"],
    )
    return model


def of_keras(rounds: int, make: Any, framing: ll.Window, words: str) -> None:
    epochs, few = 2000, 100
    ours = setting(make, epochs, framing)
    model = make(ours.sizes, 0)
    inputs, targets = drawn(few)
    encoded = ll.OneHot(values=100).encode(targets)

    def fit_theirs() -> None:
        for epoch in range(few):
            now = slice(epoch * AN_EPOCH, (epoch + 1) * AN_EPOCH)
            x, y = (each[now].reshape(-1, *each.shape[2:]) for each in (inputs, encoded))
            model.fit(x, y, epochs=1, batch_size=BATCH, shuffle=False, verbose=0)
            reset(model)

    fit_theirs()  # compiled now, not measured
    finish(fit(ours, (0,)))
    theirs, compiled = [], []
    for _ in range(rounds):
        theirs.append(1e6 * seconds(fit_theirs) / (few * AN_EPOCH))
        run = finish(fit(ours, (0,)))
        compiled.append(1e6 * run.train_seconds / run.updates)
    told(f"{words}, its own `fit` an epoch", theirs, theirs)
    told("the same model adopted, in the compiled loop", compiled, theirs)
    run = finish(fit(setting(make, 50, framing), (0,)))
    losses = np.concatenate([report.losses for report in run.history[0]])
    fresh, expected = make(ours.sizes, 0), []
    pairs = itertools.islice(zip(inputs, encoded, strict=True), 200)
    for update, (x, y) in enumerate(pairs):
        if update % AN_EPOCH == 0:
            reset(fresh)
        fresh.reset_metrics()
        expected.append(float(fresh.train_on_batch(x, y)[0]))
    apart = np.abs(losses - expected) / np.abs(expected)
    LOSSES.append(
        f"{words}: same weights, same draws, 200 losses from {expected[0]:.3f} to "
        f"{expected[-1]:.3f} differ by at most {apart.max():.1e} of their value."
    )


LOSSES: list[str] = []


def reset(model: Any) -> None:
    """Drop the state that it carries, if it does."""
    if model.layers[0].stateful:
        model.layers[0].reset_state()


# PyTorch.


def torch_model(sizes: ll.Sizes, _: int) -> Any:
    import torch  # pyright: ignore[reportMissingImports]

    class Net(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.lstm = torch.nn.LSTM(sizes.features, HIDDEN, batch_first=True)
            self.readout = torch.nn.Linear(HIDDEN, sizes.outputs)

        def forward(self, inputs):
            return self.readout(self.lstm(inputs)[0][:, -1])

    return Net()


def torch_cell(sizes: ll.Sizes, _: int) -> Any:
    """An LSTM written out step by step: many small operations."""
    import torch  # pyright: ignore[reportMissingImports]

    class Net(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.into = torch.nn.Linear(sizes.features, 4 * HIDDEN)
            self.again = torch.nn.Linear(HIDDEN, 4 * HIDDEN)
            self.readout = torch.nn.Linear(HIDDEN, sizes.outputs)

        def forward(self, inputs):
            hidden = cell = inputs.new_zeros(len(inputs), HIDDEN)
            for step in inputs.unbind(1):
                gates = self.into(step) + self.again(hidden)
                into, keep, new, out = gates.chunk(4, dim=-1)
                cell = keep.sigmoid() * cell + into.sigmoid() * new.tanh()
                hidden = out.sigmoid() * cell.tanh()
            return self.readout(hidden)

    return Net()


def of_torch(rounds: int, make: Any, words: str) -> None:
    import torch  # pyright: ignore[reportMissingImports]

    epochs = 250
    ours = setting(make, epochs)
    inputs, targets = map(torch.from_numpy, drawn(epochs))
    targets = targets.long()

    def by_hand() -> None:
        torch.set_num_threads(1)
        model = make(ours.sizes, 0)
        optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, eps=1e-7)
        losses = []
        for x, y in zip(inputs, targets, strict=True):
            loss = torch.nn.functional.cross_entropy(model(x), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.detach())
        torch.stack(losses).numpy()
        torch.set_num_threads(usual)  # which the adopted one has to deal with

    usual = torch.get_num_threads()
    by_hand()
    finish(fit(ours, (0,)))
    hand, adopted = [], []
    for _ in range(rounds):
        hand.append(1e6 * seconds(by_hand) / (epochs * AN_EPOCH))
        run = finish(fit(ours, (0,)))
        adopted.append(1e6 * run.train_seconds / run.updates)
    told(f"{words}, a loop written by hand on one thread", hand, hand)
    told("the same model adopted", adopted, hand)


def of_threads(rounds: int) -> None:
    """What a second thread brings a large layer, off the main thread as training is."""
    import torch  # pyright: ignore[reportMissingImports]

    layer, inputs = torch.nn.LSTM(100, 256, batch_first=True), torch.randn(128, 100, 100)
    took: dict[int, list[float]] = {1: [], 2: []}

    def alternate() -> None:
        for _ in range(rounds):
            for count, each in took.items():
                torch.set_num_threads(count)
                each.append(1e6 * seconds(lambda: layer(inputs)[0].sum().backward()))

    thread = threading.Thread(target=alternate)
    thread.start()
    thread.join()
    for count, each in took.items():
        told(f"`nn.LSTM` of 256, 128 rows of 100 steps, {count} thread(s)", each, took[1])


# Streams.


def of_streams(rounds: int) -> None:
    reals = ll.CumulativeThreshold(length=100)
    say("\n| stream | values a second, median | least |\n| --- | ---: | ---: |")
    for name, problem, framing in (
        ("windows of 5, batches of 5", PROBLEM, FRAMING),
        ("whole sequences of 25, batches of 32", PROBLEM, ll.Whole()),
        ("chunks of 10 of 100 reals, batches of 32", reals, ll.Chunks(timesteps=10)),
    ):
        rows = 5 if isinstance(framing, ll.Window) else 32
        for features in (False, True):
            batches = framing.stream(problem, rows, features=features)
            count = 2000
            shown = next(batches).targets.shape[0] * next(batches).mask.shape[1]
            rates = [
                count * shown / seconds(lambda: [next(batches) for _ in range(count)])  # noqa: B023
                for _ in range(rounds)
            ]
            as_what = "features" if features else "values"
            say(f"| {name}, as {as_what} | {statistics.median(rates):,.0f} | {min(rates):,.0f} |")


def told(name: str, took: list[float], reference: list[float]) -> None:
    ratios = [mine / theirs for mine, theirs in zip(took, reference, strict=True)]
    say(
        f"| {name} | {statistics.median(took):,.0f} | {min(took):,.0f} | "
        f"{statistics.median(ratios):.3f} |"
    )


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> None:
    parser = argparse.ArgumentParser(description="What adopting a model costs, and what it saves.")
    parser.add_argument("--rounds", type=int, default=9)
    rounds = parser.parse_args().rounds
    say("| loop | µs an update, median | least | of the first, median of rounds |")
    say("| --- | ---: | ---: | ---: |")
    of_torch(rounds, torch_model, "PyTorch, `nn.LSTM`")
    of_torch(rounds, torch_cell, "PyTorch, an LSTM of small operations")
    of_threads(rounds)
    of_keras(rounds, tutorial, CARRIED, "Keras, the tutorial's model")
    of_keras(rounds, stateless, FRAMING, "Keras, the same without carried state")
    say("\n" + "\n".join(LOSSES))
    of_streams(rounds)


if __name__ == "__main__":
    main()
