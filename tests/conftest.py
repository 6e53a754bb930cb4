"""Checks that hold for the whole run: array shapes, types, and no silent rank promotion."""

import gc
import os
import signal
import tempfile
from importlib.metadata import version
from pathlib import Path

import typechecking
from hypothesis import settings

# Time is never asserted, and a red run is red again: the examples are the same ones each time.
settings.register_profile("longlag", deadline=None, derandomize=True, max_examples=40)
settings.load_profile("longlag")

typechecking.install()

# Most programs of the tests run for a moment, so that compiling them is what takes the time: it
# takes a sixth of it where XLA spares itself the trouble, and is told so before it is loaded. The
# commands that tests start inherit it. What is set already stands: `XLA_FLAGS= JAX_DISABLE_MOST_
# OPTIMIZATIONS=0` tests programs as users have them.
os.environ.setdefault("JAX_DISABLE_MOST_OPTIMIZATIONS", "1")
if tuple(map(int, version("jaxlib").split(".")[:2])) < (0, 11):  # a later XLA ends at this flag
    flags = "--xla_cpu_use_fusion_emitters=false --xla_cpu_parallel_codegen_split_count=1"
    os.environ.setdefault("XLA_FLAGS", flags)

import jax  # noqa: E402
import pytest  # noqa: E402

jax.config.update("jax_numpy_rank_promotion", "raise")
os.environ.setdefault("LONGLAG_CACHE", os.path.join(tempfile.gettempdir(), "longlag-test-cache"))

from longlag.cli._cache import keep_compiled_programs  # noqa: E402

keep_compiled_programs()


gc.freeze()  # what has been imported stays; looking through it again took a fifth of the tracing
gc.set_threshold(50_000, 20, 50)

MAPS = Path("/proc/self/maps")


@pytest.fixture(autouse=True, scope="module")
def _compiled_programs_do_not_pile_up():
    """Each takes memory maps, of which a process may have only so many: 65,530 on Linux."""
    yield
    if not MAPS.exists() or MAPS.read_bytes().count(b"\n") > 20_000:
        jax.clear_caches()


@pytest.fixture(autouse=True)
def _ctrl_c_means_what_it_did():
    """A command that was interrupted leaves it ignored, as it is on its way out."""
    before = signal.getsignal(signal.SIGINT)
    yield
    signal.signal(signal.SIGINT, before)
