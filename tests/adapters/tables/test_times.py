"""The time column: found, put in order, gaps filled, whatever the file looks like."""

import numpy as np
import pandas as pd
import pytest

from longlag.adapters.tables.steps import grid

NAN = float("nan")


def written(times, values, head="when,v"):
    return "\n".join(
        [head, *(f"{time},{value}" for time, value in zip(times, values, strict=True))]
    )


FORMS = {
    "days": pd.date_range("2020-01-30", periods=40).strftime("%Y-%m-%d"),
    "American": pd.date_range("2020-01-30", periods=40).strftime("%m/%d/%Y"),
    "British": pd.date_range("2020-01-30", periods=40).strftime("%d/%m/%Y"),
    "names of months": pd.date_range("2020-01-30", periods=40).strftime("%d %b %Y"),
    "digits": pd.date_range("2020-01-30", periods=40).strftime("%Y%m%d"),
    "hours": pd.date_range("2020-01-30", periods=40, freq="h").strftime("%Y-%m-%d %H:%M"),
    "zones": pd.date_range("2020-01-30", periods=40, freq="h").strftime("%Y-%m-%dT%H:%M:%S+02:00"),
    "months": pd.date_range("2020-01-01", periods=40, freq="MS").strftime("%Y-%m"),
    "ends of months": pd.date_range("2020-01-31", periods=40, freq="ME").strftime("%Y-%m-%d"),
    "quarters": [f"{year}Q{quarter}" for year in range(2010, 2020) for quarter in (1, 2, 3, 4)],
    "working days": pd.bdate_range("2020-01-30", periods=40).strftime("%Y-%m-%d"),
    "years": [str(year) for year in range(1960, 2000)],
}


@pytest.mark.parametrize("form", FORMS)
def test_the_newest_first_gives_what_the_oldest_first_gives(read, form):
    values = np.random.default_rng(0).normal(size=40)
    head = "year,v" if form == "years" else "when,v"
    first = read(written(FORMS[form], values, head))
    last = read(written(FORMS[form][::-1], values[::-1], head))
    assert first.names == last.names == ("v",)
    assert first.values.tobytes() == last.values.tobytes()
    assert first.values[:, 0].tolist() == values.tolist()
    assert first.seasons == last.seasons
    note = f"rows put in the order of `{head[:4]}`: the file has the newest first"
    assert note in last.notes
    assert note not in first.notes


@pytest.mark.parametrize(
    ("form", "seasons"),
    [("days", (7, 365)), ("hours", (24, 168, 8760)), ("months", (12,)), ("quarters", (4,)),
     ("working days", (5,)), ("years", ())],
)  # fmt: skip
def test_the_step_suggests_the_seasons(read, form, seasons):
    head = "year,v" if form == "years" else "when,v"
    assert read(written(FORMS[form], range(40), head)).seasons == seasons


@pytest.mark.parametrize("form", ["days", "British", "hours", "months", "ends of months", "years"])
def test_rows_that_lack_are_filled_in_as_missing_and_named(read, form):
    lacks = [at for at in range(40) if at not in (5, 6, 17)]
    head = "year,v" if form == "years" else "when,v"
    found = read(written([FORMS[form][at] for at in lacks], lacks, head))
    expected = [NAN if at in (5, 6, 17) else at for at in range(40)]
    np.testing.assert_array_equal(found.values[:, 0], expected)
    assert "3 missing rows filled in, the first after line 6" in found.notes


def test_holidays_are_no_gaps_and_irregular_times_are_taken_as_they_come(read):
    days = [day for at, day in enumerate(FORMS["working days"]) if at != 7]
    found = read(written(days, range(39)))
    assert len(found.values) == 39
    assert found.notes == ("time: `when`, working days: rows taken one after another",)
    times = pd.Timestamp("2020-01-01") + pd.to_timedelta(np.cumsum([1, 5, 2, 9, 4, 3, 8]), "min")
    found = read(written(times, range(7)))
    assert found.values[:, 0].tolist() == list(range(7))
    assert found.notes == ("time: `when`, irregular: rows taken one after another",)


def test_rows_of_one_time_are_left_out_if_equal_and_else_refused_or_merged(read):
    days = ["2020-01-01", "2020-01-02", "2020-01-02", "2020-01-03"]
    found = read(written(days, [1, 2, 2, 3]))
    assert found.values[:, 0].tolist() == [1, 2, 3]
    assert found.notes[1:] == ("1 row left out that was there twice",)
    text = written(days, [1, 2, 4, 3])
    with pytest.raises(ValueError, match="line 3 and line 4 have the same `when`, 2020-01-02"):
        read(text)
    for rule, value in {"mean": 3, "first": 2, "last": 4}.items():
        found = read(text, duplicates=rule)
        assert found.values[:, 0].tolist() == [1, value, 3]
        assert found.notes[1:] == (f"rows of the same time: {rule} taken (2 rows)",)
    assert read(text, time=False).values[:, 0].tolist() == [1, 2, 4, 3]


