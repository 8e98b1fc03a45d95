"""Child processes that end with their parent, and stopping processes that nobody waits for.

Linux only: the parent-death signal and the user namespace for root. Elsewhere children are started plainly.
"""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO

LINUX = sys.platform.startswith("linux")
PR_SET_PDEATHSIG = 1
CLONE_NEWUSER = 0x10000000
NOBODY = 65534

_libc = ctypes.CDLL(None, use_errno=True) if LINUX else None


class NamespaceRefused(Exception):
    """The machine allows no user namespace, so root cannot run PostgreSQL."""

    def __init__(self) -> None:
        super().__init__(
            "PostgreSQL refuses to run as root, and this machine allows no user namespace to run it in. "
            "Start as an ordinary user, or set DATABASE_URL to a PostgreSQL server (15 or later)."
        )


def start(
    command: Sequence[str | Path],
    *,
    log: Path | IO[bytes] | int,
    death_signal: int = signal.SIGTERM,
    as_nobody: bool = False,
    environment: Mapping[str, str] | None = None,
    folder: Path | None = None,
) -> subprocess.Popen[bytes]:
    """Start `command` with its output added to `log`; it gets `death_signal` when this process dies.

    A new session keeps Ctrl-C for the parent, which stops its children in order. `as_nobody` maps root to
    nobody in a user namespace (files keep their owner outside). Call it from the main thread: the signal is
    sent when the *thread* that started the child ends. Raises `NamespaceRefused`.
    """
    output = log.open("ab") if isinstance(log, Path) else log
    try:
        return subprocess.Popen(
            [str(part) for part in command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=environment,
            cwd=folder,
            start_new_session=True,
            preexec_fn=_before(death_signal, as_nobody=as_nobody),
        )
    except subprocess.SubprocessError:
        if as_nobody:
            raise NamespaceRefused from None
        raise
    finally:
        if isinstance(log, Path):
            output.close()  # type: ignore[union-attr]


def needs_namespace() -> bool:
    """True where PostgreSQL would refuse to run because this is root."""
    return hasattr(os, "geteuid") and os.geteuid() == 0


def _before(death_signal: int, *, as_nobody: bool) -> Callable[[], None] | None:
    if _libc is None:
        return None
    parent = os.getpid()

    def prepare() -> None:
        if as_nobody:
            _become_nobody()
        _libc.prctl(PR_SET_PDEATHSIG, death_signal)
        if os.getppid() != parent and not as_nobody:
            os._exit(1)  # the parent died before the signal was set

    return prepare


def _become_nobody() -> None:
    if _libc is None or _libc.unshare(CLONE_NEWUSER) != 0:
        raise OSError(ctypes.get_errno(), "unshare")
    for name, text in (
        ("setgroups", "deny"),
        ("uid_map", f"{NOBODY} 0 1"),
        ("gid_map", f"{NOBODY} 0 1"),
    ):
        Path("/proc/self", name).write_text(text)


def is_alive(pid: int) -> bool:
    """True if process `pid` runs; a zombie does not."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return _state(pid) not in {"Z", "X"}


def _state(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return "X" if LINUX else "?"


def command_line(pid: int) -> list[str]:
    """The words process `pid` was started with; empty where that cannot be told."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").rstrip("\0").split("\0")
    except OSError:
        return []


def group_members(group: int) -> list[str]:
    """The command lines of the processes of a process group; a reused number shows by other words."""
    if not LINUX:
        listed = subprocess.run(["ps", "-A", "-o", "pgid=,command="], capture_output=True, text=True, check=False)
        lines = [line.split(maxsplit=1) for line in listed.stdout.splitlines()]
        return [words[1] for words in lines if len(words) == 2 and words[0] == str(group)]
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit() and _group(int(folder.name)) == group:
            found.append(" ".join(command_line(int(folder.name))))
    return found


def _group(pid: int) -> int:
    try:
        return os.getpgid(pid)
    except ProcessLookupError:
        return -1


def stop_pid(pid: int, signals: Sequence[tuple[int, float]]) -> bool:
    """Send each signal in turn and wait its seconds for the end. True if the process is gone."""
    for number, seconds in signals:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            return True
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if not is_alive(pid):
                return True
            time.sleep(0.02)
    return not is_alive(pid)


def stop_child(child: subprocess.Popen[bytes], signals: Sequence[tuple[int, float]]) -> None:
    """Send each signal in turn to our own child, wait its seconds, and take its exit code."""
    for number, seconds in signals:
        if child.poll() is not None:
            return
        child.send_signal(number)
        try:
            child.wait(seconds)
        except subprocess.TimeoutExpired:
            continue
    child.wait(1)
