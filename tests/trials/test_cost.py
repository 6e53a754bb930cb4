"""What a model costs: operations counted by hand, and figures that cannot be had."""

import dataclasses
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import longlag as ll
from longlag.adapters.models import functional
from longlag.adapters.models.equinox import functional_model
from longlag.checks.model import preflight
from longlag.training import Recipe
from longlag.training.flops import flops
from longlag.trials.cost import cost
from longlag.trials.fit import finish, fit
from longlag.trials.setting import Setting

HIDDEN, VALUES, ROWS, STEPS = 8, 10, 5, 25
GATES = {"LSTM": 4, "GRU": 3, "RNN": 1}
ECHO = ll.EchoLag(values=VALUES, length=STEPS)


def found(model, framing=None) -> Any:
    framing = ll.Whole() if framing is None else framing
    recipe = Recipe(batch_size=ROWS)
    return cost(Setting(problem=ECHO, framing=framing, model=model, recipe=recipe))


def by_hand(gates, inputs):
    """A step of a recurrent layer and its readout."""
    return 2 * (gates * HIDDEN * (inputs + HIDDEN) + HIDDEN * VALUES)


@pytest.mark.parametrize("kind", [ll.LSTM, ll.GRU, ll.RNN])
def test_the_operations_of_our_models_are_those_counted_by_hand(kind):
    each = found(kind(hidden_size=HIDDEN))
    step = by_hand(GATES[kind.__name__], 0)  # an input is one of several rows: no product
    assert each.flops_per_step == step
    # Backward two products for each, and one for the weights of the inputs.
    per_update = ROWS * STEPS * (3 * step + 2 * GATES[kind.__name__] * HIDDEN * VALUES)
    assert each.flops_per_update == pytest.approx(per_update, rel=0.1)
    assert each.memory > 4 * 3 * step / 2  # the weights and two moments
    assert each.seconds_per_update > each.seconds_per_step > 0
    assert each.device == "cpu"


def test_a_framing_with_one_output_for_a_sample_reads_out_once():
    each = found(ll.LSTM(hidden_size=HIDDEN), ll.Window(timesteps=3))
    assert each.flops_per_step == (3 * 2 * 4 * HIDDEN * HIDDEN + 2 * HIDDEN * VALUES) // 3


@pytest.mark.parametrize("kind", ["LSTM", "GRU", "RNN"])
@pytest.mark.parametrize("framing", [ll.Whole(), ll.Chunks(timesteps=5, carry=True)], ids=repr)
def test_the_operations_of_pytorch_modules_are_those_counted_by_hand(kind, framing):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed here")

    class Net(torch.nn.Module):
        def __init__(self, sizes):
            super().__init__()
            self.layer = getattr(torch.nn, kind)(sizes.features, HIDDEN, batch_first=True)
            self.readout = torch.nn.Linear(HIDDEN, sizes.outputs)

        def forward(self, inputs, state=None):
            hidden, state = self.layer(inputs, state)
            return self.readout(hidden), state

    each = found(ll.adopt(lambda sizes, _: Net(sizes)), framing)
    step = by_hand(GATES[kind], VALUES)
    timesteps = STEPS if isinstance(framing, ll.Whole) else 5
    assert each.flops_per_step == step
    # No gradient of the inputs is needed.
    per_update = ROWS * timesteps * (3 * step - 2 * GATES[kind] * HIDDEN * VALUES)
    assert each.flops_per_update == pytest.approx(per_update, rel=0.1)
    weights = GATES[kind] * HIDDEN * (VALUES + HIDDEN + 2) + (HIDDEN + 1) * VALUES
    states = GATES[kind] * HIDDEN + HIDDEN + VALUES
    least = 4 * (4 * weights + ROWS * timesteps * (VALUES + states))  # two moments, a gradient
    assert least < each.memory < 5 * least  # with the gradients of what is between


