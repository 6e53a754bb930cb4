import collections
import dataclasses
import threading
import time
import warnings
from concurrent import futures
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

pytest.importorskip("torch", reason="PyTorch is not installed here")

import torch  # pyright: ignore[reportMissingImports]
from spec_problems import Adding, CopyBack, Legal, TwoTargets
from torch.nn.utils import prune  # pyright: ignore[reportMissingImports]

import longlag
from longlag.adapters import randomness
from longlag.adapters.models.torch_faults import copied
from longlag.adapters.models.torch_losses import loss_of_each
from longlag.adapters.models.user_model import from_reference
from longlag.adapters.weights import from_torch, to_torch
from longlag.checks.model import preflight
from longlag.models import Sizes
from longlag.training import Batches, Recipe, program
from longlag.trials import fit as fitting

ll: Any = longlag  # whose models have what their own libraries give them

BATCH = np.random.default_rng(0).normal(size=(5, 4, 3)).astype(np.float32)


class Net(torch.nn.Module):
    def __init__(self, features, outputs, hidden=16, share=0.0):
        super().__init__()
        self.rnn = torch.nn.GRU(features, hidden, batch_first=True)
        self.dropout = torch.nn.Dropout(share)
        self.readout = torch.nn.Linear(hidden, outputs)

    def forward(self, inputs, state=None):
        hidden, state = self.rnn(inputs, state)
        return self.readout(self.dropout(hidden)), state


class Plain(torch.nn.Module):
    def __init__(self, features, outputs):
        super().__init__()
        self.net = Net(features, outputs)

    def forward(self, inputs):
        return self.net(inputs)[0]


def make(sizes, _):
    return Net(sizes.features, sizes.outputs)


def plain(sizes, _):
    return Plain(sizes.features, sizes.outputs)


def losses(run):
    return np.concatenate([report.losses for report in run.history[0]])


def test_it_learns_as_any_model_and_gives_the_module_back():
    problem = ll.EchoLag(lag=1, length=5, values=4)
    run = ll.train(problem, ll.Whole(), plain, sequences=2000, learning_rate=0.02, seeds=2)
    assert run.verdict == "solved"
    assert run.predict([3, 1, 2, 0, 0]).tolist() == [3, 1, 2, 0]
    assert run.outcome().state is None  # kept to itself
    module = run.models[0].module
    assert isinstance(module, Plain)
    shown = torch.nn.functional.one_hot(torch.tensor([[3, 1, 2, 0, 0]]), 4).float()
    assert module(shown).argmax(-1)[0, 1:].tolist() == [3, 1, 2, 0]


def test_the_losses_are_those_of_a_loop_written_by_hand():
    problem, framing = ll.EchoLag(lag=1, length=6, values=5), ll.Window(timesteps=3)
    run = ll.train(problem, framing, plain, sequences=100, seeds=[4])
    from longlag.adapters.randomness import seeded

    with seeded(4):
        model = plain(ll.Sizes(5, 5, 3), 4)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, eps=1e-7)
    expected = []
    stream = framing.stream(problem, batch_size=5, seed=4, features=True)
    for batch in (next(stream) for _ in range(run.updates)):
        outputs = model(torch.tensor(batch.inputs))[:, -1]
        loss = torch.nn.functional.cross_entropy(outputs, torch.tensor(batch.targets[:, 0]).long())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        expected.append(loss.item())
    np.testing.assert_allclose(losses(run), expected, rtol=1e-5)


KNOBS = {
    "decay": {"optimizer": "adamw", "weight_decay": 0.5},
    "decay of PyTorch": {"optimizer": "adamw"},
    "clipping": {"optimizer": "sgd", "learning_rate": 1.0, "clip_norm": 0.05},
    "clipping of adam": {"clip_norm": 0.01},
    "cosine": {"schedule": "cosine"},
    "warm-up": {"optimizer": "sgd", "warmup": 0.4},
    "all": {"optimizer": "adamw", "clip_norm": 0.2, "schedule": "cosine", "warmup": 0.25},
}


@pytest.mark.parametrize("knobs", KNOBS.values(), ids=KNOBS)
def test_a_module_is_updated_as_its_twin_of_ours(knobs):
    sizes = Sizes(features=4, outputs=4, timesteps=5)

    def trained(knobs):
        torch.manual_seed(1)
        layer, readout = torch.nn.LSTM(4, 6, batch_first=True), torch.nn.Linear(6, 4)
        bias = dict(layer.named_parameters())["bias_hh_l0"]
        bias.data.zero_()
        bias.requires_grad_(False)  # ours has one bias
        ours = from_torch(layer.state_dict(), readout.state_dict())

        class Twin(torch.nn.Module):
            def __init__(self):
                super().__init__()
                self.both = torch.nn.ModuleList([layer, readout])

            def forward(self, inputs):
                outputs, _ = layer(inputs)
                return readout(outputs)

        theirs = ll.adopt(lambda *_: Twin())(sizes, 0)
        inputs = np.random.default_rng(0).integers(4, size=(4, 5, 3, 5), dtype=np.int32)
        recipe = Recipe(**{"learning_rate": 0.05, **knobs})
        both = []
        for model in (ours, theirs):
            batches = (Batches(each, each[..., ::-1].copy(), None, None) for each in inputs)
            _, *events, end = ll.fit([model], [batches], recipe, updates=17)
            both.append((np.concatenate([each.losses for each in events]), end.result))
        return both

    (losses, ours), (their_losses, theirs) = trained(knobs)
    np.testing.assert_allclose(losses, their_losses, rtol=1e-4)
    layer, _ = to_torch(ours)
    there = theirs.module.both[0].state_dict()
    for name in ("weight_ih_l0", "weight_hh_l0"):
        np.testing.assert_allclose(layer[name], there[name].numpy(), atol=2e-4)
    plain, _ = trained({key: knobs[key] for key in knobs if key in ("optimizer", "learning_rate")})
    if len(knobs) > 1 or "optimizer" not in knobs:
        assert np.abs(plain[0] - losses).max() > 1e-3  # the knob matters here


