"""The network and its training: LSTM(4 → 20), Linear(20 → 3), and 0.5 + sigmoid."""

import io
from collections.abc import Callable

import msgspec
import numpy as np
import torch
from torch import nn

from tradebot.indicator_lstm.features import (
    FEATURES,
    INPUTS,
    OUTPUTS,
    Floats,
    episodes,
    features,
)

Progress = Callable[[int, float], None]


class Training(msgspec.Struct, frozen=True, kw_only=True):
    """Training parameters; the tutorial's by default.

    `mended` standardises each feature by the training set's mean and deviation, unlike the
    tutorial: RSI runs to 100 and MACD scales with the price, which drowns the ratio. It also uses
    the definition's MACD instead of Tulip's.
    """

    epochs: int = 10_000
    learning_rate: float = 3e-4
    hidden: int = 20
    seed: int = 0
    mended: bool = False
    report_every: int = 500


class Network(nn.Module):
    """Reads five rows of four features and returns the ratios of the next three closes."""

    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.lstm = nn.LSTM(FEATURES, hidden, batch_first=True)
        self.linear = nn.Linear(hidden, OUTPUTS)

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        """Maps `rows` (batch, 5, 4) to ratios (batch, 3), each in (0.5, 1.5)."""
        _, (last, _) = self.lstm(rows)
        out: torch.Tensor = 0.5 + torch.sigmoid(self.linear(last[0]))
        return out


class IndicatorLstm:
    """A trained network with the scale of its features."""

    def __init__(
        self, network: Network, mean: Floats, deviation: Floats, *, mended: bool = False
    ) -> None:
        self._network = network
        self._mended = mended
        self._mean = mean
        self._deviation = deviation

    def ratios(self, closes: Floats) -> Floats:
        """Returns the ratio of each of the next three closes to the one before it, shape (3,)."""
        rows = features(closes, mended=self._mended)[-INPUTS:]
        rows = (rows - self._mean) / self._deviation
        with torch.no_grad():
            out = self._network(torch.from_numpy(rows[None].astype(np.float32)))
        return np.asarray(out[0].numpy(), dtype=np.float64)

    def dump(self) -> bytes:
        """Returns the weights and the scale, for `load`."""
        buffer = io.BytesIO()
        state = {
            "network": self._network.state_dict(),
            "mean": torch.from_numpy(self._mean),
            "deviation": torch.from_numpy(self._deviation),
            "mended": torch.tensor(self._mended),
        }
        torch.save(state, buffer)
        return buffer.getvalue()

    @classmethod
    def load(cls, data: bytes) -> "IndicatorLstm":
        """Restores the model that `dump` returned."""
        state = torch.load(io.BytesIO(data), weights_only=True)
        network = Network(state["network"]["linear.weight"].shape[1])
        network.load_state_dict(state["network"])
        # models without this key used the definition's MACD
        mended = bool(state["mended"]) if "mended" in state else True
        return cls(network, state["mean"].numpy(), state["deviation"].numpy(), mended=mended)


def train(closes: Floats, training: Training, progress: Progress | None = None) -> IndicatorLstm:
    """Learns from all episodes of `closes`.

    Args:
        progress: called with the epoch and its loss every `report_every` epochs.

    Raises:
        TooFewClosesError: there is no episode.
    """
    rows = features(closes, mended=training.mended)
    mean, deviation = np.zeros(FEATURES), np.ones(FEATURES)
    if training.mended:
        mean, deviation = rows.mean(axis=0), rows.std(axis=0)
        deviation[deviation == 0] = 1.0
    inputs, outputs = episodes((rows - mean) / deviation)
    outputs = outputs * deviation[0] + mean[0]
    x = torch.from_numpy(inputs.astype(np.float32))
    y = torch.from_numpy(outputs.astype(np.float32))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(training.seed)
        network = Network(training.hidden)
    optimiser = torch.optim.Adam(network.parameters(), lr=training.learning_rate)
    criterion = nn.MSELoss()
    for epoch in range(training.epochs):
        loss = criterion(network(x), y)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        if progress is not None and epoch % training.report_every == 0:
            progress(epoch, float(loss.detach()))
    return IndicatorLstm(network, mean, deviation, mended=training.mended)
