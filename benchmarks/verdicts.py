"""How often the verdict of a claim comes out the same over 20 other sets of seeds.

    python benchmarks/verdicts.py [claim ...]

All claims take hours; name the cheap ones, as `echo/encode echo/current`.
"""

from __future__ import annotations

import sys
from collections import Counter

from longlag.claims import CARDS, settle

SETS, SEEDS = 20, 4


def main() -> None:
    """Print a line for each claim."""
    print("| claim | recorded | verdicts |\n|---|---|---|")
    for name in sys.argv[1:] or CARDS:
        card = CARDS[name]
        sets = (range(100 + SEEDS * i, 100 + SEEDS * (i + 1)) for i in range(SETS))
        verdicts = Counter(settle(card, tuple(seeds)).finding.verdict for seeds in sets)
        counted = ", ".join(f"{verdict}: {count}" for verdict, count in verdicts.most_common())
        print(f"| {name} | {card.recorded} | {counted} |", flush=True)


if __name__ == "__main__":
    main()
