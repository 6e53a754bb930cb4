"""Tables from files: what stands in them, and what is said of those that hold something else."""

import csv
import datetime
import decimal
import gzip
import math
import re
import subprocess
import sys
import zipfile

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from longlag.adapters import tables

NAN = float("nan")


@pytest.fixture
def write(tmp_path):
    def written(text, name="data.csv"):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return written


def same(found, expected):
    np.testing.assert_array_equal(found, np.array(expected, float))
    return True


def test_the_place_of_a_column_is_no_name_that_the_first_row_holds(write):
    rows = [f"1958,{month},{300 + month / 10}" for month in range(3, 9)]
    found = tables.read(write("\n".join(rows)), ["3"], time=False)
    assert same(found.values[:, 0], [300 + month / 10 for month in range(3, 9)])
    found = tables.read(write("\n".join(["1,2,3", *rows])), ["3"], time=False)  # names
    assert len(found.values) == 6


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_separators_ends_of_lines_and_byte_order_marks_are_read(write, separator, end, mark):
    lines = ["day,warm,cold", "mon,1.5,-2", "tue,2e3,7"]
    text = mark + end.join(line.replace(",", separator) for line in lines)
    for last in ("", end, end * 3):
        found = tables.read(write(text + last))
        assert found.names == ("warm", "cold")
        assert same(found.values, [[1.5, -2], [2000, 7]])
    assert same(tables.read(write(text), ["cold", "warm"]).values, [[-2, 1.5], [7, 2000]])
    if not mark:
        assert tables.read(write(text), ["cold"]).names == ("cold",)


@pytest.mark.parametrize("code", [NAN, math.inf])
def test_a_missing_code_that_is_no_number_is_refused(write, code):
    with pytest.raises(ValueError, match=r"must be a finite number, .* Leave it out"):
        tables.read(write("a,b\n1,2\n3,4\n"), missing_codes=[code])


def test_a_parquet_of_bytes_or_of_odd_metadata_is_read(tmp_path):
    pa, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    odd = {"pandas": '{"index_columns": ["nope"], "columns": [], "column_indexes": []}'}
    table = pa.table({"a": [b"\xff", b"4"], "b": [1.0, 2.0]})
    parquet.write_table(table.replace_schema_metadata(odd), tmp_path / "a.parquet")
    assert tables.read(tmp_path / "a.parquet").names == ("b",)
    with pytest.raises(ValueError, match="`a` is no number in row 1"):
        tables.read(tmp_path / "a.parquet", ["a"])


def test_a_message_names_the_first_of_very_many_columns(write):
    names = ",".join(f"c{at}" for at in range(500))
    with pytest.raises(ValueError, match=r"It has c0, .* c29, … \(500 in all\)\.$"):
        tables.read(write(f"{names}\n" + ("1," * 499 + "1\n") * 3), ["none of them"])


def test_a_separator_in_a_quoted_name_is_none(write):
    found = tables.read(write('"a;b;c;d",e\n1,2\n3,4\n'))
    assert found.names == ("a;b;c;d", "e")


@pytest.mark.parametrize(
    "cell", ["", " ", "NA", "n/a", "NaN", "-nan", "null", "NONE", "?", "-", "<NA>", "#N/A", '""']
)
def test_what_stands_for_missing(write, cell):
    assert same(tables.read(write(f"a,b\n1,2\n{cell},3\n")).values, [[1, 2], [NAN, 3]])


def test_empty_lines_are_skipped_unless_they_are_all_that_a_row_can_be(write):
    assert same(tables.read(write("\n\na,b\n\n1,2\n\n3,4\n\n")).values, [[1, 2], [3, 4]])
    one = tables.read(write("a\n1\n\n3\n  \n\n"))
    assert same(one.values, [[1], [NAN], [3]])
    assert same(tables.read(write('a\n1\n""\n3\n""\n')).values, [[1], [NAN], [3]])


def test_columns_without_a_name_are_passed_over(write):
    found = tables.read(write(",warm,\n0,1.5,\n1,2.5,\n"))
    assert (found.names, found.values.tolist()) == (("warm",), [[1.5], [2.5]])


def test_columns_of_text_or_of_nothing_are_no_columns_of_numbers(write):
    text = "day,warm,none,flag\nmon,1,,yes\ntue,2,NA,no\n"
    assert tables.read(write(text)).names == ("warm",)
    assert same(tables.read(write(text), ["none"]).values, [[NAN], [NAN]])


