"""The page says what its studies found, says it safely, and loads nothing."""

import base64
import dataclasses
import hashlib
import html.parser
import itertools
import json
import re
import subprocess
import sys

import altair
import numpy as np
import pytest
import vl_convert
from study_cases import made_run

import longlag.claims
from longlag import LSTM, RNN, Chunks, EchoLag, EchoSubsequence, Setting, Whole
from longlag.answers.estimate import Estimate
from longlag.claims import Card, Finding, Result, Row
from longlag.report import Page, charts, page_of_claims, page_of_store, theme
from longlag.report.blocks import Figure, Panel, Section
from longlag.store.records import StoreError
from longlag.store.store import Store
from longlag.studies.frontier import Frontier
from longlag.studies.registry import load_study
from longlag.training import Recipe
from longlag.trials.fit import finish, fit


class Read(html.parser.HTMLParser):
    """A page as a browser reads it."""

    def __init__(self, text: str):
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self.styles: list[str] = []
        self.headings: list[str] = []
        self.words = ""
        self._within: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in ("meta", "path", "circle", "br"):
            self._within.append(tag)
        if tag == "script":
            self.scripts.append("")
        if tag in ("h1", "h2", "h3", "h4", "h5"):
            self.headings.append("")

    def handle_endtag(self, tag):
        while self._within and self._within.pop() != tag:
            pass

    def handle_data(self, data):
        inside = self._within[-1] if self._within else ""
        if inside == "script":
            self.scripts[-1] += data
        elif inside == "style":
            self.styles.append(data)
        else:
            self.words += data
        if inside.startswith("h") and inside[1:].isdigit():
            self.headings[-1] += data

    def every(self, tag):
        """The attributes of all elements of a kind."""
        return [attributes for name, attributes in self.tags if name == tag]


@pytest.fixture(scope="module")
def pages(stores):
    made = {}
    for name, path in stores.items():
        with Store(path) as store:
            made[name] = page_of_store(store)
    return made


@pytest.fixture(scope="module")
def read(pages):
    return {name: Read(page.html()) for name, page in pages.items()}


@pytest.mark.parametrize(
    ("name", "titles"),
    [
        (
            "compare",
            "Summary|Skill by difficulty level|Sequences to solve|Skill by learning rate|"
            "Learning curves|Why trials failed|What models need, see, learn and use|"
            "Gates and states over one sequence|Targets and predictions|Time and cost",
        ),
        ("frontier", "Summary|Frontier|Learning curves|Why trials failed|Time and cost"),
        ("profile", "Summary|Levels solved|Open questions|Learning curves|Time and cost"),
    ],
)
def test_its_sections(read, name, titles):
    found = read[name].headings
    assert [title for title in titles.split("|") if title not in found] == []
    assert found[0]


def test_headings_go_down_one_level_at_a_time(read):
    for page in read.values():
        levels = [int(tag[1]) for tag, _ in page.tags if re.fullmatch("h[1-6]", tag)]
        assert levels[0] == 1
        assert levels.count(1) == 1
        steps = [later - sooner for sooner, later in itertools.pairwise(levels)]
        assert max(steps) == 1


def test_a_model_at_chance_is_said_to_be_at_chance(read):
    words = " ".join(read["compare"].words.split())
    assert re.search("problem ?model ?solved ?at chance", words)
    assert re.search("echo-value values=10 ?lstm hidden_size=3 ?lag 1, lag 2", words)
    assert re.search("echo-value values=10 ?mlp hidden_size=3 ?lag 1, lag 2", words)
    assert re.search("ramp ?mlp hidden_size=3 ?length 10, length 20", words)
    assert re.search(r"lag 1, learning rate [\d.]+ ?at chance ?0/3 ?0\.000", words)


def test_what_was_asked_and_how_sure_it_is(read):
    words = " ".join(read["frontier"].words.split())
    assert "What is the largest lag at which lstm hidden_size=3 solves echo-value" in words
    assert "Largest lag solved, median over seeds: lag 3 [3, 3]." in words
    assert "Intervals of 93.8%: the order of 5 seeds" in words  # 1 - 2 / 2^5
    assert "longlag compare" in words
    assert "cut short" not in words  # all was run in the end
    assert "lag 4 at chance 0/5" in words