@pytest.mark.parametrize("length", [7, 99])
def test_of_a_model_that_packs_the_operations_are_the_mean_over_the_lengths(length):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed here")
    from torch.nn.utils.rnn import pack_padded_sequence  # pyright: ignore[reportMissingImports]

    class Net(torch.nn.Module):
        def __init__(self, sizes):
            super().__init__()
            self.layer = torch.nn.LSTM(sizes.features, HIDDEN, batch_first=True)
            self.readout = torch.nn.Linear(HIDDEN, sizes.outputs)

        def forward(self, inputs, mask):
            counts = mask.sum(dim=1).cpu()
            packed = pack_padded_sequence(inputs, counts, batch_first=True, enforce_sorted=False)
            return self.readout(self.layer(packed)[1][0][-1])

    recipe, model = Recipe(batch_size=ROWS), ll.adopt(lambda sizes, _: Net(sizes))
    problem = ll.EchoLag(values=VALUES, length=length)
    framing = ll.Prefix(pad="end")
    setting = Setting(problem=problem, framing=framing, model=model, recipe=recipe)
    each = cost(setting)
    readout, inputs = 2 * HIDDEN * VALUES, 2 * 4 * HIDDEN * VALUES
    mean = (length + 1) / 2 / length  # of samples of 1 to `length` steps
    step = mean * (by_hand(4, VALUES) - readout) + readout / length
    assert each.flops_per_step == pytest.approx(step, rel=0.01)
    per_update = ROWS * length * (3 * step - mean * inputs)
    assert each.flops_per_update == pytest.approx(per_update, rel=0.15)
    longest = 4 * ROWS * length * (VALUES + 4 * HIDDEN)  # bytes of its inputs and gates
    assert each.memory > longest


@pytest.mark.filterwarnings("ignore:adopted reads what cannot be compared")  # the tests' wrappers
@pytest.mark.parametrize("missing", ["drop", "mark"])
def test_a_model_with_a_fixed_number_of_rows_costs_no_more_for_a_step(missing):
    class Fixed(eqx.Module):
        linear: eqx.nn.Linear

        def __call__(self, inputs):
            return jax.vmap(self.linear)(inputs)

    def make(rows):
        def adopted(sizes, seed):
            linear = eqx.nn.Linear(sizes.features, sizes.outputs, key=jax.random.key(seed))
            pure = dataclasses.replace(functional_model(Fixed(linear), seed), rows=rows)
            return functional.adopted(pure, sizes, "features")

        return ll.adopt(adopted)

    framing = ll.Window(timesteps=3, missing=missing)
    open_, fixed = (found(make(rows), framing) for rows in (None, ROWS))
    assert fixed.flops_per_step == open_.flops_per_step == 2 * VALUES * VALUES


def test_the_memory_in_pytorch_is_that_of_the_tensors_alive_at_once():
    torch = pytest.importorskip("torch", reason="PyTorch is not installed here")
    from longlag.adapters.models.torch_cost import peak_memory

    weight, inputs = torch.ones(1000, requires_grad=True), torch.ones(1000)

    def run():
        part = (inputs * weight)[:500] * 2  # the product goes
        for _ in range(9):
            part = part + 1  # and each part once there is the next
        assert part[0] == 11

    whole = 4000
    assert peak_memory(run, [weight]) == 3 * whole + whole // 2
    # Backward: a gradient in the place of the product, the sum, and the gradient of that.
    assert peak_memory(lambda: (weight * inputs).sum().backward(), [weight]) == 3 * whole + 8
    assert peak_memory(lambda: inputs @ inputs[:1], [weight]) is None


def test_attention_is_counted_with_its_products():
    torch = pytest.importorskip("torch", reason="PyTorch is not installed here")
    from torch.nn import functional  # pyright: ignore[reportMissingImports]

    class Attend(torch.nn.Module):
        def __init__(self, sizes):
            super().__init__()
            self.readout = torch.nn.Linear(sizes.features, sizes.outputs)

        def forward(self, inputs):
            attended = functional.scaled_dot_product_attention(
                inputs, inputs, inputs, is_causal=True
            )
            return self.readout(attended)

    each = found(ll.adopt(lambda sizes, _: Attend(sizes)))
    assert each.flops_per_step == 2 * VALUES * VALUES + 2 * 2 * STEPS * VALUES


def counted(function, *arguments) -> Any:
    return flops(jax.make_jaxpr(function)(*arguments))