def test_a_row_without_a_time_is_named(read):
    text = "when,v\n2020-01-01,1\n,3\n2020-01-02,4\n"
    with pytest.raises(ValueError, match=r"`when` has no time in line 3\. .* --no-time"):
        read(text)
    assert read(text, time=False).values[:, 0].tolist() == [1, 3, 4]
    more = "when,v\n,1\n,2\n,3\n2020-01-01,4\n"
    with pytest.raises(
        ValueError, match=r"line 2 and 2 rows right after it\. Fill them in, remove"
    ):
        read(more)
    with pytest.raises(ValueError, match="no time in line 2 and 3 rows more"):
        read(more + ",5\n")
    days = [f"2020-01-{day:02},{day}\n" for day in (1, 2, 33, 3, 34, *range(4, 30))]
    with pytest.raises(
        ValueError, match=r"date in line 4 and 1 row more: '2020-01-33'\. Correct t"
    ):
        read("when,v\n" + "".join(days))


def test_dates_in_several_columns(read):
    hours = pd.date_range("2020-02-28 20:00", periods=30, freq="h")
    parts = [f"{h.year},{h.month},{h.day},{h.hour}" for h in hours]
    found = read(written(parts, range(30), "year,month,day,hour,v"))
    assert (found.names, found.seasons) == (("v",), (24, 168, 8760))
    parts = [f"{h:%d/%m/%Y},{h:%H.%M.%S}" for h in hours][::-1]
    found = read(written(parts, range(30), "Date,Time,v"))
    assert found.values[:, 0].tolist() == list(range(30))[::-1]


def test_a_time_may_be_named_or_denied(read):
    text = written(range(100, 60, -4), range(10), "a,v")
    assert read(text).names == ("a", "v")
    found = read(text, time="a")
    assert found.values[:, 0].tolist() == list(range(10))[::-1]
    with pytest.raises(ValueError, match="there is no column `b`"):
        read(text, time="b")
    with pytest.raises(ValueError, match="`v` holds neither dates nor numbers that rise"):
        read(written("abc", [1, 3, 2], "a,v"), time="v")


def test_months_that_come_round_again_are_no_time(read):
    assert read(written([1, 2, 3, 1, 2, 3], range(6), "month,v")).names == ("month", "v")


@pytest.mark.parametrize("code", [-99.99, -999, -200, 9999, 1e6])
def test_codes_for_missing_values_are_named_and_taken_out(read, code):
    values = np.random.default_rng(1).normal(30, 4, 200).round(2).tolist()
    values[3] = values[50] = values[120] = code
    found = read(written(FORMS["days"][:1].append(pd.Index(range(199))), values, "x,v"), ["v"])
    assert f"`v` holds {code:g} 3 times" in found.warnings[0]
    assert f"--missing-code {code:g}" in found.warnings[0]
    found = read(written(range(200), values, "x,v"), ["v"], missing_codes=[code])
    assert np.flatnonzero(np.isnan(found.values[:, 0])).tolist() == [3, 50, 120]
    assert not found.warnings


def test_extremes_and_two_values_are_no_codes(read):
    rng = np.random.default_rng(2)
    for values in (rng.integers(0, 2, 300), rng.normal(size=300), rng.exponential(size=300),
                   rng.integers(0, 100, 300), np.repeat([1.0, 2.0, 500.0], 100)):  # fmt: skip
        assert not read(written(range(300), values, "x,v"), ["v"]).warnings