def test_what_came_to_nothing_is_listed(read):
    words = " ".join(read["profile"].words.split())
    assert re.search(r"\d trials? failed, for example \w+: memory ran out", words)
    assert "all framings other than whole" in words


def test_a_study_that_did_not_end_says_so(tmp_path, by_hand):
    with Store(tmp_path / "cut.db", write=True) as store:
        by_hand.comparison(store, most=7, ends=False)
        words = " ".join(Read(page_of_store(store, maps=0).html()).words.split())
    assert "Not complete: the study was interrupted, or is still running." in words
    assert "Not complete: at most 53 trials left." in words


def test_a_study_of_which_nothing_is_finished(tmp_path, by_hand):
    with Store(tmp_path / "none.db", write=True) as store:
        by_hand.frontier(store, most=0, ends=False)
        assert "No trial is finished yet." in page_of_store(store).html()


def test_a_store_without_a_study_is_refused(tmp_path):
    with (
        Store(tmp_path / "empty.db", write=True) as store,
        pytest.raises(StoreError, match=r"empty\.db holds no study\. Run one with --store"),
    ):
        page_of_store(store)


# Safe.

_HOSTILE = "</title></script><script>alert(1)</script><img src=x onerror=alert(2)>"


def test_what_others_wrote_is_text(tmp_path, by_hand):
    with Store(tmp_path / "hostile.db", write=True) as store:
        by_hand.frontier(store, command=f"longlag {_HOSTILE}", most=3)
        page = Read(page_of_store(store, title=_HOSTILE, maps=0).html())
    assert len(page.scripts) == 3  # the figures, Vega, and what draws them
    assert page.every("img") == []
    assert page.headings[0] == _HOSTILE
    assert f"longlag {_HOSTILE}" in page.words


def test_what_stands_in_a_figure_ends_no_script():
    rows = [{"name": _HOSTILE, "value": 1}]
    chart = altair.Chart(altair.InlineData(values=rows)).mark_bar().encode(x="value:Q", y="name:N")
    panel = Panel(key="bars", title=_HOSTILE, chart=chart, alt=f'"{_HOSTILE}')
    figure = Figure(caption=_HOSTILE, panels=(panel,))
    section = Section(id="only", title="Only", blocks=(figure,))
    page = Read(Page(title="Page", about="", sections=(section,)).html())
    assert len(page.scripts) == 3
    assert page.every("img") == []
    assert list(json.loads(page.scripts[0])["figures"]["bars"]["datasets"].values()) == [rows]
    drawn = [each for each in page.every("div") if each.get("data-figure")]
    assert drawn[0]["aria-label"] == f'"{_HOSTILE}'


def test_it_loads_nothing_and_may_load_nothing(read):
    for page in read.values():
        addresses = [
            attributes[name]
            for _, attributes in page.tags
            for name in ("src", "href", "srcset", "data", "action", "poster")
            if attributes.get(name) is not None
        ]
        assert addresses
        assert [each for each in addresses if not each.startswith("#")] == []
        assert [each for style in page.styles for each in re.findall("url|@import", style)] == []
        assert page.every("link") == []
        [policy] = [m["content"] for m in page.every("meta") if "http-equiv" in m]
        rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
        assert rules["default-src"] == "'none'"
        assert "unsafe" not in rules["script-src"]
        # Exactly the scripts that run are named, by their hashes.
        hashes = [
            f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
            for text in page.scripts[1:]
        ]
        assert rules["script-src"].split() == hashes


def test_links_within_it_lead_somewhere(read):
    for page in read.values():
        ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
        assert len(ids) == len(set(ids))
        targets = {a["href"][1:] for a in page.every("a")}
        assert targets <= set(ids)


def test_the_same_store_gives_the_same_bytes(stores, pages):
    with Store(stores["all"]) as store:
        assert page_of_store(store).html() == pages["all"].html()


def test_it_is_small(pages):
    assert len(pages["all"].html().encode()) < 1_300_000


