"""Converts times of many types to integer nanoseconds since 1970."""

import re
from typing import Any, Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Nanos = npt.NDArray[np.int64]

SECOND: Final = 1_000_000_000
DAY: Final = 86_400 * SECOND

_UNITS: Final = ((1e11, SECOND), (1e14, 1_000_000), (1e17, 1_000), (np.inf, 1))
"""Numbers below the first bound are seconds, below the second milliseconds, and so on. A bound is
the year 5138 in its own unit and 1973 in the next finer one."""


_EARLIEST: Final = np.datetime64("1677-09-22T00:00:00")
_LATEST: Final = np.datetime64("2262-04-11T00:00:00")
_ISO: Final = r"\d{4}[-/]\d{2}([-/]\d{2}([T ]\d{2}(:\d{2}(:\d{2}(\.\d{1,9})?)?)?)?)?"
_ZONE: Final = r"\d\d:?\d\d(:\d\d(\.\d+)?)?\s*(Z|UTC|GMT|[+-]\d{2}:?\d{2})$"


def to_nanos(ds: Any) -> Nanos:
    """Converts times to int64 nanoseconds since 1970-01-01, without a time zone.

    `ds` is an array or sequence of datetime64 (any unit), of ISO 8601 strings (`20200131` is a day
    too) or `datetime` objects, or of numbers since 1970 in seconds, milliseconds, microseconds or
    nanoseconds, distinguished by their size (below 1e11 seconds, below 1e14 milliseconds, below
    1e17 microseconds).

    Raises `ValueError` for a missing time, one with a time zone, text that is not a time, and a
    time outside 1677-09-22 to 2262-04-11, the range of nanoseconds in int64.
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
        array = np.array([_instant(value) for value in array], dtype="datetime64[ns]")
    if np.isnat(array).any():
        raise ValueError("ds has a missing time (NaT): remove that row.")
    _check_range(array)
    return array.astype("datetime64[ns]", copy=False).view(np.int64)


def _instant(value: Any) -> np.datetime64:
    """One time, from text or a `datetime`."""
    if value is None or value != value:  # also pandas' NaT and a float's NaN
        raise ValueError("ds has a missing time: remove that row.")
    if not isinstance(value, str):
        found = np.datetime64(value)
        _check_range(np.array([found]))
        return found
    text = value.strip()
    if re.search(_ZONE, text):
        raise ValueError(f"ds has a time zone in {text!r}: convert it to UTC and remove the zone.")
    if re.fullmatch(r"\d{8}", text):
        text = f"{text[:4]}-{text[4:6]}-{text[6:]}"
    if not re.fullmatch(_ISO, text):
        raise ValueError(
            f"ds has {text[:40]!r}, which is not a time: use 2020-01-31 or 2020-01-31 12:30:00."
        )
    try:
        instant = np.datetime64(text.replace("/", "-"))
    except ValueError as error:
        raise ValueError(f"ds has {text!r}, which is not a time: {error}.") from None
    _check_range(np.array([instant]))
    return instant


def _check_range(array: npt.NDArray[Any]) -> None:
    """Raise `ValueError` for a time that int64 nanoseconds cannot hold."""
    seconds = array.astype("datetime64[s]")
    outside = (seconds < _EARLIEST) | (seconds > _LATEST)
    if outside.any():
        found = seconds[int(np.argmax(outside))]
        raise ValueError(f"ds has {found}: times must lie between {_EARLIEST} and {_LATEST}.")


def _from_numbers(array: npt.NDArray[Any]) -> Nanos:
    if not np.isfinite(array).all():
        raise ValueError("ds has a missing or infinite time: remove that row.")
    largest = float(np.abs(array).max(initial=0))
    unit = next(unit for bound, unit in _UNITS if largest < bound)
    if largest * unit > np.iinfo(np.int64).max:
        raise ValueError(f"ds has {largest:g}: times must lie between {_EARLIEST} and {_LATEST}.")
    if array.dtype.kind == "f":
        whole = np.floor(array)
        part = np.rint((array - whole) * unit).astype(np.int64)
        return np.asarray(whole.astype(np.int64) * unit + part)
    return np.asarray(array.astype(np.int64) * unit)


def to_datetime64(nanos: Nanos) -> npt.NDArray[np.datetime64]:
    """The same instants as `datetime64[ns]`."""
    return nanos.view("datetime64[ns]")
