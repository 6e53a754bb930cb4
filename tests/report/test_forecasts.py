"""The page of a forecast."""

import numpy as np
import pytest

import longlag as ll
from longlag.answers.blocks import Table
from longlag.report import page_of_forecast
from longlag.report.blocks import Figure

ROWS = np.sin(np.arange(240) / 2) * 3 + 10


@pytest.fixture(scope="module")
def run():
    rng = np.random.default_rng(0)
    series = ll.Series(
        np.stack([ROWS + 0.1 * rng.normal(size=240), ROWS**2], axis=1),
        names=("level", "<b>square</b>"),
        length=13,
    )
    return ll.train(
        series, ll.Window(timesteps=13), ll.GRU(hidden_size=8), sequences=2000, batch_size=20,
        learning_rate=0.01, seeds=2,
    )  # fmt: skip


def tables(page):
    return [b for section in page.sections for b in section.blocks if isinstance(b, Table)]


def test_it_says_what_the_forecast_says(run):
    page = page_of_forecast(run, command="longlag frame data.csv")
    found = run.forecast
    assert page.title == "level, 1 row ahead"
    [errors] = tables(page)
    assert errors.rows[-1][1].text == found.verdict
    told = {row[0].text: float(row[2].text) for row in errors.rows}
    for name, baseline in found.baselines.items():
        assert told[name] == pytest.approx(baseline.error, rel=1e-3)
    assert told["gru hidden_size=8"] == pytest.approx(found.error.mean, rel=1e-3)
    html = page.html()
    assert "training 1 to 168, validation 169 to 204 and evaluation 205 to 240" in html
    assert "longlag frame data.csv" in html
    assert "<b>square</b>" not in html
    assert f"{found.ratio.mean:.3f}" in html


def test_the_curve_is_that_of_the_rows_that_score(run):
    page = page_of_forecast(run)
    [figure] = [
        block
        for section in page.sections
        for block in section.blocks
        if isinstance(block, Figure) and block.panels[0].key == "forecast"
    ]
    spec = figure.panels[0].chart.to_dict()
    [drawn] = spec["datasets"].values()
    was = {row["row"]: row["value"] for row in drawn if row["series"] == "observed"}
    assert sorted(was) == list(range(205, 241))
    found = run.forecast
    for row, expected in zip(found.rows, found.expected, strict=True):
        assert was[int(row) + 1] == pytest.approx(expected, rel=1e-3)
    said = {row["row"]: row["value"] for row in drawn if row["series"] != "observed"}
    for place, row in enumerate(found.rows):
        assert said[int(row) + 1] == pytest.approx(found.predicted[:, place].mean(), rel=1e-3)


def test_the_maps_are_those_of_the_audit_and_of_the_model(run):
    page = page_of_forecast(run)
    assert [key for key in page.figures() if key.startswith("map")] == [
        "map-needs",
        "map-sees",
        "map-learns",
        "map-uses",
    ]


def test_a_run_of_another_problem_has_no_such_page():
    other = ll.train(ll.Ramp(), ll.Whole(), ll.RNN(hidden_size=2), sequences=5)
    with pytest.raises(ValueError, match="the run must be of a Series"):
        page_of_forecast(other)