def test_a_module_is_updated_in_bfloat16_under_autocast_and_predicts_in_float32():
    found = []

    class Watched(torch.nn.Linear):
        def forward(self, input):
            outputs = super().forward(input)
            found.append((self.training, outputs.dtype))
            return outputs

    def watched(sizes, seed):
        torch.manual_seed(seed)
        return Watched(sizes.features, sizes.outputs)

    problem, framing = ll.EchoLag(lag=0, length=4, values=5), ll.Chunks(timesteps=2, carry=False)
    course = {}
    for dtype in ("float32", "bfloat16"):
        run = ll.train(problem, framing, watched, sequences=400, learning_rate=0.05, dtype=dtype)
        course[dtype] = losses(run)
        assert {each.dtype for each in run.models[0].module.parameters()} == {torch.float32}
    assert (True, torch.bfloat16) in found
    assert {kind for training, kind in found if not training} == {torch.float32}
    np.testing.assert_allclose(course["bfloat16"], course["float32"], atol=0.03)
    assert (course["bfloat16"] != course["float32"]).any()


def test_state_is_carried_and_reset():
    problem, framing = ll.EchoLag(lag=2, length=6, values=3), ll.Chunks(timesteps=3, carry=True)
    assert preflight(problem, framing, make).passed
    run = ll.train(problem, framing, make, sequences=5000, learning_rate=0.01)
    assert run.outcome().state == 16
    # Two of four targets lie in the chunk before: state brings them, and nothing teaches it to.
    assert run.accuracy.mean > 0.7
    failed = preflight(problem, framing, plain)
    assert [check.name for check in failed.checks if not check.passed] == ["state"]


@pytest.mark.parametrize(
    ("problem", "encoding"),
    [
        (ll.CumulativeThreshold(), None),
        (ll.Ramp(), None),
        (ll.EchoLag(lag=1, length=5, values=4), ll.Scaled),
    ],
)
def test_reals_and_scaled_integers_are_fitted_by_squares(problem, encoding):
    run = ll.train(
        problem, ll.Whole(), plain, encoding=encoding, sequences=1500, learning_rate=0.01
    )
    assert losses(run)[-50:].mean() < 0.5 * losses(run)[:50].mean()
    assert run.accuracy.mean > run.chance


def test_a_whole_answer_in_one_vector():
    problem = ll.EchoSubsequence(length=3, values=3)
    run = ll.train(problem, ll.Vector(), plain, sequences=3000, learning_rate=0.01)
    assert run.accuracy.mean > 0.9


def test_dropout_comes_out_the_same_and_leaves_the_random_state_alone():
    def dropping(sizes, _):
        return Net(sizes.features, sizes.outputs, share=0.5)

    torch.manual_seed(1)
    before = torch.get_rng_state()
    problem = ll.EchoLag(lag=0, length=4, values=3)
    first, second = (ll.train(problem, ll.Whole(), dropping, sequences=100) for _ in range(2))
    np.testing.assert_array_equal(losses(first), losses(second))
    quiet = ll.train(problem, ll.Whole(), make, sequences=100)
    assert np.abs(losses(first) - losses(quiet)).max() > 1e-3
    assert (torch.get_rng_state() == before).all()


def test_a_trained_model_is_saved_and_read(tmp_path):
    problem = ll.EchoLag(lag=0, length=4, values=3)
    run = ll.train(problem, ll.Whole(), plain, sequences=100)
    run.save(tmp_path / "model.safetensors")
    again = ll.load(tmp_path / "model.safetensors")
    assert again.predict([0, 1, 2]).tolist() == run.predict([0, 1, 2]).tolist()
    for name, array in run.models[0].arrays().items():
        np.testing.assert_array_equal(array, again.model.arrays()[name])
    assert again.model.parameters == run.models[0].parameters > 0


def test_a_run_that_leaves_all_bounds_says_so():
    def huge(sizes, seed):
        model = plain(sizes, seed)
        model.net.readout.weight.data *= 1e20
        return model

    problem = ll.EchoLag(lag=0, length=4, values=3)
    run = ll.train(problem, ll.Whole(), huge, sequences=50, optimizer="sgd", learning_rate=1e30)
    assert run.verdict == "diverged"


def test_gates_are_of_our_own_models():
    problem = ll.EchoLag(lag=0, length=4, values=3)
    trained = ll.train(problem, ll.Whole(), plain, sequences=20).trained()
    with pytest.raises(ValueError, match="has no single recurrent layer"):
        trained.gates()


class Attention(torch.nn.Module):
    """An encoder with a mask, or without."""

    def __init__(self, sizes, causal=True, batch_first=True):
        super().__init__()
        self.embed = torch.nn.Linear(sizes.features, 16)
        self.place = torch.nn.Parameter(torch.randn(sizes.timesteps, 16) * 0.1)
        layer = torch.nn.TransformerEncoderLayer(16, 2, 32, 0.0, batch_first=batch_first)
        self.encoder = torch.nn.TransformerEncoder(layer, 1, enable_nested_tensor=False)
        self.readout = torch.nn.Linear(16, sizes.outputs)
        self.causal = causal

    def forward(self, inputs):
        time = inputs.shape[1]
        hidden = self.embed(inputs) + self.place[:time]
        mask = torch.nn.Transformer.generate_square_subsequent_mask(time) if self.causal else None
        return self.readout(self.encoder(hidden, mask=mask, is_causal=self.causal))


@pytest.mark.parametrize(
    ("make", "name", "said"),
    [
        (lambda sizes, _: Attention(sizes), None, None),
        (
            lambda sizes, _: Attention(sizes, causal=False),
            "causal",
            "the output at step 0 depends on the input at step 1, which comes after it",
        ),
        (
            lambda sizes, _: Attention(sizes, causal=False, batch_first=False),
            "rows",
            "the outputs of row 1 depend on the inputs of row 0",
        ),
    ],
)
def test_preflight_finds_what_a_transformer_sees(make, name, said):
    found = preflight(ll.EchoLag(lag=1, length=6, values=4), ll.Whole(), make)
    failed = [(check.name, check.found) for check in found.checks if not check.passed]
    assert failed == ([] if name is None else [(name, said)])


def test_the_mask_of_attention_is_not_that_of_the_steps():
    def encoder(sizes, _):
        layer = torch.nn.TransformerEncoderLayer(sizes.features, 1, 8, 0.0, batch_first=True)
        return torch.nn.TransformerEncoder(layer, 1, enable_nested_tensor=False)

    framing = ll.Window(timesteps=3, missing="mask")
    found = preflight(ll.EchoLag(lag=1, length=6, values=4), framing, encoder)
    assert [check.name for check in found.checks if not check.passed] == ["mask"]


