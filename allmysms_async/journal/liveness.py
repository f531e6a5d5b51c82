"""What the operating system knows of processes: which machine, which boot, which of them, and whether it still lives.

All of it only ever answers "dead" with proof; whatever cannot be told counts as alive.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import hashlib
import os
import platform
import sys
from pathlib import Path

import msgspec

__all__ = ["Place", "here", "is_gone", "may_be_told"]

_MACHINE_ID = ("/etc/machine-id", "/var/lib/dbus/machine-id")
_BOOT_ID = "/proc/sys/kernel/random/boot_id"
_DEAD_STATES = ("Z", "X", "x")


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Where a process runs.

    Attributes:
        machine: The host's name, and a digest of the machine's own identifier if it has one.
        boot: Which start of the machine, or None if it does not tell.
        pid: The process.
        started: When it began, in the machine's own words, or None if it does not tell.
        pid_space: Within which the process has that number, or None if there is only one.
    """

    machine: str
    boot: str | None
    pid: int
    started: str | None
    pid_space: str | None

    @property
    def host(self) -> str:
        """The host's name."""
        return self.machine.partition(" ")[0]


def here() -> Place:
    """Return where this process runs."""
    pid = os.getpid()
    return Place(machine=_machine(), boot=_boot(), pid=pid, started=_stat(pid)[1], pid_space=_pid_space())


def may_be_told(place: Place, mine: Place) -> bool:
    """Tell whether a lock that a process leaves behind, and its number, mean anything here.

    The boot says more than the machine: containers of one machine share it, cloned machines do not.
    """
    if place.boot is not None and place.boot == mine.boot:
        return True
    return " " in place.machine and place.machine == mine.machine


def is_gone(place: Place, mine: Place) -> bool:
    """Tell whether a process whose lock is free is surely dead.

    Args:
        place: Where it ran.
        mine: Where this one runs.
    """
    if not may_be_told(place, mine):
        return False
    if place.boot is not None and mine.boot is not None and place.boot != mine.boot:
        return True
    if place.pid_space != mine.pid_space:  # its number means nothing here, the lock of one kernel does
        return place.boot is not None and place.pid_space is not None and mine.pid_space is not None
    return not _exists(place.pid, place.started)


def _exists(pid: int, started: str | None) -> bool:
    """Tell whether a process may still run, or come back."""
    if sys.platform == "win32":
        return _exists_on_windows(pid)
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:  # of somebody else
        pass
    state, began = _stat(pid)
    if state in _DEAD_STATES:
        return False
    return began is None or started is None or began == started


def _exists_on_windows(pid: int) -> bool:
    """Tell the same where a signal of 0 would end the process."""
    kernel = getattr(ctypes, "windll").kernel32  # noqa: B009  # type checkers elsewhere do not know it
    handle = kernel.OpenProcess(0x1000, False, pid)  # PROCESS_QUERY_LIMITED_INFORMATION
    if not handle:
        return bool(kernel.GetLastError() != 87)  # ERROR_INVALID_PARAMETER: no such process
    code = ctypes.c_ulong()
    told = kernel.GetExitCodeProcess(handle, ctypes.byref(code))
    kernel.CloseHandle(handle)
    return not told or code.value == 259  # STILL_ACTIVE


def _stat(pid: int) -> tuple[str | None, str | None]:
    """Return a process's state and when it began, where the machine tells."""
    try:
        # The name may hold anything, but what follows its last bracket does not.
        fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
        return fields[0].decode(), fields[19].decode()
    except (OSError, IndexError, UnicodeDecodeError):
        return None, None


def _machine() -> str:
    """Return the host's name, with a digest of what tells it apart from others of that name."""
    host = "".join((platform.node() or "unnamed").split())
    for name in _MACHINE_ID:
        with contextlib.suppress(OSError):
            identifier = Path(name).read_bytes().strip()
            if identifier:  # not to be shown as it is, says systemd
                return f"{host} {hashlib.sha256(b'allmysms_async' + identifier).hexdigest()[:16]}"
    return host


def _boot() -> str | None:
    """Return which start of the machine this is."""
    with contextlib.suppress(OSError):
        return Path(_BOOT_ID).read_text(encoding="ascii").strip() or None
    if sys.platform == "darwin":
        with contextlib.suppress(OSError, AttributeError):
            return _sysctl(b"kern.bootsessionuuid")
    return None


def _sysctl(name: bytes) -> str | None:
    """Return what macOS says of itself."""
    size = ctypes.c_size_t(128)
    buffer = ctypes.create_string_buffer(size.value)
    failed = ctypes.CDLL(None).sysctlbyname(name, buffer, ctypes.byref(size), None, ctypes.c_size_t(0))
    return None if failed else buffer.value.decode("ascii", "replace") or None


def _pid_space() -> str | None:
    """Return the name space of process numbers, where there are several."""
    try:
        return os.readlink("/proc/self/ns/pid")
    except OSError as error:
        return None if error.errno in {errno.ENOENT, errno.ENOTDIR} else "unknown"
