"""The kinds of recurrent layer that other models are built from, by name."""

from __future__ import annotations

from typing import Literal

from longlag.models.gru import GRULayer
from longlag.models.layer import SequenceLayer
from longlag.models.lstm import LSTMLayer
from longlag.models.rnn import RNNLayer

Cell = Literal["lstm", "gru", "rnn"]

LAYERS: dict[Cell, type[SequenceLayer]] = {"lstm": LSTMLayer, "gru": GRULayer, "rnn": RNNLayer}
