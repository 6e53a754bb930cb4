from typing import cast

import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import binomtest

import longlag as ll
from longlag.models import Model
from longlag.scores.evaluation import EVALUATION_SEQUENCES

ECHO = ll.EchoLag(lag=1, length=6, values=5)


def test_a_predictor_that_knows_is_at_the_ceiling_and_one_that_guesses_at_chance():
    found = ll.score(ECHO, ll.Window(timesteps=3), lambda inputs: inputs[:, -2], seeds=2)
    assert (found.verdict, found.accuracy.mean, found.seeds) == ("solved", 1.0, (0, 1))
    assert found.chance == pytest.approx(0.2)
    rng = np.random.default_rng(1)
    guess = ll.score(ECHO, ll.Whole(), lambda inputs: rng.integers(5, size=inputs.shape))
    assert guess.verdict == "at chance"
    assert "chance (0.2)" in guess.reason


def test_a_trained_model_is_scored_as_its_own_run_scores_it():
    run = ll.train(ECHO, ll.Whole(), ll.LSTM(hidden_size=4), sequences=300, seeds=2)
    asked = iter(run.seeds)

    def said(inputs):
        model = cast("Model", run.models[next(asked)])
        state = model.initial_state(inputs.shape[:1])
        return model(jnp.asarray(inputs), None, state)[0]

    found = ll.score(ECHO, ll.Whole(), said, seeds=2)
    assert found.accuracy == run.accuracy
    assert found.chance_probability == run.chance_probability
    assert found.shortcuts == run.shortcuts
    assert len(found.evaluations[0].inputs) == EVALUATION_SEQUENCES


FORMS = {
    "integers": lambda inputs: inputs[:, -2:-1],
    "without the axis": lambda inputs: inputs[:, -2],
    "outputs": lambda inputs: np.eye(5)[inputs[:, -2:-1]],
    "outputs without the axis": lambda inputs: np.eye(5)[inputs[:, -2]],
}


@pytest.mark.parametrize("form", FORMS)
def test_what_is_said_may_be_values_or_outputs(form):
    assert ll.score(ECHO, ll.Window(timesteps=3), FORMS[form]).accuracy.mean == 1.0


def test_inputs_are_values_or_features():
    shapes = []

    def seen(inputs):
        shapes.append(inputs.shape[1:])
        return np.zeros(len(inputs), int)

    ll.score(ECHO, ll.Window(timesteps=3), seen)
    ll.score(ECHO, ll.Window(timesteps=3), seen, features=True)
    ll.score(ECHO, ll.Window(timesteps=3), seen, features=True, encoding=ll.Scaled)
    assert set(shapes) == {(3,), (3, 5), (3, 1)}


def test_reals_are_scored_within_their_tolerance():
    ramp = ll.Ramp(length=8)
    step = np.diff(ramp.draw(np.random.default_rng(0), 1).inputs[0])[0]
    found = ll.score(ramp, ll.Whole(), lambda inputs: inputs + step)
    assert found.accuracy.mean == 1.0
    assert found.error is not None
    assert found.error.mean < 1e-6


def test_state_that_is_carried_is_begun_anew_where_it_says_so():
    """A predictor with one step of memory, shown one step at a time."""
    held = {}

    def said(inputs, reset):
        if reset:
            held["before"] = np.zeros_like(inputs)
        before, held["before"] = held["before"], inputs
        return before

    found = ll.score(ECHO, ll.Chunks(timesteps=1, carry=True), said)
    assert found.accuracy.mean == 1.0
    with pytest.raises(ValueError, match="so `predict` must take `reset`"):
        ll.score(ECHO, ll.Chunks(timesteps=1, carry=True), lambda inputs: inputs)


def test_a_mask_is_told_to_those_who_ask():
    masks = []

    def said(inputs, mask):
        masks.append(mask)
        return inputs[:, -2]

    framing = ll.Window(timesteps=3, missing="mask")
    ll.score(ECHO, framing, said)
    assert not np.concatenate(masks).all()


@pytest.mark.parametrize(
    ("right", "verdict"), [(0, "at chance"), (2, "at chance"), (5, "partly learned"), (9, "solved")]
)
def test_the_targets_of_the_only_sequence_count_once(right, verdict):
    """A thousand draws of it are no thousand guesses."""
    ramp = ll.Ramp()

    def predict(inputs):
        wrong = np.arange(inputs.shape[1]) >= right
        return inputs + 0.1 + 5 * wrong

    found = ll.score(ramp, ll.Whole(), predict)
    assert found.accuracy.mean == pytest.approx(right / 9)
    assert found.verdict == verdict
    assert found.chance_probability == pytest.approx(binomtest(right, 9, 1 / 9, "greater").pvalue)


def test_the_only_sequence_is_solved_though_guessing_may_well_solve_it():
    found = ll.score(ll.Ramp(length=3), ll.Whole(), lambda inputs: inputs + 1 / 3)
    assert (found.verdict, found.chance_probability > 0.05) == ("solved", True)


@pytest.mark.parametrize(
    ("predict", "message"),
    [
        (type, r"must give values \(\d+, 6\) or"),  # which has no signature
        (lambda inputs: inputs[:, :3], r"must give values \(\d+, 6\) or outputs \(\d+, 6, 5\)"),
        (lambda inputs: np.zeros((*inputs.shape, 4)), r"got float64 \(\d+, 6, 4\)"),
        (lambda inputs: np.full((*inputs.shape, 5), np.nan), "a value that is not finite in row 0"),
        (
            lambda inputs: inputs.astype(np.int64) + 2**32,
            "must give integers that int32 holds, got 429496729",
        ),
        (
            lambda inputs: inputs.astype(np.uint64) + 2**63,
            "integers that int32 holds, got 922337203",
        ),
        (lambda inputs: np.ma.array(inputs, mask=inputs == 0), "returned a masked array. Fill it"),
    ],
)
def test_what_cannot_be_scored_is_refused(predict, message):
    with pytest.raises(ValueError, match=message):
        ll.score(ECHO, ll.Whole(), predict)


def test_draws_of_a_few_sequences_are_not_called_all_of_them():
    drawn = ll.score(ll.Memorization(), ll.Whole(), lambda inputs: inputs)
    assert "1,000 draws of 2 sequences per seed" in str(drawn)
    assert "the only sequence" in str(ll.score(ll.Ramp(), ll.Whole(), lambda inputs: inputs))
