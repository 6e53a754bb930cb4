import dataclasses
import re
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import longlag as ll
from longlag.arrays import last_of
from longlag.framings import Chunks, EncoderDecoder, Prefix, Vector, Whole, Window
from longlag.maps import audit
from longlag.models import LSTM, MLP, Bidirectional, Seq2Seq
from longlag.problems import (
    CumulativeThreshold,
    EchoLag,
    EchoSubsequence,
    EchoValue,
    Memorization,
    Ramp,
    RandomLags,
)
from longlag.studies.train import train
from longlag.training import Batches, Recipe, loop
from longlag.trials.setting import Setting
from longlag.visible import Reach

LAG_1 = EchoLag(lag=1, length=12, values=5)


@pytest.mark.parametrize(
    ("framing", "batch_size", "verdict", "remedy"),
    [
        # The three cases of the source's failure.
        (Chunks(timesteps=1, carry=True, rows="consecutive"), 6, "unreachable", "rows='parallel'"),
        (
            Chunks(timesteps=1, carry=True, rows="parallel"),
            6,
            "state-only",
            "timesteps=2. Timesteps up to 25 work too.",
        ),
        (Chunks(timesteps=2, carry=True, rows="parallel"), 6, "learnable", ""),
        (Chunks(timesteps=1, carry=True, rows="consecutive"), 1, "state-only", "timesteps=2"),
        (Chunks(timesteps=1, carry=True, rows="shuffled"), 5, "state-only", "timesteps=2"),
        (Chunks(timesteps=2, carry=True, rows="shuffled"), 5, "learnable", ""),
        (Chunks(timesteps=1), 5, "unreachable", "timesteps=2"),
        (Chunks(timesteps=2), 5, "unreachable", "carry=True"),
        (Window(timesteps=5), 5, "learnable", ""),
        (Window(timesteps=5, carry=True), 5, "learnable", ""),
        (Window(timesteps=1), 5, "unreachable", "timesteps=2"),
        (Prefix(), 5, "learnable", ""),
        (Whole(), 5, "learnable", ""),
    ],
)
def test_the_verdict_and_the_remedy(framing, batch_size, verdict, remedy):
    found = audit(EchoLag(lag=1), framing, batch_size=batch_size)
    assert found.verdict == verdict
    assert remedy in found.remedy
    assert (found.remedy == "") == (verdict == "learnable")


SUMS = ["CumulativeThreshold", "Parity"]


@pytest.mark.parametrize("name", SUMS)
def test_what_accumulates_over_pieces_is_taught_by_pieces_in_order_only(name):
    problem = getattr(ll, name)(length=10)
    ordered = Chunks(timesteps=5, carry=True)
    shuffled = dataclasses.replace(ordered, rows="shuffled")
    one, other = audit(problem, ordered), audit(problem, shuffled)
    assert (one.verdict, other.verdict) == ("learnable", "state-only")
    assert "in training it is that of another piece" in other.meaning
    assert not other.needed_again
    assert other.remedy.startswith("Use rows='parallel', so that each batch row has its own seq")
    for each in ("needs", "sees", "learns"):  # evaluation is in order
        assert (getattr(one, each) == getattr(other, each)).all()


@pytest.mark.parametrize(
    ("problem", "timesteps", "ordered", "shuffled"),
    [
        (ll.Parity(length=10), 5, (0.95, 1.0), (0.5, 0.9)),
        (ll.EchoLag(length=12, values=4), 3, (0.95, 1.0), (0.95, 1.0)),
    ],
)
def test_order_matters_where_only_the_state_brings_what_is_needed(
    problem, timesteps, ordered, shuffled
):
    """Pieces longer than the lag teach it in any order: the state goes on in evaluation."""
    pieces = Chunks(timesteps=timesteps, carry=True)
    for framing, (low, high) in (
        (pieces, ordered),
        (dataclasses.replace(pieces, rows="shuffled"), shuffled),
    ):
        run = train(
            problem,
            framing,
            LSTM(hidden_size=16),
            sequences=8000,
            learning_rate=0.01,
        )
        assert low <= run.accuracy.mean <= high, framing


