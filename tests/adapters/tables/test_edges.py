"""Rows with more cells than their header: which name belongs to which column."""

import pandas as pd
import pytest

DAYS = pd.date_range("2020-01-01", periods=56).strftime("%Y-%m-%d").tolist()
FLOW = [at * at % 11 + 0.5 for at in range(56)]
FIRST = "rows have one cell more than the header: the first is taken for the name of a row"
LAST = "rows have one cell more than the header: the last is taken for a column without a name"
EMPTY = "empty cells at the end of rows left out, beyond the header"


def written(head, row, separator=","):
    """A file whose rows are made from their place, as `{at}` and the like."""
    rows = (
        row.format(at=at, day=DAYS[at], year=1960 + at, month=int(DAYS[at][5:7]),
                   date=int(DAYS[at][8:]), flow=FLOW[at], level=7 - FLOW[at])
        for at in range(56)
    )  # fmt: skip
    return "\n".join([head, *rows]).replace(",", separator)


ENDS = {
    "day,flow,level": "{day},{flow},{level}",
    "year,flow,level": "{year},{flow},{level}",
    "year,month,day,flow,level": "1990,{month},{date},{flow},{level}",
    "Datum,Zeit,flow,level": "{day},00:00,{flow},{level}",
    "step,flow,level": "{at},{flow},{level}",
}


@pytest.mark.parametrize(
    ("end", "separator"),
    [(",", ","), (",", "\t"), (",,", ","), (",A", ";"), (",7.5", ","), (",{at}", ",")],
)
@pytest.mark.parametrize("head", ENDS)
def test_a_cell_more_at_the_end_of_rows_shifts_no_name(read, head, end, separator):
    text = written(head, ENDS[head] + end, separator)
    for columns in ([], ["flow"]):
        table = read(text, columns)
        assert table.names == (tuple(columns) or ("flow", "level"))
        assert table.values[:, 0].tolist() == FLOW
        assert (LAST if end.strip(",") else EMPTY) in table.notes


def test_empty_ends_shift_no_name_where_there_are_no_times(read):
    table = read(written("flow,level", "{flow},{level},"))
    assert table.names == ("flow", "level")
    assert table.values[:, 0].tolist() == FLOW


NAMED = {
    "of R": ('"day","flow"', '"{at}",{day},{flow}'),
    "of R, counted": ('"time","flow"', '"{at}",{year},{flow}'),
    "of R, without times": ('"flow","level"', '"{at}",{flow},{level}'),
    "of R, with a flag": ('"day" "flow" "flag"', '"{at}" "{day}" {flow} "A"'),
    "plain": ("day,flow", "{at},{day},{flow}"),
    "plain, with empty ends": ("day,flow,level", "{at},{day},{flow},"),
    "years": ("year,flow", "{at},{year},{flow}"),
    "texts": ("day,flow", "row {at},{day},{flow}"),
}


@pytest.mark.parametrize("form", NAMED)
def test_names_of_rows_are_no_column_of_the_header(read, form):
    table = read(written(*NAMED[form]), ["flow"])
    assert table.values[:, 0].tolist() == FLOW
    assert FIRST in table.notes


OPEN = {
    "a number and a flag": ("station,flow", "{at},{flow},G", ("flow",)),
    "three numbers": ("flow,level", "{at},{flow},{level}", ("level", "x")),
    "texts in quotes": ('"station","flow"', '"S{at}",{flow},{level}', ("flow", "x")),
    "names of rows that repeat": ("day,flow", "A,{day},{flow}", ("x",)),
    "days below no time": ("seen,flow", "{day},{flow},A", ("flow",)),
}


@pytest.mark.parametrize("form", OPEN)
def test_where_no_name_tells_it_is_refused_and_read_once_all_have_one(read, form):
    head, row, names = OPEN[form]
    first, last = head.replace('"', "").split(",")
    with pytest.raises(
        ValueError,
        match="rows have 3 cells, but line 1 has 2 names: the first column or the last may lack "
        f"one. Name it there, before `{first}` or after `{last}`.$",
    ):
        read(written(head, row))
    table = read(written(f"{head},x", row), time=False)
    assert table.names == names
    assert not {FIRST, LAST} & {*table.notes}


