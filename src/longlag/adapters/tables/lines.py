"""Lines of text as rows of a table: its separator, what stands above and below it."""

from __future__ import annotations

import csv
import itertools
import re
import shlex
from collections import Counter
from collections.abc import Sequence

import pandas as pd

from longlag.adapters.tables import edges, headers
from longlag.adapters.tables.cells import is_code

SEPARATORS = {"\t": "tabs", ";": "semicolons", "|": "bars", ",": "commas"}  # in this order
_UNIT = re.compile(r"°?[CFK]|deg[CFKT]?|m/s|k?m|[cm]m|ft|h?Pa|[kMG]?Wh?|sec|%")
_FEW = 3  # rows of a table, at least
_MANY = 10  # rows that show whether a separator is one
_MAX_TOP = 20  # rows of text above a table
_SAMPLE = 20  # rows that show where columns stand
_MAX_PARTS = 2  # lines that a name is parted into
_MAX_PLACES = 100  # where another table may begin


def split(line: str, separator: str) -> list[str]:
    if separator == r"\s+":
        line, separator = " ".join(line.split()), " "
    return next(csv.reader([line], delimiter=separator), [])


def cell_count(line: str, separator: str) -> int:
    return len(split(line, separator))


def names_above(
    comments: Sequence[tuple[int, str]], rest: Sequence[tuple[int, str]], separator: str
) -> tuple[list[str] | None, int]:
    """The names of columns in comments above a table, and how many lines those take.

    Of two such lines the lower has units if cells repeat there, or some are usual units. Where
    blank lines stand between, names are three texts or more, each once.
    """
    top, first = next(((at, line) for at, line in rest if line.strip()), (0, ""))
    cells = split(first, separator)
    found: list[list[str]] = []
    near = top
    for at, line in reversed([each for each in comments if each[0] < top]):
        row = [cell.strip() for cell in split(line.lstrip("#% \t"), separator)]
        if not found and not any(row):
            continue
        apart = at < near - 1
        prose = apart and (found or separator == r"\s+" or not _are_names(row))
        if len(row) != len(cells) or prose:
            break
        found.append(row)
        near = at
    if not _is_data(cells) or headers.times(cells):
        return None, 0
    if not found:
        return _names_in_place(comments, rest) if separator == r"\s+" else (None, 0)
    units = len(set(found[0])) < len(found[0]) or any(map(_UNIT.fullmatch, found[0]))
    count = 2 if units and len(found) > 1 else 1
    return found[count - 1], count


def _are_names(row: Sequence[str]) -> bool:
    """Whether cells are all texts, three or more, each of them once."""
    return all(row) and len({*row}) == len(row) > 2 and not any(map(headers.is_value, row))


def _names_in_place(
    comments: Sequence[tuple[int, str]], rest: Sequence[tuple[int, str]]
) -> tuple[list[str] | None, int]:
    """The names that stand above the columns of most rows, in one comment or parted into two.

    A column without one is called by none; half of them and more have one.
    """
    rows = [line for _, line in rest if line.strip()][:_SAMPLE]
    places = [[(at.start(), at.end()) for at in re.finditer(r"\S+", row)] for row in rows]
    usual = Counter(map(len, places)).most_common(1)[0][0]
    columns = [
        (min(begin for begin, _ in cells), max(end for _, end in cells))
        for cells in zip(*(row for row in places if len(row) == usual), strict=True)
    ]
    names, used = [""] * usual, 0
    above = [line for _, line in comments if line.strip("#% \t")]
    for line in above[: -_MAX_PARTS - 1 : -1]:
        found = _in_place(line, columns)
        if not found or (used and len(found) < 2):
            break
        names = [f"{found.get(at, '')} {name}".strip() for at, name in enumerate(names)]
        used += 1
        if all(names):
            break
    named = [name for name in names if name]
    fits = 2 * len(named) >= usual and len(set(named)) == len(named)
    return (names, used) if fits else (None, 0)


def _in_place(line: str, columns: Sequence[tuple[int, int]]) -> dict[int, str]:
    """The texts of a comment by the column that each is above; none if one is above no column."""
    line = re.sub(r"^\s*[#%]+", lambda mark: " " * len(mark[0]), line)
    found: dict[int, str] = {}
    for text in re.finditer(r"[^\s,]+(?: [^\s,]+)*", line):
        shared = [min(end, text.end()) - max(begin, text.start()) for begin, end in columns]
        at = shared.index(max(shared))
        if shared[at] <= 0 or at in found or headers.is_value(text[0]):
            return {}
        found[at] = text[0] if text[0].find("(") > 0 else text[0].strip("()")
    return found


