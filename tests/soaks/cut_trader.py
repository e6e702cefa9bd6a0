"""A trader that a test can cut off from its lease, like a node that loses its network.

Called as `python cut_trader.py FOLDER`, followed by the options of `tradebot trader`. While the
file `cut-PID` is in the folder, the claim of the process PID cannot be read or written.
"""

import os
import sys
from pathlib import Path

from tradebot.cli import main
from tradebot.trader.claim_files import ClaimFiles
from tradebot.trader.renewed_lease import Claim, PlaceError

read, write = ClaimFiles.read, ClaimFiles.write


def cut_by(file: Path) -> None:
    """Cuts off the lease while the file exists."""

    def check() -> None:
        if file.exists():
            raise PlaceError("the network is cut")

    async def read_unless(self: ClaimFiles) -> Claim:
        check()
        return await read(self)

    async def write_unless(self: ClaimFiles, claim: Claim) -> bool:
        check()
        return await write(self, claim)

    ClaimFiles.read = read_unless  # type: ignore[method-assign]
    ClaimFiles.write = write_unless  # type: ignore[method-assign]


if __name__ == "__main__":
    cut_by(Path(sys.argv.pop(1)) / f"cut-{os.getpid()}")
    main(["trader", *sys.argv[1:]])
