"""What a page must never show: impossible intervals, false certainty, names that act."""

import dataclasses
import math
import re

import pytest
from study_cases import SETTING, outcome

from longlag import LSTM, EchoValue, Ramp
from longlag.answers.blocks import cell
from longlag.answers.estimate import Estimate
from longlag.claims import Card, Finding, Result, Row
from longlag.report import page_of_claims, page_of_store
from longlag.report.comparisons import comparison
from longlag.report.frontiers import frontier
from longlag.report.sections import curves
from longlag.report.sections.groups import Group
from longlag.scores.statistics import accuracy, difference
from longlag.store.records import StoreError
from longlag.store.store import Store
from longlag.studies import registry
from longlag.studies.comparison import Comparison
from longlag.studies.frontier import Frontier

NAME = "<b>&amp;\"'\x1b[31m\u202e[red]x[/red]"
SHOWN = "<b>&amp;\"'\\x1b[31m\\u202e[red]x[/red]"


@pytest.mark.parametrize(
    ("estimate", "text", "note"),
    [
        (accuracy([1.0], sequences=None), "1.000", "one seed: no interval"),
        (accuracy([1.0, 1.0], sequences=None), "1.000", "too few seeds for an interval"),
        (accuracy([1.0] * 4, sequences=None), "1.000 [0.398, 1.000]", ""),
        (difference([0.5], [0.25]), "0.250", "one seed: no interval"),
        (accuracy([0.5, 0.75], sequences=None), "0.625", "2 seeds too far apart for an interval"),
    ],
)
def test_an_interval_without_width_or_ends_is_none(estimate, text, note):
    assert cell(estimate)[:2] == (text, note)


def _charts(section_or_part):
    for block in section_or_part.blocks:
        for panel in getattr(block, "panels", ()):
            yield panel.chart.to_dict()


def _texts(part):
    tables = [b for s in part.sections for b in s.blocks if hasattr(b, "rows")]
    cells = [each for table in (part.table, *tables) for row in table.rows for each in row]
    return [*part.results, *part.certainty, *(text for each in cells for text in each[:2])]


def _finished(study, by_hand, **more):
    while (trial := study.ask()) is not None:
        study.tell(trial, by_hand.outcome(trial.setting, solved=False, **more))
    return study


def _one_sequence(result):
    score = dataclasses.replace(result.score(), one_sequence=True)
    return dataclasses.replace(result, scores={"in-distribution": score})


def test_one_seed_has_no_interval_between_seeds(by_hand):
    study = Comparison([LSTM(hidden_size=3)], [Ramp()], rungs=1, rates=[1e-3], seeds=1)
    trial = study.ask()
    assert trial is not None
    study.tell(trial, _one_sequence(by_hand.outcome(trial.setting, solved=True)))
    part = comparison(study, "s1")
    numbers = r"[−\d.,]+"
    for text in _texts(part):
        ends = re.search(rf"\[({numbers}), ({numbers})\]", text)
        assert ends is None or ends[1] != ends[2], text
    assert part.results == [
        "Mean skill of lstm hidden_size=3 over all levels: 1.000 (one seed: no interval)."
    ]
    assert _texts(part).count("one seed: no interval") == 2  # of skill, and of sequences
    assert "one seed: no interval" in part.sections[1].blocks[0].caption
    assert part.certainty[0] == "One seed: no interval."
    for section in part.sections:
        for spec in _charts(section):
            drawn = [row for rows in spec["datasets"].values() for row in rows if "interval" in row]
            assert all(row["low"] is None for row in drawn)


def test_a_frontier_of_one_seed_has_no_interval(by_hand):
    part = frontier(_finished(Frontier(SETTING, seeds=1), by_hand), "s1")
    assert part.results[0].endswith("lag below 1 (one seed: no interval).")
    assert part.certainty[0] == "One seed: no interval. Six seeds give 95%."


def test_a_curve_of_one_seed_has_no_band():
    group = Group("echo", "lstm", (outcome(),), ((),))
    [figure] = curves.curves("s1", [("echo", [("lstm", group)])], "All.").blocks
    sets = figure.panels[0].chart.to_dict()["datasets"].values()
    assert not [row for rows in sets for row in rows if "low" in row]