TWICE = "two different outputs for the same inputs, outside training"


class Faulty(torch.nn.Module):
    """An LSTM, with a fault that an evaluation without gradients does not show."""

    def __init__(self, sizes, fault):
        super().__init__()
        self.fault, self.before = fault, 0.0
        self.register_buffer("mean", torch.zeros(4))
        self.lstm = torch.nn.LSTM(sizes.features, 4, batch_first=True)
        if fault != "eval without layers":
            self.norm = torch.nn.BatchNorm1d(4)
            self.drop = torch.nn.Dropout(0.2)
        self.readout = torch.nn.Linear(4, sizes.outputs)

    def forward(self, inputs):
        hidden = self.lstm(inputs)[0]
        if self.fault == "attribute":
            hidden, self.before = hidden + self.before, hidden[:1, -1:].detach()
        if self.fault == "buffer":
            hidden, self.mean = hidden + self.mean, hidden.detach().mean((0, 1))
        if self.fault == "train":
            self.train()
        if self.fault == "a part in eval":
            self.drop.eval()
        if self.fault == "in training" and self.training:
            hidden = hidden + hidden.flip(1)
        if self.fault == "with gradients" and torch.is_grad_enabled():
            hidden = hidden + hidden.flip(1)
        if self.fault == "detached":
            hidden = hidden.detach()
        if self.fault == "batch before" and self.training:
            hidden, self.before = hidden + self.before, hidden[:, -1:].detach().mean(0, True)
        if self.fault == "statistics" and self.training:
            hidden, self.mean = hidden + self.mean, hidden.detach().mean((0, 1))
        if self.fault == "stored":
            self.before = {"hidden": [hidden]}  # with its gradient
        if self.fault.startswith("eval"):
            self.eval()
        if self.fault == "eval without layers":
            return self.readout(torch.nn.functional.dropout(hidden, 0.2, self.training))
        hidden = self.norm(hidden.transpose(1, 2)).transpose(1, 2)
        return self.readout(self.drop(hidden))


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("", {}),
        ("in training", {"causal": "the output at step 0, in training, depends on"}),
        ("with gradients", {"causal": "the output at step 0, in training, depends on"}),
        ("detached", {"gradients": "no gradient reaches lstm.weight_ih_l0, lstm.weight_hh_l0"}),
        ("batch before", {"training": "the outputs in training depend on the batch before"}),
        ("statistics", {}),
        ("stored", {}),
        ("eval", {"training": "its forward leaves training mode: dropout and batch statistics"}),
        ("eval without layers", {"training": "its forward leaves training mode: dropout and"}),
        ("a part in eval", {"training": "its forward leaves training mode: dropout and batch"}),
        ("train", {"outputs": "its forward calls train(): dropout and batch statistics act"}),
        ("attribute", {"outputs": f"{TWICE}: each call changes `before`"}),
        ("buffer", {"outputs": f"{TWICE}: each call changes `mean`"}),
    ],
)
def test_faults_that_only_training_has_are_found(fault, said):
    problem = ll.EchoLag(lag=1, length=6, values=4)
    found = preflight(problem, ll.Whole(), lambda sizes, _: Faulty(sizes, fault))
    failed = {check.name: check.found for check in found.checks if not check.passed}
    assert failed.keys() == said.keys()
    assert all(failed[name].startswith(text) for name, text in said.items())


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("sum so far", {"rows": "the outputs of row 1 depend on the inputs of row 0"}),
        ("sum from the end", {"rows": "the outputs of row 0 depend on the inputs of row 4"}),
        ("view", {"rows": "the outputs of row 1 depend on the inputs of row 0"}),
        (
            "in training",
            {"causal": "the outputs of row 1, in training, depend on the inputs of other rows"},
        ),
        (
            "view, and back",  # with 5 rows of 10 steps each piece lies within a row
            {"number of rows": "a row has other outputs in a batch of 1 than in one of 5"},
        ),
        (
            "mean over rows",
            {"number of rows": "a row has other outputs in a batch of 1 than in one of 5"},
        ),
    ],
)
def test_what_mixes_rows_is_not_taken_for_a_later_step(fault, said):
    class Mixing(Plain):
        def forward(self, inputs):
            rows, time, features = inputs.shape
            steps = inputs.reshape(rows * time, features)
            if fault == "sum so far" or (fault == "in training" and self.training):
                steps = steps.cumsum(0)
            if fault == "sum from the end":
                steps = steps.flip(0).cumsum(0).flip(0)
            if fault == "view":
                return super().forward(inputs.view(time, rows, features)).transpose(0, 1)
            if fault == "view, and back":
                return super().forward(inputs.view(time, rows, features)).reshape(rows, time, -1)
            if fault == "mean over rows":
                return super().forward(inputs) / rows
            return super().forward(steps.reshape(inputs.shape))

    problem = ll.EchoLag(lag=1, length=10, values=4)
    found = preflight(problem, ll.Whole(), lambda s, _: Mixing(s.features, s.outputs))
    assert {check.name: check.found for check in found.checks if not check.passed} == said


@pytest.mark.parametrize(
    ("fails", "named"),
    [(lambda rows: rows == 1, True), (lambda rows: rows != 5, False)],
    ids=["one row", "all but five"],
)
def test_where_one_row_alone_fails_the_usual_reason_is_named(fails, named):
    class Squeezed(Plain):
        def forward(self, inputs):
            outputs = super().forward(inputs)
            return outputs[:1].squeeze() if fails(len(inputs)) else outputs

    problem = ll.EchoLag(lag=1, length=10, values=4)
    found = preflight(problem, ll.Whole(), lambda s, _: Squeezed(s.features, s.outputs))
    last = found.checks[-1]
    assert last.found.startswith("with 1 row rather than 5 it fails: ")
    assert last.remedy.startswith("Leave the number of rows open.")
    assert ("squeeze() without a dimension" in last.remedy) is named


