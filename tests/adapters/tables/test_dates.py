"""Columns of dates in many notations: read right, or refused; never put in a wrong order."""

import re

import numpy as np
import pandas as pd
import pytest

from longlag.adapters import tables

MONTHS = pd.date_range("1995-01-01", periods=120, freq="MS")
GERMAN = "Jan Feb Mär Apr Mai Jun Jul Aug Sep Okt Nov Dez".split()
FRENCH = "janv. févr. mars avril mai juin juil. août sept. oct. nov. déc.".split()
DAYS = pd.date_range("1998-11-20", periods=120)
QUARTERS = [(1990 + at // 4, at % 4 + 1) for at in range(120)]
FORMS = {
    "Jan-95": (MONTHS.strftime("%b-%y"), "monthly", 12),
    "95-Jan": (MONTHS.strftime("%y-%b"), "monthly", 12),
    "Jan-60": ((MONTHS - pd.DateOffset(years=35)).strftime("%b-%y"), "monthly", 12),
    "1995M01": (MONTHS.strftime("%YM%m"), "monthly", 12),
    "199501": (MONTHS.strftime("%Y%m"), "monthly", 12),
    "01/01/1995, month first": (MONTHS.strftime("%m/%d/%Y"), "monthly", 12),
    "01/01/1995, day first": (MONTHS.strftime("%d/%m/%Y"), "monthly", 12),
    "quarters, month first": (
        pd.date_range("1990-01-01", periods=120, freq="QS").strftime("%m/%d/%Y"),
        "quarterly", 4),
    "German": ([f"{GERMAN[each.month - 1]} {each.year}" for each in MONTHS], "monthly", 12),
    "French": ([f"{FRENCH[each.month - 1]} {each.year}" for each in MONTHS], "monthly", 12),
    "98-11-20": (DAYS.strftime("%y-%m-%d"), "daily", 7),
    "20.11.98": (DAYS.strftime("%d.%m.%y"), "daily", 7),
    "1998-W47": (
        [f"{each.isocalendar()[0]}-W{each.isocalendar()[1]:02d}"
         for each in pd.date_range("1998-11-23", periods=120, freq="7D")],
        "weekly", 52),
    "Q1 1990": ([f"Q{part} {year}" for year, part in QUARTERS], "quarterly", 4),
    "1990KW01": ([f"{year}KW0{part}" for year, part in QUARTERS], "quarterly", 4),
    "1990K1*": ([f"{year}K{part}*" for year, part in QUARTERS], "quarterly", 4),
    "1T1990": ([f"{part}T{year}" for year, part in QUARTERS], "quarterly", 4),
    "1990 1. Quartal": ([f"{year} {part}. Quartal" for year, part in QUARTERS], "quarterly", 4),
    "DJF 1990": (
        [f"{'DJF MAM JJA SON'.split()[part - 1]} {year}" for year, part in QUARTERS],
        "quarterly", 4),
    "1990T1": ([f"{1990 + at // 3}T{at % 3 + 1}" for at in range(120)], "every 4 months", 3),
    "1990-S1": ([f"{1990 + at // 2}-S{at % 2 + 1}" for at in range(120)], "every 6 months", 2),
    "1995MM01": (MONTHS.strftime("%YMM%m"), "monthly", 12),
    "1920JJ00": ([f"{year}JJ00" for year in range(1920, 2040)], "yearly", None),
    "1990W101": (
        [f"{each.isocalendar()[0]}W1{each.isocalendar()[1]:02d}"
         for each in pd.date_range("1998-11-23", periods=120, freq="7D")],
        "weekly", 52),
    "1990-Q1": ([f"{year}-Q{part}" for year, part in QUARTERS], "quarterly", 4),
    "intervals": (
        [f"{each:%d.%m.%Y %H:%M} - {each + pd.Timedelta('1h'):%d.%m.%Y %H:%M}"
         for each in pd.date_range("2020-10-10", periods=120, freq="h")],
        "hourly", 24),
    "1950/51": ([f"{year}/{(year + 1) % 100:02d}" for year in range(1920, 2040)], "yearly", None),
}  # fmt: skip


def written(times, values, head="when,v"):
    return "\n".join(
        [head, *(f"{time},{value}" for time, value in zip(times, values, strict=True))]
    )


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("newest_first", [False, True])
def test_dates_in_many_forms_are_in_order_and_on_the_grid_of_their_step(read, form, newest_first):
    times, step, season = FORMS[form]
    rows = list(zip(times, range(120), strict=True))[:: -1 if newest_first else 1]
    found = read("\n".join(["when,v", *(f"{time},{value}" for time, value in rows)]))
    assert found.values[:, 0].tolist() == list(range(120))
    assert found.notes[0] == f"time: `when`, {step}"
    assert found.seasons[:1] == ((season,) if season else ())


@pytest.mark.parametrize("kept", ["MM", "KW", "JJ"])
def test_months_quarters_and_years_by_their_codes_are_refused_together(read, kept):
    codes = [
        f"{year}{code}"
        for year in range(1996, 2020)
        for at in range(1, 13)
        for code in (
            f"MM{at:02}", *([f"KW{at // 3:02}"] if at % 3 == 0 else []), *["JJ00"] * (at == 12)
        )
    ]  # fmt: skip
    rows = [f"{at},NL,{code},{at * at % 97}\n" for at, code in enumerate(codes)]
    with pytest.raises(ValueError, match=r"'1996MM01' in line 2, '1996KW01' in line 5\. Keep the"):
        read("ID,land,Perioden,v\n" + "".join(rows), ["v"])
    one = read("ID,land,Perioden,v\n" + "".join(row for row in rows if kept in row), ["v"])
    assert len(one.values) == {"MM": 12, "KW": 4, "JJ": 1}[kept] * 24
    assert not np.isnan(one.values).any()


@pytest.mark.parametrize("name", ["ID", "", "row no"])
def test_a_number_of_rows_is_no_time_beside_codes_of_unknown_periods(read, name):
    rows = [f"{4 * at},{2000 + at // 9}X{at % 9:03},{at}" for at in range(36) if at != 7]
    table = read("\n".join([f"{name},period,v", *rows]), ["v"])
    assert table.values[:, 0].tolist() == [at for at in range(36) if at != 7]
    assert table.notes == ("no time column: rows taken in the order of the file",)
    assert table.warnings[0].startswith("`period` may hold times, in a form that is not known")


@pytest.mark.parametrize("times", [DAYS, DAYS[::-1], np.random.default_rng(0).permutation(DAYS)])
@pytest.mark.parametrize(("at", "cell"), [(50, "2021-02-30"), (119, "later")])
def test_a_cell_that_is_no_date_in_a_column_of_dates_is_named(read, times, at, cell):
    cells = [str(each)[:10] for each in times]
    cells[at] = cell
    text = written(cells, range(120))
    with pytest.raises(ValueError, match=rf"`when` is no date in line {at + 2}: '{cell}'\. .*--no"):
        read(text)
    assert len(read(text, time=False).values) == 120
    other = [f"{cell},{each:%Y-%m-%d}" for cell, each in zip(cells, DAYS, strict=True)]
    assert "time: `day`, daily" in read(written(other, range(120), "when,day,v")).notes


def test_a_year_that_is_no_number_is_named(read):
    years = [*range(2020, 1960, -1), "later"]
    with pytest.raises(ValueError, match="`year` is no number in line 62: 'later'"):
        read(written(years, range(61), "year,v"))


@pytest.mark.parametrize("times", [[f"{at // 12 + 1}-{at % 12 + 1:02d}" for at in range(36)],
                                   [f"item {at}" for at in range(36)]])  # fmt: skip
def test_texts_that_are_no_dates_leave_the_rows_as_they_are_with_a_note(read, times):
    found = read(written(times, range(36)))
    assert found.values[:, 0].tolist() == list(range(36))
    assert found.notes == ("no time column: rows taken in the order of the file",)
    assert not read(written(times, range(36)), time=False).notes


def test_dates_of_two_likely_orders_are_refused(read):
    times = ["03/04/2020", "05/07/2021", "11/02/2020", "08/09/2022", "01/12/2021", "02/03/2021"]
    with pytest.raises(ValueError, match=r"`when` can be read in two ways.*--time.*--no-time"):
        read(written(times, range(6)))


def test_more_than_a_quarter_of_the_rows_is_not_filled_in(read):
    days = [day for at, day in enumerate(DAYS.strftime("%Y-%m-%d")) if at % 3]
    found = read(written(days, range(80)))
    assert found.values[:, 0].tolist() == list(range(80))
    assert "daily: rows taken one after another, since 39 of 119 would be missing" in found.notes[0]


def test_a_year_and_the_name_of_a_month_are_one_time_and_so_are_a_date_and_an_hour(read):
    parts = [f"{each.year},{each:%b}" for each in MONTHS][::-1]
    found = read(written(parts, range(120), "Year,Month,v"))
    assert found.values[:, 0].tolist() == list(range(120))[::-1]
    assert found.notes[0] == "time: `Year` and `Month`, monthly"
    for first in (0, 1):
        parts = [f"{day:%m/%d/%Y},{hour + first}" for day in DAYS[:5] for hour in range(24)]
        found = read(written(parts, range(120), "Date,Hour Ending,v"))
        assert found.values[:, 0].tolist() == list(range(120))
        assert found.notes == ("time: `Date` and `Hour Ending`, hourly",)


def test_the_remedy_for_repeated_times_names_the_column_with_the_rest(read):
    parts = [f"{day},{part}" for day in DAYS[:60] for part in ("morning", "evening")]
    with pytest.raises(ValueError, match="Join `day` and `Time of day` to one column") as error:
        read(written(parts, range(120), "day,Time of day,v"))
    assert "--duplicates" not in str(error.value)
    stores = written(
        [f"{day},{store}" for day in DAYS for store in "ab"], range(240), "day,store,v"
    )
    with pytest.raises(ValueError, match="keep the rows of one `store`"):
        read(stores)


@pytest.mark.parametrize("form", ["%b %d, %Y", "%d %B, %Y", "%b %d, %Y %H:00"])
def test_a_date_with_a_comma_is_one_and_a_row_without_is_named(read, form):
    times = pd.date_range("2020-01-01", periods=60, freq="h" if "%H" in form else "D")
    rows = [f"{time:{form}},{at}\n" for at, time in enumerate(times)]
    table = read("Date,v\n" + "".join(rows), ["v"])
    assert table.values[:, 0].tolist() == list(range(60))
    step = "hourly" if "%H" in form else "daily"
    assert table.notes[0] == f"time: `Unnamed: 0` and `Date`, {step}"
    for bad in (",,\n", "Feb 30, 2020,7\n", "Mar 03,,7\n"):
        with pytest.raises(ValueError, match=r"has no time in line 22\. Fill it in"):
            read("Date,v\n" + "".join([*rows[:20], bad, *rows[20:]]), ["v"])


@pytest.mark.parametrize("form", ["%d/%m/%Y %H:%M", "%m/%d/%Y %H:%M"])
def test_few_days_with_midnight_last_are_read_without_a_gap(read, form):
    days = pd.date_range("2018-01-01", periods=12)
    if form.startswith("%m"):
        days += pd.Timedelta(days=3)  # up to the 15th
    times = [day + pd.Timedelta(minutes=15 * (at % 96)) for day in days for at in range(1, 97)]
    rows = "".join(f"{time:{form}},{at % 7}.5\n" for at, time in enumerate(times))
    table = read("date,v\n" + rows)
    assert "time: `date`, every 15 minutes" in table.notes


@pytest.mark.parametrize("form", ["%d/%m/%Y", "%m/%d/%Y", "%d-%m-%y"])
def test_the_order_of_day_and_month_is_that_with_fewest_missing_rows(read, form):
    hours = pd.date_range("2021-03-01", periods=12 * 24, freq="h")
    rows = "".join(f"{at.strftime(form)},{at.hour},{at.hour * at.day % 7}\n" for at in hours)
    table = read("date,hour,v\n" + rows)
    assert len(table.values) == len(hours)
    assert table.notes[0] == "time: `date` and `hour`, hourly"
    first = hours[0].strftime(form)
    assert f"`date`: {first} read as 2021-03-01, not " in table.notes[1]
    assert table.notes[1].endswith("with which more rows would be missing")


@pytest.mark.parametrize("named", [None, "date"])
@pytest.mark.parametrize("form", ["01/{:02}/2021", "{:02}/01/2021", "{}.1.2021", "{}/1/21"])
def test_twelve_dates_that_may_be_days_or_months_are_noted(read, form, named):
    text = "date;v\n" + "".join(f"{form.format(at)};{at * at % 7}\n" for at in range(1, 13))
    notes = [note for note in read(text, time=named).notes if " read as " in note]
    assert re.search(r"read as 2021-0\d-0\d, not as 2021-0\d-0\d; if it is that", notes[0])
    more = f"{text}{form.format(13)};1\n"  # which is no month
    assert not any(" read as " in note for note in read(more, time=named).notes)


@pytest.mark.parametrize("first", ["{:02}", "{}"])
def test_months_before_their_years_are_read_and_the_newest_put_last(tmp_path, first):
    """As `01.2010` of German tables: they were taken for numbers, in the order of the file."""
    rows = [f"{first.format(at % 12 + 1)}.{2010 + at // 12};{at}" for at in reversed(range(30))]
    (tmp_path / "data.csv").write_text("\n".join(["Datum;Wert", *rows]))
    table = tables.read(tmp_path / "data.csv")
    assert table.names == ("Wert",)
    assert table.values[:, 0].tolist() == list(range(30))
    assert any("monthly" in note for note in table.notes)
