"""Removes from a process what a strategy does not need; the process cannot undo it.

Needs no privileges, only Linux: `no_new_privs`, resource limits, a seccomp filter and, if the
kernel has it, Landlock. Afterwards the process can open no socket, start no process, write no file,
signal nobody and use no more memory than its limit. It can read only what Python needs and the
strategy's folder. A refused call returns an error, so that the strategy's traceback shows where it
was made.

Sources: seccomp(2), landlock(7), linux/filter.h, linux/landlock.h, syscall tables of x86-64 and
arm64.
"""

import ctypes
import errno
import os
import platform
import resource
import struct
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Final, NamedTuple

PR_SET_PDEATHSIG, PR_SET_DUMPABLE = 1, 4
PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP = 38, 22
SECCOMP_MODE_FILTER: Final = 2
SIGKILL: Final = 9

LOAD, EQUAL, ANY_BIT, RETURN = 0x20, 0x15, 0x45, 0x06
"""BPF: load a word of the call, compare it, test its bits, return."""
ALLOW, KILL = 0x7FFF0000, 0x80000000
NUMBER, ARCHITECTURE = 0, 4
X32: Final = 0x40000000
CLONE_THREAD: Final = 0x10000
WRITING: Final = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND

OPEN_FILES: Final = 128


class SandboxError(Exception):
    """The sandbox cannot be created here; the message says why."""


class Machine(NamedTuple):
    """What differs between processors: the audit number and the calls."""

    audit: int
    denied: tuple[int, ...]
    absent: tuple[int, ...]
    """Calls that behave as on a kernel without them, so that libraries use the older ones."""
    clone: int
    opens: tuple[tuple[int, int], ...]
    """Calls that open a file, each with the argument that holds its flags."""
    prlimit: int


_X86_64 = Machine(
    audit=0xC000003E,
    denied=(
        # sockets: socket to getpeername, socketpair, setsockopt, getsockopt, accept4, *mmsg
        *range(41, 56), 288, 299, 307,
        # processes: fork, vfork, execve, kill, tkill, tgkill, execveat, signals, pidfd_*
        57, 58, 59, 62, 200, 234, 322, 129, 297, 424, 434, 438,
        # other processes' memory: ptrace, process_vm_readv and _writev, process_madvise, kcmp
        101, 310, 311, 440, 312,
        # files: truncate to rename, mkdir to chown, mknod, *at forms, xattrs, links
        76, 77, 82, 83, 84, 85, 86, 87, 88, 90, 91, 92, 93, 94, 133, 188, 189, 190, 197, 198, 199,
        258, 259, 260, 263, 264, 265, 266, 268, 316, 452,
        # the system: mount, chroot, namespaces, keys, bpf, perf, userfaultfd, modules, priorities
        160, 161, 165, 166, 155, 175, 176, 272, 308, 248, 249, 250, 321, 298, 323, 313, 425, 426,
        427, 428, 429, 430, 431, 432, 442, 141, 142, 144, 203, 169, 246, 320, 163, 167, 168,
    ),
    absent=(435, 437),  # clone3, openat2: their flags are in memory, where no filter sees them
    clone=56,
    opens=((2, 1), (257, 2)),
    prlimit=302,
)  # fmt: skip

_ARM64 = Machine(
    audit=0xC00000B7,
    denied=(
        *range(198, 213), 242, 243, 269,
        221, 129, 130, 131, 281, 138, 240, 424, 434, 438,
        117, 270, 271, 440, 272,
        45, 46, 33, 34, 35, 36, 37, 38, 276, 52, 53, 54, 55, 5, 6, 7, 14, 15, 16, 452,
        39, 40, 41, 51, 97, 268, 217, 218, 219, 280, 241, 282, 105, 106, 273, 425, 426, 427, 428,
        429, 430, 431, 432, 442, 140, 118, 119, 122, 142, 104, 294, 89, 224, 225, 164,
    ),
    absent=(435, 437),
    clone=220,
    opens=((56, 2),),
    prlimit=261,
)  # fmt: skip

MACHINES: Final = {"x86_64": _X86_64, "aarch64": _ARM64}


def enter(memory: int, readable: Iterable[Path]) -> None:
    """Makes this process a sandbox, permanently and for all later threads.

    Args:
        memory: bytes that it may use beyond what it uses now.
        readable: files and folders that it may read, besides Python's own.

    Raises:
        SandboxError: this is not Linux, not a known processor, or the kernel refuses.
    """
    machine = MACHINES.get(platform.machine())
    if sys.platform != "linux" or machine is None:
        raise SandboxError(
            f"strategies run in a sandbox, which needs Linux on {' or '.join(MACHINES)}; this is "
            f"{platform.system()} on {platform.machine()}"
        )
    libc = ctypes.CDLL(None, use_errno=True)
    _prctl(libc, PR_SET_PDEATHSIG, SIGKILL)
    _prctl(libc, PR_SET_NO_NEW_PRIVS, 1)
    _read_only(libc, readable)
    _limit(memory)
    _filter(libc, machine)


def hide() -> None:
    """Hides this process's memory and environment from others of the same user."""
    if sys.platform == "linux":
        _prctl(ctypes.CDLL(None, use_errno=True), PR_SET_DUMPABLE, 0)


