"""Published tables whose layout is not one header and one row for each time."""

import shutil
import subprocess

import pandas as pd
import pytest

from longlag.adapters import tables


@pytest.fixture
def read(tmp_path):
    def of(text, columns=(), name="data.csv", **how):
        path = tmp_path / name
        path.write_text(text)
        return tables.read(path, columns, **how)

    return of


YEARS = [str(year) for year in range(1990, 2010)]
QUARTERS = [f"{year} Q{quarter}" for year in YEARS for quarter in (1, 2, 3, 4)]
MONTHS = [f"{year} {month}" for year in YEARS for month in ("JAN", "FEB", "MAR")]
ISO_MONTHS = [f"{year}-{month:02}" for year in YEARS for month in range(1, 13)]


@pytest.mark.parametrize("more", [QUARTERS, MONTHS, ISO_MONTHS], ids=["quarter", "month", "ISO"])
@pytest.mark.parametrize("named", [None, "Period"])
def test_years_and_then_their_parts_are_not_one_series(read, more, named):
    text = "\n".join(["Period,CPI", *(f"{time},{at}" for at, time in enumerate(YEARS + more))])
    with pytest.raises(
        ValueError,
        match=rf"`Period` has dates of different frequency: '1990' in line 2, '{more[0]}'"
        " in line 22. Keep the rows of one frequency",
    ):
        read(text, time=named)
    assert len(read(text, time=False).values) == len(YEARS + more)


def test_the_frequencies_of_another_column_do_not_matter(read):
    text = "day,note,v\n" + "".join(
        f"2020-01-{day:02},{'2020' if day < 9 else '2020 Q1'},{day}\n" for day in range(1, 20)
    )
    assert "time: `day`, daily" in read(text).notes


TRANSPOSED = {
    "years": ("Country,", YEARS, ","),
    "American days": ("Province,Country,", [f"1/{day}/20" for day in range(1, 31)], ","),
    "Eurostat": ("freq,geo\\TIME_PERIOD\t", [f"{month} " for month in ISO_MONTHS], "\t"),
    "quarters": ("Country;", QUARTERS, ";"),
    "World Bank": ("Country,Code,", [f"{year} [YR{year}]" for year in YEARS], ","),
}


@pytest.mark.parametrize("form", TRANSPOSED)
def test_times_along_the_columns_are_refused_and_warned_of(read, form):
    head, times, separator = TRANSPOSED[form]
    names = head.count(separator)
    rows = [
        separator.join([*[f"L{row}"] * names, *(f"{row + at / 7:.2f}" for at in range(len(times)))])
        for row in range(12)
    ]
    text = "\n".join([head + separator.join(times), *rows])
    first, last = times[0].strip(), times[-1].strip()
    with pytest.raises(ValueError, match=r"each row is a series\. Write each as a column") as error:
        read(text)
    assert f"are times, {first} to {last}" in str(error.value)
    table = read(text, [first])
    assert table.values[:2, 0].tolist() == [0, 1]
    assert "if a row is a series, write each as a column" in table.warnings[0]
    assert read(text, time=False).values.shape == (12, len(times))


def test_a_first_row_of_data_with_a_year_or_dates_is_no_header(read):
    assert len(read("1990,3,4\n1991,4,5\n1992,6,7\n").values) == 3
    assert len(read("a,3000,4000,5000\nb,1,2,3\nc,4,5,6\n").values) == 3
    dates = "".join(f"a,202{at}-01-02,202{at}-02-03,202{at}-03-04,{at}\n" for at in range(5))
    assert len(read(dates, time=False).values) == 5


TWO_ROWS = [["Month", "Fuel", "", "", "Total"], ["", "Coal", "Gas", "Wind", ""]]
MONTHLY = [[month, at, at + 1, at + 2, 3 * at] for at, month in enumerate(ISO_MONTHS)]


@pytest.mark.parametrize("title", [0, 2])
@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_two_rows_of_names_give_one_name_to_each_column(tmp_path, kind, title):
    file = tmp_path / f"data.{kind}"
    rows = [*TWO_ROWS, *MONTHLY]
    if kind == "csv":
        lines = ["Energy"] * title + [",".join(map(str, row)) for row in rows]
        file.write_text("\n".join(lines))
    else:
        above = [["Energy", *[None] * 4]] * title
        dated = [[pd.Timestamp(row[0]), *row[1:]] for row in MONTHLY]
        blank = [[cell or None for cell in row] for row in TWO_ROWS]
        pd.DataFrame([*above, *blank, *dated]).to_excel(file, header=False, index=False)
    table = tables.read(file)
    assert table.names == ("Coal", "Gas", "Wind", "Total")
    assert table.values[:2].tolist() == [[0, 1, 2, 0], [1, 2, 3, 3]]
    assert len(table.values) == len(MONTHLY)
    assert any("time: `Month`, monthly" in note for note in table.notes)


