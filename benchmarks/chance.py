"""How often a constant is called better than chance, where chance is near the best score.

    python benchmarks/chance.py

Prints a row for each setting of `CumulativeThreshold`; the table stands in the page of statistics.
"""

from __future__ import annotations

import numpy as np

import longlag as ll

SETTINGS = (5, 4.0), (6, 4.5), (5, 3.8), (3, 0.2), (2, 0.1), (10, 2.5), (4, 2.0)
SEEDS = 300


def main() -> None:
    """Print the table."""
    for length, threshold in SETTINGS:
        problem = ll.CumulativeThreshold(length=length, threshold=threshold)
        _, targets, _ = problem.draw(np.random.default_rng(9), 100_000)
        constant = (np.asarray(targets).mean(axis=0) > 0.5).astype(np.int32)

        def predict(inputs: np.ndarray, constant: np.ndarray = constant) -> np.ndarray:
            return np.tile(constant, (len(inputs), 1))

        verdicts = [ll.score(problem, ll.Whole(), predict, seeds=[s]).verdict for s in range(SEEDS)]
        above = sum(verdict in ("partly learned", "solved") for verdict in verdicts)
        room = problem.ceiling() - problem.chance()
        print(f"| {length}, {threshold} | {room:.2g} | {100 * above / SEEDS:.1f} % |", flush=True)


if __name__ == "__main__":
    main()