class Normed(torch.nn.Module):
    """A GRU and a layer whose weight is computed, `of` the layer, in each call."""

    def __init__(self, sizes, of, fault=""):
        super().__init__()
        self.fault, self.direction = fault, torch.ones(4)
        self.gru = torch.nn.GRU(sizes.features, 4, batch_first=True)
        self.inner = of(torch.nn.Linear(4, 4))
        self.readout = torch.nn.Linear(4, sizes.outputs)

    def forward(self, inputs):
        hidden = self.inner(self.gru(inputs)[0])
        if self.fault == "plain":  # power iteration on an attribute that is no buffer
            weight = self.readout.weight
            if self.training:
                moved = weight.T.detach() @ weight.detach() @ self.direction
                self.direction = moved / moved.norm()
            hidden = hidden / (weight @ self.direction).norm()
        if self.fault == "in training" and self.training:
            hidden = hidden + hidden.flip(1)
        return self.readout(hidden)


NORMS = {
    "spectral_norm": torch.nn.utils.parametrizations.spectral_norm,
    "weight_norm": torch.nn.utils.parametrizations.weight_norm,
    "old spectral_norm": torch.nn.utils.spectral_norm,
    "old weight_norm": torch.nn.utils.weight_norm,
    "pruned": lambda layer: prune.random_unstructured(layer, "weight", 0.3),
    "none": lambda layer: layer,
}


@pytest.mark.filterwarnings("ignore:.*weight_norm:FutureWarning")
@pytest.mark.parametrize(
    ("norm", "fault", "failed"),
    [
        *((norm, "", []) for norm in NORMS),
        ("none", "plain", []),
        ("spectral_norm", "in training", ["causal"]),
        ("old weight_norm", "in training", ["causal"]),
    ],
)
def test_a_weight_that_is_computed_in_each_call_is_no_fault(norm, fault, failed):
    problem = ll.EchoLag(lag=1, length=6, values=4)
    make = lambda sizes, _: Normed(sizes, NORMS[norm], fault)  # noqa: E731
    found = preflight(problem, ll.Whole(), make)
    assert [check.name for check in found.checks if not check.passed] == failed


@pytest.mark.filterwarnings("ignore:.*weight_norm:FutureWarning")
@pytest.mark.parametrize("norm", ["spectral_norm", "old weight_norm"])
def test_a_copy_in_checks_computes_its_weights_from_its_own(norm):
    sizes = Sizes(4, 4, 6, 4)
    module: Any = Normed(sizes, NORMS[norm])
    module(torch.zeros(1, 6, 4))
    before = {name: each.clone() for name, each in module.state_dict().items()}
    twin: Any = copied(module)
    with torch.no_grad():
        for weight in twin.parameters():
            weight.add_(1.0)
    twin.eval()(torch.zeros(1, 6, 4)).sum().backward()
    assert all(each.grad is not None for each in twin.parameters())
    assert all(torch.equal(each, before[name]) for name, each in module.state_dict().items())
    assert not torch.allclose(twin.inner.weight, module.inner.weight)


def test_a_view_of_a_weight_stays_one_in_checks():
    class Tied(torch.nn.Module):
        def __init__(self, sizes):
            super().__init__()
            self.weight = torch.nn.Parameter(torch.randn(sizes.features, sizes.outputs))
            self.transposed = self.weight.t()

        def forward(self, inputs):
            return torch.nn.functional.linear(inputs, self.transposed)

    found = preflight(ll.EchoLag(lag=0, length=6, values=4), ll.Whole(), lambda s, _: Tied(s))
    assert found.passed, found


def test_a_layer_without_memory_does_not_lose_a_gradient_to_its_spectral_norm():
    def make(sizes, _):
        norm = torch.nn.utils.parametrizations.spectral_norm
        return torch.nn.Sequential(norm(torch.nn.Linear(sizes.features, sizes.outputs)))

    assert preflight(ll.EchoLag(lag=0, length=6, values=4), ll.Whole(), make).passed


@pytest.mark.parametrize("fault", ["no grad", "numpy"])
def test_where_a_model_has_no_gradient_it_is_told_what_to_look_for(fault):
    class Lost(torch.nn.Linear):
        def forward(self, input):
            outputs = super().forward(input)
            return outputs.detach() if fault == "no grad" else torch.tensor(outputs.numpy())

    problem = ll.EchoLag(lag=1, length=6, values=4)
    found = preflight(problem, ll.Whole(), lambda sizes, _: Lost(sizes.features, sizes.outputs))
    (failed,) = (check for check in found.checks if not check.passed)
    assert (failed.name, failed.remedy) == (
        "training",
        "Look for detach, torch.no_grad, .numpy() or stop_gradient.",
    )


@pytest.mark.parametrize(
    "act", [lambda each: each.mul_(2), lambda each: torch.tensor(each.numpy())]
)
def test_what_a_model_does_to_its_inputs_needs_no_gradient(act):
    class Own(Plain):
        def forward(self, inputs):
            return super().forward(act(inputs))

    problem = ll.EchoLag(lag=1, length=6, values=4)
    found = preflight(problem, ll.Whole(), lambda s, _: Own(s.features, s.outputs))
    assert found.passed


@pytest.mark.parametrize("lost", [False, True])
def test_a_state_that_is_detached_at_each_step_is_found(lost):
    class Loop(torch.nn.Module):
        def __init__(self, sizes):
            super().__init__()
            self.cell = torch.nn.GRUCell(sizes.features, 4)
            self.readout = torch.nn.Linear(4, sizes.outputs)

        def forward(self, inputs):
            hidden, outputs = inputs.new_zeros(len(inputs), 4), []
            for step in inputs.unbind(1):
                hidden = self.cell(step, hidden.detach() if lost else hidden)
                outputs.append(self.readout(hidden))
            return torch.stack(outputs, 1)

    found = preflight(ll.EchoLag(lag=1, length=6, values=4), ll.Whole(), lambda s, _: Loop(s))
    failed = {check.name: check.found for check in found.checks if not check.passed}
    text = "the last output depends on earlier inputs, but no gradient reaches them"
    assert failed == ({"gradients": text} if lost else {})


@pytest.mark.filterwarnings("error")
class Kernel(torch.nn.Module):
    """A convolution of a layer with weights of its own, whose kernel gets a gradient or not."""

    def __init__(self, sizes, cut):
        super().__init__()
        self.cut = cut
        self.kernel = torch.nn.Parameter(torch.randn(3, sizes.features))
        self.skip = torch.nn.Parameter(torch.randn(sizes.features))
        self.idle = torch.nn.Parameter(torch.randn(2, 2))  # which changes no output
        self.readout = torch.nn.Linear(sizes.features, sizes.outputs)

    def forward(self, inputs):
        kernel = self.kernel.detach() if self.cut else self.kernel
        padded = torch.nn.functional.pad(inputs, (0, 0, 2, 0))
        sums = sum(padded[:, at : at + inputs.shape[1]] * kernel[at] for at in range(3))
        return self.readout(sums + self.skip * inputs)


