"""Local times: an hour that stands twice in autumn, one that is left out in spring."""

import numpy as np
import pandas as pd
import pytest

from longlag.adapters import tables


@pytest.fixture
def read(tmp_path):
    def of(times, values=None, **how):
        values = np.arange(len(times)) ** 2 % 97 if values is None else values
        path = tmp_path / "data.csv"
        lines = [f"{time},{value}" for time, value in zip(times, values, strict=True)]
        path.write_text("\n".join(["when,v", *lines]))
        return tables.read(path, **how)

    return of


def local(start, end, step, zone="Europe/Berlin", form="%Y-%m-%d %H:%M"):
    return pd.date_range(start, end, freq=step, tz=zone).strftime(form)


YEAR = "2022-12-31", "2023-12-31"


@pytest.mark.parametrize("newest_first", [False, True])
@pytest.mark.parametrize(
    ("zone", "step"),
    [
        ("Europe/Berlin", "h"),
        ("Europe/London", "30min"),
        ("America/New_York", "h"),
        ("Australia/Sydney", "h"),
    ],
)
def test_both_hours_of_autumn_are_used_and_spring_is_no_gap(read, step, zone, newest_first):
    times = local(*YEAR, step, zone)[:: -1 if newest_first else 1]
    values = np.arange(len(times)) ** 2 % 97
    table = read(times, values)
    assert table.values[:, 0].tolist() == values[:: -1 if newest_first else 1].tolist()
    assert not np.isnan(table.values).any()
    (note,) = [note for note in table.notes if note.startswith("clocks go")]
    repeat = pd.Series(times).duplicated(keep="last" if newest_first else "first")
    place = np.flatnonzero(repeat)[-1 if newest_first else 0]
    assert note.startswith(f"clocks go back in line {place + 2}, {times[place]}: both hours")
    assert "; forward in line " in note
    assert note.endswith(": no gap")


@pytest.mark.parametrize(
    ("times", "note"),
    [
        (local("2023-10-28", "2023-10-31", "h"), "clocks go back in line 29"),
        (local("2023-03-25", "2023-03-28", "h"), "clocks go forward in line 28"),
        (local("2021-06-01", "2023-06-01", "h"), "and 1 more: both hours are used; forward"),
        # Rows bear the time at which their quarter of an hour ends.
        (local("2023-10-28 00:15", "2023-10-31", "15min"), "clocks go back in line 109"),
        (local("2023-10-28", "2023-10-31", "h", form="%d.%m.%Y %H:%M"), "clocks go back"),
        (local("2023-10-28", "2023-10-31", "15min"), "clocks go back in line 110"),
        (local("2023-10-28", "2023-10-31", "30min")[53:], "clocks go back in line 3"),
    ],
)
def test_part_of_a_year(read, times, note):
    values = np.arange(len(times)) ** 2 % 97
    table = read(times, values)
    assert table.values[:, 0].tolist() == values.tolist()
    assert note in "; ".join(table.notes)


