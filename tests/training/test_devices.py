import pytest

from longlag.models import LSTM, MLP, Sizes
from longlag.training import devices

SIZES = Sizes(features=50, outputs=50, timesteps=25)
BATCH = (20, 25, 1)


def room_for(model, gigabytes, batch=BATCH):
    return devices.seeds_at_once(model, batch, room=int(gigabytes * 2**30))


def test_more_memory_has_room_for_more_seeds_and_larger_models_for_fewer():
    small, large = (LSTM(hidden_size=width)(SIZES, 0) for width in (50, 200))
    counts = [room_for(large, gigabytes) for gigabytes in (1, 4, 16)]
    assert counts == sorted(set(counts))
    assert 1 <= counts[0] < room_for(small, 1)
    assert room_for(large, 1e-6) == 1


def test_each_part_of_what_a_seed_takes_counts():
    """Half the memory is given out: 2 GiB have room for as many seeds as fit in 1."""
    gigabyte, rows, steps, width = 2**30, 100, 100, 1000
    model = MLP(hidden_size=width)(Sizes(features=100, outputs=10, timesteps=1), 0)
    weights = 5 * 4 * (100 * width + width + width * 10 + 10)
    data = 2 * 8 * (rows * steps * 100 + rows * steps) * 4
    layers = 4 * rows * steps * (width + 10) * 4
    assert room_for(model, 2, (rows, steps, 100)) == gigabyte // (weights + data + layers)


def test_on_a_cpu_one_seed_is_trained_at_a_time():
    assert devices.memory() is None
    assert devices.seeds_at_once(LSTM(hidden_size=5)(SIZES, 0), BATCH) == 1
    assert devices.describe() == {"platform": "cpu", "count": 1}


@pytest.mark.parametrize(
    ("stats", "room"), [({"bytes_limit": 7}, 7), ({}, 4 * 2**30), (None, 4 * 2**30)]
)
def test_a_device_that_does_not_say_how_large_it_is_is_taken_to_be_small(monkeypatch, stats, room):
    class Device:
        def memory_stats(self):
            return stats

    monkeypatch.setattr(devices.jax, "default_backend", lambda: "gpu")
    monkeypatch.setattr(devices.jax, "local_devices", lambda: [Device()])
    assert devices.memory() == room