@pytest.mark.parametrize("ending", ["{:02d}", "{:03d}"])
def test_numbers_that_a_comma_may_have_cut_are_refused(read, ending):
    lines = [f"2022-01-{day:02d},{50 + day},{ending.format(7 * day % 100)}" for day in range(1, 29)]
    with pytest.raises(ValueError, match="`value` and the cell after it may be one number with a"):
        read("date,value\n" + "\n".join(lines))
    flags = [f"2022-01-{day:02d},{50 + day},{day % 2}" for day in range(1, 29)]
    assert LAST in read("date,value\n" + "\n".join(flags), ["value"]).notes


@pytest.mark.parametrize(("end", "separator"), [(",A,B", ","), (",7.5,{at}", ";"), (",A,B", " ")])
@pytest.mark.parametrize("head", ENDS)
def test_two_cells_more_at_the_end_of_rows_lose_no_name(read, head, end, separator):
    if separator == " " and head.startswith("step"):
        head = head.replace("step", "year")  # else a title may be what stands there
    table = read(written(head, ENDS.get(head, "{year},{flow},{level}") + end, separator), ["flow"])
    assert table.values[:, 0].tolist() == FLOW
    assert LAST.replace("one cell", "2 cells").replace(
        "is taken for a column without a name", "2 are taken for columns without names"
    ) in table.notes  # fmt: skip


def test_two_names_of_rows_are_no_columns_of_the_header(read):
    table = read(written("day,flow", "S1,{at},{day},{flow}"))
    assert table.names == ("flow",)
    assert table.values[:, 0].tolist() == FLOW
    assert any("the first 2 are taken for the name of a row" in note for note in table.notes)


def test_where_no_name_tells_of_two_cells_more_it_is_refused(read):
    row = "{flow},{level},{at},{at}"
    with pytest.raises(
        ValueError,
        match=r"rows have 4 cells, but line 1 has 2 names: the first 2 columns or the last may "
        r"lack theirs\. Name them there, before `flow` or after `level`, or remove line 1",
    ):
        read(written("flow,level", row))
    assert "level" in read(written("flow,level,x,y", row)).names
    cut = "\n".join(
        f"2022-01-{day:02},{50 + day},07,{day},{7 * day % 90 + 10}" for day in range(1, 29)
    )
    with pytest.raises(ValueError, match="two cells at a time may be one number with a comma"):
        read("date,a,b\n" + cut)


@pytest.mark.parametrize("title", ["Depth, in cm", "Source:,NHS", "Flow,2020", "Flow"])
def test_a_title_names_no_columns(read, title):
    rows = "".join(f"{day},{at},{at % 5},7.5\n" for at, day in enumerate(DAYS))
    assert read(f"{title}\nday,10,20,30\n{rows}", ["20"]).values[6, 0] == 1
    if "Depth" not in title:
        assert read(f"{title}\n{rows}", ["3"]).values[6, 0] == 1


HOURS = pd.date_range("2020-01-01", periods=56, freq="h")


def noted(head, first, rest, noted=3):
    """A file whose first rows have a note at their side."""
    rows = [
        f"{hour:%Y-%m-%d},{hour:%H:%M:%S},{flow},G" for hour, flow in zip(HOURS, FLOW, strict=True)
    ]
    return "\n".join(
        [head, *(row + (first if at < noted else rest) for at, row in enumerate(rows))]
    )


@pytest.mark.parametrize("above", ["", "station,height\nStockholm,2.0\n\n"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("count", [1, 3, 20])
def test_notes_beside_the_first_rows_cost_no_name_and_no_row(read, above, separator, count):
    head = "Datum,Tid (UTC),flow,Kvalitet,,Tidsutsnitt:"
    for rest in ("", ",,"):
        text = above + noted(head, ",,a note of the operator", rest, count)
        table = read(text.replace(",", separator))
        assert table.names == ("flow",)
        assert table.values[:, 0].tolist() == FLOW
        assert table.seasons[:2] == (24, 168)


@pytest.mark.parametrize(
    "head", ["Datum,Tid,flow,Kvalitet,note", "Datum,Tid,flow,Kvalitet,note,by"]
)
@pytest.mark.parametrize("count", [1, 3, 20])
def test_first_rows_with_more_cells_than_most_are_not_lost(read, head, count):
    more = ",sensor new" * (head.count(",") - 3)
    with pytest.raises(ValueError, match=rf"line {count + 2} has 4 cells, its header [56]"):
        read(noted(head, more, "", count))
