"""A small real HTTP server that does what a test tells it, and remembers what reached it."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Script = Callable[["Handler"], None]


@dataclass(frozen=True)
class Seen:
    """One request as it reached the server: the target is the raw text of the request line."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Scripted:
    """The server: set `script`, read `seen`."""

    port: int = 0
    script: Script = lambda handler: handler.answer(200, {})
    seen: list[Seen] = field(default_factory=list)
    connections: set[tuple[str, int]] = field(default_factory=set)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


class Handler(BaseHTTPRequestHandler):
    """Records the request and hands over to the script."""

    protocol_version = "HTTP/1.1"
    scripted: Scripted

    def handle_one(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.scripted.connections.add(self.client_address)
        self.scripted.seen.append(Seen(self.command, self.path, headers, body))
        try:
            self.scripted.script(self)
        except OSError:
            self.close_connection = True

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = handle_one

    def answer(self, status: int, value: Any = None, headers: dict[str, str] | None = None) -> None:
        """A whole answer; bytes are sent as they are, anything else as JSON."""
        body = value if isinstance(value, bytes) else json.dumps(value).encode()
        self.send_response(status)
        for name, text in ({"Content-Type": "application/json"} | (headers or {})).items():
            self.send_header(name, text)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def cut(self, *, status: int | None = None) -> None:
        """Break the connection: before any answer, or after half of one."""
        if status is not None:
            self.wfile.write(f"HTTP/1.1 {status} X\r\nContent-Length: 100\r\n\r\n".encode() + b'{"id": 1')
            self.wfile.flush()
        self.close_connection = True

    def log_message(self, *_: Any) -> None:
        return


@contextmanager
def running() -> Iterator[Scripted]:
    """The server in a thread, on a free port of this machine."""
    scripted = Scripted()
    handler = type("Bound", (Handler,), {"scripted": scripted})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        server.block_on_close = False
        scripted.port = server.server_port
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        yield scripted
        server.shutdown()
