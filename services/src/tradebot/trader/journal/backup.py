"""A journal as a file, and back.

The file holds the lines of the entries as they are stored, then one line that says how many there
are. It is restored into an empty journal as one snapshot, so whole or not at all: the bot goes on
from there as if nothing had happened. The entries themselves stay in the file.
"""

import asyncio
import hashlib
import os
from pathlib import Path

import msgspec

from tradebot.platform.settings import SettingsError
from tradebot.trader.backends import held_for_command, journal_of, journal_place, open_journal
from tradebot.trader.journal.replay import Replay
from tradebot.trader.journal.store import JournalError, decode
from tradebot.trader.journal.verify import verify
from tradebot.trader.settings import TraderSettings


class End(msgspec.Struct, frozen=True, kw_only=True):
    """The last line of a backup."""

    journal_of: str
    entries: int
    digest: str


def backup(settings: TraderSettings, path: Path) -> int:
    """Writes the journal to `path`, which only its owner can read; returns the entries written.

    The bot may trade meanwhile.

    Raises:
        SettingsError: the journal is empty or cannot be read, or the file cannot be written.
    """
    fresh = path.with_name(path.name + ".part")
    digest, entries = hashlib.blake2b(), 0
    try:
        fresh.unlink(missing_ok=True)
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as out:
            journal = journal_of(settings)
            try:
                for entries, line in enumerate(journal.lines(), 1):  # noqa: B007
                    digest.update(line)
                    out.write(line + b"\n")
            finally:
                journal.close()
            end = End(journal_of=settings.bot, entries=entries, digest=digest.hexdigest())
            out.write(msgspec.json.encode(end) + b"\n")
            out.flush()
            os.fsync(out.fileno())
        if not entries:
            fresh.unlink()
            raise SettingsError(
                f"the journal of {settings.bot} is empty ({journal_place(settings)}): there is "
                "nothing to back up"
            )
        fresh.replace(path)
    except JournalError as error:
        raise SettingsError(str(error)) from None
    except OSError as error:
        raise SettingsError(f"cannot write {path}: {error.strerror}") from None
    return entries


def read_backup(path: Path, bot: str) -> list[bytes]:
    """The lines of a backup of the bot's journal.

    Raises:
        SettingsError: the file cannot be read, is not whole, or is of another bot.
    """
    try:
        *lines, last = path.read_bytes().splitlines()
        end = msgspec.json.decode(last, type=End)
    except OSError as error:
        raise SettingsError(f"cannot read {path}: {error.strerror}") from None
    except (ValueError, msgspec.DecodeError):
        raise SettingsError(f"{path} is not a whole backup: its last line is missing") from None
    if end.journal_of != bot:
        raise SettingsError(f"{path} is a backup of {end.journal_of}, not of {bot}")
    digest = hashlib.blake2b(b"".join(lines)).hexdigest()
    if (len(lines), digest) != (end.entries, end.digest):
        raise SettingsError(f"{path} was changed after it was written: use another backup")
    return lines


async def restore(settings: TraderSettings, path: Path) -> str:
    """Writes a backup into the bot's empty journal; what that means, in a sentence.

    Raises:
        SettingsError: the file or its entries are damaged, the journal is not empty, or a trader
            holds the lease.
    """
    lines = read_backup(path, settings.bot)
    faults = verify(lines, settings.bot).faults
    if faults:
        raise SettingsError(
            f"{path} cannot be restored: entry {faults[0].number}: {faults[0].what}"
        )
    entry = Replay.of(map(decode, lines), settings.bot).carried()
    async with held_for_command(settings, "restore") as (lease, _epoch):
        try:
            journal = await open_journal(settings)
            try:
                if next(iter(journal.read()), None) is not None:
                    raise SettingsError(
                        f"the journal of {settings.bot} is not empty ({journal_place(settings)}): "
                        "a backup is only restored into an empty one"
                    )
                await journal.append(entry)
            finally:
                await asyncio.to_thread(journal.close)
        except JournalError as error:
            raise SettingsError(str(error)) from None
        lease.journal_written()
    return f"the journal of {settings.bot} is restored up to entry {entry.number}"
