"""A file's text: decompressed within limits, with its separator and header detected."""

import csv
import gzip
import io
import re
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from tradebot.history.forms import FormError

GZIP: Final = b"\x1f\x8b"
ZIP: Final = b"PK\x03\x04"
"""Magic bytes of compressed files, whatever their name."""
LARGEST: Final = 2 << 30
"""Largest size of a file, compressed or not; four million minutes as text are a fifth of it."""
PACKED_AT_BEST: Final = 200
"""Highest plausible compression ratio of prices; a file beyond it is refused."""
ALWAYS_UNPACKED: Final = 64 << 20

NULLS: Final = ("", "NaN", "nan", "NAN", "null", "NULL", "None", "NA", "N/A", "n/a", "-")
_FEWEST_CELLS: Final = 5
_LINES_BEFORE: Final = 20
_UNCLOSED: Final = re.compile(rb'^[^"\n]*"(?:[^"\n]*"[^"\n]*")*[^"\n]*$', re.MULTILINE)
"""A line with an odd number of quotation marks."""
_TIME: Final = re.compile(r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}([ T].*)?|\d{1,2}:\d{2}.*")


@dataclass(frozen=True)
class Text:
    """A file of cells.

    `names` are the header's, or none if the first row is data; `before` is the number of lines
    before the first row of data, `width` the number of cells per row.
    """

    data: bytes
    separator: str
    names: tuple[str, ...]
    first: tuple[str, ...]
    before: int
    width: int

    def lines(self) -> list[str]:
        """Returns all lines, as text."""
        return self.data.decode("utf-8", "replace").split("\n")


def unpacked(path: Path) -> bytes:
    """Returns a file's bytes, decompressed if it is a gzip or zip archive.

    Raises:
        FormError: it is too large for a file of prices, or an archive with several files.
        OSError: the file does not exist or is damaged.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        kind = file.read(4)
        file.seek(0)
        if kind.startswith(GZIP):
            with gzip.open(file) as packed:
                return _bounded(packed, size)
        if kind == ZIP:
            return _of_archive(file, size)
        if size > LARGEST:
            raise FormError(f"it has {size:,} bytes; the maximum is {LARGEST:,}")
        return file.read()


def _of_archive(file: IO[bytes], size: int) -> bytes:
    try:
        with zipfile.ZipFile(file) as archive:
            names = [
                name for name in archive.namelist() if name.lower().endswith((".csv", ".json"))
            ]
            if len(names) != 1:
                raise FormError(
                    f"the archive contains {len(names)} CSV or JSON files: unpack it and choose one"
                )
            with archive.open(names[0]) as packed:
                return _bounded(packed, size)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:
        raise FormError(f"the archive cannot be unpacked: {error}") from None


def _bounded(packed: IO[bytes] | gzip.GzipFile, size: int) -> bytes:
    """Decompresses everything, or fails before memory runs out."""
    most = min(LARGEST, max(ALWAYS_UNPACKED, PACKED_AT_BEST * size))
    data = packed.read(most + 1)
    if len(data) > most:
        raise FormError(
            f"its {size:,} packed bytes unpack to more than {most:,}: this is not a file of prices"
        )
    return data


def of_bytes(data: bytes) -> Text:
    """Detects a CSV file's first row, separator and column names.

    Raises:
        FormError: none of the first lines, or too few of them, have five cells.
    """
    data = _closed(_utf8(data))
    head = data[: 1 << 16].decode("utf-8", "replace").split("\n")[:_LINES_BEFORE]
    for number, line in enumerate(head):
        separator = max(",;\t", key=line.count)
        cells = _cells(line, separator)
        if len(cells) < _FEWEST_CELLS:
            continue
        if all(is_value(cell) for cell in cells):
            width = _usual_width(head[number:], separator)
            if width < _FEWEST_CELLS:
                raise FormError(f"most of its rows have fewer than {_FEWEST_CELLS} cells: {width}")
            return Text(data, separator, (), cells, number, width)
        names, before = _header(cells, head[number:], separator)
        first = next((line for line in head[number + before :] if line.strip()), "")
        return Text(data, separator, names, _cells(first, separator), number + before, len(cells))
    raise FormError(
        f"none of its first lines has {_FEWEST_CELLS} cells, separated by commas, semicolons or"
        " tabs"
    )


def _header(
    cells: tuple[str, ...], lines: list[str], separator: str
) -> tuple[tuple[str, ...], int]:
    """Returns the column names, and how many lines they take: yfinance's take three."""
    following = [_cells(line, separator)[0] for line in lines[1:3]]
    if cells[0] == "Price" and following[:1] == ["Ticker"]:
        return cells, 1 + len(
            [name for name in following if name in ("Ticker", "Date", "Datetime")]
        )
    return cells, 1


def _usual_width(lines: list[str], separator: str) -> int:
    """Returns the most common number of cells; the first row may have one too many."""
    widths = [len(_cells(line, separator)) for line in lines if line.strip()]
    return max(set(widths), key=widths.count)


def _cells(line: str, separator: str) -> tuple[str, ...]:
    try:
        read = next(csv.reader([line.replace("\r", "")], delimiter=separator), [])
    except csv.Error:  # a cell longer than any number or time
        return (line,)
    return tuple(cell.strip() for cell in read) or ("",)


def is_value(cell: str) -> bool:
    """Whether a cell is data rather than a name: a number, a time, or empty.

    >>> is_value("1.6E+12"), is_value("2021-01-01 00:00:00+00:00"), is_value(""), is_value("Open")
    (True, True, True, False)
    """
    return cell in NULLS or _TIME.fullmatch(cell) is not None or is_number(cell)


def is_number(cell: str) -> bool:
    """Whether a cell is a number.

    >>> is_number("1e5"), is_number("x")
    (True, False)
    """
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _utf8(data: bytes) -> bytes:
    """Converts the text to UTF-8 without a byte order mark; spreadsheets also write UTF-16."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", "replace").encode()
    return data.removeprefix(b"\xef\xbb\xbf")


def _closed(data: bytes) -> bytes:
    """Makes an unclosed quotation mark part of its cell: it would take in all lines below it."""
    if b'"' not in data:
        return data
    return _UNCLOSED.sub(lambda line: line[0].replace(b'"', b"'"), data)


def ragged(text: Text) -> list[int]:
    """Returns the lines, counted from 1, with more cells than the header or the first row."""
    return [
        number
        for number, line in enumerate(text.lines(), 1)
        if number > text.before
        and line.count(text.separator) >= text.width
        and len(_cells(line, text.separator)) > text.width
    ]


def stream(text: Text, names: list[str]) -> io.BytesIO:
    """Returns the rows of data under `names`, so that the first is read like all others."""
    start = 0
    for _ in range(text.before):
        start = text.data.find(b"\n", start) + 1
    return io.BytesIO(text.separator.join(names).encode() + b"\n" + text.data[start:])