@pytest.mark.parametrize("cut", [False, True])
def test_an_array_without_a_gradient_is_found_in_a_layer_that_learns(cut):
    found = preflight(
        ll.EchoLag(lag=1, length=6, values=4), ll.Whole(), lambda sizes, _: Kernel(sizes, cut)
    )
    texts = {check.name: check.found for check in found.checks}
    assert found.passed is not cut
    assert texts["gradients"] == (
        "no gradient reaches kernel, which change the outputs: 12 of 40 weights are not trained"
        if cut
        else "one reaches 36 of 40 weights; none: idle"
    )


@pytest.mark.parametrize("inputs", ["features", "values"])
def test_a_state_that_is_detached_every_few_steps_is_mentioned(inputs):
    class Detached(torch.nn.Module):
        def __init__(self, sizes):
            super().__init__()
            self.read = torch.nn.Embedding(4, 4) if inputs == "values" else torch.nn.Identity()
            self.cell = torch.nn.GRUCell(4, 4)
            self.readout = torch.nn.Linear(4, sizes.outputs)

        def forward(self, inputs):
            hidden, outputs = torch.zeros(len(inputs), 4), []
            for step, shown in enumerate(self.read(inputs).unbind(1)):
                hidden = hidden if step % 4 else hidden.detach()
                hidden = self.cell(shown, hidden)
                outputs.append(self.readout(hidden))
            return torch.stack(outputs, 1)

    model = ll.adopt(lambda sizes, _: Detached(sizes), inputs=inputs)
    found = preflight(ll.EchoLag(lag=1, length=6, values=4), ll.Whole(), model)
    text = {check.name: check.found for check in found.checks}["warning"]
    assert text.startswith("a gradient of the last output reaches only the last 2 of 6 steps")


@pytest.mark.parametrize(
    ("act", "said"),
    [
        (lambda hidden: torch.nn.functional.dropout(hidden, 0.5), f"{TWICE}: each call draws"),
        (lambda hidden: torch.nn.Dropout(0.5)(hidden), f"{TWICE}: each call draws random numbers"),
        (
            lambda hidden: torch.nn.Sequential(torch.nn.Linear(4, 4))(hidden),
            "its call makes a layer, a Linear, whose weights nothing trains",
        ),
        (torch.nn.ReLU(), None),
    ],
)
def test_dropout_and_layers_of_a_call_are_told_apart(act, said):
    class Calling(torch.nn.Linear):
        def forward(self, input):
            with torch.random.fork_rng():
                return super().forward(act(input))

    found = preflight(
        ll.EchoLag(lag=1, length=6, values=4), ll.Whole(), lambda s, _: Calling(s.features, 4)
    )
    failed = [check for check in found.checks if not check.passed]
    assert failed == [] if said is None else failed[0].found.startswith(said)
    if said and "draws" in said:
        assert failed[0].remedy.startswith("Begin a state from zeros, and use dropout and noise")


class Fitted(torch.nn.Module):
    """A GRU of two layers, with one of the faults and oddities that people's modules have."""

    def __init__(self, sizes, kind):
        super().__init__()
        self.kind, self.late = kind, None
        self.rnn = torch.nn.GRU(sizes.features, 4, num_layers=2, batch_first=True)
        self.gate = torch.nn.Linear(4, 6)
        self.experts = torch.nn.ModuleList(torch.nn.Linear(4, sizes.outputs) for _ in range(6))
        if kind == "lazy":
            self.late = torch.nn.LazyLinear(4)

    def forward(self, inputs):
        if self.kind == "shuffled" and self.training:
            inputs = inputs.roll(1, 0)
        outputs, last = self.rnn(inputs)
        if self.kind == "first layer":
            outputs = last[0][:, None]
        if self.kind == "made late":
            self.late = self.late or torch.nn.Linear(4, 4)
            outputs = self.late(outputs)
        weight, chosen = self.gate(outputs).softmax(-1).max(-1, keepdim=True)
        told = torch.stack([each(outputs) for each in self.experts], -1)
        told = told.gather(-1, chosen[..., None].expand(*told.shape[:-1], 1))[..., 0]
        return (weight * told)[:, -1] if self.kind == "first layer" else weight * told


@pytest.mark.parametrize(
    ("kind", "failed", "warned"),
    [
        ("experts", "", ""),
        ("shuffled", "the outputs of row 1, in training, depend on the inputs of row 0", ""),
        ("made late", "its call makes a layer, a Linear, whose weights nothing trains", ""),
        ("lazy", "its `late.weight` has no size yet", ""),
        ("first layer", "", "no output depends on rnn.weight_ih_l1, rnn.weight_hh_l1"),
    ],
)
def test_seldom_used_weights_pass_and_faults_are_named(kind, failed, warned):
    framing = ll.Window(timesteps=3) if kind == "first layer" else ll.Whole()
    problem = ll.EchoLag(lag=1, length=6, values=4)
    checks = preflight(problem, framing, lambda sizes, _: Fitted(sizes, kind)).checks
    found = [check.found for check in checks if not check.passed]
    warnings = [check.found for check in checks if check.name == "warning"]
    assert (len(found), len(warnings)) == (bool(failed), bool(warned))
    assert "".join(found).startswith(failed)
    assert "".join(warnings).startswith(warned)


def test_a_warning_of_a_model_is_one_line_of_the_checks():
    class Loud(torch.nn.Linear):
        def forward(self, input):
            warnings.warn("this layer\n  is old", stacklevel=1)
            return super().forward(input)

    problem = ll.EchoLag(lag=1, length=6, values=4)
    found = preflight(problem, ll.Whole(), lambda sizes, _: Loud(sizes.features, sizes.outputs))
    assert found.passed
    assert [each.found for each in found.checks if each.name == "warning"] == ["this layer is old"]


def test_a_weight_that_is_no_number_is_named():
    def broken(sizes, seed):
        model = plain(sizes, seed)
        model.net.readout.bias.data[1] = torch.nan
        return model

    with pytest.raises(ValueError, match=r"is nan\..*The weight net.readout.bias is not finite"):
        ll.train(ll.EchoLag(values=4), ll.Whole(), broken)


