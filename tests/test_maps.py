import jax
import jax.numpy as jnp
import numpy as np
import pytest

from longlag.framings import Chunks, Prefix, Whole, Window
from longlag.lab import Setting
from longlag.maps import Reach, audit
from longlag.models import LSTM, MLP
from longlag.problems import EchoLag
from longlag.training import Batches, Recipe, engine

LAG_1 = EchoLag(lag=1, length=12, values=5)


@pytest.mark.parametrize(
    ("framing", "batch_size", "verdict", "remedy"),
    [
        # The three cases of the source's failure.
        (Chunks(timesteps=1, carry=True, rows="consecutive"), 6, "unreachable", "rows='parallel'"),
        (Chunks(timesteps=1, carry=True, rows="parallel"), 6, "state-only", "timesteps=2 or more"),
        (Chunks(timesteps=2, carry=True, rows="parallel"), 6, "learnable", ""),
        (Chunks(timesteps=1, carry=True, rows="consecutive"), 1, "state-only", "timesteps=2"),
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
    assert one_step.remedy == "Use a recurrent model."
    assert flattened.verdict == "learnable"


def test_every_remedy_helps_or_none_is_named():
    remedy = audit(EchoLag(lag=1), Chunks(timesteps=1), reach=Reach(1, state=False)).remedy
    assert remedy == "Use a recurrent model, and carry=True, and timesteps=2 or more."
    lag_0 = audit(EchoLag(lag=0), Chunks(timesteps=1), reach=Reach(1, state=False))
    assert lag_0.verdict == "learnable"


def test_an_audit_without_rows_is_refused():
    with pytest.raises(ValueError, match="`batch_size` must be at least 1, got -3"):
        audit(EchoLag(), Whole(), batch_size=-3)


def test_nothing_passes_through_state_to_a_model_without_memory():
    found = audit(EchoLag(lag=1), Chunks(carry=True), reach=Reach(None, state=False))
    assert found.verdict == "unreachable"


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
    (Whole(), 2),
]
MODELS = [LSTM(hidden_size=8), MLP(hidden_size=32), MLP(hidden_size=32, context=2)]


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
    steps = layout.steps.ravel()[where]

    def losses(inputs):
        samples = layout.gather(episodes._replace(inputs=inputs))
        shaped = [each.reshape(layout.steps.shape) for each in samples]
        reset = np.arange(len(shaped[0])) == 0 if layout.carry else None
        shown = shaped[0] if framing.marks else np.maximum(shaped[0], 0)
        mask = None if layout.present.all() else shaped[2]
        batches = Batches(shown, np.zeros_like(shaped[1]), mask, reset)
        return engine.predict(network, batches, loss="cross-entropy", values=5)[0].ravel()[where]

    usual = losses(episodes.inputs)
    for step in range(LAG_1.length):
        moved = np.zeros(len(where), dtype=bool)
        for shift in range(1, 5):
            other = episodes.inputs.copy()
            other[0, step] = (other[0, step] + shift) % 5
            moved |= losses(other) != usual
        assert moved.tolist() == found.sees[steps, step].tolist()

    learns = np.zeros_like(found.learns)
    inner = getattr(network, "model", network)
    for update, row in np.argwhere(layout.rows == 0):
        shown, present = layout.steps[update, row], layout.present[update, row]
        features = jax.nn.one_hot(episodes.inputs[0][np.maximum(shown, 0)], 5)

        def said(features, present=present):
            return inner(features, jnp.asarray(present), inner.initial_state())[0]

        slopes = np.abs(jax.jacobian(said)(features)).sum(axis=(1, 3)) > 0
        for place in np.flatnonzero(layout.scored[update, row]):
            into = shown[slopes[place] & (shown >= 0)]
            learns[shown[place], into] = True
    assert (learns == found.learns).all()
