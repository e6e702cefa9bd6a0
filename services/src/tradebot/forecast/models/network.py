"""The report's network: one LSTM step of 50 units over 200 values, ReLU, and one output.

Keras' `LSTM(input_shape=(1, 200), units=50, activation="relu")` uses ReLU where an LSTM has tanh,
for the candidate and for the output. torch's LSTM supports only tanh and has two bias vectors, so
the cell is written out here. Kernel (200, 4·50), recurrent kernel (50, 4·50) and one bias (4·50)
have 50,200 parameters, and the output 51 more: 50,251, as in the report. With one step from a zero
state, the recurrent kernel and the forget gate have no effect, in Keras as here.
"""

import io

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn


class ReluLstm(nn.Module):
    """An LSTM layer with ReLU activation and sigmoid gates, in the order i, f, c, o.

    Initialised as in Keras: Glorot-uniform kernel, orthogonal recurrent kernel, and a bias of one
    for the forget gate.
    """

    def __init__(self, inputs: int, units: int, generator: torch.Generator) -> None:
        super().__init__()
        self.units = units
        self.kernel = nn.Parameter(torch.empty(inputs, 4 * units))
        self.recurrent = nn.Parameter(torch.empty(units, 4 * units))
        self.bias = nn.Parameter(torch.zeros(4 * units))
        nn.init.xavier_uniform_(self.kernel, generator=generator)
        nn.init.orthogonal_(self.recurrent, generator=generator)
        with torch.no_grad():
            self.bias[units : 2 * units] = 1.0

    def forward(self, values: Tensor) -> Tensor:
        """Returns the last hidden state (batch, units) of `values` (batch, steps, inputs)."""
        hidden = values.new_zeros(values.shape[0], self.units)
        state = hidden
        for step in range(values.shape[1]):
            gates = values[:, step] @ self.kernel + hidden @ self.recurrent + self.bias
            admit, keep, candidate, show = gates.chunk(4, dim=1)
            state = keep.sigmoid() * state + admit.sigmoid() * candidate.relu()
            hidden = show.sigmoid() * state.relu()
        return hidden


class Network(nn.Module):
    """The layer and its one output."""

    def __init__(self, inputs: int, units: int, generator: torch.Generator) -> None:
        super().__init__()
        self.lstm = ReluLstm(inputs, units, generator)
        self.dense = nn.Linear(units, 1)
        nn.init.xavier_uniform_(self.dense.weight, generator=generator)
        nn.init.zeros_(self.dense.bias)

    def forward(self, values: Tensor) -> Tensor:
        """Returns the next value (batch,) after `values` (batch, inputs), as one step."""
        output: Tensor = self.dense(self.lstm(values.unsqueeze(1))).squeeze(1)
        return output


def parameter_count(network: nn.Module) -> int:
    """Returns the number of trainable parameters."""
    return sum(weight.numel() for weight in network.parameters() if weight.requires_grad)


class Weights:
    """A trained network in numpy, enough for recursive forecasts."""

    def __init__(self, arrays: dict[str, NDArray[np.float32]]) -> None:
        self.arrays = arrays

    @classmethod
    def of(cls, network: Network) -> "Weights":
        """Copies the weights of a network."""
        state = network.state_dict()
        return cls({name: weight.cpu().numpy().copy() for name, weight in state.items()})

    def __call__(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """Returns the next value (batch,) after `values` (batch, inputs)."""
        gates = values @ self.arrays["lstm.kernel"] + self.arrays["lstm.bias"]
        admit, _, candidate, show = np.split(gates, 4, axis=1)
        state = _sigmoid(admit) * np.maximum(candidate, 0)
        hidden = _sigmoid(show) * state
        output = hidden @ self.arrays["dense.weight"][0] + self.arrays["dense.bias"][0]
        return np.asarray(output, np.float32)

    def dump(self, **more: NDArray[np.float64]) -> bytes:
        """Serialises the weights, and further arrays, without code."""
        file = io.BytesIO()
        named = {name.replace(".", "/"): array for name, array in self.arrays.items()}
        np.savez(file, allow_pickle=False, **named, **more)
        return file.getvalue()

    @classmethod
    def restore(cls, data: bytes) -> tuple["Weights", dict[str, NDArray[np.float64]]]:
        """Restores the weights and the arrays stored with them."""
        with np.load(io.BytesIO(data), allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        own = {name.replace("/", "."): array for name, array in arrays.items() if "/" in name}
        more = {name: array for name, array in arrays.items() if "/" not in name}
        return cls(own), more


def _sigmoid(values: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(1 / (1 + np.exp(-np.clip(values, -60, 60))), np.float32)
