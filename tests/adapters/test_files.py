import json
import re

import numpy as np
import pytest

pytest.importorskip("pyarrow.parquet", reason="pyarrow is an extra that is not installed here")

import pyarrow.parquet as pq

import longlag as ll
from longlag import streams
from longlag.adapters.datasets.files import export


@pytest.mark.parametrize("format", ["parquet", "npz"])
@pytest.mark.parametrize(
    ("problem", "framing"),
    [
        (ll.EchoLag(length=6, values=5), ll.Window(timesteps=2)),
        (ll.CumulativeThreshold(length=5), ll.Whole()),
        (ll.EchoSubsequence(length=4, count=2), ll.Vector()),
        (ll.EchoLag(length=7, values=5), ll.Chunks(timesteps=3)),
        (ll.Ramp(length=6), ll.Prefix()),
    ],
    ids=repr,
)
def test_the_files_hold_what_the_streams_of_the_seed_give(problem, framing, format, tmp_path):
    made = export(problem, framing, tmp_path, train=7, validation=3, test=2, seed=4, format=format)
    counts = {"train": 7, "validation": 3, "test": 2}
    sources = streams.training, streams.validation, streams.evaluation
    for (name, count), source in zip(counts.items(), sources, strict=True):
        wanted = framing.sample(problem, source(4), count)
        if format == "npz":
            with np.load(made[name].path) as opened:
                held = dict(opened)
        else:
            columns = pq.read_table(made[name].path).to_pydict()
            held = {column: np.array(values) for column, values in columns.items()}
        for column, array in wanted._asdict().items():
            np.testing.assert_array_equal(held[column], array)
        each = len(wanted.inputs) // count
        assert held["sequence"].tolist() == [number for number in range(count) for _ in range(each)]
        assert (made[name].sequences, made[name].samples) == (count, count * each)


def test_the_card_says_where_what_is_and_what_chance_is(tmp_path):
    export(ll.EchoLag(), ll.Window(timesteps=5), tmp_path, train=60, validation=0, test=5)
    text = (tmp_path / "README.md").read_text()
    head = text.split("---")[1]
    assert re.findall(r"- split: (\w+)\n    path: (\S+)", head) == [
        ("train", "train.parquet"),
        ("test", "test.parquet"),
    ]
    (name,) = re.findall(r"pretty_name: (.*)", head)
    assert json.loads(name).startswith("EchoLag(length=25")
    assert 'size_categories: ["1K<n<10K"]' in head  # 65 sequences of 20 samples
    assert "Chance 0.01, ceiling 1" in text
    assert "integers from 0 to 99, -1 where nothing is scored" in text
    assert not (tmp_path / "validation.parquet").exists()


def test_equal_seeds_give_equal_bytes(tmp_path):
    for place in ("one", "two"):
        export(ll.EchoLag(), ll.Whole(), tmp_path / place, train=20)
    for name in ("train.parquet", "test.parquet", "README.md"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_bad_numbers_are_refused(tmp_path):
    with pytest.raises(ValueError, match="`train` must be at least 0, got -1"):
        export(ll.EchoLag(), ll.Whole(), tmp_path, train=-1)


@pytest.mark.parametrize("format", ["parquet", "npz"])
@pytest.mark.parametrize("columns", [1, 2])
def test_the_splits_of_a_real_series_are_of_rows_apart(columns, format, tmp_path):
    values = np.stack([np.arange(200.0), np.arange(200.0) % 7], axis=1)[:, :columns]
    series = ll.Series(values, length=4, scale="none")
    made = export(series, ll.Whole(), tmp_path, train=300, validation=100, test=100, format=format)
    spans = {"train": (0, 140), "validation": (140, 170), "test": (170, 200)}
    for name, (begin, end) in spans.items():
        if format == "npz":
            with np.load(made[name].path) as opened:
                held = dict(opened)
        else:
            read = pq.read_table(made[name].path).to_pydict()
            held = {column: np.array(each) for column, each in read.items()}
        targets = held["targets"][~np.isnan(held["targets"])]
        assert (targets.min(), targets.max()) == (max(begin, 1), end - 1)
        if name != "train":  # drawn with replacement a row would be met again, another never
            assert sorted(targets.tolist()) == list(range(begin, end))
        shape = (4,) if columns == 1 else (4, 2)
        assert held["inputs"].shape == (made[name].samples, *shape)
        first = held["inputs"] if columns == 1 else held["inputs"][..., 0]
        apart = (held["targets"] - first)[~np.isnan(held["targets"])]
        assert set(apart.tolist()) == {1.0}
        if columns == 2:
            assert (held["inputs"][..., 1] == first % 7).all()
    card = (tmp_path / "README.md").read_text()
    assert "(1 to 140, 141 to 170, 171 to 200)" in card
    assert "synthetic" not in card
    assert "ceiling" not in card
