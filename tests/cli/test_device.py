"""`--device`: where models of JAX train."""

import os
import subprocess
import sys

import jax
import pytest

FRONTIER = "frontier echo-lag --values 3 --budget 20 --seeds 1 --limit 1 --workers 1".split()
TRAIN = "train echo-lag --values 3 --sequences 5".split()


@pytest.mark.parametrize("command", [TRAIN, FRONTIER], ids=["train", "frontier"])
def test_a_named_cpu_is_used_by_the_command_and_its_workers(command, tmp_path):
    done = subprocess.run(
        [sys.executable, "-P", "-m", "longlag", *command, "--device", "cpu"],
        env={**os.environ, "JAX_PLATFORMS": "bogus"},  # with which nothing would start
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    assert "accuracy" in done.stdout or "1 trial run" in done.stdout


@pytest.mark.skipif(jax.default_backend() == "gpu", reason="there is a GPU here")
@pytest.mark.parametrize("command", [TRAIN, FRONTIER], ids=["train", "frontier"])
def test_a_gpu_that_is_not_there_is_one_line_that_names_what_is(
    call, command, tmp_path, monkeypatch
):
    store = tmp_path / "s.db"
    rest = ["--store", store] if command is FRONTIER else []
    monkeypatch.setenv("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
    code, out, err = call(*command, *rest, "--device", "gpu")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert err.startswith("longlag: `--device gpu`: JAX has none here, only cpu. Install")
    assert not store.exists()


def test_a_cluster_has_devices_of_its_own(call):
    code, _, err = call(*FRONTIER[:2], "--dask", "local", "--device", "cpu")
    assert (code, err.count("\n")) == (2, 1)
    assert "`--device` is for this machine" in err
