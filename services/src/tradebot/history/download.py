"""Downloads history from a URL, with limits on its size and on where redirects may lead."""

import ipaddress
import re
import socket
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import httpx

from tradebot.history.read import HistoryFileError

LARGEST: Final = 1 << 30
"""Largest download in bytes; ten years of minutes, compressed, are a tenth of it."""
REDIRECTS: Final = 5
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,120}")


def download(url: str, folder: Path, *, largest: int = LARGEST) -> Path:
    """Downloads the file at a URL into `folder`, under its own name.

    A redirect may not leave HTTPS, nor lead from a public address to a private one: a server could
    otherwise reach what only this machine can. Messages show the URL without its query, which may
    be a signature, and nothing of the response.

    Raises:
        HistoryFileError: the URL does not return a file, or the file is too large.
    """
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / _name(url)
    partial = target.with_name(target.name + ".partial")
    named = url.split("?")[0]
    try:
        with httpx.Client(timeout=60, follow_redirects=False) as client:
            _stream(client, url, named, partial, largest)
    except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:
        partial.unlink(missing_ok=True)
        raise HistoryFileError(
            f"history_file {named} cannot be downloaded: {_why(error)}; check the URL, or use a "
            "file with the source Claim"
        ) from None
    except HistoryFileError:
        partial.unlink(missing_ok=True)
        raise
    return partial.replace(target)


def _name(url: str) -> str:
    """Returns the file's name, without the query, which may be a signature.

    >>> _name("https://host/a/btc.csv.gz?X-Amz-Signature=1"), _name("https://host/")
    ('btc.csv.gz', 'history.csv')
    """
    last = urlsplit(url).path.rsplit("/", 1)[-1]
    return last if _NAME.fullmatch(last) else "history.csv"


def _stream(client: httpx.Client, url: str, named: str, target: Path, largest: int) -> None:
    """Writes the file, following allowed redirects."""
    public = not _is_private(url)
    for _ in range(REDIRECTS + 1):
        with client.stream("GET", url) as response:
            if not response.is_redirect:
                response.raise_for_status()
                _write(response, named, target, largest)
                return
            following = str(response.url.join(response.headers["location"]))
        _permit(url, following, named, public=public)
        url = following
    raise HistoryFileError(
        f"history_file {named} redirects more than {REDIRECTS} times: use the file's own URL"
    )


def _permit(url: str, following: str, named: str, *, public: bool) -> None:
    scheme = urlsplit(following).scheme
    if scheme not in ("http", "https") or (url.startswith("https:") and scheme != "https"):
        raise HistoryFileError(
            f"history_file {named} redirects away from HTTPS: use the file's own URL"
        )
    if public and _is_private(following):
        raise HistoryFileError(f"history_file {named} leads to a private address: use a public URL")


def _is_private(url: str) -> bool:
    """Whether an address is reachable only from this machine or network."""
    host = urlsplit(url).hostname or ""
    try:
        found = {entry[4][0] for entry in socket.getaddrinfo(host, None)}
    except OSError:
        return False
    return any(not ipaddress.ip_address(str(one).split("%")[0]).is_global for one in found)


def _write(response: httpx.Response, named: str, target: Path, largest: int) -> None:
    """Writes the body unchanged: `.gz` stays compressed, and too large a one is cut short."""
    written = 0
    packed = response.headers.get("content-encoding", "identity") not in ("", "identity")
    chunks = response.iter_bytes(1 << 20) if packed else response.iter_raw(1 << 20)
    with target.open("wb") as file:
        for chunk in chunks:
            written += len(chunk)
            if written > largest:
                raise HistoryFileError(
                    f"history_file {named} has more than {largest:,} bytes: use a shorter history"
                )
            file.write(chunk)


def _why(error: Exception) -> str:
    """Names the kind of failure; never text of the response."""
    if isinstance(error, httpx.HTTPStatusError):
        return f"HTTP {error.response.status_code}"
    if isinstance(error, httpx.TimeoutException):
        return "no response within 60 s"
    if isinstance(error, httpx.ConnectError):
        return "no server responds"
    return type(error).__name__
