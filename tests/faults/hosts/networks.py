"""Hosts on this machine: network namespaces with addresses of their own, joined by a bridge. Needs root and `ip netns`.

The namespace `hub` has the bridge and stands for the machines with database, broker and business systems. A host is cut
off by taking its cable out of the bridge: its link stays up and every packet vanishes, as behind a switch that died.
Nothing outside these namespaces is touched, and they are gone with `close`.
"""

import contextlib
import ctypes
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

CLONE_NEWNET = 0x40000000
NET = "10.213.77"
BRIDGE = "doors"
HUB = f"{NET}.1"
RUN = Path("/run/netns")


def why_not() -> str:
    """Why there can be no hosts here, as a sentence; empty if there can."""
    if os.geteuid() != 0:
        return "Network namespaces need root; three hosts were not tried."
    if shutil.which("ip") is None:
        return "There is no `ip` (Debian: apt-get install iproute2); three hosts were not tried."
    name = f"wc{os.getpid()}-try"
    done = subprocess.run(["ip", "netns", "add", name], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        return f"This machine makes no network namespace ({done.stderr.strip()}); three hosts were not tried."
    ip("netns", "del", name)
    return ""


def ip(*words: str) -> None:
    done = subprocess.run(["ip", *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"ip {' '.join(words)}: {done.stderr}"


class Network:
    """`names` are hosts with the addresses .11, .12 and so on; the hub is .1."""

    def __init__(self, names: tuple[str, ...]) -> None:
        self.names = names
        self.hub = self._full("hub")
        self.made: list[str] = []
        _remove_what_was_left()
        try:
            self._make()
        except BaseException:
            self.close()
            raise

    def _full(self, name: str) -> str:
        return f"wc{os.getpid()}-{name}"

    def _make(self) -> None:
        self._namespace(self.hub)
        ip("-n", self.hub, "link", "add", "name", BRIDGE, "type", "bridge")
        ip("-n", self.hub, "addr", "add", f"{HUB}/24", "dev", BRIDGE)
        ip("-n", self.hub, "link", "set", BRIDGE, "up")
        for n, name in enumerate(self.names, start=11):
            full = self._full(name)
            self._namespace(full)
            ip("-n", self.hub, "link", "add", "name", name, "type", "veth", "peer", "name", "eth0", "netns", full)
            ip("-n", full, "addr", "add", f"{NET}.{n}/24", "dev", "eth0")
            ip("-n", full, "link", "set", "eth0", "up")
            ip("-n", self.hub, "link", "set", name, "up")
            self.heal(name)

    def _namespace(self, full: str) -> None:
        ip("netns", "add", full)
        self.made.append(full)
        ip("-n", full, "link", "set", "lo", "up")

    def cut(self, name: str) -> None:
        """From now on no packet reaches the host, and none comes from it; nobody is told."""
        ip("-n", self.hub, "link", "set", name, "nomaster")

    def heal(self, name: str) -> None:
        ip("-n", self.hub, "link", "set", name, "master", BRIDGE)

    @contextlib.contextmanager
    def inside(self, name: str) -> Iterator[None]:
        """Within this block this thread, and what it starts, is on that host; files stay this machine's."""
        with self._entered(self._full(name)):
            yield

    @contextlib.contextmanager
    def _entered(self, full: str) -> Iterator[None]:
        libc = ctypes.CDLL(None, use_errno=True)
        back, there = os.open("/proc/thread-self/ns/net", os.O_RDONLY), os.open(RUN / full, os.O_RDONLY)
        try:
            assert libc.setns(there, CLONE_NEWNET) == 0, os.strerror(ctypes.get_errno())
            yield
        finally:
            assert libc.setns(back, CLONE_NEWNET) == 0, os.strerror(ctypes.get_errno())
            os.close(back)
            os.close(there)

    def close(self) -> None:
        """The namespaces, with every cable in them, are gone as soon as no process is left on them."""
        for full in self.made:
            subprocess.run(["ip", "netns", "del", full], capture_output=True, check=False)
        self.made = []


def _remove_what_was_left() -> None:
    """Namespaces of a test run that was killed."""
    for path in RUN.glob("wc*-*"):
        number = path.name.removeprefix("wc").partition("-")[0]
        if number.isdecimal() and not Path("/proc", number).exists():
            subprocess.run(["ip", "netns", "del", path.name], capture_output=True, check=False)
