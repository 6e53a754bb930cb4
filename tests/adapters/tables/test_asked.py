"""Columns as people name them, and rows whose step is not regular."""

import numpy as np
import pandas as pd
import pytest

HUB = "Henry Hub Natural Gas Spot Price (Dollars per Million Btu)"


def lines(times, *columns):
    return "".join(
        f"{at},{','.join(map(str, row))}\n" for at, *row in zip(times, *columns, strict=False)
    )


def months(count=40):
    return [f"{at:%b-%Y}" for at in pd.date_range("2019-01-01", periods=count, freq="MS")]


@pytest.mark.parametrize("name", [HUB, HUB.lower(), "henry hub", "Henry"])
def test_a_column_is_found_by_its_title_or_the_start_of_it(read, name):
    text = f'Date,"{HUB}",Storage\n' + lines(months(), np.arange(40) % 7, range(40))
    assert read(text, [name]).names == (HUB,)


def test_a_start_of_several_titles_is_refused_with_a_flag_to_paste(read):
    text = "Date,Gas A,Gas B\n" + lines(months(), range(40), range(40))
    with pytest.raises(
        ValueError, match=r"`gas`, but 'Gas A', 'Gas B'. Use --column 'Gas A', say."
    ):
        read(text, ["gas"])
    with pytest.raises(ValueError, match=r"no column `Gsa`. It has Date, 'Gas A', 'Gas B'."):
        read(text, ["Gsa"])
    with pytest.raises(ValueError, match=r"Did you mean `Gas B`\? Use --column 'Gas B'."):
        read(text, ["Gaz B"])
    assert "time: `Date`" in read(text, ["Gas A"], time="date").notes[0]


def test_a_column_named_twice_by_its_start_is_refused(read):
    text = "Date,Gas A,Oil\n" + lines(months(), range(40), range(40))
    with pytest.raises(ValueError, match="`Gas A` is named twice"):
        read(text, ["Gas A", "gas"])


def glucose(count=288 * 12):
    times = pd.date_range("2024-01-01 00:02:14", periods=count, freq="5min")
    return times, (100 + 30 * np.sin(2 * np.pi * np.arange(count) / 288)).round(1)


def text_of(times, values):
    return "Timestamp,mg/dL\n" + lines(times.strftime("%Y-%m-%dT%H:%M:%S"), values)


def test_few_gaps_are_filled_and_leave_the_day_its_rows(read):
    times, values = glucose()
    kept = np.random.default_rng(0).random(len(times)) > 0.1
    table = read(text_of(times[kept], values[kept]), ["mg/dL"])
    assert table.seasons == (12, 288, 2016)
    assert len(table.values) == len(times)


def test_rows_lost_at_random_have_no_season_of_the_calendar(read):
    """A day of 288 rows of 5 minutes would be one of 173 rows, on the average."""
    times, values = glucose()
    kept = np.random.default_rng(0).random(len(times)) > 0.4
    table = read(text_of(times[kept], values[kept]), ["mg/dL"])
    assert table.seasons == ()
    assert "would be missing; no season of 12, 288 or 2,016 rows, which take" in table.notes[0]


def test_one_long_gap_leaves_the_day_its_rows(read):
    times, values = glucose()
    kept = np.ones(len(times), bool)
    kept[900:2000] = False
    table = read(text_of(times[kept], values[kept]), ["mg/dL"])
    assert 288 in table.seasons
    assert 2016 not in table.seasons


def test_a_clock_that_drifts_keeps_the_day_and_an_hourly_session_has_none(read):
    times, values = glucose()
    drift = np.random.default_rng(0).integers(-3, 4, len(times))
    table = read(text_of(times + pd.to_timedelta(drift, unit="s"), values), ["mg/dL"])
    assert "irregular" in table.notes[0]
    assert {12, 288} <= {*table.seasons}
    days = pd.bdate_range("2024-01-02", periods=60)
    open_ = pd.DatetimeIndex(
        [day + pd.Timedelta(hours=9.5 + at) for day in days for at in range(7)]
    )
    table = read(text_of(open_, np.arange(len(open_)) % 13), ["mg/dL"])
    assert table.seasons == ()


def test_irregular_rows_without_a_value_are_left_out(read):
    """A meter writes what it measures each 15 minutes, and each scan, to two columns."""
    times = pd.date_range("2024-01-20 00:02", periods=480, freq="15min")
    jitter = np.random.default_rng(0).integers(-1, 2, len(times))
    rows = [
        (at, f"{60 + row % 96},") for row, at in enumerate(times + pd.to_timedelta(jitter, "m"))
    ]
    rows += [(at + pd.Timedelta(minutes=5), ",150") for at in times[::11]]
    body = "".join(f"{at:%d-%m-%Y %H:%M},{cells}\n" for at, cells in sorted(rows))
    table = read("Device Timestamp,Historic Glucose mmol/L,Scan\n" + body, ["historic"])
    assert len(table.values) == 480
    assert not np.isnan(table.values).any()
    assert 96 in table.seasons
    assert "44 rows without a value left out, since the rows are irregular" in table.notes


@pytest.mark.parametrize(
    ("names", "likely"),
    [
        (["temp", "clouds_all", "traffic_volume"], "traffic_volume"),
        (["Open", "High", "Close", "Volume"], "Close"),
        (["value", "target"], "target"),
        (["warm", "cold"], "warm"),
        (["station id", "cold"], "cold"),
    ],
)
def test_the_column_proposed_is_what_people_predict(names, likely):
    from longlag.adapters.tables import measured

    columns = np.random.default_rng(0).normal(size=(50, len(names)))
    assert measured.likely(names, columns) == likely


def test_values_below_a_limit_are_not_called_missing_at_once(read):
    """As of Google Trends: `<1` is a value between 0 and 1."""
    weeks = [f"{at:%Y-%m-%d}" for at in pd.date_range("2019-01-06", periods=80, freq="7D")]
    text = "Week,snow\n" + lines(weeks, ["<1" if at % 20 < 4 else at for at in range(80)])
    with pytest.raises(
        ValueError, match=r"beyond a limit, .* '<1' \(16\)\. Write a number for each"
    ):
        read(text, ["snow"])
    assert np.isnan(read(text, ["snow"], missing_codes=["<1"]).values).sum() == 16
