import collections
import dataclasses
import math
import signal
import subprocess
import sys
import time
from concurrent import futures
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest
from study_cases import ends_of

import longlag as ll
from longlag import streams
from longlag.events import Advanced, Finished, Scored, Started
from longlag.framings import fitting
from longlag.problems import PROBLEMS
from longlag.scores.evaluation import EVALUATION_SEQUENCES, seed_list
from longlag.stop import StopToken, ctrl_c_stops
from longlag.training import Recipe, program
from longlag.trials.fit import finish, fit

EASY = ll.EchoLag(lag=1, length=12, values=4)
SETTING = ll.Setting(
    problem=EASY,
    framing=ll.Window(timesteps=3),
    model=ll.LSTM(hidden_size=10),
    recipe=Recipe(sequences=40, batch_size=3),
)
FRAMED = [
    (ll.Chunks(timesteps=3), 4),
    (ll.Chunks(timesteps=2, carry=True), 3),
    (ll.Chunks(timesteps=1, carry=True, rows="consecutive"), 4),
    (ll.Window(timesteps=3), 5),
    (ll.Window(timesteps=3, carry=True), 3),
    (ll.Window(timesteps=3, missing="mark"), 5),
    (ll.Window(timesteps=3, missing="mask"), 5),
    (ll.Prefix(), 5),
    (ll.Whole(), 2),
]


@pytest.fixture(scope="module")
def solved():
    return ll.train(
        EASY,
        ll.Window(timesteps=3),
        ll.LSTM(hidden_size=16),
        sequences=1500,
        batch_size=3,
        learning_rate=0.01,
        seeds=2,
    )


def test_an_easy_problem_is_solved_and_says_so(solved):
    assert solved.verdict == "solved"
    assert solved.accuracy.mean >= 0.99
    assert solved.accuracy.interval[0] <= solved.accuracy.mean <= solved.accuracy.interval[1]
    assert len(solved.accuracy.per_seed) == 2
    assert solved.chance == 0.25
    assert solved.ceiling == 1
    assert all(skill >= 0.98 for skill in solved.skill)
    assert "2 of 2 seeds" in solved.reason
    assert solved.updates == 1500 * 3
    assert solved.sequences == (1500, 1500)


def test_the_prediction_of_a_sequence_is_the_echo(solved):
    assert solved.predict([3, 1, 2]).tolist() == [1]
    assert solved.predict([3, 1, 2, 0, 3, 1], seed=1).tolist() == [2, 0, 3]


def test_a_step_that_lacks_data_at_another_length_does_not_reach_the_model():
    """At an even length no piece is padded; the last of five steps fills half of its piece."""
    setting = ll.Setting(
        problem=ll.EchoLag(lag=1, length=4, values=5),
        framing=ll.Chunks(timesteps=2),
        model=ll.Bidirectional(hidden_size=4),
    )
    problem, episodes = setting.problem.episode(np.array([1, 2, 3, 4, 0]))
    layout = setting.layout_for(problem, 1)
    samples = layout.gather(episodes)
    assert setting.layout.present.all()
    mask = setting.arrays(samples, None, layout).mask
    assert mask is not None
    assert mask[-1].tolist() == [True, False]


@pytest.mark.parametrize(
    ("sequence", "error", "message"),
    [
        ([3, 4, 1], ValueError, r"values from 0 to 3, got 4 at step 1"),
        (np.array([0.5, 1.0, 2.0]), TypeError, "must be a list of whole numbers"),
        ([], TypeError, "must be a list of values"),
        (np.ma.array([1, 2, 3], mask=[False, True, False]), ValueError, "is a masked array. Fill"),
        ([1, 2], ValueError, r"at least 3 values, .* got 2 values"),
    ],
)
def test_a_sequence_that_cannot_be_predicted_is_refused(solved, sequence, error, message):
    with pytest.raises(error, match=message):
        solved.predict(sequence)