BAD = {
    "text": ("a,b\n1,2\n3,x\n", ["b"], "`b` is no number in line 3: 'x'. Leave the cell empty"),
    "after lines": ('a,b\n"1\n",2\n\n3,x\n', ["b"], "`b` is no number in line 5: 'x'"),
    "infinite": ("a\n1\ninf\n", ["a"], "`a` is no number in line 3: 'inf'"),
    "underscore": ("a\n1\n1_000\n", ["a"], "`a` is no number in line 3: '1_000'"),
    "long": (f"a\n{'x' * 999}\n", ["a"], "xxx…. Leave the cell empty"),
    "no column": ("warm,cold\n1,2\n", ["wram"], "has no column `wram`. Did you mean `warm`?"),
    "twice": ("a,b\n1,2\n", ["a", "a"], "a column is named twice"),
    "two of a name": ("a,b,a\n1,2,3\n", [], "has two columns called `a`"),
    "three of a name": ("a,b,a,a\n1,2,3,4\n", [], "has 3 columns called `a`. Rename all but one"),
    "units": (
        "a,b\n2024-01-01,3 MiB\n2024-01-02,2 GiB\n2024-01-03,4 MiB\n",
        [],
        "It has a, b. Write `b` without MiB, GiB after its numbers, all in one unit.",
    ),
    "no numbers": ("a,b\nx,y\n", [], "has no column of numbers. It has a, b."),
    "short": ("a,b\n1,2\n\n3\n", [], "line 4 has 1 cell, its header 2"),
    "long row": ("a,b\n1,2,3\n", ["a"], "line 2 has 3 cells, its header 2"),
    "no rows": ("a,b\n", [], "has no rows of data"),
    "empty": ("", [], "has no columns. Name them in its first line"),
    "blank": ("\n \n\n", [], "has no columns"),
    "binary": (b"a\n1\n\xff\0", [], "no CSV file: it holds bytes that are no text"),
    "zero": ("a\n1\0\n", [], "no CSV file: it holds a zero byte"),
    "quote": ('a\n"' + "x" * 200_000, [], "no CSV file: field larger"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_files_are_named_with_the_place(write, case):
    text, columns, message = BAD[case]
    with pytest.raises(ValueError, match=message) as caught:
        tables.read(write(text), columns)
    assert "\n" not in str(caught.value)
    assert "data.csv" in str(caught.value)


def test_names_that_are_numbers_may_be_named(write):
    assert tables.read(write("2019,2020\n1,2\n"), ["2020"]).values.tolist() == [[2]]


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"There is no file .*data\.csv\."):
        tables.read(tmp_path / "data.csv")
    with pytest.raises(ValueError, match="There is no file"):
        tables.read(tmp_path)


CELLS = st.one_of(st.none(), st.floats(allow_nan=False, allow_infinity=False), st.integers())
NAMES = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Zs", "Zl", "Zp"]), min_size=1
)


@settings(max_examples=30)
def damaged_gzip(path):
    content = bytearray(gzip.compress(b"a\n" + b"1\n2\n3\n" * 400))
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)


