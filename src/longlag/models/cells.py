"""The kinds of recurrent layer that other models are built from, by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from longlag.models.gru import GRULayer
from longlag.models.layer import SequenceLayer
from longlag.models.lstm import LSTMLayer
from longlag.models.rnn import RNNLayer

LAYERS: dict[str, type[SequenceLayer]] = {"lstm": LSTMLayer, "gru": GRULayer, "rnn": RNNLayer}

if TYPE_CHECKING:
    Cell = str
else:  # the choices of a knob `cell`: a new kind is a line of the table
    Cell = Literal[tuple(LAYERS)]
