"""What is said of a study of lengths is true of the seeds that it rests on."""

import dataclasses

import pytest

from longlag import GRU, LSTM, MLP, EchoLag, Whole
from longlag.answers.blocks import Table
from longlag.report import page_of_store
from longlag.report.blocks import Figure
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
        recipe=Recipe(sequences=by_hand.budget),
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
    few = "too few seeds for an interval"
    rows = [tuple(cell.text for cell in row) for row in told.table.rows]
    assert rows[0] == ("lstm hidden_size=3", "length 80 or more", few, "80, 80")
    assert rows[1] == ("gru hidden_size=3", "length 10", few, "10, 10")
    [refusal] = told.results
    assert "mlp hidden_size=3 reads samples of exactly 10 timesteps: it cannot run at" in refusal
    sure = " ".join(told.certainty)
    assert "Too few seeds for an interval. Six seeds give 95%." in sure
    assert "Not complete" not in sure


def test_the_figure_and_the_table_have_every_score(told):
    figure, table = told.sections[0].blocks
    assert isinstance(figure, Figure)
    assert isinstance(table, Table)
    assert [each.name for each in figure.series] == [f"{m.title()} hidden_size=3" for m in MODELS]
    rows = [tuple(cell.text for cell in row) for row in table.rows]
    assert len(rows) == 3 + 3 + 1
    expected = ("gru hidden_size=3", "20", "at chance", "0.000 [−0.014, 0.016]", "0/2", "0.100")
    assert expected in [row[:6] for row in rows]
    verdicts = [row[2] for row in rows if row[0].startswith("gru")]
    assert verdicts == ["solved", "at chance", "at chance"]
    drawn = figure.panels[0].chart.to_dict()["datasets"].values()
    lengths = {row["at"] for rows in drawn for row in rows if "skill" in row}
    assert lengths == {10, 20, 80}


def test_examples_are_of_the_longest_length_that_can_be_written_out(told):
    tests = {group.model: group.test for group in told.groups}
    assert tests == {
        "lstm hidden_size=3": "length 20",
        "gru hidden_size=3": "length 20",
        "mlp hidden_size=3": "length 10",
    }


def test_nothing_known_is_said_to_be_so(by_hand):
    told = generalisation(asked(by_hand), "s1")
    assert [cell.text for cell in told.table.rows[0][:2]] == [
        "lstm hidden_size=3",
        "not trained yet",
    ]
    assert "Not complete: 6 trials not run yet, or failed." in told.certainty
    assert told.sections[0].empty


def test_a_page_of_a_store_has_it(by_hand, tmp_path):
    with Store(tmp_path / "trials.db", write=True) as store:
        by_hand.fill(store, asked(by_hand), decide(by_hand))
        text = by_hand.words(page_of_store(store, maps=0))
    assert "echo-lag length=10 values=10 at other lengths" in text
    assert "Skill by length" in text
    assert "length 20: gru hidden_size=3" in text
