"""Numbers as people write them."""

import numpy as np
import pandas as pd
import pytest

from longlag.adapters import tables
from longlag.adapters.tables import headers
from longlag.adapters.tables.cells import missing, numbers

NAN = float("nan")
WRITTEN = {
    "thousands": (["1,100.94", "20", ""], [1100.94, 20, NAN], "commas between thousands"),
    "decimal comma": (["100,9", "1.234,5", "3"], [100.9, 1234.5, 3], "decimal commas"),
    "dots": (["1.234", "0,5"], [1234, 0.5], "decimal commas"),
    "many dots": (["1.234.567", "2.345"], [1234567, 2345], "points between thousands"),
    "spaces": (["1 234,5", "7"], [1234.5, 7], "spaces between thousands"),
    "thin spaces": (["1\u2009234,5", "-1\u202f234\u202f567"], [1234.5, -1234567], "spaces between"),
    "no-break spaces": (["1\u00a0234.5", "7"], [1234.5, 7], "spaces between thousands"),
    "apostrophes": (["1'234.5", "-1’234'567"], [1234.5, -1234567], "apostrophes between thousands"),
    "Swiss commas": (["1'234,5", "7"], [1234.5, 7], "decimal commas"),
    "Indian": (
        ["1,23,456.78", "12,34,567", "-1,00,00,000", "99,999", "5"],
        [123456.78, 1234567, -1e7, 99999, 5],
        "commas between thousands, as in 1,23,456",
    ),
    "rupees": (["₹1,23,456", "Rs. 5", "Rs 1,000", "INR 7"], [123456, 5, 1000, 7], "a currency"),
    "per cent": (["1.5%", "2 %", "-3%"], [1.5, 2, -3], "per cent"),
    "currency": (["$1,000", "€ 5", "-$3", "3 EUR"], [1000, 5, -3, 3], "a currency"),
    "flags in parentheses": (
        ["6,7 (p)", "5", "-4,1(r)", "3,3 [e]"],
        [6.7, 5, -4.1, 3.3],
        "marks such as * after numbers left out",
    ),
    "flags": (["6.7 p", "5", "4.1 b"], [6.7, 5, 4.1], "marks such as * after numbers left out"),
    "minus after": (["1,234.5-", "5", "12-"], [-1234.5, 5, -12], "minus signs after numbers"),
    "parentheses": (["(1,234)", "5"], [-1234, 5], "negative numbers in parentheses"),
    "multiples": (["1.2M", "3K", "-1B"], [1.2e6, 3e3, -1e9], "K, M, B for"),
    "minus": (["−5", "3"], [-5, 3], None),
}
NONE = [
    "a",
    "1_000",
    "inf",
    "0x10",
    "1e400",
    "12,34,56",
    "1,2,345",
    "1,23,45,6",
    "2020 001",
    "1234 567",
    "?0.2",
    "5 kg",
    "1-2",
    "(x)",
    "%",
]


@pytest.mark.parametrize("case", WRITTEN)
def test_what_people_write_is_read_and_noted(case):
    cells, expected, note = WRITTEN[case]
    found = numbers(pd.Series(cells))
    np.testing.assert_allclose(found.values, expected, rtol=1e-12)
    assert not found.faults.any()
    assert found.holds_numbers
    assert any(note in each for each in found.notes) if note else not found.notes


@pytest.mark.parametrize("cell", NONE)
def test_what_is_no_number_is_a_fault_where_it_stands(cell):
    found = numbers(pd.Series(["1.5", cell, ""]))
    assert found.faults.tolist() == [False, True, False]
    assert not found.holds_numbers


@pytest.mark.parametrize("cell", ["1,5", "0,25", "12,34", "1234,567"])
def test_a_decimal_comma_beside_indian_grouping_is_a_fault(cell):
    found = numbers(pd.Series(["1,23,456", "12,34,567.5", cell]))
    assert found.faults.tolist() == [False, False, True]


def test_a_comma_before_three_digits_is_what_the_file_or_its_reader_says():
    doubtful = pd.Series(["1,234", "2,345"])
    assert numbers(doubtful).values.tolist() == [1234, 2345]
    assert numbers(doubtful, doubtful=",").values.tolist() == [1.234, 2.345]
    assert numbers(doubtful, decimal=",").values.tolist() == [1.234, 2.345]
    assert numbers(doubtful, decimal=".", doubtful=",").values.tolist() == [1234, 2345]


