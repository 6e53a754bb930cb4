"""Other libraries promote ranks as NumPy does."""

import jax
import pytest

import longlag as ll


@pytest.fixture(autouse=True, scope="module")
def _ranks_as_others_have_them():
    jax.config.update("jax_numpy_rank_promotion", "allow")
    yield
    jax.config.update("jax_numpy_rank_promotion", "raise")


@pytest.fixture
def trained_and_kept(tmp_path):
    """Checks, trains, saves and loads a model on a problem without memory: the loaded model."""

    def check(make):
        problem = ll.EchoLag(lag=0, length=4, values=3)
        assert ll.preflight(problem, ll.Whole(), make).passed
        run = ll.train(problem, ll.Whole(), make, sequences=600, learning_rate=0.02)
        assert run.skill[0] > 0.9
        run.save(tmp_path / "kept.safetensors")
        again = ll.load(tmp_path / "kept.safetensors", model=make)
        assert again.predict([1, 2, 0, 1]).tolist() == run.predict([1, 2, 0, 1]).tolist()
        return again

    return check
