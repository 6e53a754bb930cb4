"""A comparison by longlag beside a plain sequential PyTorch script, for a sample of its trials.

    longlag compare --store grid.db
    python benchmarks/grid.py grid.db --sample 40

Of the trials that the last comparison in the store asked for, some are drawn at random and trained
again by a plain PyTorch loop: the same model, sizes, batches, optimiser and number of updates,
fresh one-hot draws of the same problem, then 1,000 sequences scored. Long trainings are measured
over their first updates and scaled. PyTorch has the better of one thread and of as many as it
takes; data are drawn and encoded outside the time measured, hits are not counted. What longlag
took is the wall time of the whole comparison, compiling, scoring and storing included, shared out
evenly.
"""

from __future__ import annotations

import argparse
import importlib
import random
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import longlag as ll
from longlag import streams
from longlag.store.store import Store
from longlag.trials import documents

MEASURED, WARM_UP = 300, 20  # updates

torch: Any = importlib.import_module("torch")  # which need not be there where types are checked
nn = torch.nn


class Recurrent(nn.Module):
    """One recurrent layer and a dense output."""

    def __init__(self, layer: Any, features: int, hidden: int, outputs: int, *, last: bool):
        super().__init__()
        self.layer, self.dense = (
            layer(features, hidden, batch_first=True),
            nn.Linear(hidden, outputs),
        )
        self.last = last

    def forward(self, inputs: Any) -> Any:
        hidden = self.layer(inputs)[0]
        return self.dense(hidden[:, -1:] if self.last else hidden)


def network(setting: ll.Setting) -> Any:
    """The model of a setting, in PyTorch."""
    features, outputs = setting.input_encoding.features, setting.target_encoding.features
    knobs = documents.document(setting)["model"]
    last = setting.layout.output == "last"
    layers = {"lstm": nn.LSTM, "gru": nn.GRU, "rnn": nn.RNN}
    if knobs["kind"] in layers:
        layer = layers[knobs["kind"]]
        return Recurrent(layer, features, knobs["hidden_size"], outputs, last=last)
    width = features * setting.problem.steps
    return nn.Sequential(
        nn.Linear(width, knobs["hidden_size"]), nn.ReLU(), nn.Linear(knobs["hidden_size"], outputs)
    )


def data(setting: ll.Setting, seed: int, count: int) -> tuple[Any, Any]:
    """So many sequences, encoded, and their targets; for an MLP as flattened windows."""
    framing, problem = setting.framing, setting.problem
    inputs, targets, _ = framing.sample(problem, streams.training(seed), count)
    features = setting.input_encoding.encode(inputs)
    if setting.layout.output == "last":
        targets = targets[:, -1:]
    if documents.document(setting)["model"]["kind"] == "mlp":
        steps = features.shape[1]
        padded = np.pad(features, ((0, 0), (steps - 1, 0), (0, 0)))
        ends = [steps - 1] if setting.layout.output == "last" else range(steps)
        windows = [padded[:, end : end + steps].reshape(count, -1) for end in ends]
        features = np.stack(windows, axis=1)
    return torch.from_numpy(np.ascontiguousarray(features)), torch.from_numpy(targets)


def loss_of(setting: ll.Setting) -> Callable[[Any, Any], Any]:
    """The mean loss over what is scored."""
    if setting.loss == ll.Loss():
        return lambda outputs, targets: nn.functional.cross_entropy(
            outputs.flatten(0, 1), targets.flatten().long(), ignore_index=-1
        )
    return lambda outputs, targets: nn.functional.mse_loss(outputs[..., 0], targets)


def seconds(setting: ll.Setting, seed: int, updates: int) -> float:
    """What a plain loop takes for a trial of so many updates."""
    batch, measured = setting.recipe.batch_size, min(updates, MEASURED)
    torch.manual_seed(seed)
    model, loss = network(setting), loss_of(setting)
    adam = torch.optim.Adam(model.parameters(), lr=setting.recipe.learning_rate)
    inputs, targets = data(setting, seed, batch * (measured + WARM_UP))
    batches = list(zip(inputs.split(batch), targets.split(batch), strict=True))

    def train(some: list[Any]) -> float:
        began = time.perf_counter()
        for x, y in some:
            adam.zero_grad()
            loss(model(x), y).backward()
            adam.step()
        return time.perf_counter() - began

    train(batches[:WARM_UP])
    taken = train(batches[WARM_UP:]) * updates / measured
    fresh, _ = data(setting, seed + 1, 1000)
    began = time.perf_counter()
    with torch.no_grad():
        model(fresh).argmax(-1)
    return taken + time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(description="A comparison beside a plain PyTorch script.")
    parser.add_argument("store", type=Path)
    parser.add_argument("--sample", type=int, default=40)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    with Store(arguments.store) as store:
        study = [each for each in store.studies() if each.kind == "compare"][-1]
        trials = store.asked(study.id)
    assert study.usage is not None
    assert not study.usage["reused"], "the comparison must have run all of its trials itself"
    ours = study.usage["wall"] / study.usage["ran"]
    sample = random.Random(arguments.seed).sample(trials, arguments.sample)
    most = torch.get_num_threads()
    rows: dict[str, list[float]] = {}
    total = []
    for _, seed, written, outcome in sample:
        setting = documents.setting(written)
        times = []
        for threads in (1, most):
            torch.set_num_threads(threads)
            times.append(seconds(setting, seed, outcome.updates))
        total.append(min(times))
        rows.setdefault(written["model"]["kind"], []).append(min(times))
        print(
            f"{written['problem']['kind']} {written['model']['kind']} {outcome.updates:,} updates: "
            f"PyTorch {min(times):.2f} s",
            flush=True,
        )
    for kind, times in rows.items():
        print(f"{kind}: {len(times)} trials, mean {statistics.mean(times):.2f} s")
    theirs = statistics.mean(total)
    spread = 1.96 * statistics.stdev(total) / len(total) ** 0.5
    print(
        f"longlag: {study.usage['ran']} trials in {study.usage['wall']:.0f} s, {ours:.2f} s a "
        f"trial; "
        f"PyTorch {theirs:.2f} ± {spread:.2f} s a trial over {len(total)} of them: "
        f"{theirs / ours:.1f} times, {theirs * len(trials):.0f} s for the whole grid"
    )


if __name__ == "__main__":
    main()