def test_shares_and_ceiling_say_how_much_is_out_of_reach():
    found = audit(EchoLag(lag=1, length=24), Chunks(timesteps=2), batch_size=1)
    assert found.shares.gradient == pytest.approx(12 / 23)
    assert found.shares.unseen == pytest.approx(11 / 23)
    assert found.ceiling == pytest.approx(12 / 23 + 11 / 23 * 0.01)


def test_a_model_without_memory_is_audited_as_such():
    framing = Window(timesteps=5)
    one_step, flattened = (
        Setting(problem=EchoLag(lag=1), framing=framing, model=model).audit()
        for model in (MLP(context=1), MLP())
    )
    assert one_step.verdict == "unreachable"
    assert one_step.remedy == "Use context=2 or model LSTM(). A longer context works too."
    assert flattened.verdict == "learnable"


@pytest.mark.parametrize("timesteps", [1, 2, 4])
def test_a_window_reaches_as_far_back_through_carried_state_as_within_a_sample(timesteps):
    framing = Chunks(timesteps=timesteps, carry=True)
    found = audit(EchoLag(lag=1, length=8), framing, batch_size=2, reach=Reach(3))
    band = np.tri(8, dtype=bool) & ~np.tri(8, k=-3, dtype=bool)
    assert found.sees[1:].tolist() == band[1:].tolist()
    assert (found.learns <= found.sees).all()
    assert audit(EchoLag(lag=3, length=8), framing, reach=Reach(3)).verdict == "unreachable"
    with_model = audit(EchoLag(lag=3, length=8), framing, model=MLP(context=3))
    assert with_model.verdict == "unreachable"
    for model in ("mlp", Reach(3), MLP):
        wrong: Any = model
        with pytest.raises(TypeError, match="`model` must be a model, such as MLP"):
            audit(EchoLag(), framing, model=wrong)


def test_every_remedy_helps_or_none_is_named():
    remedy = audit(EchoLag(lag=1), Chunks(timesteps=1), reach=Reach(1, state=False)).remedy
    assert remedy == "Use context=2 and framing Whole(). A longer context works too."
    chunks, far = Chunks(timesteps=2), Reach(2, state=False)
    assert audit(EchoLag(lag=1), chunks, reach=far).remedy == "Use framing Whole()."
    assert audit(EchoLag(lag=1), Whole(), reach=far).verdict == "learnable"
    lag_0 = audit(EchoLag(lag=0), Chunks(timesteps=1), reach=Reach(1, state=False))
    assert lag_0.verdict == "learnable"


def test_a_remedy_fits_the_other_problems_of_a_study_too():
    lags = [EchoLag(lag=lag, length=max(25, 2 * lag)) for lag in (1, 16, 30)]
    window, chunks = Window(timesteps=8, missing="mask"), Chunks(timesteps=8, carry=True)
    assert audit(lags[1], window).remedy == "Use timesteps=17. Timesteps up to 32 work too."
    assert (
        audit(lags[1], window, also=lags[:1]).remedy
        == "Use timesteps=17. Timesteps up to 25 work too."
    )
    assert audit(lags[2], window, also=lags[:1]).remedy == "Use framing Whole()."
    assert audit(lags[1], chunks, also=lags[:1]).remedy == "Use timesteps=25."


def test_a_remedy_leaves_out_nothing_that_was_asked_for():
    """A longer window that drops rows would drop the first value of the answer."""
    found = audit(EchoSubsequence(), Window(timesteps=5))
    assert found.verdict == "unreachable"
    assert found.remedy == "Use missing='mask' and timesteps=6. Timesteps up to 10 work too."
    longer = audit(EchoSubsequence(), Window(timesteps=6, missing="mask"))
    assert longer.verdict == "learnable"
    assert (longer.scored >= found.scored).all()


def test_a_remedy_asks_for_no_more_than_serves():
    found = audit(CumulativeThreshold(length=40), Chunks(timesteps=2, carry=True))
    assert found.verdict == "state-only"
    assert found.remedy == "Use timesteps=16. Timesteps up to 40 work too."


