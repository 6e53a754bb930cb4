"""Forecasts: errors in the unit of the column, and what may be said of their ratio."""

import dataclasses
import math
from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import signal

import longlag as ll
from longlag.framings import Chunks, Whole, Window
from longlag.problems import Series
from longlag.scores import forecast as forecasts
from longlag.scores.evaluation import Evaluation
from longlag.scores.statistics import error_ratio
from longlag.trials.setting import Setting

RNG = np.random.default_rng(5)
WALK = 20 + 3 * RNG.normal(size=400).cumsum()
WEEK = 50 + 10 * np.sin(2 * np.pi * np.arange(400) / 7) + RNG.normal(size=400)
GAPS = np.where(np.arange(400) % 31 == 7, np.nan, WEEK)


def last(inputs):
    """The last value: all that a step shows."""
    return (inputs if inputs.ndim == 2 else inputs[..., -1])[..., None]


@pytest.mark.parametrize("framing", [Whole(), Window(timesteps=4), Chunks(timesteps=2)], ids=repr)
@pytest.mark.parametrize("values", [WALK, WEEK], ids=["walk", "week"])
@pytest.mark.parametrize("scale", ["standard", "range", "none"])
def test_errors_are_those_of_numpy_in_the_unit_of_the_column(framing, values, scale):
    made = Series(values, length=4, horizon=2, scale=scale, names=("warmth",))

    def said(inputs):
        every = last(inputs)
        return (every if framing.output == "every" else every[:, -1:]) + 0.1

    found = ll.score(made, framing, said).forecast
    assert found is not None
    rows = np.arange(340, 400)
    assert (found.target, found.horizon, found.rows.tolist()) == ("warmth", 2, rows.tolist())
    np.testing.assert_allclose(found.expected, values[rows], rtol=1e-5)
    unit = {"standard": np.std(values[:280]), "range": np.ptp(values[:280]), "none": 1.0}[scale]
    predicted = values[rows - 2] + 0.1 * unit
    np.testing.assert_allclose(found.predicted, predicted[None], rtol=1e-4)
    error = np.sqrt(np.mean((predicted - values[rows]) ** 2))
    assert found.error.mean == pytest.approx(error, rel=1e-4)
    naive = {"mean": np.full(60, values[:280].mean()), "last value": values[rows - 2]}
    if values is WEEK:
        naive["seasonal"] = values[rows - 7]
    assert list(found.baselines) == list(naive)
    usual = np.sqrt(np.mean((values[2:280] - values[:278]) ** 2))
    for name, each in naive.items():
        apart = np.abs(each - values[rows])
        baseline = found.baselines[name]
        assert baseline.error == pytest.approx(np.sqrt(np.mean(apart**2)), rel=1e-4)
        assert baseline.within == np.mean(apart <= usual)


WHOLE = np.random.default_rng(0).integers(-3, 4, 300).cumsum().astype(float)


UNITS = [
    (scale, unit) for scale in ("standard", "range", "none") for unit in (1, 1e-5, 1e-9, 1e-12)
]


@pytest.mark.parametrize(("scale", "unit"), [*UNITS, ("standard", 1e-200), ("range", 1e-200)])
def test_errors_and_shares_are_those_of_numpy_in_any_unit(scale, unit):
    made = Series(WHOLE * unit, length=4, tolerance=2 * unit, scale=scale)
    score = ll.score(made, Whole(), last)
    assert score.forecast is not None
    rows = np.arange(255, 300)
    apart = np.abs(WHOLE[rows - 1] - WHOLE[rows])
    share = np.mean(apart <= 2)
    assert 0.1 < share < 0.9
    found = score.forecast.baselines["last value"]
    assert (score.accuracy.mean, found.within) == (share, share)
    assert found.error / unit == pytest.approx(np.sqrt(np.mean(apart**2)))
    assert score.chance == np.mean(np.abs(WHOLE[:210].mean() - WHOLE[rows]) <= 2)
    typical = Series(WHOLE * unit, length=4, scale=scale).within
    assert typical / unit == pytest.approx(np.sqrt(np.mean(np.diff(WHOLE[:210]) ** 2)))


