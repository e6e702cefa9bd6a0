"""Runs fits on one thread: sharing 60 rows, or blocks of 4,096, costs more than their work.

Measured on two cores: 500 rows take 30 ms with one BLAS thread and 700 ms with two; 100,000 rows
take 28 ms and, on a busy machine, 600 ms. Without
`threadpoolctl` the result is the same, with as many threads as BLAS is set to.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import numpy as np  # noqa: F401  (the controller finds the libraries that are loaded already)
import scipy.linalg  # noqa: F401


@cache
def _controller() -> Any:
    try:
        from threadpoolctl import ThreadpoolController
    except ImportError:
        return None
    return ThreadpoolController()


@contextmanager
def one_thread() -> Iterator[None]:
    """Limits BLAS to one thread inside the block, and restores the number afterwards."""
    controller = _controller()
    if controller is None:
        yield
        return
    with controller.limit(limits=1, user_api="blas"):
        yield
