"""Tables as offices publish them: totals, units, footers, hours, blank names, missing codes."""

import contextlib
import itertools
import re

import numpy as np
import pandas as pd
import pytest

from longlag.adapters import tables
from longlag.adapters.tables.measured import likely

NO_TIME = "no time column: rows taken in the order of the file"


def lines(rows):
    return "".join(",".join(map(str, row)) + "\n" for row in rows)


DAYS = pd.date_range("2019-03-01", periods=20)
HOURS = {
    "00 - 01": [f"{hour:02} - {hour + 1:02}" for hour in range(24)],
    "00:15": [f"{hour:02}:{minute:02}" for hour in range(24) for minute in (0, 15, 30, 45)],
    "00:00-01:00": [f"{hour:02}:00-{hour + 1:02}:00" for hour in range(24)],
    "0000 UTC": [f"{hour:02}{minute:02} UTC" for hour in range(24) for minute in (0, 30)],
    "00:00:00Z": [f"{hour:02}:00:00Z" for hour in range(24)],
    "0 Uhr": [f"{hour} Uhr" for hour in range(24)],
    "00h": [f"{hour:02}h" for hour in range(24)],
    "12 AM": [f"{hour % 12 or 12} {'AP'[hour // 12]}M" for hour in range(24)],
    "12:00 AM": [f"{hour % 12 or 12}:00 {'AP'[hour // 12]}M" for hour in range(24)],
}
CLOCK = {
    "hrmn": [100 * hour for hour in range(24)],
    "TIME": [f"{hour:02}{minute:02}" for hour in range(24) for minute in (0, 30)],
    "HourEnding": [100 * hour for hour in range(1, 25)],
}
COUNTS = {
    "Hour": range(24),
    "Hora": range(24),
    "HE": range(1, 25),
    "Period": range(1, 49),
    "Interval": range(96),
}


@pytest.mark.parametrize("form", HOURS)
def test_hours_of_a_day_are_joined_to_it_under_any_name(read, form):
    hours = HOURS[form]
    rows = [(f"{day:%Y-%m-%d}", hour) for day in DAYS for hour in hours]
    table = read("Tag,Ora,v\n" + lines((*row, at) for at, row in enumerate(rows)), ["v"])
    assert table.values[:, 0].tolist() == list(range(len(rows)))
    assert 7 * len(hours) in table.seasons
    assert any(note.startswith("time: `Tag` and `Ora`, ") for note in table.notes)
    text = "Tag,Ora,v\n" + lines((*row, at) for at, row in enumerate(rows))
    with pytest.raises(ValueError, match="Join `Tag` and `Ora` to one column of times"):
        read(text, ["v"], time="Tag")


def test_the_remedy_for_a_time_of_day_in_an_unknown_form_is_no_single_hour(read):
    rows = [(f"{day:%Y-%m-%d}", f"{hour:02}/{hour + 1:02}") for day in DAYS for hour in range(24)]
    text = lines((*row, at) for at, row in enumerate(rows))
    with pytest.raises(ValueError, match=r"If `x` is the time of day, join `Tag` and `x` to one"):
        read("Tag,x,v\n" + text, ["v"])
    with pytest.raises(ValueError, match=r"\. Join `Tag` and `Hora` to one column of times"):
        read("Tag,Hora,v\n" + text, ["v"])


@pytest.mark.parametrize("name", COUNTS)
def test_counts_of_a_day_are_joined_by_their_name_and_else_refused(read, name):
    rows = [(f"{day:%Y-%m-%d}", at) for day in DAYS for at in COUNTS[name]]
    text = lines((*row, at) for at, row in enumerate(rows))
    table = read(f"Tag,{name},v\n" + text, ["v"])
    assert table.values[:, 0].tolist() == list(range(len(rows)))
    with pytest.raises(ValueError, match=r"Join `Tag` and `x` .* If `x` names series, keep the"):
        read("Tag,x,v\n" + text, ["v"])
    two = lines((*row, land, at) for land in ("AT", "BE") for at, row in enumerate(rows))
    with pytest.raises(ValueError, match=r"keep the rows of one `land`\.$"):
        read(f"Tag,{name},land,v\n" + two.replace(",BE,", ",BE,1"), ["v"])


@pytest.mark.parametrize("day", ["{:%Y-%m-%d}", "{:%Y,%m,%d}"])
@pytest.mark.parametrize("name", CLOCK)
def test_hours_and_minutes_in_one_number_are_joined_to_their_day(read, name, day):
    rows = [(day.format(each), at) for each in DAYS for at in CLOCK[name]]
    text = lines((*row, at) for at, row in enumerate(rows))
    names = "day" if "," not in day else "year,month,day"
    table = read(f"{names},{name},v\n" + text, ["v"])
    assert table.values[:, 0].tolist() == list(range(len(rows)))
    assert 7 * len(CLOCK[name]) in table.seasons


def test_times_are_taken_where_year_month_and_day_stand_beside_them(read):
    times = pd.date_range("2019-03-01", periods=60, freq="h")
    rows = ((f"{at:%Y-%m-%d %H:%M,%Y,%m,%d,%H:%M}", row) for row, at in enumerate(times))
    table = read("Date/Time (LST),Year,Month,Day,Time (LST),v\n" + lines(rows), ["v"])
    assert table.notes == ("time: `Date/Time (LST)`, hourly",)


