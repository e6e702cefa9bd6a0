"""Files that only their owner may read: journals, locks, nonces, documents."""

import os
from pathlib import Path
from typing import IO, Final

OWNER: Final = 0o600


def open_private(path: Path, mode: str) -> IO[str]:
    """Opens a text file; one that exists already becomes private too.

    Raises:
        OSError: it cannot be opened.
    """
    # `Path.open` takes no opener.
    file = open(path, mode, opener=lambda name, flags: os.open(name, flags, OWNER))  # noqa: SIM115
    os.fchmod(file.fileno(), OWNER)
    return file


def make_private(path: Path) -> None:
    """Creates the file, if it is missing, and makes it private.

    SQLite gives the files next to a database the permissions of the database.

    Raises:
        OSError: it cannot be created.
    """
    open_private(path, "a").close()
