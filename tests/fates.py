"""Made-up runs of known fate, and how often the diagnosis names it.

    python tests/fates.py

prints the table of the page of diagnosis. A run is a loss for each update, and right answers on a
thousand fresh sequences: nothing is trained.
"""

from collections import Counter

import numpy as np
from study_cases import outcome

from longlag.trials.diagnosis import diagnose
from longlag.trials.outcome import Outcome, learning_curve, noise
from longlag.trials.seed_score import Tally

TARGETS = 5  # of a sequence, right or wrong together in part


def tally(rng, accuracy):
    """Right answers on a thousand sequences, some easier than others."""
    ease = rng.beta(10 * accuracy, 10 * (1 - accuracy), 1000) if 0 < accuracy < 1 else accuracy
    hits = rng.binomial(TARGETS, ease, 1000)
    shares = hits / TARGETS
    return Tally(int(hits.sum()), TARGETS * 1000, 1000, shares.sum(), (shares**2).sum())


def run(rng, losses, accuracy, *, chance, **fields) -> Outcome:
    """A run of these losses, in which each batch has a few targets, so that they are noisy."""
    spread = rng.choice([0.05, 0.2, 0.5])
    losses = losses * rng.lognormal(-(spread**2) / 2, spread, len(losses))
    counted = tally(rng, accuracy)
    trained = fields.pop("trained", accuracy)
    reports = [(part, trained) for part in np.array_split(losses, 20)]
    return outcome(
        (counted.shares / 1000 - chance) / (1 - chance),
        chance=chance,
        ceiling=1.0,
        independent=False,
        tally=counted,
        curve=learning_curve(reports),
        noise=noise(losses),
        updates=len(losses),
        sequences=10 * len(losses),
        **fields,
    )


def solved(rng, time, top, chance):
    losses = top * np.exp(-time / rng.uniform(0.03, 0.1)) + 1e-3 * top
    return run(rng, losses, rng.uniform(0.998, 1), chance=chance)


def undertrained(rng, time, top, chance):
    """The loss falls to the end: exponentially, by a power, or after a plateau."""
    falls = (
        np.exp(-time / rng.uniform(0.3, 0.8)),
        (1 + 20 * time) ** -rng.uniform(0.4, 0.8),
        1 - 0.7 / (1 + np.exp(-(time - rng.uniform(0.75, 0.9)) * 15)),
    )
    accuracy = chance + (1 - chance) * rng.uniform(0.2, 0.7)
    return run(rng, top * falls[rng.integers(3)], accuracy, chance=chance)


def stuck(rng, time, top, chance):
    """The loss falls early, then stays."""
    end = rng.uniform(0.2, 0.8)
    losses = top * (end + (1 - end) * np.exp(-time / rng.uniform(0.02, 0.08)))
    return run(rng, losses, chance + (1 - chance) * (1 - end), chance=chance)


def unstable(rng, time, top, chance):
    """The loss explodes in the first updates, spikes later, or leaves all bounds."""
    losses, count = top * (0.3 + 0.7 * np.exp(-time / 0.1)), len(time)
    way, fields = rng.integers(3), {}
    if way == 0:
        since = np.arange(count)
        losses = top * (1 + rng.uniform(4, 15) * np.exp(-since / rng.uniform(8, 60)))
        losses[0] = top
    elif way == 1:
        at, width = int(count * rng.uniform(0.3, 0.9)), max(count // 20, 20)
        losses[at : at + width] = top * rng.uniform(1.5, 8)
    else:
        fields = {"ended": "diverged", "diverged_at": count}
    return run(rng, losses, chance + (1 - chance) * 0.4, chance=chance, **fields)


def overfit(rng, time, top, chance):
    """Good on the rows trained on, less so on others."""
    accuracy = chance + (1 - chance) * rng.uniform(0.3, 0.6)
    losses = top * (0.05 + 0.95 * np.exp(-time / 0.1))
    trained = min(1.0, accuracy + rng.uniform(0.15, 0.4))
    return run(rng, losses, accuracy, chance=chance, trained=trained, fresh=False)


def at_chance(rng, time, top, chance):
    return run(rng, np.full(len(time), top), chance, chance=chance)


def unreachable(rng, time, top, chance):
    """It learns what is in sight, which is not enough."""
    reachable = chance + (1 - chance) * rng.uniform(0.1, 0.9)
    losses = top * (0.5 + 0.5 * np.exp(-time / 0.05))
    return run(rng, losses, reachable, chance=chance, reachable=reachable, audit="unreachable")


FATES = {
    "undertrained": undertrained,
    "stuck": stuck,
    "unstable": unstable,
    "overfit": overfit,
    "at chance": at_chance,
    "unreachable": unreachable,
    "solved": solved,
}


def confusion(count, seed=0):
    """What so many runs of each fate are called: the first reason, or solved."""
    rng, table = np.random.default_rng(seed), {}
    for fate, make in FATES.items():
        called = Counter()
        for _ in range(count):
            time = np.linspace(0, 1, int(rng.choice([400, 2000, 8000])))
            outcome = make(rng, time, rng.uniform(0.3, 4), rng.choice([0.01, 0.1, 0.25, 0.5]))
            reasons = diagnose(outcome)
            called[reasons[0].reason if reasons else "solved"] += 1
        table[fate] = called
    return table


def main():
    count = 200
    table = confusion(count)
    columns = [*FATES, *sorted({name for row in table.values() for name in row} - set(FATES))]
    print(f"| fate of {count} runs each | {' | '.join(columns)} |")
    print(f"|---|{'---|' * len(columns)}")
    for fate, row in table.items():
        print(f"| {fate} | {' | '.join(str(row[name] or '') for name in columns)} |")


if __name__ == "__main__":
    main()