def test_names_that_repeat_below_two_groups_have_the_group(read):
    rows = "".join(f"{month},{at},2,3,4\n" for at, month in enumerate(ISO_MONTHS))
    table = read("Month,Fuel,,Price,\n,Coal,Gas,Coal,Gas\n" + rows)
    assert table.names == ("Fuel Coal", "Fuel Gas", "Price Coal", "Price Gas")


@pytest.mark.parametrize(
    "more", ["Ticker,AAPL,AAPL\nDate,,\n", "date,USD,pieces\n", ",USD,pieces\n"]
)
def test_rows_of_text_below_the_names_are_no_data(read, more):
    days = "".join(f"2020-01-{day:02},{day}.5,{day}\n" for day in range(1, 29))
    lines = "line 2" if more.count("\n") == 1 else "lines 2 and 3"
    with pytest.raises(ValueError, match=f"{lines} .* text where .* numbers.* Remove"):
        read("Price,Close,Volume\n" + more + days, time=False)
    assert len(read("Price,Close,Volume\n" + days).values) == 28


def test_a_code_in_the_first_row_of_data_is_no_name(read):
    with pytest.raises(ValueError, match="Leave the cell empty"):
        read("day,v\n2020-01-01,n.v.\n" + "".join(f"2020-01-{d:02},{d}\n" for d in range(2, 29)))


@pytest.mark.parametrize("order", ["blocks", "times", "newest first"])
def test_series_below_each_other_are_told_apart_by_their_column(read, order):
    rows = [
        (f"2020-01-{day:02}", at + day % 3, at, land, land[:2], "EU")
        for at, land in enumerate(("Austria", "Belgium", "Cyprus"))
        for day in range(1, 31)
    ]
    if order == "times":
        rows = sorted(rows, key=lambda row: row[0])
    rows = rows[::-1] if order == "newest first" else rows
    head = "day,cases,number,country,code,continent\n"
    text = head + "".join(",".join(map(str, row)) + "\n" for row in rows)
    with pytest.raises(ValueError, match=r"keep the rows of one `country`\.$") as error:
        read(text)
    assert "--no-time" not in str(error.value)
    one = head + "".join(",".join(map(str, row)) + "\n" for row in rows if row[3] == "Cyprus")
    assert len(read(one).values) == 30


def test_two_columns_may_tell_series_apart(read):
    rows = [
        f"{land},{sex},2020-01-{day:02},{day + len(land) * len(sex)}\n"
        for land in ("AT", "BE")
        for sex in ("F", "M")
        for day in range(1, 29)
    ]
    with pytest.raises(ValueError, match=r"keep the rows of one `geo` and `sex`\.$"):
        read("geo,sex,day,v\n" + "".join(rows))


def test_series_may_have_numbers_for_names(read):
    rows = [f"{store},2020-01-{day:02},{store * day}\n" for store in (7, 9) for day in range(1, 29)]
    with pytest.raises(ValueError, match=r"keep the rows of one `store`\.$"):
        read("store,day,v\n" + "".join(rows))


OTHER = [
    *[("CP932", "日付,天気"), ("CP932", "月,売上"), ("CP932", "day,アイウエ")],
    *[("GBK", "日期,温度"), ("GBK", "日期,收盘价"), ("GBK", "日期,成交量"), ("GBK", "日期,close")],
    *[("GBK", "时间,价格"), ("GBK", "年份,人口"), ("GBK", "地区,年,月"), ("GBK", "day,销售额")],
    *[("CP949", "날짜,기온"), ("CP949", "일시,평균기온(°C)"), ("CP949", "day,매출액")],
    *[("CP1251", "Дата,Темп"), ("CP1251", "ДАТА,ЦЕНА"), ("CP1251", "Дата,Потребление (кВт)")],
    *[("CP1251", "Месяц,T, °C"), ("CP1251", "day,Темп"), ("CP1251", "day,ЦЕНА")],
    *[("KOI8-R", "Дата,Темп"), ("CP866", "Дата,Расход"), ("BIG5", "日期,溫度")],
    *[("EUC-JP", "日付,気温"), ("CP1253", "ημερομηνία,θερμοκρασία"), ("CP1250", "den,síť")],
]


