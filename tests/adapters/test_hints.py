"""What a model of a user's own raises leads to its cure, and to no other."""

import pytest

from longlag.adapters.models.hints import hint

VALUES, CHANNELS = "inputs='values'", "swap the last two axes"
RAISED = {
    # PyTorch
    "Expected tensor for argument #1 'indices' to have one of the following scalar types: Long, "
    "Int; but got torch.FloatTensor instead": VALUES,
    "Given groups=1, weight of size [9, 100, 3], expected input[5, 25, 100] to have 100 channels, "
    "but got 25 channels instead": CHANNELS,
    "mat1 and mat2 shapes cannot be multiplied (125x100 and 50x10)": "",
    "CUDA error: out of memory": "",
    # Equinox, Flax
    "conv_general_dilated lhs feature dimension size divided by feature_group_count must equal the "
    "rhs input feature dimension size, but 6 // 1 != 4.": CHANNELS,
    "(KeyError(<class 'ml_dtypes.bfloat16'>), 'Unsupported dtype bfloat16.')": "initializer",
    "JAX array indexer must have integer dtype; got float32": VALUES,
    "too many values to unpack (expected 2)": VALUES,
    "not enough values to unpack (expected 3, got 2)": "",
    "dot_general requires contracting dimensions to have the same shape, got (100,) and (50,)": "",
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
