import base64
import json
import threading
import time

import numpy as np
import pytest
from play_cases import QUICK

import longlag as ll
from longlag.cli._flags import problem_from_name
from longlag.live import session as sessions
from longlag.live.lessons import LESSONS
from longlag.live.session import SNAPSHOTS, Session
from longlag.live.setup import Setup
from longlag.trials.fit import finish, fit
from longlag.trials.sensitivity import gates, sensitivity

TWO = QUICK | {"seeds": "2"}


@pytest.fixture
def session():
    made = Session()
    yield made
    made.close()


def ended(session, run, seconds=120):
    """The run once it has ended."""
    changed, limit = threading.Event(), time.monotonic() + seconds
    end = session.subscribe(changed.set)
    try:
        while time.monotonic() < limit:
            changed.clear()
            (found,) = (each for each in session.describe()["runs"] if each["run"] == run)
            if found["state"] != "training":
                return found
            changed.wait(1)
    finally:
        end()
    raise AssertionError("the training does not end")


@pytest.fixture(scope="module")
def trained():
    """A session with one run, and the same run of `fit`."""
    session = Session()
    number = session.train(TWO)["run"]
    found = ended(session, number)
    run = finish(fit(Setup.of(TWO).setting(), range(2)))
    yield session, found, run
    session.close()


def test_all_answers_are_json_without_nan(trained):
    session, found, _ = trained
    answers = [
        session.describe(),
        session.audit(TWO),
        session.view(found["run"], 0, 0, None),
        session.uses(found["run"], 0, 0),
        [message._asdict() for message in session.messages()],
    ]
    for answer in answers:
        json.dumps(answer, allow_nan=False)


def test_a_training_ends_as_without_the_page(trained):
    _, found, run = trained
    assert found["state"] == "done"
    assert found["verdict"] == run.verdict
    assert found["perSeed"] == list(run.accuracy.per_seed)
    assert (found["chance"], found["ceiling"]) == (run.chance, run.ceiling)
    assert found["seeds"] == [0, 1]


def test_the_curve_covers_every_update_and_the_snapshots_the_whole_training(trained):
    _, found, run = trained
    for seed, curve in enumerate(found["curve"]):
        assert curve["seed"] == seed
        assert curve["updates"][-1] == run.updates == found["total"]
        assert curve["updates"] == sorted(curve["updates"])
        losses = np.concatenate([each.losses for each in run.history[seed]])
        parts = np.split(losses, curve["updates"][:-1])
        np.testing.assert_allclose(curve["loss"], [part.mean() for part in parts], rtol=1e-5)
    updates = [each["updates"] for each in found["snapshots"]]
    assert updates[0] == 0
    assert updates[-1] == run.updates
    assert len(updates) <= SNAPSHOTS
    assert len(updates) > SNAPSHOTS / 3
    assert np.diff(updates).max() <= 3 * run.updates / SNAPSHOTS


def test_updates_that_score_nothing_are_not_in_the_curve(session):
    knobs = TWO | {"framing": "chunks", "timesteps": "1", "lag": "3", "sequences": "30"}
    number = session.train(knobs)["run"]
    (curve, _) = ended(session, number)["curve"]
    assert min(curve["loss"]) > 1  # of 5 values by guessing 1.6; with the zeros about half
    assert len(curve["loss"]) == len(curve["accuracy"]) == len(curve["updates"])


def test_the_last_snapshot_is_the_trained_model_and_the_first_an_untrained_one(trained):
    session, found, run = trained
    last = len(found["snapshots"]) - 1
    for seed in (0, 1):
        view = session.view(found["run"], last, seed, None)
        evaluation = run.evaluations[seed]
        assert view["inputs"] == evaluation.inputs[0].tolist()
        scored = evaluation.scored[0]
        shown = [each for each in view["predicted"] if each is not None]
        assert shown == evaluation.predicted[0][scored].tolist()
        assert [each for each in view["right"] if each is not None] == (
            evaluation.right[0][scored].tolist()
        )
        untrained = session.view(found["run"], 0, seed, None)
        setting = run.setting
        expected = setting.predict(setting.create(seed), evaluation.inputs[0])
        assert [each for each in untrained["predicted"] if each is not None] == expected.tolist()


