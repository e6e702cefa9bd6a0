"""Small solves on one thread: handing 60 rows to several costs more than their work.

Measured at 500 rows on two cores: 30 ms with one thread of BLAS, 700 ms and more with two. Without
`threadpoolctl` the fit is the same, and takes as many threads as BLAS is set to.
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
    """BLAS has one thread inside, and as many as before afterwards."""
    controller = _controller()
    if controller is None:
        yield
        return
    with controller.limit(limits=1, user_api="blas"):
        yield