def test_naming_the_report_loads_neither_figures_nor_jax():
    code = (
        "import sys, longlag.report; loaded = {'jax', 'altair', 'vl_convert'} & set(sys.modules); "
        "assert not loaded, loaded; assert callable(longlag.report.page_of_store)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_an_unknown_name_is_refused():
    from longlag import report

    with pytest.raises(AttributeError, match=r"No longlag\.report attribute page_of_nothing"):
        getattr(report, "page_of_nothing")  # noqa: B009


# Figures.


def test_every_figure_is_valid_and_can_be_drawn(pages):
    for key, chart in pages["all"].figures().items():
        assert re.fullmatch(r"[a-z0-9-]+", key)
        spec = chart.to_dict()  # validates
        assert vl_convert.vegalite_to_vega(spec)["marks"], key


def test_every_colour_has_a_dark_counterpart(pages):
    specs = json.dumps([chart.to_dict() for chart in pages["all"].figures().values()])
    used = set(re.findall("#[0-9a-fA-F]{3,8}", specs))
    assert used
    assert used <= set(theme.DARK)


@pytest.mark.parametrize("dark", [False, True])
def test_text_can_be_read_on_the_ground(dark):
    def luminance(colour):
        parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
        linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    def contrast(one, other):
        if dark:
            one, other = theme.DARK[one], theme.DARK[other]
        low, high = sorted((luminance(one), luminance(other)))
        return (high + 0.05) / (low + 0.05)

    assert contrast(theme.INK, theme.PAPER) > 12
    assert contrast(theme.MUTED, theme.PAPER) > 4.5  # WCAG 2, AA
    assert contrast(theme.ON_HIGH, theme.HIGH) > 4.5
    assert contrast(theme.INK, theme.LOW) > 4.5


def test_series_differ_by_more_than_colour():
    looks = [theme.style(place, str(place)) for place in range(16)]
    assert len({look.shape for look in looks[:8]}) == 8
    assert len({look.dash for look in looks[:8]}) == 8
    assert len({(look.colour, look.shape, look.dash) for look in looks}) == 16


def _rows(chart, *fields):
    """The rows of a layered chart that have these fields."""
    sets = chart.to_dict()["datasets"].values()
    return next(rows for rows in sets if rows and set(fields) <= set(rows[0]))


def test_the_frontier_shows_every_value_that_was_tried(stores, pages, by_hand):
    with Store(stores["frontier"]) as store:
        [asked] = store.studies()
        study = load_study(store, asked)
    assert isinstance(study, Frontier)
    answer = study.answer()
    [chart] = [c for key, c in pages["frontier"].figures().items() if key.endswith("-frontier")]
    shown = {(r["seed"], r["value"], r["outcome"]) for r in _rows(chart, "outcome")}
    tried = {
        (step.seed, step.value, "solved" if step.value <= by_hand.reached else "not solved")
        for step in answer.steps
    }
    assert shown == tried
    assert {row["value"] for row in _rows(chart, "seed", "value")} >= {by_hand.reached}


def test_skill_is_shown_with_its_interval(pages):
    figures = pages["compare"].figures()
    rows = _rows(figures["s1-skill-echo-value-values-10"], "skill", "low", "high")
    assert {(r["model"].split()[0], r["at"]) for r in rows} == {
        (model, rung) for model in ("lstm", "mlp") for rung in (1, 2)
    }
    for row in rows:
        assert row["low"] <= row["skill"] <= row["high"]
        assert row["skill"] == (1 if row["model"].startswith("lstm") else 0)


def test_time_to_solve_ends_with_the_share_that_solved_it(pages):
    chart = pages["compare"].figures()["s1-times-echo-value-values-10"]
    rows = _rows(chart, "at", "solved", "low")
    by_model = {m: [r for r in rows if r["model"].startswith(m)] for m in ("lstm", "mlp")}
    # Seeds solve it after 2,000, 3,000 and 4,000 sequences; the other model never does.
    steps = {(row["at"], row["solved"]) for row in by_model["lstm"]}
    assert steps >= {(2000, 0.333), (3000, 0.667), (4000, 1)}
    assert {row["solved"] for row in by_model["mlp"]} == {0}
    assert by_model["mlp"][-1]["at"] == 10_000


def test_a_seed_that_stopped_counts_on_in_the_mean(pages):
    [chart] = [c for k, c in pages["compare"].figures().items() if "curves-echo-value" in k]
    means = [r for r in _rows(chart, "low", "high", "at") if r["series"].startswith("lstm")]
    seeds = [row for rows in chart.to_dict()["datasets"].values() for row in rows if "how" in row]
    ends = [row for row in seeds if row["series"].startswith("lstm")]
    assert sorted(row["at"] for row in ends) == [2000, 3000, 4000]
    assert {row["how"] for row in ends} == {"met the criterion"}
    assert max(row["at"] for row in means) == 4000
    # Where the first has stopped, the others are still on their way.
    at_2000 = next(row["skill"] for row in means if row["at"] == 2000)
    assert 0.5 < at_2000 < means[-1]["skill"] == 1


def test_the_profile_tells_how_many_solved_each_rung(stores, pages):
    with Store(stores["profile"]) as store:
        [asked] = store.studies()
        tried = {}
        for _, _, setting, outcome in store.asked(asked.id):
            knobs = setting["problem"]
            place = knobs["kind"], knobs["lag" if knobs["kind"] == "echo-value" else "length"]
            solved, count = tried.get(place, (0, 0))
            tried[place] = solved + (outcome.accuracy == 1), count + 1
    figure = pages["profile"].figures()["s1-levels"]
    assert "levels, from easy to hard" in str(figure.to_dict())  # an axis has a title
    assert "(length)" in str(figure.to_dict())  # and a row says what its values are
    rows = _rows(figure, "count", "probability")
    assert {r["probability"] is None for r in rows if r["count"] == "–"} == {
        True
    }  # no prior is shown
    assert all(r["probability"] is not None for r in rows if r["count"] != "–")
    counts = {(r["problem"].split()[0], r["value"]): r["count"] for r in rows if r["count"] != "–"}
    assert counts == {place: f"{solved}/{count}" for place, (solved, count) in tried.items()}


def _levels(chart):
    [levels] = chart.to_dict()["datasets"].values()
    return levels


def test_maps_are_those_of_the_audit(pages):
    figures = pages["compare"].figures()
    [key] = [key for key in figures if "map-ramp" in key and "lstm" in key and "needs" in key]
    levels = _levels(figures[key])
    steps = round(len(levels) ** 0.5)
    # A ramp's next value depends on the one shown: the diagonal.
    assert [place for place, level in enumerate(levels) if level] == [
        step * (steps + 1) for step in range(steps)
    ]
    uses = _levels(figures[key.replace("needs", "uses")])
    sees = _levels(figures[key.replace("needs", "sees")])
    assert all(seen or not used for used, seen in zip(uses, sees, strict=True))


def test_wrong_predictions_are_marked_by_more_than_colour(read):
    page = read["frontier"]
    wrong = [a for a in page.every("td") if "wrong" in (a.get("class") or "")]
    assert len(wrong) == 1  # the last step of the one example of the hardest level
    assert len(re.findall(r"\d ×", page.words)) == 1


@pytest.mark.parametrize("size", [2, 10, 37, 60])
def test_a_map_names_its_first_and_last_steps(size):
    drawn = charts.matrix(np.eye(size), across="input", down="target").properties(width=150)
    svg = vl_convert.vegalite_to_svg(drawn.to_dict())
    assert sorted(re.findall(r">(\d+)</text>", svg)) == sorted(["0", str(size - 1)] * 2)


def test_a_figure_by_itself_has_a_legend(pages):
    chart = pages["compare"].figures()["s1-skill-ramp"]
    svg = vl_convert.vegalite_to_svg(chart.to_dict())
    assert {"lstm hidden_size=3", "mlp hidden_size=3"} <= set(re.findall(">([^<>]+)</text>", svg))


def test_figures_can_be_written(tmp_path, pages):
    page = pages["frontier"]
    few = dataclasses.replace(page, sections=page.sections[:2])
    [vector] = few.save_figures(tmp_path / "figures", "svg")
    [pixels] = few.save_figures(tmp_path / "figures", "png")
    assert vector.name == "s1-frontier.svg"
    assert vector.read_text().startswith("<svg")
    assert pixels.read_bytes().startswith(b"\x89PNG")
    with pytest.raises(ValueError, match=r"Page: `format` must be svg or png, got gif\. Use svg"):
        few.save_figures(tmp_path, "gif")


def test_it_can_be_written(tmp_path, pages):
    pages["frontier"].save(tmp_path / "page.html")
    assert (tmp_path / "page.html").read_text(encoding="utf-8") == pages["frontier"].html()


# Claims.


@pytest.fixture(scope="module")
def claims():
    setting = Setting(
        problem=EchoLag(lag=1, length=6, values=4),
        framing=Chunks(timesteps=2, carry=True),
        model=LSTM(hidden_size=3),
        recipe=Recipe(sequences=20),
    )
    run = finish(fit(setting, (0, 1)))

    def card(name, verdict, mean):
        finding = Finding(
            measured=Estimate(mean, (mean - 0.05, mean + 0.05), (mean, mean)),
            what="accuracy",
            chance=0.25,
            verdict=verdict,
            because="It was <tried>.",
            rows=(Row("two steps", run.accuracy, "a note"),),
            shortcuts={"copy": 0.25},
        )
        made = Card(
            id=name,
            document="echo",
            source="A source",
            claim=f"The claim {name}.",
            arms={"two steps": setting, "not tried": dataclasses.replace(setting, recipe=Recipe())},
            settle=lambda *_: finding,
            recorded="holds",
        )
        return Result(card=made, finding=finding, seconds=1.5)

    results = [
        card("a/holds", "holds", 0.99),
        card("a/fails", "does not hold", 0.26),
        card("a/part", "holds only if it rains", 0.9),
        card("a/open", "not settled", 0.5),
    ]
    return page_of_claims(
        results, {(setting, (0, 1)): run}, command="longlag reproduce", unsettled=3
    )


def test_claims_are_told_with_their_verdicts(claims):
    page = Read(claims.html())
    words = " ".join(page.words.split())
    assert re.search("holds ?1 ?a/holds ?in part ?1 ?a/part ?does not hold ?1 ?a/fails", words)
    assert re.search("not settled ?1 ?a/open", words)
    assert re.search("holds only if it rains ?It was <tried>.", words)
    assert re.search(
        "does not hold ?It was <tried>. ?0.260 \\[0.210, 0.310\\] ?accuracy ?0.25", words
    )
    assert "Not complete: 3 claims not settled, interrupted." in words
    assert "a/fails comes out as “does not hold”, on record is “holds”." in words
    assert "longlag reproduce" in words


def test_claims_show_the_runs_behind_them(claims):
    page = Read(claims.html())
    for title in ("Claims", "Learning curves", "What models need, see, learn and use"):
        assert title in page.headings
    figures = claims.figures()
    marks = {row["claim"]: row["verdict"] for row in _rows(figures["claims-measured"], "verdict")}
    assert marks == {
        "a/holds": "holds",
        "a/fails": "does not hold",
        "a/part": "in part",
        "a/open": "not settled",
    }
    # The one run that all four share stands at the first of them alone.
    assert [key for key in figures if "curves" in key] == ["claims-curves-a-holds"]
    assert sum("map" in key for key in figures) == 4
    for chart in figures.values():
        chart.to_dict()


def test_a_claim_that_needs_no_run():
    card = longlag.claims.CARDS["echo/encode"]
    result = longlag.claims.settle(card, range(2))
    page = page_of_claims([result], {})
    words = " ".join(Read(page.html()).words.split())
    assert re.search("holds ?1 ?echo/encode", words)
    assert list(page.figures()) == ["claims-measured"]


def test_no_claim_was_settled():
    words = " ".join(Read(page_of_claims([], {}, unsettled=2).html()).words.split())
    assert "No claim was settled." in words
    assert "Not complete: 2 claims not settled, interrupted." in words


def test_blanks_are_not_shown_as_values():
    setting = Setting(problem=EchoSubsequence(), framing=Whole(), model=RNN(hidden_size=2))
    run = made_run(setting, (0.5,))
    (example, *_) = run.outcome().score(None).examples
    assert example.shown[5:] == (None,) * 5  # the answer is asked for, nothing is shown
    assert None not in example.shown[:5]
