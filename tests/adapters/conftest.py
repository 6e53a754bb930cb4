"""Other libraries promote ranks as NumPy does."""

import jax
import pytest


@pytest.fixture(autouse=True, scope="module")
def _ranks_as_others_have_them():
    jax.config.update("jax_numpy_rank_promotion", "allow")
    yield
    jax.config.update("jax_numpy_rank_promotion", "raise")
