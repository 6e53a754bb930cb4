"""Pictures are read again: what stands in them is what was found."""

import re
from xml.etree import ElementTree

import numpy as np
import pytest

import longlag as ll
from longlag import report
from longlag.files import check_outputs
from longlag.report import charts

ECHO = ll.EchoLag(lag=1, length=6, values=4)
SVG = "{http://www.w3.org/2000/svg}"
LABEL = r"target step (\d+), input steps? (\d+)(?: to (\d+))?: (.*)"
RECT = r"M([\d.]+),([\d.]+)h([\d.]+)v([\d.]+)h-[\d.]+Z"


def drawn(chart, folder):
    path = folder / "figure.svg"
    report.save_figure(chart, path)
    return ElementTree.fromstring(path.read_text())


def words(svg):
    """Every text of the picture; a line of several is one text each."""
    return [
        each.text for each in svg.iter() if each.text and each.tag in (f"{SVG}text", f"{SVG}tspan")
    ]


def parts(pattern, text):
    """The groups of a pattern in a text that begins with it."""
    found = re.match(pattern, text or "")
    assert found is not None, text
    return found.groups()


def panels(svg):
    """The rectangles of each panel: what their label says, and where they stand."""
    for group in svg.iter(f"{SVG}g"):
        if re.search(r"concat_\d+_layer_1_marks$", group.get("class", "")):
            yield [(path.get("aria-label"), path.get("d")) for path in group]


@pytest.mark.parametrize(
    ("problem", "framing", "verdict"),
    [
        (ll.EchoLag(lag=2), ll.Chunks(timesteps=1, carry=True), "state-only"),
        (ll.EchoLag(length=200, lag=30), ll.Window(timesteps=20), "unreachable"),
        (ll.CumulativeThreshold(length=70), ll.Whole(), "learnable"),
    ],
)
def test_the_cells_of_the_picture_are_those_of_the_maps(tmp_path, problem, framing, verdict):
    audit, count = ll.audit(problem, framing), problem.steps
    figure = report.figure_of_audit(audit, "what was asked")
    svg = drawn(figure, tmp_path)
    maps = {"needs": audit.needs, "sees": audit.sees, "learns": audit.learns}
    assert [panel.title for panel in figure.hconcat] == list(maps)
    for (name, map), marks in zip(maps.items(), panels(svg), strict=True):
        size, at = 0.0, {kind: np.zeros_like(map) for kind in charts.MAPPED}
        for label, path in marks:
            target, begin, last, kind = parts(LABEL, label)
            last = int(last or begin)
            x, y, wide, high = (float(each) for each in parts(RECT, path))
            assert np.allclose(
                [x, y, wide],
                [high * int(begin), high * int(target), high * (last + 1 - int(begin))],
            ), "its place is that of its label, in square cells"
            size = high
            row = at[kind][int(target)]
            assert not row[int(begin) : last + 1].any()
            row[int(begin) : last + 1] = True
        assert (at["needed"] == (map & audit.needs)).all(), name
        assert (at["there, not needed"] == (map & ~audit.needs)).all(), name
        missing = audit.needs & ~map & audit.scored[:, None]
        assert (at["needed, but missing"] == missing).all(), name
        assert not (at["not scored"] & audit.scored[:, None]).any()
        assert figure.hconcat[0].height == figure.hconcat[0].width == pytest.approx(size * count)
    texts = words(svg)
    assert [texts.count(each) for each in ("input step", "target step")] == [3, 3]
    assert any(text.startswith(f"{verdict}: ") for text in texts)
    assert "what was asked" in texts


@pytest.fixture(scope="module")
def run():
    return ll.train(
        ll.EchoLag(lag=1, length=6, values=4),
        ll.Whole(),
        ll.LSTM(hidden_size=5),
        sequences=400,
        seeds=2,
    )