def _prctl(libc: ctypes.CDLL, option: int, *arguments: object) -> None:
    padded = [*arguments, 0, 0, 0, 0][:4]
    words = [ctypes.c_ulong(each) if isinstance(each, int) else each for each in padded]
    if libc.prctl(option, *words):
        raise SandboxError(f"prctl {option}: {os.strerror(ctypes.get_errno())}")


def _limit(memory: int) -> None:
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    most = pages * resource.getpagesize() + memory
    for which, value in (
        (resource.RLIMIT_AS, most),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, OPEN_FILES),
    ):
        resource.setrlimit(which, (value, value))


# The filter: a list of (code, if true skip, if false skip, value), each eight bytes.


def _argument(number: int) -> int:
    """Returns where the lower half of a call's argument is; both processors are little-endian."""
    return 16 + 8 * number


def program(machine: Machine) -> list[tuple[int, int, int, int]]:
    """Returns the BPF program: the result of each system call of the process."""
    refuse = (RETURN, 0, 0, 0x00050000 | errno.EPERM)
    unknown = (RETURN, 0, 0, 0x00050000 | errno.ENOSYS)
    lines = [
        (LOAD, 0, 0, ARCHITECTURE), (EQUAL, 1, 0, machine.audit), (RETURN, 0, 0, KILL),
        (LOAD, 0, 0, NUMBER), (ANY_BIT, 0, 1, X32), refuse,
    ]  # fmt: skip
    for call in machine.denied:
        lines += [(EQUAL, 0, 1, call), refuse]
    for call in machine.absent:
        lines += [(EQUAL, 0, 1, call), unknown]
    # A thread is allowed, another process is not.
    lines += _unless(machine.clone, 0, CLONE_THREAD, refuse, allowed_if_set=True)
    for call, flags in machine.opens:
        lines += _unless(call, flags, WRITING, refuse, allowed_if_set=False)
    # Limits may be read, never set: the pointer to new ones must be null in both halves.
    lines += [
        (EQUAL, 0, 6, machine.prlimit),
        (LOAD, 0, 0, _argument(2)), (EQUAL, 0, 2, 0),
        (LOAD, 0, 0, _argument(2) + 4), (EQUAL, 1, 0, 0),
        refuse, (RETURN, 0, 0, ALLOW),
    ]  # fmt: skip
    return [*lines, (RETURN, 0, 0, ALLOW)]


def _unless(
    call: int,
    argument: int,
    bits: int,
    refuse: tuple[int, int, int, int],
    *,
    allowed_if_set: bool,
) -> list[tuple[int, int, int, int]]:
    """Refuses a call by the bits of one of its arguments; it never falls through to later lines."""
    if_set, if_clear = (1, 0) if allowed_if_set else (0, 1)
    return [
        (EQUAL, 0, 4, call),
        (LOAD, 0, 0, _argument(argument)),
        (ANY_BIT, if_set, if_clear, bits),
        refuse,
        (RETURN, 0, 0, ALLOW),
    ]


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("lines", ctypes.c_void_p))


def _filter(libc: ctypes.CDLL, machine: Machine) -> None:
    lines = program(machine)
    code = ctypes.create_string_buffer(b"".join(struct.pack("<HBBI", *line) for line in lines))
    whole = _Program(len(lines), ctypes.cast(code, ctypes.c_void_p))
    _prctl(libc, PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(whole))


# Landlock: which files may be read. Older kernels lack it; the filter above works there as well.

CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446
READ_FILE, READ_DIR = 1 << 2, 1 << 3
ALL_RIGHTS: Final = {1: (1 << 13) - 1, 2: (1 << 14) - 1}
"""By version of the interface; from version 3 there is one more."""
SYSTEM: Final = (
    "/usr/lib", "/usr/lib64", "/lib", "/lib64", "/usr/local/lib", "/usr/share/zoneinfo",
    "/etc/localtime", "/etc/ld.so.cache", "/dev/urandom", "/dev/null", "/proc/self/statm",
    "/sys/devices/system/cpu",
)  # fmt: skip


class _Beneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = (("access", ctypes.c_uint64), ("folder", ctypes.c_int32))


def _read_only(libc: ctypes.CDLL, readable: Iterable[Path]) -> None:
    version = libc.syscall(CREATE_RULESET, None, ctypes.c_size_t(0), 1)
    if version < 1:
        return
    rights = ctypes.c_uint64(ALL_RIGHTS.get(version, (1 << 15) - 1))
    rules = libc.syscall(CREATE_RULESET, ctypes.byref(rights), ctypes.c_size_t(8), 0)
    if rules < 0:
        raise SandboxError(f"Landlock: {os.strerror(ctypes.get_errno())}")
    python = (sys.prefix, sys.base_prefix, *filter(None, sys.path))
    places = [*map(Path, (*SYSTEM, *python)), *readable]
    for place in {each.resolve() for each in places}:
        if not place.exists():
            continue
        descriptor = os.open(place, os.O_PATH)
        access = READ_FILE | (READ_DIR if place.is_dir() else 0)
        rule = _Beneath(access, descriptor)
        failed = libc.syscall(ADD_RULE, rules, 1, ctypes.byref(rule), 0)
        os.close(descriptor)
        if failed:
            raise SandboxError(f"Landlock: {place}: {os.strerror(ctypes.get_errno())}")
    if libc.syscall(RESTRICT_SELF, rules, 0):
        raise SandboxError(f"Landlock: {os.strerror(ctypes.get_errno())}")
    os.close(rules)