def find_separator(lines: Sequence[str]) -> str:
    """The separator of the cells of all lines, or of most."""
    if not lines:
        return ","
    shares: dict[str, tuple[float, int]] = {}
    for separator in (*SEPARATORS, r"\s+"):
        rows = lines[1:] or lines  # a header may lack the name of the index
        counts = Counter(cell_count(line, separator) for line in rows)
        usual, often = max(counts.items(), key=lambda each: (each[1], each[0]))
        if usual > 1:
            shares[separator] = often / len(rows), usual
    most = max((share for share, _ in shares.values()), default=0.0)
    if r"\s+" in shares and (shares[r"\s+"][0] < 0.95 or len(shares) > 1):
        del shares[r"\s+"]  # spaces also occur in texts and dates
        most = max((share for share, _ in shares.values()), default=0.0)
    fits = [each for each, (share, _) in shares.items() if share > most - 0.05]
    return max(fits, key=lambda each: _value_count(lines[-_MANY:], each)) if fits else ","


def _value_count(rows: Sequence[str], separator: str) -> int:
    """Cells that are values: few if a separator is a bar in a text of each row, as in `BZN|AT`."""
    cells = (cell for row in rows for cell in split(row, separator))
    return sum(headers.is_value(cell) for cell in cells if cell.strip())


def body(
    name: str, lines: list[tuple[int, str]], separator: str
) -> tuple[list[tuple[int, str]], list[str]]:
    """The lines of the first table, without a title above or a footnote below; notes on those."""
    cells = [split(line, separator) if line.strip() else [] for _, line in lines]
    counts = [len(row) for row in cells]
    usual = Counter(count for count in counts if count).most_common(1)
    width = usual[0][0] if usual else 1
    if width == 1:
        return lines, []
    notes: list[str] = []
    rule = edges.rule(lines)
    lines, below_rule = lines[:rule], lines[rule:]
    cells, counts = cells[:rule], counts[:rule]
    if below := _next_table(cells, width):
        begin, end = (lines[at][0] for at in (below, -1))
        notes.append(
            f"lines {begin} to {end} left out: another table; its own file is made by tail -n "
            f"+{begin} {shlex.quote(name)} > next.csv"
        )
        lines, cells, counts = lines[:below], cells[:below], counts[:below]
    full = [index for index, count in enumerate(counts) if count == width]
    partial = [
        index
        for index, count in enumerate(counts)
        if count > 2 or (count == width - 1 and (count > 1 or headers.is_value(lines[index][1])))
    ]
    first, last = full[0], max(full[-1], *partial, 0) if partial else full[-1]
    named = not any(map(headers.is_value, cells[first]))  # so that a title above is none
    ends = next((at for at, cell in enumerate(reversed(cells[first])) if cell.strip()), 0)
    if not named and (top := edges.top(cells, first)) < first:
        first = top
    elif first and not named and not _is_labelled(cells[first - 1]):
        # A header that lacks the name of an index, or empty ends of rows; or further names.
        lacks = counts[first - 1] in (width - 1, width + 1, width - ends)
        if lacks or edges.names_most(cells[first - 1], [cells[at] for at in full], separator):
            first -= 1
    while width > 2 and first < last and not any(cell.strip() for cell in cells[first][1:]):
        first += 1  # a title, with separators up to the width of the table
    while first < last and (
        (width > 2 and _is_note(cells[last])) or _is_remark(*cells[last - 1 : last + 1])
    ):
        last -= 1
    first = _below_metadata(cells[: last + 1], first, width)
    outside = *lines[:first], *lines[last + 1 :], *below_rule
    out = [at for at, line in outside if line.strip()]
    if out:
        names = f"line{'s' if len(out) > 1 else ''} {', '.join(map(str, out[:3]))}"
        more = " …" if len(out) > 3 else ""
        notes.insert(0, f"left out, being no rows of the table: {names}{more}")
    return lines[first : last + 1], notes


def _below_metadata(cells: Sequence[list[str]], first: int, width: int) -> int:
    """The row of the names of all columns, where lines such as `Source:,NHS,` stand above it.

    It is the last row of texts, each once, above values; the first row if there is none, or that of
    values if each row above begins as `Source:`.
    """
    end = min(first + _MAX_TOP, len(cells) - 1)
    begin = next((at for at in range(first, end) if _begins_data(cells[at])), end)
    above = [*range(first, begin)]
    labels = [_is_labelled(cells[at]) for at in above if cells[at]]
    if len(labels) > 1 and all(labels) and _begins_data(cells[begin]):
        return begin  # no row has names
    for at in reversed(above):
        names = [cell.strip() for cell in cells[at]]
        if len(names) == width and all(names) and len({*names}) == width:
            apart = all(map(_is_metadata, cells[first:at])) and _begins_data(cells[begin])
            return at if apart else first
    return first