def test_a_curve_for_every_seed_stands_on_one_axis_with_chance_and_the_best_score(tmp_path, run):
    figure = report.figure_of_run(run)
    svg = drawn(figure, tmp_path)
    lines = [each for each in svg.iter(f"{SVG}path") if each.get("stroke-width") == "1.8"]
    assert len(lines) == 4  # accuracy and loss of two seeds
    height = figure.vconcat[0].height
    rules = [
        float(parts(r"translate\([\d.]+,([\d.]+)\)", each.get("transform"))[0])
        for each in svg.iter(f"{SVG}line")
        if each.get("stroke-dasharray") == "3,3"
    ]
    assert np.allclose(sorted(rules), [0, height * (1 - run.chance)])
    texts = words(svg)
    assert {"seed 0", "seed 1", "chance 0.25", "best possible 1", "accuracy"} <= set(texts)
    # The last stretch of 16 updates or fewer, as the training loop reported it.
    shares = np.concatenate([each.shares for each in run.history[0]])
    [last] = parts(r".*L[\d.]+,([\d.]+)$", lines[0].get("d"))
    right = shares[(len(shares) - 1) // 16 * 16 :].mean()
    assert float(last) == pytest.approx(height * (1 - right), abs=0.1)


@pytest.mark.parametrize(("sequences", "circles"), [(5, 4), (400, 0)])
def test_a_curve_of_one_point_is_a_circle(tmp_path, sequences, circles):
    """A path from a point to itself shows nothing."""
    run = ll.train(ECHO, ll.Whole(), ll.RNN(hidden_size=3), sequences=sequences, seeds=2)
    svg = drawn(report.figure_of_run(run), tmp_path)
    marks = [each for each in svg.iter() if each.get("aria-roledescription") == "circle"]
    assert len(marks) == circles  # accuracy and loss of two seeds
    assert all("A" in mark.attrib["d"] and mark.get("fill") for mark in marks)


def test_the_accuracy_at_each_scored_step_is_drawn_for_every_seed(tmp_path):
    copy = ll.score(
        ll.EchoLag(length=6, values=4, lag=2), ll.Whole(), lambda inputs: inputs, seeds=2
    )
    svg = drawn(copy.figure("steps"), tmp_path)
    assert {"seed 0", "seed 1", "chance 0.25", "best possible 1", "step"} <= set(words(svg))
    points = [each for each in svg.iter() if each.get("aria-roledescription") == "point"]
    assert len(points) == 2 * 4  # scored from the lag on
    rows = copy.figure("steps").to_dict()
    shares = dict(re.findall(r"'at': (\d), 'share': ([\d.]+)", str(rows)))  # of the last seed
    right = copy.evaluations[1].right.mean(axis=0)
    assert {int(at): float(share) for at, share in shares.items()} == pytest.approx(
        {step: right[step] for step in (2, 3, 4, 5)}
    )


def test_a_seed_that_diverged_is_marked_and_many_seeds_share_a_colour(tmp_path):
    run = ll.train(
        ll.Ramp(), ll.Whole(), ll.RNN(hidden_size=3), sequences=100, learning_rate=1e6, seeds=9
    )
    svg = drawn(report.figure_of_run(run), tmp_path)
    assert run.verdict == "diverged"
    texts = words(svg)
    marks = [each for each in svg.iter() if each.get("aria-roledescription") == "point"]
    assert len(marks) == 18  # where each of nine seeds ended, in accuracy and in loss
    assert "one seed each" in texts
    assert "seed 0" not in texts
    lines = [each for each in svg.iter(f"{SVG}path") if each.get("stroke-width") == "1.8"]
    assert len(lines) == 18
    assert len({each.get("stroke") for each in lines}) == 1


def test_gates_stand_above_the_values_of_the_sequence(tmp_path, run):
    trained = run.trained()
    sequence = [3, 1, 2, 0, 0, 1]
    svg = drawn(report.figure_of_gates(trained, sequence), tmp_path)
    names = list(trained.gates(sequence))
    groups = [
        [text.text for text in each.iter(f"{SVG}text")]
        for each in svg.iter(f"{SVG}g")
        if each.get("class") == "mark-text role-axis-label"
    ]
    assert groups.count([*map(str, sequence)]) == len(names)


def test_a_picture_says_who_wrote_it_and_is_then_replaced(tmp_path):
    chart = report.figure_of_audit(ll.audit(ll.EchoLag(length=4), ll.Whole()))
    for kind in ("svg", "png"):
        own, other = tmp_path / f"own.{kind}", tmp_path / f"other.{kind}"
        report.save_figure(chart, own)
        check_outputs({"--figure": (own, kind.upper())}, {})
        chart.save(other)  # as any program that draws with Altair does
        with pytest.raises(ValueError, match=r"is no \w+ file of longlag's"):
            check_outputs({"--figure": (other, kind.upper())}, {})
    with pytest.raises(ValueError, match=r"must end in \.png or \.svg\. Use save_figure .*a\.png"):
        report.save_figure(chart, tmp_path / "a.pdf")
