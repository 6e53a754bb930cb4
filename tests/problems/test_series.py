"""Real series, beside an oracle written with plain loops; nothing here is drawn but at random."""

import dataclasses
import hashlib
import itertools
import math
import re
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import longlag as ll
from longlag.framings import Chunks, Prefix, Whole, Window
from longlag.maps import audit
from longlag.problems import Series
from longlag.problems.rows import PARTS

NAN = float("nan")


def table(seed, rows, columns, missing):
    """Rows of small numbers, some of them missing."""
    rng = np.random.default_rng(seed)
    values = rng.integers(-50, 50, (rows, columns)).astype(float)
    values[rng.random(values.shape) < missing] = NAN
    return values


@st.composite
def tables(draw, missing=(0.0, 0.05, 0.4)):
    """A table, and the knobs of a series."""
    rows, columns = draw(st.integers(14, 60)), draw(st.integers(1, 3))
    values = table(draw(st.integers(0, 999)), rows, columns, draw(st.sampled_from(missing)))
    knobs = {
        "length": draw(st.integers(1, 5)),
        "horizon": draw(st.integers(1, 4)),
        "lags": draw(st.integers(1, 3)),
        "scale": draw(st.sampled_from(["standard", "range", "none"])),
        "missing": draw(st.sampled_from(["drop", "mark", "mask"])),
        "chosen_on": draw(st.sampled_from([0.01, 0.15, 0.3])),
        "scored_on": draw(st.sampled_from([0.01, 0.15, 0.3])),
        "target": str(draw(st.integers(1, columns))),
    }
    return values, knobs


def built(drawn, **more):
    """The series of a table, if it is one."""
    values, knobs = drawn
    try:
        return Series(values, **knobs, **more), values
    except ValueError:
        assume(False)
        raise


# The oracle.


def spans_by_loop(made):
    count = len(made.values)
    scores = max(1, round(count * made.scored_on))
    chooses = max(1, round(count * made.chosen_on))
    owners = []
    for row in range(count):
        if row >= count - scores:
            owners.append("evaluation")
        elif row >= count - scores - chooses:
            owners.append("validation")
        else:
            owners.append("training")
    return owners


def scaled_by_loop(made, values):
    trains = spans_by_loop(made).count("training")
    columns = []
    for column in range(values.shape[1]):
        cells = [float(value) for value in values[:, column]]
        known = [cell for cell in cells[:trains] if not math.isnan(cell)]
        off, by = 0.0, 1.0
        if known and made.scale == "standard":
            off = sum(known) / len(known)
            by = math.sqrt(sum((cell - off) ** 2 for cell in known) / len(known))
        if known and made.scale == "range":
            off, by = min(known), max(known) - min(known)
        if known and max(known) == min(known):
            by = 1.0
        columns.append([(cell - off) / by for cell in cells])
    return columns


def shows_by_loop(made, columns, start):
    """What each step of the episode shows: a list of numbers, NaN where one is missing."""
    steps = []
    for step in range(made.length):
        row = start + step
        cells = []
        for lag in range(made.lags - 1, -1, -1):
            cells += [column[row - lag] for column in columns]
        steps.append(cells)
    return steps


def whole_by_loop(made, columns, start):
    """Whether the episode may be used as far as what it shows goes."""
    if start < made.lags - 1 or start + made.length - 1 + made.horizon >= len(made.values):
        return False
    cells = itertools.chain(*shows_by_loop(made, columns, start))
    return made.missing != "drop" or not any(map(math.isnan, cells))


def episode_by_loop(made, values, start):
    """Inputs as features, targets with None where none is asked for."""
    columns, owners = scaled_by_loop(made, values), spans_by_loop(made)
    place = made.names.index(str(made.target))
    inputs, targets = [], []
    for step, cells in enumerate(shows_by_loop(made, columns, start)):
        features = [0.0 if math.isnan(cell) else cell for cell in cells]
        if made.missing == "mark":
            features += [float(math.isnan(cell)) for cell in cells]
        inputs.append(features)
        row = start + step + made.horizon
        target = columns[place][row]
        targets.append((row, owners[row], None if math.isnan(target) else target))
    return inputs, targets


def starts_by_loop(made, values, part):
    """Where episodes of a part begin: one of their targets is in it, and none is later."""
    columns = scaled_by_loop(made, values)
    found = []
    for start in range(len(values)):
        if not whole_by_loop(made, columns, start):
            continue
        _, targets = episode_by_loop(made, values, start)
        late = [owner for _, owner, _ in targets if PARTS.index(owner) > PARTS.index(part)]
        asked = [1 for _, owner, target in targets if owner == part and target is not None]
        if not late and asked:
            found.append(start)
    return found


def as_features(inputs):
    return inputs[..., None] if inputs.ndim == 2 else inputs