def test_equal_values_in_both_hours_are_two_rows(read):
    times = local("2023-10-28", "2023-10-31", "h")
    assert len(read(times, [0.5, 1.5] * (len(times) // 2) + [0.5] * (len(times) % 2)).values) == 74
    assert len(read(times, [0.5] * len(times)).values) == len(times)


@pytest.mark.parametrize("newest_first", [False, True])
@pytest.mark.parametrize("aware", [True, False])
@pytest.mark.parametrize("step", ["h", "15min"])
def test_the_beginning_and_the_end_of_each_period_are_in_one_order(
    tmp_path, step, aware, newest_first
):
    starts = pd.date_range("2023-10-27", periods=500, freq=step, tz="Europe/Berlin")
    ends = (starts if aware else starts.tz_localize(None)) + (starts[1] - starts[0])
    lines = [f"{a:%d.%m.%Y %H:%M},{b:%d.%m.%Y %H:%M},{at % 7}"
             for at, (a, b) in enumerate(zip(starts, ends, strict=True))]  # fmt: skip
    lines = lines[:: -1 if newest_first else 1]
    (tmp_path / "data.csv").write_text("\n".join(["von,bis,v", *lines]))
    table = tables.read(tmp_path / "data.csv")
    assert table.values[:, 0].tolist() == [at % 7 for at in range(500)]
    assert table.warnings == ()
    lines = [line.replace(",", f",{ends[-at]:%d.%m.%Y %H:%M},", 1) for at, line in enumerate(lines)]
    (tmp_path / "data.csv").write_text("\n".join(["von,other,bis,v", *lines]))
    assert "`other` holds times too" in tables.read(tmp_path / "data.csv").warnings[0]


@pytest.mark.parametrize("mark", [" DST", " (DST)"])
def test_an_hour_of_autumn_that_is_marked_is_used(read, mark):
    times = local("2022-11-04 01:00", "2022-11-08", "h", "America/Chicago", "%m/%d/%Y %H:%M")
    times = times.where(~times.duplicated(), times + mark)
    table = read(times)
    assert table.values[:, 0].tolist() == [at**2 % 97 for at in range(len(times))]
    assert "clocks go back in line" in table.notes[1]


@pytest.mark.parametrize(
    "form", ["%Y-%m-%dT%H:%M:%S%z", "%Y-%m-%d %H:%M%z", "%d.%m.%Y %H:%M %z", "%m/%d/%Y %H:%M:%S%z"]
)
@pytest.mark.parametrize("colon", [True, False])
def test_times_with_offsets_are_sorted_as_they_passed(read, form, colon):
    times = local("2023-10-28", "2023-10-31", "h", form=form)
    times = times.str.replace(r"(\d\d)$", r":\1", regex=True) if colon else times
    values = np.arange(len(times))
    mixed = np.random.default_rng(0).permutation(len(times))
    table = read(times[mixed], values[mixed])
    assert table.values[:, 0].tolist() == values.tolist()
    assert "hourly" in table.notes[0]
    assert not any("clocks" in note for note in table.notes)


@pytest.mark.parametrize(
    "form", ["%Y-%m-%d %H:%M %Z", "%Y-%m-%dT%H:%M:%S%z[Europe/Berlin]", "%d.%m.%Y %H:%M:%S %Z"]
)
@pytest.mark.parametrize("start", ["2023-03-25", "2023-10-28"])
def test_times_with_the_name_of_their_zone_are_sorted_as_they_passed(read, form, start):
    times = local(start, pd.Timestamp(start) + pd.Timedelta(days=3), "h", form=form)
    values = np.arange(len(times))
    table = read(times[::-1], values[::-1])
    assert table.values[:, 0].tolist() == values.tolist()
    assert "hourly" in table.notes[0]


def test_days_with_offsets_are_days(read):
    days = local("2023-10-01", "2023-11-30", "D", form="%Y-%m-%dT%H:%M:%S%z")
    table = read(days)
    assert table.notes == ("time: `when`, daily",)
    assert table.seasons == (7, 365)


BERLIN = local("2023-10-28", "2023-10-31", "h")


@pytest.mark.parametrize(
    "times",
    [
        pytest.param([*BERLIN[:60], *BERLIN[50:]], id="a block of ten rows twice"),
        pytest.param(local("2023-10-28", "2023-10-31", "h").str.replace("-29", "-24"), id="other"),
        pytest.param(BERLIN[np.random.default_rng(0).permutation(74)], id="in no order"),
        pytest.param(np.repeat(BERLIN, 2), id="two series"),
        pytest.param(
            [t for at, t in enumerate(local("2023-10-28", "2023-10-31", "15min")) if at != 106],
            id="an hour with a row missing",
        ),
        pytest.param(
            sorted(local("2023-10-28", "2023-10-31", "30min")), id="the hours row by row"
        ),
        pytest.param(
            [f"{at:%Y-%m-%d %H:%M}" for at in pd.date_range("2023-10-28", periods=60, freq="h")
             .insert(20, pd.Timestamp("2023-10-28 19:00"))],
            id="an hour of a Saturday",
        ),
    ],
)  # fmt: skip
def test_what_is_no_change_of_clocks_is_refused_with_a_remedy(read, times):
    with pytest.raises(ValueError, match=r"have the same .*mean.*first.*last.*time"):
        read(times)


def test_where_the_user_says_what_to_do_with_duplicates_it_is_done(read):
    table = read(local(*YEAR, "h"), duplicates="mean")
    assert len(table.values) == 365 * 24 + 1
    assert np.isnan(table.values).sum() == 1
    assert not any("clocks" in note for note in table.notes)


@pytest.mark.parametrize(
    "missing",
    [
        ["2023-03-26 05:00"],  # another hour
        ["2023-03-19 02:00"],  # another Sunday
        ["2023-03-26 02:00", "2023-03-29 07:00"],  # there are other gaps
    ],
)
def test_a_missing_hour_is_filled_in_unless_it_is_that_of_spring(read, missing):
    times = pd.date_range("2023-03-01", "2023-04-15", freq="h").strftime("%Y-%m-%d %H:%M")
    table = read(times[~times.isin(missing)])
    assert len(table.values) == len(times)
    assert np.isnan(table.values).sum() == len(missing)