def _is_metadata(row: Sequence[str]) -> bool:
    """Whether a row names no columns: cells are empty, or the first is `Source:`."""
    return not row or not all(map(str.strip, row)) or _is_labelled(row)


def _is_labelled(row: Sequence[str]) -> bool:
    """Whether a row begins as `Source:`."""
    return bool(row) and row[0].strip().endswith(":")


def _begins_data(row: Sequence[str]) -> bool:
    """Whether a row has values, and in its first cell no label of them."""
    if not row or not any(map(str.strip, row)):
        return False
    return _is_data(row) or headers.is_value(row[0]) or headers.frequency(row[0]) is not None


def _next_table(cells: Sequence[list[str]], width: int) -> int:
    """The line, by its index, at which another table of this width begins, with a header; or 0."""
    used = [at for at, row in enumerate(cells) if row]
    places = (
        (before if title else at, at, after)
        for before, at, after in zip(used, used[1:], used[2:], strict=False)
        if len(cells[at]) == len(cells[after]) == width
        if (title := _is_note(cells[before])) or before < at - 1  # a title or an empty line
    )
    for begin, at, after in itertools.islice(places, _MAX_PLACES):
        names = [cell for cell in cells[at] if cell.strip()]
        if len(names) < 2 or any(map(headers.is_value, names)) or not _is_data(cells[after]):
            continue
        above = (row for row in cells[:begin] if len(row) == width and _is_data(row))
        if len(list(itertools.islice(above, _FEW))) == _FEW:
            return begin
    return 0


def parse(
    name: str, lines: list[tuple[int, str]], separator: str
) -> tuple[pd.DataFrame, list[str], list[str]]:
    """The cells of lines, the last line of each row, and notes."""
    rows: list[list[str]] = []
    ends: list[int] = []
    if separator == r"\s+":
        rows, ends = [split(line, separator) for _, line in lines], [at for at, _ in lines]
    else:
        reader = csv.reader((f"{line}\n" for _, line in lines), delimiter=separator)
        for row in reader:
            rows.append(row)
            ends.append(lines[reader.line_num - 1][0])
    notes = _even(rows, ends) if separator == r"\s+" else edges.without_side(rows)
    empty = [not any(cell.strip() for cell in row) for row in rows]
    count = len(rows) - next((at for at, each in enumerate(reversed(empty)) if not each), len(rows))
    start = next((at for at, each in enumerate(empty) if not each), 0)
    width = len(rows[start]) if rows else 0
    single = [len(row) <= 1 for row in rows]  # a blank line, if empty
    used = [at for at in range(start, count) if width == 1 or not (empty[at] and single[at])]
    header = rows[start] if rows else []
    kept = [at for at in used if not (empty[at] and single[at])]
    widest = Counter(len(rows[at]) for at in used).most_common(1)
    if widest and widest[0][0] > width and not headers.is_value(rows[start][0]):
        below = {*ends[start + 1 :]}
        texts = [line for at, line in lines if at in below]
        fitted, more = edges.fitted(name, [rows[at] for at in kept], texts, f"line {ends[start]}")
        for at, row in zip(kept, fitted, strict=True):
            rows[at] = row
        width, notes = len(rows[start]), [*notes, *more]
    if wrong := [at for at in kept if len(rows[at]) != width]:
        remedy = _remedy(
            [header if at == start else rows[at] for at in kept], [ends[at] for at in kept]
        )
        cells = f"{len(rows[wrong[0]])} cell{'' if len(rows[wrong[0]]) == 1 else 's'}"
        others = "most others" if remedy else "its header"
        raise ValueError(
            f"{name}: line {ends[wrong[0]]} has {cells}, {others} {width}. "
            f"{remedy or 'Write one for each name.'}"
        )
    frame = pd.DataFrame([rows[at] or [""] for at in used], dtype=object)
    return frame, [f"line {ends[at]}" for at in used], notes


