import os
from typing import Any

import numpy as np
import pytest

os.environ.setdefault("KERAS_BACKEND", "jax")
pytest.importorskip("keras", reason="Keras is not installed here")

import keras  # pyright: ignore[reportMissingImports]

import longlag as ll
from longlag.adapters.datasets.keras import Stream


def test_an_epoch_is_so_many_batches_and_no_two_epochs_are_alike():
    problem, framing = ll.EchoLag(length=6, values=5), ll.Whole()
    batches, stream = Stream(problem, framing, 3, 4, seed=2), framing.stream(problem, 4, 2)
    for _ in range(2):
        plain = [next(stream) for _ in range(len(batches))]
        for place in (2, 0, 1):  # in any order
            inputs, targets, weights = batches[place]
            np.testing.assert_array_equal(inputs.argmax(axis=-1), plain[place].inputs)
            np.testing.assert_array_equal(weights, plain[place].targets != -1)
            scored = weights > 0
            np.testing.assert_array_equal(targets[scored], plain[place].targets[scored])
            assert (targets >= 0).all()
        batches.on_epoch_end()


def test_fit_learns_from_it():
    problem, framing = ll.EchoLag(lag=1, length=5, values=4), ll.Whole()
    keras.utils.set_random_seed(0)
    model: Any = keras.Sequential(  # whose hints want words for `verbose`
        [
            keras.Input((5, 4)),
            keras.layers.LSTM(16, return_sequences=True),
            keras.layers.Dense(4, activation="softmax"),
        ]
    )
    model.compile(keras.optimizers.Adam(0.02), "sparse_categorical_crossentropy")
    model.fit(Stream(problem, framing, 100, 20), epochs=4, verbose=0)
    found = ll.score(
        problem, framing, lambda inputs: model.predict(inputs, verbose=0), features=True
    )
    assert found.verdict == "solved"


def test_an_epoch_without_batches_is_refused():
    with pytest.raises(ValueError, match="`batches` must be at least 1, got 0"):
        Stream(ll.EchoLag(), ll.Whole(), 0)
    with pytest.raises(IndexError, match="there is no batch 2 of 2"):
        _ = Stream(ll.EchoLag(), ll.Whole(), 2)[2]