SMALL = [
    ll.EchoLag(lag=1, length=6, values=4),
    ll.Ramp(length=7),
    ll.Memorization(length=7),
    ll.EchoValue(lag=1, length=6, values=4),
    ll.EchoSubsequence(length=4, values=4, start=1, count=2),
    ll.CumulativeThreshold(length=6),
    ll.CopyingMemory(symbols=2, values=3, delay=2),
    ll.SelectiveCopying(length=4, symbols=2, values=3),
    ll.Repeat(length=3, least=3, values=3),
    ll.Induction(length=6, values=3),
    ll.AssociativeRecall(length=9, pairs=2, keys=3, values=3),
    ll.Parity(length=6),
    ll.CycleNavigation(length=6),
    ll.WordProblem(length=6),
    ll.FlipFlop(length=6),
    ll.ModularArithmetic(length=5),
    ll.Reverse(length=3, least=3),
    ll.Duplicate(length=3, least=3),
    ll.Sort(length=3, least=3),
    ll.Majority(length=6),
    ll.CountOnes(length=6),
    ll.CountingLanguage(length=6),
    ll.Dyck(length=6),
    ll.Adding(length=6),
    ll.Multiplication(length=6),
    ll.EmbeddedReber(length=10),
    ll.LongLags(length=6),
    ll.RandomLags(length=2, distractors=3, most=3),
    ll.NoiseAndSignal(length=6),
    ll.TemporalOrder(length=10),
]
ONE_OF_A_KIND = [FRAMED[1], *FRAMED[6:]]  # their variants differ in the layout, not by problem


def kind(problem):
    """What of a problem decides how its samples are made, scored and predicted."""
    return type(problem.inputs), type(problem.targets), problem.masks, bool(problem.answers)