@pytest.mark.parametrize("form", ["dataclass", "dict", "pair"])
def test_logits_among_other_results_are_named(form):
    kinds = {
        "dataclass": dataclasses.make_dataclass("Output", ["logits", "hidden"]),
        "dict": lambda logits, hidden: {"logits": logits, "hidden": hidden},
        "pair": collections.namedtuple("Output", ["logits", "hidden"]),
    }

    class Several(Plain):
        def forward(self, inputs):
            return kinds[form](super().forward(inputs), inputs)

    problem = ll.EchoLag(lag=1, length=6, values=4)
    found = preflight(problem, ll.Whole(), lambda s, _: Several(s.features, s.outputs))
    kind = "dict" if form == "dict" else "Output"
    failed = {check.name: check.found for check in found.checks if not check.passed}
    assert failed == {"outputs": f"the model gives {kind}, no array. Return only its logits"}


@pytest.mark.parametrize("carries", [False, True])
def test_an_array_in_place_of_a_tensor_is_named(carries):
    class Arrays(torch.nn.Linear):
        def forward(self, inputs):  # pyright: ignore[reportIncompatibleMethodOverride]
            return super().forward(inputs).detach().numpy()

    class Carrying(Arrays):
        def forward(self, inputs, state=None):  # pyright: ignore[reportIncompatibleMethodOverride]
            return super().forward(inputs), state

    kind = Carrying if carries else Arrays
    problem = ll.EchoLag(lag=1, length=6, values=4)
    with pytest.raises(ValueError, match=r"an array of NumPy\. Return a tensor: leave out \.numpy"):
        ll.train(problem, ll.Whole(), lambda sizes, _: kind(sizes.features, sizes.outputs))


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")
def test_a_quantized_module_is_refused_by_the_part_that_cannot_be_trained():
    def quantized(sizes, seed):
        layers = {torch.nn.Linear}
        return torch.ao.quantization.quantize_dynamic(plain(sizes, seed), layers)

    with pytest.raises(ValueError, match=r"has net.readout\._packed.*before it is quantized"):
        ll.train(ll.EchoLag(values=4), ll.Whole(), quantized)


def test_a_class_of_other_arguments_asks_for_a_function():
    class Wide(Plain):
        def __init__(self, sizes, seed, width):
            super().__init__(sizes, seed + width)

    for kind in Net, Wide:  # Net takes features and outputs, two numbers
        with pytest.raises(
            ValueError, match=rf"make_model\(sizes, seed\) that returns {kind.__name__}"
        ):
            ll.train(ll.EchoLag(values=4), ll.Whole(), kind)


def test_values_go_into_an_embedding():
    class Embedded(torch.nn.Module):
        def __init__(self, sizes):
            super().__init__()
            self.embed = torch.nn.Embedding(sizes.values, 8)
            self.inner = Plain(8, sizes.outputs)

        def forward(self, inputs):
            return self.inner(self.embed(inputs))

    made = ll.adopt(lambda sizes, _: Embedded(sizes), inputs="values")
    problem = ll.EchoLag(lag=1, length=5, values=4)
    run = ll.train(problem, ll.Whole(), made, sequences=2000, learning_rate=0.02)
    assert run.verdict == "solved"


def zeroed(make):
    def made(sizes, seed):
        model = make(sizes, seed)
        for each in model.parameters():
            torch.nn.init.zeros_(each)
        return model

    return made


def test_a_model_that_begins_from_zeros_hides_nothing():
    problem, framing = ll.EchoLag(lag=1, length=6, values=4), ll.Chunks(timesteps=3, carry=True)
    assert preflight(problem, framing, zeroed(make)).passed
    leaky = zeroed(lambda sizes, _: Attention(sizes, causal=False))
    failed = preflight(problem, ll.Whole(), leaky).checks[-1]
    assert (failed.name, failed.passed) == ("causal", False)


def test_dropout_outside_training_is_found_out():
    class Noisy(Plain):
        def forward(self, inputs):
            return torch.nn.functional.dropout(super().forward(inputs), 0.5)

    found = preflight(ll.EchoLag(values=4), ll.Whole(), lambda s, _: Noisy(s.features, s.outputs))
    failed = found.checks[-1]
    assert (failed.name, failed.passed) == ("outputs", False)
    assert "two different outputs for the same inputs" in failed.found


def test_a_state_that_is_no_pair_is_said():
    class Wrong(Net):
        def forward(self, inputs, state=None):
            return super().forward(inputs, state)[0]

    with pytest.raises(ValueError, match="must give a pair of outputs and state"):
        ll.train(ll.EchoLag(values=4), ll.Whole(), lambda s, _: Wrong(s.features, s.outputs))


def test_compiled_runs_what_torch_compile_makes(monkeypatch):
    """Of it, not of the module: whose weights it trains."""
    calls = []

    def compiled(module):
        def run(*given, **named):
            calls.append(1)
            return module(*given, **named)

        return run

    monkeypatch.setattr(torch, "compile", compiled)
    problem = ll.EchoLag(lag=0, length=4, values=3)
    plainly, compiled_too = (
        ll.train(problem, ll.Whole(), ll.adopt(plain, compiled=flag), sequences=50)
        for flag in (False, True)
    )
    assert len(calls) > 10
    np.testing.assert_array_equal(losses(plainly), losses(compiled_too))


@pytest.mark.parametrize("problem", [Adding(), CopyBack(), Legal(), TwoTargets()])
def test_losses_of_every_kind_of_target_are_those_of_the_compiled_loop(problem):
    setting = ll.Setting(problem=problem, framing=ll.Whole(), model=ll.RNN(hidden_size=3))
    samples = ll.Whole().sample(problem, np.random.default_rng(0), 6)
    loss, rng = setting.loss, np.random.default_rng(1)
    outputs = rng.normal(size=(*samples.mask.shape, setting.sizes.outputs)).astype(np.float32)
    counts = np.asarray(loss.scored(samples.targets))
    wide = counts if loss.size is None else counts[..., None]
    ours, said = loss(jnp.asarray(outputs), jnp.asarray(np.where(wide, samples.targets, 0)))
    kind = torch.int64 if samples.targets.dtype.kind == "i" else torch.float32
    theirs = loss_of_each(torch.tensor(outputs), torch.tensor(samples.targets).to(kind), loss)
    np.testing.assert_allclose(theirs.numpy()[counts], np.asarray(ours)[counts], rtol=1e-5)
    assert problem.targets.matches(np.asarray(said), np.asarray(said)).all()


