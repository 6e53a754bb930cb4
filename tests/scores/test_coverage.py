"""Intervals cover as often as they say, or say that they may not: benchmarks/coverage.py, small."""

import importlib.util
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "benchmarks" / "coverage.py"
SPEC = importlib.util.spec_from_file_location("coverage_of_intervals", SOURCE)
assert SPEC is not None and SPEC.loader is not None  # noqa: PT018
coverage = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(coverage)

CASES = {f"{case.figure}: {case.setting}": case for case in coverage.cases()}


@pytest.mark.parametrize("name", CASES)
def test_an_interval_covers_the_truth_or_carries_a_caveat(name):
    case, repeats = CASES[name], 200
    found = coverage.covered(case, repeats, seed=1)
    bar = 0.85 if "fail" in name or "never" in name or "exponential" in name else 0.92
    least = min(bar, case.stated)
    assert found.or_caveat >= least - 2.5 * (least * (1 - least) / repeats) ** 0.5
    if case.figure != "frontier, length still solved":  # whole numbers: the median may be certain
        assert found.no_width == 0