@pytest.mark.parametrize(("encoding", "head"), OTHER)
def test_names_in_other_encodings_are_refused_with_what_converts_them(tmp_path, encoding, head):
    file = tmp_path / "data.csv"
    width = head.count(",")
    rows = "".join(f"2023-01-0{day}{f',{day}' * width}\n" for day in (1, 2))
    file.write_bytes(f"{head}\n{rows}".encode(encoding))
    with pytest.raises(ValueError, match=rf"iconv -f {encoding} -t UTF-8 data\.csv") as why:
        tables.read(file)
    shown = next(each for each in head.split(",") if not each.isascii())
    assert f"as which it has '{shown[:8]}" in str(why.value)
    if shutil.which("iconv"):  # the command can be pasted
        subprocess.run(str(why.value).partition("it: ")[2], shell=True, check=True, cwd=tmp_path)
        assert head.split(",")[-1].strip() in tables.read(tmp_path / "utf8.csv").names


READ_AS_1252 = [
    *[("cp1250", "zużycie"), ("cp1250", "spotřeba"), ("cp1250", "hőmérséklet")],
    *[("cp1254", "sıcaklık"), ("iso8859-2", "průměr")],
]


@pytest.mark.parametrize(("encoding", "name"), READ_AS_1252)
def test_a_name_that_may_be_of_another_encoding_is_told_with_what_converts_it(
    tmp_path, encoding, name
):
    file = tmp_path / "data.csv"
    rows = "".join(f"2023-01-0{day},{day}\n" for day in range(1, 9))
    file.write_bytes(f"day,{name}\n{rows}".encode(encoding))
    table = tables.read(file)
    (note,) = (each for each in table.notes if each.startswith("read as Windows-1252, not UTF-8"))
    assert f"such as `{name}` of CP125" in note
    if shutil.which("iconv"):
        subprocess.run(note.partition(", use ")[2], shell=True, check=True, cwd=tmp_path)
        assert tables.read(tmp_path / "utf8.csv").names == (name,)


@pytest.mark.parametrize("name", ["Größe", "débit", "µg/m³", "T [°C]", "lämpötila"])
def test_a_name_that_is_the_same_in_other_encodings_leads_to_no_doubt(tmp_path, name):
    file = tmp_path / "data.csv"
    rows = "".join(f"2023-01-0{day},{day}\n" for day in range(1, 9))
    file.write_bytes(f"day,{name}\n{rows}".encode("cp1252"))
    table = tables.read(file)
    assert table.names == (name,)
    assert "read as Windows-1252, not UTF-8" in table.notes


def test_footnotes_below_a_rule_are_left_out(read):
    rows = "".join(
        f"{year};{month};{year - month}\n" for year in (2001, 2002) for month in (1, 2, 3)
    )
    notes = "__________\nPrices;;\n100.;;\n__________\nStand: 12.02.2024;;\n"
    table = read(f"year;month;v\n{rows}{notes}")
    assert len(table.values) == 6
    assert any("left out, being no rows of the table: lines 8, 9, 10 …" in n for n in table.notes)


def test_what_stands_above_a_table_without_names_is_removed_whole(tmp_path):
    top = "file,timestamp,2024-02-12T10:11:12\nstation,name,Thames\nstation,ref,SU1\n"
    rows = "".join(f"2020-01-{day:02},{10 + day}.5,\n" for day in range(1, 29))
    file = tmp_path / "a b.csv"
    file.write_text(top + rows)
    with pytest.raises(ValueError, match=r"above line 4 is no part of the table. Remove it: tail"):
        tables.read(file)


@pytest.mark.parametrize("form", ["%Y-%m-%d", "%Y%m%d", "%d.%m.%Y", "%Y"])
@pytest.mark.parametrize("names", ["1THB,1USD", "10%,90%", "2019,7.5", "USD 1,100"])
@pytest.mark.parametrize("lower", [",Baht,US dollar", "day,Baht,US dollar"])
def test_names_that_may_be_values_stay_where_a_line_below_them_is_removed(read, form, names, lower):
    step = "YS" if form == "%Y" else "D"
    days = pd.date_range("1990-01-01", periods=40, freq=step).strftime(form)
    rows = [f"{day},0.{at + 10},{at}.5" for at, day in enumerate(days)]
    last = names.split(",")[1]
    with pytest.raises(ValueError, match=r"line 2 has text where .* Remove it"):
        read("\n".join([f"date,{names}", lower, *rows]), [last])
    table = read("\n".join([f"date,{names}", *rows]), [last])
    assert table.values[:, 0].tolist() == [at + 0.5 for at in range(40)]


