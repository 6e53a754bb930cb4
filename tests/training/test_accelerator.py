"""The benchmark of an accelerator runs where there is none, in groups of seeds on the CPU."""

import os
import re
import subprocess
import sys
from pathlib import Path

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


def test_groups_of_seeds_have_the_losses_of_seeds_trained_alone():
    options = "--trials 4 --group 2 --fewer 1 --sequences 20 --study tutorial".split()
    found = subprocess.run(
        [sys.executable, BENCHMARKS / "accelerator.py", *options],
        env=os.environ | {"JAX_PLATFORMS": "cpu"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert found.stdout.startswith("No accelerator: ")
    (row,) = re.findall(r"^\| tutorial \| (.*) \|$", found.stdout, re.MULTILINE)
    trials, group, rate, _, _, _, _, apart = row.split(" | ")
    assert (trials, group) == ("4", "2")
    assert float(rate) > 0
    assert float(apart) < 1e-3
