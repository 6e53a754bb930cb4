"""The page of a store: which study is which, what it cost, and what it cannot show."""

import contextlib
import dataclasses
import json
import sqlite3

import pytest

from longlag.report import page_of_store
from longlag.report.blocks import Figure
from longlag.store.records import StoreError
from longlag.store.store import Store
from longlag.studies.conduct import Usage
from longlag.trials import checkpoint


@pytest.fixture
def made(tmp_path):
    """A store in which some studies were made by hand, and its page."""

    def of(*makers, maps=0):
        with Store(tmp_path / "made.db", write=True) as store:
            studies = [make(store) for make in makers]
            return studies, page_of_store(store, maps=maps)

    return of


def _change(path, command, *given):
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(command, given)


def test_studies_of_equal_titles_are_told_apart(made, by_hand):
    rates = 1e-3, 1e-2
    studies, page = made(
        *(lambda store, rate=rate: by_hand.frontier(store, rate) for rate in rates)
    )
    words = by_hand.words(page)
    for study, rate in zip(studies, rates, strict=True):
        title = f"values=10, learning rate {rate:g} ({study.id[:8]})"
        assert words.count(title) == 4  # contents, summary, its section, its cost


def test_a_trial_of_two_studies_is_counted_once(made, by_hand, tmp_path):
    studies, page = made(by_hand.frontier, lambda store: by_hand.frontier(store, limit=50))
    assert len(studies) == 2
    with Store(tmp_path / "made.db") as store:
        assert page.about.startswith(f"2 studies, {store.count()} trials; ")
        assert sum(store.count(study=each.id) for each in studies) > store.count()


def test_one_title_alone_stays_as_it_is(made, by_hand):
    [study, _], page = made(by_hand.frontier, by_hand.comparison)
    assert study.id[:8] not in by_hand.words(page)


@pytest.mark.parametrize(
    ("broken", "why"),
    [
        (lambda _: {}, "KeyError: 'setting'"),
        (lambda question: question | {"resolution": 7}, "ValueError: Frontier: `resolution`"),
        (lambda question: question | {"novel": 1}, "TypeError"),
    ],
)
def test_a_study_that_cannot_be_read_back_is_named(made, by_hand, tmp_path, broken, why):
    [study, _], _ = made(by_hand.frontier, by_hand.comparison)
    path = tmp_path / "made.db"
    question = json.dumps(broken(study.question()))
    _change(path, "UPDATE studies SET question = ? WHERE id = ?", question, study.id)
    with Store(path) as store:
        words = by_hand.words(page_of_store(store, maps=0))
        assert f"longlag compare: Study {study.id[:8]} cannot be read back: " in words
        assert why in words
        assert "lag 1, lag 2" in words
        said = rf"holds no study that can be read back\. longlag compare: Study {study.id[:8]}"
        with pytest.raises(StoreError, match=said) as failed:
            page_of_store(store, [store.study(study.id)])
        assert "\n" not in str(failed.value)


@pytest.mark.parametrize(
    ("interrupted", "said"), [(True, "interrupted by hand"), (False, "time was up")]
)
def test_why_trials_were_cut_short(made, by_hand, interrupted, said):
    _, page = made(
        lambda store: by_hand.frontier(store, most=4, ends=not interrupted, interrupted=interrupted)
    )
    assert f"2 trials cut short, {said}." in by_hand.words(page)


def test_nothing_is_cut_short_of_what_is_complete(made, by_hand):
    assert "cut short," not in by_hand.words(made(by_hand.comparison)[1])


def test_the_cost_is_of_all_times_and_all_workers(made, by_hand, tmp_path):
    [study], page = made(by_hand.frontier)
    words = by_hand.words(page)
    assert "over all runs of each study" in words
    assert "20.0 s 1 min 0 s of workers" in words
    assert "50%" in words  # idle: 30 of 60 s
    # A store of before knows the number of workers alone.
    with Store(tmp_path / "made.db") as store:
        usage = dict(store.study(study.id).usage or {})
    assert usage.pop("room") == 60
    assert set(usage) < {field.name for field in dataclasses.fields(Usage)} | {"busy"}
    _change(tmp_path / "made.db", "UPDATE studies SET usage = ?", json.dumps(usage))
    with Store(tmp_path / "made.db") as store:
        words = by_hand.words(page_of_store(store, maps=0))
    assert "40.0 s of workers" in words
    assert "25%" in words


def _figures(page, end):
    [section] = [s for s in page.sections if s.id.endswith(end)]
    return [block for block in section.blocks if isinstance(block, Figure)]


def test_maps_and_states_say_how_well_their_model_did(made, by_hand):
    _, page = made(by_hand.comparison, maps=4)
    said = {figure.title: figure.caption for figure in _figures(page, "-maps")}
    [worse] = [text for title, text in said.items() if "echo" in title and "mlp" in title]
    assert "seed 0: skill 0.000, at chance." in worse
    assert all("skill 1.000, solved" in text for text in said.values() if text != worse)
    states = _figures(page, "-states")
    assert states
    assert all("seed 0 (skill 1.000, solved)" in figure.caption for figure in states)


def test_a_page_says_how_many_models_have_no_maps(made, by_hand):
    assert "Maps and states: of" not in by_hand.words(made(by_hand.comparison, maps=4)[1])
    [study], page = made(by_hand.comparison, maps=1)
    words = by_hand.words(page)
    assert "Maps and states: of 1 of 4 trained models." in words
    _, page = made(by_hand.frontier, maps=1)
    words = by_hand.words(page)
    assert f"of 4 trained models. longlag report --study {study.id[:8]} shows more." in words


def test_a_model_that_diverged_is_not_read(made, by_hand, tmp_path, monkeypatch):
    [study], _ = made(by_hand.frontier)
    path = tmp_path / "made.db"
    # Where no kept model solved its rung the easiest is read, which here has nothing to show.
    _change(path, "UPDATE trials SET verdict = 'stuck'")
    with Store(path) as store:
        kept = [r for r in store.records(study=study.id) if store.keeps(r.id)]
        [lost] = [r.id for r in kept if r.problem == "echo-value values=10"]
        [figure] = _figures(page_of_store(store), "-maps")
        assert "lag 1: " in figure.title
        outcome = store.outcome(lost)
    assert outcome is not None
    written = outcome.document() | {"ended": "diverged", "diverged_at": 7}
    _change(path, "UPDATE trials SET outcome = ? WHERE id = ?", json.dumps(written), lost)
    read = []
    plain = checkpoint.from_bytes
    monkeypatch.setattr(
        checkpoint, "from_bytes", lambda content, name: read.append(name) or plain(content, name)
    )
    with Store(path) as store:
        [figure] = _figures(page_of_store(store), "-maps")
    assert "lag 2: " in figure.title
    assert lost not in read


def test_few_sequences_are_not_called_fresh(made, by_hand):
    words = by_hand.words(made(by_hand.comparison)[1])
    assert "with so few different sequences that skill there is memory: ramp (1)." in words
    for text in ("Fresh sequences of", "One fresh sequence", "Skill on fresh sequences"):
        assert text not in words
