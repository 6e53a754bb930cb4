"""A season is found where values come round again, and not in noise, walks and trends."""

import numpy as np
import pytest

from longlag.framings import Whole
from longlag.models import LSTM
from longlag.problems import Series
from longlag.problems.seasons import season
from longlag.trials.documents import document, setting
from longlag.trials.setting import Setting

NULL = {
    "white noise": lambda rng, count: rng.normal(size=count),
    "random walk": lambda rng, count: rng.normal(size=count).cumsum(),
    "heavy-tailed walk": lambda rng, count: rng.standard_t(3, size=count).cumsum(),
    "trend": lambda rng, count: 0.05 * np.arange(count) + rng.normal(size=count),
    "bent trend": lambda rng, count: (np.arange(count) / 20) ** 2 + rng.normal(size=count),
    "walk of a walk": lambda rng, count: rng.normal(size=count).cumsum().cumsum(),
}


def load(rng, days, noise):
    """Hours of a load: a day with two peaks, weaker at the end of the week, and a slow drift."""
    hours = np.arange(24 * days)
    day = np.sin(2 * np.pi * hours / 24) + 0.5 * np.sin(4 * np.pi * hours / 24 + 1)
    week = np.where(hours // 24 % 7 < 5, 1.0, 0.3)
    drift = 0.02 * rng.normal(size=len(hours)).cumsum()
    return 10 + day * week + drift + noise * rng.normal(size=len(hours))


@pytest.mark.parametrize("count", [60, 250])
@pytest.mark.parametrize("kind", NULL)
def test_of_200_series_without_a_season_it_is_found_in_at_most_10(kind, count):
    rng = np.random.default_rng(7)
    found = [season(NULL[kind](rng, count), (24, 168)) for _ in range(200)]
    assert sum(each is not None for each in found) <= 10


@pytest.mark.parametrize("noise", [0.1, 0.3, 0.6])
@pytest.mark.parametrize("seed", range(3))
def test_a_day_or_a_week_of_hourly_load_is_found_under_noise(seed, noise):
    rows = load(np.random.default_rng(seed), 60, noise)
    changes = np.diff(rows)
    if noise == 0.6:  # changes tell nothing, each by itself
        assert abs(np.corrcoef(changes[24:], changes[:-24])[0, 1]) < 0.25
    assert season(rows) in (24, 168)
    assert season(rows, (24, 168)) in (24, 168)


@pytest.mark.parametrize("seed", range(5))
def test_fewer_than_three_days_of_a_slow_wave_give_no_season_of_an_hour(seed):
    rng, rows = np.random.default_rng(seed), np.arange(420)  # of 10 minutes
    wave = -8 + 5 * np.sin(2 * np.pi * rows / 144) + 3 * np.sin(2 * np.pi * rows / 72 + 1)
    assert season(wave + 0.2 * rng.normal(size=420), (6, 144, 1008)) is None


@pytest.mark.parametrize(
    ("suggested", "count"), [((4, 96, 672), 1440), ((6, 144, 1008), 3000), ((12, 288, 2016), 3000)]
)
@pytest.mark.parametrize(("noise", "weather"), [(0.0, 0.0), (0.3, 0.0), (1.0, 0.0), (0.2, 0.25)])
def test_of_a_wave_of_a_day_in_rows_of_minutes_it_is_the_day_that_is_found(
    suggested, count, noise, weather
):
    for seed in range(5):
        rng, day = np.random.default_rng(seed), suggested[1]
        rows = 4 * np.sin(2 * np.pi * np.arange(count) / day) + noise * rng.normal(size=count)
        walk = np.zeros(count)  # that forgets within days; its deviation is about `4 * weather`
        for at, step in enumerate(rng.normal(size=count - 1)):
            walk[at + 1] = (1 - 1 / (2 * day)) * walk[at] + 4 * weather * day**-0.5 * step
        assert season(rows + walk, suggested) == day


@pytest.mark.parametrize(
    ("suggested", "count"),
    [((60, 1440, 10080), 5000), ((60, 120, 2880, 20160), 9000), ((60, 720), 3000)],
)
@pytest.mark.parametrize("noise", [0.0, 0.3, 1.5])
def test_of_rows_of_a_minute_or_less_the_day_is_found(suggested, count, noise):
    rows, day = np.arange(count), next(each for each in suggested if each > 500)
    wave = 4 * np.sin(2 * np.pi * rows / day) + np.sin(4 * np.pi * rows / day + 1)
    for seed in range(2):
        rng = np.random.default_rng(seed)
        series = wave + noise * rng.normal(size=count) + 0.01 * rng.normal(size=count).cumsum()
        assert season(series, suggested) == day


def test_the_day_of_rows_of_ten_seconds_is_found_in_noise():
    rows = np.arange(35_000)
    wave = np.sin(2 * np.pi * rows / 8640) + np.random.default_rng(0).normal(size=len(rows))
    assert season(wave, (6, 360, 8640, 60_480)) == 8640


@pytest.mark.parametrize("kind", NULL)
def test_no_day_is_found_in_rows_of_a_minute_without_one(kind):
    rng = np.random.default_rng(7)
    found = [season(NULL[kind](rng, 4400), (60, 1440, 10080)) for _ in range(20)]
    assert sum(each is not None for each in found) <= 1


def test_an_hour_of_rows_of_15_minutes_is_found_where_there_is_one_of_it():
    rng, rows = np.random.default_rng(0), np.arange(1440)
    wave = np.sin(2 * np.pi * rows / 96) + np.tile([1.0, 0, 0, 0], 360)
    assert season(wave + 0.2 * rng.normal(size=1440), (4, 96, 672)) in (4, 96)
    hour = np.tile([1.0, 0, 0, 0], 360) + 0.2 * rng.normal(size=1440)
    assert season(hour, (4, 96, 672)) == 4


@pytest.mark.parametrize("kind", NULL)
def test_no_season_is_found_in_rows_of_minutes_without_one(kind):
    rng = np.random.default_rng(7)
    found = [season(NULL[kind](rng, 300), (4, 96, 672)) for _ in range(100)]
    assert sum(each is not None for each in found) <= 5


def test_of_days_alone_it_is_the_day_that_is_found():
    rng, hours = np.random.default_rng(0), np.arange(24 * 40)
    rows = np.sin(2 * np.pi * hours / 24) + 0.7 * rng.normal(size=len(hours))
    assert season(rows, (24, 168)) == 24


@pytest.mark.parametrize(
    ("period", "count", "noise"), [(24, 500, 0.4), (12, 210, 0.5), (52, 364, 0.4)]
)
@pytest.mark.parametrize("suggested", [True, False])
def test_of_a_wave_its_period_is_found_not_a_multiple(period, count, noise, suggested):
    found = []
    for seed in range(30):
        walk = np.zeros(count)
        for at, step in enumerate(np.random.default_rng(seed).normal(size=count - 1)):
            walk[at + 1] = 0.9 * walk[at] + 0.44 * noise * step  # its deviation is `noise`
        rows = walk + np.sin(2 * np.pi * np.arange(count) / period)
        found.append(season(rows, (period,) * suggested))
    near = [each for each in found if each and abs(each - period) <= (0 if suggested else 2)]
    assert len(near) >= 28


def test_a_suggested_week_is_found_where_only_the_week_repeats():
    rng, hours = np.random.default_rng(0), np.arange(168 * 9)
    week = rng.normal(size=168).cumsum()
    rows = week[hours % 168] + 0.2 * rng.normal(size=len(hours))
    assert season(rows, (24, 168)) == 168


def test_a_series_has_a_baseline_for_each_season_that_its_times_suggest():
    rows = load(np.random.default_rng(0), 60, 0.3)
    series = Series(rows, length=3, horizon=12, seasons=(24, 168))
    scored = np.ones(3, dtype=bool)
    naive = series.baselines("evaluation", scored)
    assert {"seasonal", "mean", "last value"} < naive.keys()
    assert series.period is not None
    (other,) = (period for period in (24, 168) if period != series.period)
    assert f"seasonal {other}" in naive
    at = series.target_rows("evaluation", scored)
    for name, period in (("seasonal", series.period), (f"seasonal {other}", other)):
        assert naive[name].tolist() == rows[at - period].tolist()  # a whole season before


def test_a_season_longer_than_the_rows_that_train_has_no_baseline():
    series = Series(np.sin(np.arange(100.0) ** 1.3), length=3, seasons=(24, 365))
    assert "seasonal 365" not in series.baselines("evaluation", np.ones(3, dtype=bool))


def test_a_document_of_a_setting_gives_the_seasons_back():
    rows = np.sin(np.arange(100.0) ** 1.3)
    series = Series(rows, length=3, seasons=(7, 12))
    written = document(Setting(problem=series, framing=Whole(), model=LSTM()))
    back = setting(written, np.asarray(series.values)).problem
    assert isinstance(back, Series)
    assert back.seasons == (7, 12)
    plain = document(Setting(problem=Series(rows, length=3), framing=Whole(), model=LSTM()))
    assert "seasons" not in plain["problem"]  # as stores of before have it


@pytest.mark.parametrize("seed", range(4))
def test_a_year_of_a_little_less_than_three_is_not_cut_off(seed):
    """It was 349 days of 1,050: the longest that fits three times."""
    days = np.arange(1050)
    noise = np.random.default_rng(seed).normal(0, 0.3, len(days))
    rows = np.sin(2 * np.pi * days / 365.25) + noise
    assert season(rows, (7, 365)) in (365, None)
    assert season(rows - noise / 2, (7, 365)) == 365