@pytest.mark.parametrize("scale", ["standard", "range", "none"])
def test_small_changes_after_a_long_rise_are_measured_but_not_learned(scale):
    rise = 10**8 * np.arange(140) // 7
    moves = np.where(np.random.default_rng(0).random(60) < 0.5, -2, 2).cumsum()
    made = Series(np.concatenate([rise, rise[-1] + moves]), length=4, tolerance=1, scale=scale)
    found = forecasts.baselines(made, made.scored(), "evaluation")["last value"]
    assert found == (2.0, 0.0)
    with pytest.raises(ValueError, match="scored rows of 1 change by 2, too little for") as caught:
        ll.score(made, Whole(), last)
    assert "\n" not in str(caught.value)
    assert ("scale='standard'" in str(caught.value)) == (scale == "none")
    with pytest.raises(ValueError, match="too little for the single precision of a model"):
        ll.train(made, Whole(), ll.RNN(hidden_size=2), sequences=10)


def test_rows_that_repeat_but_for_rounding_need_not_be_told_apart():
    wave = np.sin(2 * np.pi * np.arange(400) / 20)
    score = ll.score(Series(wave, length=5, horizon=20), Whole(), last)
    assert (score.verdict, score.accuracy.mean) == ("not told apart", 1.0)
    assert score.forecast is not None
    assert score.forecast.baselines["last value"].within == 1.0


@pytest.mark.parametrize("framing", [Whole(), Window(timesteps=4)], ids=repr)
@pytest.mark.parametrize("missing", ["drop", "mark", "mask"])
def test_who_says_the_last_value_is_as_good_as_the_last_value(framing, missing):
    made = Series(WALK, length=4, missing=missing)

    def said(inputs):
        values = inputs if inputs.ndim == 2 else inputs[..., 0]
        return values if framing.output == "every" else values[:, -1:]

    score = ll.score(made, framing, said, seeds=2)
    found = score.forecast
    assert found is not None
    assert found.against == "last value"
    assert (found.ratio.mean, found.ratio.interval) == (1.0, (1.0, 1.0))
    assert found.verdict == score.verdict == "not told apart"
    assert found.error.mean == pytest.approx(found.baselines["last value"].error)
    assert score.accuracy.mean == score.shortcuts["last value"]
    assert score.reason.startswith("error ")


def test_what_is_better_and_what_is_worse_is_called_so():
    made = Series(WALK, length=4)
    rows = made.target_rows("evaluation", made.scored())
    scaled = (WALK[rows] - WALK[:280].mean()) / WALK[:280].std()
    knowing = ll.score(made, Whole(), lambda _: scaled[..., None] + 0.01)
    assert knowing.verdict == "better"
    assert "of that of last value, " in knowing.reason
    blind = ll.score(made, Whole(), lambda inputs: np.zeros((*inputs.shape, 1)))
    assert blind.verdict == "worse"
    assert blind.forecast is not None
    assert blind.forecast.error.mean == pytest.approx(blind.forecast.baselines["mean"].error)


def test_the_baseline_is_chosen_on_the_rows_that_choose():
    """Its season holds until the rows that score, where it walks: what scores must not choose."""
    season = WEEK.copy()
    season[340:] = 50 + RNG.normal(size=60).cumsum()
    made = Series(season, length=4)
    assert made.period == 7
    assert forecasts.best_baseline(made, made.scored()) == "seasonal"
    found = forecasts.baselines(made, made.scored(), "evaluation")
    assert found["last value"].error < found["seasonal"].error
    score = ll.score(made, Whole(), last).forecast
    assert score is not None
    assert score.against == "seasonal"
    for seed in range(5):
        other = season.copy()
        other[340:] = np.random.default_rng(seed).normal(size=60) * 10.0 ** (seed - 2)
        changed = dataclasses.replace(made, values=other)
        assert forecasts.best_baseline(changed, made.scored()) == "seasonal"
    chooses = season.copy()
    chooses[280:340] = 100 + 0.01 * np.arange(60)
    changed = dataclasses.replace(made, values=chooses)
    assert forecasts.best_baseline(changed, made.scored()) == "last value"