def test_where_guessing_is_the_best_nothing_is_divided_by_zero():
    even = outcome(chance=1.0, ceiling=1.0, accuracy=1.0)
    group = Group.of(EchoValue(), "lstm", [even, even], 0.99)
    [figure] = curves.curves("s1", [("echo", [("lstm", group)])], "All.").blocks
    sets = figure.panels[0].chart.to_dict()["datasets"].values()
    assert {row["skill"] for rows in sets for row in rows if "skill" in row} == {0}
    study = Comparison([LSTM(hidden_size=3)], [EchoValue()], rungs=1, rates=[1e-3], seeds=2)
    while (trial := study.ask()) is not None:
        study.tell(trial, even)
    part = comparison(study, "s1")
    assert part.results[0].startswith("Mean skill of lstm hidden_size=3 over all levels: 0.000")


def _card(measured, **fields):
    finding = Finding(
        measured=measured,
        what="difference of accuracies",
        chance=0.0,
        verdict="not settled",
        because="It was tried.",
        rows=(Row(NAME, measured),),
    )
    card = Card(
        id="a/b", document="echo", source="A source", claim="A claim.", arms={},
        settle=lambda *_: finding, recorded="holds", **fields,
    )  # fmt: skip
    return Result(card=card, finding=finding, seconds=1.0)


def test_a_claim_of_one_seed_has_a_page(by_hand):
    page = page_of_claims([_card(difference([0.5], [0.25]))], {})
    assert "0.250 (one seed: no interval)" in by_hand.words(page)


def test_a_difference_of_accuracies_stays_within_its_range(by_hand):
    wide = difference([0.9, 0.1], [0.1, 0.2])
    assert wide.interval == (-1, 1)
    page = page_of_claims([_card(wide)], {})
    assert "0.350 (2 seeds too far apart for an interval)" in by_hand.words(page)
    [chart] = page.figures().values()
    [row] = next(iter(chart.to_dict()["datasets"].values()))
    assert (row["low"], row["high"]) == (None, None)


def test_names_from_outside_are_shown_and_do_nothing(by_hand):
    result = _card(Estimate(0.5, (0.4, 0.6), (0.5, 0.5)))
    finding = dataclasses.replace(result.finding, what=NAME, because=NAME)
    card = dataclasses.replace(result.card, id=NAME, claim=NAME)
    page = page_of_claims(
        [dataclasses.replace(result, card=card, finding=finding)], {}, title=NAME, command=NAME
    )
    html = page.html()
    assert by_hand.words(page).count(SHOWN) >= 6
    assert "<b>" not in re.sub(r"(?s)<script.*?</script>", "", html)
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e]", html.replace("\n", ""))
    [row] = next(iter(page.figures()["claims-measured"].to_dict()["datasets"].values()))
    assert row["claim"] == SHOWN
    assert math.isfinite(row["low"])


def test_a_name_that_is_no_text_can_be_written(tmp_path):
    page = page_of_claims([], {}, command="longlag train \udcff.py")
    page.save(tmp_path / "page.html")
    assert "\\udcff.py" in (tmp_path / "page.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("attribute", ["rates", "problems", "solve_at", "seeds"])
def test_a_study_that_lacks_what_a_report_needs_is_named(by_hand, tmp_path, monkeypatch, attribute):
    class Mine(Frontier):
        def replay(self, store, study=None):
            del store, study

        @classmethod
        def of(cls, question):
            study = super().of(question)
            delattr(study, attribute)
            return study

    with Store(tmp_path / "mine.db", write=True) as store:
        by_hand.frontier(store, most=1)
        kinds = {"frontier": dataclasses.replace(registry.KINDS["frontier"], study="mine:Mine")}
        monkeypatch.setattr(registry, "KINDS", kinds)
        imported = registry.imported
        monkeypatch.setattr(
            registry, "imported", lambda path: Mine if path == "mine:Mine" else imported(path)
        )
        with pytest.raises(StoreError, match=rf"Mine: `{attribute}` must be set for a report") as e:
            page_of_store(store)
    assert "\n" not in str(e.value)
