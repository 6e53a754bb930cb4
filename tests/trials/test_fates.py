"""The diagnosis of made-up runs whose fate is known; the whole table: tests/fates.py."""

from fates import FATES, confusion


def test_of_each_fate_nine_runs_in_ten_are_named_rightly():
    table = confusion(50, seed=1)
    assert set(table) == set(FATES)
    for fate, called in table.items():
        assert called[fate] >= 0.86 * called.total(), (fate, called)  # 90 % less the noise of 50
