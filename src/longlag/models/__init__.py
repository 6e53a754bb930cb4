"""Models: (inputs, mask, state) -> (outputs, state). A new one is added to the table below."""

from longlag.models._base import Model, ModelFactory, OneHotInput, Sizes
from longlag.models.lstm import LSTM, Gates, LSTMModel, LSTMState
from longlag.models.mlp import MLP, MLPModel

MODELS: dict[str, type[ModelFactory]] = {model.title(): model for model in [LSTM, MLP]}

__all__ = [
    "LSTM",
    "MLP",
    "MODELS",
    "Gates",
    "LSTMModel",
    "LSTMState",
    "MLPModel",
    "Model",
    "ModelFactory",
    "OneHotInput",
    "Sizes",
]