@pytest.mark.parametrize(
    ("cells", "grouped"),
    [
        ("700 980 1,020 1,060", True),
        ("-648 1,193", True),
        ("1,020 1,060", False),
        ("700 1,020 1060", False),
        ("700 1,020 0,980", False),
        ("700 1,02 1,020", False),
    ],
)
@pytest.mark.parametrize("day", ["2020-01-0{}", "0{}.01.2020"])
def test_commas_before_three_digits_beside_whole_numbers_group_them(tmp_path, cells, grouped, day):
    cells, file = cells.split(), tmp_path / "data.csv"
    grouped = grouped and "." not in day
    rows = [f"{day.format(at)};{cell}\n" for at, cell in enumerate(cells, 1)]
    file.write_text("day;v\n" + "".join(rows))
    expected = [float(cell.replace(",", "" if grouped else ".")) for cell in cells]
    table = tables.read(file, time=False)
    assert table.values[:, 0].tolist() == expected
    assert any("between thousands" in note for note in table.notes) == grouped
    decimals = tables.read(file, time=False, decimal=",").values[:, 0]
    assert decimals.tolist() == [float(cell.replace(",", ".")) for cell in cells]


GROUPED = pd.Series(["1.003", "809", "1.164", ""])


def test_points_before_three_digits_beside_whole_numbers_are_noted():
    found = numbers(GROUPED, points=",")
    assert found.values[:3].tolist() == [1003, 809, 1164]
    assert "points between thousands" in found.notes[0]
    found = numbers(GROUPED)
    assert found.values[:3].tolist() == [1.003, 809, 1.164]
    assert "use --decimal ," in found.notes[0]
    assert "use --decimal ," in numbers(pd.Series(["1.003", "1.164"]), points=",").notes[0]
    for plain in (["1.003", "0.809"], ["1.003", "2.5"], ["1.003", "1809"]):
        found = numbers(pd.Series(plain), points=",")
        assert (found.values.tolist(), found.notes) == ([float(each) for each in plain], ())


@pytest.mark.parametrize("code", [".", "***", "..", ":", "--"])
def test_marks_among_numbers_are_missing_and_counted(code):
    found = numbers(pd.Series([code, "1.5", "", code, "2"]))
    np.testing.assert_array_equal(found.values, [NAN, 1.5, NAN, NAN, 2])
    assert found.notes == (f"`{code}` read as missing (2)",)
    assert not numbers(pd.Series([code, code])).holds_numbers


def test_per_cent_beside_plain_numbers_is_a_fault():
    assert numbers(pd.Series(["12%", "0.13", "0", "5 %"])).faults.tolist() == [0, 1, 0, 0]
    assert not numbers(pd.Series(["12%", "0", "5 %"])).faults.any()


@pytest.mark.parametrize(
    "cell", ["1", " -.5 ", "1.", "1e5", "1,234", "5%", "(5)", "NA", "", "9" * 400, "inf", "a1", "x"]
)
def test_a_cell_alone_is_a_value_where_it_is_a_column_of_numbers_or_missing(cell):
    column = pd.Series([cell])
    expected = bool(missing(column)[0]) or numbers(column).holds_numbers
    assert headers.is_value(cell) == expected


def test_every_column_that_a_code_keeps_from_being_numbers_is_named(tmp_path):
    path = tmp_path / "data.csv"
    rows = [
        f"{'M' if at % 20 == 3 else at},{'M' if at % 3 else at},{'M' if at else 7.5},{at},x\n"
        for at in range(60)
    ]
    path.write_text("few,many,most,wind,sky\n" + "".join(rows))
    table = tables.read(path)
    assert table.names == ("wind",)
    named = [note.split("`")[1] for note in table.notes if "left out: 'M'" in note]
    assert named == ["few", "many", "most"]


@pytest.mark.parametrize(
    ("code", "count", "rest"), [(-999, 600, [9.2]), (-9.99, 190, [0.4]), (-9.99, 190, [0, 60, 90])]
)
def test_a_code_of_nines_in_many_rows_is_warned_of(tmp_path, code, count, rest):
    path = tmp_path / "data.csv"
    values = [code] * count + [rest[at % len(rest)] for at in range(510)]
    path.write_text("v\n" + "".join(f"{value}\n" for value in values))
    (warning,) = tables.read(path).warnings
    assert f"{code:g} {count} times" in warning
    assert f"--missing-code {code:g}" in warning


@pytest.mark.parametrize("values", [[-9, 3, -4], [-1, 1], [9, 1, 2], [-9, *range(30)]])
def test_numbers_that_are_no_code_are_not_warned_of(tmp_path, values):
    path = tmp_path / "data.csv"
    path.write_text("v\n" + "".join(f"{value}\n" for value in values * 20))
    assert not tables.read(path).warnings


@pytest.mark.parametrize("cell", ["1" + " " * 90_000 + "1", "9" * 90_000, "1,234." * 20_000])
def test_a_cell_too_long_for_a_number_is_refused_at_once(tmp_path, cell):
    path = tmp_path / "long.csv"
    path.write_text(f't,v,w\n1,1,1\n2,2,2\n3,3,3\n4,"{cell}",4\n')
    assert tables.read(path, ["w"]).values[:, 0].tolist() == [1, 2, 3, 4]
    with pytest.raises(ValueError, match=r"`v` is no number in line 5: '….{50,70}"):
        tables.read(path, ["v"])
