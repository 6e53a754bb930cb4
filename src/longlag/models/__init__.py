"""Models: (inputs, mask, state) -> (outputs, state). A new one is added to the table below."""

from longlag.models._base import (
    AnyModel,
    Buffers,
    Decoder,
    ExternalModel,
    Linear,
    Model,
    ModelFactory,
    OneHotInput,
    Sizes,
    TrainOutput,
)
from longlag.models.bidirectional import Bidirectional, BidirectionalModel
from longlag.models.cells import LAYERS
from longlag.models.gru import GRU, GRUGates, GRULayer
from longlag.models.layer import GatedLayer, MakeLayer, RecurrentModel, SequenceLayer
from longlag.models.lru import LRU, LRUGates, LRULayer
from longlag.models.lstm import LSTM, Gates, LSTMLayer, LSTMState
from longlag.models.lstm1997 import LSTM1997, LSTM1997Layer
from longlag.models.minimal import (
    MinGRU,
    MinGRUGates,
    MinGRULayer,
    MinLSTM,
    MinLSTMGates,
    MinLSTMLayer,
)
from longlag.models.mlp import MLP, MLPModel
from longlag.models.recurrent import HiddenState, StepBackLayer, StepLayer
from longlag.models.residual import Block, Blocks, Residual, ResidualModel
from longlag.models.rnn import RNN, RNNLayer
from longlag.models.s4d import S4D, S4DLayer
from longlag.models.seq2seq import Seq2Seq, Seq2SeqModel

MODELS: dict[str, type[ModelFactory]] = {
    model.title(): model
    for model in [
        LSTM,
        LSTM1997,
        GRU,
        RNN,
        Residual,
        MinGRU,
        MinLSTM,
        LRU,
        S4D,
        Bidirectional,
        Seq2Seq,
        MLP,
    ]
}

__all__ = [
    "GRU",
    "LAYERS",
    "LRU",
    "LSTM",
    "LSTM1997",
    "MLP",
    "MODELS",
    "RNN",
    "S4D",
    "AnyModel",
    "Bidirectional",
    "BidirectionalModel",
    "Block",
    "Blocks",
    "Buffers",
    "Decoder",
    "ExternalModel",
    "GRUGates",
    "GRULayer",
    "GatedLayer",
    "Gates",
    "HiddenState",
    "LRUGates",
    "LRULayer",
    "LSTM1997Layer",
    "LSTMLayer",
    "LSTMState",
    "Linear",
    "MLPModel",
    "MakeLayer",
    "MinGRU",
    "MinGRUGates",
    "MinGRULayer",
    "MinLSTM",
    "MinLSTMGates",
    "MinLSTMLayer",
    "Model",
    "ModelFactory",
    "OneHotInput",
    "RNNLayer",
    "RecurrentModel",
    "Residual",
    "ResidualModel",
    "S4DLayer",
    "Seq2Seq",
    "Seq2SeqModel",
    "SequenceLayer",
    "Sizes",
    "StepBackLayer",
    "StepLayer",
    "TrainOutput",
]
