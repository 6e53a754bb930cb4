import itertools

import numpy as np
import pytest

pytest.importorskip("torch", reason="PyTorch is not installed here")

import torch  # pyright: ignore[reportMissingImports]
from torch.utils.data import DataLoader  # pyright: ignore[reportMissingImports]

import longlag as ll
from longlag.adapters.datasets.torch import Stream

CARRIED = ll.Chunks(timesteps=2, carry=True)


@pytest.mark.parametrize(
    ("framing", "workers"),
    [(ll.Window(timesteps=3), 0), (ll.Whole(), 0), (CARRIED, 0), (CARRIED, 2)],
    ids=repr,
)
def test_however_many_workers_load_them_the_batches_are_those_of_one(framing, workers):
    problem = ll.EchoLag(length=6, values=5)
    loader = DataLoader(
        Stream(problem, framing, 4, seed=2),
        batch_size=None,
        num_workers=workers,
        multiprocessing_context="spawn" if workers else None,  # jax has threads of its own
    )
    stream = framing.stream(problem, 4, 2)
    for loaded, plain in itertools.islice(zip(loader, stream, strict=False), 40):
        np.testing.assert_array_equal(loaded.inputs, plain.inputs)
        np.testing.assert_array_equal(loaded.targets, plain.targets)
        np.testing.assert_array_equal(loaded.mask, plain.mask)
        assert loaded.reset == plain.reset


def test_a_plain_loop_learns_from_it_and_is_scored():
    problem, framing = ll.EchoLag(lag=1, length=5, values=4), ll.Whole()
    torch.manual_seed(0)
    layer, readout = torch.nn.LSTM(4, 16, batch_first=True), torch.nn.Linear(16, 4)
    optimizer = torch.optim.Adam([*layer.parameters(), *readout.parameters()], lr=0.02)
    stream = Stream(problem, framing, batch_size=20, features=True)
    for batch in itertools.islice(stream, 300):
        outputs = readout(layer(batch.inputs)[0])
        loss = torch.nn.functional.cross_entropy(
            outputs.flatten(0, 1), batch.targets.flatten(), ignore_index=-1
        )
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    found = ll.score(
        problem,
        framing,
        lambda inputs: readout(layer(torch.from_numpy(inputs))[0]),
        features=True,
    )
    assert found.verdict == "solved"


def test_what_does_not_fit_is_refused_before_a_worker_begins():
    with pytest.raises(ValueError, match="`timesteps` must be at most"):
        Stream(ll.EchoLag(length=3), ll.Window(timesteps=5))
