"""Trains a network on a view: Adam on the mean absolute error, early stopping, checkpoints.

With a fixed seed the weights are reproducible on a CPU: initial weights and the order of batches
come from their own generator, and no operation depends on how threads are scheduled.
"""

import time
from dataclasses import dataclass
from pathlib import Path
from pickle import UnpicklingError  # raised by torch.load, which is told to load no code
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from tradebot.forecast.models.network import Network
from tradebot.forecast.models.views import Rows, View
from tradebot.platform import logs

log = logs.get(__name__)


@dataclass(frozen=True)
class Training:
    """How a network is trained.

    Training stops after `patience` epochs without a better validation error; the best weights are
    kept. `seconds` limits the time, 0 does not; with a limit the result depends on the machine's
    speed. `epoch_rows` limits the rows of an epoch, 0 uses all. `threads` are torch's: one is best
    for a network this small, because synchronisation costs more than it gains on a busy machine.
    """

    epochs: int = 12
    patience: int = 3
    batch: int = 512
    rate: float = 1e-3
    seed: int = 7
    seconds: float = 0.0
    epoch_rows: int = 0
    threads: int = 1


@dataclass
class _Progress:
    epoch: int = 0
    best: float = float("inf")
    best_epoch: int = 0


def device() -> torch.device:
    """Returns a GPU if torch finds one."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def new_network(inputs: int, units: int, seed: int) -> Network:
    """Returns a network with the seed's initial weights."""
    return Network(inputs, units, torch.Generator().manual_seed(seed))


def train(
    network: Network,
    view: View,
    scale: NDArray[np.float64],
    learn: Rows,
    validate: Rows,
    how: Training,
    *,
    checkpoint: Path | None = None,
    key: str = "",
) -> float:
    """Trains in place; returns the best mean absolute error on `validate`, in scaled units.

    Args:
        learn, validate: target rows.
        checkpoint: written after each epoch, and resumed if it has the same `key`; removed when
            training is done.
    """
    torch.set_num_threads(how.threads)
    place = device()
    network.to(place)
    optimiser = torch.optim.Adam(network.parameters(), lr=how.rate, eps=1e-7)
    generator = np.random.default_rng(how.seed)
    progress = _Progress()
    best = {name: weight.detach().clone() for name, weight in network.state_dict().items()}
    if checkpoint is not None and checkpoint.exists():
        best = _resume(checkpoint, key, network, optimiser, generator, progress) or best
    began = time.monotonic()
    while progress.epoch < how.epochs and progress.epoch - progress.best_epoch < how.patience:
        if how.seconds and progress.epoch and time.monotonic() - began > how.seconds:
            log.warning("training stops at its time limit", epochs=progress.epoch, of=how.epochs)
            break
        order = generator.permutation(learn)[: how.epoch_rows or None]
        loss = _epoch(network, optimiser, view, scale, order, how.batch, place)
        error = _error(network, view, scale, validate, place)
        progress.epoch += 1
        if error < progress.best:
            progress.best, progress.best_epoch = error, progress.epoch
            best = {name: weight.detach().clone() for name, weight in network.state_dict().items()}
        log.info(
            "training",
            epoch=progress.epoch,
            of=how.epochs,
            rows=len(order),
            loss=round(loss, 5),
            validation=round(error, 5),
            seconds=round(time.monotonic() - began, 1),
        )
        if checkpoint is not None:
            _keep(checkpoint, key, network, optimiser, generator, progress, best)
    network.load_state_dict(best)
    if checkpoint is not None:
        checkpoint.unlink(missing_ok=True)
    return progress.best


def _epoch(
    network: Network,
    optimiser: torch.optim.Optimizer,
    view: View,
    scale: NDArray[np.float64],
    order: Rows,
    batch: int,
    place: torch.device,
) -> float:
    network.train()
    total = 0.0
    for begin in range(0, len(order), batch):
        rows = order[begin : begin + batch]
        inputs, targets = _tensors(view, rows, scale, place)
        optimiser.zero_grad()
        loss = (network(inputs) - targets).abs().mean()
        loss.backward()
        optimiser.step()
        total += float(loss.detach()) * len(rows)
    return total / len(order)


def _error(
    network: Network, view: View, scale: NDArray[np.float64], rows: Rows, place: torch.device
) -> float:
    network.eval()
    total = 0.0
    with torch.no_grad():
        for begin in range(0, len(rows), 4096):
            inputs, targets = _tensors(view, rows[begin : begin + 4096], scale, place)
            total += float((network(inputs) - targets).abs().sum())
    return total / len(rows)


def _tensors(
    view: View, rows: Rows, scale: NDArray[np.float64], place: torch.device
) -> tuple[torch.Tensor, torch.Tensor]:
    inputs, targets = view.batch(rows, scale)
    return torch.from_numpy(inputs).to(place), torch.from_numpy(targets).to(place)


def _keep(
    path: Path,
    key: str,
    network: Network,
    optimiser: torch.optim.Optimizer,
    generator: np.random.Generator,
    progress: _Progress,
    best: dict[str, torch.Tensor],
) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    state = {
        "key": key,
        "network": network.state_dict(),
        "optimiser": optimiser.state_dict(),
        "generator": generator.bit_generator.state,
        "progress": [progress.epoch, progress.best, progress.best_epoch],
        "best": best,
    }
    torch.save(state, partial)
    partial.replace(path)


def _resume(
    path: Path,
    key: str,
    network: Network,
    optimiser: torch.optim.Optimizer,
    generator: np.random.Generator,
    progress: _Progress,
) -> dict[str, torch.Tensor] | None:
    """Resumes training from the checkpoint; `None` if it belongs to another training."""
    try:
        state: dict[str, Any] = torch.load(path, weights_only=True)
    except (RuntimeError, OSError, EOFError, ValueError, UnpicklingError) as error:
        log.warning("ignoring a checkpoint", file=str(path), error=str(error))
        return None
    if state.get("key") != key:
        return None
    network.load_state_dict(state["network"])
    optimiser.load_state_dict(state["optimiser"])
    generator.bit_generator.state = state["generator"]
    progress.epoch, progress.best, progress.best_epoch = state["progress"]
    log.info("resuming training", epoch=progress.epoch)
    best: dict[str, torch.Tensor] = state["best"]
    return best
