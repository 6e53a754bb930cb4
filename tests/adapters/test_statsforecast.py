"""Baselines that are fitted: no leak, and as good as theory says where theory knows."""

import dataclasses
import sys

import numpy as np
import pytest

import longlag as ll
from longlag.framings import Window
from longlag.scores import forecast as forecasts
from longlag.trials.checkpoint import Trained, load


def autoregressive(count, coefficient, seed=0):
    """Values of which each is so much of the one before, and noise of deviation 1."""
    noise, values = np.random.default_rng(seed).normal(size=count), np.zeros(count)
    for row in range(1, count):
        values[row] = coefficient * values[row - 1] + noise[row]
    return values


SCORED = np.arange(4) == 3  # by Window(timesteps=4)
WEEK = 50 + 10 * np.sin(2 * np.pi * np.arange(300) / 7) + autoregressive(300, 0.5, 3)


def series(values, **knobs):
    return ll.Series(values, length=4, fitted_baselines=True, **knobs)


def test_without_statsforecast_the_extra_is_named_before_anything_is_trained(monkeypatch):
    monkeypatch.setitem(sys.modules, "statsforecast.models", None)
    forecasts._fitted.cache_clear()
    with pytest.raises(ValueError, match=r"need statsforecast\. .* 'longlag\[baselines\]'"):
        ll.train(series(WEEK), Window(timesteps=4), ll.LSTM(hidden_size=2), sequences=10)


def test_a_model_that_was_compared_with_them_is_loaded_without_statsforecast(tmp_path, monkeypatch):
    made = ll.Setting(
        problem=ll.Series(WEEK, length=4), framing=Window(timesteps=4), model=ll.GRU(hidden_size=2)
    )
    compared = dataclasses.replace(made, problem=series(WEEK))
    monkeypatch.setitem(sys.modules, "statsforecast.models", None)
    Trained(compared, 0, made.create(0)).save(tmp_path / "m.safetensors")
    again = load(tmp_path / "m.safetensors")
    assert isinstance(again.setting.problem, ll.Series)
    assert not again.setting.problem.fitted_baselines
    assert np.isfinite(again.predict(WEEK[-4:])).all()


@pytest.fixture(scope="module")
def rolling():
    pytest.importorskip("statsforecast", reason="statsforecast is an extra (baselines)")
    from longlag.adapters.statsforecast import rolling

    return rolling


@pytest.mark.usefixtures("rolling")
@pytest.mark.parametrize("horizon", [1, 3])
def test_the_error_of_an_arima_on_an_autoregression_is_the_least_there_is(horizon):
    made = series(autoregressive(3000, 0.8), horizon=horizon, scored_on=0.4)
    errors = forecasts.baselines(made, SCORED, "evaluation")
    best = np.sqrt(sum(0.8 ** (2 * step) for step in range(horizon)))  # of the noise ahead
    assert errors["AutoARIMA"].error == pytest.approx(best, rel=0.05)
    assert errors["AutoARIMA"].error < 0.95 * errors["last value"].error
    assert forecasts.best_baseline(made, SCORED) == "AutoARIMA"


def test_no_forecast_is_moved_by_a_later_row_nor_any_parameter_by_a_row_that_scores(rolling):
    changed = WEEK.copy()
    changed[250:] += 1000
    for horizon in (1, 3):
        before, after = (rolling(values, 200, 7, horizon) for values in (WEEK, changed))
        assert list(before) == ["AutoETS", "AutoARIMA"]
        for name in before:
            assert np.isnan(before[name][:200]).all()
            same = slice(200, 250 + horizon)
            assert (before[name][same] == after[name][same]).all()
            assert abs(after[name][250 + horizon :] - before[name][250 + horizon :]).min() > 1


def test_a_row_that_has_passed_updates_the_state(rolling):
    level = np.r_[autoregressive(200, 0.9), 100 + autoregressive(50, 0.9)]
    for forecast in rolling(level, 200, 1, 1).values():
        assert abs(forecast[200]) < 10
        assert forecast[220:].mean() > 70


def test_seasons_are_used_and_one_too_long_for_an_arima_is_left_out_of_it_by_name(rolling):
    error = {}
    for season in (1, 7):
        for name, forecast in rolling(WEEK, 200, season, 1).items():
            residuals = forecast[200:] - WEEK[200:]
            error[f"{name} {season}"] = np.sqrt(np.mean(residuals**2))
    assert error["AutoETS 7"] < 0.6 * error["AutoETS 1"]
    assert error["AutoARIMA 7"] < 2
    assert list(rolling(WEEK, 250, 30, 1)) == ["AutoETS", "AutoARIMA, no season"]


@pytest.mark.usefixtures("rolling")
@pytest.mark.parametrize("scale", ["standard", "range", "none"])
def test_they_stand_in_the_same_unit_and_gaps_are_those_of_the_naive(scale):
    gaps = np.where(np.arange(300) % 31 == 7, np.nan, WEEK)
    errors = {
        unit: forecasts.baselines(
            series(unit * gaps, scale=scale, missing="mask"), SCORED, "evaluation"
        )
        for unit in (1.0, 1e6)
    }
    for name in ("AutoETS", "AutoARIMA"):
        assert 0.8 < errors[1.0][name].error < 2
        assert errors[1e6][name].error == pytest.approx(1e6 * errors[1.0][name].error, rel=0.02)


@pytest.mark.usefixtures("rolling")
def test_a_run_is_compared_with_the_best_of_all():
    run = ll.train(
        series(WEEK), Window(timesteps=4), ll.LSTM(hidden_size=2), sequences=200, batch_size=10
    )
    assert run.forecast is not None
    assert {"mean", "last value", "seasonal", "AutoETS", "AutoARIMA"} == set(run.forecast.baselines)
    assert run.forecast.against in ("AutoETS", "AutoARIMA")
    assert run.verdict == "worse"


def test_rows_that_cannot_be_fitted_are_one_line(rolling):
    with pytest.raises(ValueError, match=r"AutoETS cannot be fitted to the 2 training rows: .*\."):
        rolling(np.array([1.0, 2.0, 4.0, 3.0]), 2, 1, 1)
