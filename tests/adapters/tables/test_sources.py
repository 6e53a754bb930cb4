"""The layouts of public sources: headers, tables below each other, words for missing values."""

import numpy as np
import pandas as pd
import pytest

from longlag.adapters.tables import measured

DAYS = pd.date_range("2020-01-01", periods=40)
BUOY = (
    "#YY  MM DD hh mm WDIR WSPD GST\n#yr  mo dy hr mn degT m/s  m/s\n",
    "".join(f"{day:%Y %m %d} 12 00 180  {at}.5 99.0\n" for at, day in enumerate(DAYS)),
)
DUTCH = (
    "# Source: KNMI, De Bilt\n# FG : wind (0.1 m/s), of a day\n# \n# STN,YYYYMMDD,   FG,   TG\n",
    "".join(f"  260,{day:%Y%m%d},   {at % 7},   {at}.5\n" for at, day in enumerate(DAYS)),
)
JAPAN = (
    "時刻：2023/05/01\n\n,東京,東京,東京,東京\n年月日,気温,気温,降水量,降水量\n,,,,\n,,品質情報,,品質情報\n",
    "".join(f"{day:%Y/%m/%d},{at}.5,8,{at % 3},8\n" for at, day in enumerate(DAYS)),
)
WIDTHS = (
    "# USGS\nagency_cd\tsite_no\tdatetime\tflow\tflow_cd\n5s\t15s\t20d\t14n\t10s\n",
    "".join(f"USGS\t0164\t{day:%Y-%m-%d}\t{at}.5\tA:e\n" for at, day in enumerate(DAYS)),
)
HEADS = {
    "NDBC": (BUOY, ["WSPD"], ("WDIR", "WSPD", "GST")),
    "NDBC, missing": (
        (BUOY[0], BUOY[1].replace("99.0", "  MM")),
        ["WSPD"],
        ("WDIR", "WSPD"),
    ),
    **{
        f"KNMI{blank!r}": ((DUTCH[0] + blank, DUTCH[1]), ["TG"], ("STN", "FG", "TG"))
        for blank in ("", "\n", "# \n", "#\n\n")
    },
    "JMA": (
        JAPAN,
        ["東京 気温"],
        ("東京 気温", "東京 気温 品質情報", "東京 降水量", "東京 降水量 品質情報"),
    ),
    "USGS": (WIDTHS, ["flow"], ("site_no", "flow")),
}


@pytest.mark.parametrize("source", HEADS)
def test_headers_of_several_rows(read, source):
    (head, rows), column, names = HEADS[source]
    table = read(head + rows, column)
    assert table.values[:, 0].tolist() == [at + 0.5 for at in range(40)]
    assert any(note.startswith("time: ") and ", daily" in note for note in table.notes)
    assert read(head + rows).names == names


PROSE = {"# Source: KNMI, De Bilt": ",3", "# a, b, 3": ",3,4", "# a b c d": " 3 4 5"}


@pytest.mark.parametrize("prose", PROSE)
def test_prose_above_a_blank_line_names_no_columns(read, prose):
    rows = [f"{day:%Y-%m-%d}{PROSE[prose]}\n" for day in DAYS]
    assert {*read(f"{prose}\n\n{''.join(rows)}").names} <= {*"234"}


PADDED = {
    "a workbook's": "Title:,Emergency,\nPeriod:,2021-2023,\nSource:,NHS,\n,,\n",
    "keys without a colon": "Title,Emergency,\nUpdated,01/02/2023,\n",
    "a key of all columns": "Title:,Emergency,England\nSource:,NHS,England\n,,\n",
    "one line": "Title:,Emergency,\n",
    "blank lines between": "Title:,Emergency,\n\nSource:,NHS,\n\n",
}


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("kind", PADDED)
def test_lines_of_metadata_up_to_the_width_are_left_out(read, kind, separator):
    rows = "".join(f"{day:%d/%m/%Y},{at % 7},{at}.5\n" for at, day in enumerate(DAYS))
    table = read(f"{PADDED[kind]}Week Ending,All,Emergency\n{rows}".replace(",", separator))
    assert table.names == ("All", "Emergency")
    assert table.values[:, 1].tolist() == [at + 0.5 for at in range(40)]
    first = "line 1" if kind == "one line" else "lines 1, "
    assert any(f"left out, being no rows of the table: {first}" in note for note in table.notes)