def test_gates_come_as_bytes_within_half_a_step_of_their_values(trained):
    session, found, run = trained
    view = session.view(found["run"], len(found["snapshots"]) - 1, 1, None)
    assert view["units"] == 4
    known = gates(run.setting, run.models[1], seed=1)
    (chain,) = view["chains"]
    assert chain["steps"] == list(range(6))
    assert set(view["names"]) == set(known)
    for name, values in known.items():
        low, high = view["ranges"][name]
        bytes_ = np.frombuffer(base64.b64decode(chain["maps"][name]), np.uint8).reshape(6, 4)
        read = low + bytes_ / 255 * (high - low)
        np.testing.assert_allclose(read, values, atol=0.51 * (high - low) / 255)
    assert view["chainOf"] == [None, 0, 0, 0, 0, 0]
    assert view["positionOf"] == [None, 1, 2, 3, 4, 5]


def test_a_typed_value_changes_what_is_expected_and_may_change_what_is_predicted(trained):
    session, found, run = trained
    last = len(found["snapshots"]) - 1
    inputs = [4, 3, 2, 1, 0, 4]
    view = session.view(found["run"], last, 0, inputs)
    assert view["inputs"] == inputs
    assert view["expected"] == [None, *inputs[:-1]]
    predicted = run.predict(inputs)
    assert view["predicted"] == [None, *predicted.tolist()]


@pytest.mark.parametrize(
    ("inputs", "line"),
    [
        ([[1], [1, 2], 1, 2, 3, 4], "The sequence is no array: its rows differ in length"),
        ([1, 2], "has 6 values, got 2"),
        ([1, 2, 3, 4, 5, 9], "from 0 to 4"),
        (["a"] * 6, ""),
        ([[1]] * 6, ""),
        ([None] * 6, ""),
        ([1e400] * 6, ""),
        ([10**30] * 6, ""),
        ([1.5] * 6, ""),
    ],
)
def test_what_is_no_sequence_of_the_problem_is_a_fault_in_one_line(trained, inputs, line):
    session, found, _ = trained
    fault = session.view(found["run"], 0, 0, inputs)["fault"]
    assert line in fault
    assert "\n" not in fault


def test_uses_are_the_sensitivity_as_shares(trained):
    session, found, run = trained
    uses = session.uses(found["run"], len(found["snapshots"]) - 1, 0)["uses"]
    norms = sensitivity(run.setting, run.models[0], seed=0, sequences=8)
    assert np.argmax(uses, axis=1)[1:].tolist() == np.argmax(norms, axis=1)[1:].tolist()
    assert np.max(uses, axis=1).tolist() == [0, 1, 1, 1, 1, 1]


def test_one_training_at_a_time(session):
    slow = TWO | {"sequences": "200000"}
    number = session.train(slow)["run"]
    second = session.train(TWO)
    assert second["run"] == number
    assert "Stop it, or wait" in second["fault"]
    assert session.describe()["training"] == number
    session.stop()
    assert ended(session, number)["state"] == "stopped"
    assert session.describe()["training"] is None
    assert session.train(TWO)["run"] == number + 1


def test_what_was_learned_before_a_stop_is_scored_and_can_be_seen(session):
    number = session.train(TWO | {"sequences": "200000"})["run"]
    while not any(each.type == "progress" for each in session.messages()):
        time.sleep(0.01)
    session.stop()
    found = ended(session, number)
    assert found["verdict"]
    last = found["snapshots"][-1]
    assert 0 < last["updates"] < found["total"]
    assert last["updates"] == max(each["updates"][-1] for each in found["curve"])  # of two seeds
    assert session.view(number, last["index"], 0, None)["predicted"]


def test_a_training_that_takes_too_long_ends(session, monkeypatch):
    monkeypatch.setattr(sessions, "MOST_SECONDS", 0.2)
    number = session.train(TWO | {"sequences": "2000000"})["run"]
    found = ended(session, number)
    assert found["state"] == "stopped"
    assert "the most that the page trains. Use longlag train" in found["limit"]