def test_missing_targets_count_for_nobody():
    made = Series(GAPS, length=4, missing="mark")
    found = ll.score(made, Whole(), lambda inputs: inputs[..., :1]).forecast
    assert found is not None
    rows = [row for row in range(340, 400) if not math.isnan(GAPS[row])]
    assert found.rows.tolist() == rows
    said = []
    for row in rows:  # a missing value is shown as 0, which is the mean
        before = GAPS[row - 1]
        said.append(np.nanmean(GAPS[:280]) if math.isnan(before) else before)
    np.testing.assert_allclose(found.predicted[0], said, rtol=1e-5)
    known = [row - 1 if not math.isnan(GAPS[row - 1]) else row - 2 for row in rows]
    error = np.sqrt(np.mean((GAPS[known] - GAPS[rows]) ** 2))
    assert found.baselines["last value"].error == pytest.approx(error, rel=1e-5)


# The ratio and its interval.


def ratio_by_loop(ours, theirs):
    total = sum(sum(map(float, seed)) for seed in ours) / len(ours)
    below = sum(map(float, theirs))
    if below == 0:
        return 1.0 if total == 0 else math.inf
    return math.sqrt(total / below)


SQUARES = st.one_of(st.just(0.0), st.floats(1e-6, 1e6))


@given(st.data())
def test_the_ratio_is_that_of_loops_and_lies_in_its_interval(data):
    count, seeds = data.draw(st.integers(1, 40)), data.draw(st.integers(1, 3))
    block = data.draw(st.integers(1, max(1, count // 8)))
    theirs = np.array(data.draw(st.lists(SQUARES, min_size=count, max_size=count)))
    ours = np.array(
        [data.draw(st.lists(SQUARES, min_size=count, max_size=count)) for _ in range(seeds)]
    )
    found = error_ratio(ours, theirs, block)
    assert found.mean == pytest.approx(ratio_by_loop(ours, theirs))
    for seed, each in zip(ours, found.per_seed, strict=True):
        assert each == pytest.approx(ratio_by_loop([seed], theirs))
    low, high = found.interval
    assert 0 <= low <= found.mean * (1 + 1e-9)
    assert found.mean * (1 - 1e-9) <= high
    assert ("one seed" in found.caveat) == (seeds == 1)
    twice = error_ratio(4 * theirs[None], theirs, block)
    if count >= 8 and theirs.all():
        assert twice.interval == pytest.approx((2.0, 2.0))
    if count < 8:
        assert found.interval == (0.0, math.inf)


def errors(rng, count, correlation, seeds=1):
    noise = rng.normal(size=(seeds, count + 100))
    colored = np.asarray(signal.lfilter([1], [1, -correlation], noise))[:, 100:]
    return colored * math.sqrt(1 - correlation**2)


@pytest.mark.parametrize(
    ("count", "correlation", "seeds", "spread"),
    [
        (200, 0.0, 1, 0.0),
        (200, 0.9, 1, 0.0),
        (200, 0.6, 10, 0.0),
        (1000, 0.0, 2, 0.2),
        (200, 0.6, 5, 0.3),
    ],
)
def test_equal_skill_is_rarely_called_better_or_worse(count, correlation, seeds, spread):
    """Errors of one scale in the mean over seeds, half of them common to all seeds."""
    rng, false, trials = np.random.default_rng(1), 0, 300
    for _ in range(trials):
        scale = np.exp(rng.normal(-(spread**2), spread, (seeds, 1)))
        common, theirs = errors(rng, count, correlation), errors(rng, count, correlation)
        own = errors(rng, count, correlation, seeds)
        low, high = error_ratio((scale * (common + own)) ** 2 / 2, theirs[0] ** 2).interval
        false += not low <= 1 <= high
    assert false / trials <= 0.07 + 2 * math.sqrt(0.07 * 0.93 / trials)


def test_twice_the_error_is_called_worse_where_there_are_targets_enough():
    rng = np.random.default_rng(0)
    theirs = errors(rng, 300, 0.5)[0] ** 2
    low, high = error_ratio(4 * errors(rng, 300, 0.5, 4) ** 2, theirs).interval
    assert 1.2 < low < 2 < high < 3


def test_seeds_that_differ_widen_the_interval():
    rng = np.random.default_rng(0)
    theirs = rng.normal(size=200) ** 2
    alike = error_ratio(np.stack([theirs] * 5), theirs, 5).interval
    apart = np.stack([factor * theirs for factor in (0.2, 0.5, 1.0, 2.0, 4.0)])
    low, high = error_ratio(apart, theirs, 5).interval
    assert alike == pytest.approx((1.0, 1.0))
    assert low < 0.9
    assert high > 1.5


def test_few_targets_settle_nothing():
    made = Series(WALK[:30], length=3)  # of which four score
    rows = made.target_rows("evaluation", made.scored())
    scaled = (WALK[rows] - WALK[:22].mean()) / WALK[:22].std()
    knowing = ll.score(made, Whole(), lambda _: scaled[..., None])
    assert knowing.verdict == "not told apart"
    assert knowing.reason.endswith("one seed: of this one model; 4 targets are few")
    one = Series(WALK[:30], length=3, scored_on=0.01)
    said = ll.score(one, Whole(), lambda inputs: np.zeros((*inputs.shape, 1)))
    assert said.reason.endswith("; 1 target is few")


def test_a_baseline_without_error_is_a_bar_that_is_only_reached():
    made = Series(np.arange(200) % 5, length=4)
    rows = made.target_rows("evaluation", made.scored())
    exact = made._scaled[rows, 0].astype(np.float32)
    wrong = ll.score(made, Whole(), lambda _: exact[..., None] + 0.1)
    assert wrong.forecast is not None
    assert (wrong.forecast.against, wrong.forecast.ratio.mean) == ("seasonal", math.inf)
    assert wrong.verdict == "worse"
    assert len(wrong.reason) < 100
    right = ll.score(made, Whole(), lambda _: exact[..., None])
    assert right.verdict == "not told apart"


def test_a_model_that_says_no_number_is_not_called_good():
    made = Series(WALK, length=4)
    held = made.held_out("evaluation", made.scored())
    assert held is not None
    lost = Evaluation(
        inputs=held.inputs,
        targets=held.targets,
        scored=held.scored,
        predicted=np.full_like(held.targets, np.nan),
        spec=made.targets,
    )
    assert forecasts.forecast(made, made.scored(), [lost]).verdict == "not told apart"


def test_rows_that_are_calm_are_scored_all_the_same():
    """A constant is right on all of them, which says nothing of what is to be learned."""
    calm = WALK.copy()
    calm[340:] = WALK[:280].mean() + 0.01 * np.arange(60)
    made = Series(calm, length=4)
    assert made.chance() == 1.0
    score = ll.score(made, Whole(), last)
    assert score.forecast is not None
    assert score.skill == (0.0,)
    setting = Setting(problem=made, framing=Whole(), model=ll.MLP())
    assert setting.scored.all()


# Why a forecast cannot be good.


def bounded(activation):
    def make_model(sizes, seed):
        key = jax.random.key(seed)
        layer = eqx.nn.Linear(sizes.features, 1, key=key)
        return Bounded(layer, activation)

    return make_model


class Bounded(eqx.Module):
    layer: eqx.nn.Linear
    activation: Callable = eqx.field(static=True)

    def __call__(self, inputs):
        return self.activation(jax.vmap(self.layer)(inputs))


@pytest.mark.parametrize(
    ("activation", "words"),
    [
        (jax.nn.sigmoid, "its outputs all lie between 0 and 1, as those of a sigmoid, but"),
        (jnp.tanh, "its outputs all lie between -1 and 1, as those of a tanh, but"),
        (
            lambda x: jax.nn.relu(x + 1),
            "its outputs all lie at 0 or above, as those of a ReLU, but",
        ),
        (lambda x: x, ""),
    ],
)
def test_outputs_that_cannot_reach_the_targets_are_named(activation, words):
    wave = 20 + 9 * np.sin(np.arange(240) / 3)
    run = ll.train(
        ll.Series(wave, length=3),
        ll.Whole(),
        bounded(activation),
        sequences=2000,
        learning_rate=0.05,
    )
    assert run.forecast is not None
    assert run.forecast.cause.startswith(words)
    assert bool(run.forecast.cause) == bool(words)
    if run.verdict != "better":
        assert run.forecast.cause in run.reason


def test_targets_beyond_all_that_was_seen_are_named():
    rise = np.arange(200) + np.sin(np.arange(200))
    run = ll.train(ll.Series(rise, length=3), ll.Whole(), ll.RNN(hidden_size=4), sequences=50)
    assert run.forecast is not None
    assert run.forecast.cause == "100% of the targets lie beyond all values of the rows that train"