def test_a_remedy_is_one_where_a_gradient_reaches_half_of_the_outputs_if_there_is_one():
    problem, framing = EchoSubsequence(length=5, start=0), Chunks(timesteps=1, carry=True)
    few = audit(problem, Chunks(timesteps=6, carry=True))
    assert (few.verdict, few.shares.gradient) == ("learnable", 0.2)
    assert audit(problem, framing).remedy == "Use timesteps=10."
    assert audit(problem, Chunks(timesteps=10, carry=True)).shares.gradient == 1


@pytest.mark.parametrize(
    ("problem", "framing", "remedy"),
    [
        (EchoLag(lag=20), Chunks(carry=True), "Use timesteps=25."),
        (EchoLag(lag=1), Chunks(carry=True), "Use timesteps=2. Timesteps up to 25 work too."),
        (EchoLag(lag=8), Window(timesteps=5), "Use timesteps=9. Timesteps up to 16 work too."),
        (EchoLag(lag=1), Window(timesteps=1), "Use timesteps=2. Timesteps up to 13 work too."),
        # A longer window alone would leave one output, which chance has right.
        (CumulativeThreshold(), Window(), "Use missing='mask' and timesteps=10."),
        (EchoValue(lag=4), Chunks(), "Use timesteps=5."),  # with 6 the pieces part the two
        (
            CumulativeThreshold(),
            Chunks(carry=True),
            "Use timesteps=4. Timesteps up to 10 work too.",
        ),
    ],
    ids=repr,
)
def test_a_remedy_names_the_timesteps_that_work_and_are_allowed(problem, framing, remedy):
    found = audit(problem, framing)
    assert found.remedy == remedy
    least, *most = map(int, re.findall(r"\d+", remedy))
    for timesteps in range(least, most[0] + 1 if most else least + 1):
        changed = {"missing": "mask"} if "mask" in remedy else {}
        longer = dataclasses.replace(framing, timesteps=timesteps, **changed)
        better = audit(problem, longer)
        assert better.verdict == "learnable"
        assert (better.scored & found.scored).sum() >= found.scored.sum() / 2


@pytest.mark.parametrize(("timesteps", "nothing"), [(8, True), (2, False)])
def test_an_audit_says_where_chance_leaves_nothing_to_learn(timesteps, nothing):
    problem = CumulativeThreshold(length=8, threshold=1)
    found = audit(problem, Chunks(timesteps=timesteps, carry=True))
    assert not found.nothing_to_learn
    found = audit(problem, Window(timesteps=timesteps))
    assert bool(found.nothing_to_learn) == nothing
    assert ("nothing can be learned here" in str(found)) == nothing
    if nothing:
        assert found.verdict == "learnable"


def test_an_audit_without_rows_is_refused():
    with pytest.raises(ValueError, match="`batch_size` must be at least 1, got -3"):
        audit(EchoLag(), Whole(), batch_size=-3)


def test_nothing_passes_through_state_to_a_model_without_memory():
    found = audit(EchoLag(lag=1), Chunks(carry=True), reach=Reach(None, state=False))
    assert found.verdict == "unreachable"


@pytest.mark.parametrize(
    ("problem", "framing", "verdict"),
    [
        (Ramp(), Chunks(), "learnable"),
        (Memorization(), Chunks(carry=True), "state-only"),
        (Memorization(), Chunks(), "unreachable"),
        (Memorization(length=9), Chunks(timesteps=4, carry=True), "state-only"),
        (Memorization(), Whole(), "learnable"),
        (EchoSubsequence(), Whole(), "learnable"),
        (EchoSubsequence(), Vector(), "learnable"),
        (EchoSubsequence(), EncoderDecoder(), "learnable"),
        (EchoSubsequence(length=6), Chunks(timesteps=3, carry=True), "state-only"),
        (CumulativeThreshold(), Chunks(), "unreachable"),
        (CumulativeThreshold(), Chunks(carry=True), "state-only"),
        (CumulativeThreshold(), Chunks(timesteps=4, carry=True), "learnable"),
        (CumulativeThreshold(), Whole(), "learnable"),
    ],
    ids=repr,
)
def test_what_one_step_teaches_serves_those_that_look_back_equally_far(problem, framing, verdict):
    assert audit(problem, framing).verdict == verdict