HOURS = pd.date_range("2020-12-30 00:10", periods=60, freq="h")
STAMPS = {
    "PVGIS": HOURS.strftime("%Y%m%d:%H%M"),
    "ten digits": HOURS.strftime("%Y%m%d%H"),
    "twelve digits": HOURS.strftime("%Y%m%d%H%M"),
    "fourteen digits": HOURS.strftime("%Y%m%d%H%M%S"),
    "seconds": [str(time.value // 10**9) for time in HOURS],
    "milliseconds": [str(time.value // 10**6) for time in HOURS],
}


@pytest.mark.parametrize("header", [True, False])
@pytest.mark.parametrize("form", STAMPS)
def test_stamps_of_digits_are_times_under_any_name(read, form, header):
    stamps = list(STAMPS[form])
    rows = [f"{stamp},{at}.5" for at, stamp in enumerate(stamps)]
    del rows[20]
    table = read("\n".join([*(["code,v"] if header else []), *rows[::-1]]))
    assert table.names == (("v",) if header else ("2",))
    expected = np.arange(60) + 0.5
    expected[20] = NAN
    np.testing.assert_array_equal(table.values[:, 0], expected)
    assert table.seasons[0] == 24


@pytest.mark.parametrize("places", [[60], [58, 59, 60], [30]])
@pytest.mark.parametrize("name", ["code", "data", "Jour", "obs"])
@pytest.mark.parametrize("form", STAMPS)
def test_a_word_among_stamps_of_digits_is_refused_under_any_name(read, form, name, places):
    rows = [f"{stamp},{at}.5,a" for at, stamp in enumerate(STAMPS[form])][::-1]
    for place in places:
        rows.insert(place, "Units,1,")
    for columns in [], ["v"]:
        with pytest.raises(ValueError, match=rf"`{name}` is no date in line {places[0] + 2}"):
            read("\n".join([f"{name},v,flag", *rows]), columns)
    table = read("\n".join([f"{name},v,flag", *rows]), ["v"], time=False)
    assert len(table.values) == 60 + len(places)


@pytest.mark.parametrize("gaps", [[], [19, 20], [9, 33]])  # of October too
@pytest.mark.parametrize("october", [".10", ".1"])
@pytest.mark.parametrize("name", ["Period", "code"])
def test_months_such_as_1999_12_may_be_numbers(read, name, october, gaps):
    rows = [f"{1999 + at // 12}.{at % 12 + 1:02}" for at in range(48)]
    rows = [
        f"{row[:4] + october if row.endswith('.10') else row},{at}.5" for at, row in enumerate(rows)
    ]
    table = read("\n".join([f"{name},v", *(row for at, row in enumerate(rows) if at not in gaps)]))
    expected = np.arange(48) + 0.5
    expected[gaps] = NAN
    np.testing.assert_array_equal(table.values[:, 0], expected)
    assert table.seasons == (12,)


def test_a_second_column_of_seconds_is_no_series(read):
    rows = [
        f"{1609459200000 + at * 3600000},{at}.5,{1609462799999 + at * 3600000}" for at in range(40)
    ]
    assert read("\n".join(rows)).names == ("2",)


@pytest.mark.parametrize("step", [1, 7, 13])
def test_large_numbers_that_count_are_no_seconds(read, step):
    rows = "".join(f"2020-01-{day:02},{1500000000 + step * day}\n" for day in range(1, 29))
    assert read("day,meter\n" + rows).names == ("meter",)
    alone = "".join(f"{1500000000 + step * at}\n" for at in range(40))
    assert read("meter\n" + alone).names == ("meter",)


WEEKS = pd.date_range("2018-10-01", periods=150, freq="7D")
SEASONS = [
    f"{year}/{(year + 1) % 100:02}" for year in (WEEKS - pd.Timedelta(days=270)).year.tolist()
]
FINER = {
    "weeks": (WEEKS.strftime("%G-W%V"), "weekly"),
    "days": (pd.date_range("2018-10-01", periods=150).strftime("%d.%m.%Y"), "daily"),
    "hours": (pd.date_range("2018-10-01", periods=150, freq="h").strftime("%F %H:%M"), "hourly"),
}


@pytest.mark.parametrize("newest_first", [False, True])
@pytest.mark.parametrize("form", FINER)
def test_of_two_columns_of_times_the_one_that_parts_the_rows_is_taken(read, form, newest_first):
    times, step = FINER[form]
    rows = [f"{season},{time}" for season, time in zip(SEASONS, times, strict=True)]
    values = [at % 11 for at in range(150)]
    way = slice(None, None, -1 if newest_first else 1)
    text = written(rows[way], values[way], "season,when,v")
    for columns in ([], ["v"]):
        found = read(text, columns)
        assert found.values[:, 0].tolist() == values
        assert found.notes[0] == f"time: `when`, {step}"
    with pytest.raises(ValueError, match=r"same `season`.*: use --time when\.$"):
        read(text, time="season")


def test_a_second_time_at_irregular_steps_or_in_another_order_is_named(read):
    rng = np.random.default_rng(0)
    for times in (WEEKS + pd.to_timedelta(rng.integers(9000, size=150), "min"), WEEKS[::-1]):
        rows = [f"{season},{time:%F %H:%M}" for season, time in zip(SEASONS, times, strict=True)]
        with pytest.raises(ValueError, match=r"same `season`.*: use --time=-when\.$"):
            read(written(rows, range(150), "season,-when,v"))


@pytest.mark.parametrize("rows", [24, 30])
@pytest.mark.parametrize("columns", [[], ["v"], ["v", "w"]])
def test_a_column_that_is_asked_for_is_no_time_of_day_and_names_no_series(read, rows, columns):
    seasons = [f"{year}/{year - 1999:02}" for year in range(2000, 2012) for _ in range(rows)]
    more = ",1.5" if columns else ""
    values = [f"{at % rows}{more}" for at in range(len(seasons))]
    with pytest.raises(ValueError, match=r"have the same `season`.* Use --duplicates mean"):
        read(written(seasons, values, f"season,v{',w' if more else ''}"), columns)


COUNTS = ["", "id", "index", "S.No", "Rank", "Unnamed: 0", "row"]
NUMBERED = {
    "year": [1990 + at for at in range(30)],
    "Year": [1990 + 5 * at + at % 2 for at in range(30)],
    "date": [19900 + 7 * at for at in range(30)],
    "time": [0.5 * at for at in range(30)],
    "quarter": [1960 + at / 4 for at in range(30)],
}


@pytest.mark.parametrize("newest_first", [False, True])
@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize("name", NUMBERED)
def test_numbers_of_rows_are_no_time_beside_a_column_of_that_name(read, name, count, newest_first):
    values = [at * at % 11 for at in range(30)]
    way = slice(None, None, -1 if newest_first else 1)
    rows = zip(NUMBERED[name][way], values[way], strict=True)
    text = "\n".join([f"{count},{name},v", *(f"{at},{t},{v}" for at, (t, v) in enumerate(rows))])
    found = read(text)
    assert found.names == ("v",)
    assert [each for each in found.values[:, 0] if not np.isnan(each)] == values
    assert any(note.startswith(f"time: `{name}`, ") for note in found.notes)


OF_A_DAY = {
    "hours": [7 + at * at % 12 for at in range(40)],
    "Time of maximum wind gust": [f"{at * 5 % 24:02}:{at % 60:02}" for at in range(40)],
    "opening hour": [6 + at % 3 for at in range(40)],
    "duration (time)": [f"{at % 5}:{at % 60:02}" for at in range(40)],
    "hour_max": [at * 7 % 24 for at in range(40)],
}


@pytest.mark.parametrize("gaps", [False, True])
@pytest.mark.parametrize("name", OF_A_DAY)
def test_a_time_of_day_is_no_part_of_days_that_do_not_repeat(read, name, gaps):
    kept = [at for at in range(40) if not (gaps and at in (5, 6, 17))]
    rows = [f"{FORMS['days'][at]},{OF_A_DAY[name][at]}" for at in kept]
    found = read(written(rows, kept, f"date,{name},v"), ["v"])
    assert "time: `date`, daily" in found.notes
    assert found.seasons == (7, 365)
    assert len(found.values) == 40
    hourly = [f"2020-01-{1 + at // 24:02},{at % 24:02}:00" for at in range(48)]
    found = read(written(hourly, range(48), "date,time of day,v"), ["v"])
    assert found.notes == ("time: `date` and `time of day`, hourly",)


@pytest.mark.parametrize("name", ["Moving Time", "Chip Time", "elapsed_time"])
def test_durations_of_a_day_are_no_times_of_it(read, name):
    lines = [
        f"2022-01-{day:02d},{spent},{day}"
        for day in range(1, 29)
        for spent in (f"1:{day:02d}:10", f"0:4{day % 10}:09")
    ]
    text = f"Date,{name},Distance\n" + "\n".join(lines)
    with pytest.raises(ValueError, match="same `Date`"):
        read(text, ["Distance"])
    assert len(read(text, ["Distance"], time=False).values) == 56


@pytest.mark.parametrize("lengths", [("7:30", "8:00"), ("0:45", "0:30"), ("7:00", "8:00", "9:00")])
def test_lengths_of_what_happened_on_a_day_are_no_times_of_it(read, lengths):
    text = "day,person,slept,v\n" + "".join(
        f"2020-01-{day:02},{at},{length},{at * day % 7}\n"
        for day in range(1, 29)
        for at, length in enumerate(lengths)
    )
    with pytest.raises(ValueError, match="If `slept` is how long something took, keep the rows of"):
        read(text)
    times = text.replace("slept", "Uhrzeit").replace("0:", "9:")
    assert any("`day` and `Uhrzeit`" in note for note in read(times).notes)
    assert "`day` and `slept`, every 12 hours" in read(HALVES).notes[0]


HALVES = "day,slept,v\n" + "".join(
    f"2020-01-{1 + at // 2:02},{(6, 18)[at % 2]}:00,{at * at % 7}\n" for at in range(56)
)


@pytest.mark.parametrize("seconds", [1, 20, 30, 60])
def test_a_day_is_suggested_of_rows_of_a_second_up_to_a_minute(seconds):
    times = pd.Series(pd.date_range("2024-01-01", periods=50, freq=f"{seconds}s"))
    assert 86_400 // seconds in grid(times).seasons
