"""Workbooks whose cells lie far apart, or with parts that are no cells."""

import re
import zipfile

import pandas as pd
import pytest

from longlag.adapters.tables.files import load


@pytest.fixture
def workbook(tmp_path):
    """Writes a small table, its sheet changed by a function of its XML."""
    pytest.importorskip("openpyxl")

    def write(change):
        plain, file = tmp_path / "plain.xlsx", tmp_path / "a.xlsx"
        pd.DataFrame({"a": range(8), "b": range(8)}).to_excel(plain, index=False)
        with zipfile.ZipFile(plain) as parts, zipfile.ZipFile(file, "w") as changed:
            for name in parts.namelist():
                content = parts.read(name).decode()
                changed.writestr(name, change(content) if "worksheets/" in name else content)
        return file

    return write


FAR = '<row r="{row}"><c r="{cell}"><v>1</v></c></row></sheetData>'


@pytest.mark.parametrize(
    ("row", "cell", "place"),
    [
        ("99999999999", "A9", "row 99,999,999,999 and column 2"),
        ("1048576", "XFD1048576", "row 1,048,576 and column 16,384"),
        ("10000", "XFD10000", "row 10,000 and column 16,384"),
    ],
)
def test_cells_far_from_the_table_are_refused(workbook, row, cell, place):
    file = workbook(lambda xml: xml.replace("</sheetData>", FAR.format(row=row, cell=cell)))
    with pytest.raises(ValueError, match=re.escape(f"a.xlsx has cells as far as {place}.")):
        load(file)


def prefixed(xml):
    return re.sub(r"<(/?)(\w)", r"<\1x:\2", xml.replace("xmlns=", "xmlns:x="))


FAR_CELL = FAR.format(row="10000", cell="XFD10000")
COUNTED = f"{'<row/>' * 10_000}<row>{'<c/>' * 16_384}</row></sheetData>"
SPELLINGS = {
    "in other order": FAR_CELL.replace("<c ", '<c\ns=""\t'),
    "in single quotes": FAR_CELL.replace('"', "'"),
    "without the row": "<row/>" * 9990 + FAR_CELL.replace(' r="10000"', ""),
    "with references": FAR_CELL.replace("XFD", "&#88;FD"),
    "as a float": FAR_CELL.replace('"10000"', '"1e4"'),
    "in small letters": FAR_CELL.replace("XFD", "xfd"),
    "without places": COUNTED,
}


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_in_whatever_form_they_are_written(workbook, spelling):
    file = workbook(lambda xml: xml.replace("</sheetData>", SPELLINGS[spelling]))
    with pytest.raises(ValueError, match="has cells as far as row"):
        load(file)


@pytest.mark.parametrize("change", [prefixed, lambda xml: xml.encode("utf-16")])
def test_with_a_prefix_and_in_another_encoding(workbook, change):
    file = workbook(lambda xml: change(xml.replace("</sheetData>", FAR_CELL)))
    with pytest.raises(ValueError, match="has cells as far as row"):
        load(file)


def test_entities_are_refused(workbook):
    entity = '<!DOCTYPE worksheet [<!ENTITY far "XFD">]>'
    with pytest.raises(ValueError, match="it defines entities of XML"):
        load(workbook(lambda xml: xml.replace("<worksheet", f"{entity}<worksheet", 1)))


def test_a_picture_and_a_drawing_that_are_no_xml_are_passed_over(workbook):
    file = workbook(str)
    with zipfile.ZipFile(file, "a") as parts:
        parts.writestr("xl/media/a.png", b"\x89PNG\r\n")
        parts.writestr("xl/media/a.svg", "<!DOCTYPE svg><svg/>")
        parts.writestr("xl/drawings/a.vml", "<xml><br></xml>")
    assert len(load(file).frame) == 8


def test_many_rows_of_few_columns_are_not(workbook):
    far = FAR.format(row="20000", cell="A20000")
    assert len(load(workbook(lambda xml: xml.replace("</sheetData>", far))).frame) > 8


def test_parts_that_are_no_cells_bring_no_warning(workbook):
    part = (
        '</sheetData><extLst><ext uri="{CCE6A557-97BC-4b89-ADB6-D9C93CAAB3DF}" '
        'xmlns:x14="http://schemas.microsoft.com/office/spreadsheetml/2009/9/main"/></extLst>'
    )
    assert list(load(workbook(lambda xml: xml.replace("</sheetData>", part))).frame) == ["a", "b"]


def test_xml_without_an_end_is_refused_at_once(workbook, monkeypatch):
    file = workbook(lambda xml: xml.replace("<sheetData>", f"<!--{' ' * 2**26}--><sheetData>"))
    with pytest.raises(ValueError, match="it has 32 MiB of XML without an element"):
        load(file)
    monkeypatch.setattr("longlag.adapters.tables.workbook._LARGEST", 2**25)
    with pytest.raises(ValueError, match="unpacked"):
        load(file)


COVERS = {
    "contents": [["Workbook Contents", None], ["Click on", None], ["Worksheet", "Series"],
                 ["Data 1", 1], ["Latest Data for", "October 2024"]],
    "two rows of text": [["Weekly prices", None], ["Published", "1 January 2025"]],
}  # fmt: skip


@pytest.mark.parametrize("cover", COVERS)
def test_a_sheet_of_numbers_is_taken_behind_a_cover(tmp_path, cover):
    pytest.importorskip("openpyxl")
    file = tmp_path / "a.xlsx"
    with pd.ExcelWriter(file) as book:
        pd.DataFrame(COVERS[cover]).to_excel(book, sheet_name="Cover", header=False, index=False)
        table = pd.DataFrame({"day": pd.date_range("2020-01-01", periods=9), "v": 1.5})
        table.to_excel(book, sheet_name="Data 1", index=False)
    found = load(file)
    assert list(found.frame) == ["day", "v"]
    assert found.notes[0] == "sheet `Data 1`, not `Cover`"


def test_text_that_is_called_a_workbook_is_told_its_name(tmp_path):
    file = tmp_path / "a.xls"
    file.write_text("day\tv\n2020-01-01\t1\n")
    with pytest.raises(
        ValueError, match=r"^a\.xls is text, no Excel file\. Rename it to a\.csv\.$"
    ):
        load(file)
