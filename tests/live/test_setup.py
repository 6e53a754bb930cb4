import dataclasses

import pytest

import longlag as ll
from longlag.framings import FRAMINGS
from longlag.live.setup import MOST_SEEDS, Own, Setup, named_knob
from longlag.models import MODELS
from longlag.problems import PROBLEMS

# A part knows nothing of the others: each of each is enough, in pairs that change.
EACH = [
    (problem, list(FRAMINGS)[turn % len(FRAMINGS)], list(MODELS)[turn % len(MODELS)])
    for turn, problem in enumerate(PROBLEMS)
]


def test_each_part_is_tried():
    for place, table in enumerate((PROBLEMS, FRAMINGS, MODELS)):
        assert {each[place] for each in EACH} == set(table)


@pytest.mark.parametrize(("problem", "framing", "model"), EACH)
def test_the_texts_of_a_setup_make_the_same_setup_again(problem, framing, model):
    setup = Setup.of({"problem": problem, "framing": framing, "model": model, "seeds": "2"})
    assert Setup.of(setup.knobs) == setup
    assert Setup.of(setup.own_knobs()) == setup
    assert type(setup.problem) is PROBLEMS[problem]
    assert type(setup.framing) is FRAMINGS[framing]
    assert type(setup.model) is MODELS[model]


def test_texts_have_the_types_of_the_knobs():
    setup = Setup.of(
        {
            "lag": "3",
            "framing": "chunks",
            "carry": "true",
            "timesteps": "5",
            "hidden-size": "7",
            "learning-rate": "0.01",
            "stop-at": "",
            "encoding": "scaled",
        }
    )
    assert setup.problem == ll.EchoLag(lag=3)
    assert setup.framing == ll.Chunks(timesteps=5, carry=True)
    assert setup.model == ll.LSTM(hidden_size=7)
    assert setup.recipe == ll.Recipe(learning_rate=0.01)
    assert setup.setting().encoding is ll.Scaled
    assert setup.own_knobs() == {
        "problem": "echo-lag",
        "lag": "3",
        "framing": "chunks",
        "timesteps": "5",
        "carry": "true",
        "model": "lstm",
        "hidden-size": "7",
        "learning-rate": "0.01",
        "encoding": "scaled",
    }


def test_a_knob_of_an_option_that_is_not_chosen_is_left_out():
    setup = Setup.of({"framing": "whole", "rows": "consecutive", "context": "3"})
    assert "rows" not in setup.knobs
    assert "context" not in setup.knobs


@pytest.mark.parametrize(
    ("texts", "knob", "line"),
    [
        ({"lag": "30"}, "lag", "below `length` (25), got 30"),
        ({"lag": "1.5"}, "lag", "a whole number, got 1.5"),
        ({"lag": ""}, "lag", "a whole number"),
        ({"framing": "chunks", "carry": "yes"}, "carry", "True or False, got yes"),
        ({"framing": "chunks", "carry": "true", "rows": "paralel"}, "rows", "Did you mean"),
        ({"framing": "chunk"}, None, "Did you mean `chunks`?"),
        (
            {"hiden-size": "3"},
            "hidden-size",
            "There is no knob `hiden-size`. Did you mean `hidden-size`?",
        ),
        ({"seeds": "0"}, "seeds", f"from 1 to {MOST_SEEDS}, got 0"),
        ({"seeds": "٣"}, "seeds", "a whole number"),
        ({"seeds": "9" * 5000}, "seeds", "a whole number"),
        ({"learning-rate": "nan"}, "learning-rate", "finite"),
        ({"length": "401"}, None, "at most 400 steps"),
        ({"encoding": "onehot"}, None, "one-hot"),
    ],
)
def test_a_fault_is_one_line_that_names_the_knob(texts, knob, line):
    with pytest.raises((ValueError, TypeError)) as error:
        Setup.of(texts)
    message = str(error.value)
    assert line in message
    assert "\n" not in message
    assert named_knob(message) == knob


def test_the_users_own_problem_and_model_are_chosen_by_the_names_of_the_command_line():
    problem = dataclasses.replace(ll.EchoLag(), lag=4)
    model = ll.GRU(hidden_size=3)
    own = Own({"mine.py:Mine": problem}, {"mine.py:make": model})
    setup = Setup.of({"problem": "mine.py:Mine", "model": "mine.py:make"}, own)
    assert setup.problem is problem
    assert setup.model is model
    assert Setup.of({}, own).problem == ll.EchoLag()
    with pytest.raises(ValueError, match="There is no problem"):
        Setup.of({"problem": "other.py:Mine"}, own)
