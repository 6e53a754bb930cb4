"""Draws of episodes beside the generators of Zoology and of CogScale, for the same tasks and sizes.

    python benchmarks/draws.py --zoology PATH --cogscale PATH

prints a Markdown table, ready for the page of benchmarks. A path is that of a checkout of the
repository; one that is not given is left out. Zoology gives integers, as we do; CogScale gives
one-hot vectors, which are made here where a framework needs them: the last column counts that too.
Each round times all, one after the other.
"""

from __future__ import annotations

import argparse
import functools
import importlib
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from echo import conditions, say, table

import longlag as ll
from longlag.encodings import encodings
from longlag.problems import Problem

SEQUENCES = 1000


class Pair(NamedTuple):
    """A task, our problem, and a function that draws `SEQUENCES` sequences of the peer's."""

    task: str
    problem: Problem
    theirs: Callable[[], object]
    one_hot: bool


def zoology(path: Path) -> Iterator[Pair]:
    """Associative recall with several queries, in the sizes of the paper."""
    sys.path.insert(0, str(path))
    recall = importlib.import_module("zoology.data.multiquery_ar")

    for length, pairs in ((64, 4), (128, 8), (256, 16)):
        problem = ll.AssociativeRecall(
            length=length, pairs=pairs, keys=4095, values=4096, spread=0.01
        )
        yield Pair(
            f"Zoology, recall of {pairs} pairs in {length} steps",
            problem,
            lambda length=length, pairs=pairs: recall.multiquery_ar(
                8192, SEQUENCES, length, 0, num_kv_pairs=pairs, random_non_queries=False
            ),
            one_hot=False,
        )


def cogscale(path: Path) -> Iterator[Pair]:
    """The tasks that have a problem here, in the medium size of the suite."""
    sys.path.insert(0, str(path))
    tasks = importlib.import_module("cogscale.tasks")

    some = {"n_train": SEQUENCES, "n_valid": 0, "n_test": 0, "seed": 0}
    pairs: dict[str, tuple[Problem, Callable[..., object], dict[str, int]]] = {
        "echo": (
            ll.EchoLag(length=100, lag=15, values=8),
            tasks.generate_discrete_postcasting,
            {"sequence_length": 100, "delay": 15, "n_symbols": 8},
        ),
        "copy": (
            ll.CopyingMemory(symbols=50, values=8, delay=10),
            tasks.generate_simple_copy,
            {"sequence_length": 50, "delay": 10, "n_symbols": 8},
        ),
        "selective copy": (
            ll.SelectiveCopying(length=100, symbols=10, values=8),
            tasks.generate_selective_copy,
            {"sequence_length": 100, "n_markers": 10, "n_symbols": 8},
        ),
        "adding": (
            ll.Adding(length=100),
            tasks.generate_adding_problem,
            {"sequence_length": 100},
        ),
        "recall": (
            ll.AssociativeRecall(length=15, pairs=7, keys=16, values=16, queries=1),
            tasks.generate_associative_recall,
            {"num_pairs": 7, "n_symbols": 16},
        ),
    }
    for name, (problem, draw, knobs) in pairs.items():
        yield Pair(
            f"CogScale, {name}",
            problem,
            lambda draw=draw, knobs=knobs: draw(**some, **knobs),
            one_hot=True,
        )


def ours(pair: Pair, *, one_hot: bool) -> None:
    """Draw as many sequences, and encode them as one-hot vectors or not."""
    episodes = pair.problem.draw(np.random.default_rng(0), SEQUENCES)
    if one_hot:
        of_inputs, of_targets = encodings(pair.problem)
        of_inputs.encode(episodes.inputs)
        of_targets.encode(episodes.targets)


def seconds(call: Callable[[], object]) -> float:
    """The seconds of one call."""
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--zoology", type=Path, help="A checkout of HazyResearch/zoology.")
    parser.add_argument("--cogscale", type=Path, help="A checkout of Naowak/CogScale.")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    pairs = [*(zoology(options.zoology) if options.zoology else ())]
    pairs += [*(cogscale(options.cogscale) if options.cogscale else ())]
    rows = []
    for pair in pairs:
        say(pair.task)
        calls: list[Callable[[], object]] = [functools.partial(ours, pair, one_hot=False)]
        calls += [pair.theirs]
        calls += [functools.partial(ours, pair, one_hot=True)] if pair.one_hot else []
        turns = [[seconds(call) for call in calls] for _ in range(options.rounds + 1)]
        turns = turns[1:]  # the first may import
        times = [f"{1e3 * statistics.median(column):.1f}" for column in zip(*turns, strict=True)]
        ratios = [
            f"{statistics.median(turn[1] / turn[i] for turn in turns):.0f}"
            for i in (0, 2)[: 1 + pair.one_hot]
        ]
        rows.append((pair.task, *times[:2], *ratios, *[""] * (not pair.one_hot)))
    print(conditions(options.rounds))
    print()
    header = f"ms for {SEQUENCES:,} sequences", "longlag", "peer", "times as fast", "with one-hot"
    print(table(header, rows))


if __name__ == "__main__":
    main()