def cut_sheet(path):
    pd.DataFrame({"a": [1, 2], "b": [3, 4]}).to_excel(path, index=False)
    with zipfile.ZipFile(path) as book:
        members = {name: book.read(name) for name in book.namelist()}
    with zipfile.ZipFile(path, "w") as book:
        for name, content in members.items():
            book.writestr(name, content[: len(content) // 2] if "sheet1" in name else content)


def unknown_packing(path):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.csv", "a\n1\n2\n")
    content = path.read_bytes().replace(b"PK\x03\x04\x14\0\0\0\0\0", b"PK\x03\x04\x14\0\0\0\x63\0")
    path.write_bytes(content.replace(b"\x14\x03\x14\0\0\0\0\0", b"\x14\x03\x14\0\0\0\x63\0"))


@pytest.mark.parametrize("times", ["-1.7e308 0 1e308", "1 1.0000000000000002 1e308", "0 5e-324 1"])
def test_times_near_the_largest_number_are_irregular(write, times):
    rows = "".join(f"{time},{row}\n" for row, time in enumerate(times.split()))
    table = tables.read(write(f"time,a\n{rows}"), ["a"], time="time")
    assert table.values.ravel().tolist() == [0, 1, 2]
    assert "irregular" in " ".join(table.notes)


@pytest.mark.parametrize(
    ("name", "make"),
    [("a.csv.gz", damaged_gzip), ("a.xlsx", cut_sheet), ("a.zip", unknown_packing)],
)
def test_a_damaged_file_is_one_line_whatever_its_library_raises(tmp_path, name, make):
    make(tmp_path / name)
    with pytest.raises(
        ValueError, match=rf"^{name} (cannot be unpacked|is no Excel file)"
    ) as caught:
        tables.read(tmp_path / name)
    assert "\n" not in str(caught.value)


ARCHIVES = {
    "alone": ["data.csv"],
    "of a Mac": ["data/data.csv", "__MACOSX/data/._data.csv", "data/.DS_Store"],
    "of Windows": ["data.txt", "desktop.ini", "Thumbs.db"],
    "with metadata": ["data.csv", "Metadata_Country_data.csv", "meta-data.csv", "MetaData.csv"],
    "with notes": ["README.txt", "data.tsv", "LICENSE", "codes.pdf"],
}


@pytest.mark.parametrize("kind", ARCHIVES)
def test_the_one_table_of_an_archive_is_read(tmp_path, kind):
    path, members = tmp_path / "a.zip", ARCHIVES[kind]
    with zipfile.ZipFile(path, "w") as archive:
        for name in members:
            table = "data." in name.lower() and "eta" not in name and "._" not in name
            archive.writestr(name, "a,b\n1,2\n3,4\n" if table else "a,b\n\0,7\n")
    found = tables.read(path)
    assert same(found.values, [[1, 2], [3, 4]])
    assert any(f"of {len(members)} files, not " in note for note in found.notes) == (
        len(members) > 1
    )
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("more.csv", "a,b\n1,2\n")
    own = len([name for name in [*members, "more.csv"] if not re.search("MACOSX|DS_|ini|Th", name)])
    with pytest.raises(ValueError, match=f"it holds {own} files. Unpack it and name one"):
        tables.read(path)


@pytest.mark.parametrize("end", [b"\n", b"\r", b"\r\n"])
def test_more_lines_than_fit_into_memory_are_refused_at_once(tmp_path, end):
    with gzip.open(tmp_path / "a.csv.gz", "wb") as file:
        file.write(b"a,b\n1,2\n" + end * 10_000_001)
    with pytest.raises(ValueError, match=r"^a\.csv\.gz has more than 10,000,000 lines\. Use Parq"):
        tables.read(tmp_path / "a.csv.gz")


@pytest.mark.parametrize("separator", ",;\t|")
def test_more_cells_than_fit_into_memory_are_refused(write, monkeypatch, separator):
    monkeypatch.setattr("longlag.adapters.tables.files._MOST_CELLS", 100)
    with pytest.raises(ValueError, match=r"^data\.csv has more than 100 cells\. Use Parquet"):
        tables.read(write(separator * 101))


def test_more_rows_of_parquet_than_fit_into_memory_are_refused(tmp_path, monkeypatch):
    pytest.importorskip("pyarrow")
    monkeypatch.setattr("longlag.adapters.tables.files._MOST_VALUES", 100)
    pd.DataFrame({"a": range(51), "b": range(51)}).to_parquet(tmp_path / "a.parquet")
    with pytest.raises(ValueError, match=r"^a\.parquet .*: 51 rows of 2 columns are too many"):
        tables.read(tmp_path / "a.parquet")


@pytest.mark.parametrize("cell", ["x" * 4000, [1.0] * 500])
def test_longer_texts_of_parquet_than_fit_into_memory_are_refused(tmp_path, monkeypatch, cell):
    """A text of a megabyte in each row takes a file of some kilobytes."""
    pytest.importorskip("pyarrow")
    monkeypatch.setattr("longlag.adapters.tables.files._LARGEST", 1 << 20)
    frame = pd.DataFrame({"a": range(600), "s": [cell] * 600})
    frame[:200].to_parquet(tmp_path / "a.parquet")
    assert tables.read(tmp_path / "a.parquet", ["a"]).values.ravel().tolist() == [*range(200)]
    frame.to_parquet(tmp_path / "b.parquet")
    with pytest.raises(ValueError, match=r"^b\.parquet .* are larger than 1 GiB; leave out s\."):
        tables.read(tmp_path / "b.parquet", ["a"])


def test_too_little_memory_names_the_file(write, monkeypatch):
    def full(*_):
        raise MemoryError

    monkeypatch.setattr("longlag.adapters.tables.files.load", full)
    with pytest.raises(MemoryError, match=r"data\.csv is too large a table to be read"):
        tables.read(write("a\n1\n"))


@given(
    st.lists(NAMES, min_size=1, max_size=4, unique=True).flatmap(
        lambda names: st.tuples(
            st.just(names),
            st.lists(st.tuples(*(CELLS for _ in names)), min_size=1, max_size=8),
        )
    ),
    st.sampled_from(",;\t"),
)
def test_what_was_written_is_read(tmp_path_factory, drawn, separator):
    names, rows = drawn
    names = [f"x{name.strip()}{place}" for place, name in enumerate(names)]
    path = tmp_path_factory.mktemp("tables") / "data.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, delimiter=separator, quoting=csv.QUOTE_ALL)
        writer.writerows([names, *rows])
    while rows and not any(cell is not None for cell in rows[-1]):
        rows.pop()
    if not rows:
        with pytest.raises(ValueError, match="has no rows of data"):
            tables.read(path, names)
        return
    found = tables.read(path, names)
    assert found.names == tuple(names)
    expected = [[NAN if cell is None else float(cell) for cell in row] for row in rows]
    assert same(found.values, expected)


# Parquet.


@pytest.fixture
def parquet(tmp_path):
    pyarrow = pytest.importorskip("pyarrow", reason="pyarrow is an extra that is not installed")
    import pyarrow.parquet as pq

    def written(columns, folder="data", name="data.parquet"):
        (tmp_path / folder).mkdir(exist_ok=True)
        path = tmp_path / folder / name
        made = columns if isinstance(columns, pyarrow.Table) else pyarrow.table(columns)
        pq.write_table(made, path)
        return path

    return written


def test_parquet_holds_numbers_of_many_kinds(parquet):
    moment = datetime.datetime(2020, 1, 1)
    columns = {
        "when": [moment, moment + datetime.timedelta(days=1)],
        "day": ["mon", None],
        "whole": [1, 2**40],
        "real": [0.5, None],
        "tiny": np.array([1.5, NAN], np.float16),
        "price": [decimal.Decimal("1.25"), None],
        "flag": [True, False],
        "nothing": [None, None],
    }
    found = tables.read(parquet(columns))
    assert found.names == ("whole", "real", "tiny", "price")
    assert same(found.values, [[1, 0.5, 1.5, 1.25], [2**40, NAN, NAN, NAN]])
    for name, cell in {"when": "Timestamp", "day": "'mon'", "flag": "True"}.items():
        with pytest.raises(ValueError, match=f"`{name}` is no number in row 1: {cell}") as caught:
            tables.read(parquet(columns), [name])
        assert "\n" not in str(caught.value)


def test_parquet_is_told_by_its_ending_and_folders_add_no_columns(parquet):
    path = parquet({"a": [1, 2]}, folder="year=1999", name="data.PQ")
    assert tables.read(path).names == ("a",)


def test_parquet_that_is_none_or_holds_nothing_is_named(parquet, write):
    import pyarrow

    twice = pyarrow.table([[1], [2]], names=["a", "a"])
    empty = pyarrow.table({"a": pyarrow.array([], pyarrow.float64())})
    cases = {
        write("a,b\n1,2\n", "data.parquet"): "data.parquet is no Parquet file that can be read: ",
        parquet(twice, "twice"): "has two columns called `a`",
        parquet(empty, "empty"): "has no rows of data",
        parquet(pyarrow.table({}), "none"): "has no columns",
    }
    for path, message in cases.items():
        with pytest.raises(ValueError, match=message) as caught:
            tables.read(path)
        assert "\n" not in str(caught.value)


@given(
    whole=st.lists(st.integers(-(2**52), 2**52), min_size=1, max_size=6),
    real=st.lists(st.one_of(st.none(), st.floats(allow_infinity=False)), min_size=6, max_size=6),
)
def test_parquet_gives_back_what_was_written(tmp_path_factory, whole, real):
    pyarrow = pytest.importorskip("pyarrow", reason="pyarrow is an extra that is not installed")
    import pyarrow.parquet as pq

    path = tmp_path_factory.mktemp("tables") / "data.parquet"
    real = real[: len(whole)]
    columns = {"w": pyarrow.array(whole), "r": pyarrow.array(real, pyarrow.float64())}
    pq.write_table(pyarrow.table(columns), path)
    found = tables.read(path, ["r", "w"])
    numbers = [NAN if value is None else value for value in real]
    assert same(found.values, list(zip(numbers, whole, strict=True)))
    assert math.isnan(sum(numbers)) == np.isnan(found.values).any()


def test_a_file_with_semicolons_or_german_dates_has_points_between_thousands(write):
    for text in ("a;b\nx;1.003\ny;809\n", "a,b\n31.12.2024,1.003\n1.1.2025,809\n"):
        assert same(tables.read(write(text), ["b"]).values, [[1003], [809]])
    assert same(tables.read(write("a,b\nx,1.003\ny,809\n")).values, [[1.003], [809]])


def test_per_cent_in_some_cells_is_refused(write):
    for columns in ([], ["p"]):
        with pytest.raises(ValueError, match=r"per cent sign in some cells only.* line 3: '0\.13'"):
            tables.read(write("day,p\nmon,12%\ntue,0.13\n"), columns)


def test_a_footer_of_one_cell_below_two_columns_is_left_out_and_noted(write):
    found = tables.read(write("a,b\nx,1\ny,3\n\nSource: some office\n"))
    assert same(found.values, [[1], [3]])
    assert "left out, being no rows of the table: line 5" in found.notes


def test_an_excel_table_is_found_below_a_title_and_its_sheet_noted(tmp_path):
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    book.active.title = "About"
    sheet = book.create_sheet("Data")
    for row in (["Sales, adjusted"], [], ["Date", "Sales"],
                *([datetime.date(2024, 1, 1 + at), at] for at in range(20)),
                [], ["Source: an office"]):  # fmt: skip
        sheet.append(row)
    book.save(tmp_path / "data.xlsx")
    found = tables.read(tmp_path / "data.xlsx")
    assert found.names == ("Sales",)
    assert found.values[:, 0].tolist() == list(range(20))
    assert found.notes == ("sheet `Data`, not `About`",
                           "rows left out, being none of the table: 2 above and 2 below",
                           "time: `Date`, daily")  # fmt: skip


@pytest.mark.parametrize("certain", ["1,23,456", "1,234,567", "1,234.5"])
def test_commas_that_certainly_group_one_column_group_all(write, certain):
    found = tables.read(write(f"a;b\n{certain};1,234\n5;12,345\n6;7\n"))
    assert same(found.values[:, 1], [1234, 12345, 7])
    assert same(tables.read(write("a;b\n1;1,234\n5;12,345\n")).values[:, 1], [1.234, 12.345])


def test_points_that_certainly_group_one_column_group_all(write):
    found = tables.read(write("a,b\n1.234.567,1.234\n2.345.678,12.345\n"))
    assert same(found.values, [[1234567, 1234], [2345678, 12345]])


INDEXED = pd.DataFrame(
    {"v": np.arange(60.0) % 7}, index=pd.date_range("2020-01-01", periods=60)
).drop(pd.Timestamp("2020-01-21"))[::-1]


@pytest.mark.parametrize("kind", ["csv", "excel", "parquet"])
def test_an_index_of_times_without_a_name_is_the_time(tmp_path, kind):
    pytest.importorskip({"csv": "pandas", "excel": "openpyxl", "parquet": "pyarrow"}[kind])
    path = tmp_path / f"data.{'xlsx' if kind == 'excel' else kind}"
    getattr(INDEXED, f"to_{kind}")(path)
    found = tables.read(path)
    expected = np.arange(60.0)[:, None] % 7
    expected[20] = np.nan
    assert found.names == ("v",)
    assert same(found.values, expected)


DAYS = pd.date_range("2020-01-01", periods=60)[::-1]
INDICES = {
    "times": DAYS,
    "times with a name": DAYS.rename("when"),
    "times of a zone": DAYS.tz_localize("Europe/Berlin").rename("when"),
    "periods": DAYS.to_period("D"),
    "months": pd.period_range("2000-01", periods=60, freq="M")[::-1],
    "texts": DAYS.strftime("%Y-%m-%d"),
    "days of Python": pd.Index(DAYS.date),
    "texts in any order": DAYS.strftime("%d/%m/%Y")[np.random.default_rng(0).permutation(60)],
    "years": pd.Index(range(1960, 2020)),
    "numbers that fall": pd.RangeIndex(60, 0, -1),
    "year and day": pd.MultiIndex.from_arrays([DAYS.year, DAYS.day_of_year], names=["year", "doy"]),
    "two levels without names": pd.MultiIndex.from_arrays([["a"] * 60, DAYS]),
    "series": pd.MultiIndex.from_product([["a", "b"], DAYS[:30]], names=["id", "t"]),
    "a name of a column": DAYS.rename("v"),
}  # fmt: skip


@pytest.mark.parametrize("kind", INDICES)
def test_an_index_is_read_from_parquet_as_from_csv(tmp_path, kind):
    pytest.importorskip("pyarrow")
    found = []
    frame = pd.DataFrame({"v": np.arange(60.0) ** 2 % 7, "w": range(60)}, index=INDICES[kind])
    for ending in ("csv", "parquet"):
        getattr(frame, f"to_{ending}")(tmp_path / f"data.{ending}")
        try:
            table = tables.read(tmp_path / f"data.{ending}", time=None)
            found.append((table.names, table.values.tolist(), table.notes, table.warnings))
        except ValueError as error:
            text = re.sub(r"data\.\w+|line \d+|row \d+", "", str(error))
            found.append(text)
    assert found[0] == found[1]
    assert "no time column" not in str(found)


def test_periods_of_parquet_are_known_to_a_process_that_wrote_none(tmp_path):
    pytest.importorskip("pyarrow")
    frame = pd.DataFrame({"v": range(60)}, index=INDICES["months"])
    frame.to_parquet(tmp_path / "data.parquet")
    code = "import sys; from longlag.adapters import tables; print(tables.read(sys.argv[1]).notes)"
    command = sys.executable, "-c", code, str(tmp_path / "data.parquet")
    printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert "time: `Unnamed: 0`, monthly" in printed


def test_numbers_without_a_name_are_not_offered(write):
    assert tables.read(write(",v,w\n5,1,2\n3,2,3\n9,3,4\n")).names == ("v", "w")


@pytest.mark.parametrize("label", ["Total", "Summe", "grand total", "TOTAL 2020"])
@pytest.mark.parametrize("time", [None, False])
def test_a_row_of_sums_at_the_end_is_left_out_and_named(write, label, time):
    text = f"month,v\n2020-01,1\n2020-02,2\n2020-03,3\n{label},6\n"
    found = tables.read(write(text), time=time)
    assert same(found.values[:, 0], [1, 2, 3])
    assert f"line 5 left out: `{label}`" in found.notes
    named = tables.read(write("who,v\ntotal,1\ntotal,2\n"))
    assert len(named.values) == 2


def test_a_column_that_a_few_cells_keep_out_is_named(write):
    lines = [f"2020-{at // 28 + 1:02}-{at % 28 + 1:02},{'<1' if at == 8 else at},{at % 5}"
             for at in range(56)]  # fmt: skip
    text = "\n".join(["day,a,b", *lines])
    found = tables.read(write(text))
    assert found.names == ("b",)
    assert "column `a` left out: '<1' in line 10 is no number" in found.notes
    assert not any("left out" in note for note in tables.read(write(text), ["b"]).notes)


def test_a_second_notation_of_the_time_is_not_offered(write):
    lines = [f"{2000 + at // 12},{at % 12 + 1},{2000 + at / 12:.3f},{at % 5}" for at in range(40)]
    text = "\n".join(["year,month,decimal date,v", *lines])
    assert tables.read(write(text)).names == ("v",)
    assert tables.read(write(text), ["decimal date"]).names == ("decimal date",)


def test_a_table_with_a_series_in_each_row_is_told(write):
    wide = ",".join(f"V{at}" for at in range(40))
    rows = "\n".join(",".join(str(at * row) for at in range(40)) for row in range(1, 5))
    found = tables.read(write(f"{wide}\n{rows}\n"), ["V2"])
    assert "40 columns, but 4 rows: if a row is a series, write each" in found.warnings[-1]
    assert tables.read(write("a,b\n1,2\n3,4\n")).warnings == ()


def test_times_of_a_clock_of_seconds_are_no_column_to_predict(write):
    lines = "\n".join(f"{1600000000000 + 60000 * at},{at % 3}" for at in range(9))
    assert tables.read(write(f"ts,v\n{lines}\n")).names == ("v",)


LARGE = 2**53
ROUNDED = r"`v` has {} in {}\. Numbers above 2\*\*53 are rounded: subtract a constant"
COUNTERS = {
    "odd": [LARGE + 3 * at for at in range(20)],
    "below 0": [-LARGE - 3 * at for at in range(20)],
    "nanoseconds": [1_606_700_000_000_000_128 + 3_600_000_000_001 * at for at in range(20)],
    "one missing": [None, *(LARGE + 3 * at for at in range(19))],
}


@pytest.mark.parametrize("kind", ["csv", "grouped", "parquet", "plain parquet"])
@pytest.mark.parametrize("case", COUNTERS)
def test_whole_numbers_that_would_be_rounded_are_refused(tmp_path, kind, case):
    """Beside a column that may be taken instead, they are left out."""
    values = COUNTERS[case]
    days = [f"2020-01-{day:02}" for day in range(1, 21)]
    form = "{:,}" if kind == "grouped" else "{}"

    def write(values, **more):
        texts = ["" if value is None else form.format(value) for value in values]
        if "parquet" not in kind:
            file = tmp_path / "data.csv"
            pd.DataFrame({"day": days, "v": texts, **more}).to_csv(file, index=False)
            return file
        pa, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
        file = tmp_path / "data.parquet"
        frame = pd.DataFrame({"day": days, "v": pd.Series(values, dtype="Int64"), **more})
        table = pa.Table.from_pandas(frame)
        parquet.write_table(table.replace_schema_metadata() if "plain" in kind else table, file)
        return file

    at = next(at for at, each in enumerate(values) if each and int(float(each)) != each)
    place = f"row {at + 1}" if "parquet" in kind else f"line {at + 2}"
    message = ROUNDED.format(form.format(values[at]), place)
    with pytest.raises(ValueError, match=message):
        tables.read(write(values))
    with pytest.raises(ValueError, match=message):
        tables.read(write(values, w=range(20)), ["v"])
    table = tables.read(write(values, w=[at % 3 for at in range(20)]))
    assert table.names == ("w",)
    told = "column `v` left out: numbers above 2**53 are rounded: subtract a constant"
    assert told in table.notes
    exact = [each and 4096 * (each // 4096) for each in values]
    read = tables.read(write(exact)).values[:, 0]
    assert [None if np.isnan(each) else int(each) for each in read] == exact


def test_a_code_that_would_be_rounded_is_missing(write):
    text = f"v\n{2**63 - 1}\n" + "".join(f"{at}\n" for at in range(20))
    with pytest.raises(ValueError, match="`v` has 9223372036854775807 in line 2"):
        tables.read(write(text))
    assert np.isnan(tables.read(write(text), missing_codes=[2**63 - 1]).values[0, 0])


@pytest.mark.parametrize("kind", ["csv", "xlsx", "parquet"])
@pytest.mark.parametrize("name", ["Temp\n(°C)", "Temp  (°C)", "Temp\u00a0\r\n (°C) "])
def test_white_space_in_names_is_one_space(tmp_path, kind, name):
    file = tmp_path / f"data.{kind}"
    frame = pd.DataFrame({"the\nday": ["2020-01-02", "2020-01-01"], name: [1.5, 2.5], "w": [3, 4]})
    if kind == "csv":
        frame.to_csv(file, index=False)
    elif kind == "xlsx":
        pytest.importorskip("openpyxl")
        frame.to_excel(file, index=False)
    else:
        pytest.importorskip("pyarrow")
        frame.to_parquet(file)
    assert tables.read(file).names == ("Temp (°C)", "w")
    if kind == "csv":  # a quote at the end of a cell begins none
        file.write_text(f'w,"{name}"\n3,"1, "\n5,"2, "\n7,"3, "\n')
        assert len(tables.read(file, ["w"]).values) == 3
        frame.to_csv(file, index=False)
    for column in ("Temp (°C)", name):
        for time in (None, "the day", "the\nday"):
            table = tables.read(file, [column], time=time)
            assert (table.names, table.values.tolist()) == (("Temp (°C)",), [[2.5], [1.5]])
