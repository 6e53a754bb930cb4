"""Published tables whose layout is not one header and one row for each time."""

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
    assert read(text).notes[0] == "time: `day`, daily"