def test_loops_count_each_round_and_unknown_ones_are_not_known():
    square = jnp.ones((4, 4))
    product = 2 * 4 * 4 * 4

    def rounds(count, start):
        return jax.lax.fori_loop(0, count, lambda _, each: each @ square, start)

    assert counted(lambda start: rounds(7, start), square) == 7 * product
    assert counted(rounds, 7, square) is None
    assert counted(lambda n: jax.lax.while_loop(lambda i: i < n, lambda i: i + 1, 0), 7) == 0
    either = lambda which: jax.lax.cond(which, lambda: square @ square, lambda: square)  # noqa: E731
    assert counted(either, True) == product
    call = lambda each: jax.pure_callback(lambda x: x, each, each) @ square  # noqa: E731
    assert counted(call, square) is None
    image, kernel = jnp.ones((2, 3, 9)), jnp.ones((6, 3, 5))
    convolve = lambda left, right: jax.lax.conv_general_dilated(left, right, (1,), "VALID")  # noqa: E731
    assert counted(convolve, image, kernel) == 2 * (2 * 6 * 5) * 3 * 5


def test_preflight_says_what_the_model_costs():
    result = preflight(ECHO, ll.Whole(), "lstm(hidden_size=8)", batch_size=ROWS)
    document = result.to_dict()["cost"]
    assert document["flops_per_step"] == by_hand(4, 0)
    first, *_ = result.cost_table().rows
    assert [each.text for each in first[:2]] == ["FLOPs", f"{by_hand(4, 0):,}"]
    assert "cost on cpu" in str(result)


def test_a_model_that_fails_its_checks_has_no_cost():
    result = preflight(ECHO, ll.Whole(), lambda *_: lambda inputs: inputs)  # without weights
    assert not result.passed
    assert result.cost is None
    assert not result.cost_table()


def test_what_pytorch_cannot_count_is_not_known():
    """Its counter fails over the gradients of weights with a parametrization."""
    torch = pytest.importorskip("torch", reason="PyTorch is not installed here")

    def make(sizes, _):
        linear = torch.nn.Linear(sizes.features, sizes.outputs)
        return torch.nn.utils.parametrizations.weight_norm(linear)

    each = found(ll.adopt(make), ll.Whole())
    assert each.flops_per_update is None
    assert each.flops_per_step is not None


def trained(model, seeds=(0,), vectorise=None) -> Any:
    recipe = Recipe(batch_size=ROWS, sequences=20)
    setting = Setting(problem=ECHO, framing=ll.Whole(), model=model, recipe=recipe)
    return finish(fit(setting, seeds, vectorise=vectorise))


def test_training_tells_what_it_took_for_each_seed():
    model = ll.LSTM(hidden_size=HIDDEN)
    run = trained(model, seeds=(0, 1), vectorise=True)
    assert run.resources.flops_per_update == found(model).flops_per_update
    assert run.resources.memory > 2 * 4 * run.outcome().parameters
    assert 0 < run.outcome(1).resources.seconds_per_step < 0.01


def test_training_in_pytorch_tells_it_too_and_learns_the_same(monkeypatch):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed here")
    from longlag.adapters.models import torch as torch_model

    def make(sizes, seed):
        torch.manual_seed(seed)
        parts = [torch.nn.Linear(sizes.features, 8), torch.nn.Dropout(0.5)]
        return torch.nn.Sequential(*parts, torch.nn.Linear(8, sizes.outputs))

    run = trained(ll.adopt(make), seeds=(0, 1))
    assert run.resources.flops_per_update == found(ll.adopt(make)).flops_per_update > 0
    assert run.resources.memory == found(ll.adopt(make)).memory > 16 * run.outcome().parameters
    assert run.resources.seconds_per_step > 0
    for figure in ("flops", "peak_memory"):
        monkeypatch.setattr(torch_model.TorchModel, figure, lambda *_, **__: None)
    without = trained(ll.adopt(make), seeds=(0, 1))
    assert without.resources.flops_per_update is None
    assert without.accuracy.per_seed == run.accuracy.per_seed
    for one, other in zip(without.models, run.models, strict=True):
        for name, array in one.arrays().items():
            np.testing.assert_array_equal(array, other.arrays()[name])