@pytest.mark.parametrize("problem", [Adding(), CopyBack(), Legal(), TwoTargets()])
def test_a_module_is_trained_on_every_kind_of_problem(problem):
    def make(sizes, seed):
        del seed
        return torch.nn.Sequential(
            torch.nn.Linear(sizes.features, 8), torch.nn.Tanh(), torch.nn.Linear(8, sizes.outputs)
        )

    run = ll.train(problem, ll.Whole(), make, sequences=200, batch_size=4, learning_rate=0.01)
    losses = np.concatenate([event.losses for event in run.history[0]])
    assert losses[-10:].mean() < losses[:10].mean()
    assert run.evaluations[0].predicted.shape == run.evaluations[0].targets.shape


def threads():
    """Of a thread that has run nothing of PyTorch yet, which takes the number of the process."""
    with futures.ThreadPoolExecutor(1) as pool:
        return pool.submit(torch.get_num_threads).result()


def test_an_operation_has_one_thread_in_training_and_the_number_is_set_back(monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    met = set()

    class Counting(Plain):
        def forward(self, inputs):
            met.add(torch.get_num_threads())
            return super().forward(inputs)

    def train(seed):
        problem = ll.EchoLag(lag=0, length=4, values=3)
        make = lambda sizes, _: Counting(sizes.features, sizes.outputs)  # noqa: E731
        return ll.train(problem, ll.Whole(), make, sequences=50, seeds=[seed])

    usual = torch.get_num_threads()
    try:
        torch.set_num_threads(3)
        with futures.ThreadPoolExecutor(2) as pool:
            list(pool.map(train, range(4)))
        assert met == {1}
        assert threads() == torch.get_num_threads() == 3
        monkeypatch.setenv("OMP_NUM_THREADS", "3")
        train(0)
        assert met == {1, 3}
    finally:
        torch.set_num_threads(usual)


def test_what_torch_compile_takes_is_time_of_compiling(monkeypatch):
    """The first update, as compiling begins with a call; later ones are training."""
    counted = []

    def compiled(module):
        def run(*given, **named):
            counted.append(bool(program.COMPILING.get()._inside))
            return module(*given, **named)

        return run

    monkeypatch.setattr(torch, "compile", compiled)
    problem = ll.EchoLag(lag=0, length=4, values=3)
    make = ll.adopt(plain, compiled=True)
    setting = ll.Setting(problem=problem, framing=ll.Whole(), model=make)
    run = fitting.finish(fitting.fit(setting, [0]))
    assert counted[: run.updates] == [True] + [False] * (run.updates - 1)
    assert counted[run.updates]  # not in training it is another program


def test_the_time_in_which_another_trial_trains_is_not_counted():
    setting = ll.Setting(
        problem=ll.EchoLag(lag=0, length=4, values=3),
        framing=ll.Whole(),
        model=ll.adopt(plain),
        recipe=ll.Recipe(sequences=2000),
    )
    fit, taken, wait = fitting.fit(setting, [0]), threading.Event(), 1.0
    next(fit)  # it has started, and makes the first of its chunks

    def another():
        with randomness.locked():
            taken.set()
            time.sleep(wait)

    with futures.ThreadPoolExecutor(1) as pool:
        pool.submit(another)
        taken.wait()
        began = time.perf_counter()
        run = fitting.finish(fit)
    assert time.perf_counter() - began > wait / 2  # it did wait
    assert run.train_seconds < run.total_seconds - wait / 2


class Shaped(torch.nn.Module):
    """State of some shape: a step count and, deep inside, what was shown."""

    def __init__(self, features, outputs, state):
        super().__init__()
        self.readout, self.state = torch.nn.Linear(features, outputs), state

    def forward(self, inputs, state=None):
        before = None if state is None or self.state == "unused" else state["deep"][1][0]
        total = inputs.cumsum(1) + (0 if before is None else before[:, None])
        count = torch.zeros(()) if state is None else state["count"] + 1
        deep = {"words": "seen", "unused": total[:, -1]}.get(self.state, total[:, -1])
        return self.readout(total), {"count": count, "deep": (None, [deep])}


@pytest.mark.parametrize("framing", [ll.Whole(), ll.Chunks(timesteps=2, carry=True)], ids=repr)
def test_state_of_any_shape_is_looked_at_in_every_framing(framing):
    problem = ll.EchoLag(lag=1, length=6, values=4)

    def found(state):
        return preflight(problem, framing, lambda s, _: Shaped(s.features, s.outputs, state))

    good = found("good")
    assert good.passed
    assert good.state == 5
    assert "5 numbers a row" in next(each.found for each in good.checks if each.name == "state")
    bad = found("words").checks[-1]
    assert bad.found.startswith("the state that the model gives is a str at ['deep'][1][0], which")
    unused = found("unused").checks[-1]
    assert (unused.name, unused.passed) == ("state", False)


def test_a_module_of_bfloat16_is_checked_trained_and_kept(trained_and_kept):
    def make(sizes, _):
        return Plain(sizes.features, sizes.outputs).bfloat16()

    again = trained_and_kept(make)
    assert again.model.module.net.readout.weight.dtype == torch.bfloat16


def test_weights_of_several_types_are_named(tmp_path):
    file = tmp_path / "mine.py"
    file.write_text(
        "import torch\n\ndef make_model(sizes, seed):\n"
        "    last = torch.nn.Linear(4, sizes.outputs)\n"
        "    return torch.nn.Sequential(torch.nn.Linear(sizes.features, 4).bfloat16(), last)\n"
    )
    make = from_reference(f"{file}:make_model")
    said = preflight(ll.EchoLag(lag=0, length=4, values=3), ll.Whole(), make).checks[-1]
    assert "0.bias is bfloat16, 1.bias is float32" in said.remedy


def test_padding_at_the_end_is_what_packed_sequences_take():
    class Packed(Plain):
        def forward(self, inputs, mask=None):
            full = torch.full((len(inputs),), inputs.shape[1])
            lengths = full if mask is None else mask.sum(1)
            packed = torch.nn.utils.rnn.pack_padded_sequence(
                inputs, lengths.cpu(), batch_first=True, enforce_sorted=False
            )
            hidden, last = self.net.rnn(packed)
            if self.every:
                hidden, _ = torch.nn.utils.rnn.pad_packed_sequence(
                    hidden, batch_first=True, total_length=inputs.shape[1]
                )
                return self.net.readout(hidden)
            return self.net.readout(last[-1])

    def make(every):
        def packed(sizes, _):
            model: Any = Packed(sizes.features, sizes.outputs)
            model.every = every
            return model

        return packed

    problem, outputs = ll.EchoLag(lag=1, length=5, values=4), []
    failed = preflight(problem, ll.Prefix(), make(False)).checks[-1]
    assert "Prefix(pad='end')" in failed.remedy
    for every in (False, True):
        assert preflight(problem, ll.Prefix(pad="end"), make(every)).passed
        run = ll.train(problem, ll.Prefix(pad="end"), make(every), sequences=40)
        outputs.append(losses(run))
    np.testing.assert_allclose(*outputs, rtol=1e-5)


def test_positions_along_the_axis_of_rows_are_found():
    class Positions(torch.nn.Module):
        def __init__(self, sizes):
            super().__init__()
            self.places = torch.nn.Parameter(torch.randn(64, 1, sizes.features))
            self.layer = torch.nn.LSTM(sizes.features, 8, batch_first=True)
            self.readout = torch.nn.Linear(8, sizes.outputs)

        def forward(self, inputs):
            outputs, _ = self.layer(inputs + self.places[: len(inputs)])
            return self.readout(outputs)

    found = ll.preflight(
        ll.EchoLag(length=6, values=4), ll.Whole(), lambda sizes, _: Positions(sizes)
    )
    failed = {check.name: check.found for check in found.checks if not check.passed}
    assert failed == {"rows": "the place of a row in its batch changes its outputs"}


@pytest.mark.parametrize("kind", [list, tuple, torch.nn.ModuleList])
def test_layers_in_a_plain_list_are_named(kind):
    class Stack(torch.nn.Module):
        def __init__(self, sizes):
            super().__init__()
            self.layers = kind([torch.nn.GRU(sizes.features, 4, batch_first=True)])
            self.readout = torch.nn.Linear(4, sizes.outputs)
            self.all = [self.readout]  # registered elsewhere
            frozen = torch.nn.Linear(2, 2)
            self.others = {"frozen": frozen.requires_grad_(False)}

        def forward(self, inputs):
            return self.readout(self.layers[0](inputs)[0])

    found = preflight(ll.EchoLag(values=3), ll.Whole(), lambda sizes, _: Stack(sizes))
    if kind is torch.nn.ModuleList:
        assert found.passed
    else:
        (made,) = (each for each in found.checks if not each.passed)

        class Raw(Stack):
            def __init__(self, sizes):
                super().__init__(sizes)
                self.layers = torch.nn.ModuleList(self.layers)
                self.scale = torch.ones(3, requires_grad=True)

        raw = preflight(ll.EchoLag(values=3), ll.Whole(), lambda sizes, _: Raw(sizes))
        assert "`scale` is a plain Tensor" in next(e.found for e in raw.checks if not e.passed)
        assert f"`layers` is a plain {kind.__name__} with weights that are not among" in made.found
        assert "torch.nn.ModuleList" in made.found + made.remedy


def test_a_module_that_writes_to_its_inputs_leaves_those_of_others_as_they_are():
    class Halved(Plain):
        def forward(self, inputs):
            inputs *= 0.5
            return super().forward(inputs)

    model: Any = ll.adopt(lambda sizes, _: Halved(sizes.features, sizes.outputs))(
        Sizes(features=3, outputs=2, timesteps=4), 0
    )
    given = BATCH[None].copy()
    batches = Batches(inputs=given, targets=np.zeros((1, 5, 4)), reset=None, mask=None)
    first, again = (model.outputs(batches, "every") for _ in range(2))
    np.testing.assert_array_equal(given, BATCH[None])
    np.testing.assert_array_equal(first, again)


@pytest.mark.parametrize("place", ["global", "closure", "own", "state"])
def test_weights_that_a_forward_takes_from_elsewhere_are_found(place):
    outside = torch.nn.Linear(4, 4)

    class Reaching(Plain):
        def __init__(self, sizes):
            super().__init__(4, sizes.outputs)
            self.first = torch.nn.Linear(sizes.features, 4)
            inside = torch.nn.Linear(4, 4)
            if place == "own":
                self.inside = inside  # of which a copy has another
            if place in ("closure", "own"):
                self.middle = lambda inputs: inside(inputs)

        def forward(self, inputs):
            inputs = self.first(inputs)
            if place == "state":  # a leaf, but no weight
                return super().forward(inputs + torch.zeros(1, requires_grad=True))
            return super().forward((outside if place == "global" else self.middle)(inputs))

    found = preflight(ll.EchoLag(length=6, values=3), ll.Whole(), lambda sizes, _: Reaching(sizes))
    failed = {check.name: check.found for check in found.checks if not check.passed}
    text = (
        "it uses 20 weights that its parameters do not include, as of a layer that is a global or "
        "in a closure: nothing trains them"
    )
    assert failed == ({} if place in ("own", "state") else {"training": text})


@pytest.mark.filterwarnings("ignore:.torch.jit:DeprecationWarning")
def test_a_module_of_torch_jit_is_told_to_be_one_of_python():
    def make_model(sizes, _):
        return torch.jit.script(torch.nn.Linear(sizes.features, sizes.outputs))

    (made,) = preflight(ll.EchoLag(values=3), ll.Whole(), make_model).checks
    assert made.found.startswith("it is compiled by torch.jit, so that no check can look into it. ")


def test_a_forward_is_given_its_mode():
    seen = []

    class Named(Plain):
        def forward(self, inputs, train=True):
            seen.append(train)
            return super().forward(inputs)

    own = lambda sizes, _: Named(sizes.features, sizes.outputs)  # noqa: E731
    model: Any = ll.adopt(own)(Sizes(features=3, outputs=2, timesteps=4), 0)
    numbers = np.zeros((1, 5, 4), np.float32)
    batches = Batches(inputs=BATCH[None], targets=numbers, reset=None, mask=None)
    for training in (False, True):
        model.outputs(batches, "every", training=training)
    assert seen == [False, True]