@pytest.mark.parametrize("first", ["Title,Emergency,England", "Day,All,Emergency"])
def test_the_lowest_of_rows_of_text_may_have_the_names(read, first):
    rows = "".join(f"{day:%d/%m/%Y},{at % 7},{at}.5\n" for at, day in enumerate(DAYS))
    head = f"{first}\nSource,NHS,both\nWeek Ending,All,Emergency\n"
    told = r"Remove them, or what is above line 3 if that has the names: names stand in one line"
    with pytest.raises(ValueError, match=f"lines 2 and 3 have text .*{told}"):
        read(head + rows)
    table = read("".join((head + rows).splitlines(keepends=True)[2:]), ["Emergency"])
    assert table.values[:, 0].tolist() == [at + 0.5 for at in range(40)]


@pytest.mark.parametrize("title", ["\n Annual Factors \n", "\n", "Annual Factors\n"])
def test_another_table_below_is_left_out_with_a_command_that_keeps_it(read, title):
    months = pd.date_range("1990-01-01", periods=60, freq="MS")
    head = ",Mkt,SMB\n"
    first = head + "".join(f"{month:%Y%m},{at}, 1\n" for at, month in enumerate(months))
    below = title + head + "".join(f" {year},  {year}.5, 2\n" for year in range(1990, 1996))
    table = read(first + below + "\nCopyright\n", ["Mkt"])
    assert table.values[:, 0].tolist() == list(range(60))
    skip = 62 if title == "Annual Factors\n" else 63
    note = next(note for note in table.notes if "another table" in note)
    assert note.startswith(f"lines {skip} to ")
    assert note.endswith(f"tail -n +{skip} data.csv > next.csv")
    rest = "".join((first + below).splitlines(keepends=True)[skip - 1 :])
    assert read(rest, ["Mkt"]).values[:, 0].tolist() == [year + 0.5 for year in range(1990, 1996)]


def test_words_among_numbers_are_named_with_their_counts_and_read_as_missing(read):
    cells = ["Ice" if at in (3, 4, 9) else "Eqp" if at == 7 else f"{at}.5" for at in range(40)]
    rows = "".join(f"17,{day:%Y-%m-%d},{c}\n" for day, c in zip(DAYS, cells, strict=True))
    text = "site_no,day,flow\n" + rows
    told = r"in line 5: 'Ice' \(3\), 'Eqp' \(1\)\. .* --missing-code Ice --missing-code Eqp; else"
    for columns in ([], ["flow"]):  # the other column is an id
        with pytest.raises(ValueError, match=told):
            read(text, columns)
    table = read(text, ["flow"], missing_codes=["Ice", "Eqp", -999.0])
    assert np.flatnonzero(np.isnan(table.values[:, 0])).tolist() == [3, 4, 7, 9]


@pytest.mark.parametrize(
    "other",
    [
        *("siteID", "WMO_CODE", "Hour", "site no", "latitude", "気温 品質情報", "count", "same"),
        *("serial", "Mn", "Mth", "Hr", "hh._m", "Monat", "qtr", "Device Time (Integer)"),
    ],
)
def test_a_column_that_looks_measured_is_likely(other):
    rng = np.random.default_rng(0)
    known = {"count": np.arange(50.0), "same": np.full(50, 3.5)}
    known["serial"] = 21200 + np.cumsum([31, 28, 31, 30, 31, 30, 31, 31, 30, 31] * 5)
    known["Device Time (Integer)"] = np.cumsum(rng.integers(290, 310, size=50)).astype(float)
    column = known.get(other, rng.integers(20, size=50).astype(float))
    values = np.stack([column, rng.normal(size=50)], axis=1)
    assert measured.likely([other, "v"], values) == "v"
    assert measured.likely(["NO", "v"], rng.normal(size=(50, 2))) == "NO"
