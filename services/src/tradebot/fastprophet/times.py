"""Times as integer nanoseconds since 1970, from whatever a caller has."""

from typing import Any, Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Nanos = npt.NDArray[np.int64]

SECOND: Final = 1_000_000_000
DAY: Final = 86_400 * SECOND

_UNITS: Final = ((1e11, SECOND), (1e14, 1_000_000), (1e17, 1_000), (np.inf, 1))
"""Numbers below the first bound are seconds, below the second milliseconds, and so on: a bound
is the year 5138 in its own unit and 1973 in the next finer one."""


def to_nanos(ds: Any) -> Nanos:
    """Times as int64 nanoseconds since 1970-01-01, without a time zone.

    `ds` is an array or sequence of datetime64 (any unit), of ISO 8601 strings or `datetime`
    objects, or of numbers since 1970: seconds, milliseconds, microseconds or nanoseconds, told
    apart by their size (a number below 1e11 is in seconds, below 1e14 in milliseconds, below
    1e17 in microseconds).

    Raises `ValueError` for a missing time or one with a time zone.
    """
    if getattr(getattr(ds, "dtype", None), "tz", None) is not None:
        raise ValueError("ds has a time zone: convert it to UTC and remove the zone.")
    array = np.atleast_1d(np.asarray(ds))
    if array.ndim != 1:
        raise ValueError(f"ds must have one dimension, not {array.ndim}.")
    if array.dtype.kind in "iuf":
        return _from_numbers(array)
    if array.dtype.kind != "M":
        if any(getattr(value, "tzinfo", None) is not None for value in array):
            raise ValueError("ds has a time zone: convert it to UTC and remove the zone.")
        array = array.astype("datetime64[ns]")
    if np.isnat(array).any():
        raise ValueError("ds has a missing time (NaT): remove that row.")
    return array.astype("datetime64[ns]", copy=False).view(np.int64)


def _from_numbers(array: npt.NDArray[Any]) -> Nanos:
    if not np.isfinite(array).all():
        raise ValueError("ds has a missing or infinite time: remove that row.")
    largest = float(np.abs(array).max(initial=0))
    unit = next(unit for bound, unit in _UNITS if largest < bound)
    if array.dtype.kind == "f":
        whole = np.floor(array)
        part = np.rint((array - whole) * unit).astype(np.int64)
        return np.asarray(whole.astype(np.int64) * unit + part)
    return np.asarray(array.astype(np.int64) * unit)


def to_datetime64(nanos: Nanos) -> npt.NDArray[np.datetime64]:
    """The same instants as `datetime64[ns]`."""
    return nanos.view("datetime64[ns]")