@pytest.mark.parametrize("parts", [24, 48])
def test_days_of_23_and_25_hours_are_joined_without_a_gap(read, parts):
    changed = {"2019-03-31": -parts // 24, "2019-10-27": parts // 24}
    days = [f"{day:%Y-%m-%d}" for day in pd.date_range("2019-03-01", "2019-11-05")]
    rows = [(day, at + 1) for day in days for at in range(parts + changed.get(day, 0))]
    text = "SETTLEMENT_DATE,SETTLEMENT_PERIOD,v\n" + lines((*row, 7) for row in rows)
    table = read(text, ["v"])
    assert len(table.values) == len(rows)
    assert not np.isnan(table.values).any()
    assert "clocks are changed on 2019-03-31, 2019-10-27" in table.notes
    assert 7 * parts in table.seasons
    wrong = text.replace("2019-10-27", "2019-10-88").replace("2019-10-26", "2019-10-27")
    with pytest.raises(ValueError, match="SETTLEMENT_DATE"):
        read(wrong.replace("2019-10-88", "2019-10-26"), ["v"])


def test_other_columns_beside_a_day_are_no_hours(read):
    rows = [(f"{day:%Y-%m-%d}", f"0{5 + at % 3}:1{at % 7}", at) for at, day in enumerate(DAYS)]
    assert any("time: `day`, daily" in note for note in read("day,sunrise,v\n" + lines(rows)).notes)
    counts = [(f"{day:%Y-%m-%d}", at % 24, at) for at, day in enumerate(DAYS)]
    assert read("day,bikes,v\n" + lines(counts)).names == ("bikes", "v")
    decimals = [(f"{day:%Y-%m-%d}", f"{at % 24}.{10 + at}", at) for at, day in enumerate(DAYS)]
    assert read("day,bikes,v\n" + lines(decimals)).names == ("bikes", "v")


def test_rows_of_one_time_that_agree_in_the_column_lead_to_the_first(read):
    rows = [
        (f"2020-01-01 {hour:02}:00", sky, hour) for hour in range(24) for sky in "ab"[: hour + 1]
    ]
    rows = [row for row in rows if row[1] == "a" or row[2] % 4 == 1]
    with pytest.raises(ValueError, match=r"In `cars` they are alike: use --duplicates first\."):
        read("when,sky,cars\n" + lines(rows), ["cars"])
    values = read("when,sky,cars\n" + lines(rows), ["cars"], duplicates="first").values
    assert values[:, 0].tolist() == list(range(24))


MONTHS = [f"{year}{month:02}" for year in range(1990, 1994) for month in range(1, 14)]


@pytest.mark.parametrize("form", ["{}{}", "{}-{}", "{}M{}"])
@pytest.mark.parametrize("total", ["13", "00"])
def test_totals_of_years_among_months_are_refused(read, form, total):
    months = [form.format(each[:4], each[4:].replace("13", total).zfill(2)) for each in MONTHS]
    rows = [(name, month, at) for name in "AB" for at, month in enumerate(months)]
    with pytest.raises(
        ValueError,
        match=rf"totals of years: '1990.*{total}' in line 14\. Remove .* ends in {total}",
    ):
        read("MSN,YYYYMM,Value\n" + lines(rows), ["Value"])
    rows = [row for row in rows if not row[1].endswith(total)]
    with pytest.raises(ValueError, match=r"keep the rows of one `MSN`\."):
        read("MSN,YYYYMM,Value\n" + lines(rows), ["Value"])
    one = read("MSN,YYYYMM,Value\n" + lines(row for row in rows if row[0] == "A"), ["Value"])
    assert (len(one.values), one.seasons) == (48, (12,))


def test_totals_of_years_in_a_column_of_months_beside_the_year_are_refused(read):
    rows = [(each[:4], f"M{each[4:]}", at) for at, each in enumerate(MONTHS)]
    with pytest.raises(ValueError, match=r"line 14\. Remove the rows whose `Period` is M13"):
        read("Year,Period,Value\n" + lines(rows))
    table = read("Year,Period,Value\n" + lines(row for row in rows if row[1] != "M13"))
    assert table.notes == ("time: `Year` and `Period`, monthly",)


CODED = {
    "Year,Period": (["Q01", "Q02", "Q03", "Q04"], "Q05", 4),
    "year,period": (["S01", "S02"], "S03", 2),
    "YEAR,Quarter": (["1. Quartal", "2. Quartal", "3. Quartal", "4. Quartal"], "S1", 4),
    "Jahr,Halbjahr": (["1", "2"], "Q1", 2),
    "YR,SEAS": ("DJF JFM FMA MAM AMJ MJJ JJA JAS ASO SON OND NDJ".split(), "Q1", 12),
    "Year,PERIOD": ([f"M{month:02}" for month in range(1, 13)], "S01", 12),
}


@pytest.mark.parametrize("head", CODED)
def test_codes_of_parts_beside_the_year_are_times_and_others_among_them_refused(read, head):
    codes, other, seasons = CODED[head]
    rows = [(year, code) for year in range(1990, 2020) for code in codes]
    text = lines((*row, at) for at, row in enumerate(rows))
    table = read(f"{head},v\n" + text, ["v"])
    assert table.values[:, 0].tolist() == list(range(len(rows)))
    assert table.seasons == (seasons,)
    rows = [(year, code) for year in range(1990, 2020) for code in [*codes, other]]
    text = lines((*row, at) for at, row in enumerate(rows))
    row = rf"'1990 .* in line 2, '1990 {other}' in line {len(codes) + 2}\. Keep the rows of one"
    with pytest.raises(ValueError, match=row):
        read(f"{head},v\n" + text, ["v"])


def test_series_below_each_other_without_times_are_refused(read):
    rows = [(land, f"lap {at}", at % 7) for land in ("AT", "BE") for at in range(30)]
    with pytest.raises(ValueError, match=r"one below another: keep the rows of one `land`\.$"):
        read("land,lap,v\n" + lines(rows))
    assert len(read("land,lap,v\n" + lines(rows), time=False).values) == 60
    flowers = [(kind, at * at % 13) for kind in ("setosa", "virginica") for at in range(30)]
    assert read("kind,v\n" + lines(flowers)).notes == (NO_TIME,)


@pytest.mark.parametrize("head", ["v", "a,v", "year,week,v", "year,month,v"])
def test_a_table_without_times_always_says_so(read, head):
    width = head.count(",")
    text = head + "\n" + lines((*[at * at % 7] * width, at * at % 11) for at in range(30))
    assert NO_TIME in read(text, ["v"]).notes
    assert NO_TIME not in read(text, ["v"], time=False).notes


PARTS = {
    "yyyy,mm": [(1960 + at // 12, at % 12 + 1) for at in range(40)],
    "Year,Month,Day": [(day.year, day.month, day.day) for day in DAYS],
    "YY,MM,DD,hh,mm": [(2024, 1, 1, at // 6, at % 6 * 10) for at in range(40)],
    "year,month,day,hour": [(2024, 1, 1 + at // 24, at % 24 + 1) for at in range(40)],
    "Yr,Mn": [(1960 + at // 12, at % 12 + 1) for at in range(40)],
    "Jahr,Monat": [(1960 + at // 3, ("Januar", "März", "Mai")[at % 3]) for at in range(40)],
    ",": [(1960 + at // 12, at % 12 + 1) for at in range(40)],
    "年/Year,月/Month,日/Day": [(day.year, day.month, day.day) for day in DAYS],
}


@pytest.mark.parametrize("head", PARTS)
def test_times_in_columns_of_parts(read, head):
    rows = [(*parts, at) for at, parts in enumerate(PARTS[head])]
    names = " and ".join(f"`{name or f'Unnamed: {at}'}`" for at, name in enumerate(head.split(",")))
    table = read(f"{head},v\n" + lines(rows[::-1]), ["v"])
    assert any(note.startswith(f"time: {names}, ") for note in table.notes)
    kept = table.values[~np.isnan(table.values)]
    assert kept.tolist() == list(range(len(rows)))


@pytest.mark.parametrize(
    "month",
    [
        lambda at: f"{1999 + at // 12}.{at % 12 + 1:02}",
        lambda at: f"{1980 + (at + 0.5) / 12:.4f}",
        lambda at: f"{1980 + at / 12:.3f}",
    ],
    ids=["digits", "middle", "beginning"],
)
def test_months_written_as_decimal_numbers_are_months(read, month):
    rows = [(month(at), at * at % 7) for at in range(30)]
    table = read("Data,v\n" + lines(rows[:20] + rows[21:]))
    assert table.notes[0] == "time: `Data`, monthly"
    assert table.seasons == (12,)
    assert len(table.values) == 30


@pytest.mark.parametrize("middle", [0, 0.125])
@pytest.mark.parametrize("newest_first", [False, True])
def test_quarters_written_as_decimal_numbers_are_quarters(read, middle, newest_first):
    rows = [(at + 1, 1960 + middle + at / 4, at * at % 7) for at in range(30)]
    text = lines((f'"{at}"', *row) for at, (_, *row) in enumerate(rows[:: 1 - 2 * newest_first]))
    table = read('"","time","value"\n' + text)
    assert (table.names, table.seasons) == (("value",), (4,))
    assert "time: `time`, quarterly" in table.notes
    assert table.values[:, 0].tolist() == [value for *_, value in rows]


def test_prices_that_rise_by_hundredths_are_no_months(read):
    rows = [(f"{1999 + (at + 1) / 100:.2f}", at * at % 7) for at in range(30)]
    assert "monthly" not in " ".join(read("price,v\n" + lines(rows), ["v"]).notes)


@pytest.mark.parametrize("mark", ["", "W"])
@pytest.mark.parametrize("long", [(), (2020,), (2021,)])  # of ISO, or of the CDC
def test_weeks_of_a_year_are_seven_days_apart(read, long, mark):
    weeks = [
        (year, f"{mark}{week}")
        for year in range(2018, 2024)
        for week in range(1, 53 + (year in long))
    ]
    text = "YEAR,WEEK,v\n" + lines((*each, at) for at, each in enumerate(weeks))
    table = read(text)
    assert table.notes == ("time: `YEAR` and `WEEK`, weekly",)
    assert len(table.values) == len(weeks)


def test_numbered_columns_of_year_and_month_are_times_but_small_counts_are_not(read):
    months = [(1900 + at // 12, at % 12 + 1, f"{1900 + at / 12:.3f}", at % 9) for at in range(30)]
    assert any("time: `1` and `2`, monthly" in note for note in read(lines(months), ["4"]).notes)
    counts = [(1900 + at, at * at % 12 + 1, at % 9 + 1) for at in range(30)]
    assert NO_TIME in read(lines(counts), ["2"]).notes


def test_a_row_of_commas_has_no_time_and_one_of_words_no_date(read):
    rows = [(day.year, day.month, day.day, 3) for day in DAYS]
    head = "Year,Month,Day,v\n"
    with pytest.raises(ValueError, match=r"has no time in line 2\. Fill it in, remove the row"):
        read(head + ",,,\n" + lines(rows))
    with pytest.raises(ValueError, match=r"no date in line 7: '2019', '02', '30'\. Correct"):
        read(head + lines(rows[:5]) + "2019,02,30,1\n" + lines(rows[5:]))


@pytest.mark.parametrize("time", [None, False])
def test_a_row_of_units_is_refused_by_its_number(read, time):
    head, units = "Year,Month,Day,Extent,Source\n", "YYYY,MM,DD,10^6 sq km,a site\n"
    rows = lines((day.year, day.month, day.day, 3, "n.bin") for day in DAYS)
    with pytest.raises(ValueError, match=r"line 2 has text .*Remove it: names stand in one line"):
        read(head + units + rows, ["Extent"], time=time)
    assert len(read(head + rows, ["Extent"], time=time).values) == 20


@pytest.mark.parametrize("form", ["%d %b %y", "%d-%b-%y", "%b %d %y", "%d. %b %y"])
def test_a_year_of_two_digits_after_a_name_of_a_month(read, form):
    rows = [(f"{day:{form}}", at) for at, day in enumerate(DAYS)]
    table = read("DATE,v\n" + lines(rows[::-1]))
    assert table.notes[0] == "time: `DATE`, daily"
    assert table.values[:, 0].tolist() == list(range(20))


DATED = lines((f"{day:%Y-%m-%d}", f"{at}.5", "A") for at, day in enumerate(DAYS))
AROUND = {
    "above": ("Label,Index\nid,00175,\nUpdate,2025-01-15 08:45\nPeriod,,Codes\n", "", (1, 3),
              "Remove lines 1 to 3: names stand in line 4 alone"),
    "sections": ("SERIES\nid,label,description\nFX,dollar,rate\n\nOBSERVATIONS\ndate,FX,code\n",
                 "", (1, 5), "line 5 has 1 cell.*: names stand in line 6 alone"),
    "units": ("Period,Index,Codes\nmonth,points\n", "", (2, 2),
              "Remove line 2: names stand in line 1 alone"),
    "blank rows between": (
        "Prices,,\nTitle,Rate,More\nUnits,Per cent,x\n,,\n,,\nPublication date,03-Jan-2024,x\n",
        "", (3, 6), "lines 3 to 6 have text .*Remove them"),
    "dates above": (",NAME,FLAG\nunit,USD,\nAs of,2025-01-14 17:05:27,\n", "", (2, 3),
                    "lines 2 and 3 have text .*Remove them"),
    "metadata": ("Source,Latitude,State\nNSRDB,40.01,-\nDate,v,Codes\n", "", (1, 2),
                 r"names of the columns stand in line 3\..*: tail -n \+3 data\.csv > next\.csv"),
    "numbers alone": ("40.01,-105.26,1600\nDate,v,Codes\n", "", (1, 1), "stand in line 2"),
    "a place": ("Station,Bern,CH\nDate,v,Codes\n", "", (1, 1), "Remove it, or what is above it"),
    "below": ("Period,v,Codes\n", "-99.99,x\nNino,Anom,3.4,Index\nhttp://a.b,c,d,e\n", (22, 24),
              "Remove lines 22 to 24, below the table"),
    "second table": ("Period,v,Codes\n", "\nPeriod,most\n" + "2019-03-01,4\n" * 4, (22, 27),
                     "A second table begins in line 23: write it to a file of its own"),
}  # fmt: skip


@pytest.mark.parametrize("form", AROUND)
def test_lines_around_a_table_are_named_and_without_them_it_is_read(read, form):
    above, below, (first, last), remedy = AROUND[form]
    text = above + DATED + below
    with pytest.raises(ValueError, match=remedy):
        read(text)
    kept = [line for at, line in enumerate(text.split("\n"), 1) if not first <= at <= last]
    table = read("\n".join(kept))
    assert table.values[:, 0].tolist() == [at + 0.5 for at in range(20)]
    assert any(", daily" in note for note in table.notes)


def test_a_footer_with_separators_up_to_the_width_is_left_out(read):
    table = read("Period,v,Codes\n" + DATED + "Source: the office,,\np is provisional,,\n,,\n")
    assert table.values[:, 0].tolist() == [at + 0.5 for at in range(20)]
    assert "left out, being no rows of the table: lines 22, 23, 24" in table.notes
    for footer in (",Comment: ,", ",,Source: the office", ",revised in May,"):
        table = read("Period,v,Codes\n" + DATED + f"{footer}\n")
        assert table.values[:, 0].tolist() == [at + 0.5 for at in range(20)]
        assert "left out, being no rows of the table: line 22" in table.notes
    assert len(read("Period,v,Codes\n" + DATED + "2019-03-21,,\n").values) == 21


@pytest.mark.parametrize("head", ["Temp\ndegrees\n", "City,Temp\nname,degrees\n"])
def test_units_above_one_column_of_numbers_are_to_be_removed(read, head):
    rows = [(*["Bern"] * head.count("City"), at * at % 7) for at in range(20)]
    with pytest.raises(ValueError, match=r"in line 2: 'degrees'.* remove the row if it has units"):
        read(head + lines(rows))


def test_a_longer_row_in_a_table_and_several_at_its_end_are_named(read):
    head = "Period,v,Codes\n"
    with pytest.raises(ValueError, match=r"line 22 has 4 cells, its header 3\. Write one for each"):
        read(head + DATED + "2020-01-01,3,A,B\n" + DATED)
    more = lines((f"2020-01-0{at}", at, "A", "provisional") for at in range(1, 5))
    with pytest.raises(ValueError, match="Lines 22 to 25 have 4 cells, those above 3: write 3"):
        read(head + DATED + more)


def test_titles_with_separators_up_to_the_width_are_left_out(read):
    table = read("Prices,,\nUpdated 01-03-2019,,\n,v,Codes\n" + DATED)
    assert (table.names, len(table.values)) == (("v",), 20)
    assert "left out, being no rows of the table: lines 1, 2" in table.notes


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_blank_names_are_told_apart(tmp_path, kind):
    frame = pd.DataFrame({"day": [f"{day:%Y-%m-%d}" for day in DAYS], "a": 1, "b": 2.5, "c": 3})
    frame.columns = ["", "", "v", "w"]
    file = tmp_path / f"data.{kind}"
    if kind == "csv":
        file.write_text(frame.to_csv(index=False).replace('""', ""))
    else:
        pa, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
        columns = [pa.array(frame.iloc[:, at]) for at in range(4)]
        parquet.write_table(pa.table(columns, names=list(frame.columns)), file)
    table = tables.read(file)
    assert table.names == ("v", "w")
    assert "time: `Unnamed: 0`, daily" in table.notes
    assert tables.read(file, ["Unnamed: 1"]).values[:, 0].tolist() == [1] * 20


@pytest.mark.parametrize(("share", "least", "warned"), [
    (0.04, 0, True), (0.09, 0, True), (0.09, -1.5, False), (0.001, 0, False),
])  # fmt: skip
def test_minus_one_below_counts_is_suspected(read, share, least, warned):
    values = np.random.default_rng(0).integers(0, 200, 1000).astype(float)
    values[: int(share * 1000)] = -1
    values[-1] = least
    warnings = read("v\n" + "\n".join(map(str, values))).warnings
    assert [text.startswith("`v` holds -1 ") for text in warnings] == [True] * warned


@pytest.mark.parametrize(("code", "count", "least", "warned"), [
    (-1, 9, 0, True), (-9, 3, 0, True), (-1, 2, 0, False), (-1, 9, -1.5, False),
    (-0.5, 9, 0, False),
])  # fmt: skip
def test_a_whole_number_below_small_fractions_is_suspected(read, code, count, least, warned):
    values = (np.random.default_rng(0).integers(0, 14, 1000) / 3).round(3)
    values[:count], values[-1] = code, least
    warnings = read("v\n" + "\n".join(map(str, values))).warnings
    assert [text.startswith(f"`v` holds {code:g} ") for text in warnings] == [True] * warned


def test_the_least_of_many_temperatures_is_no_code(read):
    values = np.random.default_rng(0).normal(0, 3, (40, 1000)).round(1)
    values = (values - values.min(axis=1, keepdims=True) - 1).round(1)
    text = lines([[f"v{at}" for at in range(40)], *values.T])
    assert not read(text).warnings


def test_small_counts_around_zero_have_no_code(read):
    values = np.random.default_rng(0).integers(-1, 3, 1000)
    assert not read("v\n" + "\n".join(map(str, values))).warnings


def test_numbered_columns_beside_names_of_series_are_refused(read):
    head = ",".join(f"V{at}" for at in range(1, 40)) + "\n"
    rows = [(f"M{row}", *range(row, row + 38)) for row in range(1, 30)]
    with pytest.raises(ValueError, match=r"numbered, V2 to V39: each row is a series"):
        read(head + lines(rows))
    assert "numbered, V2 to V39: if a row" in read(head + lines(rows), ["V2"]).warnings[0]
    features = [(at, *range(at, at + 38)) for at in range(1, 30)]
    assert len(read(head.replace("V1,", "Time,") + lines(features)).names) >= 38


def test_marks_after_numbers_are_left_out(read):
    rows = [(f"{day:%Y-%m-%d}", f"{at}.5{'*' * (at % 2)}") for at, day in enumerate(DAYS)]
    table = read("day,v\n" + lines(rows))
    assert table.values[:, 0].tolist() == [at + 0.5 for at in range(20)]
    assert "`v`: marks such as * after numbers left out" in table.notes


SPELLED = {
    "a header without a name for the day": ("Date,v\n", "{:%b %d, %Y}"),
    "no header": ("", "{:%B %d, %Y}"),
    "a weekday": ("", "{:%A, %B %d, %Y}"),
    "a column for the year": ("Date,Year,v\n", "{:%d %b,%Y}"),
}


@pytest.mark.parametrize("form", SPELLED)
def test_a_date_of_two_columns_for_its_comma_is_one(read, form):
    head, date = SPELLED[form]
    days = pd.date_range("2019-12-01", periods=60)
    table = read(head + "".join(f"{date.format(day)},{at}\n" for at, day in enumerate(days)))
    assert table.values[:, -1].tolist() == list(range(60))
    assert any(note.endswith(", daily") for note in table.notes)
    assert len(table.names) == 1


def test_days_without_a_year_are_refused_and_months_of_two_digit_years_are_not(read):
    days = pd.date_range("2020-01-01", periods=60)
    with pytest.raises(ValueError, match=r"can be read in two ways.* or day or year"):
        read("Date,v\n" + "".join(f"{day:%b %d},{at}\n" for at, day in enumerate(days)))
    months = pd.date_range("2001-01-01", periods=60, freq="MS")
    table = read("Date,v\n" + "".join(f"{day:%b %y},{at}\n" for at, day in enumerate(months)))
    assert table.notes == ("time: `Date`, monthly",)


TWELVE = "Jan,Feb,Mar,Apr,May,Jun,Jul,Aug,Sep,Oct,Nov,Dec"


@pytest.mark.parametrize("head", ["", f"Year,{TWELVE}"])
def test_a_row_of_twelve_months_is_no_row_of_twelve_series(read, head):
    text = f"{head}\n" + lines(
        (1950 + at, *(at * month % 7 for month in range(12))) for at in range(9)
    )
    with pytest.raises(ValueError, match="each row is a year, with a column for each month"):
        read(text)
    name = "Jan" if head else "2"
    assert read(text, [name]).values.shape == (9, 1)
    counts = lines((at, *(at * month % 7 for month in range(12))) for at in range(9))
    assert read(counts).values.shape == (9, 12)


BY_MONTHS = {  # the names before the months, a cell of each, and what is to be kept
    "Year": ("{year}", ""),
    "Jahr": ("{year}", ""),
    "": ("{year}", ""),
    "REGION,YEAR": ("{region},{year}", "`REGION`"),
    "REGION,CODE,YR": ("{region},7,{year}", "`REGION`"),
    "STATION,Season": ("{code},{year}", "`STATION`"),
}


@pytest.mark.parametrize("kind", [*BY_MONTHS, "no names"])
def test_the_remedy_for_years_by_months_gives_a_series(tmp_path, kind):
    first, kept = BY_MONTHS.get(kind, ("{year}", ""))
    regions = [("KERALA", 3), ("ASSAM", 8)] if kept else [("KERALA", 3)]
    rows = [
        (first.format(region=region, code=code, year=1960 + at), *(
            "" if (at, month) == (5, 6) else 12 * at + month + code for month in range(12)
        ))
        for region, code in regions
        for at in range(9)
    ]  # fmt: skip
    head = "" if kind == "no names" else f"{kind},{TWELVE.upper()}\n"
    file = tmp_path / "data.csv"
    file.write_text(head + lines(rows))
    with pytest.raises(ValueError, match="each row is a year, with a column for each") as error:
        tables.read(file)
    advice, _, code = str(error.value).partition("Write each month as a row: ")
    assert (f"Keep the rows of one {kept}. " in advice) == bool(kept)
    frame = pd.read_csv(file, header="infer" if head else None)
    if kept:
        name = kept.strip("`")
        frame = frame[frame[name] == frame[name].iloc[0]]
    made = eval(code.partition(". If each")[0], {"frame": frame})
    for index in (False, True):
        made.to_csv(file, index=index)
        table = tables.read(file)
        assert table.names == ("value",)
        expected = [float("nan") if at == 66 else at + 3.0 for at in range(108)]
        np.testing.assert_array_equal(table.values[:, 0], expected)
        assert any("monthly" in note for note in table.notes)


BY_HOURS = {
    "00-01": [f"{at:02}-{at + 1:02}" for at in range(24)],
    "1": [*map(str, range(1, 25))],
    "0": [*map(str, range(24))],
    "HE01": [f"HE{at:02}" for at in range(1, 25)],
    "Hour 1": [f"Hour {at}" for at in range(1, 25)],
    "00:30": [f"{at // 2:02}:{at % 2 * 30:02}" for at in range(48)],
    "period": [f"Period_{at}" for at in range(1, 49)],
    "ends": [f"{at // 4:02}:{at % 4 * 15:02}" for at in range(1, 97)],
}


@pytest.mark.parametrize("zones", [1, 2])
@pytest.mark.parametrize("kind", BY_HOURS)
def test_the_remedy_for_days_by_hours_gives_a_series(tmp_path, kind, zones):
    names, file = BY_HOURS[kind], tmp_path / "data.csv"
    days = [f"2022-01-{day:02}" for day in range(1, 20)]
    count = len(names)
    rows = [
        (day, "AB"[zone], *range(at * count, (at + 1) * count), 7)
        for zone in range(zones)
        for at, day in enumerate(days)
    ]
    file.write_text(lines([("Date", "Zone", *names, "Mean"), *rows]))
    with pytest.raises(ValueError, match="each row is a day, with a column for each of") as error:
        tables.read(file)
    assert ("Keep the rows of one `Zone`. " in str(error.value)) == (zones == 2)
    assert tables.read(file, [names[0]], duplicates="first").values.shape == (19, 1)
    frame = pd.read_csv(file)
    code = str(error.value).partition("Write each as a row: ")[2].partition(". If each")[0]
    eval(code, {"frame": frame[frame.Zone == "A"]}).to_csv(file, index=False)
    table = tables.read(file)
    np.testing.assert_array_equal(table.values[:, 0], np.arange(19.0 * count))


def test_numbered_columns_of_other_things_are_no_hours(read):
    rows = [(f"2022-01-{day:02}", *(day * at % 7 for at in range(24))) for day in range(1, 20)]
    assert read(lines([("Date", *(f"Sensor{at}" for at in range(24))), *rows])).values.shape[1] > 20
    assert read(lines([(*row[1:], row[0]) for row in rows])).values.shape[1] > 20
    hourly = [(f"2022-01-01 {hour:02}:00", *rows[hour % 19][1:]) for hour in range(24)]
    assert read(lines([("Date", *map(str, range(24))), *hourly])).values.shape[1] > 20


def test_a_word_at_the_end_of_rows_without_names_is_a_column(read):
    """As in the monthly sunspot numbers of SILSO, whose newest are provisional."""
    text = "".join(
        f"{1990 + at // 12} {at % 12 + 1:02} {1990 + (at + 0.5) / 12:8.3f}  {at * 7 % 90:5.1f}"
        f"   5.2   {400 + at}{' *' if at > 230 else ''}\n"
        for at in range(240)
    )
    table = read(text, ["4"])
    assert table.values[:, 0].tolist() == [at * 7 % 90 for at in range(240)]
    assert "a word more at the end of rows, in a column of its own: `*` (9)" in table.notes


@pytest.mark.parametrize("separator", [",", "   "])
def test_names_that_stand_again_among_the_rows_are_left_out(read, separator):
    """As of files that were joined, and of `vmstat`."""
    names = separator.join(["day", "load", "free"])
    rows = [separator.join([f"2024-01-{day:02}", f"{day}", f"{day * 7 % 9}"]) for day in DAYS_OF]
    table = read("\n".join([names, *rows[:9], names, *rows[9:18], names, *rows[18:]]), ["load"])
    assert table.values[:, 0].tolist() == DAYS_OF
    assert "line 11 and 1 row more left out: the names again" in table.notes


DAYS_OF = [*range(1, 29)]


def test_days_by_months_are_no_years(read):
    days = [(day, *(day * month for month in range(1, 13))) for day in range(1, 29)]
    with pytest.raises(ValueError, match="`Jan` to `Dec` are months, and none holds their years"):
        read(f"Day,{TWELVE}\n" + lines(days))
    years = [(year, *day) for year in (2001, 2002) for day in days]
    with pytest.raises(ValueError, match=r"each row is a day, .* row: frame\.melt") as error:
        read(f"Year,Day,{TWELVE}\n" + lines(years))
    frame = pd.DataFrame(years, columns=["Year", "Day", *TWELVE.split(",")])
    code = str(error.value).partition("as a row: ")[2].partition(". If each")[0]
    table = read(eval(code, {"frame": frame}).to_csv(index=False))
    assert table.names == ("value",)
    assert table.values[:3, 0].tolist() == [1, 2, 3]


CLOCKS = {
    "AM and PM from midnight": "{:%m/%d/%Y %I:%M:%S %p}",
    "without seconds": "{:%Y-%m-%d %I:%M %p}",
    "a month by name": "{:%d-%b-%Y %I:%M %p}",
}


@pytest.mark.parametrize("form", CLOCKS.values(), ids=CLOCKS)
@pytest.mark.parametrize("newest_first", [False, True])
def test_halves_of_days_are_read_whatever_the_first_and_last_hour(read, form, newest_first):
    rows = [
        (form.format(hour), at)
        for at, hour in enumerate(pd.date_range("2020-01-14", periods=72, freq="h"))
    ]
    table = read("date,v\n" + lines(rows[::-1] if newest_first else rows), ["v"])
    assert table.values[:, 0].tolist() == list(range(72))
    assert "time: `date`, hourly" in table.notes


def test_the_end_of_a_day_is_the_beginning_of_the_next(read):
    hours = [
        (f"{day:%Y-%m-%d} {hour:02}:00", 24 * at + hour)
        for at, day in enumerate(DAYS)
        for hour in range(1, 25)
    ]
    table = read("date,v\n" + lines(hours), ["v"])
    assert table.values[:, 0].tolist() == [value for _, value in hours]
    assert table.notes == ("time: `date`, hourly",)


LANGUAGES = {
    "Spanish": "enero febrero marzo abril mayo junio julio agosto septiembre octubre nov dic",
    "Portuguese": "jan fev mar abr mai jun jul ago set out nov dez",
    "Italian": "gen feb mar apr mag giu lug ago set ott nov dic",
    "Dutch": "jan feb mrt apr mei jun jul aug sep okt nov dec",
}


@pytest.mark.parametrize("form", ["{} {}", "{}/{}", "{}-{}", "{}/{:.2}", "01/{}/{}"])
@pytest.mark.parametrize("language", LANGUAGES)
def test_months_of_more_languages_are_read_and_no_row_is_taken_for_a_header(read, language, form):
    names = LANGUAGES[language].split()
    years = [str(1990 + at // 12)[2 * (".2" in form) :] for at in range(36)]
    rows = [(form.format(names[at % 12], year), at) for at, year in enumerate(years)]
    table = read("date,v\n" + lines(rows[::-1]), ["v"])
    assert table.values[:, 0].tolist() == list(range(36))
    assert "time: `date`, monthly" in table.notes


def test_parts_of_times_under_short_names_and_quarters_are_joined(read):
    hours = [(day.year, day.month, day.day, hour) for day in DAYS for hour in range(24)]
    text = "yr mo dy hr mn v\n" + "".join(
        f"{' '.join(map(str, row))} 0 {at}\n" for at, row in enumerate(hours)
    )
    assert "time: `yr` and `mo` and `dy` and `hr` and `mn`, hourly" in read(text).notes
    rows = [(2000 + at // 4, f"Q{at % 4 + 1}", at) for at in range(30)]
    table = read("Year,Quarter,GDP\n" + lines(rows[::-1]))
    assert table.names == ("GDP",)
    assert table.values[:, 0].tolist() == list(range(30))


def test_points_or_commas_that_may_group_thousands_are_named(read):
    counts = [(f"{day:%d.%m.%Y};{50 + at}.{at:03}") for at, day in enumerate(DAYS)]
    table = read("Datum;n\n" + "\n".join(counts) + "\n")
    assert "`n`: decimal points; use --decimal , if the points group thousands" in table.notes
    counts = [(f"{day:%m/%d/%Y};{5 + at}.{at:03}".replace(".", ",")) for at, day in enumerate(DAYS)]
    table = read("date;n\n" + "\n".join(counts) + "\n")
    assert "`n`: decimal commas; use --decimal . if the commas group thousands" in table.notes


def test_texts_that_may_be_times_and_second_times_are_named(read):
    table = read("date,v\n" + lines((f"Thermidor {at} an II", at) for at in range(20)))
    assert table.warnings[0].startswith("`date` may hold times, in a form that is not known")
    pairs = zip(DAYS, DAYS[::-1], strict=True)
    table = read("one,a,two,b\n" + lines((f"{x:%F}", 1, f"{y:%F}", 2) for x, y in pairs))
    assert table.warnings[0].startswith("`two` holds times too, in another order than `one`")
    alike = read("one,a,two,b\n" + lines((f"{x:%F}", 1, f"{x:%d.%m.%Y}", 2) for x in DAYS))
    assert alike.warnings == ()


def test_units_below_the_names_of_a_sheet_are_refused_whatever_is_missing(tmp_path):
    pytest.importorskip("openpyxl", reason="openpyxl is an extra")
    rows = [
        ["day", "USD"],
        *([f"{day:%F}", 3.5 if at != 4 else None] for at, day in enumerate(DAYS)),
    ]
    pd.DataFrame(rows, columns=["Date", "Price"]).to_excel(tmp_path / "a.xlsx", index=False)
    with pytest.raises(ValueError, match="has text where the columns have numbers or dates"):
        tables.read(tmp_path / "a.xlsx", ["Price"])


ISD = """"STATION","DATE","SOURCE","TMP","SLP","WND"
"722950","2023-01-01T00:00:00","7","+9999,9","10150,1","260,1,N,0010,1"
"722950","2023-01-01T01:00:00","7","+0123,1","10151,1","260,1,N,0010,1"
"722950","2023-01-01T02:00:00","7","-0004,A","99999,9","260,1,N,0010,1"
"""


def test_values_lose_their_quality_codes_and_nines_are_missing(read):
    table = read(ISD, ["TMP", "SLP"])
    np.testing.assert_array_equal(table.values, [[np.nan, 10150], [123, 10151], [-4, np.nan]])
    note = "codes after commas left out; {} read as missing (1)"
    assert f"`TMP`: {note.format(9999)}" in table.notes
    assert f"`SLP`: {note.format(99999)}" in table.notes
    decimal = read('"DATE","TMP"\n"2023-01-01","12,3"\n"2023-01-02","+4,5"\n')
    assert decimal.values[:, 0].tolist() == [12.3, 4.5]


UNNAMED = {
    "year,doy": lambda at: f"{at:%Y},{at.day_of_year}",
    "YEAR,DOY,HR": lambda at: f"{at:%Y},{at.day_of_year},{at.hour}",
    "YYYYMMDD,HH": lambda at: f"{at:%Y%m%d},{at.hour}",
    "YR,MON": lambda at: f"{at:%Y,%m}",
    "Year,": lambda at: f"{at:%Y,%b}",
    "時間軸": lambda at: f"{at.year}年{at.month}月",
    "日期": lambda at: f"{at.year}年{at.month}月{at.day}日",
    "milliseconds": lambda at: at.value // 10**6,
    "microseconds": lambda at: at.value // 1000,
    "nanoseconds": lambda at: at.value,
}


@pytest.mark.parametrize("names", UNNAMED)
def test_times_in_the_forms_of_climate_and_exchange_files_are_known(read, names):
    step = "h" if names.startswith(("YEAR", "YYYY")) or names.endswith("seconds") else "D"
    step = "MS" if names in ("YR,MON", "Year,", "時間軸") else step
    times = pd.date_range("2019-03-01", periods=72, freq=step)
    table = read(f"{names},v\n" + lines((UNNAMED[names](at), row) for row, at in enumerate(times)))
    assert table.names == ("v",)
    assert table.notes[0].endswith({"h": ", hourly", "D": ", daily", "MS": ", monthly"}[step])


def test_hours_beside_days_need_no_names(read):
    rows = [(f"{day:%Y-%m-%d}", f"{hour:02}00", 7) for day in DAYS for hour in range(24)]
    assert "time: `1` and `2`, hourly" in read(lines(rows)).notes


CO2 = {
    "monthly": ("""
#            decimal       monthly    de-season  #days  st.dev  unc. of
#             date         average     alized          of days  mon mean
  1958   3    1958.2027      315.70      314.43     -1   -9.99   -0.99
""", ["monthly average", "de-season alized", "#days", "st.dev of days", "unc. of mon mean"]),
    "weekly": ("""
#      Start of week      CO2 molfrac           (-999.99 = no data)  increase
# (yr, mon, day, decimal)    (ppm)  #days       1 yr ago  10 yr ago  since 1800
  1974   5  19  1974.3795    333.34  6          -999.99   -999.99     50.36
""", ["ppm", "#days", "1 yr ago", "10 yr ago", "since 1800"]),
}  # fmt: skip


def of_co2(kind):
    """The comments and 60 rows in the places of the one row that is given."""
    *comments, first = CO2[kind][0].strip("\n").splitlines()
    rows = []
    step = {"monthly": "MS", "weekly": "7D"}[kind]
    for at, day in enumerate(pd.date_range(first.split()[0] + "-05-19", periods=60, freq=step)):
        if kind == "monthly":
            cells = iter((day.year, day.month, f"{day.year + (day.month - 0.5) / 12:.4f}"))
        else:
            cells = iter((*day.timetuple()[:3], f"{day.year + day.day_of_year / 365:.4f}"))
        values = [f"{300 + at * at % 13}.5", at % 3]
        values[1:1] = [f"{300 + at * at % 7}.5"] * (kind == "monthly")
        cells = itertools.chain(cells, values, (f"{at * at % 11}.{each}" for each in range(5)))
        rows.append(re.sub(r" *\S+", lambda old: f"{next(cells):>{len(old[0])}}", first))  # noqa: B023
    return comments, rows


@pytest.mark.parametrize("kind", CO2)
def test_names_in_comments_are_taken_where_they_stand_above_the_columns(read, kind):
    comments, rows = of_co2(kind)
    table = read("\n".join(["# Use of these data", "# is free", *comments, *rows]))
    assert table.names == tuple(CO2[kind][1])
    assert any(note.endswith(f", {kind}") for note in table.notes)
    assert likely(table.names, table.values) == table.names[0]
    moved = [f"#{' ' * 9}{line[1:]}" for line in comments]
    table = read("\n".join([*moved, *rows]))
    assert set(table.names) <= set("456789")
    assert likely(table.names, table.values) in "45"


def test_prose_above_columns_names_none(read):
    _, rows = of_co2("monthly")
    for prose in ("# The data, which are free", "# see  the  web", "# a long line of prose " * 4):
        assert set(read("\n".join([prose, *rows])).names) <= set("456789")


@pytest.mark.parametrize("count", [(), (28, 31, 30, 29, 31)], ids=["dates", "counts of days"])
def test_a_decimal_date_or_a_count_of_days_is_not_proposed(read, count):
    rows = [
        (f"{1990 + (at + 0.5) / 12:.4f}", *(count[at % 5 : at % 5 + 1]), f"{at * at % 7}.5")
        for at in range(40)
    ]
    table = read("\n".join(" ".join(map(str, row)) for row in rows))
    assert likely(table.names, table.values) == str(len(rows[0]))


STATION = """Aberporth
Location: 224100E 252100N, Lat 52.139 Lon -4.570, 133 metres amsl
Missing data is marked by  ---.
   yyyy  mm   tmax    rain     sun
              degC      mm   hours
"""


BARE = "   yyyy  mm   tmax    rain     sun\n"


@pytest.mark.parametrize(("head", "first"), [(STATION, 270), (STATION[76:], 299), (BARE, 0)])
def test_a_word_more_at_the_end_of_rows_is_a_column_of_its_own(read, head, first):
    rows = [
        f"{1990 + at // 12:7}{at % 12 + 1:4}   {at * at % 13}.5*   {at}.0   "
        f"{'---' if at % 40 == 7 else f'{at}.5#'}{'  Provisional' * (at >= first)}\n"
        for at in range(300)
    ]
    table = read(head + "".join(rows))
    assert table.names == ("tmax", "rain", "sun")
    assert table.values[:, 1].tolist() == list(range(300))
    assert "time: `yyyy` and `mm`, monthly" in table.notes
    told = f"a word more at the end of rows, in a column of its own: `Provisional` ({300 - first})"
    if not first:
        told = (
            "rows have one cell more than the header: the last is taken for a column without a name"
        )
    assert told in table.notes
    at = head.count("\n")
    assert (f"line {at} left out, being of units: degC mm hours" in table.notes) == ("degC" in head)


def test_rows_between_spaces_with_a_number_more_or_two_words_are_refused(read):
    rows = "".join(f"{1990 + at} {at} {at * at % 7}\n" for at in range(20))
    for more in ("2010 3 4 5\n", "2010 3 4 quite new\n", "2010 3\n"):
        with pytest.raises(ValueError, match="line 22 has"):
            read("year a b\n" + rows + more + rows.replace("19", "21"))


@pytest.mark.parametrize("first", [0, 1])
def test_year_month_day_and_hour_without_a_header_are_the_time(read, first):
    hours = [(day, hour) for day in pd.date_range("2024-03-25", periods=9) for hour in range(24)]
    rows = [(day.year, day.month, day.day, hour + first, at + 0.5)
            for at, (day, hour) in enumerate(hours) if (day.day, hour) != (31, 23)]  # fmt: skip
    table = read(lines(rows))
    assert table.names == ("5",)
    assert table.seasons[0] == 24
    assert any(note.startswith("time: `1` and `2` and `3` and `4`, hourly") for note in table.notes)


def test_a_column_of_hours_is_not_proposed():
    hours, prices = np.arange(1, 25.0), np.random.default_rng(0).normal(size=72)
    assert likely(["4", "5"], np.stack([np.tile(hours, 3), prices], axis=1)) == "5"


PSL = " 2019 2021\n" + "".join(
    f" {year} " + " ".join(f"{year % 2000 + month / 10:8.2f}" for month in range(1, 13)) + "\n"
    for year in (2019, 2020)
)
PSL_END = (
    " 2021    21.10    21.20   -99.90" + "   -99.90" * 9 + "\n  -99.9\n  NINO 3.4\n  in 2021, 1\n"
)


def test_years_of_months_of_noaa_s_psl_are_read(read):
    table = read((PSL + PSL_END).replace("20.50", "-99.90"))
    assert table.names == ("value",)
    assert table.values[:, 0].tolist()[:2] == [19.1, 19.2]
    assert table.values[-2:, 0].tolist() == [21.1, 21.2]
    assert np.flatnonzero(np.isnan(table.values[:, 0])).tolist() == [16]
    assert len(table.values) == 26
    assert table.notes == (
        "a row for each year from 2019, twelve months in each, -99.9 for missing values, as of "
        "NOAA's PSL",
        "time: `year` and `month`, monthly",
    )


@pytest.mark.parametrize("text", [PSL.replace(" 2020 ", " 2022 "), "1948 2023\n1949 2024\n"])
def test_other_tables_below_two_years_are_none_of_psl(read, text):
    with contextlib.suppress(ValueError):
        assert not any("PSL" in note for note in read(text).notes)
