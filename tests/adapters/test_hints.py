"""What a model of a user's own raises leads to its cure, and to no other."""

import pytest

from longlag.adapters.models.hints import hint, shortened

VALUES, CHANNELS = "inputs='values'", "swap the last two axes"
RAISED = {
    # PyTorch
    "Expected tensor for argument #1 'indices' to have one of the following scalar types: Long, "
    "Int; but got torch.FloatTensor instead": VALUES,
    "Given groups=1, weight of size [9, 100, 3], expected input[5, 25, 100] to have 100 channels, "
    "but got 25 channels instead": CHANNELS,
    "mat1 and mat2 shapes cannot be multiplied (125x100 and 50x10)": "sizes.features",
    "input.size(-1) must be equal to input_size. Expected 10, got 100": "sizes.features",
    "Expected hidden[0] size (1, 5, 32), got [1, 32, 32]": "inputs.shape[0]",
    "noargs() takes 0 positional arguments but 2 were given": "make_model(sizes, seed)",
    "LinBN.__call__() missing 1 required positional argument: 'train'": "pass it on",
    "Block.__call__() missing 1 required keyword-only argument: 'deterministic'": "pass it on",
    "CharRNN.forward() missing 1 required positional argument: 'hidden'": "name its state `state`",
    "When using `stateful=True` in a RNN, the batch size must be static.": "batch_shape",
    "matmul input operand 1 must have ndim at least 1, but it has ndim 0": "one sample",
    "Invalid input shape for input float32[2,25,100]. Expected shape (None, 25), but input has "
    "incompatible shape (2, 25, 100)": VALUES,
    "input_size should be of type int, got: Sizes": "sizes.features and sizes.outputs",
    "index out of range in self": "sizes.timesteps",
    "CUDA error: out of memory": "",
    # Equinox, Flax
    "conv_general_dilated lhs feature dimension size divided by feature_group_count must equal the "
    "rhs input feature dimension size, but 6 // 1 != 4.": CHANNELS,
    "(KeyError(<class 'ml_dtypes.bfloat16'>), 'Unsupported dtype bfloat16.')": "initializer",
    "qr does not accept dtype bfloat16 at position 0. Accepted dtypes at position 0 are subtypes "
    "of float32, complex128, complex64, float64.": "initializer",
    "JAX array indexer must have integer dtype; got float32": VALUES,
    "too many values to unpack (expected 2)": VALUES,
    "GRU: Expected input to be 2D or 3D, got 4D instead": VALUES,
    "not enough values to unpack (expected 3, got 2)": "",
    "dot_general requires contracting dimensions to have the same shape, got (8,) and (9,)": (
        "sizes.features"
    ),
    "scan body function carry input and carry output must have equal types, but they differ": (
        "Start the scan"
    ),
    "Dropout requires a key when running in non-deterministic mode.": "parameter `key`",
    'Cannot update variable "mean" in "/BatchNorm_0" because collection "batch_stats" is immutable.'
    " (https://flax.readthedocs.io)": "parameter `train`",
    'Parameter "deterministic" must be passed to the constructor or at call time.': "`train`",
    "`deterministic` is False, but no `rngs` argument was provided to Dropout as either a __call__ "
    "argument or class attribute.": "rngs=rngs",
    "Value 'Out(logits=GradTracer(primal=JitTracer(float32[2,25,9])), h=None)' with dtype object is"
    " not a valid JAX array type.": "Return only its logits",
    "vmap has mapped output (axis_name=batch) but out_axes is None": "None at first",
    "unbound axis name: b": "axis_name='batch'",
    # Keras
    "Invalid input shape for input JitTracer(int32[2,25,100]) with name 'keras_tensor_4' and path "
    "''. Expected shape (None, None), but input has incompatible shape (2, 25, 100)": VALUES,
    "Input 0 with name 'None' of layer 'gru_1' is incompatible with the layer: expected ndim=3, "
    "found ndim=4. Full shape received: (2, 25, 100, 16)": VALUES,
    "Input 0 with name 'None' of layer 'my_gru_1' is incompatible with the layer: expected ndim=3, "
    "found ndim=2. Full shape received: (None, 8)": "return_sequences=True",
    "Input 0 of layer 'conv2d' is incompatible with the layer: expected ndim=3, found ndim=2": "",
}


@pytest.mark.parametrize("text", RAISED)
def test_it_is_named_where_it_is_known(text):
    found = hint(RuntimeError(text), features=True)
    assert RAISED[text] in found
    assert bool(found) == bool(RAISED[text])


def test_who_takes_values_already_is_not_told_to():
    for text, cure in RAISED.items():
        if cure == VALUES:
            assert hint(RuntimeError(text), features=False) == ""
            assert "a linear layer" in hint(RuntimeError(text), features=True, reals=True)


def test_a_check_of_a_problem_and_a_failed_seed_tell_no_pages():
    from longlag import EchoLag
    from longlag.checks.problem import check_problem

    class Own(EchoLag):
        def draw(self, rng, count):  # noqa: ARG002
            raise ValueError("Sizes differ:\n" + 300 * "size, " + "\nUse one size.")

    found = [each.found for each in check_problem(Own()) if not each.passed]
    assert any("ValueError: Sizes differ: … Use one size." in each for each in found)
    assert max(map(len, found)) < 400


LONG = [
    ("Shapes differ:\n" + 200 * "state, " + "\n\n Swap them.\n", "Shapes differ: … Swap them."),
    ("Calling Net.call().\n\n\x1b[1mNo axis 3.\x1b[0m\n\nArguments received by Net.call():\n"
     + 99 * "  • x=jnp.zeros(3)\n", "Calling Net.call(). No axis 3."),
    ("no such\n axis", "no such axis"),
    ("", ""),
]  # fmt: skip


@pytest.mark.parametrize(("text", "short"), LONG)
def test_of_a_long_message_the_first_and_the_last_line_remain(text, short):
    assert shortened(text) == short


@pytest.mark.parametrize("text", [999 * "a", 999 * "a" + "\n" + 999 * "b", 400 * "a\n"])
def test_no_message_is_long(text):
    assert len(shortened(text)) < 310
    assert "…" in shortened(text)