@pytest.mark.parametrize("name", ["Größe", "Température", "naïve — café", "°C"])
def test_names_in_windows_1252_are_read(tmp_path, name):
    file = tmp_path / "data.csv"
    file.write_bytes(f"day,{name}\n2023-01-01,1\n2023-01-02,2\n".encode("cp1252"))
    assert tables.read(file).names == (name,)


@pytest.mark.parametrize("decimal", [".", ","])
@pytest.mark.parametrize(("text", "separator"), [("BZN|AT", ","), ("a;b", ","), ("a|b", ";"),
                                                 ("a,b", "|"), ("a,b", ";")])  # fmt: skip
def test_a_separator_in_a_text_of_each_row_parts_nothing(read, text, separator, decimal):
    value = f'"{{}}{decimal}{{}}5"' if decimal == separator else f"{{}}{decimal}{{}}5"
    rows = [
        (f"0{at + 1}/03/2024 00:00 - 0{at + 2}/03/2024 00:00", text, value.format(at * 3 % 7, at))
        for at in range(8)
    ]
    table = read("\n".join(map(separator.join, [("MTU", "Area", "Price"), *rows])))
    assert table.names == ("Price",)
    assert table.values[:3, 0].tolist() == [0.05, 3.15, 6.25]


LABELS = "Titre :;Dollar;Livre\nCode série :;EXR.USD;EXR.GBP\nUnité :;Euro;0\nSource :;BCE;BCE\n"
DATED = "".join(f"{at + 1:02}/03/2021;1,{at}5;0,{at}7\n" for at in range(28))


@pytest.mark.parametrize("blank", ["", "\n"])
@pytest.mark.parametrize("width", [2, 3])
def test_rows_that_begin_with_a_label_name_no_columns(read, width, blank):
    def first(text, count):
        return "".join(";".join(row.split(";")[:count]) + "\n" for row in text.splitlines())

    for labels in (first(LABELS, 2), first(LABELS, width)):
        table = read(labels + blank + first(DATED, width))
        assert table.names == ("2", "3")[: width - 1]
        assert len(table.values) == 28
        assert any(note.startswith("left out, being no rows") for note in table.notes)
        head = "Date;Dollar;Livre"
        assert read(labels + blank + first(f"{head}\n{DATED}", width)).names[0] == "Dollar"


def test_labels_of_rows_may_end_in_a_colon(read):
    rows = "".join(f"{at % 12 + 1}:;{at}\n" for at in range(28))
    assert len(read("month:;v\n" + rows, ["v"], time=False).values) == 28


@pytest.mark.parametrize("unseen", ["\u200b", "\ufeff", "\u00a0", "\u200e", "\u2060", "\u202f"])
@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_characters_that_none_sees_are_no_part_of_cells(tmp_path, kind, unseen):
    file = tmp_path / f"data.{kind}"
    rows = [["day", "flow in m", "level"]]
    rows += [[f"2020-01-{day:02}", f"{day}.5", "n a" if day == 9 else "7"] for day in range(1, 29)]
    rows = [[f"{unseen}{cell}{unseen}" for cell in row] for row in rows]
    if kind == "csv":
        file.write_text("\n".join(map(",".join, rows)), encoding="utf-8")
    else:
        pd.DataFrame(rows).to_excel(file, header=False, index=False)
    code = f"{unseen}n a{unseen}"
    table = tables.read(file, ["flow in m", f"{unseen}level"], missing_codes=[code])
    assert table.names == ("flow in m", "level")
    assert table.values[:2].tolist() == [[1.5, 7], [2.5, 7]]
    assert "time: `day`, daily" in table.notes


@pytest.mark.parametrize("gap", [" ", "\t"])
def test_a_first_line_of_gaps_is_read_in_no_time(read, gap):
    with pytest.raises(ValueError, match=r"data\.csv"):
        read(gap * 300_000 + 'x"\n' + "1,2\n" * 50, ("y",))