@pytest.mark.parametrize(
    ("length", "timesteps", "threshold"), [(10, 1, None), (10, 5, None), (10, 2, None), (30, 10, 9)]
)
def test_the_ceiling_is_what_a_predictor_without_a_clock_reaches(length, timesteps, threshold):
    """It has the place in the piece and the sum so far, but not which piece it is."""
    problem = CumulativeThreshold(length=length, threshold=threshold)
    found = audit(problem, Chunks(timesteps=timesteps))
    inputs, targets, _ = problem.draw(np.random.default_rng(0), 100_000)
    pieces = inputs.reshape(len(inputs), -1, timesteps).cumsum(axis=2)
    labels = targets.reshape(pieces.shape)
    reached = 0
    for place in range(timesteps):
        cell = (pieces[..., place] * 25).astype(int).ravel()
        ones, count = np.bincount(cell, labels[..., place].ravel()), np.bincount(cell)
        reached += np.maximum(ones, count - ones).sum()
    assert found.ceiling == pytest.approx(reached / targets.size, abs=6e-3)
    assert not found.bound


def test_a_ceiling_that_takes_a_clock_is_called_a_bound():
    """The last step of a piece is asked for the context in one place, for the input in others."""
    assert audit(Memorization(length=6), Chunks(timesteps=2)).bound
    assert not audit(EchoLag(lag=1, length=6), Chunks(timesteps=2)).bound
    for framing in (Whole(), Chunks(carry=True), Prefix()):
        assert not audit(Memorization(length=6), framing).bound
    assert audit(CumulativeThreshold(), Chunks(carry=True)).ceiling == 1


def asking(pairs: list[tuple[int, int]], length: int) -> EchoLag:
    """A problem whose targets need the inputs of these pairs of steps, and no others."""
    needed = np.zeros((length, length), dtype=bool)
    needed[tuple(zip(*pairs, strict=True))] = True
    parts = {"needs": lambda _: needed, "scored": lambda _: needed.any(axis=1)}
    return type("Asking", (EchoLag,), parts)(lag=0, length=length)


@pytest.mark.parametrize("seed", range(40))
def test_inputs_needed_again_are_those_that_a_plain_search_finds(seed):
    """A gradient reaches an input, or another target needs it, or so it is of one as far back."""
    rng = np.random.default_rng(seed)
    length, timesteps = int(rng.integers(3, 9)), int(rng.integers(1, 4))
    pairs = [
        (target, int(step))
        for target in range(length)
        for step in rng.integers(target + 1, size=rng.integers(3))
    ] or [(length - 1, 0)]
    found = audit(asking(pairs, length), Chunks(timesteps=min(timesteps, length), carry=True))
    pairs = sorted(set(pairs))
    served = []
    for target, step in pairs:
        within = step >= target - target % min(timesteps, length)
        others = [at for at, other in pairs if other == step and at != target]
        if within or others:
            served.append(target - step)
    again = all(target - step in served for target, step in pairs)
    assert found.needed_again == (found.verdict == "state-only" and again)


FIRST_AND_LAST = [(0, 0), (11, 0)]
LAST_ALONE = [(11, 0)]


def test_a_gradient_that_reaches_the_inputs_of_some_outputs_is_not_said_to_reach_all():
    found = audit(CumulativeThreshold(), Chunks(timesteps=3, carry=True))
    assert found.verdict == "learnable"
    assert found.shares.gradient < 0.5
    assert "the inputs that some outputs need, and what it trains there serves" in found.meaning
    assert "that the outputs need" in audit(EchoLag(lag=1), Whole()).meaning