def _even(rows: list[list[str]], ends: list[int]) -> list[str]:
    """Makes rows between spaces of one width, with notes, as for stations of the Met Office.

    A word that some rows have at their end beyond the others gets a column without a name. A line
    of units below the names, with fewer cells, is taken out.
    """
    width = len(rows[0]) if rows else 0
    values = sum(map(headers.is_value, rows[0])) if width else 0
    named = not values
    if width < _FEW or 0 < values < width:
        return []
    notes: list[str] = []
    units = named and len(rows) > 1 and 1 < len(rows[1]) < width
    units = units and not any(map(headers.is_value, rows[1]))
    longer = [row for row in rows[named + units :] if len(row) != width]
    words = Counter(row[-1] for row in longer if len(row) == width + 1)
    mostly = len(longer) == len(rows) - named - units or (
        len(words) > 1 and 2 * len(longer) > len(rows)
    )
    if sum(words.values()) < len(longer) or mostly or any(map(headers.is_value, words)):
        return []
    if units:
        notes.append(f"line {ends[1]} left out, being of units: {' '.join(rows[1])}")
        del rows[1], ends[1]
    if words:
        told = ", ".join(f"`{word}` ({count:,})" for word, count in words.most_common(_FEW))
        notes.append(f"a word more at the end of rows, in a column of its own: {told}")
        rows[:] = [[*row, ""] if len(row) == width else row for row in rows]
    return notes


def _remedy(rows: list[list[str]], ends: list[int]) -> str:
    """What to do about rows above and below a table, of another width; empty if some are in it."""
    lengths = [len(row) for row in rows]
    width = Counter(lengths).most_common(1)[0][0]
    begin, end = _longest([length == width for length in lengths])
    begin += headers.text_rows(pd.DataFrame(rows[begin:end])) if end - begin > 2 else 0
    top, bottom = range(begin), range(end, len(rows))
    if len(top) > _MAX_TOP or any(map(_is_data, rows[:begin])):
        return ""
    remedies: list[str] = []

    def naming(at: int) -> tuple[bool, bool, int, int]:
        cells = list(filter(None, rows[at]))
        return lengths[at] == width, not any(map(headers.is_value, cells)), len(cells), -at

    near = next((at + 1 for at in reversed(top) if lengths[at] != width), 0)  # right above it
    names = max(top[near:] or top, key=naming, default=0)
    if len(top) > 1:
        out = [_span(part, ends) for part in (top[:names], top[names + 1 :]) if part]
        remedies.append(f"Remove {' and '.join(out)}: names stand in line {ends[names]} alone.")
    if bottom:
        first, data = bottom[0], [at for at in bottom if _is_data(rows[at])]
        table = _longest([length == lengths[first] for length in lengths[end:]])[1]
        if len(data) == len(bottom) > 1 and len({lengths[at] for at in bottom}) == 1:
            have = f"{_span(bottom, ends)} have {lengths[first]} cells, those above {width}"
            remedies.append(f"{have.capitalize()}: write {width} in each.")
        elif first not in data and len(data) > 2 and table > 2:
            remedies.append(
                f"A second table begins in line {ends[first]}: write it to a file of its own."
            )
        elif len(data) < len(bottom) and not any(lengths[at] == width for at in data):
            remedies.append(f"Remove {_span(bottom, ends)}, below the table.")
        else:
            return ""
    return " ".join(remedies)


def _is_note(row: Sequence[str]) -> bool:
    """Whether a row is one text in its first cell; or empty."""
    if any(cell.strip() for cell in row[1:]):
        return False
    return not row or not row[0].strip() or not headers.is_value(row[0])


def _is_remark(above: Sequence[str], row: Sequence[str]) -> bool:
    """Whether a row is one text, not in its first cell, unlike the row above: `"";Note: ;`."""
    texts = [cell for cell in row if cell.strip()]
    if len(texts) != 1 or row[0].strip() or not (above and above[0].strip()):
        return False
    return not headers.is_value(texts[0]) and not is_code(texts[0])


def _longest(flags: Sequence[bool]) -> tuple[int, int]:
    """The begin and end of the longest stretch that is true."""
    best, begin = (0, 0), 0
    for at, flag in enumerate([*flags, False]):
        if not flag:
            best, begin = max(best, (begin, at), key=lambda each: each[1] - each[0]), at + 1
    return best


def _is_data(row: Sequence[str]) -> bool:
    """Whether most of the cells that are not empty are values, or the first and another."""
    values = [headers.is_value(cell) for cell in row if cell.strip()]
    return 2 * sum(values) > len(values) or (sum(values) > 1 and values[0])


def _span(rows: Sequence[int], ends: Sequence[int]) -> str:
    first, last = ends[rows[0]], ends[rows[-1]]
    to = "and" if len(rows) == 2 else "to"
    return f"line {first}" if first == last else f"lines {first} {to} {last}"
