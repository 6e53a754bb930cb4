"""Times in a form that is not known, such as times of day without a date."""

import pytest

CLOCK = [f"{at // 60:02}:{at % 60:02}" for at in range(40)]
FORMS = {
    "minutes": ("Time", CLOCK),
    "another name": ("x", CLOCK),
    "more than a day": ("x", [f"{40 + at}:07" for at in range(40)]),
    "seconds": ("x", [f"{clock}:30" for clock in CLOCK]),
    "codes": ("week", [f"W{at}" for at in range(40)]),
    "numbers": ("hour", range(40)),
    "the newest first": ("Time", CLOCK[::-1]),
}


def turns(name, times, kinds="AB"):
    rows = [f"{time},{kind},{at}.5" for at, time in enumerate(times) for kind in kinds]
    return "\n".join([f"{name},Sensor,Value", *rows])


@pytest.mark.parametrize("columns", [[], ["Value"]])
@pytest.mark.parametrize("form", FORMS)
def test_series_that_take_turns_are_no_series(read, form, columns):
    name, times = FORMS[form]
    with pytest.raises(ValueError, match=rf"`{name}` are of .*: keep the rows of one `Sensor`\."):
        read(turns(name, times), columns)
    assert len(read(turns(name, times), columns, time=False).values) == 80
    assert len(read(turns(name, times, "A"), columns).values) == 40


def test_series_take_turns_although_not_all_are_there_at_each_time(read):
    rows = turns("Time", CLOCK, "ABC").split("\n")
    kept = [rows[0], *(row for at, row in enumerate(rows[1:]) if at % 7)]
    with pytest.raises(ValueError, match=r"keep the rows of one `Sensor`\."):
        read("\n".join([*kept, kept[-1]]))  # one row is there twice


def test_a_time_of_day_is_there_again_on_the_next_day(read):
    hours = [f"{hour:02}:00" for hour in range(24)]
    days = [f"{hour},{day},{at}" for at, day in enumerate(["Mon", "Tue"] * 9) for hour in hours]
    table = read("\n".join(["Time,Weekday,v", *days]), ["v"])
    assert len(table.values) == 18 * 24
    with pytest.raises(ValueError, match=r"keep the rows of one `Sensor`\."):
        read(turns("Time", hours * 3))


@pytest.mark.parametrize("others", ["ABA", "ABB"])
def test_times_that_repeat_are_named_where_no_column_parts_them(read, others):
    pairs = [(clock, kind) for clock in CLOCK for kind in others]
    rows = [f"{clock},{kind},{at}.5" for at, (clock, kind) in enumerate(pairs)]
    table = read("\n".join(["Time,Status,v", *rows]), ["v"])
    assert table.warnings[0].startswith("`Time` may hold times, in a form that is not known")


@pytest.mark.parametrize(
    ("times", "falls"),
    [
        (CLOCK, False),
        (CLOCK[::-1], True),
        ([f"{hour}:00" for hour in range(24)][::-1] * 3, True),
        ([f"{hour}:00" for hour in range(24)] * 3, False),
        ([f"0:{at:02}.003" for at in range(40)][::-1], True),
        ([f"{month}-{day:02}" for month in (1, 2) for day in range(1, 29)], False),
    ],
)
def test_it_is_said_where_the_newest_seem_to_be_first_and_that_no_time_takes_them(
    read, times, falls
):
    rows = [f"{time},{at}.5" for at, time in enumerate(times)]
    table = read("\n".join(["Time,v", *rows]), ["v"])
    assert ("with the newest first as it seems" in table.warnings[0]) == falls
    assert "use --no-time if the rows are in the order of time" in table.warnings[0]
    assert read("\n".join(["Time,v", *rows]), ["v"], time=False).warnings == ()