@given(tables(), st.sampled_from(PARTS), st.integers(0, 99))
def test_episodes_show_and_ask_for_what_loops_say(drawn, part, seed):
    made, values = built(drawn)
    starts = starts_by_loop(made, values, part)
    posed = made.for_part(part)
    assert posed.episodes(part) == len(starts)
    expected = {}
    for start in starts:
        inputs, targets = episode_by_loop(made, values, start)
        asked = [target if owner == part else None for _, owner, target in targets]
        expected[start] = np.array(inputs, np.float32), asked
    inputs, targets, scored = posed.draw(np.random.default_rng(seed), 8)
    assert as_features(inputs).shape == (8, made.length, made.features)
    assert inputs.dtype == targets.dtype == np.float32
    for shown, asked, there in zip(as_features(inputs), targets, scored, strict=True):
        fits = [
            (each, said)
            for each, said in expected.values()
            if np.allclose(each, shown, rtol=1e-5, atol=1e-5, equal_nan=True)
            and [value is not None for value in said] == there.tolist()
            and np.allclose([value for value in said if value is not None], asked[there], atol=1e-4)
        ]
        assert fits


@given(tables(), st.sampled_from(PARTS))
def test_every_episode_of_a_part_can_be_drawn_and_nothing_else(drawn, part):
    made, _ = built(drawn)
    posed = made.for_part(part)
    rows = {}
    for start in range(len(made.values) - made.length - made.horizon + 1):
        key = posed._episodes(np.array([start]))
        rows.setdefault(key.inputs.tobytes() + key.targets.tobytes(), []).append(start)
    few = posed.episodes(part)
    assume(few <= 12)
    seen = posed.draw(np.random.default_rng(0), 40 * few)
    found = {a.tobytes() + b.tobytes() for a, b in zip(seen.inputs, seen.targets, strict=True)}
    valid = {key for key, starts in rows.items() if set(starts) & set(posed._starts(part).tolist())}
    assert found == valid


@given(tables())
def test_parts_share_no_target_and_follow_one_another(drawn):
    made, _ = built(drawn)
    scored = made.scored()
    asked = {}
    for part in PARTS:
        posed = made.for_part(part)
        held = posed.held_out(part, scored)
        assert held is not None
        asked[part] = posed.target_rows(part, scored)[held.scored].tolist()
        owners = spans_by_loop(made)
        assert {owners[row] for row in asked[part]} == {part}
        assert made.span(part) == (owners.index(part), owners.index(part) + owners.count(part))
    assert max(asked["training"]) < min(asked["validation"] + asked["evaluation"])
    assert max(asked["validation"]) < min(asked["evaluation"])
    # Nor is any episode that trains asked for a later target.
    latest = made._starts("training").max() + made.length - 1 + made.horizon
    assert latest < made.span("validation").begin


@given(tables(), st.integers(0, 99))
def test_what_comes_after_the_rows_that_train_changes_nothing_that_trains(drawn, seed):
    made, values = built(drawn)
    rng = np.random.default_rng(seed)
    later = values.copy()
    trains = made.span("training").end
    later[trains:] = rng.normal(size=later[trains:].shape) * 1e6
    other = dataclasses.replace(made, values=later)
    ours, theirs = (each.draw(np.random.default_rng(seed), 20) for each in (made, other))
    for one, same in zip(ours, theirs, strict=True):
        assert one.tobytes() == same.tobytes()
    assert (other.unit, other.within, other.period) == (made.unit, made.within, made.period)
    assert other.in_unit(np.zeros(1)).tolist() == made.in_unit(np.zeros(1)).tolist()
    assert other.digest != made.digest


@given(tables(missing=(0.1,)))
def test_scaling_is_fitted_on_the_rows_that_train(drawn):
    made, values = built(drawn)
    columns = scaled_by_loop(made, values)
    np.testing.assert_allclose(made._scaled, np.array(columns).T, atol=1e-9)
    place = made.names.index(str(made.target))
    np.testing.assert_allclose(made.in_unit(made._scaled[:, place]), values[:, place], atol=1e-9)