@pytest.mark.parametrize("knobs", [{"hidden-size": "300", "seeds": "8"}, {"values": "1000000"}])
def test_too_many_weights_are_refused_with_the_remedy(session, knobs):
    fault = session.train(knobs)["fault"]
    assert "at most 2,000,000 weights" in fault
    assert "longlag train" in fault


def test_models_of_old_runs_are_dropped(session, monkeypatch):
    monkeypatch.setattr(sessions, "_KEPT", 1)
    first, second = (_trained(session) for _ in range(2))
    assert "Train it again" in session.view(first, 0, 0, None)["fault"]
    assert "fault" not in session.view(second, 0, 0, None)


def _trained(session):
    number = session.train(TWO | {"sequences": "20"})["run"]
    ended(session, number)
    return number


@pytest.mark.parametrize("run", [0, 99])
def test_there_is_no_other_run(session, run):
    assert "There is no run" in session.view(run, 0, 0, None)["fault"]
    assert "There is no run" in session.uses(run, 0, 0)["fault"]


def test_messages_are_numbered_and_continue(trained):
    session, found, _ = trained
    messages = session.messages()
    assert [each.id for each in messages] == list(range(1, len(messages) + 1))
    kinds = [each.type for each in messages]
    assert kinds[0] == "started"
    assert kinds[-1] == "done"
    assert set(kinds) == {"started", "progress", "snapshot", "done"}
    assert session.messages(3) == messages[3:]
    assert session.messages(len(messages)) == []
    assert messages[-1].data["run"] == found


def test_the_end_is_heard_and_stops_the_training():
    session, heard = Session(), threading.Event()
    session.train(TWO | {"sequences": "2000000"})
    session.subscribe(heard.set)
    session.close()
    assert session.closed
    assert heard.is_set()
    assert "ended" in session.train(TWO)["fault"]


def test_a_failure_in_training_is_told_in_one_line(session, monkeypatch):
    def failing(*_, **__):
        raise RuntimeError("out of\nluck")
        yield

    monkeypatch.setattr(sessions, "fit", failing)
    number = session.train(TWO)["run"]
    found = ended(session, number)
    assert (found["state"], found["fault"]) == ("failed", "RuntimeError: out of luck")
    assert session.messages()[-1].type == "failed"


def test_a_fault_in_the_code_of_a_user_names_its_line(tmp_path):
    file = tmp_path / "mine.py"
    file.write_text(
        "from longlag.problems import EchoLag\n"
        "class Q(EchoLag):\n"
        "    def oracle(self, inputs):\n"
        "        raise KeyError('oracle')\n"
    )
    name = f"{file}:Q"
    session = Session(problems={name: problem_from_name(name, {})})
    line = "line 4 of mine.py raises KeyError: 'oracle'"
    assert session.audit({"problem": name})["fault"] == line
    number = session.train({"problem": name})["run"]
    assert ended(session, number)["fault"] == line
    session.close()


@pytest.mark.parametrize("lesson", LESSONS)
def test_a_session_begins_with_the_lesson_that_is_asked_for(lesson):
    described = Session(lesson).describe()
    assert described["start"] == {"knobs": LESSONS[lesson].breaks.knobs, "lesson": lesson}


def test_an_unknown_lesson_is_refused_with_the_nearest():
    with pytest.raises(ValueError, match="There is no lesson `beginner`"):
        Session("beginner")


def test_own_problems_and_models_are_options_and_begin():
    session = Session(
        problems={"mine.py:Echo": ll.EchoLag(lag=2)}, models={"mine.py:gru": ll.GRU()}
    )
    described = session.describe()
    knobs = {"problem": "mine.py:Echo", "model": "mine.py:gru"}
    assert described["start"] == {"knobs": knobs, "lesson": None}
    options = {each["kind"]: [o["name"] for o in each["options"]] for each in described["kinds"]}
    assert options["problem"][0] == "mine.py:Echo"
    assert options["model"][0] == "mine.py:gru"
    assert session.audit(knobs)["verdict"] == "learnable"