@pytest.mark.parametrize(
    ("problem", "again"),
    [
        (asking(FIRST_AND_LAST, 12), True),
        (asking(LAST_ALONE, 12), False),
        (asking([(step, 0) for step in range(3, 12)], 12), True),
        (asking([(step, 0) for step in range(0, 12, 3)], 12), True),
        (CumulativeThreshold(), True),
        (CumulativeThreshold(length=12), True),
        (EchoLag(lag=1), False),
        (EchoSubsequence(), False),
        (Memorization(ask="last"), False),
        (Memorization(), True),  # the first target needs to know that it is a context
    ],
)
def test_what_is_needed_again_is_told_from_what_is_not(problem, again):
    found = audit(problem, Chunks(carry=True))
    assert found.verdict == "state-only"
    assert found.needed_again == again
    assert ("several outputs need the same inputs" in found.meaning) == again
    assert ("left to luck" in found.meaning) != again
    assert not audit(problem, Whole()).needed_again
    assert not audit(problem, Chunks()).needed_again  # unreachable


def recalling(pairs: list[tuple[int, int]]) -> EchoLag:
    problem = asking(pairs, 12)
    return type("Recalling", (type(problem),), {"_source_steps": lambda _, steps: 0 * steps})(
        lag=0, length=12, values=5
    )


@pytest.mark.parametrize(
    ("problem", "again", "at_least", "at_most"),
    [
        (CumulativeThreshold(), True, 0.33, 1),
        (EchoLag(lag=3, length=10, values=10), False, 0, 0.25),
        (recalling(FIRST_AND_LAST), True, 0.75, 1),  # 0.5 without the last
        (recalling(LAST_ALONE), False, -0.2, 0.25),
    ],
    ids=["sum", "lag 3", "first and last", "last alone"],
)
def test_what_the_meaning_says_of_state_only_is_what_training_shows(
    problem, again, at_least, at_most
):
    run = train(
        problem,
        Chunks(carry=True),
        LSTM(hidden_size=16),
        sequences=6000,
        batch_size=10,
        learning_rate=0.01,
        seeds=3,  # what is left to luck, one seed alone may miss
    )
    assert run.setting.audit().needed_again == again
    assert at_least < max(run.skill) <= at_most


def test_a_model_that_is_not_causal_sees_ahead_and_the_audit_says_so():
    problem = Memorization(length=6)
    both, one = (
        Setting(problem=problem, framing=Whole(), model=model).audit()
        for model in (Bidirectional(hidden_size=4), LSTM(hidden_size=4))
    )
    assert both.sees.all()
    assert both.ahead == pytest.approx(4 / 5)  # all but the last step
    assert one.ahead == 0
    assert not np.triu(one.sees, k=1).any()


FRAMED = [
    (Chunks(timesteps=1), 3),
    (Chunks(timesteps=5), 2),
    (Chunks(timesteps=1, carry=True), 2),
    (Chunks(timesteps=5, carry=True), 2),
    (Chunks(timesteps=1, carry=True, rows="consecutive"), 4),
    (Chunks(timesteps=2, carry=True, rows="consecutive"), 3),
    (Window(timesteps=4), 4),
    (Window(timesteps=4, carry=True), 4),
    (Window(timesteps=4, missing="mark"), 3),
    (Window(timesteps=4, missing="mask"), 3),
    (Window(timesteps=4, missing="mask", carry=True), 3),
    (Prefix(), 3),
    (Prefix(pad="end"), 3),
    (Whole(), 2),
]
MODELS = [
    LSTM(hidden_size=8),
    Bidirectional(cell="gru", hidden_size=8),
    MLP(hidden_size=32),
    MLP(hidden_size=32, context=2),
]


