"""Results of tiny trials, frozen: when one moves, a version must be raised.

A trial is named by the versions of what it uses, so results may change only together with one of
them. On the kind of machine that recorded `golden.json` they are equal to the bit, elsewhere
within what single precision leaves open. After a version was raised, record anew:

    python tests/test_golden.py
"""

import hashlib
import json
import os
import platform
import subprocess
import sys
from pathlib import Path

import jaxlib.version
import numpy as np
import pytest
from golden_cases import CASES

from longlag.trials import identity
from longlag.trials.fit import finish, fit

RECORD = Path(__file__).with_name("golden.json")
SEED = 3


def machine():
    """What decides the last bit: processor and the libraries that compute."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.is_file() else [platform.processor()]
    processor = sorted({line for line in lines if line.startswith(("model name", "flags"))})
    hashed = hashlib.sha256("\n".join(processor).encode()).hexdigest()[:16]
    return (
        f"{platform.machine()} {hashed} jaxlib {jaxlib.version.__version__} numpy {np.__version__}"
    )


def results(name):
    """What one trial comes to, as plain values."""
    setting = CASES[name]
    run = finish(fit(setting, (SEED,)))
    losses = np.concatenate([progress.losses for progress in run.history[0]]).astype(np.float32)
    predicted = run.evaluations[0].predicted[run.evaluations[0].scored]
    bits = hashlib.sha256(losses.tobytes() + predicted.tobytes()).hexdigest()
    return {
        "versions": identity.versions(setting),
        "accuracy": run.accuracy.mean,
        "losses": losses[np.linspace(0, len(losses) - 1, 8).astype(int)].tolist(),
        "predicted": predicted[:24].tolist(),
        "bits": bits,
    }


def moved(found, recorded, *, to_the_bit):
    """Whether results are other ones than those recorded."""
    if to_the_bit:
        return found["bits"] != recorded["bits"] or found["accuracy"] != recorded["accuracy"]
    apart = np.abs(np.array(found["predicted"]) - np.array(recorded["predicted"]))
    return not (
        np.allclose(found["losses"], recorded["losses"], rtol=2e-3, atol=1e-5)
        and abs(found["accuracy"] - recorded["accuracy"]) < 0.02
        and np.mean(apart > 1e-2) < 0.1  # a value on the edge between two may tip over
    )


def suspects(gone, versions):
    """The parts whose every trial has moved: one of them has changed."""
    parts = {part for used in versions.values() for part in used}
    using = {part: {name for name, used in versions.items() if part in used} for part in parts}
    found = sorted((part for part in parts if using[part] <= gone), key=lambda p: -len(using[p]))
    most = len(using[found[0]]) if found else 0
    return [part for part in found if len(using[part]) == most]


@pytest.fixture(scope="module")
def found():
    """Where bits are compared, those of programs as users have them.

    The other tests compile theirs more cheaply, which is within the tolerance of other machines.
    """
    if json.loads(RECORD.read_text())["machine"] != machine():
        return {name: results(name) for name in CASES}
    plain = ("JAX_DISABLE_MOST_OPTIMIZATIONS", "XLA_FLAGS")
    env = {name: value for name, value in os.environ.items() if name not in plain}
    command = [sys.executable, __file__, "--print"]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert not done.returncode, done.stderr
    return json.loads(done.stdout)


def test_results_move_only_with_a_version(found):
    record = json.loads(RECORD.read_text())
    assert record["results"].keys() == found.keys(), "Record anew: the trials are other ones."
    to_the_bit = record["machine"] == machine()
    gone = {
        name
        for name, result in found.items()
        if moved(result, record["results"][name], to_the_bit=to_the_bit)
    }
    versions = {name: result["versions"] for name, result in found.items()}
    recorded = {name: result["versions"] for name, result in record["results"].items()}
    raised = {name for name in found if versions[name] != recorded[name]}
    names = suspects(gone - raised, versions)
    assert not gone - raised, (
        f"Results of {sorted(gone - raised)} have moved. Raise the version of one of {names} "
        "(or mend what changed them), then record anew."
    )
    assert not raised, f"The versions of {sorted(raised)} are other ones. Record anew."


def test_one_changed_part_is_named():
    versions = {
        "a": {"engine": 1, "echo-lag": 1, "lstm": 1},
        "b": {"engine": 1, "echo-lag": 1, "gru": 1},
        "c": {"engine": 1, "ramp": 1, "lstm": 1},
    }
    assert suspects({"a", "b", "c"}, versions) == ["engine"]
    assert suspects({"a", "b"}, versions) == ["echo-lag"]
    assert suspects({"b"}, versions) == ["gru"]
    assert suspects(set(), versions) == []


if __name__ == "__main__":
    made = {name: results(name) for name in CASES}
    if "--print" in sys.argv:
        print(json.dumps(made))
    else:
        record = {"machine": machine(), "results": made}
        RECORD.write_text(json.dumps(record, indent=1) + "\n")
