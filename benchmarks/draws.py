"""Draws of episodes beside the generators of Zoology and of CogScale, for the same tasks and sizes.

    python benchmarks/draws.py --zoology PATH --cogscale PATH

prints a Markdown table, ready for docs/benchmarks.md. A path is that of a checkout of the
repository; one that is not given is left out. CogScale gives one-hot vectors, so that ours are
encoded too; Zoology gives integers, as we do. Each round times both, one after the other.
"""

from __future__ import annotations

import argparse
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
    from zoology.data.multiquery_ar import multiquery_ar  # pyright: ignore

    for length, pairs in ((64, 4), (128, 8), (256, 16)):
        problem = ll.AssociativeRecall(
            length=length, pairs=pairs, keys=4095, values=4096, spread=0.01
        )
        yield Pair(
            f"Zoology, recall of {pairs} pairs in {length} steps",
            problem,
            lambda length=length, pairs=pairs: multiquery_ar(
                8192, SEQUENCES, length, 0, num_kv_pairs=pairs, random_non_queries=False
            ),
            one_hot=False,
        )


def cogscale(path: Path) -> Iterator[Pair]:
    """The tasks that have a problem here, in the medium size of the suite."""
    sys.path.insert(0, str(path))
    from cogscale import tasks  # pyright: ignore

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


def ours(pair: Pair) -> None:
    """Draw as many sequences, and encode them where the peer does."""
    episodes = pair.problem.draw(np.random.default_rng(0), SEQUENCES)
    if pair.one_hot:
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
        each = [
            (seconds(lambda pair=pair: ours(pair)), seconds(pair.theirs))
            for _ in range(options.rounds + 1)
        ][1:]  # without the first, which may import
        mine, theirs = (statistics.median(column) for column in zip(*each, strict=True))
        ratio = statistics.median(other / own for own, other in each)
        rows.append((pair.task, f"{mine * 1e3:.1f}", f"{theirs * 1e3:.1f}", f"{ratio:.0f}"))
    print(conditions(options.rounds))
    print()
    print(table((f"ms for {SEQUENCES:,} sequences", "longlag", "peer", "times as fast"), rows))


if __name__ == "__main__":
    main()