@pytest.mark.parametrize("model", MODELS, ids=repr)
@pytest.mark.parametrize(("framing", "batch_size"), FRAMED, ids=repr)
def test_the_maps_are_what_a_real_model_shows(framing, batch_size, model):
    """Sees: an input whose change moves the prediction. Learns: one with a gradient to it."""
    recipe = Recipe(batch_size=batch_size)
    setting = Setting(problem=LAG_1, framing=framing, model=model, recipe=recipe)
    found, layout = setting.audit(), setting.layout
    network = setting.create(0)
    episodes = LAG_1.draw(np.random.default_rng(0), layout.sequences)
    where = np.flatnonzero(layout.scored & (layout.rows == 0)[..., None])
    steps = layout.target_steps.ravel()[where]

    def losses(inputs):
        samples = layout.gather(dataclasses.replace(episodes, inputs=inputs))
        shaped = [each.reshape(*layout.rows.shape, -1) for each in samples]
        reset = np.arange(len(shaped[0])) == 0 if layout.carry else None
        shown = shaped[0] if framing.marks else np.maximum(shaped[0], 0)
        mask = None if layout.present.all() else shaped[2]
        batches = Batches(shown, np.zeros_like(shaped[1]), mask, reset)
        return loop.predict(network, batches, output=framing.output)[0].ravel()[where]

    usual = losses(episodes.inputs)
    for step in range(LAG_1.length):
        moved = np.zeros(len(where), dtype=bool)
        for shift in (1, 2):  # a loss, not the value that is said: nearly any change moves it
            other = episodes.inputs.copy()
            other[0, step] = (other[0, step] + shift) % 5
            moved |= losses(other) != usual
        assert moved.tolist() == found.sees[steps, step].tolist()

    learns = np.zeros_like(found.learns)
    inner: Any = getattr(network, "model", network)

    @jax.jit
    @jax.jacobian
    def jacobian(features, present):
        last = last_of(framing.output)
        return inner(features, present, inner.initial_state(), last=last)[0]

    for update, row in np.argwhere(layout.rows == 0):
        shown, present = layout.steps[update, row], layout.present[update, row]
        features = jax.nn.one_hot(episodes.inputs[0][np.maximum(shown, 0)], 5)

        slopes = np.abs(jacobian(features, jnp.asarray(present))).sum(axis=(1, 3)) > 0
        for place in np.flatnonzero(layout.scored[update, row]):
            into = shown[slopes[place] & (shown >= 0)]
            learns[layout.target_steps[update, row, place], into] = True
    assert (learns == found.learns).all()


@pytest.mark.parametrize("kind", [lambda each: each.astype("f2"), jnp.asarray])
def test_chance_may_be_of_a_narrow_type_or_an_array_of_jax(kind):
    class Own(EchoLag):
        def chance_by_step(self):
            return kind(super().chance_by_step())

    framing = Chunks(timesteps=5, carry=True)
    found, plain = (audit(each(lag=1, values=4), framing) for each in (Own, EchoLag))
    assert (found.verdict, found.ceiling, found.bound) == (
        plain.verdict,
        plain.ceiling,
        plain.bound,
    )


@pytest.mark.parametrize(
    ("framing", "model"),
    [(Vector(), LSTM(hidden_size=8)), (EncoderDecoder(), Seq2Seq(hidden_size=8))],
    ids=repr,
)
def test_every_value_of_an_answer_sees_the_whole_input(framing, model):
    problem = EchoSubsequence(length=4, values=5, count=2)
    found = Setting(problem=problem, framing=framing, model=model).audit()
    expected = np.zeros((6, 6), bool)
    expected[4:, :4] = True
    assert found.sees.tolist() == found.learns.tolist() == expected.tolist()


@pytest.mark.parametrize(
    ("problem", "framing", "model"),
    [
        (EchoLag(), Whole(), Seq2Seq()),
        (EchoSubsequence(), Vector(), Seq2Seq()),
        (EchoSubsequence(), EncoderDecoder(), LSTM()),
        (EchoSubsequence(), EncoderDecoder(), MLP(context=1)),
    ],
)
def test_an_audit_refuses_what_a_setting_refuses(problem, framing, model):
    texts = []
    for call in (
        lambda: audit(problem, framing, model=model),
        lambda: Setting(problem=problem, framing=framing, model=model),
    ):
        with pytest.raises(ValueError, match=r"decoder|value by value|predicts an") as refused:
            call()
        texts.append(str(refused.value).partition(":")[2])
    assert texts[0] == texts[1]


def test_an_audit_of_steps_that_few_episodes_reach_takes_all_that_they_may_need():
    """The 512 episodes that the cases are of end before the last steps."""
    problem = RandomLags(length=2, distractors=2, most=200)
    found = audit(problem, Window(timesteps=problem.steps, missing="drop"))
    assert np.flatnonzero(found.scored).tolist() == [problem.steps - 1]
    assert (found.verdict, found.shares.gradient) == ("learnable", 1)
