"""The page's files, and plotly's script from its package."""

import gzip
from importlib.resources import files

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

_TYPES = {
    "html": "text/html; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}


def static(request: Request) -> Response:
    """Returns a file of the page by its name."""
    return file(request.path_params["name"])


def file(name: str) -> Response:
    """Returns a file of the page."""
    ending = name.rpartition(".")[2]
    source = files("tradebot.dashboard") / "static" / name
    if ending not in _TYPES or not source.is_file():
        return PlainTextResponse("no such file\n", status_code=404)
    return Response(
        source.read_bytes(), media_type=_TYPES[ending], headers={"Cache-Control": "no-cache"}
    )


_compressed: list[bytes] = []


def plotly(_request: Request) -> Response:
    """Returns plotly's script, compressed once: 4.8 MB become 1.4."""
    if not _compressed:
        script = files("plotly") / "package_data" / "plotly.min.js"
        _compressed.append(gzip.compress(script.read_bytes(), compresslevel=6))
    return Response(
        _compressed[0],
        media_type=_TYPES["js"],
        headers={"Content-Encoding": "gzip", "Cache-Control": "max-age=86400"},
    )
