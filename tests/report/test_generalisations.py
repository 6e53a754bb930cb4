"""What is said of a study of lengths is true of the seeds that it rests on."""

import dataclasses

import pytest

from longlag import GRU, LSTM, MLP, EchoLag, Whole
from longlag.report import page_of_store
from longlag.report.content import Figure, Table
from longlag.report.generalisations import generalisation
from longlag.store.store import Store
from longlag.studies.generalisation import Generalisation
from longlag.training import Recipe

MODELS = (LSTM(hidden_size=3), GRU(hidden_size=3), MLP(hidden_size=3))


def asked(by_hand):
    return Generalisation(
        EchoLag(lag=1, length=10, values=10),
        Whole(),
        MODELS,
        test=(10, 20, 80),
        recipe=Recipe(epochs=by_hand.budget),
        seeds=2,
    )


def decide(by_hand):
    """The LSTM solves every length, the GRU that of training and no more."""

    def outcome(trial):
        setting = trial.setting
        scores = {}
        for name in setting.scored_on:
            solved = name == "length 10" or isinstance(setting.model, LSTM)
            score = by_hand.outcome(setting.on(name), solved=solved).score()
            scores[name] = dataclasses.replace(score, in_distribution=name == "length 10")
        return dataclasses.replace(by_hand.outcome(setting, solved=True), scores=scores)

    return outcome


@pytest.fixture
def told(by_hand):
    study = asked(by_hand)
    while (trial := study.ask()) is not None:
        study.tell(trial, decide(by_hand)(trial))
    return generalisation(study, "s1")


def test_each_model_is_told_with_its_longest_length_and_its_seeds(told):
    found = " ".join(map(str, told.found))
    assert "lstm hidden_size=3 solves: length 80 or more [80, 80]." in found
    assert "gru hidden_size=3 solves: length 10 [10, 10]." in found
    rows = [tuple(cell.text for cell in row) for row in told.table.rows]
    assert ("gru hidden_size=3", "10", "10", "10, 10") in rows
    assert "mlp hidden_size=3 reads samples of exactly 10 timesteps: it cannot run at" in found
    sure = " ".join(told.sure)
    assert "covers the median with probability 0.5, less than 0.95" in sure
    assert "Not complete" not in sure


def test_the_figure_and_the_table_have_every_score(told):
    figure, table = told.sections[0].blocks
    assert isinstance(figure, Figure)
    assert isinstance(table, Table)
    assert [each.name for each in figure.series] == [f"{m.title()} hidden_size=3" for m in MODELS]
    rows = [tuple(cell.text for cell in row) for row in table.rows]
    assert len(rows) == 3 + 3 + 1
    assert ("gru hidden_size=3", "20", "0.000 [−0.014, 0.016]", "0/2", "0.100", "1.000") in [
        row[:6] for row in rows
    ]
    assert [row[6] for row in rows if row[0].startswith("gru")] == ["", "at chance", "at chance"]
    spec = figure.panels[0].chart.to_dict()
    assert spec["layer"][1]["encoding"]["x"]["scale"]["type"] == "log"


def test_examples_are_of_the_longest_length_that_can_be_written_out(told):
    tests = {group.model: group.test for group in told.groups}
    assert tests == {
        "lstm hidden_size=3": "length 20",
        "gru hidden_size=3": "length 20",
        "mlp hidden_size=3": "length 10",
    }


def test_nothing_known_is_said_to_be_so(by_hand):
    told = generalisation(asked(by_hand), "s1")
    assert told.found[0] == "lstm hidden_size=3: no seed is trained yet."
    assert "Not complete: 6 trials not run yet, or failed." in told.sure
    assert told.sections[0].empty


def test_a_page_of_a_store_has_it(by_hand, tmp_path):
    with Store(tmp_path / "trials.db", write=True) as store:
        by_hand.fill(store, asked(by_hand), decide(by_hand))
        text = by_hand.words(page_of_store(store, maps=0))
    assert "How echo-lag length=10 values=10 carries over to other lengths" in text
    assert "Skill against length" in text
    assert "length 20: gru hidden_size=3" in text