ALL_FITS = [
    (problem, framing, batch_size)
    for problem in SMALL
    for framing, batch_size in [
        *(FRAMED if isinstance(problem, ll.EchoLag | ll.EchoSubsequence) else ONE_OF_A_KIND),
        (ll.Vector(), 5),
        (ll.EncoderDecoder(), 5),
    ]
    if not framing.misfit(problem)
    if not (isinstance(framing, ll.Window) and framing.carry)  # whose rows must divide: above
    if not (isinstance(framing, ll.Chunks) and framing.rows == "consecutive")
]
FIRST_OF_A_KIND = list({kind(problem): problem for problem in reversed(SMALL)}.values())
# Every framing for the first problem of each kind; of the others two framings, in turn.
FITS = [each for each in ALL_FITS if each[0] in FIRST_OF_A_KIND]
for turn, other in enumerate(problem for problem in SMALL if problem not in FIRST_OF_A_KIND):
    own = [each for each in ALL_FITS if each[0] == other]
    FITS += [own[turn % len(own)], own[(turn + len(own) // 2) % len(own)]]


def usual_model(framing):
    if framing.output == "decoder":
        return ll.Seq2Seq(hidden_size=4, attention=True)
    return ll.GRU(hidden_size=4) if framing.output == "vector" else ll.LSTM(hidden_size=4)


def test_every_problem_is_tried_and_every_framing_that_fits_each_kind():
    assert {type(problem) for problem, _, _ in FITS} == set(PROBLEMS.values())
    for problem in FIRST_OF_A_KIND:
        tried = {type(framing) for other, framing, _ in FITS if other == problem}
        assert tried == set(fitting(problem).values())


@pytest.mark.parametrize(("problem", "framing", "batch_size"), FITS, ids=repr)
def test_problems_train_under_the_framings_that_fit(problem, framing, batch_size):
    """And predicting one row at a time says what predicting in large batches says."""
    run = ll.train(problem, framing, usual_model(framing), sequences=12, batch_size=batch_size)
    evaluation = run.evaluations[0]
    assert evaluation.inputs.shape[0] >= EVALUATION_SEQUENCES
    assert run.sequences == (math.ceil(12 / batch_size) * batch_size,)
    assert all(reports[-1].outcome == "finished" for reports in run.history)
    assert (evaluation.scored.any(axis=0) == run.setting.audit().scored).all()
    assert run.ceiling == 1
    assert 0 <= run.chance < 1
    assert {"most frequent", "constant per step"} <= set(run.shortcuts)
    assert (run.error is None) == (not problem.targets.has_error)
    for place in range(3):
        scored = np.flatnonzero(evaluation.scored[place])
        end = problem.steps - problem.answers
        if problem.masks:  # episodes differ in length
            end = scored[0] if problem.answers else scored[-1] + 1
        shown = evaluation.inputs[place, :end]
        alone = run.predict(shown.tolist())
        together = evaluation.predicted[place][evaluation.scored[place]]
        np.testing.assert_allclose(alone, together, rtol=1e-4, atol=1e-6)


ENCODED = [
    (model, framing, (ll.OneHot, ll.Scaled)[(row + column) % 2])  # each with both of each other
    for row, model in enumerate(
        (
            ll.LSTM(hidden_size=4),
            ll.GRU(hidden_size=4),
            ll.RNN(hidden_size=4),
            ll.Bidirectional(cell="rnn", hidden_size=4),
            ll.MLP(hidden_size=4),
            ll.MLP(hidden_size=4, context=1),
        )
    )
    for column, framing in enumerate((ll.Whole(), ll.Chunks(timesteps=2, carry=True), ll.Vector()))
]


@pytest.mark.parametrize(("model", "framing", "encoding"), ENCODED, ids=repr)
def test_every_model_trains_under_every_framing_and_with_every_encoding(model, framing, encoding):
    problem = ll.EchoSubsequence(length=3, values=4)
    run = ll.train(problem, framing, model, encoding=encoding, sequences=4, batch_size=2)
    assert run.history[0][-1].outcome == "finished"
    assert run.setting.target_encoding.loss == encoding.loss


@pytest.mark.parametrize(
    ("cell", "encoding"),
    [("lstm", ll.OneHot), ("lstm", ll.Scaled), ("gru", ll.OneHot), ("rnn", ll.Scaled)],
)
def test_a_decoder_trains_with_every_encoding(cell, encoding):
    problem = ll.EchoSubsequence(length=3, values=4, count=1)
    model = ll.Seq2Seq(cell=cell, hidden_size=4)
    run = ll.train(problem, ll.EncoderDecoder(), model, encoding=encoding, sequences=4)
    assert run.history[0][-1].outcome == "finished"


def test_parts_that_do_not_fit_together_are_refused_with_what_does():
    problem = ll.EchoSubsequence()
    with pytest.raises(
        ValueError, match=r"a model with a decoder, got LSTM\. Use model Seq2Seq\(\)"
    ):
        ll.train(problem, ll.EncoderDecoder(), ll.LSTM())
    with pytest.raises(
        ValueError, match=r"Seq2Seq predicts an answer .* Use framing EncoderDecoder\(\)\."
    ):
        ll.train(problem, ll.Whole(), ll.Seq2Seq())
    with pytest.raises(ValueError, match=r"which EchoLag does not have\. Use model LSTM\(\), or "):
        ll.train(ll.EchoLag(), ll.Whole(), ll.Seq2Seq())
    for framing in (ll.Vector(), ll.EncoderDecoder()):  # whatever the model
        with pytest.raises(ValueError, match=r"r: EchoLag has no answer .* Use framing Whole\(\)"):
            ll.train(ll.EchoLag(), framing, ll.Seq2Seq())
    with pytest.raises(ValueError, match="Vector: EchoLag has no answer after its input"):
        ll.train(ll.EchoLag(), ll.Vector(), ll.LSTM())
    with pytest.raises(ValueError, match="Ramp has no integers to encode, got `encoding` Scaled"):
        ll.train(ll.Ramp(), ll.Whole(), ll.LSTM(), encoding=ll.Scaled)


@pytest.mark.parametrize(("framing", "batch_size"), FRAMED, ids=repr)
def test_an_evaluation_says_what_the_model_says_row_by_row(framing, batch_size):
    setting = dataclasses.replace(
        SETTING, framing=framing, recipe=Recipe(sequences=12, batch_size=batch_size)
    )
    model = setting.create(0)
    evaluation = setting.evaluate(model, seed=3)
    problem_again = setting.problem.draw(streams.evaluation(3), 5)
    assert (evaluation.inputs[:5] == problem_again.inputs).all()
    for place in range(3):
        alone = setting.predict(model, evaluation.inputs[place].tolist())
        assert alone.tolist() == evaluation.predicted[place][evaluation.scored[place]].tolist()


@pytest.mark.parametrize(
    ("framing", "model"),
    [
        (ll.Window(timesteps=3), ll.LSTM(hidden_size=6)),
        (ll.Prefix(), ll.Bidirectional(hidden_size=6)),
        (ll.Whole(), ll.GRU(hidden_size=6)),
        (ll.Chunks(timesteps=2, carry=True), ll.RNN(hidden_size=6)),
    ],
    ids=repr,
)
def test_a_model_trained_in_batches_of_one_size_predicts_in_any_other(framing, model):
    """The evaluation works in batches of thousands; so do settings of another batch size."""
    said = []
    trained = ll.train(EASY, framing, model, sequences=24, batch_size=3)
    for batch_size in (1, 4, 12):
        recipe = dataclasses.replace(trained.setting.recipe, batch_size=batch_size)
        other = dataclasses.replace(trained.setting, recipe=recipe)
        evaluation = other.evaluate(trained.models[0], seed=0)
        said.append(evaluation.predicted[:1000][:, trained.setting.scored])
    assert (said[0] == said[1]).all()
    assert (said[0] == said[2]).all()


def test_rows_that_carry_state_in_a_batch_of_consecutive_rows_start_six_rows_back():
    """Row b of a batch continues row b of the batch before, in training and evaluation alike."""
    framing = ll.Chunks(timesteps=1, carry=True, rows="consecutive")
    setting = dataclasses.replace(SETTING, framing=framing, recipe=Recipe(batch_size=4))
    model: Any = setting.create(0)
    evaluation = setting.evaluate(model, seed=0)
    for row in range(4):
        state = model.initial_state((1,))
        for step in range(row, 12, 4):
            shown = jnp.asarray(evaluation.inputs[:1, step : step + 1])
            outputs, state = model(shown, None, state)
            if evaluation.scored[0, step]:
                assert evaluation.predicted[0, step] == outputs[0, 0].argmax()


def test_a_constant_model_is_at_chance_and_says_so():
    run = ll.train(
        ll.EchoLag(lag=1), ll.Chunks(), ll.MLP(hidden_size=2), sequences=1, learning_rate=1e-9
    )
    assert run.verdict == "at chance"
    assert "not distinguishable from chance (0.01)" in run.reason


def test_a_run_that_diverges_says_at_which_update():
    run = ll.train(EASY, ll.Window(timesteps=3), ll.LSTM(hidden_size=4), learning_rate=1e30)
    assert run.verdict == "diverged"
    assert f"update {run.diverged_at[0]}" in run.reason


def test_a_seed_that_diverged_is_not_called_solved(solved):
    lost = dataclasses.replace(solved.history[1][-1], outcome="diverged", diverged_at=7)
    run = dataclasses.replace(solved, history=(solved.history[0], (lost,)))
    assert run.verdict == "diverged"
    assert "seed 1 at update 7" in run.reason


def test_a_stop_while_scoring_loses_nothing():
    stop, heard = StopToken(), []

    def listen(event):
        heard.append(event)
        if isinstance(event, Scored):
            stop.stop()

    run = finish(fit(SETTING, (0, 1), stop=stop), listen)
    assert run.interrupted
    assert len(run.evaluations) == 2


def test_a_run_tells_what_becomes_of_each_seed_and_gives_the_run_of_each():
    heard = []
    run = finish(fit(SETTING, (3, 1)), heard.append)
    for kind in (Started, Scored, Finished):
        assert sorted(event.seed for event in heard if isinstance(event, kind)) == [1, 3]
    for event in ends_of(heard):
        (alone,) = finish(fit(SETTING, (event.seed,))).evaluations
        assert event.result.seeds == (event.seed,)
        assert event.result.evaluations[0].predicted.tobytes() == alone.predicted.tobytes()
        assert event.result.total_seconds <= run.total_seconds / 2
    scores = {event.seed: event.accuracy for event in heard if isinstance(event, Scored)}
    assert (scores[3], scores[1]) == run.accuracy.per_seed


def test_what_others_compile_meanwhile_takes_nothing_off_the_time_of_training(monkeypatch):
    """In threads, of which one was once told that it had trained for less than no time."""
    monkeypatch.setattr(program, "_programs", collections.OrderedDict())
    widths = (3, 4, 5, 6)
    short = dataclasses.replace(SETTING, recipe=Recipe(sequences=10))
    settings = [dataclasses.replace(short, model=ll.LSTM(hidden_size=each)) for each in widths]
    began = time.perf_counter()
    with futures.ThreadPoolExecutor(4) as pool:
        runs = list(pool.map(lambda setting: finish(fit(setting, (0, 1))), settings))
    wall = time.perf_counter() - began
    for run in runs:
        assert run.train_seconds >= 0
        assert run.compile_seconds > 0
        assert run.compile_seconds + run.train_seconds <= run.total_seconds <= wall


def test_equal_arguments_give_equal_runs():
    first, again = (finish(fit(SETTING, (0, 1))) for _ in range(2))
    assert first.accuracy == again.accuracy
    for ours, theirs in zip(first.evaluations, again.evaluations, strict=True):
        assert ours.predicted.tobytes() == theirs.predicted.tobytes()


def test_training_and_evaluation_never_share_draws():
    train = EASY.draw(streams.training(0), 500).inputs
    evaluate = EASY.draw(streams.evaluation(0), 500).inputs
    assert (train[:100] != evaluate[:100]).any()
    long = dataclasses.replace(EASY, length=40, values=50)
    seen = {row.tobytes() for row in long.draw(streams.training(0), 500).inputs}
    assert not any(row.tobytes() in seen for row in long.draw(streams.evaluation(0), 500).inputs)


@pytest.mark.parametrize("strike", [StopToken.stop, lambda _: signal.raise_signal(signal.SIGINT)])
def test_an_interrupted_run_is_evaluated_as_it_stands(strike):
    setting = dataclasses.replace(SETTING, recipe=Recipe(sequences=3000, batch_size=3))
    heard = []

    with ctrl_c_stops() as stop:

        def listen(event):
            heard.append(event)
            if isinstance(event, Advanced) and not stop.stopped:
                strike(stop)

        run = finish(fit(setting, (0,), stop=stop), listen)
    assert run.interrupted
    assert 1 <= len(run.history[0]) < 5
    assert 0 < run.updates < 3000 * 3
    assert len(run.evaluations) == 1


def test_a_second_ctrl_c_is_not_held_back():
    # A process begun in the background has it ignored from the start.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with ctrl_c_stops() as stop:
        signal.raise_signal(signal.SIGINT)
        assert stop.stopped
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)


def test_a_part_of_the_wrong_kind_is_refused():
    """In a process of its own: under test the types are checked before the library sees them."""
    code = """
import longlag as ll
parts = dict(problem=ll.EchoLag(), framing=ll.Window(), model=ll.LSTM())
wrong = dict(problem=ll.EchoLag, framing=ll.Window, model=3, encoding="scaled")
wrong["tests"] = [ll.EchoLag()]
for name, value in [*wrong.items(), ("tests", {"a": 3})]:
    try:
        ll.Setting(**(parts | {name: value}))
    except TypeError as error:
        print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    lines = done.stdout.splitlines()
    names = ["problem", "framing", "model", "encoding", "tests"]
    assert [line.split()[1] for line in lines[:-1]] == [f"`{name}`" for name in names]
    assert lines[-1].startswith(
        "Setting: test `a` must be a problem, such as EchoLag(length=50), got 3. "
    )
    assert "must be a model, such as LSTM(), or a function that makes one, got 3" in lines[2]


def test_an_audit_counts_the_batch_size_of_the_recipe():
    framing = ll.Chunks(timesteps=1, carry=True, rows="consecutive")
    setting = dataclasses.replace(SETTING, framing=framing, recipe=Recipe(batch_size=4))
    assert setting.audit().verdict == "unreachable"


def test_seeds_are_a_number_or_a_list():
    assert seed_list(3) == (0, 1, 2)
    for wrong in ([2**63], [2**70, 1], [10**5000], 10**5000, -(10**5000)):
        with pytest.raises(ValueError, match="`seeds` must be"):
            seed_list(wrong)
    assert seed_list([5, 7]) == (5, 7)
    assert seed_list(np.int64(2)) == (0, 1)
    assert seed_list(np.array([4, 2])) == (4, 2)
    for bad in (0, -1, [], [3, -1], [1, 1], True):
        with pytest.raises(ValueError, match="`seeds` must be"):
            seed_list(bad)


def test_sequences_count_sequences_whatever_the_framing():
    """The other framings are among those under which every problem trains."""
    for framing, batch_size in (FRAMED[2], FRAMED[4]):
        recipe = Recipe(sequences=60, batch_size=batch_size)
        run = finish(fit(dataclasses.replace(SETTING, framing=framing, recipe=recipe), (0,)))
        assert run.sequences == (60,)


def test_an_easy_regression_is_solved_within_tolerance_and_its_error_stands_beside_chance():
    run = ll.train(
        ll.Ramp(length=5), ll.Chunks(), ll.MLP(), sequences=1500, batch_size=4, learning_rate=0.01
    )
    assert run.verdict == "solved"
    assert "within tolerance 1.000" in run.reason
    assert run.error is not None
    assert run.chance_error is not None
    assert run.error.mean < 0.02 < run.chance_error
    assert run.chance == pytest.approx(1 / 4)
    assert run.predict([0.2, 0.4]) == pytest.approx([0.4, 0.6], abs=0.05)
    assert run.shortcuts["constant per step"] == 1  # nothing is random
    assert run.shortcuts["copy current"] == 0


def test_targets_that_hang_together_are_tested_sequence_by_sequence():
    """A model that only counts steps is at chance on a problem where counting does much."""
    run = ll.train(ll.Memorization(), ll.Whole(), ll.LSTM(hidden_size=4), sequences=1)
    for evaluation in run.evaluations:
        shown = evaluation.targets[:1]
        object.__setattr__(evaluation, "predicted", np.repeat(shown, len(evaluation.inputs), 0))
    assert run.accuracy.mean == pytest.approx(run.chance, abs=0.02)
    assert run.chance_probability > 0.01
    perfect = dataclasses.replace(run.evaluations[0], predicted=run.evaluations[0].targets)
    assert dataclasses.replace(run, evaluations=(perfect,)).chance_probability < 1e-9


@pytest.mark.parametrize(
    ("problem", "framing", "remedy"),
    [
        (ll.Ramp(length=2), ll.Whole(), "a harder problem"),
        (ll.Ramp(tolerance=1.0), ll.Whole(), "a smaller tolerance"),
        (
            ll.Ramp(),
            ll.Window(timesteps=9),
            "a framing that scores more steps, or a harder problem",
        ),
        (ll.CumulativeThreshold(threshold=1e-20), ll.Whole(), "a harder problem"),
    ],
    ids=repr,
)
def test_where_a_constant_is_always_right_nothing_is_to_be_learned_and_training_says_so(
    problem, framing, remedy
):
    with pytest.raises(ValueError, match=rf"nothing is to be learned of .* Use {remedy}\."):
        ll.train(problem, framing, ll.MLP(), sequences=1)


def test_a_model_worse_than_a_constant_is_called_so():
    run = ll.train(ll.CumulativeThreshold(), ll.Whole(), ll.MLP(hidden_size=2), sequences=1)
    assert run.verdict == "below chance"
    assert "a constant for each step does better" in run.reason


def test_outputs_that_nobody_asks_for_are_spared_where_that_changes_nothing():
    for model, output in ((ll.LSTM(), "last"), (ll.MLP(), "last"), (ll.Bidirectional(), "every")):
        setting = ll.Setting(problem=ll.EchoValue(), framing=ll.Whole(), model=model)
        assert setting.layout.output == output
        assert setting.layout.target_steps.shape[-1] == (1 if output == "last" else 10)
        assert setting.layout.scored_steps.tolist() == [9]
    every = ll.Setting(problem=ll.EchoLag(), framing=ll.Whole(), model=ll.LSTM())
    assert every.layout.output == "every"


@pytest.mark.parametrize(
    ("problem", "sequence", "message"),
    [
        (
            ll.EchoValue(lag=4),
            [1, 2, 3],
            "EchoValue: a sequence must show at least 5 values",
        ),
        (ll.EchoSubsequence(count=4), [1, 2], "at least 4 values, got 2. Give 4 or more"),
        (ll.CumulativeThreshold(), [0.5, 0.5], "must show at least 3 values, got 2"),
        (ll.CumulativeThreshold(), [np.nan] * 4, "must hold values that are finite"),
        (ll.Memorization(), [3, 0, 1], "its sequences have 4 inputs, not 3"),
    ],
    ids=repr,
)
def test_a_sequence_that_would_be_another_problem_is_refused(problem, sequence, message):
    setting = ll.Setting(problem=problem, framing=ll.Whole(), model=ll.MLP())
    with pytest.raises(ValueError, match=message):
        setting.predict(setting.create(0), sequence)


@pytest.mark.parametrize(
    ("problem", "framing", "sequence", "fewest"),
    [
        (ll.EchoLag(), ll.Window(timesteps=5), [1], "5 values, as many .* window, got 1 value"),
        (ll.EchoLag(), ll.Chunks(timesteps=5), [1, 2], "5 values, as many .* got 2 values"),
        (ll.EchoLag(lag=6), ll.Window(timesteps=5), [1, 2], "7 values, got 2"),
        (ll.Ramp(), ll.Window(timesteps=5), [0.1, 0.2], "5 values, as many .* got 2 values"),
        (ll.CumulativeThreshold(), ll.Chunks(timesteps=5), [0.5], "5 values, as many"),
    ],
    ids=repr,
)
def test_a_sequence_of_too_few_values_is_told_how_many_it_needs(problem, framing, sequence, fewest):
    setting = ll.Setting(problem=problem, framing=framing, model=ll.RNN(hidden_size=2))
    model, number = setting.create(0), int(fewest.split()[0])
    with pytest.raises(ValueError, match=rf"{fewest}.*\. Give {number} or more\.$"):
        setting.predict(model, sequence)
    assert len(setting.predict(model, (sequence * number)[:number]))


def test_complex_numbers_are_no_sequence():
    setting = ll.Setting(problem=ll.Ramp(), framing=ll.Whole(), model=ll.MLP())
    with pytest.raises(TypeError, match="must be a list of numbers"):
        setting.predict(setting.create(0), np.array([1j, 2.0]))


@pytest.mark.parametrize("seed", [0, 1])
def test_a_seed_that_stops_has_met_the_criterion_on_the_validation_stream(seed):
    """A wide model has few targets in a chunk: a lucky one must not end its training."""
    run = ll.train(
        ll.EchoValue(lag=2, length=4, values=20),
        ll.Whole(),
        ll.MLP(hidden_size=300),
        sequences=20_000,
        seeds=[seed],
        stop_at=0.98,
    )
    assert run.history[0][-1].outcome == "stopped"
    checked = run.setting.evaluate(run.models[0], seed, part="validation")
    assert checked.accuracy >= 0.98


def test_what_fresh_sequences_cannot_tell_from_chance_is_refused():
    setting = ll.Setting(
        problem=ll.CumulativeThreshold(threshold=0.0001), framing=ll.Whole(), model=ll.RNN()
    )
    with pytest.raises(ValueError, match="more closely than 1,000 fresh sequences can tell"):
        _ = setting.layout


def test_seeds_that_cannot_be_printed_are_refused_all_the_same():
    class Nameless(int):
        def __repr__(self):
            raise RuntimeError

    with pytest.raises(ValueError, match="whole numbers of at least 0, got a list"):
        seed_list([Nameless(-1)])
    with pytest.raises(ValueError, match="at least 1, got -1"):
        seed_list(Nameless(-1))


def test_a_text_is_no_list_of_seeds():
    seeds: Any = "12"
    refusals = ValueError, TypeError  # the latter where types are checked
    with pytest.raises(refusals, match="seeds"):
        seed_list(seeds)