FRAMINGS = {
    "whole": lambda _: Whole(),
    "last": lambda length: Window(timesteps=length),
    "window": lambda length: Window(timesteps=max(1, length // 2), missing="mask"),
    "dropped": lambda length: Window(timesteps=max(1, length // 2)),
    "chunks": lambda length: Chunks(timesteps=max(1, length // 2)),
    "carried": lambda _: Chunks(timesteps=1, carry=True),
}


@pytest.mark.parametrize("framing", FRAMINGS)
@given(drawn=tables(), part=st.sampled_from(PARTS))
def test_every_target_in_reach_is_held_out_once(framing, drawn, part):
    made, values = built(drawn)
    scored = np.zeros(made.length, bool)
    scored[FRAMINGS[framing](made.length).layout(made, 1).scored_steps] = True
    columns, owners = scaled_by_loop(made, values), spans_by_loop(made)
    reach = set()
    for start in range(len(values)):
        if not whole_by_loop(made, columns, start):
            continue
        last = start + made.length - 1 + made.horizon
        if PARTS.index(owners[last]) > PARTS.index(part):
            continue
        for step in range(made.length):
            row = start + step + made.horizon
            known = not math.isnan(columns[made.names.index(str(made.target))][row])
            if scored[step] and known and owners[row] == part:
                reach.add(row)
    if not reach:
        with pytest.raises(ValueError, match="shows a missing value or asks for one"):
            made.held_out(part, scored)
        return
    held = made.held_out(part, scored)
    assert held is not None
    rows = made.target_rows(part, scored)
    assert sorted(rows[held.scored].tolist()) == sorted(reach)
    assert held.scored.any(axis=1).all()
    assert not held.scored[:, ~scored].any()
    for row, shown, targets in zip(rows, as_features(held.inputs), held.targets, strict=True):
        inputs, asked = episode_by_loop(made, values, int(row[0]) - made.horizon)
        np.testing.assert_allclose(shown, inputs, rtol=1e-5, atol=1e-5)
        for said, (_, _, target) in zip(targets, asked, strict=True):
            assert said == pytest.approx(target or 0, rel=1e-5, abs=1e-5)


def test_without_gaps_no_more_episodes_are_held_out_than_need_be():
    made = Series(np.arange(100.0) % 7, length=5)
    assert len(made.target_rows("evaluation", made.scored())) == 3  # of 15 targets, 5 at a time
    last = np.arange(5) == 4
    assert len(made.target_rows("evaluation", last)) == 15


@given(tables(), st.sampled_from(PARTS), st.one_of(st.none(), st.integers(2, 12)))
def test_baselines_say_what_loops_say(drawn, part, season):
    made, values = built(drawn, season=season)
    owners = spans_by_loop(made)
    column = values[:, made.names.index(str(made.target))].tolist()
    trains = [value for value in column[: owners.count("training")] if not math.isnan(value)]
    mean = sum(trains) / len(trains)

    def known(row):
        while row >= 0 and math.isnan(column[row]):
            row -= 1
        return column[row] if row >= 0 else mean

    rows = made.target_rows(part, made.scored())
    said = made.baselines(part, made.scored())
    assert list(said) == ["mean", "last value", "seasonal"][: 2 if made.period is None else 3]
    for row, *values in zip(rows.flat, *(each.flat for each in said.values()), strict=True):
        back = row - made.horizon
        wanted = [mean, known(back)]
        if made.period is not None:
            earlier = row
            while earlier > back:
                earlier -= made.period
            wanted.append(known(earlier) if earlier >= 0 else known(back))
        assert values[1:] == wanted[1:]
        assert values[0] == pytest.approx(mean)


# Seasons.


@pytest.mark.parametrize("period", [2, 3, 7, 12, 24])
@pytest.mark.parametrize("trend", [0.0, 0.05, -1.0])
def test_a_clean_season_is_found_on_any_trend(period, trend):
    time = np.arange(max(60, 12 * period))
    wave = np.sin(2 * np.pi * time / period + 0.4) + trend * time
    assert Series(wave, length=1).period == period


@pytest.mark.parametrize("seed", range(5))
def test_a_noisy_season_is_found_and_none_of_its_multiples(seed):
    rng, time = np.random.default_rng(seed), np.arange(600)
    week = (time % 7 == 0) + rng.normal(size=600) * 0.15 + 0.1 * rng.normal(size=600).cumsum()
    assert Series(week, length=1).period == 7
    wave = np.sin(2 * np.pi * time / 24) + 0.05 * rng.normal(size=600)
    assert Series(wave, length=1).period in (23, 24, 25)


def test_no_season_is_found_where_there_is_none():
    found = []
    for seed in range(40):
        rng = np.random.default_rng(seed)
        for rows in (60, 200, 800):
            noise = rng.normal(size=rows)
            time = np.arange(rows)
            kinds = {
                "walk": noise.cumsum(),
                "noise": noise,
                "line": time + 0.0,
                "noisy line": time + noise,
                "curve": np.exp(3 * time / rows) + 0.001 * noise,
            }
            found += [kind for kind, each in kinds.items() if Series(each, length=1).period]
    assert len(found) <= 6, found  # of 600


def test_a_season_is_found_in_the_rows_that_train_alone():
    wave = np.sin(2 * np.pi * np.arange(200) / 8)
    walk = np.random.default_rng(0).normal(size=200).cumsum()
    trains = Series(wave, length=1).span("training").end
    assert Series(np.concatenate([wave[:trains], walk[trains:]]), length=1).period == 8
    assert Series(np.concatenate([walk[:trains], wave[trains:]]), length=1).period is None


def test_a_season_as_said_is_taken():
    assert Series(np.sin(np.arange(100.0)), length=2, season=9).period == 9
    with pytest.raises(
        ValueError, match=r"`season` must be of no more rows than train \(70\), got"
    ):
        Series(np.sin(np.arange(100.0)), length=2, season=71)
    with pytest.raises(ValueError, match="`season` must be of no more rows than train"):
        Series(np.sin(np.arange(100.0)), length=2, season=40, horizon=41)  # two seasons back


# What the maps say.


@given(tables(missing=(0.0,)), st.integers(2, 20))
def test_needs_are_the_latest_value_and_that_of_a_season_before(drawn, season):
    made, _ = built(drawn, season=season)
    needs = np.zeros((made.length, made.length), bool)
    for step in range(made.length):
        needs[step, step] = True
        row = step + made.horizon
        while row > step:
            row -= season
        # The latest step that shows the row among its lags.
        showing = [other for other in range(step + 1) if other - made.lags + 1 <= row <= other]
        if showing:
            needs[step, max(showing)] = True
    assert made.needs().tolist() == needs.tolist()


@given(tables(missing=(0.0,)), st.integers(2, 20))
def test_the_rows_that_the_season_needs_are_as_many_as_show_it(drawn, season):
    made, _ = built(drawn, season=season)
    target = 1000
    value = target - season * next(k for k in itertools.count(1) if season * k >= made.horizon)
    latest = target - made.horizon
    assert made.season_needs == len(range(value, latest + 1))


def test_the_audit_of_a_season_beyond_the_window_names_the_window():
    made = Series(np.sin(2 * np.pi * np.arange(200) / 12), length=20)
    found = audit(made, Window(timesteps=6, missing="mask"))
    assert (found.verdict, found.remedy) == (
        "unreachable",
        "Use timesteps=12. Timesteps up to 20 work too.",
    )
    assert audit(made, Window(timesteps=12, missing="mask")).verdict == "learnable"
    assert audit(made, Whole()).verdict == "learnable"


@given(tables(missing=(0.0, 0.2)))
def test_the_oracle_says_the_last_value(drawn):
    made, values = built(drawn)
    held = made.held_out("evaluation", made.scored())
    assert held is not None
    rows = made.target_rows("evaluation", made.scored())
    column = scaled_by_loop(made, values)[made.names.index(str(made.target))]
    said = made.oracle(held.inputs)
    for row, value in zip(rows.flat, said.flat, strict=True):
        latest = column[row - made.horizon]
        if not math.isnan(latest):
            np.testing.assert_allclose(value, latest, rtol=1e-5, atol=1e-5)
        else:
            assert value == 0


# Draws, equality, what may be given.


def test_draws_are_those_of_the_generator():
    made = Series(np.arange(50.0), length=4)
    ones, same, others = (made.draw(np.random.default_rng(seed), 30) for seed in (1, 1, 2))
    assert [each.tobytes() for each in ones] == [each.tobytes() for each in same]
    assert ones.inputs.tobytes() != others.inputs.tobytes()


def test_equal_series_are_equal_and_others_are_not():
    values = np.arange(40.0)
    values[3] = NAN
    made = Series(values, length=2)
    odd = values.copy()
    odd.view(np.uint64)[3] = 0x7FF8000000000001  # a NaN too, of other bits
    assert made == Series(odd.tolist(), length=2, path="elsewhere")
    assert hash(made) == hash(Series(odd, length=2))
    assert made != Series(values + 1, length=2)
    assert made != Series(values, length=2, names=("a",))
    assert made.digest == Series(values, length=9, horizon=3).digest
    with pytest.raises(ValueError, match="read-only"):
        made.values[0] = 1
    values[0] = 99  # which is nobody's business
    assert made.values[0, 0] == 0


class Frame:
    """What NumPy takes for an array, as data frames are."""

    def __init__(self, rows):
        self.rows = rows

    def __array__(self, dtype=None, copy=None):
        return np.array(self.rows, dtype=dtype)


@pytest.mark.parametrize(
    "given",
    [
        [value % 5 for value in range(40)],
        np.arange(40, dtype=np.int8) % 5,
        np.array([value % 5 for value in range(40)], dtype=object),
        (np.arange(40) % 5).astype(np.float16)[:, None],
        Frame([value % 5 for value in range(40)]),
        np.ma.MaskedArray(np.arange(40) % 5, np.zeros(40, bool)),
    ],
    ids=["list", "int8", "object", "column", "frame", "masked"],
)
def test_all_that_numpy_takes_for_numbers_is_one_series(given):
    made = Series(given, length=3)
    assert made == Series(np.arange(40.0) % 5, length=3)
    assert made.values.dtype == np.float64


def test_what_is_missing_may_be_none_or_masked():
    values = np.arange(40.0) % 5
    values[7] = NAN
    wanted = Series(values, length=3)
    assert Series([None if math.isnan(value) else value for value in values], length=3) == wanted
    masked = np.ma.MaskedArray(np.arange(40) % 5, np.arange(40) == 7)
    assert Series(masked, length=3) == wanted


def test_booleans_count_as_0_and_1():
    made = Series(np.arange(40) % 3 == 0, length=3, scale="none")
    assert set(made.draw(np.random.default_rng(0), 20).inputs.ravel().tolist()) == {0.0, 1.0}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["1", "2"] * 20, "`values` must be numbers: got str"),
        (np.array(["1", 2.0] * 20, dtype=object), "`values` must be numbers: got text"),
        (np.arange(40) * 1j, "`values` must be numbers: got complex128"),
        (np.arange(40).astype("M8[D]"), "`values` must be numbers: got datetime64"),
        ([object()] * 40, "`values` must be numbers: float"),
        ([[1, 2], [3]], "`values` must be numbers"),
    ],
)
def test_what_is_no_number_is_refused(given, message):
    with pytest.raises(TypeError, match=message) as caught:
        Series(given)
    assert "\n" not in str(caught.value)


LINE = np.arange(100.0)
GONE = np.where(LINE < 70, LINE % 9, NAN)
BOTH = np.stack([LINE, LINE], axis=1)


def at(row, value):
    changed = LINE.copy()
    changed[row] = value
    return changed


@pytest.mark.parametrize(
    ("values", "knobs", "message"),
    [
        (
            np.zeros((2, 2, 2)),
            {},
            r"must be \(row,\) or \(row, column\), got the shape \(2, 2, 2\)",
        ),
        (np.zeros(0), {}, r"got the shape \(0,\)"),
        (3.0, {}, r"got the shape \(\)"),
        (at(4, np.inf), {}, "1 is too large in row 5: inf. Use NaN where a value is missing"),
        (at(4, -1e200), {}, r"1 is too large in row 5: -1e\+200. Use another unit"),
        (at(80, 1e30), {"scale": "none"}, "1 is too large once it is scaled in row 81: 1e"),
        (LINE * 1e39, {"scale": "none"}, r"1 is too large once it is scaled in row 2: 1e\+39"),
        (LINE * 1e-200, {"scale": "none"}, "1 is too small for single precision, at most 9.9e-199"),
        (
            np.stack([LINE, LINE * 1e-30], axis=1),
            {"scale": "none"},
            "2 is too small for single precision, at most 9.9e-29. Use another unit, or scale=",
        ),
        (2**53 + 3 * np.arange(100), {}, r"`values` has 9007199254740995. Numbers above 2\*\*53"),
        (-(2**53) - np.arange(100), {}, r"has -9007199254740993. Numbers above 2\*\*53 are"),
        (2**63 + np.arange(100, dtype=np.uint64), {}, "has 9223372036854775809. Numbers above"),
        ([2**70 + at for at in range(100)], {}, "has 1180591620717411303425. Numbers above"),
        ([[at, 2**53 + at] for at in range(100)], {}, "has 9007199254740993. Numbers above"),
        (
            np.ma.masked_array(2**53 + np.arange(100), np.arange(100) < 4),
            {"missing": "mask"},
            "has 9007199254740997. Numbers above",
        ),
        (2.0**64 - LINE, {}, r"Numbers above 2\*\*53 are rounded: subtract a constant"),
        (LINE, {"length": 70}, "an episode takes 71, and of 100 rows 70 train. Use 105 rows"),
        (LINE, {"horizon": 99}, "too few rows: an episode takes 111"),
        (LINE, {"lags": 80}, "too few rows: an episode takes 92"),
        ([1.0], {}, "too few rows: an episode takes 13, and of 1 rows 0 train"),
        (LINE, {"chosen_on": 0.5, "scored_on": 0.5}, "must leave rows to train on, got 0.5 and"),
        (BOTH, {"names": ("a",)}, "`names` must be 2 different names, one a column, got a"),
        (BOTH, {"names": ("a", "a")}, "`names` must be 2 different names"),
        (BOTH, {"names": ("warm", "cold"), "target": "warn"}, "Did you mean `warm`?"),
        (LINE * 0 + 0.1, {}, "1 does not change in all rows that train"),
        (np.where(LINE < 70, 3, LINE), {}, "1 does not change in all rows that train"),
        (LINE * NAN, {}, "1 is missing in all rows that train"),
        (np.where(LINE < 85, LINE, NAN), {}, r"missing in all rows of the evaluation part \(86 to"),
        (np.where(LINE < 85, LINE, NAN), {"missing": "mask"}, "of the evaluation part"),
        (at(slice(70, 85), NAN), {"missing": "mark"}, r"of the validation part \(71 to 85\)"),
        (at(slice(0, None, 3), NAN), {}, "every episode of the training part .* missing='mask'"),
        (LINE, {"horizon": 0}, "`horizon` must be at least 1"),
        (LINE, {"tolerance": 0.0}, "`tolerance` must be above 0"),
    ],
)
def test_bad_input_is_one_line(values, knobs, message, recwarn):
    with pytest.raises(ValueError, match=message) as caught:
        Series(values, **knobs)
    assert "\n" not in str(caught.value)
    assert not recwarn.list


@given(
    st.integers(1, 20),
    st.integers(1, 20),
    st.integers(1, 5),
    st.floats(0.01, 0.5),
    st.floats(0.01, 0.5),
    st.integers(0, 5),
)
def test_as_many_rows_as_are_asked_for_will_do(length, horizon, lags, chosen, scored, more):
    assume(chosen + scored < 0.98)
    knobs = {"length": length, "horizon": horizon, "lags": lags}
    knobs |= {"chosen_on": chosen, "scored_on": scored}
    with pytest.raises(ValueError, match="too few rows") as caught:
        Series(LINE[:2], **knobs)
    found = re.search(r"Use (\d+) rows or more", str(caught.value))
    assert found
    made = Series(np.arange(float(found[1]) + more), **knobs)
    assert all(made.episodes(part) for part in PARTS)


@given(st.integers(1, 60), st.integers(1, 60), st.integers(2, 60), st.booleans())
def test_each_way_out_of_too_few_rows_is_one(length, horizon, rows, as_lags):
    knobs = {"length": 1, "lags" if as_lags else "length": length, "horizon": horizon}
    try:
        Series(LINE[:rows], **knobs)
    except ValueError as error:
        text = str(error)
    else:
        assume(False)
        return
    assert "too few rows" in text
    ways = dict(re.findall(r"(timesteps|horizon)=(\d+) or", text))
    assert ways or "or more." in text  # no other will do
    for name, value in ways.items():
        own = "horizon" if name == "horizon" else "lags" if as_lags else "length"
        assert int(value) < knobs[own]
        made = Series(LINE[:rows], **{**knobs, own: int(value)})
        assert all(made.episodes(part) for part in PARTS)


def test_fewer_timesteps_are_no_way_out_of_too_long_a_horizon():
    with pytest.raises(ValueError, match=r"Use 153 rows or more, or horizon=58 or less\.$"):
        Series(LINE, horizon=93)
    with pytest.raises(ValueError, match=r"Use \d+ rows or more, or timesteps=69 or fewer\.$"):
        Series(LINE, length=90, horizon=1)


def test_a_misspelt_knob_names_the_nearest():
    with pytest.raises(TypeError, match="Did you mean `horizon`"):
        Series(LINE, horizont=1)  # pyright: ignore[reportCallIssue]


@pytest.mark.parametrize("scale", ["standard", "range"])
def test_a_column_beside_that_does_not_change_in_training_keeps_its_unit(scale):
    beside = np.where(LINE < 70, 0.1, 0.3)
    made = Series(np.stack([LINE, beside], axis=1), length=1, scale=scale)
    assert made._features[:, 1].max() == pytest.approx(0.2, rel=1e-6)
    empty = np.full(100, NAN)
    for missing in ("mark", "mask"):
        both = Series(np.stack([LINE, empty], axis=1), length=1, missing=missing)
        assert both.episodes("training") == 69


@pytest.mark.parametrize("scale", ["standard", "range"])
@pytest.mark.parametrize("size", [1e-290, 1e-200, 1e90])
def test_columns_of_any_size_are_scaled_alike(scale, size):
    values = np.stack([LINE % 7, LINE % 5], axis=1)
    made = Series(values * size, length=2, scale=scale)
    expected = Series(values, length=2, scale=scale)
    np.testing.assert_allclose(made._features, expected._features, rtol=1e-5, atol=1e-6)
    assert made.unit / size == pytest.approx(expected.unit)
    assert made.period == expected.period == 7


def test_large_values_with_a_large_offset_keep_their_digits():
    made = Series(1e12 + LINE % 7, length=2)
    held = made.held_out("evaluation", made.scored())
    assert held is not None
    rows = made.target_rows("evaluation", made.scored())
    np.testing.assert_allclose(made.in_unit(held.targets) - 1e12, rows % 7, atol=1e-3)


def test_tolerance_is_what_the_last_value_is_from_the_target_or_as_said():
    values = LINE**2
    values[[3, 20]] = NAN
    made = Series(values, horizon=2, length=3)
    apart = [values[row + 2] - values[row] for row in range(68)]
    apart = [each for each in apart if not math.isnan(each)]
    usual = math.sqrt(sum(each**2 for each in apart) / len(apart))
    assert made.within == pytest.approx(usual)
    assert made.targets.tolerance * made.unit == pytest.approx(usual)
    assert Series(values, length=3, tolerance=5.0).within == 5.0
    # A series that repeats from row to row so far ahead has another measure: how far it spreads.
    assert Series(LINE % 5, horizon=5, length=1).within == pytest.approx(np.std(LINE[:70] % 5))


def test_one_row_that_scores_will_do():
    made = Series(LINE[:20], length=3, chosen_on=0.01, scored_on=0.01)
    held = made.held_out("evaluation", made.scored())
    assert held is not None
    assert made.in_unit(held.targets)[held.scored] == pytest.approx([19])
    assert made.chance() in (0, 1)


# What a model says of rows as they are.


@pytest.fixture(scope="module")
def two():
    """A model of two columns, and its series."""
    rng = np.random.default_rng(0)
    values = np.stack([100 + rng.normal(size=90).cumsum(), rng.normal(size=90)], axis=1)
    made = Series(values, names=("a", "b"), target="a", length=3, lags=2)
    run = ll.train(made, Whole(), ll.MLP(hidden_size=4), sequences=200, batch_size=8)
    return made, run


def test_a_prediction_is_made_of_rows_as_they_are_and_given_in_their_unit(two):
    made, run = two
    rows = made.target_rows("evaluation", made.scored())
    evaluation = run.evaluations[0]
    for row, said in zip(rows, evaluation.predicted, strict=True):
        start = row[0] - made.horizon - made.lags + 1
        latest = made.values[start : row[-1] - made.horizon + 1]
        found = run.predict(latest)
        assert len(latest) == 4
        np.testing.assert_allclose(found, made.in_unit(said), rtol=1e-5)
        assert run.predict(latest.tolist()).tolist() == found.tolist()
        assert 50 < found[-1] < 150


def test_the_last_rows_give_the_forecast_of_what_is_not_yet_there(two):
    made, run = two
    assert run.predict(made.values[-4:]).shape == (3,)
    one = Series(LINE, length=3)
    last = ll.train(
        one, Window(timesteps=3), ll.MLP(hidden_size=8), sequences=3000, learning_rate=0.01
    )
    assert last.predict(LINE[-3:]).shape == (1,)
    assert last.predict(LINE[-3:]).item() == pytest.approx(100, abs=5)
    assert last.predict(LINE[-3:, None]).tolist() == last.predict(LINE[-3:]).tolist()


@pytest.mark.parametrize(
    ("sequence", "error", "message"),
    [
        (
            np.zeros((3, 2)),
            ValueError,
            r"`sequence` must be 4 rows of a, b, got the shape \(3, 2\)",
        ),
        (np.zeros((5, 2)), ValueError, "Give the latest 4"),
        (np.zeros(4), ValueError, r"must be 4 rows of a, b, got the shape \(4,\)"),
        ([], ValueError, r"got the shape \(0,\)"),
        (np.array([["x", "y"]] * 4), TypeError, "`sequence` must be numbers"),
        (np.full((4, 2), NAN), ValueError, "lacks a value, and such episodes were left out"),
        (np.full((4, 2), np.inf), ValueError, "must hold finite numbers"),
    ],
)
def test_other_rows_are_refused(two, sequence, error, message):
    with pytest.raises(error, match=message) as caught:
        two[1].predict(sequence)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("missing", ["mark", "mask"])
def test_a_value_may_lack_where_the_model_knows_of_it(missing):
    values = LINE % 6
    values[::11] = NAN
    made = Series(values, length=4, missing=missing)
    run = ll.train(made, Window(timesteps=4), ll.GRU(hidden_size=4), sequences=100)
    with_one, other = run.predict([1, 2, NAN, 4]), run.predict([1, 2, 3, 4])
    assert np.isfinite(with_one).all()
    assert with_one != other
    if missing == "mask":  # passed over, wherever it stands
        assert run.predict([1, 2, 4, NAN]).tolist() == run.predict([NAN, 1, 2, 4]).tolist()


def test_rows_that_do_not_train_are_not_trained_on():
    with pytest.raises(ValueError, match=r"the training part of its series. Use part='training'"):
        ll.train(Series(LINE, part="evaluation"), Whole(), ll.MLP())


# Through framings, trainers and files.


GAPS = np.where(np.arange(120) % 13 == 5, NAN, np.sin(np.arange(120.0)))
TWO = np.stack([GAPS, np.arange(120.0) % 9], axis=1)


@pytest.mark.parametrize("missing", ["drop", "mark", "mask"])
@pytest.mark.parametrize("values", [GAPS, TWO], ids=["one", "two"])
@pytest.mark.parametrize(
    "framing",
    [
        Whole(),
        Window(timesteps=3),
        Window(timesteps=3, missing="mask"),
        Chunks(timesteps=2),
        Chunks(timesteps=2, carry=True),
        Chunks(timesteps=1, carry=True, rows="consecutive"),
        Prefix(),
    ],
    ids=repr,
)
def test_every_target_is_scored_once_under_every_framing(values, missing, framing):
    made = Series(values, length=4, missing=missing)
    shapes, masked = set(), []

    def zero(inputs, mask, reset):  # noqa: ARG001
        shapes.add(inputs.shape[2:])
        assert np.isfinite(inputs).all()
        masked.append(not mask.all())
        return np.zeros((len(inputs), 1 if framing.output == "last" else inputs.shape[1], 1))

    found = ll.score(made, framing, zero, batch_size=2)
    evaluation = found.evaluations[0]
    assert shapes == {() if made.features == 1 else (made.features,)}
    if framing == Whole():
        assert any(masked) == (missing == "mask")
    rows = made.target_rows("evaluation", found.scored)[evaluation.scored]
    assert len(set(rows.tolist())) == len(rows)
    first, column = made.span("evaluation").begin, made.values[:, 0]
    known = [row for row in range(first, 120) if not math.isnan(column[row])]
    assert set(rows.tolist()) <= set(known)
    if missing != "drop":
        assert sorted(rows.tolist()) == known
    wanted = math.sqrt(np.mean([made._scaled[row, 0] ** 2 for row in rows.tolist()]))
    assert evaluation.error == pytest.approx(wanted, rel=1e-5)
    assert found.verdict in ("better", "worse", "not told apart")


def test_training_scores_what_a_score_of_its_model_scores():
    made = Series(TWO, length=4, missing="mask")
    run = ll.train(made, Whole(), ll.GRU(hidden_size=2), sequences=50, batch_size=4, stop_at=0.99)
    model: Any = run.models[0]
    calls = []

    def said(inputs, mask):
        calls.append(mask.all())
        state = model.initial_state((len(inputs),))
        return model(jnp.asarray(inputs), jnp.asarray(mask), state)[0]

    found = ll.score(made, Whole(), said)
    assert not all(calls)
    assert found.accuracy == run.accuracy
    assert found.reason == run.reason


def test_batches_of_a_stream_are_those_that_train():
    made = Series(TWO, length=4, missing="mask", lags=2)
    batch = next(Window(timesteps=3, missing="mask").stream(made, batch_size=5, seed=3))
    episodes = made.draw(np.random.default_rng(0), 1)
    assert episodes.inputs.shape == (1, 4, 4)
    assert batch.inputs.shape == (5, 3, 4)
    assert np.isfinite(batch.inputs).all()
    assert not batch.inputs[~batch.mask & (batch.inputs[..., 0] != -1)].any()
    features = next(
        Window(timesteps=3, missing="mask").stream(made, batch_size=5, seed=3, features=True)
    )
    assert (features.inputs == batch.inputs).all()
    one = next(Whole().stream(Series(LINE, length=4), batch_size=5, features=True))
    assert one.inputs.shape == (5, 4, 1)


def test_every_target_of_a_stream_trains():
    made = Series(LINE, length=4, scale="none")
    stream = Whole().stream(made, batch_size=64)
    seen = {value for _ in range(20) for value in next(stream).targets.ravel().tolist()}
    assert seen == set(range(1, 70))


def test_digests_tell_tables_apart_as_they_always_did():
    """The name of a stored trial holds it, so it must not change."""
    made = Series([1.0, 2.0, 4.0, 8.0, 16.0, 32.0], length=1)
    told = hashlib.sha256(b"(6, 1) ('1',) 1" + made.values.tobytes()).hexdigest()
    assert made.digest == told[:16]


# Data frames.


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_a_data_frame_is_its_numbers_under_its_names(library):
    frames = pytest.importorskip(library, reason=f"{library} is not installed here")
    time = np.arange(60.0)
    columns = {"warm": np.sin(time), "cold": np.cos(time)}
    plain = Series(np.stack([*columns.values()], axis=1), names=("warm", "cold"), length=3)
    given = Series(frames.DataFrame(columns), length=3)
    assert (given.names, given.digest) == (plain.names, plain.digest)
    one = Series(frames.DataFrame(columns)["cold"], length=3)
    assert one.names == ("cold",)
    assert np.array_equal(one.values[:, 0], columns["cold"])


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_a_column_that_holds_no_numbers_is_named(library):
    frames = pytest.importorskip(library, reason=f"{library} is not installed here")
    given = frames.DataFrame({"day": ["a"] * 60, "warm": np.sin(np.arange(60.0))})
    with pytest.raises(ValueError, match="column `day` holds no numbers"):
        Series(given, length=3)


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_whole_numbers_of_a_frame_are_exact_or_refused(library):
    frames = pytest.importorskip(library, reason=f"{library} is not installed here")
    large = 2**53 + np.arange(60)
    with pytest.raises(ValueError, match=r"`warm` has 9007199254740993\. Numbers above"):
        Series(frames.DataFrame({"warm": large}), length=3)
    exact = 2**60 + 512 * np.arange(60)
    for whole in (exact, exact.tolist(), frames.DataFrame({"warm": exact})):
        assert [int(each) for each in Series(whole, length=3).values[:, 0]] == exact.tolist()


def test_a_pandas_frame_with_gaps_whole_numbers_and_a_time_index():
    import pandas as pd

    days = pd.date_range("2024-01-01", periods=60)
    counts = pd.Series([*range(59), None], index=days, name="count", dtype="Int64")
    series = Series(counts, length=3)
    assert np.isnan(series.values[-1, 0])
    assert series.values[1, 0] == 1
    with pytest.raises(ValueError, match=r"not in the order of time\. Use \.sort_index"):
        Series(counts[::-1], length=3)


@pytest.mark.parametrize("form", ["%Y-%m-%d", "%d/%m/%Y", "%m/%d/%Y", "%d %b %Y", "date"])
def test_a_pandas_index_of_times_as_text_is_in_order_or_refused_with_what_sorts_it(form):
    import pandas as pd

    days = pd.date_range("2024-01-25", periods=60)
    counts = pd.Series(np.arange(60.0), index=days.date if form == "date" else days.strftime(form))
    assert Series(counts, length=3).values[:, 0].tolist() == [*range(60)]
    for other in (counts[::-1], counts.sample(frac=1, random_state=0)):
        with pytest.raises(ValueError, match=r"not in the order of time\. Use \.sort_index") as why:
            Series(other, length=3)
        remedy = str(why.value).partition("Use ")[2].rstrip(".")
        ordered = eval(f"given{remedy}", {"given": other, "pd": pd})
        assert Series(ordered, length=3).values[:, 0].tolist() == [*range(60)]
    names = [f"station {2000 + at}" for at in range(60)]
    assert len(Series(counts.set_axis(names[::-1]), length=3).values) == 60


def test_a_pandas_frame_whose_labels_or_times_do_not_fit_is_one_line_with_the_remedy():
    import pandas as pd

    days, wave = pd.date_range("2024-01-01", periods=60), np.sin(np.arange(60.0))
    plain = pd.DataFrame({"a": wave}, index=days)
    two = pd.DataFrame(np.stack([wave, wave], axis=1))
    cases = {
        r'`date` holds no numbers.*\.set_index\("date"\)\.sort_index': plain.reset_index(
            names="date"
        ),
        r"several rows have the time 2024-01-05": plain.set_axis(days[[*range(5), *range(4, 59)]]),
        r'rows are missing.*\.asfreq\("86400s"\)': plain.drop(days[[30, 31]]),
        "index has several levels": plain.set_index([days, days]),
        "columns have several levels": two.set_axis(
            pd.MultiIndex.from_tuples([("x", "a"), ("y", "a")]), axis=1
        ),
        "two columns are called `a`": two.set_axis(["a", "a"], axis=1),
        "3 columns are called `a`": pd.DataFrame(np.ones((60, 3)), columns=["a"] * 3),
        "the column holds no numbers": pd.Series(["x"] * 60),
    }
    for message, frame in cases.items():
        with pytest.raises(ValueError, match=message):
            Series(frame, length=3)
    assert Series(two, length=3).names == ("1", "2")


@pytest.mark.filterwarnings("error")
def test_a_column_that_is_missing_in_training_is_one_line_whatever_the_season():
    rows = np.concatenate([np.full(100, np.nan), np.arange(20.0)])
    for season in (None, 7):
        with pytest.raises(ValueError, match="is missing in all rows that train"):
            Series(rows, length=3, season=season)
