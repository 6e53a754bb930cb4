"""The entry point: `python -m tests.fuzz --inputs 300 --kills 2 --interrupts 2 --seed 0`."""

from __future__ import annotations

import argparse
import contextlib
import functools
import json
import sys
import tempfile
import time
from collections.abc import Generator
from pathlib import Path

from . import inputs, studies, world
from .cases import FAMILIES, Result, document, table

sys.path[:0] = [path for path in inputs.search_path().split(":") if path]


def main() -> int:
    """Run cases and print the table of their faults."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    for family, count in zip(FAMILIES, (300, 2, 2), strict=True):
        parser.add_argument(f"--{family}", type=int, default=count, help="Number of cases.")
    parser.add_argument("--seed", type=int, default=0, help="Other seeds, other cases.")
    parser.add_argument("--minutes", type=float, help="Begin no case after so long.")
    parser.add_argument("--first", type=int, default=0, help="Number of the first case.")
    parser.add_argument("--only", help="One case alone, such as inputs:17; its output is shown.")
    parser.add_argument("--patience", type=float, default=2.0, help="Seconds to end after Ctrl-C.")
    parser.add_argument("--json", action="store_true", help="Print one JSON document.")
    options = parser.parse_args()
    counts = {family: getattr(options, family) for family in FAMILIES}
    began, results = time.monotonic(), list[Result]()
    with tempfile.TemporaryDirectory(prefix="longlag-fuzz-") as home:
        template = Path(home) / "template"
        world.build(template)
        names = [
            f"{family}:{options.first + number}"
            for family, count in counts.items()
            for number in range(count)
        ]
        names = [options.only] if options.only else names
        show = (lambda text: print(text, file=sys.stderr)) if options.only else (lambda _: None)
        with contextlib.closing(
            run(template, names, options.seed, options.patience, show)
        ) as running:
            for result in running:
                results.append(result)
                for fault in result.faults:
                    line = f"{result.case}: {fault.kind}: {fault.text}\n    {result.words}"
                    line = line.encode("ascii", "backslashreplace").decode()
                    print(line, file=sys.stderr, flush=True)
                if options.minutes and time.monotonic() - began > 60 * options.minutes:
                    break
    if options.json:
        print(json.dumps(document(results), indent=2))
    else:
        print(table(results), f"\n{time.monotonic() - began:.0f} s, seed {options.seed}.")
    return int(any(result.faults for result in results))


def run(template: Path, names: list[str], seed: int, patience: float, show) -> Generator[Result]:
    """The results of cases of all families."""
    interrupts = functools.partial(studies.interrupts, patience=patience)
    commands = functools.partial(inputs.run, patience=patience, listen=show)
    for family, runs in zip(FAMILIES, (commands, studies.kills, interrupts), strict=True):
        chosen = [name for name in names if name.startswith(family)]
        yield from runs(template, chosen, seed=seed)


if __name__ == "__main__":
    sys.exit(main())
